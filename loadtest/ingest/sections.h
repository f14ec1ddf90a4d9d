// The sections of the ingest's load test.
#ifndef LOADTEST_INGEST_SECTIONS_H_
#define LOADTEST_INGEST_SECTIONS_H_

#include "loadtest/harness/options.h"
#include "loadtest/harness/report.h"

namespace cievents::loadtest {

// Pushes with 1 and 8 clients: those that change ten subscriptions, those that touch nothing.
void MeasurePushes(const Options& options, Report* report);
void MeasureHeader(const Options& options, Report* report);

}  // namespace cievents::loadtest

#endif  // LOADTEST_INGEST_SECTIONS_H_
