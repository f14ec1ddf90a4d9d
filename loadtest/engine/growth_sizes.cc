// Growth of everything but the number of subscriptions: patterns of a project, regexes of a bucket,
// bytes of a payload, matches of an event.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "loadtest/engine/engine_run.h"
#include "loadtest/engine/sections.h"
#include "loadtest/workloads/conditions.h"
#include "loadtest/workloads/identity.h"

namespace cievents::loadtest {
namespace {

using matcher::ProjectSubscriptions;
using matcher::ScopeKind;

constexpr int kRounds = 5;
constexpr double kWindowSeconds = 0.06;

// A contestant that runs the engine over a pool and checks the total.
Contestant EngineOver(EngineRun* engine, const EventPool* pool, uint64_t matches) {
  return {"engine", static_cast<int64_t>(pool->size()), [engine, pool, matches] {
            CheckTotal("growth", engine->Batches(pool->views()).count, matches);
          }};
}

// `count` is what the baseline's tally must say.
Contestant BaselineOver(Baseline* baseline, const EventPool* pool, uint64_t count) {
  return {"baseline", static_cast<int64_t>(pool->size()), [baseline, pool, count] {
            CheckTotal("growth, baseline", baseline->Run(pool->views()).count, count);
          }};
}

void AddPoints(double x, const std::vector<Figure>& figures, size_t first_line, Series* series) {
  for (size_t i = 0; i < figures.size(); ++i) {
    series->lines[first_line + i].points.push_back({x, 1e9 / figures[i].median});
  }
}

EventPool::Draft BareEvent(std::string name, int64_t project_number, std::string payload) {
  EventPool::Draft event;
  event.name = std::move(name);
  event.project_id = ProjectId(project_number);
  event.namespace_ids = {NamespaceId(1000)};
  event.time_ms = kEventsBeginMs;
  event.document = std::move(payload);
  event.payload = event.document;
  return event;
}

// ---- Patterns of a project
// -------------------------------------------------------------------------

constexpr int64_t kPatternProjects = 50;

std::vector<ProjectSubscriptions> MakePatternSets(int64_t subscriptions, int64_t patterns) {
  std::vector<ProjectSubscriptions> sets;
  for (int64_t p = 0; p < kPatternProjects; ++p) {
    ProjectSubscriptions set = MakeProject(p, {NamespaceId(p % 10)});
    for (int64_t s = 0; s < subscriptions; ++s) {
      SubscriptionDraft draft{ParsePattern(fmt::format("custom/n{}", s * patterns)), {}, ""};
      set.subscriptions.push_back(MakeSubscription(p * subscriptions + s, s, draft));
      matcher::Entry& entry = set.subscriptions.back().entries.front();
      for (int64_t n = 1; n < patterns; ++n) {
        entry.patterns.push_back(ParsePattern(fmt::format("custom/n{}", s * patterns + n)));
      }
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

EventPool MakePatternEvents(int64_t names, std::string_view prefix) {
  EventPool pool;
  for (int64_t j = 0; j < kEventsPerPass; ++j) {
    pool.Add(BareEvent(fmt::format("{}{}", prefix, 7919 * j % names), j % kPatternProjects, "{}"));
  }
  pool.Finish();
  return pool;
}

// ---- Payload
// ---------------------------------------------------------------------------------------

enum class Place { kEarly, kMiddle, kLate, kAbsent };

std::string MakePayload(size_t bytes, Place place, int64_t number) {
  static constexpr std::string_view kTarget = "\"target\":{\"id\":1,\"state\":\"yes\"},";
  const size_t wanted = bytes > kTarget.size() + 16 ? bytes - kTarget.size() - 16 : 1;
  const size_t target_at = place == Place::kEarly    ? 0
                           : place == Place::kMiddle ? wanted / 2
                                                     : wanted;
  std::string text = "{";
  bool placed = place == Place::kAbsent;
  for (int64_t key = 0; text.size() < wanted || !placed; ++key) {
    if (!placed && text.size() >= target_at) {
      text += kTarget;
      placed = true;
      continue;
    }
    text += fmt::format(
        "\"key_{}\":{{\"id\":{},\"title\":\"Text with \\\"quotes\\\" and {{braces}}\","
        "\"labels\":[\"a\",\"b\",{}],\"open\":true,\"weight\":1.5,\"parent\":null}},",
        key, number * 1000 + key, key);
  }
  text.back() = '}';
  return text;
}

EventPool MakePayloadEvents(size_t bytes, Place place) {
  EventPool pool;
  // A megabyte in all, as far as possible: an event that has just come is in the core's cache.
  const size_t count = std::clamp<size_t>((1 << 20) / bytes, 4, 512);
  for (size_t j = 0; j < count; ++j) {
    pool.Add(BareEvent("package/published", 1, MakePayload(bytes, place, static_cast<int64_t>(j))));
  }
  pool.Finish();
  return pool;
}

// ---- Matches of an event
// ---------------------------------------------------------------------------

std::string FanOutName(int64_t matches) { return fmt::format("custom/fan{}", matches); }

}  // namespace

void MeasureGrowthOfPatterns(const Options& options, Report* report) {
  Series series{"engine.growth.patterns",
                "Cost of an event while a project's patterns grow",
                "patterns of the project (its subscriptions x patterns of each)",
                "ns of CPU an event",
                {{"one matches", 0, false, true, {}},
                 {"none matches", 0, false, true, {}},
                 {"flat hash, one matches", 0, true, true, {}}},
                {"Up to 200 each subscription has one pattern; from there 200 subscriptions have 1 "
                 "to 50 each.",
                 "From 400 on what an event touches leaves the caches, as the baseline's does, "
                 "since names and subscriptions of all projects grow along. Measured with one "
                 "pattern a subscription: 156, 275, 310, 420, 561 ns at 400, 1k, 2k, 5k, 10k. "
                 "Several patterns a subscription cost up to 150 ns more: it may come by each."}};
  const std::pair<int64_t, int64_t> sizes[] = {{1, 1},    {2, 1},    {5, 1},   {10, 1},  {20, 1},
                                               {50, 1},   {100, 1},  {200, 1}, {200, 2}, {200, 5},
                                               {200, 10}, {200, 25}, {200, 50}};
  for (const auto& [subscriptions, patterns] : sizes) {
    const int64_t names = subscriptions * patterns;
    if (options.quick() && names > 400) break;
    const std::vector<ProjectSubscriptions> sets = MakePatternSets(subscriptions, patterns);
    matcher::Index index;
    Load(sets, &index);
    FlatHash hash(sets);
    const EventPool hits = MakePatternEvents(names, "custom/n");
    const EventPool misses = MakePatternEvents(names, "custom/unknown");
    EngineRun engine(index);
    AddPoints(static_cast<double>(names),
              MeasureInterleaved(
                  {EngineOver(&engine, &hits, kEventsPerPass), EngineOver(&engine, &misses, 0),
                   BaselineOver(&hash, &hits, kEventsPerPass)},
                  options.MakeSchedule(kRounds, kWindowSeconds)),
              0, &series);
  }
  report->AddGrowth(std::move(series));
}

void MeasureGrowthOfRegexes(const Options& options, Report* report) {
  Series series{"engine.growth.regexes",
                "Cost of an event while the regexes of a bucket grow (S4r)",
                "regexes of the bucket",
                "ns of CPU an event",
                {{"engine", 0, false, true, {}}, {"RE2::Set alone", 0, true, true, {}}},
                {}};
  for (const int64_t count : {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10'000}) {
    if (options.quick() && count > 200) break;
    Workload workload = MakeS4Regex("growth.regexes", count);
    matcher::Index index;
    Load(workload.sets, &index);
    std::vector<std::string> patterns;
    for (int64_t i = 0; i < count; ++i) {
      patterns.push_back(fmt::format("refs/tags/v{}\\.[0-9]+-rc[0-9]+", i));
    }
    const std::unique_ptr<Baseline> set =
        MakeRegexSet(patterns, RegexAnchor::kBoth, workload.events);
    EngineRun engine(index);
    AddPoints(
        static_cast<double>(count),
        MeasureInterleaved({EngineOver(&engine, &workload.events, workload.matches_a_pass),
                            BaselineOver(set.get(), &workload.events, workload.matches_a_pass)},
                           options.MakeSchedule(kRounds, kWindowSeconds)),
        0, &series);
  }
  report->AddGrowth(std::move(series));
}

void MeasureGrowthOfPayload(const Options& options, Report* report) {
  Series series{"engine.growth.payload",
                "Cost of an event while its payload grows",
                "bytes of the payload",
                "ns of CPU an event",
                {{"path early", 0, false, true, {}},
                 {"path in the middle", 1, false, true, {}},
                 {"path late", 1, false, true, {}},
                 {"path absent", 1, false, true, {}},
                 {"memcpy + simdjson, late", 1, true, true, {}}},
                {"One condition asks for one path; the baseline copies the payload and looks the "
                 "path up on demand."}};
  const std::vector<SubscriptionDraft> drafts = {{ParsePattern("package/published"),
                                                  {ScopeKind::kInstance, 0},
                                                  "$[[ event.payload.target.state ]] == \"yes\""}};
  matcher::Index index;
  Load(DealOut(drafts, 0), &index);
  EngineRun engine(index);
  const std::unique_ptr<Baseline> lookup = MakePayloadLookup("target.state");
  for (const size_t bytes :
       {500, 1000, 2000, 5000, 10'000, 20'000, 50'000, 100'000, 200'000, 500'000, 1'000'000}) {
    if (options.quick() && bytes > 20'000) break;
    const EventPool early = MakePayloadEvents(bytes, Place::kEarly);
    const EventPool middle = MakePayloadEvents(bytes, Place::kMiddle);
    const EventPool late = MakePayloadEvents(bytes, Place::kLate);
    const EventPool absent = MakePayloadEvents(bytes, Place::kAbsent);
    AddPoints(
        static_cast<double>(bytes),
        MeasureInterleaved(
            {EngineOver(&engine, &early, early.size()), EngineOver(&engine, &middle, middle.size()),
             EngineOver(&engine, &late, late.size()), EngineOver(&engine, &absent, 0),
             BaselineOver(lookup.get(), &late, late.size())},
            options.MakeSchedule(kRounds, kWindowSeconds)),
        0, &series);
  }
  report->AddGrowth(std::move(series));
}

void MeasureGrowthOfMatches(const Options& options, Report* report) {
  Series series{"engine.growth.matches",
                "Cost of an event while its matches grow",
                "matches of the event",
                "ns of CPU an event",
                {{"engine", 1, false, true, {}}, {"flat hash", 1, true, true, {}}},
                {"What is done with a match here is to add its id to a sum."}};
  std::vector<int64_t> sizes = {0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10'000, 30'000, 100'000};
  if (options.quick()) sizes.resize(7);
  std::vector<SubscriptionDraft> drafts;
  for (const int64_t size : sizes) {
    for (int64_t i = 0; i < size; ++i) {
      drafts.push_back({ParsePattern(FanOutName(size)), {ScopeKind::kInstance, 0}, ""});
    }
  }
  const std::vector<ProjectSubscriptions> sets = DealOut(drafts, 10);
  matcher::Index index;
  Load(sets, &index);
  FlatHash hash(sets);
  EngineRun engine(index);
  for (const int64_t size : sizes) {
    EventPool pool;
    const int64_t events = std::clamp<int64_t>(100'000 / (size + 1), 32, 4096);
    for (int64_t j = 0; j < events; ++j) pool.Add(BareEvent(FanOutName(size), 1, "{}"));
    pool.Finish();
    AddPoints(static_cast<double>(size),
              MeasureInterleaved({EngineOver(&engine, &pool, static_cast<uint64_t>(events * size)),
                                  BaselineOver(&hash, &pool, static_cast<uint64_t>(events * size))},
                                 options.MakeSchedule(kRounds, kWindowSeconds)),
              0, &series);
  }
  report->AddGrowth(std::move(series));
}

}  // namespace cievents::loadtest
