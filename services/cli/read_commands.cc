// The verbs that look, and the worker's verb: requests, subscriptions, events.
#include <unistd.h>

#include <cstdio>
#include <set>

#include "matcher/base/status.h"
#include "services/cli/commands.h"
#include "services/cli/print.h"
#include "services/cli/shutdown_signal.h"
#include "services/cli/terminal.h"
#include "services/lib/base/json_writer.h"
#include "services/lib/event_formats/gitlab_webhook.h"

namespace cievents::cli {
namespace {

using pipelines::v1::PipelineRequest;

constexpr int kPageSize = 1000;

void PrintRequests(const std::vector<PipelineRequest>& requests, bool json) {
  if (json) {
    for (const PipelineRequest& request : requests) {
      std::printf("%s\n", RequestToJson(request).c_str());
    }
    return;
  }
  std::vector<std::vector<std::string>> rows = {kRequestHeader};
  for (const PipelineRequest& request : requests) rows.push_back(RequestRow(request));
  PrintTable(rows);
}

absl::StatusOr<std::vector<PipelineRequest>> FetchRequests(client::Client& client,
                                                           const RequestsOptions& options) {
  admin::v1::ListPipelineRequestsRequest request;
  request.set_project_id(options.project_id);
  request.set_state(options.state);
  std::vector<PipelineRequest> requests;
  while (static_cast<int>(requests.size()) < options.limit) {
    request.set_page_size(std::min(kPageSize, options.limit - static_cast<int>(requests.size())));
    CIEVENTS_ASSIGN_OR_RETURN(const auto page, client.ListPipelineRequests(request));
    requests.insert(requests.end(), page.requests().begin(), page.requests().end());
    if (page.next_page_token().empty()) break;
    request.set_page_token(page.next_page_token());
  }
  return requests;
}

// The lease of `requests lease`, long enough for a person to complete by hand.
constexpr int kLeaseSeconds = 600;

absl::StatusOr<std::vector<PipelineRequest>> Lease(client::Client& client, const std::string& owner,
                                                   int max) {
  std::vector<PipelineRequest> requests;
  while (static_cast<int>(requests.size()) < max) {
    pipelines::v1::LeasePipelineRequestsRequest request;
    request.set_owner(owner);
    request.set_max_requests(std::min(kPageSize, max - static_cast<int>(requests.size())));
    request.mutable_lease_duration()->set_seconds(kLeaseSeconds);
    CIEVENTS_ASSIGN_OR_RETURN(const auto response, client.LeasePipelineRequests(request));
    if (response.requests_size() == 0) break;
    requests.insert(requests.end(), response.requests().begin(), response.requests().end());
  }
  return requests;
}

}  // namespace

int RunRequestsList(const RequestsOptions& options) {
  const auto client = MakeClient(options.client);
  if (!client.ok()) return Fail(client.status());
  const auto requests = FetchRequests(**client, options);
  if (!requests.ok()) return Fail(requests.status());
  PrintRequests(*requests, options.client.json);
  return kExitOk;
}

int RunRequestsShow(const RequestsOptions& options) {
  const auto client = MakeClient(options.client);
  if (!client.ok()) return Fail(client.status());
  admin::v1::GetPipelineRequestRequest request;
  request.set_request_id(options.request_id);
  const auto response = (*client)->GetPipelineRequest(request);
  if (!response.ok()) {
    const int code = Fail(response.status());
    return response.status().code() == absl::StatusCode::kNotFound ? kExitFindings : code;
  }
  PrintRequests({response->request()}, options.client.json);
  return kExitOk;
}

int RunRequestsWatch(const RequestsOptions& options) {
  ShutdownSignal shutdown;
  const auto client = MakeClient(options.client);
  if (!client.ok()) return Fail(client.status());
  std::set<std::string> last;
  do {
    const auto requests = FetchRequests(**client, options);
    if (!requests.ok()) return Fail(requests.status());
    std::set<std::string> now;
    for (auto it = requests->rbegin(); it != requests->rend(); ++it) {
      const std::string line = options.client.json
                                   ? RequestToJson(*it)
                                   : fmt::format("{}", fmt::join(RequestRow(*it), "  "));
      if (!last.contains(line)) std::printf("%s\n", line.c_str());
      now.insert(line);
    }
    last = std::move(now);
    std::fflush(stdout);
  } while (!shutdown.WaitFor(std::chrono::milliseconds(500)));
  return kExitOk;
}

int RunRequestsLease(const RequestsOptions& options) {
  const auto client = MakeClient(options.client);
  if (!client.ok()) return Fail(client.status());
  const std::string owner = fmt::format("cievents-cli-{}", getpid());
  auto requests = Lease(**client, owner, options.lease_max);
  if (!requests.ok()) return Fail(requests.status());
  if (options.complete) {
    int64_t pipeline_id = options.pipeline_id;
    for (PipelineRequest& leased : *requests) {
      pipelines::v1::CompletePipelineRequestRequest request;
      request.set_request_id(leased.request_id());
      request.set_owner(owner);
      request.set_attempt(leased.attempt());
      request.set_kind(pipelines::v1::COMPLETION_KIND_CREATED);
      request.set_pipeline_id(pipeline_id);
      if (const absl::Status status = (*client)->CompletePipelineRequest(request); !status.ok()) {
        return Fail(status);
      }
      leased.set_state("created");
      leased.set_pipeline_id(pipeline_id++);
    }
  }
  PrintRequests(*requests, options.client.json);
  return kExitOk;
}

int RunSubscriptionsList(const SubscriptionsOptions& options) {
  const auto client = MakeClient(options.client);
  if (!client.ok()) return Fail(client.status());
  config::v1::ListSubscriptionsRequest request;
  request.set_project_id(options.project_id);
  request.set_page_size(kPageSize);
  std::vector<std::vector<std::string>> rows = {kSubscriptionHeader};
  do {
    const auto page = (*client)->ListSubscriptions(request);
    if (!page.ok()) return Fail(page.status());
    for (const auto& subscription : page->subscriptions()) {
      if (options.client.json) {
        std::printf("%s\n", SubscriptionToJson(subscription).c_str());
      } else {
        rows.push_back(SubscriptionRow(subscription));
      }
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  if (!options.client.json) PrintTable(rows);
  return kExitOk;
}

int RunEventsList(const EventsOptions& options) {
  const auto catalogue = LoadCatalogue(options.event_catalogue);
  if (!catalogue.ok()) return Fail(catalogue.status());
  std::vector<std::vector<std::string>> rows = {{"NAME", "SUMMARY"}};
  for (const EventType& type : (*catalogue)->event_types()) {
    if (!options.json) {
      rows.push_back({type.name, type.summary});
      continue;
    }
    JsonWriter writer;
    writer.BeginObject();
    writer.Key("name");
    writer.String(type.name);
    writer.Key("summary");
    writer.String(type.summary);
    writer.EndObject();
    std::printf("%s\n", writer.text().c_str());
  }
  if (!options.json) PrintTable(rows);
  return kExitOk;
}

int RunEventsMap(const EventsOptions& options) {
  const auto catalogue = LoadCatalogue(options.event_catalogue);
  if (!catalogue.ok()) return Fail(catalogue.status());
  const auto payload = ReadFile(options.webhook, 32 * 1024 * 1024);
  if (!payload.ok()) return Fail(payload.status());
  const auto event = EventFromGitlabWebhook(*payload, **catalogue);
  if (!event.ok()) {
    Fail(event.status());
    return kExitFindings;
  }
  if (!options.json) {
    for (const std::string& name : event->names) std::printf("%s\n", name.c_str());
    return kExitOk;
  }
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("names");
  writer.BeginArray();
  for (const std::string& name : event->names) writer.String(name);
  writer.EndArray();
  writer.Key("project_id");
  writer.Int(event->project_id);
  writer.EndObject();
  std::printf("%s\n", writer.text().c_str());
  return kExitOk;
}

}  // namespace cievents::cli
