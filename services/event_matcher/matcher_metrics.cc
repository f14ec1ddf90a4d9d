#include "services/event_matcher/matcher_metrics.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "services/event_matcher/event_stream.h"

namespace cievents::event_matcher {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// In the order of OutcomeReason; those of the wire in lower case.
constexpr std::array<std::string_view, DoorMeter::kReasons> kReasonNames = {
    "none",       "invalid",           "expired",         "from_the_future",   "id_reused",
    "queue_full", "store_unavailable", "unknown_project", "repeated_in_batch", "rate_limited",
    "not_owner"};
constexpr std::array<std::string_view, DoorMeter::kRefusals> kRefusalNames = {
    "loading", "no_room", "invalid", "deadline", "cancelled"};

struct Sample {
  std::vector<ClientMetric::Label> labels;
  double value = 0;
};
using Samples = std::vector<Sample>;

template <typename Number>
Sample Labelled(std::string name, std::string_view label, Number value) {
  return {{{std::move(name), std::string(label)}}, static_cast<double>(value)};
}

class Families {
 public:
  void Counter(std::string name, std::string help, const Samples& samples) {
    Add(MetricType::Counter, std::move(name), std::move(help), samples);
  }
  void Gauge(std::string name, std::string help, const Samples& samples) {
    Add(MetricType::Gauge, std::move(name), std::move(help), samples);
  }
  template <typename Number>
  void Counter(std::string name, std::string help, Number value) {
    Counter(std::move(name), std::move(help), Samples{{{}, static_cast<double>(value)}});
  }
  template <typename Number>
  void Gauge(std::string name, std::string help, Number value) {
    Gauge(std::move(name), std::move(help), Samples{{{}, static_cast<double>(value)}});
  }
  void Histogram(std::string name, std::string help, const LatencyHistogram::Counts& counts) {
    ClientMetric metric;
    uint64_t sum = 0;
    for (size_t i = 0; i < LatencyHistogram::kBounds.size(); ++i) {
      sum += counts.buckets[i];
      const std::chrono::duration<double> bound = LatencyHistogram::kBounds[i];
      metric.histogram.bucket.push_back({sum, bound.count()});
    }
    metric.histogram.sample_count = sum + counts.buckets.back();
    metric.histogram.sample_sum = counts.sum_seconds;
    families_.push_back({std::move(name), std::move(help), MetricType::Histogram, {metric}});
  }
  std::vector<MetricFamily> Take() { return std::move(families_); }

 private:
  void Add(MetricType type, std::string name, std::string help, const Samples& samples) {
    MetricFamily& family = families_.emplace_back();
    family.name = std::move(name);
    family.help = std::move(help);
    family.type = type;
    for (const Sample& sample : samples) {
      ClientMetric& metric = family.metric.emplace_back();
      metric.label = sample.labels;
      metric.counter.value = sample.value;  // the family's type says which one counts
      metric.gauge.value = sample.value;
    }
  }

