// `cievents emit`: events from webhook payloads or event objects, as an emitter would send them.
#include <cstdio>

#include "services/cli/commands.h"
#include "services/cli/event_files.h"
#include "services/cli/print.h"
#include "services/cli/terminal.h"

namespace cievents::cli {
namespace {

events::v1::EventOutcome RefusedHere(const absl::Status& status) {
  events::v1::EventOutcome outcome;
  outcome.set_kind(events::v1::OUTCOME_KIND_REJECTED);
  outcome.set_reason(events::v1::OUTCOME_REASON_INVALID);
  outcome.set_message(std::string(status.message()));
  return outcome;
}

}  // namespace

int RunEmit(const EmitOptions& options) {
  const auto prepared = PrepareEvents(options.files);
  if (!prepared.ok()) return Fail(prepared.status());
  if (prepared->empty()) {
    return Fail(absl::InvalidArgumentError("nothing to emit: give --webhook FILE or --event FILE"));
  }
  std::vector<events::v1::Event> to_send;
  for (const PreparedEvent& item : *prepared) {
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
  for (const PreparedEvent& item : *prepared) {
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
