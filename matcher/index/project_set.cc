#include "matcher/index/project_set.h"

#include <algorithm>
#include <new>

#include "matcher/base/check.h"

namespace cievents::matcher {
namespace {

constexpr uint16_t kSomeSuspended = 1u << 15;

uint16_t BytesFor(uint64_t largest) {
  uint16_t bytes = 0;
  for (; largest != 0; largest >>= 8) ++bytes;
  return bytes;
}

void AppendVarint(uint64_t value, std::vector<uint8_t>* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<uint8_t>(value));
}

uint64_t ReadVarint(const uint8_t** at) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const uint8_t byte = *(*at)++;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
}

void AppendBytes(uint64_t value, size_t width, std::vector<uint8_t>* out) {
  for (size_t i = 0; i < width; ++i) out->push_back(static_cast<uint8_t>(value >> (8 * i)));
}

// Two digits a byte, if it is lower-case hex of an even length; else as it is.
bool PackHex(std::string_view text, std::vector<uint8_t>* out) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  const bool is_hex = text.size() % 2 == 0 &&
                      std::all_of(text.begin(), text.end(), [&](char c) { return digit(c) >= 0; });
  if (!is_hex) {
    out->insert(out->end(), text.begin(), text.end());
    return false;
  }
  for (size_t i = 0; i < text.size(); i += 2) {
    out->push_back(static_cast<uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
  }
  return true;
}

// The smallest value of one number over the set, and how many bytes the differences from it take.
// The arithmetic is unsigned: ids and times come from outside and may have any value.
struct Column {
  uint64_t base = 0;
  uint16_t bytes = 0;
};

template <typename Get>
Column MakeColumn(std::span<const SubscriptionNumbers> numbers, const Get& get) {
  if (numbers.empty()) return {};
  int64_t least = get(numbers.front());
  int64_t greatest = least;
  for (const SubscriptionNumbers& one : numbers) {
    least = std::min(least, get(one));
    greatest = std::max(greatest, get(one));
  }
  const auto base = static_cast<uint64_t>(least);
  return {base, BytesFor(static_cast<uint64_t>(greatest) - base)};
}

int64_t IdOf(const SubscriptionNumbers& one) { return one.subscription_id; }
int64_t OwnerOf(const SubscriptionNumbers& one) { return one.owner_user_id; }
int64_t CreatedOf(const SubscriptionNumbers& one) { return one.created_time_ms; }

}  // namespace

