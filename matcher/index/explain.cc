#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "matcher/index/matcher_state.h"

namespace cievents::matcher {
namespace {

// True if some entry was held back by one thing alone: a single clause that is false, the place
// where the event happened, or its confidentiality.
bool MissesByOne(const std::vector<ExplainedEntry>& entries) {
  return std::any_of(entries.begin(), entries.end(),
                     [](const ExplainedEntry& entry) { return entry.obstacles == 1; });
}

// The same of the CI file's rules, for an event that an entry has let through.
bool MissesByOne(const ExplainedHoistedRules& rules) {
  if (rules.workflow.has_value() && !rules.workflow->lets_run) {
    return rules.workflow->obstacles == 1;
  }
  return std::any_of(rules.jobs.begin(), rules.jobs.end(), [](const ExplainedJob& job) {
    int obstacles = 0;
    for (const ExplainedRuleList& list : job.lists) obstacles += list.obstacles;
    return obstacles == 1;
  });
}

// Why the clause that an entry stopped at could not be evaluated, in the words of the first operand
// that says so.
std::string FailureOf(const ExplainedEntry& entry) {
  constexpr std::string_view kFailed = "failed: ";
  if (entry.clauses.empty()) return {};
  for (const EvaluatedOperand& operand : entry.clauses.back().operands) {
    if (operand.value.starts_with(kFailed)) return operand.value.substr(kFailed.size());
  }
  return {};
}

ExplainedSubscription ExplainOne(const ProjectSet& set, int64_t project_id, uint32_t subscription,
                                 EventContext context) {
  const Definition& definition = set.definition(subscription);
  const SubscriptionNumbers numbers = set.numbers(subscription);
  ExplainedSubscription explained;
  explained.subscription_id = numbers.subscription_id;
  explained.project_id = project_id;
  explained.path = definition.path;
  if (!definition.unusable.empty()) {
    explained.reason = definition.unusable;
    return explained;
  }
  const Subscriber subscriber{explained.project_id, set.context().parent_group_id()};
  DecisionTrace trace;
  const Decision decision = Decide(definition, subscriber, context, &trace);
  explained.entries = std::move(trace.entries);
  explained.hoisted_rules = std::move(trace.hoisted_rules);
  if (decision.kind == Decision::Kind::kFailed) {
    explained.outcome = SubscriptionOutcome::kFailedPayload;
    explained.reason = FailureOf(explained.entries[decision.entry]);
  }
  if (decision.kind == Decision::Kind::kFiltered) {
    const std::optional<ExplainedRuleList>& workflow = explained.hoisted_rules.workflow;
    explained.outcome = SubscriptionOutcome::kFilteredByRules;
    explained.reason = workflow.has_value() && !workflow->lets_run
                           ? "no rule of `workflow` lets the event through"
                           : "no job could run";
    explained.near_miss = MissesByOne(explained.hoisted_rules);
  }
  if (decision.kind == Decision::Kind::kNone) explained.near_miss = MissesByOne(explained.entries);
  if (decision.kind != Decision::Kind::kFires) return explained;
  if (IsBeforeCreation(*context.event, numbers.created_time_ms)) {
    explained.outcome = SubscriptionOutcome::kBeforeCreation;
    explained.near_miss = true;
    return explained;
  }
  if (numbers.suspended) {
    explained.outcome = SubscriptionOutcome::kSuspended;
    explained.near_miss = true;
    return explained;
  }
  context.fields->SetName(decision.name);
  const InputPlan& inputs = *definition.entries[decision.entry].inputs;
  const bool fits = inputs.Resolve(*context.fields, &explained.inputs_json, &explained.reason);
  explained.outcome = fits ? SubscriptionOutcome::kFires : SubscriptionOutcome::kFailedInput;
  return explained;
}

// Calls visit(set, project_id, subscription) for each posting.
template <typename Visit>
class EachSubscription {
 public:
  EachSubscription(Epoch epoch, int64_t event_project_id, const Visit& visit)
      : epoch_(epoch), event_project_id_(event_project_id), visit_(visit) {}

  void Own(const ProjectSet& set, const OwnPosting& posting, uint32_t /*name*/) {
    visit_(set, event_project_id_, posting.subscription);
  }
  void Shared(std::span<const SharedPosting> postings, uint32_t /*name*/, Certainty /*certainty*/) {
    for (const SharedPosting& one : postings) {
      if (!one.set->VisibleAt(epoch_)) continue;
      visit_(one.set->set(), one.set->project_id, one.subscription);
    }
  }

 private:
  const Epoch epoch_;
  const int64_t event_project_id_;
  const Visit& visit_;
};

}  // namespace

Explanation Matcher::Explain(const EventView& event, int64_t project_id) {
  State& state = *state_;
  const State::Pin pin(state);
  State::Prepared prepared;
  state.Prepare(pin, {&event, 1}, {&prepared, 1});
  state.FieldsOf(prepared).Reset(event);
  const EventContext context = state.StartEvent(pin, event, prepared);
  Explanation explanation;
  if (project_id != 0) {
    const ProjectSet* const set = pin.tables.FindProject(project_id, pin.epoch);
    for (uint32_t i = 0; set != nullptr && i < set->subscriptions(); ++i) {
      explanation.subscriptions.push_back(ExplainOne(*set, project_id, i, context));
    }
  } else {
    state.seen.clear();
    const auto explain = [&](const ProjectSet& set, int64_t project, uint32_t subscription) {
      if (!state.seen.emplace(&set, subscription).second) return;
      explanation.subscriptions.push_back(ExplainOne(set, project, subscription, context));
    };
    state.ForEachPosting(prepared, nullptr, EachSubscription(pin.epoch, event.project_id, explain));
    state.seen.clear();
  }
  std::sort(explanation.subscriptions.begin(), explanation.subscriptions.end(),
            [](const ExplainedSubscription& a, const ExplainedSubscription& b) {
              return a.subscription_id < b.subscription_id;
            });
  return explanation;
}

}  // namespace cievents::matcher
