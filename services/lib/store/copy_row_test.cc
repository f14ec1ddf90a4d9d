#include "services/lib/store/copy_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace cievents::store {
namespace {

using std::string_literals::operator""s;

// int8 -2, null, text "ab", bool true.
const std::string kRow = "\0\4"s + "\0\0\0\10\377\377\377\377\377\377\377\376"s +
                         "\377\377\377\377"s + "\0\0\0\2ab"s + "\0\0\0\1\1"s;

TEST(CopyRowTest, ReadsNumbersTextsAndNulls) {
  CopyRow row;
  for (int round = 0; round < 2; ++round) {
    const auto is_row = row.Read(kRow);
    ASSERT_TRUE(is_row.ok()) << is_row.status();
    EXPECT_TRUE(*is_row);
    ASSERT_EQ(row.columns(), 4u);
    EXPECT_EQ(row.Int(0), -2);
    EXPECT_TRUE(row.IsNull(1));
    EXPECT_EQ(row.Text(1), "");
    EXPECT_EQ(row.Int(1), 0);
    EXPECT_FALSE(row.IsNull(2));
    EXPECT_EQ(row.Text(2), "ab");
    EXPECT_TRUE(row.Bool(3));
  }
}

TEST(CopyRowTest, KnowsTheTrailer) {
  CopyRow row;
  const auto is_row = row.Read("\377\377"s);
  ASSERT_TRUE(is_row.ok()) << is_row.status();
  EXPECT_FALSE(*is_row);
}

TEST(CopyRowTest, ARowThatIsCutOrTooLongIsAnError) {
  CopyRow row;
  for (size_t size = 0; size < kRow.size(); ++size) {
    EXPECT_EQ(row.Read(kRow.substr(0, size)).status().code(), absl::StatusCode::kDataLoss) << size;
  }
  EXPECT_FALSE(row.Read(kRow + "x").ok());
  EXPECT_FALSE(row.Read("\377\376"s).ok());              // -2 columns
  EXPECT_FALSE(row.Read("\0\1\377\377\377\376"s).ok());  // -2 bytes
  EXPECT_FALSE(row.Read("\377\377x"s).ok());             // behind the trailer
}

TEST(CopyRowTest, TakesTheHeaderOffTheFirstMessage) {
  const std::string header = "PGCOPY\n\377\r\n\0"s + "\0\0\0\0"s + "\0\0\0\1e"s;
  const std::string whole = header + kRow;
  std::string_view message = whole;
  ASSERT_TRUE(TakeCopyHeader(&message).ok());
  EXPECT_EQ(message, kRow);
  for (size_t size = 0; size < header.size(); ++size) {
    message = std::string_view(whole).substr(0, size);
    EXPECT_EQ(TakeCopyHeader(&message).code(), absl::StatusCode::kDataLoss) << size;
  }
  const std::string other_flags = "PGCOPY\n\377\r\n\0"s + "\0\1\0\0"s + "\0\0\0\0"s;
  message = other_flags;
  EXPECT_FALSE(TakeCopyHeader(&message).ok());
}

}  // namespace
}  // namespace cievents::store
