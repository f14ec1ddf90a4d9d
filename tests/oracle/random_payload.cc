#include "tests/oracle/random_payload.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/oracle/random_text.h"

namespace cievents::oracle {
namespace {

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

}  // namespace

std::string RandomPayload(Random& random) {
  if (random.OneIn(20)) return "";
  std::string payload = PayloadWriter(random).Write();
  if (random.OneIn(12)) Damage(&payload, random);
  return payload;
}

}  // namespace cievents::oracle
