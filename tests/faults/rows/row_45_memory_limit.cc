// Row 45: the kernel kills the matcher at its memory limit (a cgroup of version 1 or 2).
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"
#include "tests/faults/rows/own_events.h"
#include "tests/faults/usage.h"

namespace cievents::faults {
namespace {

namespace fs = std::filesystem;

// A cgroup of the memory controller, removed at the end.
class MemoryGroup {
 public:
  MemoryGroup() {
    for (const bool version_1 : {true, false}) {
      const std::string root = version_1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
      const std::string path = fmt::format("{}/cievents-fault-{}", root, getpid());
      std::error_code error;
      if (!fs::exists(root + (version_1 ? "/cgroup.procs" : "/cgroup.controllers"), error) ||
          !fs::create_directory(path, error)) {
        continue;
      }
      path_ = path;
      limit_file_ = path + (version_1 ? "/memory.limit_in_bytes" : "/memory.max");
      if (fs::exists(limit_file_, error) && access(limit_file_.c_str(), W_OK) == 0) return;
      fs::remove(path, error);
      path_.clear();
    }
  }
  ~MemoryGroup() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove(path_, ignored);
  }
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  const std::string& path() const { return path_; }  // empty: none can be made
  // False: the kernel does not take it.
  bool Limit(const std::string& bytes) const {
    std::ofstream file(limit_file_);
    file << bytes;
    return static_cast<bool>(file.flush());
  }

 private:
  std::string path_;
  std::string limit_file_;
};

// Gives it work that needs memory, until it is gone.
bool Outgrow(Scene& scene) {
  const Project project = OfKind(MakeProjects(), ProjectKind::kStable)[0];
  std::atomic<bool> gone{false};
  std::vector<std::thread> callers;
  for (int i = 0; i < 24; ++i) {
    callers.emplace_back([&, i] {
      OwnCaller caller(scene.roles().matcher_endpoint());
      while (!gone) {
        std::vector<events::v1::Event> batch;
        for (int part = 0; part < 4; ++part) {
          batch.push_back(OwnEvent(fmt::format("large-{}-{}", i, part), "custom/nobody/listens",
                                   project.project_id, project.namespace_ids));
          batch.back().set_data("\"" + std::string(1'000'000, 'x') + "\"");
        }
        caller.Publish(batch, std::chrono::seconds(1));
      }
    });
  }
  gone = scene.Until(std::chrono::seconds(30), [&] { return scene.roles().matcher().Ended(); });
  const bool ended = gone;
  gone = true;
  for (std::thread& caller : callers) caller.join();
  return ended;
}

TEST(Row45, AMatcherThatIsKilledForItsMemoryLosesNothing) {
  const MemoryGroup group;
  if (group.path().empty()) GTEST_SKIP() << "needs root and a cgroup with a memory controller";
  Row row;
  row.number = 45;
  row.name = "killed at the memory limit";
  row.matcher_prefix = [&group](const std::string&) -> std::vector<std::string> {
    return {"/bin/sh", "-c", "echo $$ > " + group.path() + "/cgroup.procs && exec \"$@\"", "sh"};
  };
  row.inject = [&group](Scene& scene) {
    const int64_t resident = UsageOf(scene.roles().matcher().pid()).resident_mb;
    scene.BeginFault();
    if (!group.Limit(fmt::format("{}", (resident + 24) * 1024 * 1024))) {
      scene.Wrong("the kernel does not take the limit");
    }
    if (!Outgrow(scene)) scene.Wrong("the matcher is not killed at its limit");
    // A cgroup of version 1 says -1, one of version 2 says max.
    if (!group.Limit("-1") && !group.Limit("max")) scene.Wrong("the limit cannot be lifted");
    scene.Note(fmt::format("killed at {} + 24 MB", resident));
    scene.BeginHealing();
    scene.Check(scene.roles().StartMatcher());
    scene.EndFault();
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
