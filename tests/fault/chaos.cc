#include "tests/fault/chaos.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "tests/fault/emitter.h"
#include "tests/fault/pusher.h"

namespace cievents::fault {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLiveMax{2};
constexpr seconds kMeasureMax{10};
constexpr seconds kPushMax{60};
constexpr milliseconds kDownMax{500};

// One kill in each of `kills` equal parts of the time, somewhere in the first two thirds of it: the
// rest is for the restart.
std::vector<Kill> Spread(int kills, milliseconds duration, Random& random) {
  std::vector<Kill> spread;
  const auto part = static_cast<int>(duration.count() / kills);
  for (int i = 0; i < kills; ++i) {
    Kill kill;
    kill.after_start = milliseconds(i * part + random.Between(part / 20, part * 2 / 3));
    kill.down_for = milliseconds(random.Between(0, static_cast<int>(kDownMax.count())));
    kill.push = random.Percent(50) ? Kill::Push::kBefore : Kill::Push::kAfter;
    spread.push_back(kill);
  }
  return spread;
}

std::string_view NameOf(Component component) {
  return component == Component::kMatcher ? "matcher" : "postgres";
}

}  // namespace

KillSchedule MakeSchedule(int kills, milliseconds duration, Random& random) {
  KillSchedule schedule{Spread(kills, duration, random), Spread(kills, duration, random)};
  const auto both = static_cast<size_t>(random.Between(0, kills - 1));
  schedule.matcher[both].after_start =
      schedule.postgres[both].after_start + milliseconds(random.Between(50, 400));
  return schedule;
}

Chaos::Chaos(Options options, Roles* roles, Ledger* ledger)
    : options_(std::move(options)), roles_(roles), ledger_(ledger) {}

void Chaos::Run(TimePoint start) {
  Pusher pusher(roles_->ingest_endpoint(), options_.seed, ledger_);
  int number = 0;
  for (const Kill& kill : options_.kills) {
    std::this_thread::sleep_until(start + kill.after_start);
    const std::string name =
        fmt::format("custom/probe_{}/{}", NameOf(options_.component), ++number);
    const auto push = [this, &pusher, &name] {
      return pusher.Push(options_.probe, ConfigurationFor(name), Clock::now() + kPushMax);
    };
    std::optional<TimePoint> pushed;
    std::future<std::optional<TimePoint>> later;
    // Before the kill only if that does not wait for the other component to come back.
    if (kill.push == Kill::Push::kBefore && ledger_->UpSince().has_value()) {
      pushed = push();
    } else {
      later = std::async(std::launch::async, [this, push] {
        while (ledger_->UpSince().has_value()) std::this_thread::sleep_for(milliseconds(1));
        return push();
      });
    }
    const bool restarted = KillAndRestart(kill, name);
    if (later.valid()) pushed = later.get();
    if (!restarted) return;
    if (pushed.has_value()) Measure(name, *pushed);
  }
}

bool Chaos::KillAndRestart(const Kill& kill, const std::string& name) {
  const bool is_matcher = options_.component == Component::kMatcher;
  ledger_->SetDown(options_.component);
  const absl::Status killed = is_matcher ? roles_->KillMatcher() : roles_->KillPostgres();
  const TimePoint down = Clock::now();
  std::this_thread::sleep_for(kill.down_for);
  const absl::Status started = is_matcher ? roles_->StartMatcher() : roles_->StartPostgres();
  ledger_->SetUp(options_.component);
  fmt::print("{}: killed, restarted after {} ms, ready after {} ms\n", name, kill.down_for.count(),
             duration_cast<milliseconds>(Clock::now() - down).count());
  for (const absl::Status& status : {killed, started}) {
    if (status.ok()) continue;
    ledger_->AddViolation(Violation::Kind::kWrong, status.ToString());
  }
  return started.ok();
}

// The lag is counted from the moment when the push was answered and everything was up.
void Chaos::Measure(const std::string& name, TimePoint pushed) {
  Emitter emitter({roles_->matcher_endpoint(), name, EmitterMode::kUnary, options_.seed, {}},
                  ledger_);
  oracle::NaiveEvent event;
  event.names = {name};
  event.project_id = options_.probe.project_id;
  event.namespace_ids = options_.probe.namespace_ids;
  const TimePoint end = Clock::now() + kMeasureMax;
  while (Clock::now() < end) {
    const bool live = emitter.EmitOnce(event) > 0;
    const std::optional<TimePoint> up = ledger_->UpSince();
    if (up.has_value()) {
      const milliseconds lag = std::max(
          milliseconds(0), duration_cast<milliseconds>(Clock::now() - std::max(pushed, *up)));
      if (live || lag > kLiveMax) {
        ++liveness_.measured;
        liveness_.longest = std::max(liveness_.longest, lag);
      }
      if (lag > kLiveMax) {
        ledger_->AddViolation(
            Violation::Kind::kLate,
            fmt::format("{}: not live {} ms after everything was up", name, lag.count()));
        return;
      }
    }
    if (live) return;
    std::this_thread::sleep_for(milliseconds(5));
  }
  ledger_->AddViolation(Violation::Kind::kLate, fmt::format("{}: never seen live", name));
}

}  // namespace cievents::fault
