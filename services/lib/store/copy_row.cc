#include "services/lib/store/copy_row.h"

#include <type_traits>

namespace cievents::store {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kSignature = "PGCOPY\n\377\r\n\0"sv;
constexpr int64_t kTrailer = -1;  // in place of the number of columns
constexpr int64_t kNull = -1;     // in place of a length

absl::Status Broken() { return absl::DataLossError("a COPY from Postgres is not in its format"); }

// As many bytes as T has; of a known number compilers make one load.
template <typename T>
int64_t Load(const char* at) {
  std::make_unsigned_t<T> value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<decltype(value)>(uint64_t{value} << 8 | static_cast<unsigned char>(at[i]));
  }
  return static_cast<T>(value);
}

// Signed, of 1, 2, 4 or 8 bytes; 0 of other sizes.
int64_t BigEndian(std::string_view bytes) {
  switch (bytes.size()) {
    case 1:
      return Load<int8_t>(bytes.data());
    case 2:
      return Load<int16_t>(bytes.data());
    case 4:
      return Load<int32_t>(bytes.data());
    case 8:
      return Load<int64_t>(bytes.data());
    default:
      return 0;
  }
}

// A number of so many bytes, taken off the front. False: there are fewer.
bool Take(size_t bytes, std::string_view* message, int64_t* value) {
  if (message->size() < bytes) return false;
  *value = BigEndian(message->substr(0, bytes));
  message->remove_prefix(bytes);
  return true;
}

}  // namespace

absl::Status TakeCopyHeader(std::string_view* message) {
  if (message->substr(0, kSignature.size()) != kSignature) return Broken();
  message->remove_prefix(kSignature.size());
  int64_t flags = 0;
  int64_t extension = 0;
  if (!Take(4, message, &flags) || flags != 0 || !Take(4, message, &extension) || extension < 0 ||
      static_cast<size_t>(extension) > message->size()) {
    return Broken();
  }
  message->remove_prefix(static_cast<size_t>(extension));
  return absl::OkStatus();
}

absl::StatusOr<bool> CopyRow::Read(std::string_view message) {
  fields_.clear();
  int64_t columns = 0;
  if (!Take(2, &message, &columns) || columns < kTrailer) return Broken();
  for (int64_t i = 0; i < columns; ++i) {
    int64_t length = 0;
    if (!Take(4, &message, &length) || length < kNull) return Broken();
    if (length == kNull) {
      fields_.emplace_back();
      continue;
    }
    if (static_cast<size_t>(length) > message.size()) return Broken();
    fields_.push_back(message.substr(0, static_cast<size_t>(length)));
    message.remove_prefix(static_cast<size_t>(length));
  }
  if (!message.empty()) return Broken();
  return columns != kTrailer;
}

int64_t CopyRow::Int(size_t column) const { return BigEndian(Text(column)); }

bool CopyRow::Bool(size_t column) const { return Int(column) != 0; }

}  // namespace cievents::store
