#include "services/lib/store/local_postgres.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "matcher/base/status.h"
#include "services/lib/store/testing/test_database.h"

namespace cievents::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class LocalPostgresTest : public ::testing::Test {
 protected:
  LocalPostgresTest() {
    char name[] = "/tmp/cie-local-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    folder_ = name;
  }
  ~LocalPostgresTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  LocalPostgresOptions Options() {
    LocalPostgresOptions options;
    options.data_dir = folder_ / "data";
    options.fsync = Fsync::kOff;
    options.settings = {"shared_buffers=16MB"};
    return options;
  }
  std::unique_ptr<LocalPostgres> Start() {
    auto started = LocalPostgres::Start(Options());
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? *std::move(started) : nullptr;
  }

  fs::path folder_;
};

TEST_F(LocalPostgresTest, StartsServesStopsAndKeepsItsData) {
  auto postgres = Start();
  ASSERT_NE(postgres, nullptr);
  EXPECT_TRUE(postgres->running());
  EXPECT_GT(postgres->pid(), 0);
  ASSERT_TRUE(postgres->EnsureDatabase("ci \"x\"").ok());
  ASSERT_TRUE(postgres->EnsureDatabase("cievents").ok());
  ASSERT_TRUE(postgres->EnsureDatabase("cievents").ok()) << "twice is fine";
  EXPECT_EQ(Sql(postgres->Dsn(), "CREATE TABLE t AS SELECT 42 AS answer"), "");
  EXPECT_EQ(Sql(postgres->Dsn(), "SHOW listen_addresses"), "") << "no TCP";
  ASSERT_TRUE(postgres->Stop().ok());
  EXPECT_FALSE(postgres->running());
  EXPECT_TRUE(postgres->Stop().ok()) << "twice is fine";
  ASSERT_TRUE(postgres->Restart().ok());
  EXPECT_EQ(Sql(postgres->Dsn(), "SELECT answer FROM t"), "42");
  postgres.reset();
  postgres = Start();
  ASSERT_NE(postgres, nullptr);
  EXPECT_EQ(Sql(postgres->Dsn(), "SELECT answer FROM t"), "42");
}

TEST_F(LocalPostgresTest, RestartsAfterAllItsProcessesWereKilled) {
  const auto postgres = Start();
  ASSERT_NE(postgres, nullptr);
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(Sql(postgres->Dsn("postgres"), fmt::format("CREATE TABLE t{} ()", round)), "");
    // A backend that is busy is the one that would keep the shared memory.
    std::thread busy([&] {
      EXPECT_THAT(
          Sql(postgres->Dsn("postgres"), "SELECT count(*) FROM generate_series(1, 100000000000)"),
          HasSubstr("ERROR"));
    });
    ASSERT_TRUE(Eventually([&] {
      return Sql(postgres->Dsn("postgres"),
                 "SELECT count(*) > 0 FROM pg_stat_activity"
                 " WHERE query LIKE '%generate_series(1, 1000%'"
                 " AND pid <> pg_backend_pid()") == "t";
    }));
    ASSERT_TRUE(postgres->KillAll().ok());
    EXPECT_FALSE(postgres->running());
    busy.join();
    const absl::Status status = postgres->Restart();
    ASSERT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(Sql(postgres->Dsn("postgres"),
                "SELECT count(*) FROM pg_class WHERE relname IN"
                " ('t0', 't1', 't2')"),
            "3");
}

