#include <fmt/format.h>

#include "loadtest/engine/engine_run.h"
#include "loadtest/engine/sections.h"
#include "loadtest/workloads/scoped_names.h"
#include "matcher/base/check.h"

namespace cievents::loadtest {

void MeasureMachine(const std::string& when, const Options& options, Report* report) {
  const EventPool events = MakeS1Events(1000);
  JsonEnvelope envelope;
  const auto documents = events.documents();
  const auto pass = [&] {
    for (size_t at = 0; at < documents.size(); at += kBatchEvents) {
      CIEVENTS_CHECK(envelope.Decode(documents.subspan(at, kBatchEvents)).size() == kBatchEvents);
    }
  };
  static_assert(kEventsPerPass % kBatchEvents == 0);
  const Figure rate =
      MeasureInterleaved({{"decode", kEventsPerPass, pass}}, options.MakeSchedule(9, 0.1))[0];
  Row row;
  row.id = fmt::format("engine.machine.decode_ns_{}", when);
  row.value = {1e9 / rate.median, 1e9 / rate.max, 1e9 / rate.min, rate.runs};
  row.unit = "ns to validate and decode a document";
  Progress(fmt::format("  {}: {:.0f}", row.id, row.value.median));
  report->Add(row);
}

}  // namespace cievents::loadtest
