// One-dimensional arrays in Postgres' binary format: what `unnest($1)` takes as a parameter.
#ifndef SERVICES_LIB_STORE_BINARY_ARRAY_H_
#define SERVICES_LIB_STORE_BINARY_ARRAY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "matcher/event_identity.h"

namespace cievents::store {

// The fixed type ids of Postgres' catalogue (pg_type.dat): of an element and of the array of it.
struct ArrayType {
  uint32_t element;
  uint32_t array;
};
inline constexpr ArrayType kBoolArray{16, 1000};
inline constexpr ArrayType kByteaArray{17, 1001};
inline constexpr ArrayType kInt8Array{20, 1016};
inline constexpr ArrayType kInt2Array{21, 1005};
inline constexpr ArrayType kInt4Array{23, 1007};
inline constexpr ArrayType kTextArray{25, 1009};
inline constexpr ArrayType kJsonArray{114, 199};
inline constexpr ArrayType kTimestamptzArray{1184, 1185};
inline constexpr ArrayType kUuidArray{2950, 2951};

// Appends elements; which Append fits a type is the caller's knowledge (a mismatch is refused by
// the server, never misread: it checks every element's length).
class BinaryArray {
 public:
  // REQUIRES: exactly `size` elements are appended before bytes() is read.
  BinaryArray(ArrayType type, size_t size);

  void AppendBool(bool value);
  void AppendInt2(int16_t value);
  void AppendInt4(int32_t value);
  void AppendInt8(int64_t value);
  void AppendBytes(std::string_view value);  // text, json, bytea
  void AppendUuid(const matcher::EventUid& value);
  void AppendTimeMs(int64_t unix_ms);  // timestamptz; clamped to the years that Postgres can hold
  void AppendNull();

  ArrayType type() const { return type_; }
  const std::string& bytes() const { return bytes_; }

 private:
  template <typename T>
  void AppendBigEndian(T value);

  ArrayType type_;
  std::string bytes_;
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_BINARY_ARRAY_H_
