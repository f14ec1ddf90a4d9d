// Row 25: 1, 10, 30 of a hundred packets are lost, between matcher and Postgres and between
// emitters and matcher. It is slower; TCP sends again, so nobody has a reason to connect again and
// again.
#include <fmt/format.h>

#include <cstdlib>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;

// For all connections of the matcher, and for all of the eight emitters, together. Who fails and
// connects again at once does so tens of times a second: they begin with 20 and with 50 ms.
constexpr int kConnectionsASecondMax = 4;

int64_t EventsStored(Scene& scene) {
  return std::atoll(scene.Sql("SELECT count(*) FROM cievents.events").c_str());
}

// A few more: everyone may lose his connection once.
void ExpectNoStorm(Scene& scene, const char* who, int percent, int64_t connected,
                   milliseconds time) {
  const int64_t most = kConnectionsASecondMax * time.count() / 1000 + 8;
  if (connected <= most) return;
  scene.Wrong(fmt::format("at {} % loss {} connected {} times in {} ms", percent, who, connected,
                          time.count()));
}

void LoseSome(Scene& scene, int percent) {
  ChaosProxy& store = scene.store_proxy();
  ChaosProxy& door = scene.door_proxy();
  const ChaosProxy::Stats store_before = store.stats();
  const ChaosProxy::Stats door_before = door.stats();
  const int64_t lost_before = store.lost_packets() + door.lost_packets();
  const int64_t stored_before = EventsStored(scene);
  const TimePoint begin = Clock::now();
  scene.BeginFault();
  store.LosePackets(percent);
  door.LosePackets(percent);
  scene.Let(scene.By(milliseconds(3'000), milliseconds(20'000)));
  const int64_t lost = store.lost_packets() + door.lost_packets() - lost_before;
  const int64_t stored = EventsStored(scene) - stored_before;
  store.Heal();
  door.Heal();
  const auto time = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
  const int64_t by_matcher = store.stats().links - store_before.links;
  const int64_t by_emitters = door.stats().links - door_before.links;
  scene.EndFault();
  scene.Note(fmt::format(
      "{} %: {} packets lost, {:.0f} events that match stored a second, "
      "connected: matcher {} times, emitters {}",
      percent, lost, static_cast<double>(stored) * 1000 / static_cast<double>(time.count()),
      by_matcher, by_emitters));
  if (lost == 0) scene.Wrong(fmt::format("nothing is lost at {} %", percent));
  if (stored == 0) scene.Wrong(fmt::format("nothing is stored at {} % loss", percent));
  ExpectNoStorm(scene, "the matcher", percent, by_matcher, time);
  ExpectNoStorm(scene, "the emitters", percent, by_emitters, time);
}

Row PacketLoss() {
  Row row;
  row.number = 25;
  row.name = "packet loss";
  row.through_door_proxy = true;
  row.inject = [](Scene& scene) {
    for (const int percent : {1, 10, 30}) LoseSome(scene, percent);
  };
  return row;
}

TEST(Row25, PacketLossOnlyMakesItSlower) { RunRow(PacketLoss()); }

TEST(Row25, WithASpoolNothingIsPutOff) {
  Row row = PacketLoss();
  row.name = "packet loss, spool";
  row.with_spool = true;
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
