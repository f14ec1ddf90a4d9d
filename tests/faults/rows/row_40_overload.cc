// Row 40: far more than Postgres takes: it is behind a thin line, and callers bring hundreds of
// megabytes. What is over the bounds is put off with a time to come again, and comes again then.
#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "gtest/gtest.h"
#include "tests/faults/checker.h"
#include "tests/faults/row_test.h"
#include "tests/faults/rows/own_events.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;

constexpr int kCallers = 90;
constexpr size_t kDataBytes = 1'000'000;
constexpr int kBatchEvents = 4;
constexpr int64_t kThinBytesPerSecond = 4'000'000;
constexpr std::chrono::seconds kPatience{90};

struct Outcomes {
  std::atomic<int> put_off{0};
  std::atomic<int> without_time{0};
  std::atomic<int> failed_calls{0};
  std::atomic<int> taken{0};
};

milliseconds RetryAfter(const events::v1::EventOutcome& outcome) {
  return milliseconds(outcome.retry_after().seconds() * 1000 +
                      outcome.retry_after().nanos() / 1'000'000);
}

// Brings a batch until all of it is taken, as it is asked to.
void Bring(Scene& scene, const Project& project, int caller, Outcomes* outcomes) {
  OwnCaller connection(scene.roles().matcher_endpoint());
  std::vector<events::v1::Event> left;
  for (int i = 0; i < kBatchEvents; ++i) {
    left.push_back(OwnEvent(fmt::format("big-{}-{}", caller, i), "issue/created",
                            project.project_id, project.namespace_ids));
    left.back().set_data("\"" + std::string(kDataBytes, 'x') + "\"");
  }
  const TimePoint give_up = Clock::now() + kPatience;
  while (!left.empty() && Clock::now() < give_up) {
    const auto answers = connection.Publish(left, std::chrono::seconds(30));
    if (answers.empty()) ++outcomes->failed_calls;
    std::vector<events::v1::Event> again;
    milliseconds wait(answers.empty() ? 500 : 0);
    for (size_t i = 0; i < left.size(); ++i) {
      if (i < answers.size() && answers[i].kind() != events::v1::OUTCOME_KIND_OVERLOADED) {
        ++outcomes->taken;
        continue;
      }
      again.push_back(left[i]);
      if (i >= answers.size()) continue;
      ++outcomes->put_off;
      if (RetryAfter(answers[i]).count() <= 0) ++outcomes->without_time;
      wait = std::max(wait, RetryAfter(answers[i]));
    }
    left = std::move(again);
    std::this_thread::sleep_for(wait);
  }
}

TEST(Row40, WhatIsTooMuchIsPutOffAndComesAgainWhenAsked) {
  Row row;
  row.number = 40;
  row.name = "overload";
  row.matcher_mb_max = 3'000;  // what is in calls and in the queue (256 MB),
                               // with the sanitizers' share
  row.inject = [](Scene& scene) {
    const Project project = OfKind(MakeProjects(), ProjectKind::kStable)[0];
    Outcomes outcomes;
    scene.BeginFault();
    scene.store_proxy().SetConditions(Direction::kToServer,
                                      {milliseconds(0), milliseconds(0), kThinBytesPerSecond});
    std::vector<std::thread> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back([&, i] { Bring(scene, project, i, &outcomes); });
    }
    scene.Let(scene.By(milliseconds(3'000), milliseconds(30'000)));
    // A machine that is busy otherwise brings them slowly.
    scene.Until(std::chrono::seconds(20), [&] { return outcomes.put_off > 0; });
    scene.store_proxy().Heal();
    scene.EndFault();
    for (std::thread& caller : callers) caller.join();
    scene.Note(fmt::format("{} big events taken, {} times put off, {} calls failed",
                           outcomes.taken.load(), outcomes.put_off.load(),
                           outcomes.failed_calls.load()));
    if (outcomes.taken != kCallers * kBatchEvents) scene.Wrong("not all big events are taken");
    if (outcomes.put_off == 0) scene.Wrong("nothing was put off");
    if (outcomes.without_time > 0) scene.Wrong("an event is put off without a time");
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
