// What becomes of spooled records once Postgres has decided about them.
#ifndef SERVICES_EVENT_MATCHER_SPOOL_SETTLEMENT_H_
#define SERVICES_EVENT_MATCHER_SPOOL_SETTLEMENT_H_

#include <vector>

#include "services/event_matcher/enqueuer.h"
#include "services/lib/spool/spool.h"

namespace cievents::event_matcher {

struct Settlement {
  int stored = 0;   // taken out: Postgres has them
  int refused = 0;  // set aside with the reason
};

// `results` are of the writes at `ids`. What is not decided stays in the spool.
Settlement SettleSpooled(const std::vector<spool::RecordId>& ids,
                         const std::vector<EventWriteResult>& results, spool::Spool& spool);

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_SPOOL_SETTLEMENT_H_
