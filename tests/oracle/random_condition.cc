#include "tests/oracle/random_condition.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/oracle/random_text.h"

namespace cievents::oracle {
namespace {

struct PatternRow {
  const char* pattern;
  const char* found_in;
  const char* not_found_in;
};
constexpr PatternRow kPatterns[] = {
    {"/^release\\//", "release/9", "a release/"},
    {"/^rel/", "rela", "xrel"},
    {"/^release\\/\\d+\\.\\d+$/", "release/3.4", "release/3."},
    {"/main|master/", "domain", "mai"},
    {"/^(main|release\\/.*)$/", "release/x", "mainx"},
    {"/^MAIN$/i", "main", "mains"},
    {"/deploy\\b/", "deploy it", "deployed"},
    {"/^\\/deploy\\b/", "/deploy", "x/deploy"},
    {"/^b$/m", "x\nb", "bb"},
    {"/^a.c/s", "a\nc", "ac"},
    {"/\\d+/", "7", "seven"},
    {"/^$/", "", "x"},
    {"/bug|feature|docs/", "debug", "bu"},
    {"/^v\\d+/", "v2", "va"},
    {"/[a-c]d$/", "cd", "ad "},
    {"/a+?b/U", "aab", "ba"},
    {"/^(?:open|close)d/", "closed", "open"},
    {"/^(?:re|op)/", "reopen", "pre"},
    {"/^true$|^1$/", "1", "10"},
    {"/\xC3\xBC./",
     "\xC3\xBC"
     "b",
     "u"},
    {"/^item-1\\d\\d$/", "item-123", "item-1234"},
    {"/^item-/", "item-5", "item"},
    {"/item-7|item-8/", "item-77", "item-6"},
};

constexpr const char* kPaths[] = {"event.payload.ref",
                                  "event.ref",
                                  "event.ref",
                                  "gitlab.event.ref",
                                  "event.n",
                                  "event.payload.n",
                                  "event.ok",
                                  "event.payload.ok",
                                  "event.object_attributes.action",
                                  "event.issue.action",
                                  "event.merge_request.action",
                                  "event.payload.issue.action",
                                  "event.issue.target_branch",
                                  "event.package.name",
                                  "event.labels.title",
                                  "event.labels.title",
                                  "event.labels.0.title",
                                  "event.labels.id",
                                  "event.labels",
                                  "event.changes.labels.current.title",
                                  "event.changes.labels.previous.title",
                                  "event.tags",
                                  "event.tags",
                                  "event.tags.0",
                                  "event.tags.1",
                                  "event.tags.0.0",
                                  "event.deep.a.b.c",
                                  "event.payload.deep.a.b",
                                  "event.deep.0",
                                  "event.deep",
                                  "event.missing",
                                  "event.missing.too",
                                  "event.payload",
                                  "event.names",
                                  "event.name",
                                  "event.type",
                                  "event.subject",
                                  "event.source",
                                  "event.id",
                                  "event.project_id",
                                  "event.actor.id",
                                  "event.actor.username",
                                  "event.actor.bot",
                                  "event.actor.access_level",
                                  "event.replay",
                                  "event.ref.length"};

class ConditionWriter {
 public:
  ConditionWriter(Random& random, const std::vector<std::string>& inputs)
      : random_(random),
        inputs_(inputs),
        with_variables_(random.OneIn(6)),
        correlated_(with_variables_ && random.OneIn(3)) {}

  std::string Write(int depth) {
    if (depth == 0 || random_.Percent(45)) return Atom();
    switch (random_.Between(0, 6)) {
      case 0:
        return "!(" + Write(depth - 1) + ")";
      case 1:
        return "(" + Write(depth - 1) + ")" + Either() + "(" + Write(depth - 1) + ")";
      case 2:
        return "(" + Write(depth - 1) + (random_.OneIn(2) ? ") == " : ") != ") + Literal();
      default:
        return Write(depth - 1) + Either() + Write(depth - 1);
    }
  }

 private:
  std::string Either() { return random_.OneIn(2) ? " && " : " || "; }
  std::string Equals() { return random_.Percent(65) ? " == " : " != "; }
  std::string Finds() { return random_.Percent(70) ? " =~ " : " !~ "; }
  std::string Variable() { return correlated_ ? (random_.OneIn(2) ? "$V" : "$W") : Once("$V"); }
  std::string Pattern() { return random_.Pick(kPatterns).pattern; }
  std::string Block(const std::string& what) {
    return random_.OneIn(5) ? "$[[" + what + "]]" : "$[[ " + what + " ]]";
  }
  std::string Path() { return Block(RandomPath(random_)); }
  std::string Input() { return Block("inputs." + random_.Pick(inputs_)); }

