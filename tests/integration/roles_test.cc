// One role a process, over a Postgres that comes, goes and comes back.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "services/lib/store/local_postgres.h"
#include "tests/integration/health.h"
#include "tests/support/dev_server.h"
#include "tests/support/json.h"

namespace cievents::integration {
namespace {

using support::Finished;
using support::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// The body of a GET, whose answer must be 200; `url` is http://127.0.0.1:PORT/PATH.
std::string HttpGet(const std::string& url) {
  const std::string prefix = "http://127.0.0.1:";
  if (url.rfind(prefix, 0) != 0) return "not a URL of loopback: " + url;
  const size_t slash = url.find('/', prefix.size());
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port =
      htons(static_cast<uint16_t>(std::stoi(url.substr(prefix.size(), slash - prefix.size()))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request =
        fmt::format("GET {} HTTP/1.0\r\nHost: localhost\r\n\r\n", url.substr(slash));
    char buffer[4096];
    ssize_t count = send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    while (count > 0) {
      count = recv(fd, buffer, sizeof(buffer), 0);
      if (count > 0) answer.append(buffer, static_cast<size_t>(count));
    }
  }
  close(fd);
  const size_t body = answer.find("\r\n\r\n");
  const bool ok = answer.rfind("HTTP/1.", 0) == 0 && answer.find(" 200 ") < answer.find('\n');
  return ok && body != std::string::npos ? answer.substr(body + 4) : "no answer: " + answer;
}

// What a metric without labels, or with these, is; -1: it is not there.
double Metric(const std::string& metrics, const std::string& name) {
  const size_t line = ("\n" + metrics).find("\n" + name + " ");
  return line == std::string::npos ? -1 : std::stod(metrics.substr(line + name.size()));
}

class RolesTest : public ::testing::Test {
 protected:
  // What LocalPostgres will answer to once it runs.
  std::string Dsn() const {
    std::string host = folder_ / "s";
    for (size_t at; (at = host.find('/')) != std::string::npos;) host.replace(at, 1, "%2F");
    return "postgresql://postgres@" + host + "/cievents";
  }
  void StartPostgres() {
    store::LocalPostgresOptions options;
    options.data_dir = folder_ / "data";
    options.socket_dir = folder_ / "s";
    options.fsync = store::Fsync::kOff;
    options.settings = {"shared_buffers=32MB"};
    auto started = store::LocalPostgres::Start(options);
    ASSERT_TRUE(started.ok()) << started.status();
    postgres_ = *std::move(started);
    ASSERT_TRUE(postgres_->EnsureDatabase("cievents").ok());
  }
  std::unique_ptr<support::Process> StartRole(const std::string& role,
                                              const std::vector<std::string>& more = {}) {
    support::ProcessOptions options;
    options.arguments = {support::CieventsBinary(),
                         role,
                         "--database-url",
                         Dsn(),
                         "--ready-file",
                         Ready(role),
                         "--log-format",
                         "json"};
    options.arguments.insert(options.arguments.end(), more.begin(), more.end());
    options.stderr_file = LogFile(role);
    return support::Process::Start(options);
  }
  std::string Ready(const std::string& role) const { return folder_ / (role + ".json"); }
  std::string LogFile(const std::string& role) const { return folder_ / (role + ".log"); }
  bool WaitForLog(const std::string& role, const std::string& text) const {
    return support::WaitUntil(
        [&] { return support::ReadWholeFile(LogFile(role)).find(text) != std::string::npos; });
  }
  Finished Cli(std::vector<std::string> arguments, const std::string& endpoint = "",
               const std::string& input = "") const {
    support::ProcessOptions options;
    options.arguments = std::move(arguments);
    options.arguments.insert(options.arguments.begin(), support::CieventsBinary());
    options.environment["CIEVENTS_ENDPOINT"] = endpoint;
    options.folder = folder_.path();
    options.input = input;
    return support::Run(std::move(options));
  }

  support::TempFolder folder_;
  std::unique_ptr<store::LocalPostgres> postgres_;
};

TEST_F(RolesTest, RolesWaitForPostgresAndItsSchemaAndWorkThroughItsRestart) {
  const auto matcher = StartRole("matcher");
  const auto ingest = StartRole("ingest");
  const auto dispatcher = StartRole("dispatcher");
  for (const char* role : {"matcher", "ingest", "dispatcher"}) {
    EXPECT_TRUE(WaitForLog(role, "the database is not ready; retrying")) << role;
  }
  const Finished unreachable = Cli({"migrate", "status", "--database-url", Dsn()});
  EXPECT_EQ(unreachable.exit_code, 3) << unreachable.err;

  StartPostgres();
  for (const char* role : {"matcher", "ingest", "dispatcher"}) {
    EXPECT_TRUE(WaitForLog(role, "migrations are pending: run `cievents migrate up`")) << role;
    EXPECT_FALSE(support::FileExists(Ready(role)));
  }
  const Json status(Cli({"migrate", "status", "--json", "--database-url", Dsn()}).out);
  EXPECT_THAT(status.keys(), ElementsAre("version", "pending"));
  EXPECT_EQ(status["version"].number(), 0);
  EXPECT_THAT(status["pending"].items(), Not(IsEmpty()));
  const Finished up = Cli({"migrate", "up", "--json", "--database-url", Dsn()});
  ASSERT_EQ(up.exit_code, 0) << up.err;
  EXPECT_EQ(Json(up.out)["version"].number(),
            static_cast<int64_t>(status["pending"].items().size()));
  EXPECT_THAT(Json(up.out)["pending"].items(), IsEmpty());
  EXPECT_EQ(Cli({"migrate", "verify", "--database-url", Dsn()}).exit_code, 0);

  const auto matcher_ready = support::WaitForReadyFile(Ready("matcher"), *matcher);
  const auto ingest_ready = support::WaitForReadyFile(Ready("ingest"), *ingest);
  const auto dispatcher_ready = support::WaitForReadyFile(Ready("dispatcher"), *dispatcher);
  ASSERT_TRUE(matcher_ready && ingest_ready && dispatcher_ready);
  EXPECT_TRUE(Json(matcher_ready->text)["postgres"].is_null()) << "no credentials in a ready file";

  folder_.Write("repo/.gitlab/ci/events/a.yml", "spec: {events: [issue/created]}\n---\n");
  const Finished push = Cli(
      {"push", "--json", "--project-id", "7", "--namespace-ids", "70", "--dir", folder_ / "repo"},
      ingest_ready->grpc);
  ASSERT_EQ(push.exit_code, 0) << push.err;
  const std::string webhook =
      R"({"object_kind": "issue", "object_attributes": {"action": "open"}, "project": {"id": 7}})";
  const auto emit = [&](const std::string& timeout) {
    return Json(
        Cli({"emit", "--json", "--webhook", "-", "--namespace-ids", "70", "--timeout", timeout},
            matcher_ready->grpc, webhook)
            .out);
  };
  EXPECT_TRUE(support::WaitUntil([&] { return emit("10")["matched"].number() == 1; }));
  const auto leased = [&] {
    const Finished lease =
        Cli({"requests", "lease", "--json", "--max", "100", "--complete"}, dispatcher_ready->grpc);
    EXPECT_EQ(lease.exit_code, 0) << lease.err;
    return support::JsonLines(lease.out).size();
  };
  EXPECT_EQ(leased(), 1u);

  const std::string metrics_url = Json(matcher_ready->text)["metrics"].string();
  EXPECT_TRUE(Json(ingest_ready->text)["metrics"].is_null());
  const std::string before = HttpGet(metrics_url);
  EXPECT_EQ(Metric(before, "cievents_ready"), 1) << before;
  EXPECT_EQ(Metric(before, "cievents_store_up"), 1);
  EXPECT_EQ(Metric(before, "cievents_events_matched_total"), 1);
  EXPECT_GE(Metric(before, "cievents_committed_events_total"), 1);
  EXPECT_EQ(Metric(before, "cievents_events_overloaded_total{reason=\"store_unavailable\"}"), 0);
  EXPECT_EQ(Metric(before, "cievents_index_subscriptions"), 1);
  const double lag = Metric(before, "cievents_feed_lag_seconds");
  EXPECT_GE(lag, 0);

  ASSERT_TRUE(postgres_->Stop().ok());
  EXPECT_EQ(emit("0")["reason"].string(), "store_unavailable");
  const std::string away = HttpGet(metrics_url);
  EXPECT_EQ(Metric(away, "cievents_store_up"), 0) << away;
  EXPECT_EQ(Metric(away, "cievents_events_overloaded_total{reason=\"store_unavailable\"}"), 1);
  EXPECT_EQ(Metric(away, "cievents_given_up_events_total"), 1);
  EXPECT_GT(Metric(away, "cievents_feed_lag_seconds"), lag) << "the feed is lost";
  EXPECT_EQ(Cli({"subscriptions", "list", "--timeout", "0"}, ingest_ready->grpc).exit_code, 3);
  EXPECT_EQ(Cli({"requests", "list", "--timeout", "0"}, dispatcher_ready->grpc).exit_code, 3);
  ASSERT_TRUE(postgres_->Restart().ok());
  EXPECT_EQ(emit("30")["outcome"].string(), "accepted");
  EXPECT_EQ(Cli({"subscriptions", "list", "--timeout", "30"}, ingest_ready->grpc).exit_code, 0);
  EXPECT_GE(leased(), 1u);

  for (support::Process* role : {matcher.get(), ingest.get(), dispatcher.get()}) {
    role->Signal(SIGTERM);
    EXPECT_EQ(role->Wait(), 0);
  }
}

// A file system of 2 MiB of memory.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& folder) : folder_(folder) {
    std::filesystem::create_directories(folder);
    mounted_ = mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=2m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  void Fill() const {
    std::ofstream filler(folder_ + "/filler", std::ios::binary | std::ios::app);
    while (filler.put('x').flush()) {
    }
  }
  void Free() const { std::filesystem::remove(folder_ + "/filler"); }

 private:
  const std::string folder_;
  bool mounted_ = false;
};

TEST_F(RolesTest, AMatcherWhoseSpoolFailsIsNotReadyUntilItWorksAgain) {
  const SmallDisk disk(folder_ / "disk");
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount";
  StartPostgres();
  ASSERT_EQ(Cli({"migrate", "up", "--database-url", Dsn()}).exit_code, 0);
  const auto matcher = StartRole("matcher", {"--spool-dir", folder_ / "disk/spool"});
  const auto ingest = StartRole("ingest");
  const auto matcher_ready = support::WaitForReadyFile(Ready("matcher"), *matcher);
  const auto ingest_ready = support::WaitForReadyFile(Ready("ingest"), *ingest);
  ASSERT_TRUE(matcher_ready && ingest_ready);
  EXPECT_EQ(HealthOf(matcher_ready->grpc), "SERVING");
  folder_.Write("repo/.gitlab/ci/events/a.yml", "spec: {events: [issue/created]}\n---\n");
  ASSERT_EQ(Cli({"push", "--project-id", "7", "--namespace-ids", "70", "--dir", folder_ / "repo"},
                ingest_ready->grpc)
                .exit_code,
            0);
  const std::string url = Json(matcher_ready->text)["metrics"].string();
  ASSERT_TRUE(support::WaitUntil(
      [&] { return Metric(HttpGet(url), "cievents_index_subscriptions") == 1; }));

  ASSERT_TRUE(postgres_->Stop().ok());
  disk.Fill();
  EXPECT_EQ(HealthOf(matcher_ready->grpc), "SERVING") << "nothing has failed yet";
  // Not waited for: it is answered once the matcher has given Postgres up.
  support::ProcessOptions emit;
  emit.arguments = {support::CieventsBinary(), "emit", "--webhook", "-", "--namespace-ids", "70"};
  emit.environment["CIEVENTS_ENDPOINT"] = matcher_ready->grpc;
  emit.input =
      R"({"object_kind": "issue", "object_attributes": {"action": "open"}, "project": {"id": 7}})";
  emit.stdout_file = folder_ / "emit.out";
  const auto emitting = support::Process::Start(emit);
  EXPECT_TRUE(support::WaitUntil([&] {
    disk.Fill();  // what the spool has given up
    return HealthOf(matcher_ready->grpc) == "NOT_SERVING";
  })) << support::ReadWholeFile(LogFile("matcher"));
  EXPECT_GE(Metric(HttpGet(url), "cievents_spool_failures_total"), 1);
  disk.Free();
  EXPECT_TRUE(support::WaitUntil([&] { return HealthOf(matcher_ready->grpc) == "SERVING"; }));
  EXPECT_EQ(Metric(HttpGet(url), "cievents_spool_writable"), 1);
}

TEST_F(RolesTest, ARoleThatStillWaitsForPostgresStopsWhenItIsTold) {
  const auto matcher = StartRole("matcher");
  ASSERT_TRUE(WaitForLog("matcher", "the database is not ready; retrying"));
  matcher->Signal(SIGTERM);
  EXPECT_EQ(matcher->Wait(std::chrono::seconds(10)), 0);
}

TEST_F(RolesTest, AConnectionStringThatIsNoneIsAUsageError) {
  for (const char* role : {"matcher", "ingest", "dispatcher"}) {
    const Finished finished = Cli({role, "--database-url", "colour=blue"});
    EXPECT_EQ(finished.exit_code, 2) << role;
    EXPECT_THAT(finished.err, HasSubstr("colour")) << role;
  }
}

}  // namespace
}  // namespace cievents::integration
