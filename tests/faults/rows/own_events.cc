#include "tests/faults/rows/own_events.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "matcher/subscription.h"
#include "services/lib/ci_yaml/parsed_file.h"
#include "tests/faults/checker.h"
#include "tests/faults/emitter.h"

namespace cievents::faults {

events::v1::Event OwnEvent(const std::string& id, const std::string& name, int64_t project_id,
                           const std::vector<int64_t>& namespace_ids) {
  events::v1::Event event;
  event.set_id(id);
  event.set_source(kOwnSource);
  event.add_names(name);
  event.set_project_id(project_id);
  for (const int64_t namespace_id : namespace_ids) event.add_namespace_ids(namespace_id);
  const int64_t now_ms = absl::ToUnixMillis(absl::Now());
  event.mutable_time()->set_seconds(now_ms / 1000);
  event.mutable_time()->set_nanos(static_cast<int32_t>(now_ms % 1000) * 1'000'000);
  event.set_data("{}");
  return event;
}

std::string SqlToSubscribe(int64_t project_id, int64_t root_namespace_id, const std::string& name,
                           int count) {
  matcher::Entry entry;
  entry.patterns.push_back(*matcher::Pattern::Parse(name));
  return fmt::format(
      "INSERT INTO cievents.projects (project_id, namespace_ids, default_branch, commit_sha)"
      " VALUES ({0}, '{{{1}}}', 'main', 'c1');"
      "INSERT INTO cievents.subscriptions (project_id, root_namespace_id, path, inputs_digest,"
      " workflow_id, entries, inputs, owner_user_id)"
      " SELECT {0}, {1}, 'ci/own.yml', i::text, md5(i::text), '{2}', '{{}}', 9"
      " FROM generate_series(1, {3}) i;",
      project_id, root_namespace_id, ci_yaml::EntriesToJson({entry}), count);
}

OwnCaller::OwnCaller(const std::string& endpoint)
    : stub_(events::v1::EventService::NewStub(ConnectTo(endpoint))) {}

std::vector<events::v1::EventOutcome> OwnCaller::Publish(
    const std::vector<events::v1::Event>& events, std::chrono::seconds deadline) {
  events::v1::PublishEventsRequest request;
  for (const events::v1::Event& event : events) *request.add_events() = event;
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::FromChrono(deadline)));
  context.set_wait_for_ready(true);
  events::v1::PublishEventsResponse response;
  if (!stub_->PublishEvents(&context, request, &response).ok()) return {};
  return {response.outcomes().begin(), response.outcomes().end()};
}

}  // namespace cievents::faults
