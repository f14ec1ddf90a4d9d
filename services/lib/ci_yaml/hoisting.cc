#include "services/lib/ci_yaml/hoisting.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "services/lib/ci_yaml/body_merge.h"
#include "services/lib/ci_yaml/file_issues.h"
#include "services/lib/ci_yaml/hoisted_clauses.h"
#include "services/lib/ci_yaml/job_resolution.h"
#include "services/lib/ci_yaml/workflow_judge.h"

namespace cievents::ci_yaml {
namespace {

using Kind = BodyValue::Kind;
using Owner = ClauseReader::Owner;

constexpr size_t kReportedJobsMax = 20;

// A job that something is said about.
struct NamedPlace {
  std::string name;
  size_t file = 0;
  matcher::Position position;
};

// What is kept of rules counts here.
class HoistedSize {
 public:
  // False: with the list it is too much.
  bool Add(const matcher::RuleList& list) {
    clauses_ += list.size();
    for (const matcher::RuleClause& clause : list) {
      if (clause.if_text.has_value()) bytes_ += clause.if_text->size();
      for (const matcher::Pattern& pattern : clause.events) bytes_ += pattern.text().size();
    }
    return clauses_ <= kHoistedClausesMax && bytes_ <= kHoistedBytesMax;
  }

 private:
  size_t clauses_ = 0;
  size_t bytes_ = 0;
};

class Hoister {
 public:
  Hoister(const HoistRequest& request, const Catalogue& catalogue)
      : request_(request),
        catalogue_(catalogue),
        ci_file_(request.bodies.size() - 1),
        is_whole_(request.all_includes_are_merged),
        issues_(request.bodies),
        reader_(catalogue, ci_file_, &issues_) {}

  Hoisted Run();

 private:
  void CheckCompleteness();
  // The clauses of `workflow: rules`, none if there are no rules.
  std::optional<ClauseReader::Clauses> ReadWorkflow(const MergedBodies& bodies,
                                                    JobResolver* resolver);
  void HoistWorkflow(const std::optional<ClauseReader::Clauses>& workflow);
  void HoistJobs(const MergedBodies& bodies, JobResolver* resolver);
  // The job's lists that can keep it from running: if there is one, all of them are known.
  std::vector<matcher::RuleList> ReadJob(std::string_view name, JobResolver* resolver);
  void MakeEntry();
  void AddAdvice();

