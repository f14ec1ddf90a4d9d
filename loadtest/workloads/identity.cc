#include "loadtest/workloads/identity.h"

#include <fmt/format.h>

#include <utility>

#include "matcher/base/check.h"

namespace cievents::loadtest {
namespace {

using matcher::Entry;
using matcher::Pattern;
using matcher::ProjectSubscriptions;
using matcher::RuleClause;
using matcher::Subscription;

constexpr int64_t kSubscriptionsPerProjectMax = 200;

// splitmix64: a good mixture of all bits, and short.
uint64_t Mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

std::string Hex(uint64_t seed, size_t digits) {
  std::string hex;
  hex.reserve(digits + 16);
  for (uint64_t round = 0; hex.size() < digits; ++round) {
    hex += fmt::format("{:016x}", Mix(seed + round * 0x632be59bd9b4e019U));
  }
  hex.resize(digits);
  return hex;
}

uint64_t HashText(std::string_view text) {
  uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  return Mix(hash);
}

}  // namespace

int64_t ProjectId(int64_t number) { return 1 + 73 * number; }
int64_t NamespaceId(int64_t number) { return 5 + 11 * number; }

std::string CommitSha(int64_t project_number, int64_t version) {
  return Hex(Mix(static_cast<uint64_t>(project_number)) + static_cast<uint64_t>(version), 40);
}

std::string WorkflowId(std::string_view content) { return Hex(HashText(content), 64); }

Subscription MakeSubscription(int64_t number, int64_t place, const SubscriptionDraft& draft) {
  Subscription subscription;
  subscription.subscription_id = number + 1;
  subscription.path =
      place == 0 ? ".gitlab-ci.yml" : fmt::format(".gitlab/ci/events/{}.yml", place);
  subscription.workflow_id = WorkflowId(fmt::format(
      "{} {} {}", draft.pattern.text(), static_cast<int>(draft.scope.kind), draft.if_text));
  Entry entry;
  entry.patterns.push_back(draft.pattern);
  entry.scope = draft.scope;
  entry.position = {4, 7};
  if (!draft.if_text.empty()) {
    RuleClause clause;
    clause.if_text = draft.if_text;
    clause.if_position = {6, 15};
    entry.rules.emplace().push_back(std::move(clause));
  }
  subscription.entries.push_back(std::move(entry));
  const uint64_t mixed = Mix(static_cast<uint64_t>(number));
  subscription.owner_user_id = 1 + static_cast<int64_t>(mixed % 200'000);
  // Up to four years before the events.
  subscription.created_time_ms =
      kEventsBeginMs - 3'600'000 - static_cast<int64_t>((mixed >> 20) % 126'144'000'000U);
  return subscription;
}

ProjectSubscriptions MakeProject(int64_t number, std::vector<int64_t> namespace_ids) {
  ProjectSubscriptions project;
  project.project_id = ProjectId(number);
  project.namespace_ids = std::move(namespace_ids);
  project.default_branch = "main";
  project.commit_sha = CommitSha(number, 0);
  return project;
}

std::vector<ProjectSubscriptions> DealOut(const std::vector<SubscriptionDraft>& drafts,
                                          int64_t first_project_number) {
  std::vector<ProjectSubscriptions> projects;
  for (size_t i = 0; i < drafts.size(); ++i) {
    const int64_t number = static_cast<int64_t>(i);
    const int64_t place = number % kSubscriptionsPerProjectMax;
    if (place == 0) {
      const int64_t project = number / kSubscriptionsPerProjectMax;
      projects.push_back(MakeProject(first_project_number + project, {NamespaceId(project % 40)}));
    }
    projects.back().subscriptions.push_back(MakeSubscription(number, place, drafts[i]));
  }
  return projects;
}

Pattern ParsePattern(std::string_view text) {
  absl::StatusOr<Pattern> pattern = Pattern::Parse(text);
  if (!pattern.ok()) {
    fmt::print(stderr, "loadtest: pattern {}: {}\n", text, pattern.status().ToString());
  }
  CIEVENTS_CHECK(pattern.ok());
  return *std::move(pattern);
}

}  // namespace cievents::loadtest
