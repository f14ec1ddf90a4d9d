// The identity of an event and the uid that is computed from it (docs/architecture.md, "The life of
// an event").
//
// A native retry carries the same identity and the same time, so it gets the same uid wherever it
// is processed, and the queue's key (event uid, subscription) absorbs it. Where retries do not
// repeat the time, Postgres knows the uid that the first delivery got (event_keys).
#ifndef MATCHER_EVENT_IDENTITY_H_
#define MATCHER_EVENT_IDENTITY_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace cievents::matcher {

// A UUID. Ordered by value, which for uids that MakeEventUid made means by time.
struct EventUid {
  uint64_t high = 0;  // the first 8 bytes, big-endian
  uint64_t low = 0;

  // 36 characters, 8-4-4-4-12 lower-case hexadecimal digits.
  std::string ToString() const;
  // Reads exactly that form, upper-case digits too. Any version of UUID is taken.
  static std::optional<EventUid> Parse(std::string_view text);

  // Unix time. REQUIRES: version 7, as all uids that MakeEventUid made.
  int64_t time_ms() const { return static_cast<int64_t>(high >> 16); }

  friend auto operator<=>(const EventUid&, const EventUid&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const EventUid& uid) {
    return H::combine(std::move(state), uid.high, uid.low);
  }
};

// Where an event happened, and what its producer calls it. The views must outlive the call only.
struct EventIdentity {
  // The values are hashed: they never change.
  enum class Kind : uint8_t { kInstance = 0, kGroup = 1, kProject = 2 };

  Kind kind = Kind::kInstance;
  int64_t id = 0;  // of the group or project; 0 for the instance
  std::string_view source;
  std::string_view event_id;
};

using Digest = std::array<uint8_t, 32>;

// The last time that the 48 bits of a UUIDv7 hold, in the year 10889.
inline constexpr int64_t kUidTimeMsMax = (int64_t{1} << 48) - 1;

// Returns the UUIDv7 (RFC 9562) of `time_ms` whose other 74 bits are cut from the SHA-256 of the
// identity. `time_ms` is clamped to 0 .. kUidTimeMsMax. `sha256` is a parameter because this
// library links no cryptography.
//
// A collision would merge two events. To hit a given event a hostile producer needs about 2^74
// digests, and needs them under its own project or group, which is hashed too; two colliding ids of
// its own (2^37) only merge its own events.
EventUid MakeEventUid(int64_t time_ms, const EventIdentity& identity,
                      Digest (*sha256)(std::string_view));

// The uid that a delivery received at `received_time_ms` proposes for an event whose retries do not
// repeat its time: two deliveries propose two uids, which differ in their time alone. Never one
// that MakeEventUid gives to the same identity: the two hash it with different tags.
EventUid MakeKeyedEventUid(int64_t received_time_ms, const EventIdentity& identity,
                           Digest (*sha256)(std::string_view));

// `uid` with the time 0: the same for all uids that MakeKeyedEventUid proposes for one identity.
EventUid WithoutTime(const EventUid& uid);

}  // namespace cievents::matcher

#endif  // MATCHER_EVENT_IDENTITY_H_
