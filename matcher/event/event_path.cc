#include "matcher/event/event_path.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <span>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "matcher/base/mutex.h"
#include "matcher/base/status.h"

namespace cievents::matcher {
namespace {

using Root = EventPath::Root;

struct Word {
  std::string_view name;
  Root root;
};
constexpr std::array<Word, 9> kFields = {{{"name", Root::kName},
                                          {"names", Root::kNames},
                                          {"id", Root::kId},
                                          {"source", Root::kSource},
                                          {"type", Root::kType},
                                          {"subject", Root::kSubject},
                                          {"time", Root::kTime},
                                          {"project_id", Root::kProjectId},
                                          {"replay", Root::kReplay}}};
constexpr std::array<Word, 4> kActorFields = {{{"id", Root::kActorId},
                                               {"username", Root::kActorUsername},
                                               {"bot", Root::kActorBot},
                                               {"access_level", Root::kActorAccessLevel}}};
constexpr std::string_view kActorHint =
    "it has `event.actor.id`, `event.actor.username`, `event.actor.bot` and "
    "`event.actor.access_level`";
constexpr std::string_view kFieldsHint =
    "what there is: `event.name`, `event.names`, `event.id`, `event.source`, `event.type`, "
    "`event.subject`, `event.time`, `event.project_id`, `event.actor.id`, `event.replay`, and "
    "`event.payload.KEY` for what the payload holds";

bool IsKeyByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// Number of single-byte edits from `a` to `b`; both are short.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

bool IsNear(std::string_view written, std::string_view word) {
  return written.size() <= word.size() + 2 &&
         EditDistance(written, word) <=
             std::max<size_t>(1, std::min<size_t>(2, (word.size() + 1) / 3));
}

template <size_t kSize>
const Word* FindWord(const std::array<Word, kSize>& words, std::string_view name) {
  for (const Word& word : words) {
    if (word.name == name) return &word;
  }
  return nullptr;
}

template <typename... Args>
absl::Status Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return Error(absl::StatusCode::kInvalidArgument, format, std::forward<Args>(args)...);
}

// For messages: a path may be long, what is wrong stands at its start.
std::string_view Short(std::string_view text) { return text.substr(0, 80); }

absl::StatusOr<std::vector<std::string_view>> SplitKeys(std::string_view text) {
  std::vector<std::string_view> keys;
  size_t start = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '.') {
      if (IsKeyByte(text[i])) continue;
      const unsigned char byte = static_cast<unsigned char>(text[i]);
      if (byte > 0x20 && byte < 0x7F) {
        return Invalid(
            "`{}`: `{}` cannot stand in an event path; keys are made of letters, digits, `_` and "
            "`-`, with `.` between them",
            Short(text), text[i]);
      }
      return Invalid(
          "the event path has a byte 0x{:02X} at its position {}; keys are made of letters, "
          "digits, `_` and `-`, with `.` between them",
          byte, i + 1);
    }
    if (i == start) {
      return Invalid("`{}`: a key is missing {}", Short(text),
                     i == text.size() ? "behind the last `.`"
                     : i == 0         ? "before the first `.`"
                                      : "between two `.`");
    }
    keys.push_back(text.substr(start, i - start));
    start = i + 1;
  }
  return keys;
}

absl::Status NotAnEvent(std::string_view text, std::string_view first) {
  const bool is_field = first == "payload" || first == "actor" || FindWord(kFields, first);
  if (is_field) return Invalid("`{}`: write `event.{}`", Short(text), Short(text));
  if (IsNear(first, "event")) {
    return Invalid("`{}`: an event path begins with `event.`: did you mean `event{}`?", Short(text),
                   Short(text.substr(first.size())));
  }
  return Invalid("`{}` is no event path: it begins with `event.`; {}", Short(text), kFieldsHint);
}

absl::Status ParseActor(std::span<const std::string_view> keys, EventPath* path) {
  if (keys.empty()) return Invalid("`event.actor` alone has no value: {}", kActorHint);
  const Word* field = FindWord(kActorFields, keys[0]);
  if (field == nullptr) {
    for (const Word& word : kActorFields) {
      if (IsNear(keys[0], word.name)) {
        return Invalid("`event.actor.{}` is not known: did you mean `event.actor.{}`?",
                       Short(keys[0]), word.name);
      }
    }
    return Invalid("`event.actor.{}` is not known: {}", Short(keys[0]), kActorHint);
  }
  if (keys.size() > 1) {
    return Invalid("`event.actor.{}` has no keys below it, but `.{}` follows", field->name,
                   Short(keys[1]));
  }
  path->root = field->root;
  return absl::OkStatus();
}

