#include "services/cli/event_files.h"

#include <fmt/format.h>

#include <random>

#include "absl/time/clock.h"
#include "matcher/base/status.h"
#include "services/cli/terminal.h"
#include "services/lib/event_formats/event_json.h"
#include "services/lib/event_formats/gitlab_webhook.h"

namespace cievents::cli {
namespace {

constexpr size_t kInputBytesMax = 256 * 1024 * 1024;

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

void ApplyIds(const EventFileOptions& options, Event* event) {
  if (options.project_id != 0) event->project_id = options.project_id;
  if (!options.namespace_ids.empty()) event->namespace_ids = options.namespace_ids;
}

}  // namespace

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

absl::StatusOr<std::vector<PreparedEvent>> PrepareEvents(const EventFileOptions& options) {
  CIEVENTS_ASSIGN_OR_RETURN(const auto catalogue, LoadCatalogue(options.event_catalogue));
  CIEVENTS_ASSIGN_OR_RETURN(const auto webhooks, ReadTexts(options.webhooks));
  CIEVENTS_ASSIGN_OR_RETURN(const auto objects, ReadTexts(options.events));
  if (!options.id.empty() && webhooks.size() + objects.size() != 1) {
    return absl::InvalidArgumentError("--id names one event, but several are given");
  }
  const int64_t now_ms = absl::ToUnixMillis(absl::Now());
  std::vector<PreparedEvent> prepared;
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

}  // namespace cievents::cli
