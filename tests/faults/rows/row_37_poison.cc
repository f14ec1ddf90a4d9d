// Row 37: events that Postgres refuses, in the same groups as good ones; and payloads that are not
// what they should be.
#include <fmt/format.h>

#include <string>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"
#include "tests/faults/rows/own_events.h"

namespace cievents::faults {
namespace {

constexpr std::chrono::seconds kPatience{20};

// Refused with 23514 and the name of a constraint, as a row that is at fault is.
constexpr char kRefuse[] =
    "ALTER TABLE cievents.events ADD CONSTRAINT "
    "planted_poison CHECK (subject <> 'poison')";

void SendPoison(Scene& scene, OwnCaller& caller, const Project& project) {
  int refused = 0;
  for (int i = 0; i < scene.By(60, 1'000); ++i) {
    std::vector<events::v1::Event> batch;
    for (int part = 0; part < 3; ++part) {
      batch.push_back(OwnEvent(fmt::format("poison-{}-{}", i, part),
                               scene.random().Of(EventNames()), project.project_id,
                               project.namespace_ids));
      batch.back().set_subject("poison");
    }
    for (const events::v1::EventOutcome& outcome : caller.Publish(batch, kPatience)) {
      if (outcome.kind() == events::v1::OUTCOME_KIND_REJECTED &&
          outcome.reason() == events::v1::OUTCOME_REASON_INVALID) {
        ++refused;
      } else if (outcome.matched_count() > 0 &&
                 outcome.kind() != events::v1::OUTCOME_KIND_OVERLOADED) {
        scene.Wrong("a poisonous event gets the outcome " + outcome.ShortDebugString());
      }
    }
  }
  scene.Note(fmt::format("{} events refused by Postgres", refused));
  if (refused < 20) scene.Wrong("too few events were refused");
}

void SendOddPayloads(Scene& scene, OwnCaller& caller, const Project& project) {
  std::vector<events::v1::Event> batch;
  for (const std::string& data :
       {std::string("{\"a\":"), std::string(200'000, '['), std::string("\xff\xfe{}"),
        std::string(100, '\0'), std::string("{\"a\":\"\\u0000\"}"), std::string("1e999999"),
        std::string()}) {
    for (const std::string& name : EventNames()) {
      batch.push_back(OwnEvent(fmt::format("odd-{}", batch.size()), name, project.project_id,
                               project.namespace_ids));
      batch.back().set_data(data);
    }
  }
  if (caller.Publish(batch, kPatience).size() != batch.size()) {
    scene.Wrong("events with odd payloads are not answered");
  }
}

TEST(Row37, APoisonousEventIsRefusedAloneAndOthersFlow) {
  Row row;
  row.number = 37;
  row.name = "poisonous events";
  row.inject = [](Scene& scene) {
    const Project project = OfKind(MakeProjects(), ProjectKind::kStable)[0];
    OwnCaller caller(scene.roles().matcher_endpoint());
    scene.BeginFault();
    scene.Sql(kRefuse);
    SendPoison(scene, caller, project);
    SendOddPayloads(scene, caller, project);
    scene.EndFault();
  };
  row.check = [](Scene& scene) {
    const std::string there =
        scene.Sql("SELECT count(*) FROM cievents.events WHERE subject = 'poison'");
    if (there != "0") scene.Wrong(there + " poisonous events are stored");
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
