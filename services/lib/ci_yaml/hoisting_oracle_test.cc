// Goal: hoisting never drops an event for which GitLab would run a pipeline. Method: random CI
// files and events; where the hoisted rules drop the event, a naive model of GitLab, written here
// on the values that the files were made from, must find no completion of what is unknown
// (variables, changed files, inputs of included files, interpolated names, a file that was not
// read) with which some job runs. It also counts how often nothing could run, and how much of that
// is dropped.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gtest/gtest.h"
#include "matcher/condition/condition.h"
#include "matcher/condition/test_condition.h"
#include "matcher/event/event_fields.h"
#include "services/lib/ci_yaml/hoisting.h"
#include "services/lib/ci_yaml/hoisting_test_support.h"

namespace cievents::ci_yaml {
namespace {

using matcher::Verdict;

constexpr std::string_view kNames[] = {"issue/created", "issue/closed", "package/published",
                                       "package/removed"};
constexpr std::string_view kPatterns[] = {"issue/created", "issue/*", "package/published", "**",
                                          "package/*"};
constexpr std::string_view kTexts[] = {"", "x", "main"};

// The values that a file is made from. A clause is its keys with their texts; `events` has patterns
// joined by blanks, `changes` the number of the set of files that it is about.
using Clause = std::map<std::string, std::string>;
struct Reference {
  std::string name;
  std::string key;
};
using Item = std::variant<Clause, Reference>;
struct Map {
  std::optional<std::vector<std::string>> extends;
  std::optional<std::optional<std::vector<Item>>> rules;  // of the inner: none = null
  std::optional<std::string> on;
  bool only = false;
  std::optional<Clause> clause;  // for references
};
using File = std::vector<std::pair<std::string, Map>>;

constexpr std::string_view kInterpolated = "$[[ inputs.n ]]";
// An input of a file that is not the CI file; written as `inputs.v`.
constexpr std::string_view kForeignInput = "inputs.w";

class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed) {}

  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint32_t>(limit)); }
  bool Chance(int percent) { return Below(100) < percent; }
  template <typename List>
  std::string Pick(const List& list) {
    return std::string(list[static_cast<size_t>(Below(static_cast<int>(std::size(list))))]);
  }

  std::string Atom(std::string_view input) {
    const std::string variable = Chance(50) ? "$A" : "$B";
    const std::string text = fmt::format("\"{}\"", Pick(kTexts));
    switch (Below(12)) {
      case 0:
        return variable;
      case 1:
        return fmt::format("{} {} {}", variable, Chance(50) ? "==" : "!=", text);
      case 2:
        return fmt::format("{} =~ /^m/", variable);
      case 3:
        return fmt::format("{} == null", variable);
      case 4:
        return "$A == $B";
      case 5:
        return Chance(50) ? text : "null";
      case 6:
        return fmt::format("$[[ {} ]] == {}", input, text);
      case 7:
      case 8:
        return fmt::format("$[[ event.name ]] {} \"{}\"", Chance(50) ? "==" : "!=", Pick(kNames));
      case 9:
        return "$[[ event.payload.x ]]";
      default:
        return fmt::format("$[[ event.payload.x ]] {} {}", Chance(50) ? "==" : "!=", text);
    }
  }

  std::string Condition(std::string_view input, int depth) {
    if (depth == 0 || Chance(50)) return Atom(input);
    if (Chance(15)) return fmt::format("!({})", Condition(input, depth - 1));
    return fmt::format("({}) {} {}", Condition(input, depth - 1), Chance(50) ? "&&" : "||",
                       Condition(input, depth - 1));
  }

  Clause MakeClause(std::string_view input) {
    static constexpr std::string_view kWhens[] = {"never",  "never",      "never",   "always",
                                                  "manual", "on_failure", "delayed", "on_success"};
    Clause clause;
    if (Chance(60)) clause["if"] = Condition(input, 2);
    if (Chance(45)) clause["events"] = Pick(kPatterns) + (Chance(20) ? " " + Pick(kPatterns) : "");
    if (Chance(50)) clause["when"] = Pick(kWhens);
    if (Chance(8)) clause["changes"] = Chance(50) ? "0" : "1";
    if (Chance(10)) clause["variables"] = "{A: x}";
    return clause;
  }

  std::vector<Item> MakeRules(std::string_view input) {
    static constexpr std::string_view kSources[] = {".h0", ".h1", ".h2", "workflow", "j0"};
    std::vector<Item> items;
    for (int count = Below(4); count > 0; --count) {
      if (Chance(20)) {
        items.emplace_back(Reference{Pick(kSources), Chance(70) ? "rules" : "clause"});
      } else {
        items.emplace_back(MakeClause(input));
      }
    }
    return items;
  }

  Map MakeMap(std::string_view name, std::string_view input) {
    Map map;
    const bool is_workflow = name == "workflow";
    if (Chance(is_workflow ? 90 : 75)) {
      map.rules.emplace();
      if (!Chance(5)) map.rules->emplace(MakeRules(input));
    }
    if (is_workflow) return map;
    if (Chance(15)) map.on = Pick(kPatterns);
    if (Chance(2)) map.only = true;
    if (Chance(30)) map.clause = MakeClause(input);
    if (name.starts_with(".h") ? Chance(20) : Chance(35)) {
      map.extends.emplace();
      for (int count = Below(3); count > 0; --count) {
        // Hidden jobs extend those of higher numbers; cycles are seldom, and refused.
        const int first = name == ".h0" ? 1 : name == ".h1" ? 2 : 0;
        map.extends->push_back(Chance(3) ? ".h0" : fmt::format(".h{}", std::min(first, 2)));
      }
    }
    return map;
  }

  File MakeFile(std::string_view input, int percent) {
    File file;
    for (const std::string_view name : {"workflow", ".h0", ".h1", ".h2", "j0", "j1", "j2"}) {
      const int chance = name == "j2" ? percent / 2 : percent;
      if (Chance(chance)) file.emplace_back(name, MakeMap(name, input));
    }
    if (Chance(3)) file.emplace_back(kInterpolated, MakeMap("j", input));
    return file;
  }

 private:
  std::mt19937 random_;
};

