// `cievents dev` is stopped, killed and started again, and its Postgres dies under it: what was
// answered stays true. Everything goes over the command line, as a person would do it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <set>

#include "services/lib/store/testing/test_database.h"
#include "tests/support/dev_server.h"
#include "tests/support/json.h"

namespace cievents::integration {
namespace {

using support::Finished;
using support::Json;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string EventLine(int number, int64_t time_ms) {
  return fmt::format(
      "{{\"id\": \"e{}\", \"source\": \"test\", \"names\": [\"custom/x\"], \"project_id\": 7, "
      "\"namespace_ids\": [70], \"time\": {}, \"data\": {{\"n\": {}}}}}\n",
      number, time_ms, number);
}

class DevLifecycleTest : public ::testing::Test {
 protected:
  void Start() { ASSERT_TRUE(server_.Start()) << server_.Log(); }

  // Project 7 subscribes to custom/x; returns when the matcher has it.
  void Push() {
    folder_.Write("repo/.gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
    const Finished push = server_.Cli({"push", "--json", "--project-id", "7", "--namespace-ids",
                                       "70", "--dir", folder_ / "repo"});
    ASSERT_EQ(push.exit_code, 0) << push.err;
    // An event that matches nothing leaves nothing behind, so asking again is harmless.
    ASSERT_TRUE(support::WaitUntil([this] { return Emit(0, 0).at("e0") == "accepted 1"; }));
  }

  // OUTCOME MATCHED, by event id.
  std::map<std::string, std::string> Outcomes(const std::string& lines) {
    std::map<std::string, std::string> outcomes;
    for (const Json& line : support::JsonLines(lines)) {
      outcomes[line["id"].string()] = line["outcome"].string() + " " + line["matched"].text();
    }
    return outcomes;
  }
  std::map<std::string, std::string> Emit(int first, int last) {
    std::string lines;
    for (int i = first; i <= last; ++i) lines += EventLine(i, NowMs());
    const Finished emit = server_.Cli({"emit", "--json", "--event", "-"}, lines);
    EXPECT_EQ(emit.exit_code, 0) << emit.err << emit.out;
    return Outcomes(emit.out);
  }
  std::vector<Json> List(const std::vector<std::string>& what) {
    std::vector<std::string> arguments = what;
    arguments.push_back("--json");
    const Finished list = server_.Cli(arguments);
    EXPECT_EQ(list.exit_code, 0) << list.err;
    return support::JsonLines(list.out);
  }
  std::vector<Json> Requests() { return List({"requests", "list", "--limit", "100000"}); }

  pid_t Postmaster() {
    const std::vector<pid_t> children = support::ChildrenOf(server_.process().pid());
    return children.size() == 1 ? children[0] : 0;
  }
  // The postmaster and all its processes.
  std::vector<pid_t> PostgresProcesses() {
    std::vector<pid_t> pids = support::ChildrenOf(Postmaster());
    pids.push_back(Postmaster());
    return pids;
  }
  static bool AllGone(const std::vector<pid_t>& pids) {
    for (const pid_t pid : pids) {
      if (support::IsAlive(pid)) return false;
    }
    return true;
  }
  // SIGKILL. What nobody is left to clean up is removed here.
  void Kill() {
    const std::string sockets = SocketFolder();
    const std::vector<pid_t> postgres = PostgresProcesses();
    server_.Kill();
    left_over_.emplace_back(sockets, postgres);
  }
  void TearDown() override {
    for (const auto& [sockets, postgres] : left_over_) {
      EXPECT_TRUE(support::WaitUntil([pids = postgres] { return AllGone(pids); }))
          << "Postgres outlived a kill";
      std::error_code ignored;
      std::filesystem::remove_all(sockets, ignored);
    }
  }
  std::string SocketFolder() {
    std::string folder = server_.ready().postgres;  // postgresql://postgres@%2Ftmp%2F.../cievents
    folder = folder.substr(folder.find('@') + 1);
    folder = folder.substr(0, folder.find('/'));
    for (size_t at; (at = folder.find("%2F")) != std::string::npos;) folder.replace(at, 3, "/");
    return folder;
  }

  support::TempFolder folder_;
  support::DevServer server_{folder_};
  std::vector<std::pair<std::string, std::vector<pid_t>>> left_over_;  // by Kill
};

TEST_F(DevLifecycleTest, AStopIsCleanAndTheNextStartFindsEverything) {
  Start();
  Push();
  const std::vector<Json> subscriptions = List({"subscriptions", "list"});
  const std::vector<Json> requests = Requests();
  ASSERT_THAT(subscriptions, SizeIs(1));
  ASSERT_THAT(requests, SizeIs(1));
  const std::vector<pid_t> postgres = PostgresProcesses();
  ASSERT_GT(postgres.back(), 0);
  const std::string sockets = SocketFolder();
  ASSERT_TRUE(support::FileExists(sockets));
  const std::string first_ready = server_.ready().text;

  EXPECT_EQ(server_.Stop(), 0) << server_.Log();
  EXPECT_FALSE(support::FileExists(server_.ready_path()));
  EXPECT_TRUE(AllGone(postgres)) << "Postgres outlived a clean stop";
  EXPECT_FALSE(support::FileExists(sockets));

  Start();
  EXPECT_NE(server_.ready().text, first_ready);
  EXPECT_EQ(List({"subscriptions", "list"}).at(0).text(), subscriptions[0].text());
  EXPECT_EQ(Requests().at(0).text(), requests[0].text());
  EXPECT_EQ(Emit(1, 1).at("e1"), "accepted 1") << "the set was loaded before it served";
  const Json again(server_
                       .Cli({"push", "--json", "--project-id", "7", "--namespace-ids", "70",
                             "--dir", folder_ / "repo"})
                       .out);
  EXPECT_EQ(again["added"].number() + again["updated"].number() + again["removed"].number(), 0);
  EXPECT_THAT(server_.Log(), Not(HasSubstr("\"level\":\"error\"")));
}

TEST_F(DevLifecycleTest, ASecondDevOnTheFolderIsRefusedAndTheFirstGoesOn) {
  Start();
  const Finished second = server_.Cli({"dev", "--data", server_.data_dir()});
  EXPECT_EQ(second.exit_code, 2);
  EXPECT_THAT(second.err, HasSubstr("another `cievents dev` runs on this folder"));
  EXPECT_TRUE(support::FileExists(server_.ready_path())) << "the ready file is the first one's";
  EXPECT_EQ(server_.Cli({"subscriptions", "list"}).exit_code, 0);
}

TEST_F(DevLifecycleTest, ADataFolderThatCannotBeMadeIsAUsageError) {
  const std::string file = folder_.Write("file", "");
  support::ProcessOptions options;
  options.arguments = {support::CieventsBinary(), "dev", "--data", file + "/state"};
  const Finished finished = support::Run(options);
  EXPECT_EQ(finished.exit_code, 2) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr(file));
}

TEST_F(DevLifecycleTest, AKilledDevLeavesNoPostgresBehindAndTheNextStartWorksAtOnce) {
  Start();
  Push();
  const std::vector<Json> subscriptions = List({"subscriptions", "list"});
  const std::vector<pid_t> postgres = PostgresProcesses();
  ASSERT_GT(postgres.back(), 0);
  Kill();
  // Not waiting for Postgres to go: the next start has to.
  Start();
  EXPECT_TRUE(AllGone(postgres)) << "two servers on one data folder";
  EXPECT_EQ(List({"subscriptions", "list"}).at(0).text(), subscriptions[0].text());
  EXPECT_THAT(Requests(), SizeIs(1));
  EXPECT_EQ(Emit(1, 1).at("e1"), "accepted 1");

  const std::vector<pid_t> second = PostgresProcesses();
  ASSERT_GT(second.back(), 0);
  Kill();
  EXPECT_TRUE(support::WaitUntil([&] { return AllGone(second); })) << "Postgres outlived a kill";
}

TEST_F(DevLifecycleTest, PostgresIsKilledUnderLoadAndNothingThatWasAcknowledgedIsLost) {
  Start();
  Push();
  constexpr int kEvents = 6000;
  support::ProcessOptions emit;
  emit.arguments = {support::CieventsBinary(), "emit", "--json", "--timeout", "60", "--event", "-"};
  emit.environment["CIEVENTS_ENDPOINT"] = server_.endpoint();
  for (int i = 1; i <= kEvents; ++i) emit.input += EventLine(i, NowMs());
  emit.stdout_file = folder_ / "emit.out";
  emit.stderr_file = folder_ / "emit.err";
  const std::unique_ptr<support::Process> emitting = support::Process::Start(emit);
  // In the middle of it, as seen in the database.
  const std::string count = "SELECT count(*) FROM cievents.pipeline_requests";
  ASSERT_TRUE(support::WaitUntil(
      [&] { return std::atoi(store::Sql(server_.ready().postgres, count).c_str()) > 100; }));
  const pid_t postmaster = Postmaster();
  ASSERT_GT(postmaster, 0);
  ASSERT_TRUE(emitting->Running()) << "nothing was in flight: send more events";
  kill(postmaster, SIGKILL);
  EXPECT_EQ(emitting->Wait(), 0) << support::ReadWholeFile(emit.stderr_file);
  EXPECT_NE(Postmaster(), postmaster);
  EXPECT_THAT(server_.Log(), HasSubstr("starting it again"));

  const auto outcomes = Outcomes(support::ReadWholeFile(emit.stdout_file));
  EXPECT_THAT(outcomes, SizeIs(kEvents));
  // What was answered from the spool comes a little later.
  support::WaitUntil(
      [&] { return std::atoi(store::Sql(server_.ready().postgres, count).c_str()) >= kEvents; });
  std::map<std::string, int> requests;
  for (const Json& request : Requests()) ++requests[request["event_id"].string()];
  int lost = 0;
  for (const auto& [id, outcome] : outcomes) {
    // `duplicate`: its first try was committed although the answer was lost.
    EXPECT_TRUE(outcome == "accepted 1" || outcome == "duplicate 1") << id << " " << outcome;
    if (requests[id] != 1) ++lost;
  }
  EXPECT_EQ(lost, 0);
  EXPECT_TRUE(server_.process().Running());
}

TEST_F(DevLifecycleTest, EventsAreAnsweredWhilePostgresIsAway) {
  Start();
  Push();
  // Killed with its data folder moved aside, so that the supervisor cannot bring it back yet.
  const std::string data = server_.data_dir() + "/postgres";
  const std::string aside = data + ".aside";
  const std::vector<pid_t> postgres = PostgresProcesses();
  ASSERT_EQ(rename(data.c_str(), aside.c_str()), 0);
  kill(postgres.back(), SIGKILL);
  ASSERT_TRUE(support::WaitUntil([&] { return AllGone(postgres); }));

  const int64_t now = NowMs();
  const Finished spooled =
      server_.Cli({"emit", "--json", "--timeout", "0", "--event", "-"}, EventLine(1, now));
  EXPECT_EQ(spooled.exit_code, 0) << spooled.err;
  const Json outcome(spooled.out);
  EXPECT_EQ(outcome["outcome"].string(), "accepted") << outcome.text();
  EXPECT_EQ(outcome["ack"].string(), "durable_local");
  std::string unmatched = EventLine(2, now);
  unmatched.replace(unmatched.find("custom/x"), 8, "custom/y");
  const Finished accepted =
      server_.Cli({"emit", "--json", "--timeout", "0", "--event", "-"}, unmatched);
  EXPECT_EQ(Json(accepted.out)["outcome"].string(), "accepted")
      << "nothing to keep, no need to wait";
  const Finished list = server_.Cli({"requests", "list", "--timeout", "0"});
  EXPECT_EQ(list.exit_code, 3) << list.err;

  ASSERT_EQ(rename(aside.c_str(), data.c_str()), 0);
  EXPECT_TRUE(support::WaitUntil([&] {
    const Finished list_again = server_.Cli({"requests", "list", "--json", "--timeout", "0"});
    return list_again.exit_code == 0 && support::JsonLines(list_again.out).size() == 2;
  })) << "what was answered from the spool reaches Postgres by itself";
  const Finished retried =
      server_.Cli({"emit", "--json", "--timeout", "60", "--event", "-"}, EventLine(1, now));
  EXPECT_EQ(Json(retried.out)["outcome"].string(), "duplicate") << retried.out << retried.err;
}

}  // namespace
}  // namespace cievents::integration
