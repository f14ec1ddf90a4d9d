// What the fault test pushes and emits: projects, small configurations in every form of file,
// events.
//
// A configuration is made together with the subscriptions that it must lead to, so that what is
// expected never passes through the code under test.
#ifndef TESTS_FAULTS_WORKLOAD_H_
#define TESTS_FAULTS_WORKLOAD_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/oracle/naive_matcher.h"

namespace cievents::faults {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // In [low, high].
  int Between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine_); }
  bool Percent(int percent) { return Between(1, 100) <= percent; }
  template <typename T>
  const T& Of(const std::vector<T>& values) {
    return values[static_cast<size_t>(Between(0, static_cast<int>(values.size()) - 1))];
  }

 private:
  std::mt19937_64 engine_;
};

enum class ProjectKind {
  kStable,  // pushed before the run, never changed
  kMoving,  // pushed again and again
  kProbe,   // shows how soon a push is live
};

struct Project {
  int64_t project_id = 0;
  std::vector<int64_t> namespace_ids;
  ProjectKind kind = ProjectKind::kStable;
};

// 24 stable projects, 16 moving ones and 2 probes, in groups that the kinds do not share: only
// `scope: instance` of a stable project reaches across.
std::vector<Project> MakeProjects();
std::vector<Project> OfKind(const std::vector<Project>& projects, ProjectKind kind);

struct TextFile {
  std::string path;
  std::string content;
};

struct ExpectedSubscription {
  std::string path;
  std::string inputs_json;
  std::vector<oracle::NaiveEntry> entries;
};

struct Configuration {
  std::vector<TextFile> files;
  std::vector<ExpectedSubscription> subscriptions;
};

// Any of `.gitlab-ci-event.yml`, the events folder, and files included with inputs.
Configuration RandomConfiguration(ProjectKind kind, Random& random);
// One file of the events folder that subscribes to one name.
Configuration ConfigurationFor(const std::string& name);

// The names that events have.
const std::vector<std::string>& EventNames();

// An event of one of the projects, or of one of their groups.
oracle::NaiveEvent RandomEvent(const std::vector<Project>& projects, Random& random);

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_WORKLOAD_H_