const ProjectSet* ProjectSet::Make(const Parts& parts, size_t before_bytes) {
  CIEVENTS_CHECK(parts.definitions.size() <= kSubscriptionsPerSetMax);
  CIEVENTS_CHECK(parts.own_postings.size() <= kOwnPostingsPerSetMax);
  CIEVENTS_CHECK(parts.numbers.size() == parts.definitions.size());
  CIEVENTS_CHECK(parts.commit_sha.size() <= kCommitBytesMax);
  CIEVENTS_CHECK(before_bytes % alignof(ProjectSet) == 0);
  ProjectSet header;
  header.context_ = parts.context;
  header.subscriptions_ = static_cast<uint16_t>(parts.definitions.size());
  header.own_postings_ = static_cast<uint16_t>(parts.own_postings.size());
  const bool small =
      std::all_of(parts.own_postings.begin(), parts.own_postings.end(),
                  [](const OwnPosting& one) { return one.subscription < 256 && one.entry < 256; });
  header.small_postings_ = small ? 1 : 0;
  std::vector<uint8_t> tail;
  for (const OwnPosting& one : parts.own_postings) {
    AppendBytes(one.pattern, sizeof(PatternId), &tail);
    AppendBytes(one.subscription, small ? 1 : 2, &tail);
    AppendBytes(one.entry, small ? 1 : 2, &tail);
  }
  for (const Definition* definition : parts.definitions) {
    const auto address = reinterpret_cast<uint64_t>(definition);
    CIEVENTS_CHECK(address >> (8 * kPointerBytes) == 0);
    AppendBytes(address, kPointerBytes, &tail);
  }
  const Column ids = MakeColumn(parts.numbers, IdOf);
  const Column owners = MakeColumn(parts.numbers, OwnerOf);
  const Column created = MakeColumn(parts.numbers, CreatedOf);
  const bool some_suspended =
      std::any_of(parts.numbers.begin(), parts.numbers.end(),
                  [](const SubscriptionNumbers& one) { return one.suspended; });
  header.widths_ = static_cast<uint16_t>(ids.bytes | owners.bytes << 4 | created.bytes << 8 |
                                         (some_suspended ? kSomeSuspended : 0));
  for (const SubscriptionNumbers& one : parts.numbers) {
    AppendBytes(static_cast<uint64_t>(IdOf(one)) - ids.base, ids.bytes, &tail);
    AppendBytes(static_cast<uint64_t>(OwnerOf(one)) - owners.base, owners.bytes, &tail);
    AppendBytes(static_cast<uint64_t>(CreatedOf(one)) - created.base, created.bytes, &tail);
    if (some_suspended) tail.push_back(one.suspended ? 1 : 0);
  }
  AppendVarint(ids.base, &tail);
  AppendVarint(static_cast<uint64_t>(parts.project_id), &tail);
  AppendVarint(owners.base, &tail);
  AppendVarint(created.base, &tail);
  const size_t before_commit = tail.size();
  header.commit_is_packed_hex_ = PackHex(parts.commit_sha, &tail) ? 1 : 0;
  header.commit_bytes_ = static_cast<uint8_t>(tail.size() - before_commit);
  auto* const memory =
      static_cast<uint8_t*>(::operator new(before_bytes + sizeof(ProjectSet) + tail.size()));
  auto* const set = new (memory + before_bytes) ProjectSet(header);
  std::copy(tail.begin(), tail.end(), const_cast<uint8_t*>(set->postings()));
  return set;
}

void ProjectSet::Free(const ProjectSet* set, size_t before_bytes) {
  ::operator delete(reinterpret_cast<uint8_t*>(const_cast<ProjectSet*>(set)) - before_bytes);
}

ProjectSet::Bases ProjectSet::ReadBases() const {
  Bases bases;
  bases.end = fields(widths(), subscriptions_);
  bases.id = ReadVarint(&bases.end);
  bases.project_id = ReadVarint(&bases.end);
  bases.owner = ReadVarint(&bases.end);
  bases.created = ReadVarint(&bases.end);
  return bases;
}

ProjectSet::Widths ProjectSet::widths() const {
  return {widths_ & 15u, widths_ >> 4 & 15u, widths_ >> 8 & 15u,
          (widths_ & kSomeSuspended) != 0 ? 1u : 0u};
}

std::string ProjectSet::commit_sha() const {
  const uint8_t* const at = ReadBases().end;
  if (commit_is_packed_hex_ == 0) return std::string(at, at + commit_bytes_);
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(size_t{2} * commit_bytes_);
  for (size_t i = 0; i < commit_bytes_; ++i) {
    text += kDigits[at[i] >> 4];
    text += kDigits[at[i] & 15];
  }
  return text;
}

int64_t ProjectSet::subscription_id(size_t i) const {
  const Widths bytes = widths();
  const uint8_t* base = fields(bytes, subscriptions_);  // the first of the bases
  return static_cast<int64_t>(ReadVarint(&base) + ReadBytes(fields(bytes, i), bytes.id));
}

SubscriptionNumbers ProjectSet::numbers(size_t i) const {
  const Bases bases = ReadBases();
  const Widths bytes = widths();
  const uint8_t* const at = fields(bytes, i);
  SubscriptionNumbers numbers;
  numbers.subscription_id = static_cast<int64_t>(bases.id + ReadBytes(at, bytes.id));
  numbers.owner_user_id = static_cast<int64_t>(bases.owner + ReadBytes(at + bytes.id, bytes.owner));
  numbers.created_time_ms =
      static_cast<int64_t>(bases.created + ReadBytes(at + bytes.id + bytes.owner, bytes.created));
  numbers.suspended = bytes.suspended != 0 && at[bytes.all() - 1] != 0;
  return numbers;
}

}  // namespace cievents::matcher
