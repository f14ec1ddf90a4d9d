#include "matcher/event_identity.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cievents::matcher {
namespace {

constexpr size_t kUidTextBytes = 36;

bool IsHyphenPlace(size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void AppendBigEndian(uint64_t value, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

void AppendFramed(std::string_view field, std::string* out) {
  AppendBigEndian(field.size(), out);
  out->append(field);
}

// The bytes that are hashed. Every field has a fixed width or its length before it, so two
// identities never give the same bytes; the tag keeps them apart from other hashes of ours.
std::string Frame(std::string_view tag, const EventIdentity& identity) {
  std::string frame;
  frame.reserve(tag.size() + 25 + identity.source.size() + identity.event_id.size());
  frame.append(tag);
  frame.push_back(static_cast<char>(identity.kind));
  AppendBigEndian(static_cast<uint64_t>(identity.id), &frame);
  AppendFramed(identity.source, &frame);
  AppendFramed(identity.event_id, &frame);
  return frame;
}

uint64_t ReadBigEndian(const Digest& digest, size_t begin, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = begin; i < begin + bytes; ++i) value = value << 8 | digest[i];
  return value;
}

EventUid MakeUid(int64_t time_ms, const Digest& digest) {
  const uint64_t time = static_cast<uint64_t>(std::clamp<int64_t>(time_ms, 0, kUidTimeMsMax));
  EventUid uid;
  uid.high = time << 16 | 0x7000 | (ReadBigEndian(digest, 0, 2) & 0x0fff);
  uid.low = 0x8000000000000000u | (ReadBigEndian(digest, 2, 8) & 0x3fffffffffffffffu);
  return uid;
}

}  // namespace

std::string EventUid::ToString() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(kUidTextBytes, '-');
  for (size_t i = 0, nibble = 0; i < kUidTextBytes; ++i) {
    if (IsHyphenPlace(i)) continue;
    const uint64_t half = nibble < 16 ? high : low;
    text[i] = kDigits[half >> (60 - 4 * (nibble % 16)) & 15];
    ++nibble;
  }
  return text;
}

std::optional<EventUid> EventUid::Parse(std::string_view text) {
  if (text.size() != kUidTextBytes) return std::nullopt;
  EventUid uid;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsHyphenPlace(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int digit = HexValue(text[i]);
    if (digit < 0) return std::nullopt;
    uid.high = uid.high << 4 | uid.low >> 60;
    uid.low = uid.low << 4 | static_cast<uint64_t>(digit);
  }
  return uid;
}

EventUid MakeEventUid(int64_t time_ms, const EventIdentity& identity,
                      Digest (*sha256)(std::string_view)) {
  return MakeUid(time_ms, sha256(Frame("cievents event identity 1\n", identity)));
}

EventUid MakeKeyedEventUid(int64_t received_time_ms, const EventIdentity& identity,
                           Digest (*sha256)(std::string_view)) {
  return MakeUid(received_time_ms, sha256(Frame("cievents event key 1\n", identity)));
}

EventUid WithoutTime(const EventUid& uid) { return {uid.high & 0xffff, uid.low}; }

}  // namespace cievents::matcher
