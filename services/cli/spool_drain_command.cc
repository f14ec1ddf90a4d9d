// `cievents spool drain`: brings what an orphan spool holds to Postgres: of a matcher that will not
// come back, or of a volume that is left behind.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "matcher/base/status.h"
#include "services/cli/commands.h"
#include "services/cli/progress.h"
#include "services/cli/terminal.h"
#include "services/event_matcher/group_commit_enqueuer.h"
#include "services/event_matcher/spool_drainer.h"
#include "services/lib/base/json_writer.h"
#include "services/lib/spool/spool.h"
#include "services/lib/store/database_clock.h"

namespace cievents::cli {
namespace {

struct Drained {
  int64_t stored = 0;
  int64_t refused = 0;
  int64_t raw = 0;  // left: events as they came, which only a matcher can match
};

constexpr int kFailuresMax = 5;  // in a row, while Postgres answers; each takes seconds

// Ends when a whole pass over the spool has moved nothing, or when Postgres is away.
absl::StatusOr<Drained> Drain(event_matcher::SpoolDrainer& drainer, const std::string& dsn,
                              Progress& progress) {
  Drained drained;
  int64_t moved_in_pass = 0;
  int failures = 0;
  while (true) {
    const absl::StatusOr<event_matcher::SpoolDrainer::Step> tried = drainer.DrainBatch();
    if (!tried.ok()) {
      if (++failures >= kFailuresMax || !store::DatabaseNow(dsn).ok()) return tried.status();
      continue;  // with less
    }
    failures = 0;
    const event_matcher::SpoolDrainer::Step& step = *tried;
    drained.stored += step.stored;
    drained.refused += step.refused;
    drained.raw += step.raw;
    moved_in_pass += step.stored + step.refused;
    for (int i = 0; i < step.stored; ++i) progress.Advance(Progress::Outcome::kFine);
    for (int i = 0; i < step.refused; ++i) progress.Advance(Progress::Outcome::kFailed);
    if (step.read > 0) continue;
    if (moved_in_pass == 0) return drained;
    moved_in_pass = 0;
    drained.raw = 0;
  }
}

void Print(const Drained& drained, const spool::Stats& left, const SpoolDrainOptions& options) {
  if (drained.raw > 0) {
    fmt::print(
        stderr,
        "{0} of the events that are left were kept for the matcher of another shard and are "
        "not matched yet. A matcher must publish them: start one of the layout with "
        "--spool-dir {1} until `cievents spool list --dir {1}` shows none, then as before.\n",
        drained.raw, options.dir);
  }
  if (!options.json) {
    std::printf("%lld events stored, %lld set aside, %lld left, %lld damaged\n",
                static_cast<long long>(drained.stored), static_cast<long long>(drained.refused),
                static_cast<long long>(left.records), static_cast<long long>(left.damaged));
    return;
  }
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("stored");
  writer.Int(drained.stored);
  writer.Key("refused");
  writer.Int(drained.refused);
  writer.Key("left");
  writer.Int(left.records);
  writer.Key("raw");
  writer.Int(drained.raw);
  writer.Key("damaged");
  writer.Int(left.damaged);
  writer.EndObject();
  std::printf("%s\n", writer.text().c_str());
}

}  // namespace

int RunSpoolDrain(const SpoolDrainOptions& options) {
  spool::Spool::Options spool_options;
  spool_options.dir = options.dir;
  const auto opened = spool::Spool::Open(spool_options);
  if (!opened.ok()) return Fail(opened.status());
  spool::Spool& spool = **opened;
  event_matcher::GroupCommitEnqueuer::Options writing;
  writing.dsn = options.database_url;
  writing.writers = 1;
  event_matcher::GroupCommitEnqueuer enqueuer(std::move(writing));
  enqueuer.Start();
  event_matcher::SpoolDrainer::Options draining;
  draining.store_now = [&options] { return store::DatabaseNow(options.database_url); };
  event_matcher::SpoolDrainer drainer(std::move(draining), spool, enqueuer);
  Progress progress(Progress::KindOfStderr(), static_cast<size_t>(spool.stats().records));
  const absl::StatusOr<Drained> drained = Drain(drainer, options.database_url, progress);
  enqueuer.Stop();
  const spool::Stats left = spool.stats();
  spool.Stop();
  if (!drained.ok()) return Fail(drained.status());
  Print(*drained, left, options);
  return left.records + left.damaged + drained->refused > 0 ? kExitFindings : kExitOk;
}

}  // namespace cievents::cli
