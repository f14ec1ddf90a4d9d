// The sections of the matcher service's load test.
#ifndef LOADTEST_SERVICE_SECTIONS_H_
#define LOADTEST_SERVICE_SECTIONS_H_

#include "loadtest/harness/options.h"
#include "loadtest/harness/report.h"
#include "loadtest/service/stage.h"

namespace cievents::loadtest {

// Processor time of the server for an event that fires nothing, in a stream and unary; the time to
// its answer at half load.
void MeasureUnmatched(const Options& options, Stage& stage, Report* report);
// Matched rows a second with one writer; processor time of a row with four.
void MeasureEnqueue(const Options& options, Stage& stage, Report* report);
// 95 of 100 events fire nothing: events a second against a query for each event.
void MeasureMixed(const Options& options, Stage& stage, Report* report);
// The time until a matched event is durable.
void MeasureDurableAck(const Options& options, Stage& stage, Report* report);
// The same while Postgres is stopped.
void MeasureSpool(const Options& options, Stage& stage, Report* report);
// Ten minutes without Postgres at 2,000 matched events a second; only if `--only outage` asks.
void MeasureOutage(const Options& options, Stage& stage, Report* report);
// What a tenant at a hundred times the load of ten others does to their answers.
void MeasureFairness(const Options& options, Stage& stage, Report* report);
// From the start of the process until it serves a million subscriptions, and its memory then; with
// five million only if `--only start.5M` asks for it.
void MeasureStart(const Options& options, Stage& stage, Report* report);
void MeasureStart5M(const Options& options, Stage& stage, Report* report);
// From the commit of a push until the matcher goes by it.
void MeasurePushVisible(const Options& options, Stage& stage, Report* report);
// Cost against payload, against matches an event, against subscriptions.
void MeasureGrowthOfPayload(const Options& options, Stage& stage, Report* report);
void MeasureGrowthOfMatches(const Options& options, Stage& stage, Report* report);
void MeasureGrowthOfSubscriptions(const Options& options, Stage& stage, Report* report);

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_SECTIONS_H_
