#include "tests/faults/workload.h"

#include <fmt/format.h>

#include <iterator>

namespace cievents::faults {
namespace {

using oracle::NaiveEntry;
using oracle::NaiveEvent;
using oracle::NaiveScope;

constexpr char kCiFile[] = ".gitlab-ci.yml";

const std::vector<std::string>& Patterns() {
  static const auto* patterns = new std::vector<std::string>{
      "issue/created",      "issue/*",         "merge_request/merged", "merge_request/*",
      "package/published",  "package/removed", "pipeline/failed",      "pipeline/**",
      "release/published",  "branch/pushed",   "custom/order/*",       "custom/*/paid",
      "custom/order/**",    "audit/**",        "audit/*/removed",      "*/published",
      "events/issue/closed"};
  return *patterns;
}

std::string Canonical(const std::string& pattern) {
  constexpr char kPrefix[] = "events/";
  return pattern.rfind(kPrefix, 0) == 0 ? pattern.substr(std::size(kPrefix) - 1) : pattern;
}

// An entry as YAML, as an item of a list, and as what it means.
struct Entry {
  std::string yaml;
  NaiveEntry meaning;
};

Entry RandomEntry(ProjectKind kind, Random& random) {
  Entry entry;
  const std::string first = random.Of(Patterns());
  entry.meaning.patterns = {Canonical(first)};
  if (random.Percent(40)) {
    entry.yaml = fmt::format("    - \"{}\"\n", first);
    return entry;
  }
  if (random.Percent(50)) {
    const std::string second = random.Of(Patterns());
    entry.meaning.patterns.push_back(Canonical(second));
    entry.yaml = fmt::format("    - name: [\"{}\", \"{}\"]\n", first, second);
  } else {
    entry.yaml = fmt::format("    - name: \"{}\"\n", first);
  }
  if (random.Percent(20)) {
    entry.meaning.confidential = true;
    entry.yaml += "      confidential: true\n";
  }
  if (random.Percent(30)) {
    entry.meaning.scope = NaiveScope::kGroup;
    entry.yaml += "      scope: group\n";
  } else if (kind == ProjectKind::kStable && random.Percent(4)) {
    entry.meaning.scope = NaiveScope::kInstance;
    entry.yaml += "      scope: instance\n";
  }
  return entry;
}

// The entries of one file: `events:` with its list, below two spaces.
std::string RandomEntries(ProjectKind kind, Random& random, std::vector<NaiveEntry>* meaning) {
  std::string yaml = "  events:\n";
  const int count = random.Between(1, 3);
  for (int i = 0; i < count; ++i) {
    Entry entry = RandomEntry(kind, random);
    yaml += entry.yaml;
    meaning->push_back(std::move(entry.meaning));
  }
  return yaml;
}

// `.gitlab-ci-event.yml`: the list stands at the top, and the pipeline is the CI file's.
void AddEventList(ProjectKind kind, Random& random, Configuration* configuration) {
  ExpectedSubscription expected{kCiFile, "{}", {}};
  std::string yaml = RandomEntries(kind, random, &expected.entries);
  std::string flat;
  for (size_t begin = 0; begin < yaml.size();) {
    const size_t end = yaml.find('\n', begin) + 1;
    flat += yaml.substr(begin + 2, end - begin - 2);
    begin = end;
  }
  configuration->files.push_back({".gitlab-ci-event.yml", flat});
  configuration->subscriptions.push_back(std::move(expected));
}

void AddEventsFolder(ProjectKind kind, Random& random, Configuration* configuration) {
  for (const char* name : {"build", "notify", "triage"}) {
    if (!random.Percent(45)) continue;
    ExpectedSubscription expected{fmt::format(".gitlab/ci/events/{}.yml", name), "{}", {}};
    const std::string yaml = RandomEntries(kind, random, &expected.entries);
    configuration->files.push_back(
        {expected.path, "spec:\n" + yaml + "---\njob:\n  script: make\n"});
    configuration->subscriptions.push_back(std::move(expected));
  }
}

// Returns the `include` of the CI file.
std::string AddIncludes(ProjectKind kind, Random& random, Configuration* configuration) {
  std::vector<NaiveEntry> entries;
  const std::string path = random.Percent(70) ? "ci/deploy.yml" : "ci/report.yml";
  const std::string yaml = RandomEntries(kind, random, &entries);
  configuration->files.push_back(
      {path, "spec:\n" + yaml + "  inputs:\n    env:\n---\njob:\n  script: make\n"});
  std::string include = "include:\n";
  const size_t before = configuration->subscriptions.size();
  for (const char* env : {"staging", "production", "review"}) {
    const bool last_chance =
        configuration->subscriptions.size() == before && std::string(env) == "review";
    if (!last_chance && !random.Percent(50)) continue;
    include += fmt::format("  - local: {}\n    inputs:\n      env: {}\n", path, env);
    configuration->subscriptions.push_back({path, fmt::format(R"({{"env":"{}"}})", env), entries});
  }
  return include;
}

}  // namespace

std::vector<Project> MakeProjects() {
  constexpr int kStable = 24;
  constexpr int kMoving = 16;
  constexpr int kProbes = 2;
  // Root namespaces of all shards of four, most of which belong to others of six.
  constexpr int64_t kStableRoots[] = {10, 32, 38};  // 0, 2, 1 of four; 0, 4, 2 of six
  constexpr int64_t kMovingRoots[] = {21, 35};      // 3, 1; 5, 1
  constexpr int64_t kProbeRoots[] = {33, 31};       // 2, 1; 4, 1
  std::vector<Project> projects;
  for (int i = 0; i < kStable; ++i) {
    projects.push_back({1000 + i, {kStableRoots[i % 3], 100 + i % 6}, ProjectKind::kStable});
  }
  for (int i = 0; i < kMoving; ++i) {
    projects.push_back({2000 + i, {kMovingRoots[i % 2], 200 + i % 4}, ProjectKind::kMoving});
  }
  for (int i = 0; i < kProbes; ++i) {
    projects.push_back({3000 + i, {kProbeRoots[i]}, ProjectKind::kProbe});
  }
  return projects;
}

std::vector<Project> OfKind(const std::vector<Project>& projects, ProjectKind kind) {
  std::vector<Project> chosen;
  for (const Project& project : projects) {
    if (project.kind == kind) chosen.push_back(project);
  }
  return chosen;
}

Configuration RandomConfiguration(ProjectKind kind, Random& random) {
  Configuration configuration;
  std::string ci_file;
  if (random.Percent(60)) ci_file += AddIncludes(kind, random, &configuration);
  if (random.Percent(60)) AddEventList(kind, random, &configuration);
  AddEventsFolder(kind, random, &configuration);
  configuration.files.push_back({kCiFile, ci_file + "test:\n  script: make test\n"});
  return configuration;
}

Configuration ConfigurationFor(const std::string& name) {
  const std::string path = ".gitlab/ci/events/probe.yml";
  NaiveEntry entry;
  entry.patterns = {name};
  Configuration configuration;
  configuration.files = {
      {path, fmt::format("spec:\n  events: \"{}\"\n---\njob:\n  script: make\n", name)}};
  configuration.subscriptions = {{path, "{}", {entry}}};
  return configuration;
}

const std::vector<std::string>& EventNames() {
  static const auto* names = new std::vector<std::string>{
      "issue/created",        "issue/closed",          "merge_request/created",
      "merge_request/merged", "merge_request/ready",   "package/published",
      "package/removed",      "pipeline/succeeded",    "pipeline/failed",
      "release/published",    "branch/pushed",         "custom/order/placed",
      "custom/order/shipped", "custom/invoice/paid",   "custom/nobody/listens",
      "audit/member/added",   "audit/package/removed", "custom/nobody/cares/at/all"};
  return *names;
}

NaiveEvent RandomEvent(const std::vector<Project>& projects, Random& random) {
  const Project& project = random.Of(projects);
  NaiveEvent event;
  event.names = {random.Of(EventNames())};
  if (random.Percent(25)) {
    const std::string& second = random.Of(EventNames());
    if (second != event.names[0]) event.names.push_back(second);
  }
  event.namespace_ids = project.namespace_ids;
  if (!random.Percent(5)) event.project_id = project.project_id;
  event.confidential = random.Percent(10);
  return event;
}

}  // namespace cievents::faults
