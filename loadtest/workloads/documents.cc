#include "loadtest/workloads/documents.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "loadtest/workloads/identity.h"
#include "matcher/base/check.h"

namespace cievents::loadtest {
namespace {

std::vector<std::string> MakeNames() {
  static constexpr std::array<std::string_view, 8> kSubjects = {
      "package", "issue", "merge_request", "audit", "pipeline", "release", "member", "deployment"};
  static constexpr std::array<std::string_view, 5> kVerbs = {"created", "published", "removed",
                                                             "updated", "closed"};
  std::vector<std::string> names;
  for (const std::string_view verb : kVerbs) {
    for (const std::string_view subject : kSubjects) {
      names.push_back(fmt::format("{}/{}", subject, verb));
    }
  }
  return names;
}

std::string TimeText(int64_t number) {
  // One event a second, from midnight on; the workloads have far fewer than a day's.
  return fmt::format("2026-09-01T{:02}:{:02}:{:02}.000Z", number / 3600 % 24, number / 60 % 60,
                     number % 60);
}

std::string ScopeText(const DocumentDraft& draft) {
  if (draft.scope_form == DocumentDraft::ScopeForm::kInstance) return "\"i\"";
  const std::string project = fmt::format("\"p{}\"", draft.project_id);
  if (draft.scope_form == DocumentDraft::ScopeForm::kProject) return project;
  std::string list = "[" + project;
  for (auto id = draft.namespace_ids.rbegin(); id != draft.namespace_ids.rend(); ++id) {
    list += fmt::format(",\"g{}\"", *id);
  }
  return list + ",\"i\"]";
}

std::string PayloadText(const DocumentDraft& draft) {
  const int64_t j = draft.number;
  return fmt::format(
      "{{\"package\":{{\"id\":{},\"name\":\"{}\",\"version\":\"1.{}.{}\",\"type\":\"maven\","
      "\"size\":{},\"pipeline_id\":{}}},\"project\":{{\"id\":{},\"path\":\"group-{}/project-{}\","
      "\"visibility\":\"private\",\"default_branch\":\"main\"}},\"user\":{{\"id\":{},"
      "\"username\":\"user-{}\",\"name\":\"User Number {}\",\"email\":\"user-{}@example.com\"}},"
      "\"ref\":\"{}\",\"commit\":{{\"sha\":\"{}\",\"title\":\"Update the build of module {}\","
      "\"message\":\"Update the build of module {}\\n\\nIt now caches what it downloads.\"}}}}",
      1'000'000 + j, draft.package_name, j % 40, j % 10, 10'000 + j * 17 % 90'000, 5'000'000 + j,
      draft.project_id, j % 500, j % 5000, 100 + j % 9000, j % 9000, j % 9000, j % 9000, draft.ref,
      CommitSha(j, 7), j % 300, j % 300);
}

}  // namespace

const std::string& NameOf(int64_t k) {
  static const std::vector<std::string>* const kNames = new std::vector<std::string>(MakeNames());
  CIEVENTS_CHECK(k >= 0 && k < 40);
  return (*kNames)[static_cast<size_t>(k)];
}

EventPool::Draft MakeDocument(const DocumentDraft& draft) {
  EventPool::Draft event;
  event.name = draft.name;
  event.project_id = draft.project_id;
  event.namespace_ids = draft.namespace_ids;
  event.time_ms = kEventsBeginMs + draft.number * 1000;
  event.payload = PayloadText(draft);
  std::string levels;
  for (size_t i = 0; i < draft.levels.size(); ++i) {
    levels += fmt::format("\"l{}\":\"{}\",", i + 1, draft.levels[i]);
  }
  event.document = fmt::format(
      "{{\"id\":\"01991f00-0000-7000-8000-{:012x}\",\"name\":\"{}\",{}\"scope\":{},"
      "\"time\":\"{}\",\"payload\":{}}}",
      draft.number, draft.name, levels, ScopeText(draft), TimeText(draft.number), event.payload);
  return event;
}

}  // namespace cievents::loadtest
