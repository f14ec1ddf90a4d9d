// `cievents spool list` as a user sees it, while the spool's process runs and after.
#include <sys/stat.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cli/commands.h"
#include "services/lib/spool/spool.h"
#include "services/lib/spool/testing/spool_folder.h"

namespace cievents::cli {
namespace {

using spool::testing::AppendAndWait;
using spool::testing::SpoolFolder;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

enum class Format { kText, kJson };

struct Listing {
  int exit_code = 0;
  std::string output;
};

Listing List(const std::string& dir, Format format) {
  SpoolOptions options;
  options.dir = dir;
  options.json = format == Format::kJson;
  testing::internal::CaptureStdout();
  Listing listing;
  listing.exit_code = RunSpoolList(options);
  listing.output = testing::internal::GetCapturedStdout();
  return listing;
}

spool::Record Event(int n) {
  spool::Record record;
  record.event_uid = fmt::format("0199-{}", n);
  record.event_id = fmt::format("event-{}\x1b[2J", n);  // not to be obeyed by a terminal
  record.source = "gitlab.example.com";
  record.event_name = "issue/created";
  record.project_id = 100 + n;
  record.event_time_ms = 1'780'000'000'000;
  record.received_time_ms = 1'780'000'000'500;
  record.request_count = n;
  record.body = "secret payload";
  return record;
}

class SpoolCommandTest : public testing::Test {
 protected:
  SpoolCommandTest() {
    spool::Spool::Options options;
    options.dir = folder_.spool();
    spool_ = *spool::Spool::Open(options);
    const auto ids = *AppendAndWait(*spool_, {Event(1), Event(2), Event(3)});
    spool_->Remove({ids[0]});
    spool_->Refuse(ids[2], "value too long");
    spool_->Stop();
  }

  SpoolFolder folder_;
  std::unique_ptr<spool::Spool> spool_;
};

TEST_F(SpoolCommandTest, ItListsWhatWaitsAndWhatIsRefused) {
  const Listing listing = List(folder_.spool(), Format::kText);
  EXPECT_EQ(listing.exit_code, kExitOk);
  EXPECT_THAT(listing.output, StartsWith("ID "));
  EXPECT_THAT(listing.output,
              HasSubstr("1/2  matched  0199-2     event-2?[2J  102      2026-05-28T20:26:40.500Z"));
  EXPECT_THAT(listing.output, MatchesRegex("(.|\n)*\n1/3 .*refused  value too long\n"));
  EXPECT_EQ(listing.output.find("0199-1"), std::string::npos) << listing.output;
  EXPECT_EQ(listing.output.find("secret"), std::string::npos);
}

TEST_F(SpoolCommandTest, ForProgramsEachIsALineOfJson) {
  const Listing listing = List(folder_.spool(), Format::kJson);
  EXPECT_EQ(listing.exit_code, kExitOk);
  EXPECT_EQ(
      listing.output.substr(0, listing.output.find('\n')),
      R"({"id":"1/2","state":"waiting","kind":"matched","event_uid":"0199-2","event_id":"event-2\u001b[2J",)"
      R"("source":"gitlab.example.com","event_name":"issue/created","project_id":102,)"
      R"("event_time":"2026-05-28T20:26:40.000Z","received_time":"2026-05-28T20:26:40.500Z",)"
      R"("request_count":2,"bytes":126,"reason":""})");
}

TEST_F(SpoolCommandTest, ItRunsBesideTheSpoolsProcess) {
  spool_ = nullptr;
  spool::Spool::Options options;
  options.dir = folder_.spool();
  spool_ = *spool::Spool::Open(options);
  ASSERT_TRUE(AppendAndWait(*spool_, {Event(4)}).ok());
  EXPECT_THAT(List(folder_.spool(), Format::kText).output, HasSubstr("event-4"));
  ASSERT_TRUE(AppendAndWait(*spool_, {Event(5)}).ok());
}

TEST_F(SpoolCommandTest, DamageIsAFinding) {
  spool::testing::WriteBytes(folder_.spool() + "/segment-000001.db", std::string(5000, 'x'));
  const Listing listing = List(folder_.spool(), Format::kText);
  EXPECT_EQ(listing.exit_code, kExitFindings);
  EXPECT_THAT(listing.output, HasSubstr("segment-000001.db"));
  EXPECT_THAT(listing.output, HasSubstr("damaged"));
}

TEST_F(SpoolCommandTest, AFolderWithoutASpoolIsAnError) {
  EXPECT_EQ(List(folder_ / "elsewhere", Format::kText).exit_code, kExitUsage);
}

}  // namespace
}  // namespace cievents::cli
