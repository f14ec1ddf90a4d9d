#include "tests/fault/fault_run.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "tests/fault/emitter.h"
#include "tests/fault/pusher.h"
#include "tests/fault/roles.h"
#include "tests/fault/workload.h"

namespace cievents::fault {
namespace {

using Kind = Violation::Kind;

constexpr int kEmitters = 8;
constexpr int kStreamEmitters = 3;  // of them
constexpr int kPushers = 4;
// For what is not acknowledged at the end of the run.
constexpr std::chrono::seconds kGrace{40};

std::string NameOf(Kind kind) {
  switch (kind) {
    case Kind::kLost:
      return "lost";
    case Kind::kExtra:
      return "extra";
    case Kind::kDoubled:
      return "doubled";
    case Kind::kLate:
      return "late";
    case Kind::kWrong:
      break;
  }
  return "wrong";
}

std::string MakeFolder() {
  char folder[] = "/tmp/cie-fault-XXXXXX";
  if (mkdtemp(folder) == nullptr) return "";
  chmod(folder, 0755);  // Postgres' user must reach its data below
  return folder;
}

// Each pusher has its share of the projects, so that nobody else pushes to them.
std::vector<Project> ShareOf(const std::vector<Project>& projects, int pusher) {
  std::vector<Project> share;
  for (size_t i = static_cast<size_t>(pusher); i < projects.size(); i += kPushers) {
    share.push_back(projects[i]);
  }
  return share;
}

class Run {
 public:
  Run(const RunOptions& options, Roles* roles, Ledger* ledger)
      : options_(options),
        roles_(roles),
        ledger_(ledger),
        random_(options.seed),
        projects_(MakeProjects()) {
    for (int i = 0; i < kPushers; ++i) {
      pushers_.push_back(std::make_unique<Pusher>(roles_->ingest_endpoint(), NextSeed(), ledger_));
    }
  }

  // The configurations that the matcher finds when it starts. Those of the probes come with the
  // first kill.
  void PushFirst() {
    InParallel(kPushers, [this](int i) {
      Random random(options_.seed + static_cast<uint64_t>(i));
      for (const ProjectKind kind : {ProjectKind::kStable, ProjectKind::kMoving}) {
        for (const Project& project : ShareOf(OfKind(projects_, kind), i)) {
          pushers_[static_cast<size_t>(i)]->Push(project, RandomConfiguration(kind, random),
                                                 Clock::now() + kGrace);
        }
      }
    });
  }

  Liveness Load() {
    const std::vector<Project> moving = OfKind(projects_, ProjectKind::kMoving);
    const std::vector<Project> probes = OfKind(projects_, ProjectKind::kProbe);
    const KillSchedule schedule = MakeSchedule(options_.kills, options_.duration, random_);
    Chaos matcher({Component::kMatcher, schedule.matcher, probes[0], NextSeed()}, roles_, ledger_);
    Chaos postgres({Component::kPostgres, schedule.postgres, probes[1], NextSeed()}, roles_,
                   ledger_);
    std::vector<Project> emitting = OfKind(projects_, ProjectKind::kStable);
    emitting.insert(emitting.end(), moving.begin(), moving.end());
    std::vector<std::unique_ptr<Emitter>> emitters;
    for (int i = 0; i < kEmitters; ++i) {
      const EmitterMode mode = i < kStreamEmitters ? EmitterMode::kStream : EmitterMode::kUnary;
      emitters.push_back(std::make_unique<Emitter>(
          Emitter::Options{roles_->matcher_endpoint(), fmt::format("emitter{}", i), mode,
                           NextSeed(), emitting},
          ledger_));
    }
    const TimePoint start = Clock::now();
    const TimePoint stop = start + options_.duration;
    const TimePoint give_up = stop + kGrace;
    InParallel(kEmitters + kPushers + 2, [&](int i) {
      if (i < kEmitters) {
        emitters[static_cast<size_t>(i)]->Run(stop, give_up);
      } else if (i < kEmitters + kPushers) {
        const int pusher = i - kEmitters;
        pushers_[static_cast<size_t>(pusher)]->Run(ShareOf(moving, pusher), stop, give_up);
      } else {
        (i == kEmitters + kPushers ? matcher : postgres).Run(start);
      }
    });
    // An idle client that nobody waits in does not hear that its server wants to go.
    pushers_.clear();
    return {matcher.liveness().measured + postgres.liveness().measured,
            std::max(matcher.liveness().longest, postgres.liveness().longest)};
  }

