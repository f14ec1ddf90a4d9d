// `cievents spool drain` as an operator sees it: a folder, a database, what is printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/time/clock.h"
#include "services/cli/commands.h"
#include "services/event_matcher/spool_codec.h"
#include "services/lib/spool/testing/spool_folder.h"
#include "services/lib/store/testing/test_database.h"
#include "services/lib/store/testing/test_rows.h"

namespace cievents::cli {
namespace {

using spool::testing::AppendAndWait;
using spool::testing::SpoolFolder;

spool::Record SpooledEvent(int number, const std::string& data = "{}") {
  event_matcher::EventWrite write;
  write.event = store::MakeEvent(number, data);
  write.requests = {store::MakeRequest(write.event, 1), store::MakeRequest(write.event, 2)};
  return *event_matcher::EncodeSpooled(write);
}

// Kept for the matcher of another shard.
spool::Record RawEvent(const std::string& id) {
  Event event;
  event.id = id;
  event.names = {"custom/a"};
  return event_matcher::EncodeRaw({event_matcher::EventFormat::kNative, "as it came"}, event, 70,
                                  absl::ToUnixMillis(absl::Now()));
}

class SpoolDrainCommandTest : public ::testing::Test {
 protected:
  void Fill(std::vector<spool::Record> records) {
    spool::Spool::Options options;
    options.dir = folder_.spool();
    auto spool = spool::Spool::Open(options);
    ASSERT_TRUE(spool.ok()) << spool.status();
    const auto ids = AppendAndWait(**spool, std::move(records));
    ASSERT_TRUE(ids.ok()) << ids.status();
  }
  int Drain(bool json = false) {
    SpoolDrainOptions options;
    options.dir = folder_.spool();
    options.database_url = dsn_;
    options.json = json;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int exit_code = RunSpoolDrain(options);
    output_ = testing::internal::GetCapturedStdout();
    errors_ = testing::internal::GetCapturedStderr();
    return exit_code;
  }
  std::string Count(const std::string& table) {
    return store::Sql(database_.dsn(), "SELECT count(*) FROM cievents." + table);
  }

  store::TestDatabase database_;
  std::string dsn_ = database_.dsn();
  SpoolFolder folder_;
  std::string output_;
  std::string errors_;
};

TEST_F(SpoolDrainCommandTest, WhatWaitsIsStoredOnceHoweverOftenItIsDrained) {
  std::vector<spool::Record> records;
  for (int i = 1; i <= 1200; ++i) records.push_back(SpooledEvent(i));
  Fill(std::move(records));
  EXPECT_EQ(Drain(), kExitOk);
  EXPECT_EQ(output_, "1200 events stored, 0 set aside, 0 left, 0 damaged\n");
  EXPECT_EQ(Count("events"), "1200");
  EXPECT_EQ(Count("ready_requests"), "2400");
  EXPECT_EQ(Drain(true), kExitOk);
  EXPECT_EQ(output_, R"({"stored":0,"refused":0,"left":0,"raw":0,"damaged":0})"
                     "\n");
  Fill({SpooledEvent(1)});
  EXPECT_EQ(Drain(), kExitOk);
  EXPECT_EQ(Count("ready_requests"), "2400");
}

TEST_F(SpoolDrainCommandTest, WhatCannotBeStoredIsAFinding) {
  Fill({SpooledEvent(1), SpooledEvent(2)});
  EXPECT_EQ(Drain(), kExitOk);
  Fill({SpooledEvent(1, R"({"other": 1})"), SpooledEvent(3)});
  EXPECT_EQ(Drain(true), kExitFindings);
  EXPECT_EQ(output_, R"({"stored":1,"refused":1,"left":0,"raw":0,"damaged":0})"
                     "\n");
}

TEST_F(SpoolDrainCommandTest, WhatOnlyAMatcherCanMatchStaysAndIsSaid) {
  Fill({RawEvent("a"), SpooledEvent(1), RawEvent("b")});
  EXPECT_EQ(Drain(), kExitFindings);
  EXPECT_EQ(output_, "1 events stored, 0 set aside, 2 left, 0 damaged\n");
  EXPECT_THAT(errors_, ::testing::HasSubstr("2 of the events that are left were kept for"));
  EXPECT_THAT(errors_, ::testing::HasSubstr("--spool-dir " + folder_.spool()));
  EXPECT_EQ(Count("events"), "1");
  EXPECT_EQ(Drain(true), kExitFindings);
  EXPECT_EQ(output_, R"({"stored":0,"refused":0,"left":2,"raw":2,"damaged":0})"
                     "\n");
}

TEST_F(SpoolDrainCommandTest, WithoutPostgresNothingIsLost) {
  Fill({SpooledEvent(1)});
  dsn_ = "host=/nowhere dbname=none";
  EXPECT_EQ(Drain(), kExitUnreachable);
  dsn_ = database_.dsn();
  EXPECT_EQ(Drain(), kExitOk);
  EXPECT_EQ(Count("events"), "1");
}

TEST_F(SpoolDrainCommandTest, ASpoolThatIsInUseIsLeftAlone) {
  Fill({SpooledEvent(1)});
  spool::Spool::Options options;
  options.dir = folder_.spool();
  const auto held = spool::Spool::Open(options);
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_EQ(Drain(), kExitFindings);
  EXPECT_EQ(Count("events"), "0");
}

}  // namespace
}  // namespace cievents::cli
