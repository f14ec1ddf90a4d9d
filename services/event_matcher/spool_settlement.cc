#include "services/event_matcher/spool_settlement.h"

#include <utility>

#include "matcher/base/check.h"

namespace cievents::event_matcher {

Settlement SettleSpooled(const std::vector<spool::RecordId>& ids,
                         const std::vector<EventWriteResult>& results, spool::Spool& spool) {
  CIEVENTS_CHECK(results.size() == ids.size());
  std::vector<spool::RecordId> stored;
  Settlement settlement;
  for (size_t i = 0; i < results.size(); ++i) {
    switch (results[i].kind) {
      case EventWriteResult::Kind::kCommitted:
        stored.push_back(ids[i]);
        break;
      case EventWriteResult::Kind::kIdReused:
        spool.Refuse(
            ids[i],
            "id_reused: another event with this id and source (and time, where retries repeat "
            "it), but other data, was stored before");
        ++settlement.refused;
        break;
      case EventWriteResult::Kind::kRefused:
        spool.Refuse(ids[i], results[i].message);
        ++settlement.refused;
        break;
      case EventWriteResult::Kind::kSpooled:  // not of an enqueuer that writes to Postgres
      case EventWriteResult::Kind::kUnavailable:
        break;
    }
  }
  settlement.stored = static_cast<int>(stored.size());
  if (!stored.empty()) spool.Remove(std::move(stored));
  return settlement;
}

}  // namespace cievents::event_matcher
