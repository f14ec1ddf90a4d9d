#include "services/lib/event_formats/rfc3339.h"

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "matcher/base/status.h"
#include "services/lib/event_formats/json_error.h"

namespace cievents {
namespace {

constexpr size_t kTextBytesMax = 64;  // far beyond any fraction that clocks give

// YYYY-MM-DDThh:mm: Abseil also takes signs, spaces, "infinite-future" and one-digit months.
bool HasRfc3339Shape(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= kShape.size() || text.size() > kTextBytesMax) return false;
  for (size_t i = 0; i < kShape.size(); ++i) {
    const char c = text[i];
    const bool fits = kShape[i] == 'd'   ? c >= '0' && c <= '9'
                      : kShape[i] == 'T' ? c == 'T' || c == 't'
                                         : c == kShape[i];
    if (!fits) return false;
  }
  return text.find_first_of(" \t\n") == std::string_view::npos;
}

}  // namespace

absl::StatusOr<int64_t> ParseRfc3339(std::string_view text) {
  absl::Time time;
  std::string error;
  if (HasRfc3339Shape(text)) {
    std::string upper(text);
    upper[10] = 'T';
    if (upper.back() == 'z') upper.back() = 'Z';
    if (absl::ParseTime(absl::RFC3339_full, absl::string_view(upper.data(), upper.size()), &time,
                        &error)) {
      return absl::ToUnixMillis(time);
    }
  }
  return Error(absl::StatusCode::kInvalidArgument,
               "\"{}\" is not an RFC 3339 time; write it like 2026-06-01T10:00:00Z",
               ShownText(text));
}

std::string FormatRfc3339(int64_t time_ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(time_ms),
                          absl::UTCTimeZone());
}

}  // namespace cievents