  std::vector<MetricFamily> families_;
};

// Those of `usual` always, so that a series begins with 0; another one once it happens.
Samples ByReason(const DoorMeter::Counts& doors, OutcomeKind kind,
                 const std::vector<OutcomeReason>& usual) {
  Samples samples;
  for (size_t i = 0; i < DoorMeter::kReasons; ++i) {
    const auto reason = static_cast<OutcomeReason>(i);
    const uint64_t count = doors.of(kind, reason);
    const bool is_usual = std::find(usual.begin(), usual.end(), reason) != usual.end();
    if (is_usual || count > 0) samples.push_back(Labelled("reason", kReasonNames[i], count));
  }
  return samples;
}

void AddEvents(const DoorMeter::Counts& doors, Families* families) {
  families->Counter("cievents_events_received_total",
                    "Events of batches that were taken to be worked on, by who sent them.",
                    Samples{Labelled("sender", "emitter", doors.received[0]),
                            Labelled("sender", "matcher", doors.received[1])});
  families->Counter(
      "cievents_events_accepted_total", "Events answered accepted, by the ack that they got.",
      Samples{Labelled("ack", "durable", doors.of(OutcomeKind::kAccepted, AckLevel::kDurable)),
              Labelled("ack", "durable_local",
                       doors.of(OutcomeKind::kAccepted, AckLevel::kDurableLocal)),
              Labelled("ack", "received", doors.of(OutcomeKind::kAccepted, AckLevel::kReceived))});
  families->Counter("cievents_events_duplicate_total",
                    "Events whose requests were all there: earlier deliveries of the same event.",
                    doors.of(OutcomeKind::kDuplicate));
  families->Counter(
      "cievents_events_rejected_total", "Events that are refused for good, by reason.",
      ByReason(doors, OutcomeKind::kRejected,
               {OutcomeReason::kInvalid, OutcomeReason::kExpired, OutcomeReason::kFromTheFuture,
                OutcomeReason::kIdReused, OutcomeReason::kRepeatedInBatch}));
  families->Counter("cievents_events_overloaded_total",
                    "Events that are put off with a time to wait, by reason.",
                    ByReason(doors, OutcomeKind::kOverloaded,
                             {OutcomeReason::kQueueFull, OutcomeReason::kStoreUnavailable,
                              OutcomeReason::kRateLimited, OutcomeReason::kNotOwner}));
  families->Counter("cievents_events_matched_total",
                    "Accepted and duplicate events that fire at least one subscription.",
                    doors.matched_events);
  families->Counter("cievents_matches_total", "Subscriptions that those events fire.",
                    doors.matches);
  Samples refused;
  for (size_t i = 0; i < DoorMeter::kRefusals; ++i) {
    refused.push_back(Labelled("reason", kRefusalNames[i], doors.refused[i]));
  }
  families->Counter("cievents_batches_refused_total",
                    "Batches of which no event was worked on, by reason.", refused);
  families->Histogram("cievents_ack_latency_seconds",
                      "From when an event's batch was read until it was answered.", doors.latency);
}

// A bounded place where things wait. What is absent is not bounded, or not known.
struct Queue {
  std::string_view name;
  std::string_view policy;
  uint64_t refused = 0;
  std::optional<double> depth;
  std::optional<double> depth_limit;
  std::optional<double> bytes;
  std::optional<double> bytes_limit;
};

std::vector<Queue> QueuesOf(const MatcherSnapshot& snapshot) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  const CallBudget::Stats& calls = snapshot.calls;
  const GroupCommitEnqueuer::Stats& commits = snapshot.commits;
  const GrpcForwarder::Stats& forwarder = snapshot.forwarder;
  std::vector<Queue> queues;
  queues.push_back({"calls", "reject", calls.refused, number(calls.calls), number(calls.calls_max),
                    number(calls.bytes), number(calls.bytes_max)});
  queues.push_back(
      {"streams", "block", snapshot.doors.stream_pauses, number(snapshot.doors.stream_batches),
       number(snapshot.doors.streams * kStreamBatchesInFlightMax), std::nullopt, std::nullopt});
  queues.push_back({"commit", "reject", commits.refused_events, number(commits.queued_events),
                    number(commits.queued_events_max), number(commits.queued_bytes),
                    number(commits.queued_bytes_max)});
  queues.push_back({"forward", "reject", forwarder.refused_events, number(forwarder.calls),
                    std::nullopt, number(forwarder.bytes), number(forwarder.bytes_max)});
  if (snapshot.spool.has_value()) {
    const spool::Stats& spool = snapshot.spool->stats;
    queues.push_back({"spool_writes", "reject", spool.turned_away_by_queue, std::nullopt,
                      std::nullopt, number(spool.queued_bytes), number(spool.queued_bytes_max)});
    queues.push_back({"spool", "reject", spool.turned_away_by_size, number(spool.records),
                      std::nullopt, number(spool.bytes + spool.set_aside_bytes),
                      number(snapshot.spool->bytes_max)});
  }
  return queues;
}

void AddQueues(const std::vector<Queue>& queues, Families* families) {
  Samples refused, depths, depth_limits, bytes, bytes_limits;
  const auto add = [](const Queue& queue, const std::optional<double>& value, Samples* samples) {
    if (value.has_value()) samples->push_back(Labelled("queue", queue.name, *value));
  };
  for (const Queue& queue : queues) {
    add(queue, queue.depth, &depths);
    add(queue, queue.depth_limit, &depth_limits);
    add(queue, queue.bytes, &bytes);
    add(queue, queue.bytes_limit, &bytes_limits);
    Sample sample = Labelled("queue", queue.name, queue.refused);
    sample.labels.push_back({"policy", std::string(queue.policy)});
    refused.push_back(std::move(sample));
  }
  families->Gauge("cievents_queue_depth", "What waits, in the unit of the queue.", depths);
  families->Gauge("cievents_queue_depth_limit", "How much may wait.", depth_limits);
  families->Gauge("cievents_queue_bytes", "Bytes of what waits.", bytes);
  families->Gauge("cievents_queue_bytes_limit", "How many bytes may wait.", bytes_limits);
  families->Counter("cievents_queue_refused_total",
                    "What found no room, in the unit of the queue, by overload policy.", refused);
}

