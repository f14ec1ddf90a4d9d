// Row 14: others have taken all of Postgres' connections when the matcher's are lost.
#include <fmt/format.h>

#include <list>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

constexpr char kEndOurs[] =
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE application_name LIKE 'cievents-%'";

TEST(Row14, WithoutAFreeConnectionNothingIsLost) {
  Row row;
  row.number = 14;
  row.name = "too many connections";
  row.postgres_settings = {"max_connections=30", "superuser_reserved_connections=3"};
  row.inject = [](Scene& scene) {
    scene.BeginFault();
    std::list<HeldSession> hogs;
    const auto take_all = [&] {
      while (hogs.size() < 100) {
        hogs.emplace_back(scene.roles().dsn(), "");
        if (hogs.back().connected()) continue;
        hogs.pop_back();
        return;
      }
    };
    const auto end = Clock::now() + scene.By(std::chrono::seconds(3), std::chrono::seconds(20));
    take_all();
    while (Clock::now() < end) {
      // What is ended here is soon free, and the matcher is as quick as we are: again and again.
      if (hogs.front().Run(kEndOurs) != "") break;
      take_all();
      scene.Let(std::chrono::milliseconds(50));
    }
    scene.Note(fmt::format("{} of 30 connections were others'", hogs.size()));
    if (hogs.size() < 28) scene.Wrong("the matcher kept its connections");
    hogs.clear();
    scene.EndFault();
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
