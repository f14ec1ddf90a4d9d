// The events and rows of the queue's measurements: every event fires four subscriptions of its
// project, of 1,000 projects in 100 root namespaces.
#ifndef LOADTEST_SERVICE_FAN_OUT_H_
#define LOADTEST_SERVICE_FAN_OUT_H_

#include <string>
#include <vector>

#include "loadtest/service/bare_enqueue.h"
#include "loadtest/service/event_bytes.h"
#include "loadtest/service/stage.h"

namespace cievents::loadtest {

inline constexpr int kFanOut = 4;

// The database with these subscriptions, made when it is first asked for.
const std::string& FanOutDatabase(Stage& stage);
EventDraft FanOutDraft(int64_t number);
// Of the projects of one root namespace, 0 to 99.
EventDraft FanOutDraftOfRoot(int64_t root, int64_t number);
// What the matcher writes for events FanOutDraft(first), ...
std::vector<EventRows> MakeFanOutRows(int64_t first, int count);

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_FAN_OUT_H_
