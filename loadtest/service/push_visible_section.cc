// From the commit of a push until the matcher goes by it: alone, and while another writer holds
// transactions open.
#include <fmt/format.h>

#include <atomic>
#include <pqxx/pqxx>
#include <random>
#include <thread>
#include <utility>

#include "loadtest/harness/clocks.h"
#include "loadtest/harness/tool.h"
#include "loadtest/service/sections.h"
#include "loadtest/service/subscription_rows.h"
#include "loadtest/service/traffic.h"
#include "loadtest/service/turns.h"
#include "loadtest/workloads/identity.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::loadtest {
namespace {

constexpr int64_t kProjects = 1000;
constexpr int64_t kRoots = 100;
constexpr int kRounds = 5;
constexpr int kPushesARound = 100;
constexpr double kPollIntervalMs = 20;
constexpr double kP50MsMax = 30;
constexpr double kP99MsMax = 250;
constexpr std::chrono::milliseconds kHeld{200};
constexpr double kGiveUpSeconds = 30;

// The two names that a project's subscription has in turns.
constexpr const char* kNames[] = {"issue/created", "issue/closed"};

// Writes what a push writes, by hand, so that the moment of its commit is known.
class Pusher {
 public:
  explicit Pusher(const std::string& dsn) : connection_(dsn) {
    connection_.prepare("write",
                        "UPDATE cievents.subscriptions SET entries = $2::json,"
                        " updated_at = clock_timestamp() WHERE project_id = $1");
    connection_.prepare("mark", "SELECT cievents.mark_project_changed($1)");
  }

  // Calls `before_commit` when all is written.
  void Push(int64_t project, const std::string& name, const std::function<void()>& before_commit) {
    pqxx::work work(connection_);
    const auto set = MakeFanOutProject(project, 1, name, kRoots);
    work.exec_prepared("write", set.project_id,
                       ci_yaml::EntriesToJson(set.subscriptions.front().entries));
    work.exec_prepared("mark", set.project_id);
    before_commit();
    work.commit();
  }

 private:
  pqxx::connection connection_;
};

// Holds one transaction after the other, each with a push of a project of its own.
class Holder {
 public:
  explicit Holder(const std::string& dsn)
      : thread_([this, dsn] {
          Pusher pusher(dsn);
          for (int i = 0; !stopping_.load(); ++i) {
            pusher.Push(kProjects - 1, kNames[i % 2], [] { std::this_thread::sleep_for(kHeld); });
          }
        }) {}
  ~Holder() {
    stopping_.store(true);
    thread_.join();
  }

 private:
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

class Watch {
 public:
  Watch(const std::string& dsn, const std::string& address) : pusher_(dsn), prober_(address) {}

  // Milliseconds from just before the commit until an event was answered that the push lets fire.
  double PushAndWait() {
    const int64_t project = static_cast<int64_t>(pushed_ * 7 % (kProjects - 1));
    const char* name = kNames[1 - pushed_ / (kProjects - 1) % 2];
    ++pushed_;
    EventDraft draft;
    draft.name = name;
    draft.project_id = ProjectId(project);
    draft.namespace_ids = {NamespaceId(project % kRoots)};
    BatchBytes event(BatchBytes::Message::kUnary, {MakeEvent(draft)});
    // Anywhere between two polls.
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 20'000));
    double committed = 0;
    pusher_.Push(project, name, [&committed] { committed = WallSeconds(); });
    while (WallSeconds() < committed + kGiveUpSeconds) {
      if (prober_.Publish(event).outcomes(0).matched_count() == 1) {
        return (WallSeconds() - committed) * 1000;
      }
    }
    Die("a push", "the matcher does not see it");
  }

 private:
  Pusher pusher_;
  Prober prober_;
  int64_t pushed_ = 0;
  std::mt19937 random_{1};
};

void AddVisible(const std::string& id, const std::vector<double>& ms, double target,
                Report* report) {
  Row row;
  row.id = id;
  row.value = Summarise(ms);
  row.unit = "ms from commit to visible";
  row.baseline = kPollIntervalMs;
  row.baseline_name = "the interval of polls";
  row.target = target;
  row.goal = Goal::kAtMost;
  Progress(fmt::format("  {}: {:.1f} ms", id, row.value.median));
  report->Add(std::move(row));
}

}  // namespace

void MeasurePushVisible(const Options& options, Stage& stage, Report* report) {
  const std::string dsn = stage.MakeDatabase("pushes");
  WriteProjects(dsn, kProjects,
                [](int64_t project) { return MakeFanOutProject(project, 1, kNames[0], kRoots); });
  const auto matcher = stage.StartMatcher(dsn);
  Watch watch(dsn, matcher->address());
  const int pushes = options.quick() ? kPushesARound / 10 : kPushesARound;
  std::vector<double> p99[2];
  const auto turn = [&](std::vector<double>* tail) {
    std::vector<double> ms;
    for (int i = 0; i < pushes; ++i) ms.push_back(watch.PushAndWait());
    tail->push_back(Percentile(ms, 0.99));
    return Percentile(ms, 0.5);
  };
  const auto p50 = TakeTurns({[&] { return turn(&p99[0]); },
                              [&] {
                                const Holder holder(dsn);
                                return turn(&p99[1]);
                              }},
                             kRounds, options);
  const char* ids[] = {"service.push_visible.", "service.push_visible.other_holds_200ms."};
  for (size_t i = 0; i < 2; ++i) {
    AddVisible(std::string(ids[i]) + "p50", p50[i], kP50MsMax, report);
    AddVisible(std::string(ids[i]) + "p99", Counted(std::move(p99[i])), kP99MsMax, report);
  }
}

}  // namespace cievents::loadtest
