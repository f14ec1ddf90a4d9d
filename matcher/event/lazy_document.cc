#include "matcher/event/lazy_document.h"

#include "matcher/base/check.h"
#include "matcher/event/json_brackets.h"

namespace cievents::matcher {
namespace {

constexpr LazyDocument::Id kRoot = 1;

// More than a usual payload needs; one that needed more gives its memory back.
constexpr size_t kBytesKept = 256 * 1024;

template <typename T>
void Shrink(std::vector<T>& parts) {
  parts.clear();
  if (parts.capacity() * sizeof(T) > kBytesKept) parts.shrink_to_fit();
}

}  // namespace

void LazyDocument::Reset(std::string_view text) {
  CIEVENTS_CHECK(text.size() <= kBytesMax);
  text_ = text;
  Shrink(members_);
  Shrink(nodes_);
  members_.resize(2);
  nodes_.resize(1);
  members_[kRoot].begin = static_cast<uint32_t>(json::SkipSpace(text_, 0));
  walked_ = members_[kRoot].begin;
}

size_t LazyDocument::bytes_held() const {
  return members_.capacity() * sizeof(Member) + nodes_.capacity() * sizeof(Node);
}

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

LazyDocument::Kind LazyDocument::KindOf(Id id) const {
  switch (text_[members_[id].begin]) {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case '"':
      return Kind::kString;
    default:
      return Kind::kScalar;
  }
}

uint32_t LazyDocument::Enter(Id id) {
  Member& member = members_[id];
  if (member.node != 0) return member.node;
  member.node = static_cast<uint32_t>(nodes_.size());
  Node node;
  node.owner = id;
  node.kind = KindOf(id);
  node.depth = static_cast<uint16_t>(nodes_[member.parent].depth + 1);
  node.at = member.begin + 1;
  if (node.depth > json::kDepthMax) {
    node.state = State::kFailed;
    node.failure = {member.begin, json::kTooDeep};
  }
  nodes_.push_back(node);
  return member.node;
}

// Behind the last member that is known. False: failure_ says why.
bool LazyDocument::EndOfLast(const Node& node, size_t* at) {
  Member& last = members_[node.last];
  if (last.end == 0) {
    const json::Step step = json::SkipValue(text_, last.begin, node.depth);
    if (step.error != nullptr) return Fail(step.at, step.error);
    last.end = static_cast<uint32_t>(step.at);
  }
  *at = last.end;
  return true;
}

// Goes to where the next member begins, or to the end. False: there is none, or failure_ is set.
bool LazyDocument::FindNext(Node& node, size_t* at) {
  const char close = node.kind == Kind::kObject ? '}' : ']';
  size_t next = node.at;
  if (node.last != kNone && !EndOfLast(node, &next)) return false;
  next = json::SkipSpace(text_, next);
  if (next >= text_.size()) return Fail(text_.size(), json::kEndsInContainer);
  if (text_[next] == close) {
    node.state = State::kClosed;
    members_[node.owner].end = static_cast<uint32_t>(next + 1);
    Walked(next + 1);
    return false;
  }
  if (node.last != kNone) {
    if (text_[next] != ',') return Fail(next, "`,` or a closing bracket was expected");
    next = json::SkipSpace(text_, next + 1);
  }
  *at = next;
  return true;
}

// Reads a key and its colon.
bool LazyDocument::ReadKey(size_t* at, Member* member) {
  if (*at >= text_.size()) return Fail(text_.size(), json::kEndsInContainer);
  if (text_[*at] != '"') return Fail(*at, json::kNoKey);
  const json::StringStep string = json::ScanString(text_, *at);
  if (string.error != nullptr) return Fail(string.at, string.error);
  const size_t begin = *at + 1;
  const size_t end = string.at - 1;
  member->key = text_.data() + begin;
  member->key_size = static_cast<uint32_t>(end - begin);
  if (string.has_escapes) {
    char* const decoded = arena_->Allocate(end - begin);
    size_t size = 0;
    const json::Step step = json::DecodeString(text_, begin, end, decoded, &size);
    if (step.error != nullptr) return Fail(step.at, step.error);
    member->key = decoded;
    member->key_size = static_cast<uint32_t>(size);
  }
  size_t next = json::SkipSpace(text_, string.at);
  if (next >= text_.size()) return Fail(text_.size(), json::kEndsInContainer);
  if (text_[next] != ':') return Fail(next, json::kNoColon);
  *at = json::SkipSpace(text_, next + 1);
  return true;
}

// Makes the next member known.
LazyDocument::Id LazyDocument::Advance(uint32_t index) {
  Node& node = nodes_[index];
  if (node.state == State::kClosed) return kNone;
  if (node.state == State::kFailed) {
    failure_ = node.failure;
    return kFailed;
  }
  Member member;
  size_t at = 0;
  bool found = FindNext(node, &at);
  if (node.state == State::kClosed) return kNone;
  if (found && node.kind == Kind::kObject) found = ReadKey(&at, &member);
  if (found && at >= text_.size()) found = Fail(text_.size(), json::kEndsInContainer);
  if (!found) {
    node.state = State::kFailed;
    node.failure = failure_;
    return kFailed;
  }
  Walked(at);
  member.begin = static_cast<uint32_t>(at);
  member.parent = index;
  const Id id = static_cast<Id>(members_.size());
  members_.push_back(member);
  if (node.last == kNone) {
    node.first = id;
  } else {
    members_[node.last].next = id;
  }
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

Value LazyDocument::FailRead(size_t at, const char* error) {
  Fail(at, error);
  Value value;
  value.kind = Value::Kind::kFailed;
  return value;
}

Value LazyDocument::ReadString(Id id) {
  Member& member = members_[id];
  const json::StringStep string = json::ScanString(text_, member.begin);
  if (string.error != nullptr) return FailRead(string.at, string.error);
  const size_t begin = member.begin + 1;
  const size_t end = string.at - 1;
  Value value;
  value.kind = Value::Kind::kText;
  value.text = text_.substr(begin, end - begin);
  if (string.has_non_ascii && !json::IsUtf8(value.text)) {
    return FailRead(member.begin, "a string is not valid UTF-8");
  }
  if (string.has_escapes) {
    char* const decoded = arena_->Allocate(end - begin);
    size_t size = 0;
    const json::Step step = json::DecodeString(text_, begin, end, decoded, &size);
    if (step.error != nullptr) return FailRead(step.at, step.error);
    value.text = std::string_view(decoded, size);
  }
  member.end = static_cast<uint32_t>(string.at);
  Walked(string.at);
  return value;
}

Value LazyDocument::ReadObject(Id id) {
  Member& member = members_[id];
  const json::ContainerStep object =
      json::ScanContainer(text_, member.begin, nodes_[member.parent].depth);
  if (object.error != nullptr) return FailRead(object.at, object.error);
  Value value;
  value.kind = Value::Kind::kText;
  value.bare_json = true;
  value.text = text_.substr(member.begin, object.at - member.begin);
  if (object.has_space) {
    char* const compact = arena_->Allocate(value.text.size());
    value.text = std::string_view(compact, json::Compact(text_, member.begin, object.at, compact));
  }
  member.end = static_cast<uint32_t>(object.at);
  Walked(object.at);
  return value;
}

Value LazyDocument::Read(Id id) {
  const Kind kind = KindOf(id);
  CIEVENTS_CHECK(kind != Kind::kArray);
  if (kind == Kind::kString) return ReadString(id);
  if (kind == Kind::kObject) return ReadObject(id);
  Member& member = members_[id];
  const json::Step step = json::ScanScalar(
      text_, member.begin, id == kRoot ? json::AtTextEnd::kAllowed : json::AtTextEnd::kRefused);
  if (step.error != nullptr) return FailRead(step.at, step.error);
  member.end = static_cast<uint32_t>(step.at);
  Walked(step.at);
  Value value;
  const char first = text_[member.begin];
  if (first == 'n') return value;
  if (first == 't' || first == 'f') {
    value.kind = Value::Kind::kBoolean;
    value.boolean = first == 't';
    return value;
  }
  value.kind = Value::Kind::kText;
  value.bare_json = true;
  value.text = text_.substr(member.begin, step.at - member.begin);
  return value;
}

}  // namespace cievents::matcher
