#include "matcher/index/project_set.h"

#include <algorithm>
#include <array>
#include <new>

#include "matcher/base/check.h"

namespace cievents::matcher {
namespace {

uint16_t BytesFor(uint64_t largest) {
  uint16_t bytes = 0;
  for (; largest != 0; largest >>= 8) ++bytes;
  return bytes;
}

// Writes into memory that is known to be large enough.
class ByteWriter {
 public:
  explicit ByteWriter(uint8_t* at) : at_(at) {}
  uint8_t* at() const { return at_; }

  void Bytes(uint64_t value, size_t width) {
    for (size_t i = 0; i < width; ++i, value >>= 8) *at_++ = static_cast<uint8_t>(value);
  }
  void Text(std::string_view text) { at_ = std::copy(text.begin(), text.end(), at_); }

  // Two digits a byte, if `text` is lower-case hex of an even length; else nothing, and false.
  bool PackedHex(std::string_view text) {
    if (text.size() % 2 != 0 || !std::all_of(text.begin(), text.end(), IsHexDigit)) return false;
    for (size_t i = 0; i < text.size(); i += 2) {
      *at_++ = static_cast<uint8_t>(HexValue(text[i]) << 4 | HexValue(text[i + 1]));
    }
    return true;
  }

 private:
  static bool IsHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
  static int HexValue(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

  uint8_t* at_;
};

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
  const auto context_address = reinterpret_cast<uint64_t>(parts.context);
  CIEVENTS_CHECK(context_address >> (8 * kPointerBytes) == 0);
  ByteWriter(header.context_.data()).Bytes(context_address, kPointerBytes);
  header.has_memory_before_ = before_bytes > 0 ? 1 : 0;
  header.subscriptions_ = static_cast<uint16_t>(parts.definitions.size());
  header.own_postings_ = static_cast<uint16_t>(parts.own_postings.size());
  const bool small =
      std::all_of(parts.own_postings.begin(), parts.own_postings.end(), [](const OwnPosting& one) {
        return one.pattern < (1u << (8 * kSmallPatternBytes)) && one.subscription < 256 &&
               one.entry < 256;
      });
  header.small_postings_ = small ? 1 : 0;
  const Column ids = MakeColumn(parts.numbers, IdOf);
  const Column owners = MakeColumn(parts.numbers, OwnerOf);
  const Column created = MakeColumn(parts.numbers, CreatedOf);
  const bool some_suspended =
      std::any_of(parts.numbers.begin(), parts.numbers.end(),
                  [](const SubscriptionNumbers& one) { return one.suspended; });
  header.widths_ = static_cast<uint16_t>(ids.bytes | owners.bytes << 4 | created.bytes << 8 |
                                         (some_suspended ? kSomeSuspended : 0));
  const size_t exact_bytes = parts.own_postings.size() * header.posting_bytes() +
                             parts.definitions.size() * kPointerBytes +
                             parts.numbers.size() * header.widths().all();
  header.base_widths_ = static_cast<uint16_t>(BytesFor(ids.base) | BytesFor(owners.base) << 4 |
                                              BytesFor(created.base) << 8);
  const Widths base_widths = header.base_widths();
  std::array<uint8_t, kCommitBytesMax> commit;
  ByteWriter commit_writer(commit.data());
  header.commit_is_packed_hex_ = commit_writer.PackedHex(parts.commit_sha) ? 1 : 0;
  if (header.commit_is_packed_hex_ == 0) commit_writer.Text(parts.commit_sha);
  const auto commit_bytes = static_cast<size_t>(commit_writer.at() - commit.data());
  header.commit_bytes_ = static_cast<uint8_t>(commit_bytes);

  // ReadBytes and ReadPointer may read so far behind the last number.
  constexpr size_t kReadAhead = 8;
  auto* const memory =
      static_cast<uint8_t*>(::operator new(before_bytes + sizeof(ProjectSet) + base_widths.all() +
                                           exact_bytes + std::max(commit_bytes, kReadAhead)));
  auto* const set = new (memory + before_bytes) ProjectSet(header);
  ByteWriter writer(const_cast<uint8_t*>(set->bases()));
  writer.Bytes(ids.base, base_widths.id);
  writer.Bytes(owners.base, base_widths.owner);
  writer.Bytes(created.base, base_widths.created);
  for (const OwnPosting& one : parts.own_postings) {
    writer.Bytes(one.pattern, header.pattern_bytes());
    writer.Bytes(one.subscription, header.number_bytes());
    writer.Bytes(one.entry, header.number_bytes());
  }
  for (const Definition* definition : parts.definitions) {
    const auto address = reinterpret_cast<uint64_t>(definition);
    CIEVENTS_CHECK(address >> (8 * kPointerBytes) == 0);
    writer.Bytes(address, kPointerBytes);
  }
  for (const SubscriptionNumbers& one : parts.numbers) {
    writer.Bytes(static_cast<uint64_t>(IdOf(one)) - ids.base, ids.bytes);
    writer.Bytes(static_cast<uint64_t>(OwnerOf(one)) - owners.base, owners.bytes);
    writer.Bytes(static_cast<uint64_t>(CreatedOf(one)) - created.base, created.bytes);
    if (some_suspended) writer.Bytes(one.suspended ? 1 : 0, 1);
  }
  std::copy(commit.data(), commit.data() + commit_bytes, writer.at());
  return set;
}

void ProjectSet::Free(const ProjectSet* set, size_t before_bytes) {
  ::operator delete(reinterpret_cast<uint8_t*>(const_cast<ProjectSet*>(set)) - before_bytes);
}

std::string ProjectSet::commit_sha() const {
  const uint8_t* const at = fields(widths(), subscriptions_);
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

SubscriptionNumbers ProjectSet::numbers(size_t i) const {
  const Widths base = base_widths();
  const Widths bytes = widths();
  const uint8_t* const from = bases();
  const uint8_t* const at = fields(bytes, i);
  SubscriptionNumbers numbers;
  numbers.subscription_id =
      static_cast<int64_t>(ReadBytes(from, base.id) + ReadBytes(at, bytes.id));
  numbers.owner_user_id = static_cast<int64_t>(ReadBytes(from + base.id, base.owner) +
                                               ReadBytes(at + bytes.id, bytes.owner));
  numbers.created_time_ms =
      static_cast<int64_t>(ReadBytes(from + base.id + base.owner, base.created) +
                           ReadBytes(at + bytes.id + bytes.owner, bytes.created));
  numbers.suspended = bytes.suspended != 0 && at[bytes.all() - 1] != 0;
  return numbers;
}

}  // namespace cievents::matcher
