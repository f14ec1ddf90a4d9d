#include "tests/faults/expectation.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace cievents::faults {
namespace {

bool OnlyOwnProject(const oracle::NaiveSubscription& subscription) {
  return std::all_of(
      subscription.entries.begin(), subscription.entries.end(),
      [](const oracle::NaiveEntry& entry) { return entry.scope == oracle::NaiveScope::kProject; });
}

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
                         std::vector<Outage> outages, const Limits& limits)
    : pushes_(std::move(pushes)), outages_(std::move(outages)), limits_(limits) {
  for (const Project& project : projects) {
    std::vector<const AppliedPush*> own;
    for (const AppliedPush& push : pushes_) {
      if (push.project_id == project.project_id) own.push_back(&push);
    }
    if (project.kind == ProjectKind::kStable) {
      for (const AppliedPush* push : own) {
        for (Firing& firing : Read(push->subscriptions)) stable_.push_back(std::move(firing));
      }
    } else {
      AddSpans(project.kind, own);
    }
  }
}

std::vector<Expectation::Firing> Expectation::Read(
    const std::vector<oracle::NaiveSubscription>& subscriptions) {
  std::vector<Firing> firings;
  for (const oracle::NaiveSubscription& subscription : subscriptions) {
    firings.push_back({oracle::NaiveFiring(subscription),
                       OnlyOwnProject(subscription) ? subscription.project_id : 0});
  }
  return firings;
}

std::vector<oracle::NaiveMatch> Expectation::Matches(const std::vector<Firing>& firings,
                                                     Alike* alike) {
  std::vector<oracle::NaiveMatch> matches;
  for (const Firing& firing : firings) {
    if (firing.only_project_id != 0 && firing.only_project_id != alike->event.project_id) {
      continue;
    }
    oracle::NaiveMatch match;
    if (firing.firing.Try(&alike->reading, {}, &match) == oracle::NaiveOutcome::kFires) {
      matches.push_back(match);
    }
  }
  return matches;
}

TimePoint Expectation::MustBeLive(TimePoint answered) const {
  TimePoint live = answered + limits_.live_max;
  // In the order of time, so that a later outage sees what an earlier one postponed.
  for (const Outage& outage : outages_) {
    if (outage.end >= answered && outage.begin <= live)
      live = std::max(live, outage.end + limits_.live_max);
  }
  return live;
}

void Expectation::AddSpans(ProjectKind kind, const std::vector<const AppliedPush*>& pushes) {
  for (const AppliedPush* push : pushes) firings_[push] = Read(push->subscriptions);
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

Expectation::Alike::Alike(const oracle::NaiveEvent& of) : event(of), reading(event) {}

Expectation::Alike& Expectation::AlikeTo(const oracle::NaiveEvent& event) {
  std::unique_ptr<Alike>& alike =
      alike_[Shape(event.names, event.project_id, event.namespace_ids, event.confidential)];
  if (alike == nullptr) {
    alike = std::make_unique<Alike>(event);
    alike->stable = Matches(stable_, alike.get());
    alike->stable_ids = Ids(alike->stable);
  }
  return *alike;
}

const std::set<int64_t>& Expectation::MatchesOf(const AppliedPush& push, Alike* alike) {
  const auto firings = firings_.find(&push);
  if (firings == firings_.end()) return none_;
  const auto [at, is_new] = alike->pushes.try_emplace(&push);
  if (is_new) at->second = Ids(Matches(firings->second, alike));
  return at->second;
}

Expectation::Bounds Expectation::Match(Alike* alike, TimePoint begin, TimePoint end) {
  Bounds bounds;
  bounds.must = bounds.may = alike->stable_ids;
  for (const auto& [project_id, spans] : moving_) {
    std::optional<std::set<int64_t>> all;
    for (const Span& span : spans) {
      if (span.begin > end || span.end < begin) continue;
      const std::set<int64_t>& ids = MatchesOf(*span.push, alike);
      all = all.has_value() ? Common(*all, ids) : ids;
      bounds.may.insert(ids.begin(), ids.end());
    }
    if (all.has_value()) bounds.must.insert(all->begin(), all->end());
  }
  return bounds;
}

ExpectedEvent Expectation::Expect(const SentEvent& sent) {
  ExpectedEvent expected;
  Alike& alike = AlikeTo(sent.event);
  for (const Delivery& delivery : sent.deliveries) {
    const bool answered = delivery.answer != Delivery::Answer::kUnanswered;
    TimePoint end = delivery.ended;
    if (!answered) end += limits_.unanswered_max;
    if (delivery.matched_later) end = TimePoint::max();
    const Bounds bounds = Match(&alike, delivery.sent, end);
    expected.may.insert(bounds.may.begin(), bounds.may.end());
    if (delivery.answer != Delivery::Answer::kAcknowledged) continue;
    expected.acknowledged = true;
    expected.must.insert(bounds.must.begin(), bounds.must.end());
    if (delivery.matched_later) continue;
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
  for (const oracle::NaiveMatch& match : AlikeTo(event).stable) {
    decisions[match.subscription_id] = {static_cast<int>(match.entry), event.names[match.name]};
  }
  return decisions;
}

}  // namespace cievents::faults
