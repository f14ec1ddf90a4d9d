#include "services/event_matcher/explain_codec.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "matcher/base/status.h"
#include "services/event_matcher/event_codec.h"

namespace cievents::event_matcher {
namespace {

namespace wire = cievents::admin::v1;

wire::Verdict EncodeVerdict(matcher::Verdict verdict) {
  switch (verdict) {
    case matcher::Verdict::kFalse:
      return wire::VERDICT_FALSE;
    case matcher::Verdict::kTrue:
      return wire::VERDICT_TRUE;
    case matcher::Verdict::kUndecided:
      return wire::VERDICT_UNDECIDED;
    case matcher::Verdict::kFailed:
      return wire::VERDICT_FAILED;
  }
  return wire::VERDICT_UNSPECIFIED;
}

wire::EntryOutcome EncodeOutcome(matcher::EntryOutcome outcome) {
  using matcher::EntryOutcome;
  switch (outcome) {
    case EntryOutcome::kDecides:
      return wire::ENTRY_OUTCOME_DECIDES;
    case EntryOutcome::kOtherName:
      return wire::ENTRY_OUTCOME_OTHER_NAME;
    case EntryOutcome::kOutOfScope:
      return wire::ENTRY_OUTCOME_OUT_OF_SCOPE;
    case EntryOutcome::kConfidential:
      return wire::ENTRY_OUTCOME_CONFIDENTIAL;
    case EntryOutcome::kDenied:
      return wire::ENTRY_OUTCOME_DENIED;
    case EntryOutcome::kFailed:
      return wire::ENTRY_OUTCOME_FAILED;
    case EntryOutcome::kNotReached:
      return wire::ENTRY_OUTCOME_NOT_REACHED;
  }
  return wire::ENTRY_OUTCOME_UNSPECIFIED;
}

wire::SubscriptionOutcome EncodeOutcome(matcher::SubscriptionOutcome outcome) {
  using matcher::SubscriptionOutcome;
  switch (outcome) {
    case SubscriptionOutcome::kFires:
      return wire::SUBSCRIPTION_OUTCOME_FIRES;
    case SubscriptionOutcome::kFailedInput:
      return wire::SUBSCRIPTION_OUTCOME_FAILED_INPUT;
    case SubscriptionOutcome::kNoEntry:
      return wire::SUBSCRIPTION_OUTCOME_NO_ENTRY;
    case SubscriptionOutcome::kFailedPayload:
      return wire::SUBSCRIPTION_OUTCOME_FAILED_PAYLOAD;
    case SubscriptionOutcome::kSuspended:
      return wire::SUBSCRIPTION_OUTCOME_SUSPENDED;
    case SubscriptionOutcome::kBeforeCreation:
      return wire::SUBSCRIPTION_OUTCOME_BEFORE_CREATION;
    case SubscriptionOutcome::kFilteredByRules:
      return wire::SUBSCRIPTION_OUTCOME_FILTERED_BY_RULES;
  }
  return wire::SUBSCRIPTION_OUTCOME_UNSPECIFIED;
}

const char* WhenName(matcher::When when) {
  switch (when) {
    case matcher::When::kAlways:
      return "always";
    case matcher::When::kOnSuccess:
      return "on_success";
    case matcher::When::kNever:
      return "never";
  }
  return "";
}

// A whole payload may be an operand: people need its beginning.
std::string Bounded(const std::string& text) {
  if (text.size() <= kOperandValueBytesMax) return text;
  size_t end = kOperandValueBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return fmt::format("{}... ({} bytes)", text.substr(0, end), text.size());
}

void EncodeClause(const matcher::ExplainedClause& clause, wire::ClauseVerdict* message) {
  if (clause.if_text.has_value()) message->set_condition(*clause.if_text);
  for (const std::string& pattern : clause.events) message->add_events(pattern);
  message->set_when(WhenName(clause.when));
  message->set_verdict(EncodeVerdict(clause.verdict));
  message->set_has_undecidable_part(clause.has_undecidable_part);
  for (const matcher::EvaluatedOperand& operand : clause.operands) {
    wire::OperandValue* value = message->add_operands();
    value->set_text(operand.text);
    value->set_value(Bounded(operand.value));
  }
}

void EncodeEntry(const matcher::ExplainedEntry& entry, wire::EntryVerdict* message) {
  message->set_entry(static_cast<int32_t>(entry.entry));
  message->set_line(entry.position.line);
  message->set_column(entry.position.column);
  for (const std::string& pattern : entry.patterns) message->add_patterns(pattern);
  message->set_outcome(EncodeOutcome(entry.outcome));
  message->set_event_name(entry.name);
  for (const matcher::ExplainedClause& clause : entry.clauses) {
    EncodeClause(clause, message->add_clauses());
  }
}

void EncodeList(const matcher::ExplainedRuleList& list, wire::RuleListVerdict* message) {
  message->set_lets_run(list.lets_run);
  for (const matcher::ExplainedClause& clause : list.clauses) {
    EncodeClause(clause, message->add_clauses());
  }
}

// Of many jobs that could not run the first say enough; one that could is the last, and is shown.
void EncodeHoistedRules(const matcher::ExplainedHoistedRules& rules,
                        wire::HoistedRulesVerdict* message) {
  if (rules.workflow.has_value()) EncodeList(*rules.workflow, message->mutable_workflow());
  size_t bytes = 0;
  for (const matcher::ExplainedJob& job : rules.jobs) {
    const bool is_full = message->jobs_size() + 1 >= static_cast<int>(kExplainedJobsMax) ||
                         bytes > kExplainedJobsBytesMax;
    if (is_full && &job != &rules.jobs.back()) continue;
    wire::JobVerdict* one = message->add_jobs();
    one->set_name(job.name);
    one->set_could_run(job.could_run);
    for (const matcher::ExplainedRuleList& list : job.lists) EncodeList(list, one->add_lists());
    bytes += one->ByteSizeLong();
  }
  message->set_jobs_left_out_count(static_cast<int32_t>(rules.jobs.size()) - message->jobs_size());
}

void EncodeSubscription(const matcher::ExplainedSubscription& subscription,
                        wire::SubscriptionVerdict* message) {
  message->set_subscription_id(subscription.subscription_id);
  message->set_project_id(subscription.project_id);
  message->set_path(subscription.path);
  message->set_outcome(EncodeOutcome(subscription.outcome));
  message->set_near_miss(subscription.near_miss);
  message->set_reason(Bounded(subscription.reason));
  message->set_inputs_json(subscription.inputs_json);
  for (const matcher::ExplainedEntry& entry : subscription.entries) {
    EncodeEntry(entry, message->add_entries());
  }
  const matcher::ExplainedHoistedRules& hoisted = subscription.hoisted_rules;
  if (hoisted.workflow.has_value() || !hoisted.jobs.empty()) {
    EncodeHoistedRules(hoisted, message->mutable_hoisted_rules());
  }
}

int RankOf(const matcher::ExplainedSubscription& subscription, int64_t first_subscription_id) {
  using matcher::SubscriptionOutcome;
  if (subscription.subscription_id == first_subscription_id) return 0;
  if (subscription.outcome == SubscriptionOutcome::kFires ||
      subscription.outcome == SubscriptionOutcome::kFailedInput) {
    return 1;
  }
  return subscription.near_miss ? 2 : 3;
}

}  // namespace

absl::StatusOr<Event> DecodeExplainedEvent(events::v1::Event message, int64_t now_ms) {
  if (!message.has_time()) {
    message.mutable_time()->set_seconds(now_ms / 1000);
    message.mutable_time()->set_nanos(static_cast<int32_t>(now_ms % 1000) * 1'000'000);
  }
  return DecodeEvent(message.SerializeAsString());
}

Event EventOf(const store::EventRow& row) {
  Event event;
  event.id = row.event_id;
  event.source = row.source;
  event.names = row.names;
  event.project_id = row.project_id;
  if (row.root_namespace_id != 0) event.namespace_ids.push_back(row.root_namespace_id);
  const bool is_group_event =
      row.identity_kind == static_cast<int16_t>(matcher::EventIdentity::Kind::kGroup);
  if (is_group_event && row.identity_id != row.root_namespace_id) {
    event.namespace_ids.push_back(row.identity_id);
  }
  event.time_ms = row.time_ms;
  event.actor = {row.actor_user_id, row.actor_username, row.actor_access_level, row.actor_bot};
  event.confidential = row.confidential;
  event.subject = row.subject;
  event.data = row.data;
  event.correlation_id = row.correlation_id;
  event.traceparent = row.traceparent;
  return event;
}

void EncodeExplainedEvent(const Event& event, events::v1::Event* message) {
  message->set_id(event.id);
  message->set_source(event.source);
  for (const std::string& name : event.names) message->add_names(name);
  message->set_project_id(event.project_id);
  for (const int64_t id : event.namespace_ids) message->add_namespace_ids(id);
  message->mutable_time()->set_seconds(event.time_ms / 1000);
  message->mutable_time()->set_nanos(static_cast<int32_t>(event.time_ms % 1000) * 1'000'000);
  message->mutable_actor()->set_user_id(event.actor.user_id);
  message->mutable_actor()->set_username(event.actor.username);
  if (event.actor.access_level.has_value()) {
    message->mutable_actor()->set_access_level(*event.actor.access_level);
  }
  message->mutable_actor()->set_bot(event.actor.bot);
  message->set_confidential(event.confidential);
  message->set_subject(event.subject);
  message->set_correlation_id(event.correlation_id);
}

void EncodeExplanation(matcher::Explanation explanation, int limit, int64_t first_subscription_id,
                       wire::ExplainEventResponse* response) {
  auto& all = explanation.subscriptions;
  std::stable_sort(
      all.begin(), all.end(),
      [&](const matcher::ExplainedSubscription& a, const matcher::ExplainedSubscription& b) {
        const int rank_a = RankOf(a, first_subscription_id);
        const int rank_b = RankOf(b, first_subscription_id);
        return std::tie(rank_a, a.subscription_id) < std::tie(rank_b, b.subscription_id);
      });
  size_t bytes = 0;
  for (const matcher::ExplainedSubscription& subscription : all) {
    if (response->verdicts_size() >= limit) break;
    wire::SubscriptionVerdict* message = response->add_verdicts();
    EncodeSubscription(subscription, message);
    bytes += message->ByteSizeLong();
    if (bytes > kVerdictsBytesMax && response->verdicts_size() > 1) {
      response->mutable_verdicts()->RemoveLast();
      break;
    }
  }
  response->set_left_out_count(static_cast<int>(all.size()) - response->verdicts_size());
}

void EncodeRecorded(const store::RecordedDecision& decision, wire::RecordedDecision* message) {
  message->set_subscription_id(decision.request.subscription_id);
  message->set_commit_sha(decision.request.commit_sha);
  message->set_workflow_id(decision.request.workflow_id);
  message->set_current_commit_sha(decision.current_commit_sha);
  message->set_current_workflow_id(decision.current_workflow_id);
  message->set_changed_since(decision.request.workflow_id != decision.current_workflow_id);
}

}  // namespace cievents::event_matcher