  std::string Quoted(const std::string& text) {
    if (text.find('\n') != std::string::npos) return "\"b\"";
    return text.find('\'') == std::string::npos && random_.OneIn(6) ? "'" + text + "'"
                                                                    : "\"" + text + "\"";
  }
  std::string Literal() {
    if (random_.OneIn(8)) return "null";
    if (random_.OneIn(8)) return random_.OneIn(2) ? "true" : "false";
    return Quoted(RandomText(random_));
  }
  std::string Operand() {
    if (!inputs_.empty() && random_.OneIn(3)) return Input();
    return random_.OneIn(4) ? Path() : Literal();
  }

  std::string AtomWithVariable() {
    switch (random_.Between(0, 5)) {
      case 0:
        return Variable();
      case 1:
        return Variable() + Equals() + (random_.OneIn(6) ? Variable() : Literal());
      case 2:
        if (correlated_) return Variable();
        return Once("$P") + Finds() + Pattern();
      case 3:
        return Quoted(RandomText(random_)) + Finds() + Once("$Q");
      case 4:
        if (!inputs_.empty() && random_.OneIn(3)) return Input() + Equals() + Once("$Q");
        return Path() + Equals() + Once("$Q");
      default:
        return "!" + Variable();
    }
  }

  // A variable that occurs nowhere else. Which texts two patterns both find, or what is no value of
  // the event, the engine does not claim to know of a variable that occurs twice.
  std::string Once(const std::string& variable) {
    if (once_ == 2) return Quoted(RandomText(random_));  // each has many completions
    return variable + std::to_string(++once_);
  }

  std::string Atom() {
    if (with_variables_ && random_.OneIn(2)) return AtomWithVariable();
    switch (random_.Between(0, 11)) {
      case 0:
        return Path();
      case 1:
        return "!" + Path();
      case 2:
      case 3:
      case 4:
        return Path() + Finds() + Pattern();
      case 5:
        return random_.OneIn(2) ? Literal() : Literal() + Equals() + Path();
      case 6:
        return Quoted(RandomText(random_) + Block(RandomPath(random_))) + Equals() +
               Quoted(RandomText(random_) + RandomText(random_));
      case 7:
        if (!inputs_.empty()) return Input() + Equals() + Operand();
        return Path() + Equals() + Operand();
      case 8:
        return Quoted(RandomText(random_)) + Finds() + Quoted(RandomText(random_));
      default:
        return Path() + Equals() + Operand();
    }
  }

  Random& random_;
  const std::vector<std::string>& inputs_;
  bool with_variables_;
  bool correlated_;  // variables occur twice
  int once_ = 0;
};

}  // namespace

const std::vector<std::string>& VariableTexts() {
  static const std::vector<std::string> texts = [] {
    std::vector<std::string> all;
    for (const PatternRow& row : kPatterns) {
      all.emplace_back(row.found_in);
      all.emplace_back(row.not_found_in);
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }();
  return texts;
}

std::string RandomPath(Random& random) { return random.Pick(kPaths); }

std::string RandomCondition(Random& random, const std::vector<std::string>& inputs) {
  // Conditions that many write alike are one to an index.
  constexpr const char* kUsual[] = {
      R"($[[ event.name ]] == "issue/created")", R"($[[ event.name ]] =~ /^(?:issue|package)/)",
      R"(!($[[ event.name ]] == "merge_request"))", R"($[[ event.ref ]] == "main")",
      R"($[[ event.ref ]] == "main" || $CI_COMMIT_BRANCH)"};
  if (random.OneIn(8)) return random.Pick(kUsual);
  return ConditionWriter(random, inputs).Write(static_cast<int>(random.Between(0, 3)));
}

std::string RandomLookup(Random& random) {
  constexpr const char* kLookups[] = {"event.ref",          "event.ref",    "event.issue.action",
                                      "event.labels.title", "event.tags",   "event.n",
                                      "event.package.name", "event.tags.0", "event.type"};
  const auto term = [&]() -> std::string {
    const std::string path = std::string("$[[ ") + random.Pick(kLookups) + " ]]";
    if (random.OneIn(3)) return path + " =~ " + random.Pick(kPatterns).pattern;
    if (random.OneIn(8)) return path + " =~ /^" + RandomNumberedText(random) + "/";
    if (random.OneIn(3)) return path + " == \"" + std::to_string(random.Between(0, 60)) + "\"";
    return path + " == \"" + RandomNumberedText(random) + "\"";
  };
  const auto search = [&] {
    return std::string("$[[ ") + random.Pick(kLookups) + " ]] =~ " + random.Pick(kPatterns).pattern;
  };
  if (random.OneIn(6)) return search() + " && " + (random.OneIn(2) ? search() : term());
  std::string condition = term();
  if (random.OneIn(3)) condition += " && " + term();
  if (random.OneIn(5)) condition += " || " + term();
  if (random.OneIn(8)) condition = "(" + condition + ") && " + RandomCondition(random, {});
  return condition;
}

}  // namespace cievents::oracle
