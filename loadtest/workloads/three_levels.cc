#include "loadtest/workloads/three_levels.h"

#include <fmt/format.h>

#include <utility>

#include "loadtest/workloads/documents.h"
#include "loadtest/workloads/identity.h"

namespace cievents::loadtest {
namespace {

constexpr int64_t kB = 50;
constexpr int64_t kC = 40;
constexpr int64_t kNames = 100'000;
constexpr int64_t kEventProject = 900'000;

std::string A(int64_t a) { return fmt::format("a{:02}", a); }
std::string B(int64_t b) { return fmt::format("b{:02}", b); }
std::string C(int64_t c) { return fmt::format("c{:02}", c); }

struct Counts {
  const char* id;
  int64_t share;  // of 100
  uint64_t matches_a_pass;
};

Counts CountsOf(S3Size size) {
  switch (size) {
    case S3Size::k1k:
      return {"S3-1k", 1, 2'362};
    case S3Size::k10k:
      return {"S3-10k", 10, 23'510};
    case S3Size::k100k:
      break;
  }
  return {"S3-100k", 100, 235'005};
}

std::vector<std::string> MakePatterns(int64_t share) {
  std::vector<std::string> texts;
  for (int64_t i = 0; i < 800 * share; ++i) {
    const int64_t x = 61 * i % kNames;
    texts.push_back(fmt::format("{}/{}/{}", A(x / (kB * kC)), B(x / kC % kB), C(x % kC)));
  }
  for (int64_t i = 0; i < 100 * share; ++i) {
    const int64_t x = i % 2500;
    texts.push_back(fmt::format("{}/{}/*", A(x / kB), B(x % kB)));
  }
  for (int64_t i = 0; i < 50 * share; ++i) {
    const int64_t x = i % 2000;
    texts.push_back(fmt::format("{}/*/{}", A(x / kC), C(x % kC)));
  }
  for (int64_t i = 0; i < 49 * share; ++i) {
    const int64_t x = i % 2000;
    texts.push_back(fmt::format("*/{}/{}", B(x / kC), C(x % kC)));
  }
  for (int64_t i = 0; i < share; ++i) texts.push_back(fmt::format("{}/*/*", A(i % 50)));
  return texts;
}

}  // namespace

Workload MakeS3(S3Size size) {
  const Counts counts = CountsOf(size);
  Workload workload;
  workload.id = counts.id;
  std::vector<SubscriptionDraft> drafts;
  for (const std::string& text : MakePatterns(counts.share)) {
    drafts.push_back({ParsePattern(text), {matcher::ScopeKind::kInstance, 0}, ""});
  }
  workload.sets = DealOut(drafts, 0);
  workload.events.Reserve(static_cast<size_t>(kEventsPerPass), 720);
  for (int64_t j = 0; j < kEventsPerPass; ++j) {
    const int64_t x = 7919 * j % kNames;
    DocumentDraft draft;
    draft.number = j;
    draft.levels = {A(x / (kB * kC)), B(x / kC % kB), C(x % kC)};
    draft.name = fmt::format("{}/{}/{}", draft.levels[0], draft.levels[1], draft.levels[2]);
    draft.project_id = ProjectId(kEventProject + j % 5000);
    draft.namespace_ids = {NamespaceId(1000 + j % 500)};
    workload.events.Add(MakeDocument(draft));
  }
  workload.events.Finish();
  workload.matches_a_pass = counts.matches_a_pass;
  return workload;
}

}  // namespace cievents::loadtest
