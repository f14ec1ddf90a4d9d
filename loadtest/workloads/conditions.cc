#include "loadtest/workloads/conditions.h"

#include <fmt/format.h>

#include <functional>
#include <utility>

#include "loadtest/workloads/documents.h"
#include "loadtest/workloads/identity.h"

namespace cievents::loadtest {
namespace {

constexpr int64_t kEventProject = 0;
constexpr int64_t kFirstSubscriberProject = 1;
constexpr const char* kName = "package/published";

// `if_text` of subscription i; `fill` writes the payload's part for the value v in 0..2n-1, of
// which subscription v exists for v < n.
Workload MakeBucket(std::string id, int64_t subscriptions,
                    const std::function<std::string(int64_t i)>& if_text,
                    const std::function<void(int64_t v, DocumentDraft*)>& fill) {
  Workload workload;
  workload.id = std::move(id);
  const matcher::Scope scope{matcher::ScopeKind::kOtherProject, ProjectId(kEventProject)};
  const matcher::Pattern pattern = ParsePattern(kName);
  std::vector<SubscriptionDraft> drafts;
  for (int64_t i = 0; i < subscriptions; ++i) drafts.push_back({pattern, scope, if_text(i)});
  workload.sets = DealOut(drafts, kFirstSubscriberProject);
  workload.events.Reserve(static_cast<size_t>(kEventsPerPass), 680);
  for (int64_t j = 0; j < kEventsPerPass; ++j) {
    DocumentDraft draft;
    draft.number = j;
    draft.name = kName;
    draft.project_id = ProjectId(kEventProject);
    draft.namespace_ids = {NamespaceId(1000)};
    fill(7919 * j % (2 * subscriptions), &draft);
    workload.events.Add(MakeDocument(draft));
  }
  workload.events.Finish();
  workload.matches_a_pass = static_cast<uint64_t>(kEventsPerPass) / 2;
  return workload;
}

}  // namespace

Workload MakeS2(std::string id, int64_t subscriptions) {
  return MakeBucket(
      std::move(id), subscriptions,
      [](int64_t i) { return fmt::format("$[[ event.payload.package.name ]] == \"pkg-{}\"", i); },
      [](int64_t v, DocumentDraft* draft) { draft->package_name = fmt::format("pkg-{}", v); });
}

Workload MakeS4Prefix(std::string id, int64_t subscriptions) {
  return MakeBucket(
      std::move(id), subscriptions,
      [](int64_t i) {
        return fmt::format("$[[ event.payload.ref ]] =~ /^refs\\/heads\\/team-{}\\//", i);
      },
      [](int64_t v, DocumentDraft* draft) {
        draft->ref = fmt::format("refs/heads/team-{}/feature-x", v);
      });
}

Workload MakeS4Infix(std::string id, int64_t subscriptions) {
  return MakeBucket(
      std::move(id), subscriptions,
      [](int64_t i) { return fmt::format("$[[ event.payload.ref ]] =~ /-app{}-/", i); },
      [](int64_t v, DocumentDraft* draft) { draft->ref = fmt::format("eu-app{}-db", v); });
}

Workload MakeS4Regex(std::string id, int64_t subscriptions) {
  return MakeBucket(
      std::move(id), subscriptions,
      [](int64_t i) {
        return fmt::format("$[[ event.payload.ref ]] =~ /^refs\\/tags\\/v{}\\.[0-9]+-rc[0-9]+$/",
                           i);
      },
      [](int64_t v, DocumentDraft* draft) { draft->ref = fmt::format("refs/tags/v{}.3-rc1", v); });
}

Workload MakeS5(std::string id, int64_t subscriptions) {
  Workload workload;
  workload.id = std::move(id);
  const matcher::Scope scope{matcher::ScopeKind::kInstance, 0};
  const matcher::Pattern pattern = ParsePattern("deployment/created");
  std::vector<SubscriptionDraft> drafts;
  for (int64_t i = 0; i < subscriptions; ++i) {
    drafts.push_back(
        {pattern, scope,
         fmt::format("$[[ event.env ]] == \"prod\" && $[[ event.number ]] == \"{}\" && "
                     "($[[ event.tags ]] == \"tag1\" || $[[ event.tags ]] == \"tag2\") && "
                     "$[[ event.region ]] != \"moon\" && ($[[ event.payload.type ]] == \"app\" || "
                     "$[[ event.payload.type ]] == \"database\")",
                     i % 10'000)});
  }
  workload.sets = DealOut(drafts, kFirstSubscriberProject);
  workload.events.Reserve(static_cast<size_t>(kEventsPerPass), 120);
  for (int64_t j = 0; j < kEventsPerPass; ++j) {
    EventPool::Draft event;
    event.name = "deployment/created";
    event.project_id = ProjectId(kEventProject);
    event.namespace_ids = {NamespaceId(1000)};
    event.time_ms = kEventsBeginMs + j * 1000;
    event.document = fmt::format(
        "{{\"name\":\"deployment/created\",\"env\":\"prod\",\"number\":{},"
        "\"tags\":[\"tag1\",\"tag3\"],\"region\":\"eu\",\"type\":\"app\"}}",
        j % 10'000);
    event.payload = event.document;
    workload.events.Add(event);
  }
  workload.events.Finish();
  // Ten subscriptions share each number.
  workload.matches_a_pass =
      static_cast<uint64_t>(kEventsPerPass) * static_cast<uint64_t>(subscriptions) / 10'000;
  return workload;
}

}  // namespace cievents::loadtest
