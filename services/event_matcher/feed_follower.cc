#include "services/event_matcher/feed_follower.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "matcher/base/check.h"
#include "matcher/base/status.h"
#include "services/lib/base/backoff.h"
#include "services/lib/base/log.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::event_matcher {

matcher::ProjectSubscriptions ToProjectSubscriptions(const store::FeedProject& project) {
  matcher::ProjectSubscriptions set;
  set.project_id = project.project_id;
  set.namespace_ids = project.namespace_ids;
  set.default_branch = project.default_branch;
  set.commit_sha = project.commit_sha;
  for (const store::FeedSubscription& row : project.subscriptions) {
    auto entries = ci_yaml::EntriesFromJson(row.entries_json);
    auto inputs = ci_yaml::InputsFromJson(row.inputs_json);
    auto hoisted_rules = ci_yaml::HoistedRulesFromJson(row.hoisted_rules_json);
    absl::Status readable = entries.status();
    readable.Update(inputs.status());
    readable.Update(hoisted_rules.status());
    if (!readable.ok()) {
      LogError("a stored subscription cannot be read; it does not fire",
               {{"subscription_id", row.subscription_id},
                {"meta.project_id", project.project_id},
                {"error", std::string(readable.message())}});
      continue;
    }
    if (project.scopes_suspended) {
      // The permission for them was given for where the project was before it moved.
      std::erase_if(*entries, [](const matcher::Entry& entry) {
        return entry.scope.kind != matcher::ScopeKind::kProject;
      });
      if (entries->empty()) continue;
    }
    matcher::Subscription subscription;
    subscription.subscription_id = row.subscription_id;
    subscription.path = row.path;
    subscription.workflow_id = row.workflow_id;
    subscription.entries = *std::move(entries);
    subscription.include_inputs = *std::move(inputs);
    subscription.spec_inputs_json = row.spec_inputs_json;
    subscription.hoisted_rules = *std::move(hoisted_rules);
    subscription.owner_user_id = row.owner_user_id;
    subscription.created_time_ms = row.created_time_ms;
    subscription.suspended = row.suspended;
    set.subscriptions.push_back(std::move(subscription));
  }
  return set;
}

namespace {

constexpr int kProjectsPerCheck = 200;  // some milliseconds of Postgres
constexpr size_t kLoggedSlotsMax = 10;

int64_t RootOf(const store::FeedProject& project) {
  return project.namespace_ids.empty() ? 0 : project.namespace_ids.front();
}

}  // namespace

FeedFollower::FeedFollower(Options options, matcher::Index& index, ShardMap& shards,
                           ProjectRoots& roots)
    : options_(std::move(options)), index_(index), shards_(shards), roots_(roots) {}

FeedFollower::~FeedFollower() { Stop(); }

void FeedFollower::Start() {
  CIEVENTS_CHECK(!thread_.joinable());
  thread_ = std::thread([this] { Run(); });
}

void FeedFollower::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stopped_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

FeedFollower::Stats FeedFollower::stats() const {
  MutexLock lock(mutex_);
  Stats stats = stats_;
  stats.lag = std::chrono::steady_clock::now() - equal_at_;
  return stats;
}

bool FeedFollower::Wait(std::chrono::milliseconds time) {
  MutexLock lock(mutex_);
  if (!stopping_) stopped_.WaitFor(mutex_, time);
  return !stopping_;
}

void FeedFollower::Run() {
  Backoff backoff(std::chrono::milliseconds(20), std::chrono::milliseconds(500));
  uint64_t loads_before = 0;
  bool was_away = false;
  while (true) {
    const absl::Status status = Follow();
    if (status.ok()) {
      if (!Wait(std::chrono::milliseconds(0))) return;
      continue;  // other slots are wanted
    }
    const uint64_t loads = stats().loads;
    if (loads != loads_before) {
      backoff.Reset();
      was_away = false;
    }
    loads_before = loads;
    if (!was_away) {
      LogWarning("the change feed is lost; the index serves what it has",
                 {{"error", std::string(status.message())}});
    }
    was_away = true;
    if (!Wait(backoff.Next())) return;
  }
}

std::optional<matcher::SlotSet> FeedFollower::WaitForWanted() {
  while (Wait(options_.poll_interval)) {
    if (auto wanted = shards_.wanted(); wanted.has_value()) return wanted;
  }
  return std::nullopt;
}

absl::Status FeedFollower::Load(const matcher::SlotSet& slots, store::SubscriptionFeed& feed) {
  matcher::Index::Load load(index_);
  ProjectRoots::Roots roots;
  digests_.Clear();
  CIEVENTS_RETURN_IF_ERROR(feed.Load(slots, [&load, &roots, this](const auto& project) {
    digests_.Note(project);
    if (!project.in_slots) roots.of_projects[project.project_id] = RootOf(project);
    roots.AddSubgroups(project.namespace_ids);
    if (project.in_slots || !project.subscriptions.empty()) {
      load.Add(ToProjectSubscriptions(project));
    }
  }));
  // At no time a project is neither in the index nor among the roots: an event that names it alone
  // would be taken for one of a project that nobody knows.
  roots_.Add(roots);
  shards_.KeepOnly(slots);
  unusable_.Report(load.Finish());
  shards_.SetLoaded(slots);
  roots_.ReplaceAll(std::move(roots));
  return absl::OkStatus();
}

