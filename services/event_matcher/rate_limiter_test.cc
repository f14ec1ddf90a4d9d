#include "services/event_matcher/rate_limiter.h"

#include <gtest/gtest.h>

namespace cievents::event_matcher {
namespace {

const absl::Time kStart = absl::UnixEpoch() + absl::Hours(400'000);

// How many of `count` takes at once succeed.
int TakeMany(RateLimiter& limiter, int64_t tenant, int count, absl::Time now) {
  int taken = 0;
  for (int i = 0; i < count; ++i) {
    if (limiter.Take(tenant, now) == absl::ZeroDuration()) ++taken;
  }
  return taken;
}

TEST(RateLimiter, WithoutALimitNothingWaitsAndNothingIsKept) {
  RateLimiter limiter(0);
  EXPECT_EQ(TakeMany(limiter, 1, 10'000, kStart), 10'000);
  EXPECT_EQ(limiter.buckets(), 0u);
}

TEST(RateLimiter, TwoSecondsWorthAtOnceThenTheRate) {
  RateLimiter limiter(10);
  EXPECT_EQ(TakeMany(limiter, 1, 100, kStart), 20);
  EXPECT_EQ(TakeMany(limiter, 1, 100, kStart + absl::Milliseconds(500)), 5);
  EXPECT_EQ(TakeMany(limiter, 1, 100, kStart + absl::Hours(1)), 20);
}

TEST(RateLimiter, ItSaysHowLongToWait) {
  RateLimiter limiter(10);
  TakeMany(limiter, 1, 20, kStart);
  const absl::Duration wait = limiter.Take(1, kStart);
  EXPECT_NEAR(absl::ToDoubleSeconds(wait), 0.1, 1e-6);
  EXPECT_GT(limiter.Take(1, kStart + wait - absl::Milliseconds(1)), absl::ZeroDuration());
  EXPECT_EQ(limiter.Take(1, kStart + wait + absl::Nanoseconds(100)), absl::ZeroDuration());
}

TEST(RateLimiter, TenantsDoNotTakeFromEachOther) {
  RateLimiter limiter(1);
  EXPECT_EQ(TakeMany(limiter, 1, 100, kStart), 2);
  EXPECT_EQ(TakeMany(limiter, 2, 100, kStart), 2);
  EXPECT_EQ(TakeMany(limiter, 0, 100, kStart), 2) << "events of the instance are a tenant, too";
}

TEST(RateLimiter, AClockThatIsSetBackGivesNothingAndTakesNothing) {
  RateLimiter limiter(10);
  EXPECT_EQ(TakeMany(limiter, 1, 10, kStart), 10);
  EXPECT_EQ(TakeMany(limiter, 1, 100, kStart - absl::Hours(1)), 10);
  EXPECT_EQ(TakeMany(limiter, 1, 100, kStart - absl::Hours(1) + absl::Seconds(1)), 10);
}

TEST(RateLimiter, ClocksThatDifferALittleGiveNothingTwice) {
  RateLimiter limiter(1000);
  int64_t taken = TakeMany(limiter, 1, 10'000, kStart);
  EXPECT_EQ(taken, 2000);
  // Two batches take turns, two milliseconds apart.
  for (int turn = 0; turn < 1000; ++turn) {
    taken = TakeMany(limiter, 1, 10, kStart + absl::Milliseconds(turn % 2 == 0 ? 2 : 0));
    EXPECT_EQ(taken, turn == 0 ? 2 : 0) << turn;
  }
}

TEST(RateLimiter, TenantsThatAreSilentAreForgotten) {
  RateLimiter limiter(10);
  for (int64_t tenant = 1; tenant <= 100'000; ++tenant) {
    // A tenant a millisecond: within two seconds 2,000 of them.
    limiter.Take(tenant, kStart + tenant * absl::Milliseconds(1));
  }
  EXPECT_LE(limiter.buckets(), 16u * 1024 * 2);
}

}  // namespace
}  // namespace cievents::event_matcher