std::string Write(const Clause& clause) {
  std::string text;
  for (const auto& [key, value] : clause) {
    if (!text.empty()) text += ", ";
    if (key == "if") {
      std::string condition = value;
      for (size_t at = condition.find(kForeignInput); at != std::string::npos;
           at = condition.find(kForeignInput)) {
        condition.replace(at, kForeignInput.size(), "inputs.v");
      }
      text += fmt::format("if: '{}'", condition);
    } else if (key == "events") {
      const size_t blank = value.find(' ');
      text += blank == std::string::npos
                  ? fmt::format("events: '{}'", value)
                  : fmt::format("events: ['{}', '{}']", value.substr(0, blank),
                                value.substr(blank + 1));
    } else if (key == "changes") {
      text += fmt::format("changes: [file{}]", value);
    } else {
      text += fmt::format("{}: {}", key, value);
    }
  }
  return "{" + text + "}";
}

std::string Write(const Map& map) {
  std::string text;
  const auto add = [&text](std::string item) {
    text += (text.empty() ? "" : ", ") + std::move(item);
  };
  if (map.extends.has_value()) add(fmt::format("extends: [{}]", fmt::join(*map.extends, ", ")));
  if (map.rules.has_value() && !map.rules->has_value()) add("rules: ~");
  if (map.rules.has_value() && map.rules->has_value()) {
    std::vector<std::string> items;
    for (const Item& item : **map.rules) {
      const auto* reference = std::get_if<Reference>(&item);
      items.push_back(reference == nullptr
                          ? Write(std::get<Clause>(item))
                          : fmt::format("!reference [{}, {}]", reference->name, reference->key));
    }
    add(fmt::format("rules: [{}]", fmt::join(items, ", ")));
  }
  if (map.on.has_value()) add(fmt::format("on: '{}'", *map.on));
  if (map.only) add("only: [main]");
  if (map.clause.has_value()) add("clause: " + Write(*map.clause));
  return "{" + text + "}";
}

