#include "tests/oracle/random_text.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace cievents::oracle {
namespace {

// The last three are rare: blank to Ruby, several lines, longer than what an index keys by.
constexpr const char* kTexts[] = {"main",
                                  "master",
                                  "release/1.0",
                                  "release/2.10",
                                  "releases",
                                  "rel",
                                  "v1.2",
                                  "open",
                                  "opened",
                                  "closed",
                                  "true",
                                  "false",
                                  "1",
                                  "1.0",
                                  "42",
                                  "",
                                  "bug",
                                  "feature",
                                  "docs",
                                  "/deploy now",
                                  "deploy",
                                  "Main",
                                  "abc",
                                  "abcd",
                                  "b",
                                  "it's",
                                  "\xC3\xBC"
                                  "ber",
                                  "null",
                                  "\xC2\xA0",
                                  "one\nb\ntwo",
                                  "a text that is longer than forty characters, to be sure of it"};

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

// ---- Payloads
// -------------------------------------------------------------------------------------

std::string RandomSpace(Random& random) {
  constexpr const char* kSpaces[] = {"", "", "", "", "", "", " ", "\n  ", "\t", "\r\n"};
  return random.Pick(kSpaces);
}

std::string QuoteRandomly(const std::string& text, Random& random) {
  const bool odd = random.OneIn(10);
  std::string quoted = "\"";
  for (const char c : text) {
    constexpr const char* kHex[] = {"0", "1", "2", "3", "4", "5", "6", "7",
                                    "8", "9", "a", "B", "c", "D", "e", "F"};
    if (c == '\n') {
      quoted += "\\n";
    } else if (c == '"' || c == '\\') {
      quoted += std::string("\\") + c;
    } else if (odd && c > 0 && random.OneIn(3)) {
      quoted += std::string("\\u00") + kHex[c / 16] + kHex[c % 16];
    } else if (odd && c == '/') {
      quoted += "\\/";
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string RandomScalar(Random& random) {
  constexpr const char* kScalars[] = {
      "0",    "1",    "1.0",   "42",   "-7", "1e3", "12345678901234567890",
      "0.50", "true", "false", "null", "3",  "7",   "10"};
  if (random.Percent(60)) return QuoteRandomly(RandomText(random), random);
  return random.Pick(kScalars);
}

class PayloadWriter {
 public:
  explicit PayloadWriter(Random& random) : random_(random) {}

  std::string Write() {
    std::vector<std::string> members;
    Add(&members, "ref", 80, [&] { return Text(); });
    Add(&members, "n", 60, [&] { return Number(); });
    Add(&members, "ok", 60, [&] { return random_.OneIn(2) ? "true" : "false"; });
    Add(&members, "object_attributes", 70, [&] { return Attributes(); });
    Add(&members, "issue", 15, [&] { return Attributes(); });
    Add(&members, "package", 20, [&] { return Object({{"name", Text()}, {"id", Number()}}); });
    Add(&members, "labels", 60, [&] { return Labels(); });
    Add(&members, "changes", 40, [&] {
      return Object({{"labels", Object({{"previous", Labels()}, {"current", Labels()}})}});
    });
    Add(&members, "tags", 50, [&] { return Array(0); });
    Add(&members, "deep", 40, [&] {
      return Object({{"a", Object({{"b", Object({{"c", Text()}})}})}, {"0", Text()}});
    });
    std::string text = random_.OneIn(30) ? Array(0) : Join(members, '{', '}');
    return RandomSpace(random_) + text + RandomSpace(random_);
  }

 private:
  template <typename Value>
  void Add(std::vector<std::string>* members, const char* key, int percent, Value value) {
    if (!random_.Percent(percent)) return;
    members->push_back(Member(key, value()));
    if (random_.OneIn(25)) members->push_back(Member(key, RandomScalar(random_)));
    // Mostly in this order; sometimes an earlier place.
    if (random_.OneIn(4)) {
      std::swap(members->back(), (*members)[static_cast<size_t>(random_.Between(
                                     0, static_cast<int64_t>(members->size()) - 1))]);
    }
  }

  std::string Text() {
    return random_.OneIn(10) ? RandomScalar(random_) : QuoteRandomly(RandomText(random_), random_);
  }
  std::string Number() {
    return random_.OneIn(5) ? RandomScalar(random_) : std::to_string(random_.Between(0, 60));
  }

  std::string Attributes() {
    return Object({{"action", Text()}, {"iid", Number()}, {"target_branch", Text()}});
  }
  std::string Labels() {
    std::vector<std::string> labels;
    const int64_t count = random_.Between(0, 3);
    for (int64_t i = 0; i < count; ++i) {
      labels.push_back(random_.OneIn(12) ? RandomScalar(random_)
                                         : Object({{"id", Number()}, {"title", Text()}}));
    }
    return Join(labels, '[', ']');
  }
  std::string Array(int depth) {
    std::vector<std::string> elements;
    const int64_t count = random_.Between(0, 3);
    for (int64_t i = 0; i < count; ++i) {
      elements.push_back(depth < 2 && random_.OneIn(5) ? Array(depth + 1) : RandomScalar(random_));
    }
    return Join(elements, '[', ']');
  }

  std::string Object(const std::vector<std::pair<std::string, std::string>>& all) {
    std::vector<std::string> members;
    for (const auto& [key, value] : all) {
      if (!random_.OneIn(8)) members.push_back(Member(key, value));
    }
    if (random_.OneIn(20)) return RandomScalar(random_);
    return Join(members, '{', '}');
  }
  std::string Member(const std::string& key, const std::string& value) {
    return QuoteRandomly(key, random_) + RandomSpace(random_) + ":" + RandomSpace(random_) + value;
  }
  std::string Join(const std::vector<std::string>& parts, char open, char close) {
    std::string text(1, open);
    for (const std::string& part : parts) {
      text += text.size() == 1 ? "" : ",";
      text += RandomSpace(random_) + part + RandomSpace(random_);
    }
    return text + close;
  }

  Random& random_;
};

void Damage(std::string* payload, Random& random) {
  const auto place = [&] {
    return static_cast<size_t>(random.Between(0, static_cast<int64_t>(payload->size())));
  };
  constexpr const char* kDirt[] = {"{", "}", "[",    "]",    ",",   ":",  "\"",    "\\",      "0",
                                   "x", " ", "\x01", "\xFF", "nul", "1.", "\\u12", "\\ud800", "-"};
  switch (random.Between(0, 3)) {
    case 0:
      payload->resize(place());
      break;
    case 1:
      payload->insert(place(), random.Pick(kDirt));
      break;
    case 2:
      payload->erase(place(), 1);
      break;
    default: {
      constexpr const char* kNone[] = {"", " ", "no JSON", "[", "null", "\"text\"", "7", "{}x"};
      *payload = random.Pick(kNone);
    }
  }
}

// ---- Conditions
// -----------------------------------------------------------------------------------

class ConditionWriter {
 public:
  ConditionWriter(Random& random, const std::vector<std::string>& inputs)
      : random_(random),
        inputs_(inputs),
        with_variables_(random.OneIn(6)),
        two_variables_(random.OneIn(3)) {}

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
  std::string Variable() { return two_variables_ && random_.OneIn(2) ? "$W" : "$V"; }
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
        if (two_variables_) return Variable();
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
  bool two_variables_;
  int once_ = 0;
};

}  // namespace

std::string RandomName(Random& random) {
  constexpr const char* kSubjects[] = {"issue", "merge_request", "package", "a"};
  constexpr const char* kSegments[] = {"created", "b", "updated", "a.b", "c_-"};
  std::string name = random.Pick(kSubjects);
  const int64_t segments = random.OneIn(30) ? 8 : random.Between(1, random.OneIn(3) ? 4 : 2);
  for (int64_t i = 1; i < segments; ++i) {
    name += std::string("/") + kSegments[random.Between(0, random.OneIn(4) ? 4 : 1)];
  }
  return name;
}

std::string RandomPattern(Random& random) {
  const std::string name = RandomName(random);
  if (random.OneIn(3)) return name;
  std::string pattern;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const bool last = end == name.size();
    if (begin > 0) pattern += '/';
    if (last && random.OneIn(3)) {
      pattern += "**";
    } else {
      pattern += random.OneIn(3) ? "*" : name.substr(begin, end - begin);
    }
    begin = end + 1;
  }
  return pattern;
}

std::string RandomNumberedText(Random& random) {
  return "item-" + std::to_string(random.Between(0, random.OneIn(4) ? 999 : 30));
}

std::string RandomText(Random& random) {
  if (random.OneIn(8)) return RandomNumberedText(random);
  return kTexts[random.Between(
      0, static_cast<int64_t>(std::size(kTexts)) - (random.OneIn(6) ? 1 : 4))];
}

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

std::string RandomPayload(Random& random) {
  if (random.OneIn(20)) return "";
  std::string payload = PayloadWriter(random).Write();
  if (random.OneIn(12)) Damage(&payload, random);
  return payload;
}

std::string RandomCondition(Random& random, const std::vector<std::string>& inputs) {
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
  std::string condition = term();
  if (random.OneIn(3)) condition += " && " + term();
  if (random.OneIn(5)) condition += " || " + term();
  if (random.OneIn(8)) condition = "(" + condition + ") && " + RandomCondition(random, {});
  return condition;
}

}  // namespace cievents::oracle
