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
    if (name.size() < key.size() || (!key.empty() && name.front() != key.front())) continue;
    if (std::string_view(name).substr(0, name.find('/')) == key) return true;
  }
  return false;
}

}  // namespace

namespace {

const EventView kNoEvent;

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

  const EventView* event = &kNoEvent;
  uint64_t generation = 1;
  uint32_t name = 0;
  Value name_value;
  EventArena arena;
  bool payload_open = false;
  PayloadReader payload{&arena};
  std::vector<std::unique_ptr<Page>> pages;  // by path id

  Slot* FindSlot(uint32_t id);
  // Each of the rest is a call in tail position, so that Get itself needs no stack.
  ABSL_ATTRIBUTE_NOINLINE const Value& GetInNewSlot(EventFields* fields, const EventPath& path);
  ABSL_ATTRIBUTE_NOINLINE const Value& ComputeName();
  Value FieldOf(const EventPath& path);
  ABSL_ATTRIBUTE_NOINLINE const Value& ComputeField(const EventPath& path, Slot* slot);
  ABSL_ATTRIBUTE_NOINLINE const Value& ComputePayload(const EventPath& path, Slot* slot);
};

inline EventFields::State::Slot* EventFields::State::FindSlot(uint32_t id) {
  const size_t page = id / kPageSlots;
  if (page >= pages.size() || pages[page] == nullptr) return nullptr;
  return &(*pages[page])[id % kPageSlots];
}

const Value& EventFields::State::GetInNewSlot(EventFields* fields, const EventPath& path) {
  const size_t page = path.id / kPageSlots;
  if (page >= pages.size()) pages.resize(page + 1);
  pages[page] = std::make_unique<Page>();
  return fields->Get(path);
}

const Value& EventFields::State::ComputePayload(const EventPath& path, Slot* slot) {
  *slot = Slot{generation, path.serial, Value()};
  if (!payload_open) {
    payload.Reset(event->payload);
    payload_open = true;
  }
  if (path.may_be_subject && IsSubjectOf(path.keys[0], event->names)) [[unlikely]] {
    payload.GetOfSubject(path.keys, &slot->value);
  } else {
    payload.Get(path.keys, &slot->value);
  }
  return slot->value;
}

const Value& EventFields::State::ComputeName() {
  name_value = event->names.empty() ? Value() : TextValue(event->names[name]);
  return name_value;
}

Value EventFields::State::FieldOf(const EventPath& path) {
  using Root = EventPath::Root;
  switch (path.root) {
    case Root::kNames:
      return ListOfNames(event->names, &arena);
    case Root::kId:
      return TextValue(event->id);
    case Root::kSource:
      return TextValue(event->source);
    case Root::kType:
      return TextValue(event->type);
    case Root::kSubject:
      return TextValue(event->subject);
    case Root::kTime:
      return TimeValue(event->time_ms, &arena);
    case Root::kProjectId:
      return event->project_id == 0 ? Value() : NumberValue(event->project_id, &arena);
    case Root::kActorId:
      return event->actor_user_id == 0 ? Value() : NumberValue(event->actor_user_id, &arena);
    case Root::kActorUsername:
      return TextValue(event->actor_username);
    case Root::kActorBot:
      return BooleanValue(event->actor_bot);
    case Root::kActorAccessLevel:
      return event->actor_access_level.has_value() ? NumberValue(*event->actor_access_level, &arena)
                                                   : Value();
    case Root::kReplay:
      return BooleanValue(event->replayed);
    case Root::kName:
    case Root::kPayload:
      break;  // elsewhere
  }
  CIEVENTS_CHECK(false);
}

const Value& EventFields::State::ComputeField(const EventPath& path, Slot* slot) {
  *slot = Slot{generation, path.serial, FieldOf(path)};
  return slot->value;
}

EventFields::EventFields() : state_(std::make_unique<State>()) {}
EventFields::~EventFields() = default;

void EventFields::Reset(const EventView& event) {
  state_->event = &event;
  ++state_->generation;
  state_->payload_open = false;
  state_->arena.Reset();
  state_->name = 0;
}

const EventView& EventFields::event() const { return *state_->event; }

void EventFields::SetName(uint32_t name) {
  const std::span<const std::string> names = state_->event->names;
  CIEVENTS_CHECK(name < names.size() || name == 0);
  state_->name = name;
}

uint32_t EventFields::name() const { return state_->name; }

const Value& EventFields::Get(const EventPath& path) {
  State& state = *state_;
  State::Slot* const slot = state.FindSlot(path.id);
  if (slot == nullptr) [[unlikely]] {
    return state.GetInNewSlot(this, path);
  }
  if (slot->generation == state.generation && slot->serial == path.serial) return slot->value;
  if (path.root == EventPath::Root::kPayload) return state.ComputePayload(path, slot);
  // The name is never remembered: it changes within an event.
  if (path.root == EventPath::Root::kName) return state.ComputeName();
  return state.ComputeField(path, slot);
}

size_t EventFields::payload_bytes_walked() const {
  return state_->payload_open ? state_->payload.bytes_walked() : 0;
}

}  // namespace cievents::matcher