std::string Write(const File& file) {
  std::string text;
  for (const auto& [name, map] : file) text += fmt::format("'{}': {}\n", name, Write(map));
  return text;
}

// What is known at pipeline creation alone.
struct Completion {
  matcher::Variables variables;
  bool changed[2] = {false, false};
  std::string foreign_input;
  std::string interpolated_name;
};

struct TestCase {
  std::vector<File> files;  // the CI file is the last
  std::optional<size_t> unread;
  std::vector<std::string> names;
  std::string payload;
};

// GitLab, as naive as it can be: everything is copied and resolved anew for each completion.
class NaiveGitLab {
 public:
  explicit NaiveGitLab(const TestCase& test) : test_(test) {
    view_.names = test.names;
    view_.project_id = 1;
    view_.payload = test.payload;
    fields_.Reset(view_);
    inputs_.SetText("v", "x");
  }

  bool SomeJobRuns(const Completion& completion) {
    completion_ = &completion;
    config_.clear();
    for (const File& file : test_.files) Merge(file);
    is_refused_ = false;
    std::map<std::string, Map> extended;
    for (const auto& [name, map] : config_) extended[name] = Extend(name, 0);
    config_ = extended;
    const bool runs = WorkflowRuns() && AnyJobRuns();
    return runs && !is_refused_;
  }

  // A completion with which some job runs.
  std::optional<std::string> FindRun() {
    const bool has_interpolated =
        std::any_of(test_.files.begin(), test_.files.end(), [](const File& file) {
          return std::any_of(file.begin(), file.end(),
                             [](const auto& item) { return item.first == kInterpolated; });
        });
    std::vector<std::string> names = {"other"};
    if (has_interpolated) names = {"other", ".h0", ".h1", "workflow", "j0"};
    const std::vector<std::optional<std::string>> values = {std::nullopt, "", "x", "main"};
    for (const auto& a : values) {
      for (const auto& b : values) {
        for (int rest = 0; rest < 8 * static_cast<int>(names.size()); ++rest) {
          Completion completion;
          if (a.has_value()) completion.variables["A"] = *a;
          if (b.has_value()) completion.variables["B"] = *b;
          completion.changed[0] = (rest & 1) != 0;
          completion.changed[1] = (rest & 2) != 0;
          completion.foreign_input = (rest & 4) != 0 ? "x" : "main";
          completion.interpolated_name = names[static_cast<size_t>(rest / 8)];
          if (!SomeJobRuns(completion)) continue;
          return fmt::format("A={} B={} changed={} input={} name={}", a.value_or("(none)"),
                             b.value_or("(none)"), rest & 3, completion.foreign_input,
                             completion.interpolated_name);
        }
      }
    }
    return std::nullopt;
  }

 private:
  static void MergeInto(const Map& over, Map* map) {
    if (over.extends.has_value()) map->extends = over.extends;
    if (over.rules.has_value()) map->rules = over.rules;
    if (over.on.has_value()) map->on = over.on;
    if (over.only) map->only = true;
    if (!over.clause.has_value()) return;
    if (!map->clause.has_value()) map->clause.emplace();
    for (const auto& [key, value] : *over.clause) (*map->clause)[key] = value;
  }

  void Merge(const File& file) {
    std::map<std::string, Map> own;
    for (const auto& [name, map] : file) {
      own[name == kInterpolated ? completion_->interpolated_name : name] = map;
    }
    for (const auto& [name, map] : own) MergeInto(map, &config_[name]);
  }

  Map Extend(const std::string& name, int depth) {
    const auto found = config_.find(name);
    if (found == config_.end() || depth > 12) {
      is_refused_ = true;
      return {};
    }
    if (!found->second.extends.has_value()) return found->second;
    Map map;
    for (const std::string& base : *found->second.extends) MergeInto(Extend(base, depth + 1), &map);
    MergeInto(found->second, &map);
    return map;
  }

