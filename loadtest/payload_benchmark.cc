// Values of payloads, one thread: fields that stand early, in the middle, late and nowhere, in
// payloads of 0.6, 6.5 and 100 KB, read by EventFields and, in the same run, by simdjson on-demand
// (with the copy into a padded buffer that a payload within a message needs) and by simdjson's DOM.
// Also the two payload paths of workloads S2 and S4p, and the five paths of S5. Needs
// matcher_event, simdjson and Google Benchmark. Refuses debug builds: their numbers would be
// worthless.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/check.h"
#include "matcher/event/event_fields.h"
#include "matcher/event/event_path.h"
#include "matcher/event/event_view.h"

namespace cievents::matcher {
namespace {

#ifndef NDEBUG
#error "benchmarks refuse debug builds: use `make loadtest`"
#endif

// The payload of workloads S2 and S4p: 620 to 670 bytes.
std::string SmallPayload() {
  return R"({"package":{"id":4711,"name":"pkg-7919","version":"1.22.333","type":"npm","size":918273,)"
         R"("pipeline_id":5550123},"project":{"id":278964,"path":"group-12/sub/project-278964",)"
         R"("visibility":"private","default_branch":"main"},"user":{"id":99123,)"
         R"("username":"user-99123","name":"Jane Q. Example","email":"user-99123@example.com"},)"
         R"("ref":"refs/heads/team-7919/feature-x","commit":)"
         R"({"sha":"0123456789abcdef0123456789abcdef01234567","title":"Make the frobnicator faster",)"
         R"("message":"Make the frobnicator faster\n\nIt was slow because every request allocated )"
         R"(a buffer of its own.\nNow they share one.\n\nChangelog: performance\n"}})";
}

std::string User(int id) {
  return fmt::format(
      R"({{"id":{0},"name":"User Number {0}","username":"user{0}","avatar_url":)"
      R"("https://secure.gravatar.com/avatar/{0:032x}?s=80&d=identicon","email":"[REDACTED]"}})",
      id);
}

std::string Project(int id) {
  return fmt::format(
      R"({{"id":{0},"name":"Project {0}","description":"Aut reprehenderit ut est \u00e9.",)"
      R"("web_url":"https://gitlab.example.com/group/project-{0}","avatar_url":null,)"
      R"("git_ssh_url":"git@gitlab.example.com:group/project-{0}.git",)"
      R"("git_http_url":"https://gitlab.example.com/group/project-{0}.git","namespace":"Group",)"
      R"("visibility_level":20,"path_with_namespace":"group/project-{0}","default_branch":"main",)"
      R"("ci_config_path":"","homepage":"https://gitlab.example.com/group/project-{0}",)"
      R"("url":"git@gitlab.example.com:group/project-{0}.git",)"
      R"("ssh_url":"git@gitlab.example.com:group/project-{0}.git"}})",
      id);
}

// The shape of a merge request's webhook; `labels` sets its size (13: 6.5 KB).
std::string MergeRequestPayload(int labels) {
  std::string list;
  for (int i = 0; i < labels; ++i) {
    if (i > 0) list += ',';
    list +=
        fmt::format(R"({{"id":{0},"title":"label {0}","color":"#ffffff","project_id":14,)"
                    R"("created_at":"2026-01-03T17:15:53Z","updated_at":"2026-01-03T17:15:53Z",)"
                    R"("template":false,"description":"API \"label\" {0}","type":"ProjectLabel",)"
                    R"("group_id":41}})",
                    i);
  }
  return fmt::format(
      R"({{"object_kind":"merge_request","event_type":"merge_request","user":{0},"project":{1},)"
      R"("repository":{{"name":"Gitlab Test","url":"http://example.com/gitlabhq/gitlab-test.git",)"
      R"("description":"Aut reprehenderit ut est.","homepage":"http://example.com/gitlabhq"}},)"
      R"("labels":[{2}],"object_attributes":{{"id":99,"iid":1,"target_branch":"main",)"
      R"("source_branch":"ms-viewport","source_project_id":14,"author_id":51,)"
      R"("assignee_ids":[6],"title":"MS-Viewport","description":"","draft":false,)"
      R"("created_at":"2026-01-03T17:23:34Z","updated_at":"2026-01-03T17:23:34Z",)"
      R"("source":{3},"target":{4},"last_commit":{{"id":"da1560886d4f094c3e6c9ef40349f7d38b5d27d7",)"
      R"("message":"fixed readme\n","timestamp":"2026-01-03T23:36:29+02:00",)"
      R"("author":{{"name":"GitLab dev user","email":"gitlabdev@example.com"}}}},)"
      R"("state":"opened","merge_status":"unchecked","action":"open"}},)"
      R"("assignees":[{5}],"reviewers":[{6}],"changes":{{"updated_by_id":{{"previous":null,)"
      R"("current":1}}}}}})",
      User(1), Project(14), list, Project(15), Project(14), User(6), User(7));
}

struct Case {
  std::string payload;
  std::vector<std::array<const char*, 2>> keys;  // early, middle, late, absent; one or two keys
};

