#include "matcher/event/lazy_document.h"

#include "absl/base/attributes.h"
#include "matcher/base/check.h"
#include "matcher/event/json_brackets.h"

namespace cievents::matcher {
namespace {

constexpr LazyDocument::Id kRoot = 1;

}  // namespace

void LazyDocument::Reset(std::string_view text) {
  CIEVENTS_CHECK(text.size() <= kBytesMax);
  text_ = text;
  members_.Clear();
  nodes_.Clear();
  members_.Add() = Member{};
  nodes_.Add() = Node{};
  Member& root = members_.Add();
  root = Member{};
  root.begin = static_cast<uint32_t>(json::SkipSpace(text_, 0));
  walked_ = root.begin;
}

size_t LazyDocument::bytes_held() const { return members_.bytes() + nodes_.bytes(); }

bool LazyDocument::Fail(size_t at, const char* error) {
  failure_ = {at, error};
  Walked(at);
  return false;
}

LazyDocument::Id LazyDocument::Root() {
  if (members_[kRoot].begin < text_.size()) return kRoot;
  Fail(text_.size(), "there is nothing but white space");
  return kFailed;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline uint32_t LazyDocument::Enter(Id id) {
  Member& member = members_[id];
  if (member.node != 0) return member.node;
  const uint32_t index = nodes_.size();
  member.node = index;
  Node& node = nodes_.Add();
  node.at = member.begin + 1;
  node.owner = id;
  node.first = kNone;
  node.last = kNone;
  node.depth = static_cast<uint16_t>(nodes_[member.parent].depth + 1);
  node.close = text_[member.begin] == '{' ? '}' : ']';
  node.state = State::kOpen;
  if (node.depth > json::kDepthMax) [[unlikely]] {
    node.state = State::kFailed;
    node.error = json::kTooDeep;
    node.error_at = member.begin;
  }
  return index;
}

// Steps over a value; what is most frequent without a call.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline json::Step LazyDocument::SkipMember(const Member& member,
                                                                        uint32_t depth) const {
  const char first = text_[member.begin];
  if (first == '"') {
    bool has_non_ascii = false;
    const size_t end = json::FindStringEvent(text_, member.begin + 1, &has_non_ascii);
    if (end < text_.size() && text_[end] == '"') return {end + 1};
  }
  return json::SkipValue(text_, member.begin, depth);
}

// Behind the last member that is known. False: failure_ says why.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool LazyDocument::EndOfLast(const Node& node, size_t* at) {
  Member& last = members_[node.last];
  if (last.end == 0) {
    const json::Step step = SkipMember(last, node.depth);
    if (step.error != nullptr) [[unlikely]] {
      return Fail(step.at, step.error);
    }
    last.end = static_cast<uint32_t>(step.at);
  }
  *at = last.end;
  return true;
}

// Goes to where the next member begins, or to the end. False: there is none, or failure_ is set.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool LazyDocument::FindNext(Node& node, size_t* at) {
  size_t next = node.at;
  if (node.last != kNone && !EndOfLast(node, &next)) return false;
  next = json::SkipSpace(text_, next);
  if (next >= text_.size()) return Fail(text_.size(), json::kEndsInContainer);
  if (node.last != kNone && text_[next] == ',') {
    *at = json::SkipSpace(text_, next + 1);
    return true;
  }
  if (text_[next] == node.close) {
    node.state = State::kClosed;
    members_[node.owner].end = static_cast<uint32_t>(next + 1);
    Walked(next + 1);
    return false;
  }
  if (node.last != kNone) return Fail(next, "`,` or a closing bracket was expected");
  *at = next;
  return true;
}

// A key with an escape, or that is malformed.
bool LazyDocument::DecodeKey(size_t at, size_t* end, Member* member) {
  const json::StringStep string = json::ScanString(text_, at);
  if (string.error != nullptr) return Fail(string.at, string.error);
  *end = string.at;
  char* const decoded = arena_->Allocate(string.at - at);
  size_t size = 0;
  const json::Step step = json::DecodeString(text_, at + 1, string.at - 1, decoded, &size);
  if (step.error != nullptr) return Fail(step.at, step.error);
  member->key = decoded;
  member->key_size = static_cast<uint32_t>(size);
  return true;
}

// Reads a key and its colon.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool LazyDocument::ReadKey(size_t* at, Member* member) {
  if (*at >= text_.size()) return Fail(text_.size(), json::kEndsInContainer);
  if (text_[*at] != '"') return Fail(*at, json::kNoKey);
  bool has_non_ascii = false;
  size_t end = json::FindStringEvent(text_, *at + 1, &has_non_ascii);
  if (end < text_.size() && text_[end] == '"') {
    member->key = text_.data() + *at + 1;
    member->key_size = static_cast<uint32_t>(end - *at - 1);
    ++end;
  } else if (!DecodeKey(*at, &end, member)) {
    return false;
  }
  end = json::SkipSpace(text_, end);
  if (end >= text_.size()) return Fail(text_.size(), json::kEndsInContainer);
  if (text_[end] != ':') return Fail(end, json::kNoColon);
  *at = json::SkipSpace(text_, end + 1);
  return true;
}

