// The time until a matched event is safe on the local disk while Postgres is stopped.
#include "loadtest/service/sections.h"

namespace cievents::loadtest {

// To measure once the matcher has its spool: `service.spool.ack.p50_ratio`, the median of acks with
// Postgres stopped against one SQLite commit with synchronous=FULL of the same bytes, at most 3 x;
// and `service.spool.refused`, how many events were refused before the spool was full, 0.
void MeasureSpool(const Options& /*options*/, Stage& /*stage*/, Report* report) {
  report->AddNote(
      "Not measured yet: the time to an answer with Postgres stopped. The matcher has no spool.");
}

}  // namespace cievents::loadtest
