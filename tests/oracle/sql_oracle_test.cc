// Goal: names and scopes mean in SQL, written independently in one statement, what they mean to the
// index. Method: a random world's patterns and scopes in tables of a real Postgres, thousands of
// events in one more table, one join over all of it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "matcher/index/index.h"
#include "services/lib/store/testing/test_database.h"
#include "tests/oracle/random_world.h"

namespace cievents::oracle {
namespace {

constexpr int kEvents = 2500;
constexpr const char* kScopes[] = {"project", "group", "instance", "other_project"};

constexpr const char* kTables = R"(
  CREATE TEMPORARY TABLE patterns (
    subscription_id bigint, entry int, pattern text, scope text, confidential boolean,
    project_id bigint, other_project_id bigint, parent_group bigint);
  CREATE TEMPORARY TABLE events (event int, project_id bigint, groups bigint[],
    confidential boolean);
  CREATE TEMPORARY TABLE names (event int, number int, name text);
)";

// A pattern matches a name if no place of the two is in the way: places are counted up to the
// longer one, `*` stands for one segment that is there, `**` in the last place for all that follow.
constexpr const char* kMatches = R"(
  WITH fitting AS (
    SELECT e.event, p.subscription_id, p.entry, min(n.number) AS number
    FROM events e
    JOIN names n USING (event)
    JOIN patterns p ON
      (NOT e.confidential OR p.confidential)
      AND CASE p.scope
        WHEN 'project' THEN e.project_id = p.project_id
        WHEN 'other_project' THEN e.project_id = p.other_project_id AND e.project_id <> 0
        WHEN 'group' THEN p.parent_group = ANY (e.groups)
        ELSE true
      END
      AND NOT EXISTS (
        SELECT FROM
          generate_series(1, greatest(
            array_length(string_to_array(p.pattern, '/'), 1),
            array_length(string_to_array(n.name, '/'), 1))) AS place,
          LATERAL (SELECT (string_to_array(p.pattern, '/'))[least(place,
                     array_length(string_to_array(p.pattern, '/'), 1))] AS wanted,
                   (string_to_array(n.name, '/'))[place] AS given,
                   place > array_length(string_to_array(p.pattern, '/'), 1) AS behind) AS segment
        WHERE given IS NULL
           OR (behind AND wanted <> '**')
           OR (wanted NOT IN ('*', '**') AND wanted <> given))
    GROUP BY e.event, p.subscription_id, p.entry)
  SELECT DISTINCT ON (event, subscription_id) event, subscription_id, entry, number
  FROM fitting
  ORDER BY event, subscription_id, entry;
)";

std::string ArrayOf(const std::vector<int64_t>& numbers) {
  std::string text;
  for (const int64_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return "{" + text + "}";
}

// Subscriptions with nothing but names and scopes.
std::vector<NaiveSubscription> RandomSubscriptions(int64_t project_id, Random& random) {
  const std::vector<int64_t> namespace_ids = RandomNamespaces(random);
  std::vector<NaiveSubscription> subscriptions;
  const int64_t count = random.Between(1, 6);
  for (int64_t i = 0; i < count; ++i) {
    NaiveSubscription one =
        RandomSubscription(i * 10 + project_id, project_id, namespace_ids, random);
    one.suspended = false;
    one.created_time_ms = 0;
    one.include_inputs.clear();
    one.spec_inputs_json = "{}";
    one.workflow.reset();
    one.jobs.reset();
    for (NaiveEntry& entry : one.entries) {
      entry.rules.reset();
      entry.inputs.clear();
    }
    subscriptions.push_back(one);
  }
  return subscriptions;
}

class SqlWorld {
 public:
  explicit SqlWorld(uint64_t seed) : random_(seed) {
    std::vector<matcher::ProjectSubscriptions> sets;
    for (int64_t project_id = 1; project_id <= kProjectsMax; ++project_id) {
      const std::vector<NaiveSubscription> subscriptions = RandomSubscriptions(project_id, random_);
      sets.push_back(Translate(project_id, subscriptions[0].namespace_ids, subscriptions));
      for (const NaiveSubscription& one : subscriptions) AddRows(one);
    }
    EXPECT_TRUE(index_.ReplaceAll(sets).empty());
    for (int e = 0; e < kEvents; ++e) AddEvent(e);
  }

  // "event|subscription|entry|name", one line each, as SQL and as the index say it.
  std::string SqlAnswer() const {
    return store::Sql(store::NewEmptyDatabase(), kTables + patterns_ + events_ + names_ + kMatches);
  }
  std::string IndexAnswer() const {
    matcher::Matcher matcher(index_);
    std::string answer;
    for (size_t e = 0; e < drawn_.size(); ++e) {
      std::map<int64_t, std::string> lines;
      matcher.MatchEvent(ViewOf(drawn_[e]), [&](const matcher::Match& match) {
        lines[match.subscription_id()] +=
            fmt::format("{}|{}|{}|{}\n", e, match.subscription_id(), match.entry(), match.name());
      });
      for (const auto& [id, line] : lines) answer += line;
    }
    return answer;
  }
  const NaiveEvent& event(size_t number) const { return drawn_[number]; }

 private:
  void AddRows(const NaiveSubscription& one) {
    for (size_t e = 0; e < one.entries.size(); ++e) {
      const NaiveEntry& entry = one.entries[e];
      for (const std::string& pattern : entry.patterns) {
        patterns_ += fmt::format(
            "INSERT INTO patterns VALUES ({}, {}, '{}', '{}', {}, {}, {}, {});\n",
            one.subscription_id, e, pattern, kScopes[static_cast<int>(entry.scope)],
            entry.confidential, one.project_id, entry.other_project_id,
            one.namespace_ids.empty() ? "NULL" : std::to_string(one.namespace_ids.back()));
      }
    }
  }
  void AddEvent(int number) {
    const NaiveEvent event = RandomEvent(random_);
    events_ += fmt::format("INSERT INTO events VALUES ({}, {}, '{}', {});\n", number,
                           event.project_id, ArrayOf(event.namespace_ids), event.confidential);
    for (size_t n = 0; n < event.names.size(); ++n) {
      names_ +=
          fmt::format("INSERT INTO names VALUES ({}, {}, '{}');\n", number, n, event.names[n]);
    }
    drawn_.push_back(event);
  }

  Random random_;
  matcher::Index index_;
  std::vector<NaiveEvent> drawn_;
  std::string patterns_;
  std::string events_;
  std::string names_;
};

// The lines of `text`, without those of an empty end.
std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(SqlOracleTest, OneStatementOfSqlGivesWhatTheIndexGives) {
  const char* given = std::getenv("CIEVENTS_TEST_SEED");
  const uint64_t seed = given != nullptr && *given != '\0' ? std::strtoull(given, nullptr, 10)
                                                           : std::random_device()() % 1'000'000;
  for (const uint64_t one : {uint64_t{1}, seed}) {
    fmt::print("seed {} (repeat with CIEVENTS_TEST_SEED)\n", one);
    const SqlWorld world(one);
    const std::vector<std::string> sql = Lines(world.SqlAnswer());
    const std::vector<std::string> index = Lines(world.IndexAnswer());
    ASSERT_GT(sql.size(), 1000u) << (sql.empty() ? "" : sql[0]);
    for (size_t i = 0; i < sql.size() && i < index.size(); ++i) {
      ASSERT_EQ(index[i], sql[i]) << "seed " << one << ": event|subscription|entry|name";
    }
    ASSERT_EQ(index.size(), sql.size()) << "seed " << one;
  }
}

}  // namespace
}  // namespace cievents::oracle
