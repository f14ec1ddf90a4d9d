// Row 29: the connection is cut after so many bytes of the answer to a commit, or of the batch
// itself; and so are emitters' connections.
#include <fmt/format.h>

#include <vector>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;

constexpr char kWriters[] = "cievents-enqueue";
// An answer has about 80 bytes and 15 or more an event.
constexpr int kAnswerBytes = 240;

// Returns how many cuts were made.
int CutAt(Scene& scene, ChaosProxy& proxy, Direction direction, const std::vector<int>& offsets,
          const char* mark) {
  int made = 0;
  for (const int offset : offsets) {
    const Cut::How how = scene.random().Percent(50) ? Cut::How::kReset : Cut::How::kEnd;
    proxy.Arm({direction, offset, how, Cut::CountedFrom::kLastTurn, mark});
    // Not every answer is so long.
    if (proxy.AwaitCut(milliseconds(1500))) ++made;
    proxy.Disarm();
  }
  return made;
}

Row ConnectionCut() {
  Row row;
  row.number = 29;
  row.name = "connection cut at a byte";
  row.through_door_proxy = true;
  row.inject = [](Scene& scene) {
    std::vector<int> answers;
    for (int i = 0; i <= kAnswerBytes; i += scene.By(scene.random().Between(8, 16), 1)) {
      answers.push_back(i);
    }
    const std::vector<int> batches = {0, 1, 5, 100, 1'000, 2'000, 4'000};
    scene.BeginFault();
    const int of_answers =
        CutAt(scene, scene.store_proxy(), Direction::kToClient, answers, kWriters);
    const int of_batches =
        CutAt(scene, scene.store_proxy(), Direction::kToServer, batches, kWriters);
    std::vector<int> any;
    for (int i = 0; i < scene.By(10, 100); ++i) any.push_back(scene.random().Between(0, 400));
    const int of_outcomes = CutAt(scene, scene.door_proxy(), Direction::kToClient, any, "");
    const int of_events = CutAt(scene, scene.door_proxy(), Direction::kToServer, any, "");
    scene.EndFault();
    scene.Note(
        fmt::format("cuts: {} of {} in answers, {} of {} in batches, {} "
                    "and {} of {} between emitters and matcher",
                    of_answers, answers.size(), of_batches, batches.size(), of_outcomes, of_events,
                    any.size()));
    if (of_answers < static_cast<int>(answers.size() / 2) || of_batches < 4 || of_outcomes < 5) {
      scene.Wrong("too few cuts were made");
    }
  };
  return row;
}

TEST(Row29, ACutConnectionLosesNothingAndDoublesNothing) { RunRow(ConnectionCut()); }

// What is done about an unknown outcome: the batch is sent again.
TEST(Row29, FindsTheRetryThatIsDropped) {
  ExpectFound(ConnectionCut(), "dropped_retry", Violation::Kind::kLost);
}

}  // namespace
}  // namespace cievents::faults
