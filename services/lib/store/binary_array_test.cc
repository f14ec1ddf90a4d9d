#include "services/lib/store/binary_array.h"

#include <gtest/gtest.h>

#include <string>

namespace cievents::store {
namespace {

std::string Hex(const std::string& bytes) {
  std::string hex;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

TEST(BinaryArrayTest, AnEmptyArrayHasNoDimension) {
  EXPECT_EQ(Hex(BinaryArray(kInt8Array, 0).bytes()), "000000000000000000000014");
}

TEST(BinaryArrayTest, ElementsAreBigEndianWithTheirLength) {
  BinaryArray array(kInt4Array, 2);
  array.AppendInt4(1);
  array.AppendInt4(-2);
  EXPECT_EQ(Hex(array.bytes()),
            "00000001"
            "00000000"
            "00000017"
            "00000002"
            "00000001"
            "00000004"
            "00000001"
            "00000004"
            "fffffffe");
}

TEST(BinaryArrayTest, ANullSetsTheFlagAndHasNoBytes) {
  BinaryArray array(kInt2Array, 2);
  array.AppendNull();
  array.AppendInt2(3);
  EXPECT_EQ(Hex(array.bytes()),
            "00000001"
            "00000001"
            "00000015"
            "00000002"
            "00000001"
            "ffffffff"
            "00000002"
            "0003");
}

TEST(BinaryArrayTest, TextsKeepTheirNulBytes) {
  BinaryArray array(kByteaArray, 1);
  array.AppendBytes(std::string_view("a\0b", 3));
  EXPECT_EQ(Hex(array.bytes()).substr(40),
            "00000003"
            "610062");
}

TEST(BinaryArrayTest, UuidsAreSixteenBytesHighFirst) {
  BinaryArray array(kUuidArray, 1);
  array.AppendUuid({0x0123456789abcdef, 0xfedcba9876543210});
  EXPECT_EQ(Hex(array.bytes()).substr(40),
            "00000010"
            "0123456789abcdef"
            "fedcba9876543210");
}

TEST(BinaryArrayTest, TimesCountMicrosecondsFromTheYear2000) {
  BinaryArray array(kTimestamptzArray, 2);
  array.AppendTimeMs(946'684'800'001);
  array.AppendTimeMs(0);
  EXPECT_EQ(Hex(array.bytes()).substr(40),
            "00000008"
            "00000000000003e8"
            "00000008"
            "fffca2fec4c82000");
}

}  // namespace
}  // namespace cievents::store
