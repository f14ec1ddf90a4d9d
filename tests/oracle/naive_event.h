// An event as the naive matcher sees it, and what stands at a path of it (docs/subscriptions.md,
// "Conditions": PATH, Values, Arrays).
#ifndef TESTS_ORACLE_NAIVE_EVENT_H_
#define TESTS_ORACLE_NAIVE_EVENT_H_

#include <cstdint>

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace cievents::oracle {

struct NaiveEvent {
  std::vector<std::string> names;
  int64_t project_id = 0;  // 0 = none
  std::vector<int64_t> namespace_ids;
  bool confidential = false;
  int64_t time_ms = 0;  // 0 = unknown
  bool replayed = false;
  std::string id;
  std::string source;
  std::string type;
  std::string subject;
  int64_t actor_user_id = 0;  // 0 = unknown
  std::string actor_username;
  std::optional<int32_t> actor_access_level;
  bool actor_bot = false;
  std::string payload;  // empty = {}
};

struct NaiveValue {
  enum class Kind {
    kNull,
    kLiteral,  // `true` or `false` of the language, and what a comparison gives
    kBoolean,  // JSON true or false
    kText,
    kList,    // of kBoolean and kText, never empty
    kFailed,  // the payload could not be read
  };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;
  bool bare = false;  // a text that is JSON as it stands: a number, an object
  std::vector<NaiveValue> list;

  static NaiveValue Literal(bool value);
  static NaiveValue Boolean(bool value);
  static NaiveValue Text(std::string value);                    // JSON: a string
  static NaiveValue Bare(std::string value);                    // JSON: the text as it stands
  static NaiveValue List(const std::vector<NaiveValue>& list);  // empty = null
  static NaiveValue Failed();

  std::string Json() const;  // with its type; null: "null"
};

// One event while it is matched: remembers what was read, because hundreds of conditions ask for
// the same.
class NaiveReading {
 public:
  explicit NaiveReading(const NaiveEvent& event);

  const NaiveEvent& event() const { return event_; }
  const std::vector<std::vector<std::string>>& name_segments() const { return name_segments_; }
  // `path` is what stands in a block: `event.payload.a.0`, `gitlab.event.name`. `name` is the value
  // of `event.name`: an index into the event's names.
  const NaiveValue& Get(const std::string& path, size_t name);

 private:
  NaiveValue Read(const std::string& path);
  NaiveValue ReadPayload(const std::vector<std::string>& keys);

  const NaiveEvent& event_;
  std::vector<std::vector<std::string>> name_segments_;
  std::unordered_map<std::string, NaiveValue> known_;
  NaiveValue name_;
};

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_NAIVE_EVENT_H_