  const HoistRequest& request_;
  const Catalogue& catalogue_;
  const size_t ci_file_;
  bool is_whole_;
  FileIssues issues_;
  ClauseReader reader_;
  HoistedSize size_;
  std::vector<NamedPlace> jobs_without_rules_;
  std::vector<NamedPlace> unresolved_jobs_;
  Hoisted hoisted_;
};

Hoisted Hoister::Run() {
  CheckCompleteness();
  const MergedBodies bodies(request_.bodies, 0);
  JobResolver resolver(bodies, Knowledge::kWhole);
  const auto workflow = ReadWorkflow(bodies, &resolver);  // for its patterns in any case
  if (is_whole_) {
    HoistWorkflow(workflow);
  } else {
    const MergedBodies ci_file_alone(request_.bodies, ci_file_);
    JobResolver own_resolver(ci_file_alone, Knowledge::kLastBodyAlone);
    HoistWorkflow(ReadWorkflow(ci_file_alone, &own_resolver));
  }
  HoistJobs(bodies, &resolver);
  MakeEntry();
  if (!hoisted_.entries.empty()) AddAdvice();
  hoisted_.issues = issues_.Take();
  return std::move(hoisted_);
}

void Hoister::CheckCompleteness() {
  for (size_t file = 0; file < request_.bodies.size(); ++file) {
    if (request_.bodies[file].body->is_complete) continue;
    is_whole_ = false;
    issues_.AddOnce(kBodyTooLarge, file, {},
                    fmt::format("the jobs without their scripts are over {} bytes: their rules do "
                                "not filter, and `events` and `on` in them do not subscribe",
                                kBodyBytesMax),
                    "split the file with `include`");
  }
}

std::optional<ClauseReader::Clauses> Hoister::ReadWorkflow(const MergedBodies& bodies,
                                                           JobResolver* resolver) {
  const JobResolver::Resolved workflow = resolver->Job("workflow");
  if (!workflow.value.has_value()) return std::nullopt;
  const std::vector<std::string_view> keys = workflow.value->Keys();
  const JobResolver::Resolved rules = resolver->Get(*workflow.value, "rules");
  if (!rules.value.has_value() || rules.value->kind() == Kind::kNull) return std::nullopt;
  ClauseReader::Clauses clauses = reader_.ReadRules(*rules.value, Owner::kWorkflow, resolver);
  clauses.is_whole = clauses.is_whole && workflow.is_whole && rules.is_whole &&
                     !bodies.MayBeInterpolated("workflow") &&
                     std::none_of(keys.begin(), keys.end(), HasBlock);
  return clauses;
}

void Hoister::HoistWorkflow(const std::optional<ClauseReader::Clauses>& workflow) {
  if (!workflow.has_value() || !workflow->is_whole || workflow->list.empty()) return;
  if (reader_.AlwaysLetsRun(workflow->list) || !size_.Add(workflow->list)) return;
  hoisted_.rules.workflow = workflow->list;
}

void Hoister::HoistJobs(const MergedBodies& bodies, JobResolver* resolver) {
  std::vector<matcher::HoistedJob> jobs;
  bool some_could_always_run = !is_whole_;
  for (const std::string_view name : bodies.names()) {
    if (name == "workflow" || name.starts_with('.')) continue;
    std::vector<matcher::RuleList> lists = ReadJob(name, resolver);
    if (lists.empty() || HasBlock(name)) some_could_always_run = true;
    if (some_could_always_run) continue;
    for (const matcher::RuleList& list : lists) {
      if (!size_.Add(list)) some_could_always_run = true;
    }
    jobs.push_back({std::string(name), std::move(lists)});
  }
  // Without a job of its own a pipeline is refused, unless something else adds jobs to it.
  if (!some_could_always_run && !jobs.empty()) hoisted_.rules.jobs = std::move(jobs);
}

std::vector<matcher::RuleList> Hoister::ReadJob(std::string_view name, JobResolver* resolver) {
  const JobResolver::Resolved job = resolver->Job(name);
  if (!job.value.has_value() || !job.value->is_map()) return {};
  const std::vector<std::string_view> keys = job.value->Keys();
  bool is_whole = job.is_whole && std::none_of(keys.begin(), keys.end(), HasBlock);
  bool has_rules = false;
  std::vector<matcher::RuleList> lists;
  const auto add = [&](ClauseReader::Clauses clauses) {
    has_rules = true;
    is_whole = is_whole && clauses.is_whole;
    if (!reader_.AlwaysLetsRun(clauses.list)) lists.push_back(std::move(clauses.list));
  };
  const JobResolver::Resolved rules = resolver->Get(*job.value, "rules");
  if (!rules.is_whole) is_whole = false;
  if (rules.value.has_value() && rules.value->kind() != Kind::kNull) {
    add(reader_.ReadRules(*rules.value, Owner::kJob, resolver));
  }
  const JobResolver::Resolved on = resolver->Get(*job.value, "on");
  if (!on.is_whole) is_whole = false;
  if (on.value.has_value()) add(reader_.ReadOn(*on.value, resolver));
  const bool has_refs = std::find(keys.begin(), keys.end(), "only") != keys.end() ||
                        std::find(keys.begin(), keys.end(), "except") != keys.end();
  const NamedPlace place{std::string(name), job.value->file(), job.value->position()};
  if (!is_whole) {
    unresolved_jobs_.push_back(place);
  } else if (!has_rules && !has_refs) {
    jobs_without_rules_.push_back(place);
  }
  if (!is_whole || has_refs) lists.clear();
  return lists;
}

void Hoister::MakeEntry() {
  const std::vector<PlacedPattern>& patterns = reader_.patterns();
  if (patterns.empty()) return;
  matcher::Entry& entry = hoisted_.entries.emplace_back();
  for (const PlacedPattern& pattern : patterns) entry.patterns.push_back(pattern.pattern);
  // An entry has no file of its own: it stands in the CI file, if anywhere.
  const auto own =
      std::find_if(patterns.begin(), patterns.end(),
                   [this](const PlacedPattern& pattern) { return pattern.file == ci_file_; });
  if (own != patterns.end()) entry.position = own->position;
}

void Hoister::AddAdvice() {
  const size_t reported = std::min(jobs_without_rules_.size(), kReportedJobsMax);
  for (size_t i = 0; i < reported; ++i) {
    const NamedPlace& job = jobs_without_rules_[i];
    issues_.Of(job.file).Add(
        kJobRunsOnEveryEvent, job.position,
        fmt::format("the job `{}` has no `rules`: it runs in every event pipeline",
                    yaml::Shorten(job.name)),
        "add `rules` with `events` or `if`, unless that is meant");
  }
  for (const NamedPlace& job : unresolved_jobs_) {
    issues_.AddOnce(kLeftToPipelineCreation, job.file, job.position,
                    fmt::format("the rules of the job `{}` cannot be resolved here: it counts as "
                                "one that could run",
                                yaml::Shorten(job.name)));
  }
  if (!hoisted_.rules.workflow.has_value()) return;
  WorkflowJudge judge(*hoisted_.rules.workflow, catalogue_);
  for (const PlacedPattern& pattern : reader_.job_patterns()) {
    if (judge.MayPass(pattern.pattern)) continue;
    issues_.Of(pattern.file)
        .Add(kEventStoppedByWorkflow, pattern.position,
             fmt::format("`workflow: rules` let no pipeline run for `{}`", pattern.pattern.text()),
             fmt::format("add `- events: [\"{}\"]` to `workflow: rules`", pattern.pattern.text()));
  }
}

}  // namespace

Hoisted Hoist(const HoistRequest& request, const Catalogue& catalogue) {
  if (request.bodies.empty()) return {};
  return Hoister(request, catalogue).Run();
}

}  // namespace cievents::ci_yaml
