#include "tests/fault/expectation.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace cievents::fault {
namespace {

constexpr std::chrono::seconds kLiveMax{2};
// A call that its client gave up may be worked on for so long.
constexpr std::chrono::seconds kUnansweredMax{5};

std::set<int64_t> Ids(const std::vector<oracle::NaiveMatch>& matches) {
  std::set<int64_t> ids;
  for (const oracle::NaiveMatch& match : matches) ids.insert(match.subscription_id);
  return ids;
}

std::set<int64_t> Common(const std::set<int64_t>& a, const std::set<int64_t>& b) {
  std::set<int64_t> common;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(),
                        std::inserter(common, common.end()));
  return common;
}

}  // namespace

Expectation::Expectation(const std::vector<Project>& projects, std::vector<AppliedPush> pushes,
                         std::vector<Outage> outages)
    : pushes_(std::move(pushes)), outages_(std::move(outages)) {
  for (const Project& project : projects) {
    std::vector<const AppliedPush*> own;
    for (const AppliedPush& push : pushes_) {
      if (push.project_id == project.project_id) own.push_back(&push);
    }
    if (project.kind == ProjectKind::kStable) {
      for (const AppliedPush* push : own) {
        stable_.insert(stable_.end(), push->subscriptions.begin(), push->subscriptions.end());
      }
    } else {
      AddSpans(project.kind, own);
    }
  }
}

TimePoint Expectation::MustBeLive(TimePoint answered) const {
  TimePoint live = answered + kLiveMax;
  // In the order of time, so that a later outage sees what an earlier one postponed.
  for (const Outage& outage : outages_) {
    if (outage.end >= answered && outage.begin <= live)
      live = std::max(live, outage.end + kLiveMax);
  }
  return live;
}

void Expectation::AddSpans(ProjectKind kind, const std::vector<const AppliedPush*>& pushes) {
  for (size_t i = 0; i < pushes.size(); ++i) {
    std::vector<Span>& spans = moving_[pushes[i]->project_id];
    if (kind == ProjectKind::kProbe && i == 0) {
      spans.push_back({TimePoint::min(), MustBeLive(pushes[i]->answered), &nothing_});
    }
    Span span;
    span.begin = spans.empty() ? TimePoint::min() : pushes[i]->sent;
    span.end = i + 1 == pushes.size() ? TimePoint::max() : MustBeLive(pushes[i + 1]->answered);
    span.push = pushes[i];
    spans.push_back(span);
  }
}

const std::vector<oracle::NaiveMatch>& Expectation::StableMatches(const oracle::NaiveEvent& event) {
  const Shape shape(event.names, event.project_id, event.namespace_ids, event.confidential);
  const auto known = stable_matches_.find(shape);
  if (known != stable_matches_.end()) return known->second;
  return stable_matches_[shape] = oracle::NaiveMatches(stable_, event);
}

const std::set<int64_t>& Expectation::MatchesOf(const AppliedPush& push,
                                                const oracle::NaiveEvent& event) {
  const Shape shape(event.names, event.project_id, event.namespace_ids, event.confidential);
  const auto [at, is_new] = push_matches_.try_emplace({&push, shape});
  if (is_new) at->second = Ids(oracle::NaiveMatches(push.subscriptions, event));
  return at->second;
}

Expectation::Bounds Expectation::Match(const oracle::NaiveEvent& event, TimePoint begin,
                                       TimePoint end) {
  Bounds bounds;
  bounds.must = bounds.may = Ids(StableMatches(event));
  for (const auto& [project_id, spans] : moving_) {
    std::optional<std::set<int64_t>> all;
    for (const Span& span : spans) {
      if (span.begin > end || span.end < begin) continue;
      const std::set<int64_t>& ids = MatchesOf(*span.push, event);
      all = all.has_value() ? Common(*all, ids) : ids;
      bounds.may.insert(ids.begin(), ids.end());
    }
    if (all.has_value()) bounds.must.insert(all->begin(), all->end());
  }
  return bounds;
}

ExpectedEvent Expectation::Expect(const SentEvent& sent) {
  ExpectedEvent expected;
  for (const Delivery& delivery : sent.deliveries) {
    const bool answered = delivery.answer != Delivery::Answer::kUnanswered;
    const Bounds bounds = Match(sent.event, delivery.sent,
                                answered ? delivery.ended : delivery.ended + kUnansweredMax);
    expected.may.insert(bounds.may.begin(), bounds.may.end());
    if (delivery.answer != Delivery::Answer::kAcknowledged) continue;
    expected.acknowledged = true;
    expected.must.insert(bounds.must.begin(), bounds.must.end());
    const auto count = static_cast<size_t>(delivery.matched_count);
    if (count < bounds.must.size() || count > bounds.may.size()) {
      expected.wrong_count =
          fmt::format("event {} is said to match {}, it is {} to {}", sent.event_id,
                      delivery.matched_count, bounds.must.size(), bounds.may.size());
    }
  }
  return expected;
}

std::map<int64_t, Decision> Expectation::StableDecisions(const oracle::NaiveEvent& event) {
  std::map<int64_t, Decision> decisions;
  for (const oracle::NaiveMatch& match : StableMatches(event)) {
    decisions[match.subscription_id] = {static_cast<int>(match.entry), event.names[match.name]};
  }
  return decisions;
}

}  // namespace cievents::fault