void AddStore(const MatcherSnapshot& snapshot, Families* families) {
  families->Gauge("cievents_store_up",
                  "1: the last commit to Postgres succeeded, or none was tried.",
                  snapshot.store_away ? 0 : 1);
  families->Counter("cievents_commits_total", "Groups of events that Postgres took.",
                    snapshot.commits.commits);
  families->Counter("cievents_committed_events_total", "Events in them.",
                    snapshot.commits.committed_events);
  families->Counter("cievents_given_up_events_total",
                    "Events that Postgres did not take in time; with a spool they go there.",
                    snapshot.commits.given_up_events);
  families->Counter("cievents_events_forwarded_total",
                    "Events sent on to the matcher that owns their slot, by what came back.",
                    Samples{Labelled("result", "answered", snapshot.forwarder.answered_events),
                            Labelled("result", "failed", snapshot.forwarder.failed_events)});
}

void AddSpool(const SpoolSnapshot& spool, absl::Time now, Families* families) {
  families->Counter("cievents_events_spooled_total",
                    "Events written to the spool, as matched or as they came.",
                    spool.stats.appended);
  families->Counter("cievents_spool_late_commits_total",
                    "Submissions that Postgres took after they had been spooled.",
                    spool.enqueuer.late_commits);
  families->Counter("cievents_spool_failures_total", "Submissions that the spool did not take.",
                    spool.enqueuer.spool_failures);
  const absl::Duration age =
      spool.stats.oldest_received_ms == 0
          ? absl::ZeroDuration()
          : std::max(absl::ZeroDuration(),
                     now - absl::FromUnixMillis(spool.stats.oldest_received_ms));
  families->Gauge("cievents_spool_oldest_age_seconds",
                  "For how long the oldest event in the spool has waited; 0: none waits.",
                  absl::ToDoubleSeconds(age));
  families->Gauge("cievents_spool_set_aside", "Records that are kept aside with a reason.",
                  Samples{Labelled("reason", "refused", spool.stats.refused),
                          Labelled("reason", "damaged", spool.stats.damaged)});
  families->Gauge("cievents_spool_writable", "1: the last write to the spool's disk succeeded.",
                  spool.stats.writable ? 1 : 0);
}

void AddIndex(const MatcherSnapshot& snapshot, Families* families) {
  families->Gauge("cievents_ready", "1: the subscriptions are loaded, and events are taken.",
                  snapshot.ready ? 1 : 0);
  const std::chrono::duration<double> lag = snapshot.feed.lag;
  families->Gauge("cievents_feed_lag_seconds",
                  "How old a change in Postgres may be that the subscriptions in memory lack.",
                  lag.count());
  families->Counter("cievents_feed_loads_total", "Full loads of the subscriptions.",
                    snapshot.feed.loads);
  families->Counter("cievents_feed_changes_total", "Projects that the change feed has brought.",
                    snapshot.feed.changes);
  families->Gauge("cievents_index_projects", "Projects in memory.", snapshot.index.projects);
  families->Gauge("cievents_index_subscriptions", "Subscriptions in memory.",
                  snapshot.index.subscriptions);
  families->Gauge("cievents_index_patterns", "Distinct patterns in memory.",
                  snapshot.index.patterns);
  families->Gauge("cievents_index_conditions", "Distinct conditions in memory.",
                  snapshot.index.conditions);
  families->Gauge("cievents_streams", "Streams of emitters that are open.", snapshot.doors.streams);
}

}  // namespace

std::vector<prometheus::MetricFamily> ToMetrics(const MatcherSnapshot& snapshot) {
  Families families;
  AddEvents(snapshot.doors, &families);
  AddQueues(QueuesOf(snapshot), &families);
  AddStore(snapshot, &families);
  if (snapshot.spool.has_value()) AddSpool(*snapshot.spool, snapshot.now, &families);
  AddIndex(snapshot, &families);
  return families.Take();
}

}  // namespace cievents::event_matcher
