// From the start of the matcher until it serves, and its memory then.
#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <utility>

#include "loadtest/harness/clocks.h"
#include "loadtest/harness/tool.h"
#include "loadtest/service/sections.h"
#include "loadtest/service/turns.h"

namespace cievents::loadtest {
namespace {

constexpr int kRounds = 5;
constexpr double kMemoryMaxMB = 150;  // with a million subscriptions
constexpr double kMB = 1024 * 1024;

// Seconds to copy the table out in binary form, of which nothing is read.
double CopySeconds(const std::string& dsn) {
  const double begin = WallSeconds();
  PGconn* connection = PQconnectdb(dsn.c_str());
  PQclear(PQexec(connection, "COPY cievents.subscriptions TO STDOUT (FORMAT binary)"));
  char* row = nullptr;
  while (PQgetCopyData(connection, &row, 0) > 0) PQfreemem(row);
  PGresult* result = PQgetResult(connection);
  if (PQresultStatus(result) != PGRES_COMMAND_OK) Die("COPY", PQerrorMessage(connection));
  PQclear(result);
  PQfinish(connection);
  return WallSeconds() - begin;
}

void AddMemory(const std::string& id, const std::vector<double>& resident,
               const std::vector<double>& highest, double idle_mb, Report* report) {
  Row row;
  row.id = id;
  row.value = Summarise(resident);
  row.unit = "MB resident";
  row.baseline = idle_mb;
  row.baseline_name = "the same process without subscriptions";
  if (id == "service.memory.1M") row.target = kMemoryMaxMB;
  row.goal = Goal::kAtMost;
  Progress(fmt::format("  {}: {:.0f} MB, without subscriptions {:.0f} MB", id, row.value.median,
                       idle_mb));
  report->Add(std::move(row));
  AddFigure(id + ".highest", "MB resident, while it loaded", highest, {}, "", report);
}

void MeasureStartWith(const Options& options, Stage& stage, const ManySubscriptions& many,
                      const std::string& suffix, Report* report) {
  std::vector<double> cpu;
  std::vector<double> resident;
  std::vector<double> highest;
  const auto seconds =
      TakeTurns({[&] {
                   const auto matcher = stage.StartMatcher(many.dsn);
                   cpu.push_back(matcher->start_cpu_seconds());
                   resident.push_back(static_cast<double>(matcher->ResidentBytes()) / kMB);
                   highest.push_back(static_cast<double>(matcher->ResidentBytesMax()) / kMB);
                   return matcher->start_seconds();
                 },
                 [&] { return CopySeconds(many.dsn); }},
                kRounds, options);
  const std::string id = "service.start." + suffix;
  AddFigure(id, "s", seconds[0], seconds[1], "bare binary COPY of the table", report);
  AddRatio(id + ".ratio", seconds[0], seconds[1], "a bare binary COPY", {Goal::kAtMost, 3.0},
           report);
  AddFigure(id + ".cpu", "s of CPU of the matcher", Counted(cpu), {}, "", report);
  const std::string empty = stage.MakeDatabase("no_subscriptions");
  const double idle_mb = static_cast<double>(stage.StartMatcher(empty)->ResidentBytes()) / kMB;
  AddMemory("service.memory." + suffix, Counted(resident), Counted(highest), idle_mb, report);
}

}  // namespace

void MeasureStart(const Options& options, Stage& stage, Report* report) {
  MeasureStartWith(options, stage, stage.Million(options), "1M", report);
}

void MeasureStart5M(const Options& options, Stage& stage, Report* report) {
  const bool is_wanted =
      std::find(options.only.begin(), options.only.end(), "start.5M") != options.only.end();
  if (!is_wanted) {
    Progress("  left out: it takes minutes; ask for it by --only start.5M");
    return;
  }
  MeasureStartWith(options, stage, stage.Subscriptions(options.quick() ? 100'000 : 5'000'000), "5M",
                   report);
}

}  // namespace cievents::loadtest
