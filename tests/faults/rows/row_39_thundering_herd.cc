// Row 39: a matcher has thousands of clients, is killed, and all of them connect at once, again and
// again, until it is back.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <future>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"
#include "tests/faults/rows/herd.h"
#include "tests/faults/usage.h"

namespace cievents::faults {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kAnsweredMax{30};
// Beside the clients': Postgres, the load, files.
constexpr int kOtherDescriptors = 200;
constexpr int kThreadsMore = 40;
constexpr int kKilobytesAClientMax = 128;
constexpr int64_t kOtherMegabytes = 800;

int PortOf(const std::string& endpoint) {
  return std::atoi(endpoint.substr(endpoint.rfind(':') + 1).c_str());
}

void ExpectBounded(Scene& scene, const Usage& before, const Usage& with_herd, int clients) {
  if (with_herd.descriptors < clients) scene.Wrong("not all clients are connected");
  if (with_herd.descriptors > before.descriptors + clients + kOtherDescriptors) {
    scene.Wrong(fmt::format("{} clients take {} descriptors", clients, with_herd.descriptors));
  }
  if (with_herd.threads > before.threads + kThreadsMore) {
    scene.Wrong(fmt::format("{} clients take {} threads", clients, with_herd.threads));
  }
}

TEST(Row39, AMatcherWhoseClientsAllComeAtOnceGoesOn) {
  const int64_t descriptors = RaiseDescriptorLimit();
  Row row;
  row.number = 39;
  row.name = "thundering herd";
  row.recover_max = kAnsweredMax;
  row.matcher_mb_max = kOtherMegabytes + 10'000 * kKilobytesAClientMax / 1024;
  row.inject = [descriptors](Scene& scene) {
    // The herd's own, and the load's beside it.
    const int clients = static_cast<int>(
        std::min<int64_t>(scene.By(1'000, 10'000), descriptors - 2 * kOtherDescriptors));
    const Usage before = UsageOf(scene.roles().matcher().pid());
    Usage with_herd;
    int64_t load = 0;
    {
      Herd herd(PortOf(scene.roles().matcher_endpoint()), clients,
                static_cast<uint64_t>(scene.random().Between(1, 1'000'000)));
      scene.BeginFault();
      scene.Check(scene.roles().KillMatcher());
      auto all = std::async(std::launch::async, [&herd] { return herd.Run(); });
      scene.Let(milliseconds(scene.random().Between(200, 1'500)));
      scene.BeginHealing();
      scene.Check(scene.roles().StartMatcher());
      const TimePoint ready = Clock::now();
      scene.EndFault();
      const bool answered = all.wait_until(ready + kAnsweredMax) == std::future_status::ready;
      const auto took = duration_cast<milliseconds>(Clock::now() - ready);
      herd.Stop();
      const Herd::Result result = all.get();
      const int64_t deliveries = scene.ledger().deliveries();
      scene.Let(milliseconds(1'000));
      load = scene.ledger().deliveries() - deliveries;
      with_herd = UsageOf(scene.roles().matcher().pid());
      scene.Note(fmt::format(
          "{} of {} clients answered in {} ms after {} attempts, {} of which "
          "failed; then {} events a second beside them",
          result.answered, clients, took.count(), result.connected, result.failed, load));
      if (!answered) scene.Wrong("not all clients are answered");
    }
    scene.Note(fmt::format("matcher: {} -> {} descriptors, {} -> {} threads, {} -> {} MB",
                           before.descriptors, with_herd.descriptors, before.threads,
                           with_herd.threads, before.resident_mb, with_herd.resident_mb));
    if (load == 0) scene.Wrong("beside the herd the load stands still");
    ExpectBounded(scene, before, with_herd, clients);
    const bool gone = scene.Until(kAnsweredMax, [&] {
      return UsageOf(scene.roles().matcher().pid()).descriptors <
             before.descriptors + kOtherDescriptors;
    });
    if (!gone) scene.Wrong("the matcher keeps what its clients have left");
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