  std::vector<Clause> Flatten(const std::vector<Item>& items, int depth) {
    std::vector<Clause> clauses;
    for (const Item& item : items) {
      if (const auto* clause = std::get_if<Clause>(&item)) {
        clauses.push_back(*clause);
        continue;
      }
      const Reference& reference = std::get<Reference>(item);
      const auto found = config_.find(reference.name);
      if (found == config_.end() || depth > 12) {
        is_refused_ = true;
      } else if (reference.key == "clause") {
        is_refused_ = is_refused_ || !found->second.clause.has_value();
        if (found->second.clause.has_value()) clauses.push_back(*found->second.clause);
      } else if (!found->second.rules.has_value() || !found->second.rules->has_value()) {
        is_refused_ = true;
      } else {
        for (Clause& clause : Flatten(**found->second.rules, depth + 1)) {
          clauses.push_back(std::move(clause));
        }
      }
    }
    return clauses;
  }

  bool Names(const std::string& patterns) const {
    const size_t blank = patterns.find(' ');
    const auto matches = [this](const std::string& text) {
      const auto pattern = matcher::Pattern::Parse(text);
      return std::any_of(test_.names.begin(), test_.names.end(),
                         [&](const std::string& name) { return pattern->Matches(name); });
    };
    if (blank == std::string::npos) return matches(patterns);
    return matches(patterns.substr(0, blank)) || matches(patterns.substr(blank + 1));
  }

  bool Holds(std::string condition) {
    const std::string block = fmt::format("$[[ {} ]]", kForeignInput);
    for (size_t at = condition.find(block); at != std::string::npos; at = condition.find(block)) {
      condition.replace(at, block.size(), fmt::format("\"{}\"", completion_->foreign_input));
    }
    auto& parsed = conditions_[condition];
    if (parsed == nullptr) {
      matcher::ConditionError error;
      parsed = matcher::Condition::Parse(condition, matcher::ConditionPlace::kHoistedRule, tables_,
                                         &error);
      EXPECT_NE(parsed, nullptr) << condition << ": " << error.message;
    }
    matcher::EvaluationContext context;
    context.event = &fields_;
    context.inputs = &inputs_;
    context.variables = &completion_->variables;
    return matcher::EvaluateClosedWorld(*parsed, context).truthful;
  }

  bool Holds(const Clause& clause) {
    const auto changes = clause.find("changes");
    if (changes != clause.end() && !completion_->changed[changes->second == "1"]) return false;
    const auto events = clause.find("events");
    if (events != clause.end() && !Names(events->second)) return false;
    const auto condition = clause.find("if");
    return condition == clause.end() || Holds(condition->second);
  }

  bool Runs(const std::vector<Item>& rules) {
    for (const Clause& clause : Flatten(rules, 0)) {
      if (!Holds(clause)) continue;
      const auto when = clause.find("when");
      return when == clause.end() || when->second != "never";
    }
    return false;
  }

  bool WorkflowRuns() {
    const auto found = config_.find("workflow");
    if (found == config_.end() || !found->second.rules.has_value()) return true;
    if (!found->second.rules->has_value() || Flatten(**found->second.rules, 0).empty()) return true;
    return Runs(**found->second.rules);
  }

  bool AnyJobRuns() {
    bool runs = false, has_jobs = false;
    for (const auto& [name, map] : config_) {
      if (name.starts_with('.') || name == "workflow") continue;
      has_jobs = true;
      // All are resolved, as a job that cannot be is refused with all others.
      const bool rules_run =
          !map.rules.has_value() || !map.rules->has_value() || map.only || Runs(**map.rules);
      if (rules_run && (!map.on.has_value() || map.only || Names(*map.on))) runs = true;
    }
    return runs || !has_jobs;  // something else may add jobs
  }

