// The promise under fire: matcher and Postgres are killed again and again under load, and every
// acknowledged event has its requests exactly once. And the control: the same run with a matcher
// that acknowledges too early must be found out.
//
//   CIEVENTS_FAULT_SECONDS  how long the run takes (60)
//   CIEVENTS_TEST_SEED      repeats the workload and the times of the kills
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "tests/fault/early_ack_enqueuer.h"
#include "tests/fault/fault_run.h"

namespace cievents::fault {
namespace {

using Kind = Violation::Kind;

uint64_t Seed() {
  const char* given = std::getenv("CIEVENTS_TEST_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  fmt::print("CIEVENTS_TEST_SEED={}\n", seed);
  return seed;
}

std::chrono::seconds Duration() {
  const char* given = std::getenv("CIEVENTS_FAULT_SECONDS");
  return std::chrono::seconds(given == nullptr ? 60 : std::max(10, std::atoi(given)));
}

Report RunAndPrint(const RunOptions& options) {
  Report report = RunWithFaults(options);
  fmt::print("{}", report.ToString());
  std::fflush(stdout);
  return report;
}

TEST(KillTest, EveryAcknowledgedEventHasItsRequestsExactlyOnceAndEveryPushIsLiveSoon) {
  RunOptions options{CIEVENTS_BINARY, CIEVENTS_BINARY, Duration(), 5, Seed()};
  const Report report = RunAndPrint(options);
  EXPECT_EQ(report.CountOf(Kind::kLost), 0);
  EXPECT_EQ(report.CountOf(Kind::kExtra), 0);
  EXPECT_EQ(report.CountOf(Kind::kDoubled), 0);
  EXPECT_EQ(report.CountOf(Kind::kLate), 0);
  EXPECT_EQ(report.CountOf(Kind::kWrong), 0);
  EXPECT_LE(report.liveness.longest.count(), 2'000);

  // None of this may hold for want of work. A shorter run spends most of its time on restarts.
  EXPECT_EQ(report.matcher_kills, 5);
  EXPECT_EQ(report.postgres_kills, 5);
  EXPECT_GE(report.liveness.measured, 5);
  const bool short_run = options.duration < std::chrono::seconds(60);
  EXPECT_GE(report.counts.acknowledged_matched, short_run ? 50 : 2'000);
  EXPECT_GE(report.counts.exact_matched, short_run ? 25 : 1'000);
  EXPECT_GE(report.counts.sent_again, short_run ? 10 : 100);
  EXPECT_GE(report.counts.pushes, short_run ? 50 : 100);
  if (HasFailure()) {
    fmt::print("logs and data are in {}\n", report.folder);
  } else {
    Discard(report);
  }
}

TEST(KillTest, EarlyAcknowledgementIsCaught) {
  const Report report =
      RunAndPrint({CIEVENTS_BINARY, EARLY_ACK_BINARY, std::chrono::seconds(15), 3, Seed()});
  EXPECT_GE(report.matcher_kills, 3);
  EXPECT_GE(report.counts.acknowledged_matched, 100);
  EXPECT_GT(report.CountOf(Kind::kLost), 0);
  // It loses, and does nothing else wrong: what the check finds is what was planted.
  EXPECT_EQ(report.CountOf(Kind::kExtra), 0);
  EXPECT_EQ(report.CountOf(Kind::kDoubled), 0);
  Discard(report);
}

bool Holds(const std::string& file, const std::string& text) {
  std::string bytes(std::filesystem::file_size(file), '\0');
  std::ifstream(file, std::ios::binary)
      .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes.find(text) != std::string::npos;
}

TEST(KillTest, TheEarlyEnqueuerIsNotInTheProduct) {
  const std::string symbol = EarlyAckEnqueuer::kMark;
  EXPECT_TRUE(Holds(EARLY_ACK_BINARY, symbol));
  EXPECT_FALSE(Holds(CIEVENTS_BINARY, symbol));
}

}  // namespace
}  // namespace cievents::fault
