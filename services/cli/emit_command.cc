// `cievents emit`: events from webhook payloads or event objects, as an emitter would send them.
#include <cstdio>
#include <random>

#include "absl/time/clock.h"
#include "matcher/base/status.h"
#include "services/cli/commands.h"
#include "services/cli/print.h"
#include "services/cli/terminal.h"
#include "services/lib/event_formats/event.h"
#include "services/lib/event_formats/event_json.h"
#include "services/lib/event_formats/gitlab_webhook.h"

namespace cievents::cli {
namespace {

constexpr size_t kInputBytesMax = 256 * 1024 * 1024;

// RFC 9562 version 4.
std::string RandomUuid() {
  std::random_device device;
  const auto word = [&] { return (static_cast<uint64_t>(device()) << 32) | device(); };
  const uint64_t high = (word() & ~0xF000ULL) | 0x4000ULL;
  const uint64_t low = (word() & ~(3ULL << 62)) | (2ULL << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF,
                     high & 0xFFFF, low >> 48, low & 0xFFFFFFFFFFFFULL);
}

events::v1::Event EncodeEvent(const Event& event) {
  events::v1::Event message;
  message.set_id(event.id);
  message.set_source(event.source);
  for (const std::string& name : event.names) message.add_names(name);
  message.set_project_id(event.project_id);
  for (const int64_t id : event.namespace_ids) message.add_namespace_ids(id);
  message.set_organization_id(event.organization_id);
  message.mutable_time()->set_seconds(event.time_ms / 1000);
  message.mutable_time()->set_nanos(static_cast<int32_t>(event.time_ms % 1000) * 1'000'000);
  message.mutable_actor()->set_user_id(event.actor.user_id);
  message.mutable_actor()->set_username(event.actor.username);
  if (event.actor.access_level.has_value()) {
    message.mutable_actor()->set_access_level(*event.actor.access_level);
  }
  message.mutable_actor()->set_bot(event.actor.bot);
  message.set_confidential(event.confidential);
  message.mutable_cause()->set_request_id(event.cause.request_id);
  message.mutable_cause()->set_pipeline_id(event.cause.pipeline_id);
  message.set_subject(event.subject);
  message.set_data_schema(event.data_schema);
  message.set_data(event.data);
  message.set_traceparent(event.traceparent);
  message.set_correlation_id(event.correlation_id);
  return message;
}

// A file is one JSON text; standard input is one a line.
absl::StatusOr<std::vector<std::string>> ReadTexts(const std::vector<std::string>& files) {
  std::vector<std::string> texts;
  for (const std::string& file : files) {
    CIEVENTS_ASSIGN_OR_RETURN(std::string text, ReadFile(file, kInputBytesMax));
    if (file != "-") {
      texts.push_back(std::move(text));
      continue;
    }
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      if (text.find_first_not_of(" \t\r", begin) < end) {
        texts.push_back(text.substr(begin, end - begin));
      }
      begin = end + 1;
    }
  }
  return texts;
}

void ApplyIds(const EmitOptions& options, Event* event) {
  if (options.project_id != 0) event->project_id = options.project_id;
  if (!options.namespace_ids.empty()) event->namespace_ids = options.namespace_ids;
}

// What could not even be sent: refused here, with the outcome that the server would give.
struct Prepared {
  events::v1::Event event;
  absl::Status status;
};

absl::StatusOr<std::vector<Prepared>> PrepareEvents(const EmitOptions& options) {
  CIEVENTS_ASSIGN_OR_RETURN(const auto catalogue, LoadCatalogue(options.event_catalogue));
  CIEVENTS_ASSIGN_OR_RETURN(const auto webhooks, ReadTexts(options.webhooks));
  CIEVENTS_ASSIGN_OR_RETURN(const auto objects, ReadTexts(options.events));
  if (webhooks.empty() && objects.empty()) {
    return absl::InvalidArgumentError("nothing to emit: give --webhook FILE or --event FILE");
  }
  if (!options.id.empty() && webhooks.size() + objects.size() != 1) {
    return absl::InvalidArgumentError("--id names one event, but several are given");
  }
  const int64_t now_ms = absl::ToUnixMillis(absl::Now());
  std::vector<Prepared> prepared;
  for (const std::string& text : webhooks) {
    auto event = EventFromGitlabWebhook(text, *catalogue);
    if (event.ok()) {
      event->id = options.id.empty() ? RandomUuid() : options.id;
      event->source = "gitlab";
      event->time_ms = now_ms;
      ApplyIds(options, &*event);
    }
    prepared.push_back({event.ok() ? EncodeEvent(*event) : events::v1::Event(), event.status()});
  }
  for (const std::string& text : objects) {
    auto event = EventFromJson(text);
    if (event.ok()) {
      if (!options.id.empty()) event->id = options.id;
      ApplyIds(options, &*event);
    }
    prepared.push_back({event.ok() ? EncodeEvent(*event) : events::v1::Event(), event.status()});
  }
  return prepared;
}

events::v1::EventOutcome RefusedHere(const absl::Status& status) {
  events::v1::EventOutcome outcome;
  outcome.set_kind(events::v1::OUTCOME_KIND_REJECTED);
  outcome.set_reason(events::v1::OUTCOME_REASON_INVALID);
  outcome.set_message(std::string(status.message()));
  return outcome;
}

}  // namespace

int RunEmit(const EmitOptions& options) {
  const auto prepared = PrepareEvents(options);
  if (!prepared.ok()) return Fail(prepared.status());
  std::vector<events::v1::Event> to_send;
  for (const Prepared& item : *prepared) {
    if (item.status.ok()) to_send.push_back(item.event);
  }
  std::vector<events::v1::EventOutcome> sent;
  if (!to_send.empty()) {
    const auto client = MakeClient(options.client);
    if (!client.ok()) return Fail(client.status());
    auto outcomes = (*client)->PublishEvents(to_send);
    if (!outcomes.ok()) return Fail(outcomes.status());
    sent = *std::move(outcomes);
  }
  int exit_code = kExitOk;
  size_t next = 0;
  std::vector<std::vector<std::string>> rows = {kOutcomeHeader};
  for (const Prepared& item : *prepared) {
    const events::v1::EventOutcome outcome =
        item.status.ok() ? sent[next++] : RefusedHere(item.status);
    if (outcome.kind() != events::v1::OUTCOME_KIND_ACCEPTED &&
        outcome.kind() != events::v1::OUTCOME_KIND_DUPLICATE) {
      exit_code = kExitFindings;
    }
    if (options.client.json) {
      std::printf("%s\n", OutcomeToJson(item.event, outcome).c_str());
    } else {
      rows.push_back(OutcomeRow(item.event, outcome));
    }
  }
  if (!options.client.json) PrintTable(rows);
  return exit_code;
}

}  // namespace cievents::cli
