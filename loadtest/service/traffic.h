// What the sections send, and how they read what it cost.
#ifndef LOADTEST_SERVICE_TRAFFIC_H_
#define LOADTEST_SERVICE_TRAFFIC_H_

#include <functional>
#include <vector>

#include "loadtest/harness/options.h"
#include "loadtest/service/emitter.h"
#include "loadtest/service/server_process.h"
#include "loadtest/service/stage.h"

namespace cievents::loadtest {

inline constexpr int kEventsPerBatch = 32;

// `batches` batches of events draft(0), draft(1), ...
std::vector<BatchBytes> MakeBatches(BatchBytes::Message message, int batches, int events_per_batch,
                                    const std::function<EventDraft(int64_t)>& draft);

// An event of workload S1 with four ancestors that fires nothing: every other one in a project that
// subscribes to other names, the rest in projects that do not subscribe at all.
EventDraft UnmatchedDraft(int64_t number, const ManySubscriptions& many);
// One that fires one of its project's two subscriptions; its project has number
// MatchedProject(number).
EventDraft MatchedDraft(int64_t number, const ManySubscriptions& many);
int64_t MatchedProject(int64_t number, const ManySubscriptions& many);

// Seconds of a window: a tenth in a quick run.
double Window(const Options& options, double seconds);

// Ends the load test if an answer is larger than `bytes`, what an accepting one has: it refuses
// something.
void CheckAnswers(const Emission& emission, size_t bytes);

// Processor time of the server for an event of this window, in us.
double ServerMicroseconds(const ServerProcess& server, const std::function<Emission()>& emit);

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_TRAFFIC_H_
