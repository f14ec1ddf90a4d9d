// Row 42: one event fires 10,000 subscriptions (100,000 in the long form); the matcher is killed
// while they are written.
#include <fmt/format.h>

#include <cstdlib>
#include <future>

#include "gtest/gtest.h"
#include "services/lib/store/testing/test_database.h"
#include "tests/faults/row_test.h"
#include "tests/faults/rows/own_events.h"

namespace cievents::faults {
namespace {

constexpr int64_t kHotProject = 9'000;
constexpr char kHotName[] = "custom/hot/key";

int Stored(Scene& scene) {
  return std::atoi(scene
                       .Sql(fmt::format("SELECT count(*) FROM cievents.pipeline_requests"
                                        " WHERE project_id = {}",
                                        kHotProject))
                       .c_str());
}

TEST(Row42, AnEventThatFiresThousandsIsWrittenOnceAlthoughItsMatcherIsKilled) {
  const char* form = std::getenv("CIEVENTS_FAULT_FORM");
  const int subscriptions = form != nullptr && std::string(form) == "long" ? 100'000 : 10'000;
  Row row;
  row.number = 42;
  row.name = "hot key, matcher killed";
  row.prepare = [subscriptions](const std::string&, const std::string& dsn) -> absl::Status {
    const std::string answer =
        store::Sql(dsn, SqlToSubscribe(kHotProject, 90, kHotName, subscriptions));
    return answer.empty() ? absl::OkStatus() : absl::InternalError(answer);
  };
  row.matcher_mb_max = 2'000;
  row.inject = [subscriptions](Scene& scene) {
    const std::vector<events::v1::Event> hot = {OwnEvent("hot", kHotName, kHotProject, {90})};
    const std::string endpoint = scene.roles().matcher_endpoint();
    scene.BeginFault();
    auto first = std::async(std::launch::async, [&] {
      return OwnCaller(endpoint).Publish(hot, std::chrono::seconds(60));
    });
    scene.Until(std::chrono::seconds(60), [&] { return Stored(scene) > 0; });
    scene.Check(scene.roles().KillMatcher());
    const int midway = Stored(scene);
    scene.BeginHealing();
    scene.Check(scene.roles().StartMatcher());
    scene.EndFault();
    first.get();
    // What emitters do: the same event again, until it is taken.
    OwnCaller caller(endpoint);
    const bool taken = scene.Until(std::chrono::seconds(90), [&] {
      const auto answers = caller.Publish(hot, std::chrono::seconds(60));
      return answers.size() == 1 && answers[0].ack() == events::v1::ACK_LEVEL_DURABLE &&
             answers[0].matched_count() == subscriptions;
    });
    scene.Note(fmt::format("killed with {} of {} requests written", midway, subscriptions));
    if (midway == 0 || midway >= subscriptions) scene.Wrong("the kill was not midway");
    if (!taken) scene.Wrong("the hot event is never taken");
  };
  row.check = [subscriptions](Scene& scene) {
    const std::string counts =
        scene.Sql(fmt::format("SELECT count(*), count(DISTINCT (event_uid, subscription_id))"
                              " FROM cievents.pipeline_requests WHERE project_id = {}",
                              kHotProject));
    if (counts != fmt::format("{0}|{0}", subscriptions)) {
      scene.Wrong("the hot event has these requests, all and distinct ones: " + counts);
    }
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
