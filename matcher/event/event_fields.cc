#include "matcher/event/event_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <vector>

#include "absl/base/attributes.h"
#include "matcher/base/check.h"
#include "matcher/event/event_arena.h"
#include "matcher/event/payload_reader.h"

namespace cievents::matcher {
namespace {

Value TextValue(std::string_view text) {
  Value value;
  if (text.empty()) return value;
  value.kind = Value::Kind::kText;
  value.text = text;
  return value;
}

Value BooleanValue(bool boolean) {
  Value value;
  value.kind = Value::Kind::kBoolean;
  value.boolean = boolean;
  return value;
}

Value NumberValue(int64_t number, EventArena* arena) {
  const fmt::format_int digits(number);
  char* const text = arena->Allocate(digits.size());
  std::copy_n(digits.data(), digits.size(), text);
  Value value = TextValue({text, digits.size()});
  value.bare_json = true;
  return value;
}

// RFC 3339, UTC, milliseconds. Times that it cannot write (0000 to 9999) are unknown.
Value TimeValue(int64_t time_ms, EventArena* arena) {
  constexpr int64_t kYear0 = -62'167'219'200'000;
  constexpr int64_t kYear10000 = 253'402'300'800'000;
  if (time_ms == 0 || time_ms < kYear0 || time_ms >= kYear10000) return {};
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(time_ms)};
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const int64_t ms = (time - day).count();
  static constexpr size_t kSize = sizeof("2026-01-31T12:00:00.000Z") - 1;
  char* const text = arena->Allocate(kSize);
  fmt::format_to_n(text, kSize, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                   static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                   static_cast<unsigned>(date.day()), ms / 3'600'000, ms / 60'000 % 60,
                   ms / 1000 % 60, ms % 1000);
  return TextValue({text, kSize});
}

Value ListOfNames(std::span<const std::string> names, EventArena* arena) {
  Value list;
  if (names.empty()) return list;
  Value* const values = arena->AllocateArray<Value>(names.size());
  for (size_t i = 0; i < names.size(); ++i) new (&values[i]) Value(TextValue(names[i]));
  list.kind = Value::Kind::kList;
  list.list = std::span<const Value>(values, names.size());
  return list;
}

// `issue` is the subject of `issue/created`.
bool IsSubjectOf(std::string_view key, std::span<const std::string> names) {
  for (const std::string& name : names) {
    if (std::string_view(name).substr(0, name.find('/')) == key) return true;
  }
  return false;
}

}  // namespace

struct EventFields::State {
  // What is known of a path. The serial too must fit: an id may go to another path while an event
  // is at work.
  struct Slot {
    uint64_t generation = 0;
    uint64_t serial = 0;
    Value value;
  };
  // Slots do not move when later paths need more: Get gives references.
  static constexpr uint32_t kPageSlots = 64;
  using Page = std::array<Slot, kPageSlots>;

  EventView event;
  uint64_t generation = 1;
  uint32_t name = 0;
  Value name_value;
  EventArena arena;
  bool payload_open = false;
  PayloadReader payload{&arena};
  std::vector<std::unique_ptr<Page>> pages;  // by path id

  Slot& SlotOf(uint32_t id);
  Slot& AddSlot(uint32_t id);
  void Compute(const EventPath& path, Slot* slot);
  Value ComputeField(const EventPath& path);
  void ComputePayload(const EventPath& path, Value* value);
};

ABSL_ATTRIBUTE_NOINLINE EventFields::State::Slot& EventFields::State::AddSlot(uint32_t id) {
  const size_t page = id / kPageSlots;
  if (page >= pages.size()) pages.resize(page + 1);
  if (pages[page] == nullptr) pages[page] = std::make_unique<Page>();
  return (*pages[page])[id % kPageSlots];
}

inline EventFields::State::Slot& EventFields::State::SlotOf(uint32_t id) {
  const size_t page = id / kPageSlots;
  if (page >= pages.size() || pages[page] == nullptr) [[unlikely]] {
    return AddSlot(id);
  }
  return (*pages[page])[id % kPageSlots];
}

inline void EventFields::State::ComputePayload(const EventPath& path, Value* value) {
  if (!payload_open) {
    payload.Reset(event.payload);
    payload_open = true;
  }
  if (path.may_be_subject && IsSubjectOf(path.keys[0], event.names)) {
    return payload.GetOfSubject(path.keys, value);
  }
  payload.Get(path.keys, value);
}

Value EventFields::State::ComputeField(const EventPath& path) {
  using Root = EventPath::Root;
  switch (path.root) {
    case Root::kNames:
      return ListOfNames(event.names, &arena);
    case Root::kId:
      return TextValue(event.id);
    case Root::kSource:
      return TextValue(event.source);
    case Root::kType:
      return TextValue(event.type);
    case Root::kSubject:
      return TextValue(event.subject);
    case Root::kTime:
      return TimeValue(event.time_ms, &arena);
    case Root::kProjectId:
      return event.project_id == 0 ? Value() : NumberValue(event.project_id, &arena);
    case Root::kActorId:
      return event.actor_user_id == 0 ? Value() : NumberValue(event.actor_user_id, &arena);
    case Root::kActorUsername:
      return TextValue(event.actor_username);
    case Root::kActorBot:
      return BooleanValue(event.actor_bot);
    case Root::kActorAccessLevel:
      return event.actor_access_level.has_value() ? NumberValue(*event.actor_access_level, &arena)
                                                  : Value();
    case Root::kReplay:
      return BooleanValue(event.replayed);
    case Root::kName:
    case Root::kPayload:
      break;  // elsewhere
  }
  CIEVENTS_CHECK(false);
}

void EventFields::State::Compute(const EventPath& path, Slot* slot) {
  slot->generation = generation;
  slot->serial = path.serial;
  if (path.root == EventPath::Root::kPayload) {
    slot->value = Value();
    ComputePayload(path, &slot->value);
  } else {
    slot->value = ComputeField(path);
  }
}

EventFields::EventFields() : state_(std::make_unique<State>()) {}
EventFields::~EventFields() = default;

void EventFields::Reset(const EventView& event) {
  state_->event = event;
  ++state_->generation;
  state_->payload_open = false;
  state_->arena.Reset();
  state_->name = 0;
}

const EventView& EventFields::event() const { return state_->event; }

void EventFields::SetName(uint32_t name) {
  const std::span<const std::string> names = state_->event.names;
  CIEVENTS_CHECK(name < names.size() || name == 0);
  state_->name = name;
}

uint32_t EventFields::name() const { return state_->name; }

const Value& EventFields::Get(const EventPath& path) {
  if (path.root == EventPath::Root::kName) {
    const std::span<const std::string> names = state_->event.names;
    state_->name_value = names.empty() ? Value() : TextValue(names[state_->name]);
    return state_->name_value;
  }
  State::Slot& slot = state_->SlotOf(path.id);
  if (slot.generation != state_->generation || slot.serial != path.serial) {
    state_->Compute(path, &slot);
  }
  return slot.value;
}

size_t EventFields::payload_bytes_walked() const {
  return state_->payload_open ? state_->payload.bytes_walked() : 0;
}

}  // namespace cievents::matcher
