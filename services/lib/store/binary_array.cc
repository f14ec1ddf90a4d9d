#include "services/lib/store/binary_array.h"

#include <algorithm>
#include <type_traits>

namespace cievents::store {
namespace {

// Postgres counts microseconds from 2000-01-01.
constexpr int64_t kPostgresEpochUnixMs = 946'684'800'000;
// 4713 BC to 294276 AD is what a timestamptz holds; these lie a little inside.
constexpr int64_t kTimeMsMin = -210'000'000'000'000;
constexpr int64_t kTimeMsMax = 9'200'000'000'000'000;
constexpr size_t kNullFlagOffset = 4;  // after the number of dimensions

}  // namespace

template <typename T>
void BinaryArray::AppendBigEndian(T value) {
  const auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (int shift = (sizeof(T) - 1) * 8; shift >= 0; shift -= 8) {
    bytes_ += static_cast<char>((bits >> shift) & 0xff);
  }
}

BinaryArray::BinaryArray(ArrayType type, size_t size) : type_(type) {
  AppendBigEndian<int32_t>(size == 0 ? 0 : 1);  // dimensions
  AppendBigEndian<int32_t>(0);                  // 1 = there are nulls; set by AppendNull
  AppendBigEndian<uint32_t>(type.element);
  if (size == 0) return;
  AppendBigEndian<int32_t>(static_cast<int32_t>(size));
  AppendBigEndian<int32_t>(1);  // lower bound
}

void BinaryArray::AppendBool(bool value) {
  AppendBigEndian<int32_t>(1);
  bytes_ += value ? '\1' : '\0';
}

void BinaryArray::AppendInt2(int16_t value) {
  AppendBigEndian<int32_t>(sizeof(value));
  AppendBigEndian(value);
}

void BinaryArray::AppendInt4(int32_t value) {
  AppendBigEndian<int32_t>(sizeof(value));
  AppendBigEndian(value);
}

void BinaryArray::AppendInt8(int64_t value) {
  AppendBigEndian<int32_t>(sizeof(value));
  AppendBigEndian(value);
}

void BinaryArray::AppendBytes(std::string_view value) {
  AppendBigEndian<int32_t>(static_cast<int32_t>(value.size()));
  bytes_ += value;
}

void BinaryArray::AppendUuid(const matcher::EventUid& value) {
  AppendBigEndian<int32_t>(16);
  AppendBigEndian(value.high);
  AppendBigEndian(value.low);
}

void BinaryArray::AppendTimeMs(int64_t unix_ms) {
  AppendInt8((std::clamp(unix_ms, kTimeMsMin, kTimeMsMax) - kPostgresEpochUnixMs) * 1000);
}

void BinaryArray::AppendNull() {
  bytes_[kNullFlagOffset + 3] = '\1';
  AppendBigEndian<int32_t>(-1);
}

}  // namespace cievents::store
