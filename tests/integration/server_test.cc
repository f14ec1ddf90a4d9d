// What every server has: health, reflection, loopback; and real CI files through the real door.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "tests/integration/project.h"

namespace cievents::integration {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ServerTest, HealthSaysServingOnceItIsReady) {
  Server();
  const auto health = CallRaw("/grpc.health.v1.Health/Check", "");
  ASSERT_TRUE(health.ok()) << health.status();
  EXPECT_EQ(*health, "\x08\x01") << "HealthCheckResponse{status: SERVING}";
}

TEST(ServerTest, ReflectionNamesTheServices) {
  Server();
  const auto answer =
      CallRawStream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                    std::string("\x3a\x01*", 3));  // ServerReflectionRequest{list_services: "*"}
  ASSERT_TRUE(answer.ok()) << answer.status();
  for (const char* service : {"cievents.events.v1.EventService", "cievents.config.v1.ConfigService",
                              "cievents.pipelines.v1.PipelineService",
                              "cievents.admin.v1.AdminService", "grpc.health.v1.Health"}) {
    EXPECT_THAT(*answer, HasSubstr(service));
  }
}

TEST(ServerTest, TheCatalogueIsListedOverGrpc) {
  Server();
  const auto types = Call(admin::v1::ListEventTypesRequest());
  ASSERT_TRUE(types.ok()) << types.status();
  EXPECT_GT(types->event_types_size(), 100);
  for (const auto& type : types->event_types()) {
    EXPECT_FALSE(type.name().empty());
    EXPECT_FALSE(type.summary().empty()) << type.name();
  }
}

TEST(ServerTest, AnUnknownMethodIsUnimplemented) {
  Server();
  EXPECT_EQ(CallRaw("/cievents.events.v1.EventService/Dance", "").status().code(),
            absl::StatusCode::kUnimplemented);
}

// Local addresses of the listening TCP sockets of a process, as in /proc/net/tcp: hex,
// "0100007F:C350".
std::vector<std::string> ListeningAddresses(pid_t pid) {
  std::vector<std::string> inodes;
  std::error_code ignored;
  for (const auto& fd :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), ignored)) {
    const std::string target = std::filesystem::read_symlink(fd.path(), ignored).string();
    if (target.rfind("socket:[", 0) == 0) inodes.push_back(target.substr(8, target.size() - 9));
  }
  std::vector<std::string> addresses;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::istringstream lines(support::ReadWholeFile(table));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream columns(line);
      std::string slot, local, remote, state, skip, inode;
      columns >> slot >> local >> remote >> state;
      for (int i = 0; i < 5; ++i) columns >> skip;
      columns >> inode;
      if (state != "0A") continue;  // LISTEN
      if (std::find(inodes.begin(), inodes.end(), inode) != inodes.end())
        addresses.push_back(local);
    }
  }
  return addresses;
}

TEST(ServerTest, ItsPortsAreBoundOnLoopbackOnlyAndPostgresHasNone) {
  const std::vector<std::string> addresses = ListeningAddresses(Server().process().pid());
  EXPECT_THAT(addresses, Not(IsEmpty()));
  // 127.0.0.1 and ::ffff:127.0.0.1.
  EXPECT_THAT(addresses, Each(AnyOf(StartsWith("0100007F:"),
                                    StartsWith("0000000000000000FFFF00000100007F:"))));
  const std::vector<pid_t> children = support::ChildrenOf(Server().process().pid());
  EXPECT_THAT(children, Not(IsEmpty()));
  for (const pid_t postgres : children) EXPECT_THAT(ListeningAddresses(postgres), IsEmpty());
}

TEST(ServerTest, ListeningBeyondLoopbackIsRefusedWithoutTheFlag) {
  for (const char* role : {"ingest", "matcher", "dispatcher"}) {
    for (const char* address : {"0.0.0.0:0", "[::]:0", "192.0.2.1:80", ":50051"}) {
      const support::Finished finished =
          Server().Cli({role, "--database-url", "postgresql:///x", "--listen", address});
      EXPECT_EQ(finished.exit_code, 2) << role << " " << address << finished.err;
      EXPECT_THAT(finished.err, HasSubstr("--allow-unauthenticated"));
    }
  }
}

TEST(ServerTest, MetricsAreServedOnLoopbackOnlyToo) {
  const support::Finished beyond = Server().Cli(
      {"matcher", "--database-url", "postgresql:///x", "--metrics-listen", "0.0.0.0:0"});
  EXPECT_EQ(beyond.exit_code, 2) << beyond.err;
  EXPECT_THAT(beyond.err, HasSubstr("--metrics-listen 0.0.0.0:0 is reachable"));
  const support::Finished taken =
      Server().Cli({"matcher", "--database-url", Server().ready().postgres, "--metrics-listen",
                    Server().endpoint()});
  EXPECT_EQ(taken.exit_code, 3) << taken.err;
  EXPECT_THAT(taken.err, HasSubstr(Server().endpoint() + " for metrics"));
}

TEST(ServerTest, APortThatIsTakenIsSaidInsteadOfShared) {
  const std::string& endpoint = Server().endpoint();
  const support::Finished finished = Server().Cli(
      {"dispatcher", "--database-url", Server().ready().postgres, "--listen", endpoint});
  EXPECT_EQ(finished.exit_code, 3) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr(endpoint));
}

std::filesystem::path SharedData() {
  const char* configured = std::getenv("CIEVENTS_SHARED_DATA");
  return configured != nullptr ? configured : "../shared/data";
}

#ifdef NDEBUG
constexpr double kPushSecondsMax = 1.0;
#else
constexpr double kPushSecondsMax = 5.0;  // sanitizers
#endif

TEST(CorpusTest, CiFilesOfRealProjectsArePushedQuicklyAndWithoutACrash) {
  const std::filesystem::path folder = SharedData() / "gitlab" / "ci-yaml";
  if (!std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "no corpus at " << folder << "; set CIEVENTS_SHARED_DATA";
  }
  int files = 0;
  int with_errors = 0;
  double longest = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string extension = file.path().extension().string();
    if (!file.is_regular_file() || (extension != ".yml" && extension != ".yaml")) continue;
    SCOPED_TRACE(file.path().filename().string());
    ++files;
    Project project;
    project.Set(".gitlab-ci.yml", support::ReadWholeFile(file.path().string()));
    const auto start = std::chrono::steady_clock::now();
    const auto response = PushWithClient(project.Request(), project.files());
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    longest = std::max(longest, elapsed.count());
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_LT(elapsed.count(), kPushSecondsMax);
    EXPECT_TRUE(response->result() == config::v1::PUSH_RESULT_APPLIED ||
                response->result() == config::v1::PUSH_RESULT_APPLIED_WITH_ERRORS)
        << ResultName(*response);
    if (response->result() == config::v1::PUSH_RESULT_APPLIED_WITH_ERRORS) {
      ++with_errors;
      bool explained = false;
      for (const auto& issue : response->issues()) {
        explained |= issue.severity() == config::v1::SEVERITY_ERROR && issue.line() > 0;
      }
      EXPECT_TRUE(explained) << "an error without a place";
    }
  }
  fmt::print("{} CI files pushed, {} with errors, the longest took {:.3f} s\n", files, with_errors,
             longest);
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace cievents::integration