  const std::vector<Project>& projects() const { return projects_; }

 private:
  static void InParallel(int count, const std::function<void(int)>& work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
    for (std::thread& thread : threads) thread.join();
  }

  uint64_t NextSeed() { return static_cast<uint64_t>(random_.Between(1, 1'000'000'000)); }

  const RunOptions& options_;
  Roles* const roles_;
  Ledger* const ledger_;
  Random random_;
  const std::vector<Project> projects_;
  std::vector<std::unique_ptr<Pusher>> pushers_;
};

double Seconds(TimePoint begin, TimePoint end) {
  return std::chrono::duration<double>(end - begin).count();
}

void RunAndCheck(const RunOptions& options, Roles* roles, Ledger* ledger, Report* report) {
  const auto note = [ledger](const absl::Status& status) {
    if (!status.ok()) ledger->AddViolation(Kind::kWrong, status.ToString());
    return status.ok();
  };
  Run run(options, roles, ledger);
  const TimePoint begin = Clock::now();
  run.PushFirst();
  if (!note(roles->StartMatcher())) return;
  const TimePoint loaded = Clock::now();
  report->liveness = run.Load();
  const TimePoint stopped = Clock::now();
  note(roles->StopServices());
  const TimePoint checking = Clock::now();
  report->counts = Check(roles->dsn(), run.projects(), ledger);
  fmt::print("first pushes {:.1f} s, load {:.1f} s, stop {:.1f} s, check {:.1f} s\n",
             Seconds(begin, loaded), Seconds(loaded, stopped), Seconds(stopped, checking),
             Seconds(checking, Clock::now()));
  report->matcher_kills = ledger->Downs(Component::kMatcher);
  report->postgres_kills = ledger->Downs(Component::kPostgres);
}

}  // namespace

int64_t Report::CountOf(Violation::Kind kind) const {
  return std::count_if(violations.begin(), violations.end(),
                       [kind](const Violation& violation) { return violation.kind == kind; });
}

std::string Report::ToString() const {
  constexpr int kShown = 10;
  std::string text = fmt::format(
      "{} events in {} deliveries: {} acknowledged, {} of them with requests that must be there, "
      "{} sent again after that\n"
      "{} requests in Postgres, {} of them must be there; {} events compared exactly, {} of them "
      "with requests\n"
      "{} pushes; kills: matcher {}, Postgres {}; pushes live at most {} ms after a restart "
      "({} measured)\n"
      "violations: {} lost, {} extra, {} doubled, {} late, {} wrong\n",
      counts.events, counts.deliveries, counts.acknowledged, counts.acknowledged_matched,
      counts.sent_again, counts.requests, counts.must, counts.exact, counts.exact_matched,
      counts.pushes, matcher_kills, postgres_kills, liveness.longest.count(), liveness.measured,
      CountOf(Kind::kLost), CountOf(Kind::kExtra), CountOf(Kind::kDoubled), CountOf(Kind::kLate),
      CountOf(Kind::kWrong));
  for (const Kind kind : {Kind::kLost, Kind::kExtra, Kind::kDoubled, Kind::kLate, Kind::kWrong}) {
    int shown = 0;
    for (const Violation& violation : violations) {
      if (violation.kind != kind || ++shown > kShown) continue;
      text += fmt::format("  {}: {}\n", NameOf(kind), violation.text);
    }
  }
  return text;
}

Report RunWithFaults(const RunOptions& options) {
  Report report;
  Ledger ledger;
  report.folder = MakeFolder();
  auto roles = Roles::Start({report.folder, options.product_binary, options.matcher_binary});
  if (roles.ok()) {
    RunAndCheck(options, roles->get(), &ledger, &report);
    (*roles)->StopPostgres();
  } else {
    ledger.AddViolation(Kind::kWrong, roles.status().ToString());
  }
  report.violations = ledger.violations();
  return report;
}

void Discard(const Report& report) {
  std::error_code ignored;
  std::filesystem::remove_all(report.folder, ignored);
}

}  // namespace cievents::fault
