// Row 28: packets are lost in one direction between matcher and Postgres: a half-open connection is
// found in under 10 s.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFoundMax{10'000};

// How many connections to this port of 127.0.0.1 their clients believe in.
int EstablishedTo(int port) {
  constexpr unsigned kEstablished = 1;
  std::ifstream table("/proc/net/tcp");
  int count = 0;
  for (std::string line; std::getline(table, line);) {
    unsigned remote_port = 0;
    unsigned state = 0;
    const int read =
        std::sscanf(line.c_str(), " %*d: %*8X:%*4X %*8X:%4X %2X", &remote_port, &state);
    if (read == 2 && static_cast<int>(remote_port) == port && state == kEstablished) ++count;
  }
  return count;
}

void LoseOneWay(Scene& scene, Loss loss, std::string_view name) {
  const int port = scene.store_proxy().port();
  scene.BeginFault();
  const int before = EstablishedTo(port);
  scene.store_proxy().Lose(loss);
  const TimePoint begin = Clock::now();
  scene.Until(std::chrono::seconds(30), [&] { return EstablishedTo(port) == 0; });
  const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
  scene.store_proxy().Heal();
  scene.EndFault();
  scene.Note(
      fmt::format("lost {}: {} half-open connections found in {} ms", name, before, took.count()));
  if (before < 3) scene.Wrong("the matcher should have had three connections");
  if (took >= kFoundMax) {
    scene.Wrong(fmt::format("half-open connections are found in {} ms only", took.count()));
  }
}

TEST(Row28, AHalfOpenConnectionIsFoundInTime) {
  Row row;
  row.number = 28;
  row.name = "one-way loss to Postgres";
  row.inject = [](Scene& scene) {
    LoseOneWay(scene, Loss::kToServer, "on the way to Postgres");
    LoseOneWay(scene, Loss::kToClient, "on the way back");
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
