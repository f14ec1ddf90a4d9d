#include "services/lib/store/connection_string.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/lib/store/sql_errors.h"

namespace cievents::store {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ConnectionStringTest, AddsTimeoutsWhereThereAreNone) {
  const auto result = WithConnectionDefaults("postgresql://me@db.example/ci", "test");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(*result, HasSubstr("host='db.example'"));
  EXPECT_THAT(*result, HasSubstr("connect_timeout='5'"));
  EXPECT_THAT(*result, HasSubstr("tcp_user_timeout='8000'"));
  EXPECT_THAT(*result, HasSubstr("application_name='test'"));
}

TEST(ConnectionStringTest, KeepsWhatTheStringSays) {
  const auto result = WithConnectionDefaults(
      "host=a connect_timeout=77 application_name='it''s' password='a\\'b\\\\c'", "test");
  ASSERT_FALSE(result.ok());  // '' is not how libpq quotes
  const auto quoted =
      WithConnectionDefaults("host=a connect_timeout=77 password='a\\'b\\\\c'", "test");
  ASSERT_TRUE(quoted.ok()) << quoted.status();
  EXPECT_THAT(*quoted, HasSubstr("connect_timeout='77'"));
  EXPECT_THAT(*quoted, HasSubstr("password='a\\'b\\\\c'"));
}

TEST(ConnectionStringTest, AMessageNeverHoldsThePassword) {
  const auto result = WithConnectionDefaults("postgresql://me:sesame@host:port:port/x?y", "test");
  ASSERT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()), Not(HasSubstr("sesame")));
}

TEST(SqlErrorsTest, EveryKindHasItsCode) {
  const struct {
    const char* sqlstate;
    ConstraintName constraint;
    absl::StatusCode code;
  } kCases[] = {
      {"08006", ConstraintName::kAbsent, absl::StatusCode::kUnavailable},  // connection failure
      {"25006", ConstraintName::kAbsent, absl::StatusCode::kUnavailable},  // read-only
      {"40001", ConstraintName::kAbsent, absl::StatusCode::kUnavailable},  // serialization
      {"40P01", ConstraintName::kAbsent, absl::StatusCode::kUnavailable},  // deadlock
      {"53100", ConstraintName::kAbsent, absl::StatusCode::kUnavailable},  // disk full
      {"55P03", ConstraintName::kAbsent, absl::StatusCode::kUnavailable},  // lock time-out
      {"57014", ConstraintName::kAbsent, absl::StatusCode::kUnavailable},  // statement time-out
      {"57P01", ConstraintName::kAbsent, absl::StatusCode::kUnavailable},  // shutdown
      {"23514", ConstraintName::kAbsent, absl::StatusCode::kFailedPrecondition},
      {"23514", ConstraintName::kNamed, absl::StatusCode::kInvalidArgument},
      {"22021", ConstraintName::kAbsent, absl::StatusCode::kInvalidArgument},  // U+0000
      {"23502", ConstraintName::kAbsent, absl::StatusCode::kInvalidArgument},  // null
      {"54000", ConstraintName::kAbsent, absl::StatusCode::kInvalidArgument},  // too large
      {"42P01", ConstraintName::kAbsent, absl::StatusCode::kInternal},         // no such table
      {"XX000", ConstraintName::kAbsent, absl::StatusCode::kInternal},
      {"", ConstraintName::kAbsent, absl::StatusCode::kInternal},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(CodeOfSqlState(test.sqlstate, test.constraint), test.code) << test.sqlstate;
  }
}

}  // namespace
}  // namespace cievents::store
