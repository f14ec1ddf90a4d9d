#include "loadtest/service/fan_out.h"

#include "loadtest/service/subscription_rows.h"
#include "loadtest/workloads/identity.h"

namespace cievents::loadtest {
namespace {

constexpr int64_t kProjects = 1000;
constexpr int64_t kRoots = 100;
constexpr char kName[] = "issue/created";

int64_t ProjectOf(int64_t number) { return 991 * number % kProjects; }

matcher::ProjectSubscriptions Project(int64_t project) {
  return MakeFanOutProject(project, kFanOut, kName, kRoots);
}

EventDraft DraftOf(int64_t project) {
  EventDraft draft;
  draft.name = kName;
  draft.project_id = ProjectId(project);
  draft.namespace_ids = {NamespaceId(project % kRoots)};
  return draft;
}

}  // namespace

const std::string& FanOutDatabase(Stage& stage) {
  static const auto* dsn = [&stage] {
    auto* made = new std::string(stage.MakeDatabase("fan_out"));
    WriteProjects(*made, kProjects, Project);
    return made;
  }();
  return *dsn;
}

EventDraft FanOutDraft(int64_t number) { return DraftOf(ProjectOf(number)); }

EventDraft FanOutDraftOfRoot(int64_t root, int64_t number) {
  return DraftOf(root + kRoots * (number % (kProjects / kRoots)));
}

std::vector<EventRows> MakeFanOutRows(int64_t first, int count) {
  std::vector<EventRows> group;
  for (int64_t i = first; i < first + count; ++i) {
    group.push_back(
        MakeEventRows(MakeEvent(FanOutDraft(i)), Project(ProjectOf(i)), kFanOutInputsJson));
  }
  return group;
}

}  // namespace cievents::loadtest
