// What makes generated subscriptions as varied as real ones: ids, commits, owners, times. All of it
// is computed from a number, so that every run has the same.
#ifndef LOADTEST_WORKLOADS_IDENTITY_H_
#define LOADTEST_WORKLOADS_IDENTITY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/subscription.h"

namespace cievents::loadtest {

// When the generated events begin; subscriptions are older.
inline constexpr int64_t kEventsBeginMs = 1'788'220'800'000;  // 2026-09-01T00:00:00Z

// Ids of project `number` 0, 1, ...: not dense, as on a server where most projects do not
// subscribe.
int64_t ProjectId(int64_t number);
int64_t NamespaceId(int64_t number);

// 40 hex digits, another for each (project, version).
std::string CommitSha(int64_t project_number, int64_t version);

// 64 hex digits, equal for equal text.
std::string WorkflowId(std::string_view content);

// What the generators say of a subscription; the rest follows from its number.
struct SubscriptionDraft {
  matcher::Pattern pattern;
  matcher::Scope scope;
  std::string if_text;  // empty = fires for every match of the pattern
};

// `number` counts over the whole workload (id = number + 1); `place` within the project: the first
// is `.gitlab-ci.yml`, further ones are files of the events folder.
matcher::Subscription MakeSubscription(int64_t number, int64_t place,
                                       const SubscriptionDraft& draft);

// A project without subscriptions yet.
matcher::ProjectSubscriptions MakeProject(int64_t number, std::vector<int64_t> namespace_ids);

// Deals subscriptions out to projects of 200, the most that one project may have.
// Their project numbers begin at `first_project_number`.
std::vector<matcher::ProjectSubscriptions> DealOut(const std::vector<SubscriptionDraft>& drafts,
                                                   int64_t first_project_number);

// Ends the process with the message if `text` is no pattern: a mistake in a generator.
matcher::Pattern ParsePattern(std::string_view text);

}  // namespace cievents::loadtest

#endif  // LOADTEST_WORKLOADS_IDENTITY_H_
