#include "loadtest/service/traffic.h"

#include <fmt/format.h>

#include <utility>

#include "loadtest/workloads/documents.h"
#include "loadtest/workloads/identity.h"

namespace cievents::loadtest {
namespace {

// Two numbers of an answer differ from call to call: its credit, and the bytes of small counts.
constexpr size_t kAnswerBytesMargin = 4;

int64_t ProjectOf(int64_t number, int64_t projects) { return 99'991 * number % projects; }

std::vector<int64_t> AncestorsOf(int64_t project) {
  return {NamespaceId(project % 1000), NamespaceId(1'000'000 + project % 5000),
          NamespaceId(2'000'000 + project % 20'000), NamespaceId(3'000'000 + project % 50'000)};
}

}  // namespace

std::vector<BatchBytes> MakeBatches(BatchBytes::Message message, int batches, int events_per_batch,
                                    const std::function<EventDraft(int64_t)>& draft) {
  std::vector<BatchBytes> made;
  int64_t number = 0;
  for (int b = 0; b < batches; ++b) {
    std::vector<events::v1::Event> events;
    for (int i = 0; i < events_per_batch; ++i) events.push_back(MakeEvent(draft(number++)));
    made.emplace_back(message, events);
  }
  return made;
}

EventDraft UnmatchedDraft(int64_t number, const ManySubscriptions& many) {
  const int64_t p = ProjectOf(number, many.projects);
  EventDraft draft;
  draft.name = NameOf((14 * p + 3) % 40);
  draft.project_id = ProjectId(p) + (number % 2 == 0 ? 0 : 1);
  draft.namespace_ids = AncestorsOf(p);
  return draft;
}

int64_t MatchedProject(int64_t number, const ManySubscriptions& many) {
  return ProjectOf(number, many.projects);
}

EventDraft MatchedDraft(int64_t number, const ManySubscriptions& many) {
  const int64_t p = MatchedProject(number, many);
  EventDraft draft;
  draft.name = NameOf(14 * p % 40);
  draft.project_id = ProjectId(p);
  draft.namespace_ids = AncestorsOf(p);
  return draft;
}

double Window(const Options& options, double seconds) {
  return options.quick() ? seconds / 10 : seconds;
}

void CheckAnswers(const Emission& emission, size_t bytes) {
  if (emission.answer_bytes_max <= bytes + kAnswerBytesMargin) return;
  Die("the answers", fmt::format("one has {} bytes where one that accepts all events has {}",
                                 emission.answer_bytes_max, bytes));
}

double ServerMicroseconds(const ServerProcess& server, const std::function<Emission()>& emit) {
  const double before = server.CpuSeconds();
  const Emission emission = emit();
  return (server.CpuSeconds() - before) * 1e6 / static_cast<double>(emission.events);
}

}  // namespace cievents::loadtest
