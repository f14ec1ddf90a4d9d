#include "matcher/index/project_set.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "matcher/base/check.h"

namespace cievents::matcher {
namespace {

// The widths that a difference may have, by their two-bit code.
constexpr std::array<uint32_t, 4> kWidths = {0, 2, 4, 8};

uint8_t WidthCode(uint64_t largest) {
  if (largest == 0) return 0;
  if (largest < (uint64_t{1} << 16)) return 1;
  return largest < (uint64_t{1} << 32) ? 2 : 3;
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

void AppendBytes(uint64_t value, uint32_t width, std::vector<uint8_t>* out) {
  for (uint32_t i = 0; i < width; ++i) out->push_back(static_cast<uint8_t>(value >> (8 * i)));
}

uint64_t ReadBytes(const uint8_t* at, uint32_t width) {
  uint64_t value = 0;
  for (uint32_t i = 0; i < width; ++i) value |= uint64_t{at[i]} << (8 * i);
  return value;
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

// The smallest value of one number over the set, and how wide the differences from it are. The
// arithmetic is unsigned: ids and times come from outside and may have any value.
struct Column {
  uint64_t base = 0;
  uint8_t width_code = 0;
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
  return {base, WidthCode(static_cast<uint64_t>(greatest) - base)};
}

int64_t IdOf(const SubscriptionNumbers& one) { return one.subscription_id; }
int64_t OwnerOf(const SubscriptionNumbers& one) { return one.owner_user_id; }
int64_t CreatedOf(const SubscriptionNumbers& one) { return one.created_time_ms; }

}  // namespace

const ProjectSet* ProjectSet::Make(const Parts& parts) {
  CIEVENTS_CHECK(parts.definitions.size() <= kSubscriptionsPerSetMax);
  CIEVENTS_CHECK(parts.own_postings.size() <= 65'535);
  CIEVENTS_CHECK(parts.numbers.size() == parts.definitions.size());
  CIEVENTS_CHECK(parts.commit_sha.size() <= 255);
  std::vector<uint8_t> tail;
  ProjectSet header;
  header.context_ = parts.context;
  header.subscriptions_ = static_cast<uint16_t>(parts.definitions.size());
  header.own_postings_ = static_cast<uint16_t>(parts.own_postings.size());
  header.commit_is_packed_hex_ = PackHex(parts.commit_sha, &tail) ? 1 : 0;
  header.commit_bytes_ = static_cast<uint8_t>(tail.size());
  const Column ids = MakeColumn(parts.numbers, IdOf);
  const Column owners = MakeColumn(parts.numbers, OwnerOf);
  const Column created = MakeColumn(parts.numbers, CreatedOf);
  header.widths_ =
      static_cast<uint8_t>(ids.width_code | owners.width_code << 2 | created.width_code << 4);
  AppendVarint(static_cast<uint64_t>(parts.project_id), &tail);
  AppendVarint(ids.base, &tail);
  AppendVarint(owners.base, &tail);
  AppendVarint(created.base, &tail);
  for (const SubscriptionNumbers& one : parts.numbers) {
    tail.push_back(one.suspended ? 1 : 0);
    AppendBytes(static_cast<uint64_t>(IdOf(one)) - ids.base, kWidths[ids.width_code], &tail);
    AppendBytes(static_cast<uint64_t>(OwnerOf(one)) - owners.base, kWidths[owners.width_code],
                &tail);
    AppendBytes(static_cast<uint64_t>(CreatedOf(one)) - created.base, kWidths[created.width_code],
                &tail);
  }
  const size_t bytes = sizeof(ProjectSet) + parts.definitions.size() * sizeof(Definition*) +
                       parts.own_postings.size() * sizeof(OwnPosting) + tail.size();
  auto* const set = new (::operator new(bytes)) ProjectSet(header);
  std::copy(parts.definitions.begin(), parts.definitions.end(),
            const_cast<const Definition**>(set->definitions()));
  std::copy(parts.own_postings.begin(), parts.own_postings.end(),
            const_cast<OwnPosting*>(set->postings()));
  std::copy(tail.begin(), tail.end(), const_cast<uint8_t*>(set->bytes()));
  return set;
}

void ProjectSet::Free(const ProjectSet* set) { ::operator delete(const_cast<ProjectSet*>(set)); }

int64_t ProjectSet::project_id() const {
  const uint8_t* at = bytes() + commit_bytes_;
  return static_cast<int64_t>(ReadVarint(&at));
}

std::string ProjectSet::commit_sha() const {
  const uint8_t* const at = bytes();
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
  const uint8_t* at = bytes() + commit_bytes_;
  ReadVarint(&at);  // the project
  const uint64_t id_base = ReadVarint(&at);
  const uint64_t owner_base = ReadVarint(&at);
  const uint64_t created_base = ReadVarint(&at);
  const uint32_t id_width = kWidths[widths_ & 3];
  const uint32_t owner_width = kWidths[widths_ >> 2 & 3];
  const uint32_t created_width = kWidths[widths_ >> 4 & 3];
  at += i * (1 + id_width + owner_width + created_width);
  SubscriptionNumbers numbers;
  numbers.suspended = at[0] != 0;
  numbers.subscription_id = static_cast<int64_t>(id_base + ReadBytes(at + 1, id_width));
  numbers.owner_user_id =
      static_cast<int64_t>(owner_base + ReadBytes(at + 1 + id_width, owner_width));
  numbers.created_time_ms = static_cast<int64_t>(
      created_base + ReadBytes(at + 1 + id_width + owner_width, created_width));
  return numbers;
}

}  // namespace cievents::matcher