const std::array<Case, 3>& Cases() {
  static const std::array<Case, 3> cases = {{
      {SmallPayload(),
       {{"package", "name"}, {"ref", nullptr}, {"commit", "message"}, {"nowhere", nullptr}}},
      {MergeRequestPayload(13),
       {{"object_kind", nullptr},
        {"object_attributes", "target_branch"},
        {"object_attributes", "action"},
        {"nowhere", nullptr}}},
      {MergeRequestPayload(430),
       {{"object_kind", nullptr},
        {"repository", "url"},
        {"object_attributes", "action"},
        {"nowhere", nullptr}}},
  }};
  return cases;
}

void SetCounters(benchmark::State& state, const std::string& payload) {
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes"] = static_cast<double>(payload.size());
}

void Ours(benchmark::State& state) {
  const Case& sample = Cases()[static_cast<size_t>(state.range(0))];
  const auto& keys = sample.keys[static_cast<size_t>(state.range(1))];
  std::string text = fmt::format("event.payload.{}", keys[0]);
  if (keys[1] != nullptr) text += fmt::format(".{}", keys[1]);
  EventPathTable table;
  const std::shared_ptr<const EventPath> path = *table.Intern(text);
  const Value::Kind expected = state.range(1) == 3 ? Value::Kind::kNull : Value::Kind::kText;
  EventFields fields;
  EventView event;
  event.payload = sample.payload;
  for (auto _ : state) {
    fields.Reset(event);
    const Value& value = fields.Get(*path);
    CIEVENTS_CHECK(value.kind == expected);
    benchmark::DoNotOptimize(value.text.data());
  }
  SetCounters(state, sample.payload);
  state.counters["walked"] = static_cast<double>(fields.payload_bytes_walked());
}

// Workload S5: five paths of one small payload, one of them a list.
void FivePaths(benchmark::State& state) {
  const std::string payload =
      R"({"name":"deployment/created","env":"prod","number":4711,"tags":["tag1","tag3"],)"
      R"("region":"eu","type":"app"})";
  EventPathTable table;
  std::vector<std::shared_ptr<const EventPath>> paths;
  for (const char* key : {"env", "number", "tags", "region", "type"}) {
    paths.push_back(*table.Intern(fmt::format("event.payload.{}", key)));
  }
  EventFields fields;
  EventView event;
  event.payload = payload;
  for (auto _ : state) {
    fields.Reset(event);
    for (const auto& path : paths) {
      const Value& value = fields.Get(*path);
      CIEVENTS_CHECK(value.kind == Value::Kind::kText || value.kind == Value::Kind::kList);
      benchmark::DoNotOptimize(&value);
    }
  }
  SetCounters(state, payload);
}
BENCHMARK(FivePaths);

void OnDemand(benchmark::State& state) {
  const Case& sample = Cases()[static_cast<size_t>(state.range(0))];
  const auto& keys = sample.keys[static_cast<size_t>(state.range(1))];
  simdjson::ondemand::parser parser;
  std::vector<char> padded(sample.payload.size() + simdjson::SIMDJSON_PADDING);
  for (auto _ : state) {
    std::memcpy(padded.data(), sample.payload.data(), sample.payload.size());
    simdjson::ondemand::document document;
    CIEVENTS_CHECK(
        parser.iterate(padded.data(), sample.payload.size(), padded.size()).get(document) ==
        simdjson::SUCCESS);
    simdjson::simdjson_result<simdjson::ondemand::value> value = document[keys[0]];
    if (keys[1] != nullptr) value = value[keys[1]];
    std::string_view text;
    const bool found = value.get_string().get(text) == simdjson::SUCCESS;
    CIEVENTS_CHECK(found == (state.range(1) != 3));
    benchmark::DoNotOptimize(text.data());
  }
  SetCounters(state, sample.payload);
}

void Dom(benchmark::State& state) {
  const Case& sample = Cases()[static_cast<size_t>(state.range(0))];
  const auto& keys = sample.keys[static_cast<size_t>(state.range(1))];
  simdjson::dom::parser parser;
  for (auto _ : state) {
    simdjson::dom::element root;
    CIEVENTS_CHECK(parser.parse(sample.payload).get(root) == simdjson::SUCCESS);
    simdjson::simdjson_result<simdjson::dom::element> value = root[keys[0]];
    if (keys[1] != nullptr) value = value[keys[1]];
    std::string_view text;
    const bool found = value.get_string().get(text) == simdjson::SUCCESS;
    CIEVENTS_CHECK(found == (state.range(1) != 3));
    benchmark::DoNotOptimize(text.data());
  }
  SetCounters(state, sample.payload);
}

// size: 0 = 0.6 KB, 1 = 6.5 KB, 2 = 100 KB. where: 0 = early, 1 = middle, 2 = late, 3 = absent.
void Arguments(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"size", "where"});
  for (int size = 0; size < 3; ++size) {
    for (int where = 0; where < 4; ++where) benchmark->Args({size, where});
  }
}
BENCHMARK(Ours)->Apply(Arguments);
BENCHMARK(OnDemand)->Apply(Arguments);
BENCHMARK(Dom)->Apply(Arguments);

}  // namespace
}  // namespace cievents::matcher

BENCHMARK_MAIN();
