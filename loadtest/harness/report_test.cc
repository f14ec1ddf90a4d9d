#include "loadtest/harness/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace cievents::loadtest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Row Reached() {
  Row row;
  row.id = "engine.S1-1M.native";
  row.value = {6'000'000, 5'500'000, 6'500'000, 7};
  row.unit = "events/s";
  row.baseline = 4'000'000;
  row.baseline_name = "flat hash";
  row.target = 5'000'000;
  return row;
}

Row Missed() {
  Row row;
  row.id = "engine.S1-1M.bytes_per_subscription";
  row.value = {80, 80, 80, 1};
  row.unit = "B";
  row.target = 64;
  row.goal = Goal::kAtMost;
  return row;
}

TEST(ReportTest, JsonHasEveryKeyAndNullForWhatIsAbsent) {
  Report report("engine", {});
  report.Add(Reached());
  Row bare;
  bare.id = "engine.\"x\"";
  bare.value = {1, 1, 1, 1};
  report.Add(bare);
  EXPECT_EQ(report.Json(),
            "[\n"
            "  {\"id\": \"engine.S1-1M.native\", \"value\": 6e+06, \"unit\": \"events/s\", "
            "\"baseline\": 4e+06, \"ratio\": 1.5, \"target\": 5e+06, \"ok\": true, \"runs\": 7, "
            "\"min\": 5.5e+06, \"max\": 6.5e+06},\n"
            "  {\"id\": \"engine.\\\"x\\\"\", \"value\": 1, \"unit\": \"\", \"baseline\": null, "
            "\"ratio\": null, \"target\": null, \"ok\": null, \"runs\": 1, \"min\": 1, "
            "\"max\": 1}\n"
            "]\n");
}

TEST(ReportTest, AnUpperLimitIsReachedFromBelow) {
  Row row = Missed();
  EXPECT_EQ(row.Ok(), false);
  row.value.median = 64;
  EXPECT_EQ(row.Ok(), true);
}

TEST(ReportTest, MarkdownListsWhatIsNotReached) {
  Report report("engine", {});
  report.Add(Reached());
  EXPECT_THAT(report.Markdown(), HasSubstr("All 1 targets are reached."));
  report.Add(Missed());
  const std::string markdown = report.Markdown();
  EXPECT_THAT(markdown,
              HasSubstr("Not reached, of 2 targets:\n\n- "
                        "`engine.S1-1M.bytes_per_subscription`: 80 B, target at most 64"));
  EXPECT_THAT(markdown, HasSubstr("| engine.S1-1M.native | 6M | events/s | 5.5M to 6.5M (7) | 4M "
                                  "(flat hash) | 1.50 | at least 5M | yes | - |"));
}

TEST(ReportTest, AllFilesAreWrittenAndTheTextNamesThem) {
  const std::string folder = testing::TempDir() + "/load_report";
  std::filesystem::remove_all(folder);
  Report report("engine", {});
  report.Add(Reached());
  Series series{"engine.growth.x", "Cost", "x", "ns", {}, {}};
  series.lines.push_back({"engine", 0, false, true, {{1, 10}, {10, 100}}});
  report.AddGrowth(series);
  ASSERT_TRUE(report.Write(folder).ok());
  for (const char* name :
       {"engine.report.json", "engine.report.md", "engine.growth.x.csv", "engine.growth.x.svg"}) {
    EXPECT_TRUE(std::filesystem::exists(folder + "/" + name)) << name;
  }
  EXPECT_THAT(report.Markdown(), HasSubstr("](engine.growth.x.svg)"));
  EXPECT_THAT(report.Markdown(), HasSubstr("BEND: `engine`"));
  EXPECT_THAT(report.Markdown(), HasSubstr("engine.growth.x.bends | 1"));
  EXPECT_THAT(report.Markdown(), Not(HasSubstr("No bend")));
  std::ifstream csv(folder + "/engine.growth.x.csv");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(csv), {}),
            "line,x,y\n\"engine\",1,10\n\"engine\",10,100\n");
}

TEST(ReportTest, AFolderThatCannotBeMadeIsSaid) {
  const absl::Status status = Report("engine", {}).Write("/proc/load_report");
  EXPECT_THAT(std::string(status.message()), HasSubstr("/proc/load_report"));
}

TEST(MachineTest, ProcValueIsTheTextBehindTheFirstLineOfThatName) {
  EXPECT_EQ(FindProcValue("a\t: 1\nmodel name\t: Fast CPU 9\nmodel name : x\n", "model name"),
            "Fast CPU 9");
  EXPECT_EQ(FindProcValue("model: 3\n", "model name"), "");
  EXPECT_EQ(FindProcValue("flags :\n", "flags"), "");
}

TEST(MachineTest, ABusyMachineIsSaidInTheReport) {
  Machine machine;
  machine.load = "0.31 2.00 1.50 1/130 77";
  EXPECT_THAT(Report("engine", machine).Markdown(), Not(HasSubstr("busy")));
  machine.load = "3.78 3.98 3.54 3/150 13234";
  EXPECT_THAT(Report("engine", machine).Markdown(), HasSubstr("The machine was busy"));
}

TEST(MachineTest, ThisMachineHasCoresAndADate) {
  const Machine machine = DescribeMachine("abc");
  EXPECT_GT(machine.cores, 0);
  EXPECT_EQ(machine.commit, "abc");
  EXPECT_EQ(machine.date.size(), std::string("2026-01-01T00:00:00Z").size());
}

}  // namespace
}  // namespace cievents::loadtest
