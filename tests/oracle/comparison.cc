#include "tests/oracle/comparison.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "matcher/index/index.h"
#include "tests/oracle/answers.h"
#include "tests/oracle/random_world.h"

namespace cievents::oracle {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kStatesAWorld = 12;
constexpr size_t kEventsAState = 100;
constexpr size_t kEventsALargeState = 24;

class Run {
 public:
  explicit Run(const OracleOptions& options) : options_(options), begin_(Clock::now()) {}

  OracleResult Go() {
    for (int64_t world = options_.world.value_or(0); !IsOver(); ++world) {
      RunWorld(world);
      ++result_.worlds;
      if (options_.world.has_value()) break;
    }
    Progress();
    return result_;
  }

 private:
  double Seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }
  bool IsOver() const {
    return !result_.difference.empty() || result_.pairs >= options_.pairs_max ||
           (options_.seconds_max > 0 && Seconds() >= static_cast<double>(options_.seconds_max));
  }

  void Progress() {
    if (!options_.prints_progress) return;
    fmt::print(
        "{:.0f} s: {} pairs, {} worlds, {} matches, {} failed inputs, {} failed payloads, "
        "{} suspended, {} filtered\n",
        Seconds(), result_.pairs, result_.worlds, result_.matches, result_.failed_inputs,
        result_.failed_payloads, result_.suspended, result_.filtered);
    std::fflush(stdout);
  }

  void RunWorld(int64_t number) {
    // Worlds of one seed do not overlap with those of the next.
    RandomWorld world(options_.seed * 1'000'003 + static_cast<uint64_t>(number));
    matcher::Matcher matcher(world.index());
    for (int state = 0; state < kStatesAWorld && !IsOver(); ++state) {
      if (state > 0) world.ChangeSomething();
      if (!world.complaint().empty()) {
        Report(number, state, world.complaint());
        return;
      }
      RunState(number, state, &world, &matcher);
      if (result_.pairs >= next_progress_) {
        next_progress_ += 500'000;
        Progress();
      }
    }
  }

  void RunState(int64_t number, int state, RandomWorld* world, matcher::Matcher* matcher) {
    const size_t count = world->firings().size() > 100 ? kEventsALargeState : kEventsAState;
    const auto failed = world->is_large() ? FailedPayloads::kAtMost : FailedPayloads::kEqual;
    std::vector<NaiveEvent> events;
    for (size_t i = 0; i < count; ++i) events.push_back(world->DrawEvent());
    const bool in_batches = world->random().OneIn(4);
    const bool explained = world->random().OneIn(8);
    std::vector<Answer> naive;
    for (const NaiveEvent& event : events) {
      naive.push_back(NaiveAnswer(world->firings(), event));
      const Answer& expected = naive.back();
      const Answer actual = IndexAnswer(matcher, event);
      Count(expected);
      if (!IsSame(actual, expected, failed)) {
        ReportAnswers(number, state, *world, event, "MatchEvent", actual, expected);
        return;
      }
      if (!explained) continue;
      for (const int64_t project_id : {int64_t{0}, world->random().Between(1, kProjectsMax)}) {
        const std::string complaint = CompareExplain(matcher, event, project_id, world->firings());
        if (complaint.empty()) continue;
        Report(number, state, complaint + "\n" + Show(event) + ShowNamed(*world, complaint));
        return;
      }
    }
    if (!in_batches) return;
    const std::vector<Answer> batch = BatchAnswers(matcher, events);
    for (size_t i = 0; i < events.size(); ++i) {
      if (IsSame(batch[i], naive[i], failed)) continue;
      ReportAnswers(number, state, *world, events[i], "MatchBatch", batch[i], naive[i]);
      return;
    }
  }

  void Count(const Answer& answer) {
    ++result_.pairs;
    result_.matches += static_cast<int64_t>(answer.fired.size());
    for (const auto& [id, fired] : answer.fired) result_.failed_inputs += fired.failed_input;
    result_.failed_payloads += answer.failed_payload;
    result_.suspended += answer.suspended;
    result_.filtered += answer.filtered;
  }

  void Report(int64_t number, int state, const std::string& what) {
    result_.difference = fmt::format(
        "DIFFERENCE after {} pairs, {:.1f} s: world {}, state {}\n{}\n"
        "repeat: build/release/tests/oracle/oracle --seed={} --world={}\n",
        result_.pairs, Seconds(), number, state, what, options_.seed, number);
  }

  // The subscriptions whose ids `text` names, all of them printed.
  static std::string ShowNamed(const RandomWorld& world, const std::string& text) {
    std::string shown;
    for (const auto& [id, firing] : world.firings()) {
      if (text.find(fmt::format(" {},", id)) != std::string::npos ||
          text.find(fmt::format(" {}:", id)) != std::string::npos) {
        shown += Show(firing.subscription());
      }
    }
    return shown;
  }

  // The smallest catalogue that shows it: one subscription after the other alone, else the world.
  void ReportAnswers(int64_t number, int state, const RandomWorld& world, const NaiveEvent& event,
                     const std::string& way, const Answer& actual, const Answer& expected) {
    for (const auto& [id, firing] : world.firings()) {
      const NaiveSubscription& one = firing.subscription();
      matcher::Index index;
      const std::vector<matcher::UnusableSubscription> unusable =
          index.ReplaceProject(Translate(one.project_id, one.namespace_ids, {one}));
      matcher::Matcher alone(index);
      const Answer actual_alone = IndexAnswer(&alone, event);
      const Answer expected_alone = NaiveAnswer({{id, firing}}, event);
      if (IsSame(actual_alone, expected_alone, FailedPayloads::kEqual)) continue;
      Report(number, state,
             fmt::format("{} with one subscription alone ({} unusable)\n{}{}index: {}\nnaive: {}",
                         way, unusable.size(), Show(event), Show(one), Show(actual_alone, id),
                         Show(expected_alone, id)));
      return;
    }
    const int64_t id = FirstDifference(actual, expected);
    const auto firing = world.firings().find(id);
    Report(
        number, state,
        fmt::format("{} with {} subscriptions, with none of them alone\n{}{}index: {}\nnaive: {}",
                    way, world.firings().size(), Show(event),
                    firing == world.firings().end() ? "" : Show(firing->second.subscription()),
                    Show(actual, id), Show(expected, id)));
  }

  const OracleOptions options_;
  const Clock::time_point begin_;
  int64_t next_progress_ = 500'000;
  OracleResult result_;
};

}  // namespace

OracleResult RunOracle(const OracleOptions& options) { return Run(options).Go(); }

}  // namespace cievents::oracle