// Makes the next member known.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline LazyDocument::Id LazyDocument::Advance(uint32_t index) {
  Node& node = nodes_[index];
  if (node.state == State::kClosed) return kNone;
  if (node.state == State::kFailed) {
    failure_ = {node.error_at, node.error};
    return kFailed;
  }
  size_t at = 0;
  bool found = FindNext(node, &at);
  if (node.state == State::kClosed) return kNone;
  const Id id = members_.size();
  Member& member = members_.Add();  // left unused if it fails: the node is at its end then
  if (found && node.close == '}') found = ReadKey(&at, &member);
  if (found && at >= text_.size()) found = Fail(text_.size(), json::kEndsInContainer);
  if (!found) [[unlikely]] {
    node.state = State::kFailed;
    node.error = failure_.error;
    node.error_at = static_cast<uint32_t>(failure_.at);
    return kFailed;
  }
  Walked(at);
  member.begin = static_cast<uint32_t>(at);
  member.end = 0;
  member.parent = index;
  member.node = 0;
  member.next = kNone;
  (node.last == kNone ? node.first : members_[node.last].next) = id;
  node.last = id;
  return id;
}

LazyDocument::Id LazyDocument::Next(Id container, Id previous) {
  const uint32_t node = Enter(container);
  const Id known = previous == kNone ? nodes_[node].first : members_[previous].next;
  return known != kNone ? known : Advance(node);
}

LazyDocument::Id LazyDocument::Find(Id object, std::string_view key) {
  const uint32_t node = Enter(object);
  Id id = nodes_[node].first;
  while (true) {
    if (id == kNone) id = Advance(node);
    if (id == kNone || id == kFailed) return id;
    const Member& member = members_[id];
    if (std::string_view(member.key, member.key_size) == key) return id;
    id = member.next;
  }
}

LazyDocument::Id LazyDocument::ElementAt(Id array, uint32_t index) {
  Id id = Next(array, kNone);
  for (; index > 0 && id != kNone && id != kFailed; --index) id = Next(array, id);
  return id;
}

void LazyDocument::FailRead(size_t at, const char* error, Value* value) {
  Fail(at, error);
  value->kind = Value::Kind::kFailed;
}

void LazyDocument::ReadString(Member& member, Value* value) {
  json::StringStep string;
  string.at = json::FindStringEvent(text_, member.begin + 1, &string.has_non_ascii);
  if (string.at < text_.size() && text_[string.at] == '"') {
    ++string.at;
  } else {
    string = json::ScanString(text_, member.begin);
    if (string.error != nullptr) return FailRead(string.at, string.error, value);
  }
  const size_t begin = member.begin + 1;
  const size_t end = string.at - 1;
  std::string_view text(text_.data() + begin, end - begin);
  if (string.has_non_ascii && !json::IsUtf8(text)) {
    return FailRead(member.begin, "a string is not valid UTF-8", value);
  }
  if (string.has_escapes) {
    char* const decoded = arena_->Allocate(end - begin);
    size_t size = 0;
    const json::Step step = json::DecodeString(text_, begin, end, decoded, &size);
    if (step.error != nullptr) return FailRead(step.at, step.error, value);
    text = std::string_view(decoded, size);
  }
  member.end = static_cast<uint32_t>(string.at);
  Walked(string.at);
  value->kind = Value::Kind::kText;
  value->text = text;
}

void LazyDocument::ReadObject(Member& member, Value* value) {
  const json::ContainerStep object =
      json::ScanContainer(text_, member.begin, nodes_[member.parent].depth);
  if (object.error != nullptr) return FailRead(object.at, object.error, value);
  std::string_view text = text_.substr(member.begin, object.at - member.begin);
  if (object.has_space) {
    char* const compact = arena_->Allocate(text.size());
    text = std::string_view(compact, json::Compact(text_, member.begin, object.at, compact));
  }
  member.end = static_cast<uint32_t>(object.at);
  Walked(object.at);
  value->kind = Value::Kind::kText;
  value->bare_json = true;
  value->text = text;
}

void LazyDocument::Read(Id id, Value* value) {
  const Kind kind = KindOf(id);
  CIEVENTS_CHECK(kind != Kind::kArray);
  Member& member = members_[id];
  if (kind == Kind::kString) return ReadString(member, value);
  if (kind == Kind::kObject) return ReadObject(member, value);
  const json::Step step = json::ScanScalar(
      text_, member.begin, id == kRoot ? json::AtTextEnd::kAllowed : json::AtTextEnd::kRefused);
  if (step.error != nullptr) return FailRead(step.at, step.error, value);
  member.end = static_cast<uint32_t>(step.at);
  Walked(step.at);
  const char first = text_[member.begin];
  if (first == 'n') return;
  if (first == 't' || first == 'f') {
    value->kind = Value::Kind::kBoolean;
    value->boolean = first == 't';
    return;
  }
  value->kind = Value::Kind::kText;
  value->bare_json = true;
  value->text = std::string_view(text_.data() + member.begin, step.at - member.begin);
}

}  // namespace cievents::matcher