  const TestCase& test_;
  matcher::EventView view_;
  matcher::EventFields fields_;
  matcher::MapInputs inputs_;
  matcher::ConditionTables tables_;
  std::map<std::string, std::unique_ptr<const matcher::Condition>> conditions_;
  const Completion* completion_ = nullptr;
  std::map<std::string, Map> config_;
  bool is_refused_ = false;
};

// Ways to be wrong, which the oracle must find.
enum class Mistake { kNone, kUndecidedNeverIsNever, kUndecidablePartIsForgotten };

// HoistedRules as matcher/subscription.h says.
class HoistedEvaluator {
 public:
  HoistedEvaluator(const TestCase& test, Mistake mistake) : names_(test.names), mistake_(mistake) {
    view_.names = test.names;
    view_.project_id = 1;
    view_.payload = test.payload;
    fields_.Reset(view_);
    inputs_.SetText("v", "x");
  }

  bool LetsRun(const matcher::HoistedRules& rules) {
    if (rules.workflow.has_value() && !LetsRun(*rules.workflow)) return false;
    return !rules.jobs.has_value() ||
           std::any_of(rules.jobs->begin(), rules.jobs->end(), [this](const auto& job) {
             return std::all_of(job.lists.begin(), job.lists.end(),
                                [this](const matcher::RuleList& list) { return LetsRun(list); });
           });
  }

 private:
  bool LetsRun(const matcher::RuleList& list) {
    for (const matcher::RuleClause& clause : list) {
      const Verdict verdict = Judge(clause);
      const bool is_never = clause.when == matcher::When::kNever;
      if (verdict == Verdict::kTrue) return !is_never;
      if (verdict == Verdict::kUndecided && !is_never) return true;
      if (verdict == Verdict::kUndecided && mistake_ == Mistake::kUndecidedNeverIsNever) {
        return false;
      }
    }
    return false;
  }

  Verdict Judge(const matcher::RuleClause& clause) {
    if (!clause.events.empty() &&
        std::none_of(clause.events.begin(), clause.events.end(), [this](const auto& pattern) {
          return std::any_of(names_.begin(), names_.end(),
                             [&](const std::string& name) { return pattern.Matches(name); });
        })) {
      return Verdict::kFalse;
    }
    Verdict verdict = Verdict::kTrue;
    if (clause.if_text.has_value()) {
      matcher::ConditionError error;
      const auto condition = matcher::Condition::Parse(
          *clause.if_text, matcher::ConditionPlace::kHoistedRule, tables_, &error);
      if (condition == nullptr) return Verdict::kUndecided;
      matcher::EvaluationContext context;
      context.event = &fields_;
      context.inputs = &inputs_;
      verdict = condition->Evaluate(context);
    }
    if (verdict == Verdict::kFailed) verdict = Verdict::kUndecided;
    const bool is_undecidable =
        clause.has_undecidable_part && mistake_ != Mistake::kUndecidablePartIsForgotten;
    return is_undecidable && verdict == Verdict::kTrue ? Verdict::kUndecided : verdict;
  }

  const std::vector<std::string>& names_;
  const Mistake mistake_;
  matcher::EventView view_;
  matcher::EventFields fields_;
  matcher::MapInputs inputs_;
  matcher::ConditionTables tables_;
};

TestCase MakeCase(uint32_t seed) {
  Maker maker(seed);
  TestCase test;
  const int included = maker.Below(3);
  for (int i = 0; i < included; ++i) test.files.push_back(maker.MakeFile(kForeignInput, 30));
  test.files.push_back(maker.MakeFile("inputs.v", included == 0 ? 70 : 50));
  if (included > 0 && maker.Chance(25)) test.unread = static_cast<size_t>(maker.Below(included));
  test.names.push_back(maker.Pick(kNames));
  if (maker.Chance(20)) test.names.push_back("issue/all");
  test.payload = maker.Chance(25) ? "{}" : fmt::format("{{\"x\":\"{}\"}}", maker.Pick(kTexts));
  return test;
}