TEST_F(LocalPostgresTest, ThePostmasterAloneKilledFromOutsideIsNoticedAndReplaced) {
  const auto postgres = Start();
  ASSERT_NE(postgres, nullptr);
  ASSERT_EQ(kill(postgres->pid(), SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] { return !postgres->running(); }));
  const absl::Status status = postgres->Restart();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(LocalPostgresTest, APidFileWhoseNumberBelongsToSomebodyElseDoesNotStopTheStart) {
  auto postgres = Start();
  ASSERT_NE(postgres, nullptr);
  ASSERT_TRUE(postgres->Stop().ok());
  std::ofstream(folder_ / "data" / "postmaster.pid")
      << getppid() << "\n"
      << (folder_ / "data").string() << "\n1\n5432\n/tmp\n\n  1 1\nready\n";
  const absl::Status status = postgres->Restart();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(LocalPostgresTest, ASecondServerOnTheSameFolderIsRefused) {
  const auto postgres = Start();
  ASSERT_NE(postgres, nullptr);
  const auto second = LocalPostgres::Start(Options());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another Postgres"));
  EXPECT_EQ(Sql(postgres->Dsn("postgres"), "SELECT 1"), "1") << "the first is unharmed";
}

TEST_F(LocalPostgresTest, ADataFolderOfAnotherMajorVersionIsRefused) {
  ASSERT_TRUE(Start()->Stop().ok());
  std::ofstream(folder_ / "data" / "PG_VERSION") << "9\n";
  const auto status = LocalPostgres::Start(Options()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Postgres 9"));
}

TEST_F(LocalPostgresTest, AFolderWithOtherThingsIsNotTouched) {
  fs::create_directories(folder_ / "data");
  std::ofstream(folder_ / "data" / "thesis.txt") << "years of work";
  EXPECT_EQ(LocalPostgres::Start(Options()).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(fs::exists(folder_ / "data" / "thesis.txt"));
}

TEST_F(LocalPostgresTest, ASocketFolderThatIsTooLongIsRefusedWithItsLength) {
  LocalPostgresOptions options = Options();
  options.socket_dir = folder_ / std::string(100, 'x');
  const auto status = LocalPostgres::Start(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("bytes"));
}

TEST_F(LocalPostgresTest, ASocketFolderThatIsThereKeepsItsMode) {
  LocalPostgresOptions options = Options();
  options.socket_dir = folder_ / "sockets";
  fs::create_directories(options.socket_dir);
  fs::permissions(options.socket_dir, fs::perms::all);
  const auto postgres = LocalPostgres::Start(options);
  ASSERT_TRUE(postgres.ok()) << postgres.status();
  EXPECT_EQ(fs::status(options.socket_dir).permissions(), fs::perms::all);
}

TEST_F(LocalPostgresTest, ASettingThatPostgresRefusesIsShownInItsWords) {
  LocalPostgresOptions options = Options();
  options.settings = {"no_such_setting=1"};
  const auto status = LocalPostgres::Start(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no_such_setting"));
}

TEST_F(LocalPostgresTest, AThreadThatStartedItMayEnd) {
  std::unique_ptr<LocalPostgres> postgres;
  std::thread([&] { postgres = Start(); }).join();
  ASSERT_NE(postgres, nullptr);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(Sql(postgres->Dsn("postgres"), "SELECT 1"), "1");
  EXPECT_TRUE(postgres->running());
}

// Run by the next test in a process of its own.
TEST_F(LocalPostgresTest, ChildThatDiesWithAServer) {
  const char* data_dir = std::getenv("CIEVENTS_TEST_DATA_DIR");
  if (data_dir == nullptr) GTEST_SKIP() << "the other half of the next test";
  LocalPostgresOptions options = Options();
  options.data_dir = data_dir;
  // Nobody cleans up after this process: all that it leaves is in its parent's folder.
  options.socket_dir = fs::path(data_dir).parent_path() / "sockets";
  fs::remove_all(folder_);
  const auto postgres = LocalPostgres::Start(options);
  ASSERT_TRUE(postgres.ok()) << postgres.status();
  std::printf("postmaster=%d\n", (*postgres)->pid());
  std::fflush(stdout);
  raise(SIGKILL);
}

TEST_F(LocalPostgresTest, WhenThisProcessDiesTheServerEndsAndTheFolderCanBeUsedAgain) {
  const std::string self = fs::read_symlink("/proc/self/exe");
  const std::string command =
      fmt::format("CIEVENTS_TEST_DATA_DIR={} '{}' --gtest_filter='*ChildThatDiesWithAServer'",
                  (folder_ / "data").string(), self);
  FILE* output = popen(command.c_str(), "re");
  ASSERT_NE(output, nullptr);
  int postmaster = 0;
  char line[512];
  while (std::fgets(line, sizeof(line), output) != nullptr) {
    std::sscanf(line, "postmaster=%d", &postmaster);
  }
  EXPECT_NE(pclose(output), 0);
  ASSERT_GT(postmaster, 0);
  const auto postgres = Start();
  ASSERT_NE(postgres, nullptr);
  EXPECT_EQ(Sql(postgres->Dsn("postgres"), "SELECT 1"), "1");
  EXPECT_NE(postgres->pid(), postmaster);
}

}  // namespace
}  // namespace cievents::store