void FeedFollower::Apply(std::span<const store::FeedProject> changes) {
  bool some_were_here = false;  // or they are new
  for (const store::FeedProject& project : changes) {
    digests_.Note(project);
    if (project.deleted) continue;
    roots_.AddSubgroups(project.namespace_ids);
    if (project.in_slots) continue;
    some_were_here |= !roots_.OfProject(project.project_id).has_value();
    roots_.SetProject(project.project_id, RootOf(project));
  }
  // Whoever found no root for them may still look for them in the index.
  if (some_were_here) shards_.AwaitReaders();
  for (const store::FeedProject& project : changes) {
    const bool is_here = project.in_slots && !project.deleted;
    if (is_here || (!project.deleted && !project.subscriptions.empty())) {
      unusable_.Report(index_.ReplaceProject(ToProjectSubscriptions(project)));
    } else {
      index_.RemoveProject(project.project_id);
    }
    if (is_here || project.deleted) roots_.RemoveProject(project.project_id);
  }
  MutexLock lock(mutex_);
  ++stats_.polls;
  stats_.changes += changes.size();
}

absl::Status FeedFollower::Poll(store::SubscriptionFeed& feed) {
  CIEVENTS_ASSIGN_OR_RETURN(const auto changes, feed.Poll());
  Apply(changes);
  return absl::OkStatus();
}

absl::Status FeedFollower::PollAndCheck(store::SubscriptionFeed& feed) {
  CIEVENTS_ASSIGN_OR_RETURN(const store::FeedCheck check,
                            feed.PollAndCheck(checked_through_, kProjectsPerCheck));
  Apply(check.changes);
  const bool is_last = check.through_project_id == std::numeric_limits<int64_t>::max();
  checked_through_ = is_last ? 0 : check.through_project_id;
  const std::vector<int64_t> differing = digests_.Differing(check);
  if (!differing.empty()) {
    CIEVENTS_ASSIGN_OR_RETURN(const auto read, feed.PollAndRead(differing));
    Apply(read);
    std::set<int> slots;
    for (const store::FeedProject& project : read) {
      if (!project.deleted && slots.size() < kLoggedSlotsMax &&
          std::binary_search(differing.begin(), differing.end(), project.project_id)) {
        slots.insert(matcher::SlotOf(RootOf(project)));
      }
    }
    LogWarning(
        "the index differed from Postgres and was mended: somebody changed rows by hand, or "
        "the change feed has a bug",
        {{"projects", differing.size()},
         {"meta.project_id", differing.front()},
         {"slots", fmt::format("{}", fmt::join(slots, " "))}});
  }
  MutexLock lock(mutex_);
  stats_.repaired += differing.size();
  if (is_last) ++stats_.checks;
  return absl::OkStatus();
}

void FeedFollower::ScheduleCheck() {
  const double steps = static_cast<double>(
      std::max<size_t>(1, (digests_.size() + kProjectsPerCheck - 1) / kProjectsPerCheck));
  // Jittered, so that matchers that started together do not ask together.
  std::uniform_real_distribution<double> jitter(0.5, 1.5);
  next_check_ = std::chrono::steady_clock::now() +
                std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                    options_.check_interval * (jitter(random_) / steps));
}

absl::Status FeedFollower::Follow() {
  const std::optional<matcher::SlotSet> slots = WaitForWanted();
  if (!slots.has_value()) return absl::OkStatus();
  CIEVENTS_ASSIGN_OR_RETURN(auto feed, store::SubscriptionFeed::Connect(options_.dsn));
  const auto load_start = std::chrono::steady_clock::now();
  CIEVENTS_RETURN_IF_ERROR(Load(*slots, *feed));
  // What the load needed beside the index is free by now, and glibc would keep it.
  malloc_trim(0);
  {
    MutexLock lock(mutex_);
    ++stats_.loads;
    equal_at_ = load_start;
  }
  const matcher::Index::Stats loaded = index_.stats();
  LogInfo("subscriptions loaded", {{"projects", loaded.projects},
                                   {"subscriptions", loaded.subscriptions},
                                   {"slots", slots->count()}});
  if (!loaded_once_) {
    loaded_once_ = true;
    options_.on_loaded();
  }
  checked_through_ = 0;
  ScheduleCheck();
  while (Wait(options_.poll_interval)) {
    const auto poll_start = std::chrono::steady_clock::now();
    if (options_.check_interval.count() > 0 && poll_start >= next_check_) {
      CIEVENTS_RETURN_IF_ERROR(PollAndCheck(*feed));
      ScheduleCheck();
    } else {
      CIEVENTS_RETURN_IF_ERROR(Poll(*feed));
    }
    {
      MutexLock lock(mutex_);
      equal_at_ = poll_start;
    }
    if (shards_.wanted() != slots) return absl::OkStatus();
  }
  return absl::OkStatus();
}

}  // namespace cievents::event_matcher
