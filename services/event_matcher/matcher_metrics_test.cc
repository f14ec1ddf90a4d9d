// What Prometheus is told: names, labels and numbers; docs/metrics.md is the golden file.
#include "services/event_matcher/matcher_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

namespace cievents::event_matcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Tests run in the source root.
constexpr char kPage[] = "docs/metrics.md";
constexpr char kHead[] = R"(# Metrics

`cievents matcher` serves them for Prometheus at `GET /metrics` on `--metrics-listen` (by default any free port of loopback; the ready
file says which), `cievents dev` on a port of its own. They are put together at each scrape; counters begin at 0 when the process
starts. No label is a project, a subscription or a namespace. The exposer adds three of its own, `exposer_...`, about scrapes.

The queues: `calls` are unary calls without an answer, `streams` batches of streams without one (a full window is not read further),
`commit` matched events on their way to Postgres, `forward` calls to other matchers (its bytes are those to the matcher to which most is
under way), `spool_writes` records on their way to the disk, `spool` what waits there. Events are matched by the thread that read
them: there is no queue before `commit`.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
)";

// Everything at work, so that every metric is there.
MatcherSnapshot Busy() {
  MatcherSnapshot snapshot;
  snapshot.now = absl::FromUnixSeconds(1'800'000'100);
  snapshot.ready = true;
  snapshot.doors.received = {900, 100};
  snapshot.doors.latency.buckets = {1, 2, 3};
  snapshot.doors.latency.buckets.back() = 4;
  snapshot.doors.latency.sum_seconds = 1.5;
  snapshot.doors.streams = 2;
  snapshot.doors.stream_batches = 5;
  snapshot.doors.matched_events = 7;
  snapshot.calls = {3, 4096, 16'384, 1 << 20, 11};
  snapshot.commits.queued_events = 12;
  snapshot.commits.queued_events_max = 50'000;
  snapshot.commits.refused_events = 13;
  snapshot.feed.lag = std::chrono::milliseconds(1500);
  snapshot.index.subscriptions = 5'000'000;
  auto& spool = snapshot.spool.emplace();
  spool.bytes_max = int64_t{4} << 30;
  spool.stats.records = 14;
  spool.stats.bytes = 1000;
  spool.stats.set_aside_bytes = 24;
  spool.stats.oldest_received_ms = 1'800'000'000'000;
  spool.stats.writable = false;
  return snapshot;
}

std::string Text(const MatcherSnapshot& snapshot) {
  return prometheus::TextSerializer().Serialize(ToMetrics(snapshot));
}

std::string_view NameOf(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return "counter";
    case prometheus::MetricType::Histogram:
      return "histogram";
    default:
      return "gauge";
  }
}

std::string Page() {
  std::string page = kHead;
  for (const prometheus::MetricFamily& family : ToMetrics(Busy())) {
    std::vector<std::pair<std::string, std::vector<std::string>>> labels;
    for (const prometheus::ClientMetric& metric : family.metric) {
      for (const auto& label : metric.label) {
        auto found = std::find_if(labels.begin(), labels.end(),
                                  [&](const auto& known) { return known.first == label.name; });
        if (found == labels.end()) found = labels.insert(found, {label.name, {}});
        auto& values = found->second;
        if (std::find(values.begin(), values.end(), label.value) == values.end()) {
          values.push_back(label.value);
        }
      }
    }
    std::string cell;
    for (const auto& [name, values] : labels) {
      cell += fmt::format("{}`{}`: {}", cell.empty() ? "" : "; ", name, fmt::join(values, ", "));
    }
    page += fmt::format("| `{}` | {} | {} | {} |\n", family.name, NameOf(family.type),
                        cell.empty() ? "-" : cell, family.help);
  }
  return page;
}

TEST(MatcherMetricsTest, ThePageInDocsListsEveryMetric) {
  const std::string page = Page();
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(kPage, std::ios::binary) << page;
  std::ifstream file(kPage, std::ios::binary);
  ASSERT_TRUE(file.is_open()) << kPage << " is missing: run this test with UPDATE_GOLDEN=1";
  std::stringstream stored;
  stored << file.rdbuf();
  EXPECT_EQ(stored.str(), page) << kPage << " is old: run this test with UPDATE_GOLDEN=1";
}

TEST(MatcherMetricsTest, NamesFollowTheRulesAndNoLabelGrowsWithUsers) {
  std::set<std::string> names;
  for (const prometheus::MetricFamily& family : ToMetrics(Busy())) {
    SCOPED_TRACE(family.name);
    EXPECT_TRUE(names.insert(family.name).second) << "twice";
    EXPECT_EQ(family.name.rfind("cievents_", 0), 0u);
    for (const char c : family.name) EXPECT_TRUE(std::islower(c) != 0 || c == '_') << c;
    const bool total =
        family.name.size() > 6 && family.name.substr(family.name.size() - 6) == "_total";
    EXPECT_EQ(total, family.type == prometheus::MetricType::Counter);
    EXPECT_FALSE(family.help.empty());
    EXPECT_FALSE(family.metric.empty());
    for (const prometheus::ClientMetric& metric : family.metric) {
      for (const auto& label : metric.label) {
        EXPECT_THAT(label.name,
                    ::testing::AnyOf("ack", "policy", "queue", "reason", "result", "sender"));
      }
    }
  }
}

TEST(MatcherMetricsTest, NumbersStandUnderTheirNames) {
  const std::string text = Text(Busy());
  for (const char* line : {"cievents_events_received_total{sender=\"emitter\"} 900\n",
                           "cievents_events_received_total{sender=\"matcher\"} 100\n",
                           "cievents_events_matched_total 7\n",
                           "cievents_ack_latency_seconds_bucket{le=\"0.0001\"} 1\n",
                           "cievents_ack_latency_seconds_bucket{le=\"0.00025\"} 3\n",
                           "cievents_ack_latency_seconds_bucket{le=\"10\"} 6\n",
                           "cievents_ack_latency_seconds_bucket{le=\"+Inf\"} 10\n",
                           "cievents_ack_latency_seconds_count 10\n",
                           "cievents_ack_latency_seconds_sum 1.5\n",
                           "cievents_queue_depth{queue=\"commit\"} 12\n",
                           "cievents_queue_depth_limit{queue=\"commit\"} 50000\n",
                           "cievents_queue_depth_limit{queue=\"streams\"} 32\n",
                           "cievents_queue_bytes{queue=\"spool\"} 1024\n",
                           "cievents_queue_refused_total{queue=\"calls\",policy=\"reject\"} 11\n",
                           "cievents_queue_refused_total{queue=\"commit\",policy=\"reject\"} 13\n",
                           "cievents_feed_lag_seconds 1.5\n",
                           "cievents_index_subscriptions 5000000\n",
                           "cievents_spool_oldest_age_seconds 100\n",
                           "cievents_spool_writable 0\n",
                           "cievents_ready 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  MatcherSnapshot without_spool = Busy();
  without_spool.spool.reset();
  EXPECT_THAT(Text(without_spool),
              AllOf(Not(HasSubstr("cievents_spool")), Not(HasSubstr("queue=\"spool"))));
}

TEST(MatcherMetricsTest, AReasonThatIsNotExpectedIsShownOnceItHappens) {
  MatcherSnapshot snapshot = Busy();
  const std::string line = "cievents_events_overloaded_total{reason=\"none\"} 3\n";
  EXPECT_THAT(Text(snapshot), Not(HasSubstr(line)));
  snapshot.doors.outcomes[static_cast<size_t>(OutcomeKind::kOverloaded)][0][0] = 3;
  EXPECT_THAT(Text(snapshot), HasSubstr(line));
}

TEST(MatcherMetricsTest, PromtoolHasNothingToSay) {
  if (std::system("command -v promtool >/dev/null") != 0) GTEST_SKIP() << "no promtool here";
  std::FILE* promtool = popen("promtool check metrics", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string text = Text(Busy());
  EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), promtool), text.size());
  EXPECT_EQ(pclose(promtool), 0);
}

}  // namespace
}  // namespace cievents::event_matcher