matcher::HoistedRules HoistCase(const TestCase& test, std::string* text) {
  std::vector<std::string> texts;
  for (const File& file : test.files) texts.push_back(Write(file));
  std::vector<TestFile> files;
  for (size_t i = 0; i < texts.size(); ++i) {
    *text += fmt::format("# file {}{}\n{}", i, i == test.unread ? ", not read" : "", texts[i]);
    if (i != test.unread) files.push_back({fmt::format("{}.yml", i), texts[i]});
  }
  *text += fmt::format("# event {} {}\n", fmt::join(test.names, " "), test.payload);
  const Includes includes = test.unread.has_value() ? Includes::kSomeUnread : Includes::kAllMerged;
  return HoistFiles(files, includes).rules;
}

struct Counts {
  int cases = 0;
  int dropped = 0;
  int sampled = 0;
  int sampled_could_not_run = 0;
  int sampled_dropped = 0;
  int workflow_alone = 0;  // dropped where a file was not read
  int wrong = 0;
  std::string first_wrong;
};

// What is kept can be no mistake, and enumerating costs: of those cases every kSample-th tells how
// often nothing could run. With a mistake planted the first that is wrong is enough.
constexpr int kSample = 8;

Counts Compare(uint32_t first_seed, int cases, Mistake mistake) {
  Counts counts;
  for (int i = 0; i < cases && (mistake == Mistake::kNone || counts.wrong == 0); ++i) {
    const TestCase test = MakeCase(first_seed + static_cast<uint32_t>(i));
    std::string text;
    const matcher::HoistedRules rules = HoistCase(test, &text);
    const bool kept = HoistedEvaluator(test, mistake).LetsRun(rules);
    ++counts.cases;
    const bool is_sample = mistake == Mistake::kNone && i % kSample == 0;
    if (kept && !is_sample) continue;
    const std::optional<std::string> run = NaiveGitLab(test).FindRun();
    if (is_sample) {
      ++counts.sampled;
      counts.sampled_could_not_run += !run.has_value();
      counts.sampled_dropped += !kept && !run.has_value();
    }
    counts.dropped += !kept && !run.has_value();
    counts.workflow_alone += !kept && !run.has_value() && test.unread.has_value();
    if (kept || !run.has_value()) continue;
    if (++counts.wrong == 1) {
      Hoisted hoisted;
      hoisted.rules = rules;
      counts.first_wrong = fmt::format("{}{}runs with {}", text, SpellRules(hoisted), *run);
    }
  }
  return counts;
}

// CIEVENTS_HOISTING_CASES makes it more.
int Cases() {
  const char* given = std::getenv("CIEVENTS_HOISTING_CASES");
  return given == nullptr ? 600 : std::max(400, std::atoi(given));
}

TEST(HoistingOracleTest, NoEventIsDroppedThatSomeCompletionWouldRun) {
  const Counts counts = Compare(1, Cases(), Mistake::kNone);
  fmt::print(
      "{} cases, {} dropped ({} by the workflow of the CI file alone); of {} looked at {} "
      "could not run, {} of them dropped\n",
      counts.cases, counts.dropped, counts.workflow_alone, counts.sampled,
      counts.sampled_could_not_run, counts.sampled_dropped);
  EXPECT_EQ(counts.wrong, 0) << counts.first_wrong;
  EXPECT_GT(counts.sampled_could_not_run, counts.sampled / 10);
  EXPECT_GT(counts.sampled_dropped, counts.sampled_could_not_run / 4);
  EXPECT_GT(counts.workflow_alone, 0);
}

TEST(HoistingOracleTest, AnUndecidedNeverThatIsTakenAsNeverIsFound) {
  const Counts counts = Compare(1, 5000, Mistake::kUndecidedNeverIsNever);
  EXPECT_GT(counts.wrong, 0);
}

TEST(HoistingOracleTest, AnUndecidablePartThatIsForgottenIsFound) {
  const Counts counts = Compare(1, 5000, Mistake::kUndecidablePartIsForgotten);
  EXPECT_GT(counts.wrong, 0);
}

}  // namespace
}  // namespace cievents::ci_yaml
