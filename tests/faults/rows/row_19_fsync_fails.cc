// Row 19: fsync of the spool fails once with EIO while Postgres is away (strace is attached, and
// answers the call instead of the kernel). Linux may have dropped the pages, and says so only once:
// nothing of that write may be acknowledged, and the file is not written again.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <thread>

#include "gtest/gtest.h"
#include "matcher/base/status.h"
#include "tests/faults/child_process.h"
#include "tests/faults/cluster_copy.h"
#include "tests/faults/row_test.h"
#include "tests/faults/rows/spooled.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kStrace[] = "/usr/bin/strace";
constexpr size_t kNone = std::string::npos;

// The first such call of each thread fails.
ChildProcess::Options FailingSyncs(pid_t pid, const std::string& folder) {
  return {{kStrace, "-f", "-qq", "-p", std::to_string(pid), "-e", "trace=fsync,fdatasync", "-e",
           "inject=fsync,fdatasync:error=EIO:when=1"},
          folder + "/strace.log",
          "",
          "strace"};
}

// OK, or why strace cannot be attached.
absl::Status CanInject() {
  if (!std::filesystem::exists(kStrace)) {
    return absl::UnavailableError("there is no strace (Debian: strace)");
  }
  const std::string folder = MakeFolder();
  absl::Status status;
  {
    ChildProcess sleeper({{"/bin/sleep", "60"}, folder + "/sleep.log", "", ""});
    CIEVENTS_RETURN_IF_ERROR(sleeper.Start());
    ChildProcess strace(FailingSyncs(sleeper.pid(), folder));
    CIEVENTS_RETURN_IF_ERROR(strace.Start());
    // It ends when it is not let.
    std::this_thread::sleep_for(milliseconds(300));
    if (strace.Ended()) status = absl::UnavailableError("no strace: " + strace.LogTail());
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return status;
}

// The file that the matcher says it cannot write, since `offset` of its log; empty: none.
std::string FailedSegment(const std::string& log) {
  constexpr std::string_view kSays = "the spool's segment cannot be written; a new one is begun";
  constexpr std::string_view kFile = "file=";
  const size_t says = log.find(kSays);
  if (says == std::string::npos) return "";
  const size_t begin = log.find(kFile, says) + kFile.size();
  return log.substr(begin, log.find("  error=", begin) - begin);
}

// Returns the segment whose sync failed; empty: the matcher names none.
std::string FailOnce(Scene& scene) {
  Roles& roles = scene.roles();
  const size_t offset = roles.matcher().LogFrom(0).size();
  ChildProcess strace(FailingSyncs(roles.matcher().pid(), roles.folder()));
  if (!scene.Check(strace.Start())) return "";
  const auto failed = [&] { return FailedSegment(roles.matcher().LogFrom(offset)); };
  if (!scene.Until(seconds(10), [&] { return strace.LogTail().find("INJECTED") != kNone; })) {
    scene.Wrong("the spool syncs nothing: " + strace.LogTail());
  } else if (!scene.Until(seconds(2), [&] { return !failed().empty(); })) {
    scene.Wrong("a sync of the spool failed, and the matcher does not say so");
  }
  // Ended by a signal, it lets go of the matcher; that is how it says so.
  strace.Terminate(seconds(5)).IgnoreError();
  return failed();
}

Row SyncFails() {
  Row row;
  row.number = 19;
  row.name = "fsync of the spool fails";
  row.with_spool = true;
  row.spool_may_refuse = true;
  row.inject = [](Scene& scene) {
    Roles& roles = scene.roles();
    const int failures = scene.By(3, 20);
    scene.BeginFault();
    scene.Check(roles.StopPostgresInOrder());
    std::map<std::string, std::string> contents;  // of failed segments, by path
    for (int i = 0; i < failures; ++i) {
      scene.Let(milliseconds(scene.random().Between(200, 700)));
      const std::string failed = FailOnce(scene);
      if (!failed.empty()) contents[failed] = BytesOf(failed) + BytesOf(failed + "-wal");
    }
    const size_t before = Spooled(roles.spool_dir()).size();
    if (!scene.Until(seconds(10), [&] { return Spooled(roles.spool_dir()).size() > before; })) {
      scene.Wrong("nothing is spooled after a sync failed");
    }
    scene.Check(roles.KillMatcher());
    for (const auto& [path, bytes] : contents) {
      if (BytesOf(path) + BytesOf(path + "-wal") != bytes) {
        scene.Wrong(path + " was written after its sync had failed");
      }
    }
    scene.Note(fmt::format("{} segments whose sync failed", contents.size()));
    scene.BeginHealing();
    scene.Check(roles.StartPostgres());
    scene.Check(roles.StartMatcher());
    scene.EndFault();
  };
  return row;
}

TEST(Row19, AFailedSyncOfTheSpoolIsNotAcknowledged) {
  if (const absl::Status can = CanInject(); !can.ok()) GTEST_SKIP() << can;
  RunRow(SyncFails());
}

TEST(Row19, FindsTheFailedSyncThatIsAcknowledged) {
  if (const absl::Status can = CanInject(); !can.ok()) GTEST_SKIP() << can;
  ExpectFound(SyncFails(), "believed_sync", Violation::Kind::kLost);
}

}  // namespace
}  // namespace cievents::faults