// `keys` is what stands behind `event.`.
absl::Status ParseKeys(std::span<const std::string_view> keys, EventPath* path) {
  if (keys[0] == "actor") return ParseActor(keys.subspan(1), path);
  if (const Word* field = FindWord(kFields, keys[0])) {
    if (keys.size() > 1) {
      return Invalid(
          "`event.{}` has no keys below it, but `.{}` follows; for a key of the payload write "
          "`event.payload.{}.{}`",
          field->name, Short(keys[1]), field->name, Short(keys[1]));
    }
    path->root = field->root;
    return absl::OkStatus();
  }
  path->root = Root::kPayload;
  path->may_be_subject = keys[0] != "payload";
  if (!path->may_be_subject) keys = keys.subspan(1);
  if (keys.size() > kEventPathKeysMax) {
    return Invalid("the event path has {} keys; at most {} are allowed", keys.size(),
                   kEventPathKeysMax);
  }
  for (std::string_view key : keys) path->keys.emplace_back(key);
  return absl::OkStatus();
}

absl::StatusOr<EventPath> Parse(std::string_view text) {
  if (text.empty()) return Invalid("an event path is missing; {}", kFieldsHint);
  if (text.size() > kEventPathBytesMax) {
    return Invalid("the event path has {} bytes; at most {} are allowed", text.size(),
                   kEventPathBytesMax);
  }
  CIEVENTS_ASSIGN_OR_RETURN(std::vector<std::string_view> split, SplitKeys(text));
  std::span<const std::string_view> keys = split;
  if (keys.size() > 1 && keys[0] == "gitlab" && keys[1] == "event") {
    keys = keys.subspan(1);
    text.remove_prefix(std::string_view("gitlab.").size());
  }
  if (keys[0] != "event") return NotAnEvent(text, keys[0]);
  if (keys.size() == 1) return Invalid("`event` alone has no value; {}", kFieldsHint);
  EventPath path;
  CIEVENTS_RETURN_IF_ERROR(ParseKeys(keys.subspan(1), &path));
  path.text = text;
  return path;
}

}  // namespace

struct EventPathTable::State {
  // The pointer tells whose entry it is: a path may be interned anew between the end of its last
  // user and the run of its deleter.
  struct Entry {
    std::weak_ptr<const EventPath> path;
    const EventPath* address = nullptr;
  };

  // Guarded, because a path's last user may be a thread that lets an old index go.
  mutable Mutex mutex;
  StringMap<Entry> entries ABSL_GUARDED_BY(mutex);
  std::set<uint32_t> free_ids ABSL_GUARDED_BY(mutex);  // all below id_end
  uint32_t id_end ABSL_GUARDED_BY(mutex) = 0;

  uint32_t TakeId() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (free_ids.empty()) return id_end++;
    // The least, so that arrays by id stay short.
    return free_ids.extract(free_ids.begin()).value();
  }

  void Release(const EventPath& path) {
    MutexLock lock(mutex);
    const auto entry = entries.find(std::string_view(path.text));
    if (entry != entries.end() && entry->second.address == &path) entries.erase(entry);
    free_ids.insert(path.id);
    while (!free_ids.empty() && *free_ids.rbegin() + 1 == id_end) {
      free_ids.erase(std::prev(free_ids.end()));
      --id_end;
    }
  }
};

EventPathTable::EventPathTable() : state_(std::make_shared<State>()) {}
EventPathTable::~EventPathTable() = default;

absl::StatusOr<std::shared_ptr<const EventPath>> EventPathTable::Intern(std::string_view text) {
  CIEVENTS_ASSIGN_OR_RETURN(EventPath parsed, Parse(text));
  auto path = std::make_unique<EventPath>(std::move(parsed));
  MutexLock lock(state_->mutex);
  State::Entry& entry = state_->entries[path->text];
  if (std::shared_ptr<const EventPath> known = entry.path.lock()) return known;
  static std::atomic<uint64_t> last_serial = 0;
  path->id = state_->TakeId();
  path->serial = last_serial.fetch_add(1, std::memory_order_relaxed) + 1;
  entry.address = path.get();
  std::shared_ptr<const EventPath> shared(path.release(), [state = state_](const EventPath* last) {
    state->Release(*last);
    delete last;
  });
  entry.path = shared;
  return shared;
}

uint32_t EventPathTable::id_end() const {
  MutexLock lock(state_->mutex);
  return state_->id_end;
}

size_t EventPathTable::size() const {
  MutexLock lock(state_->mutex);
  return state_->id_end - state_->free_ids.size();
}

}  // namespace cievents::matcher
