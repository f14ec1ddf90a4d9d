// Goal: bytes() tells the truth and Collect leaves the allocator alone. Method: this binary's own
// operator new counts what is asked for.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "matcher/access/access_index.h"
#include "matcher/access/testing/access_fixture.h"

namespace {

std::atomic<size_t> live_bytes{0};
std::atomic<size_t> allocations{0};

void* Allocate(size_t bytes) {
  void* memory = std::malloc(bytes);
  if (memory == nullptr) std::abort();
  live_bytes += malloc_usable_size(memory);
  ++allocations;
  return memory;
}
void Free(void* memory) {
  if (memory != nullptr) live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(size_t bytes) { return Allocate(bytes); }
void* operator new[](size_t bytes) { return Allocate(bytes); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, size_t) noexcept { Free(memory); }
void operator delete[](void* memory, size_t) noexcept { Free(memory); }

namespace cievents::matcher {
namespace {

class AccessMemoryTest : public ::testing::Test, public AccessFixture {
 protected:
  // bytes() of an index of `items`, in percent of what it allocated.
  double BytesPercent(const std::vector<AccessGroups>& items) {
    const auto warm_up = BuildIndex(items);  // what RE2 makes once a process
    const size_t before = live_bytes;
    const auto index = BuildIndex(items);
    const size_t held = live_bytes - before;
    RecordProperty("bytes_held", static_cast<int>(held));
    return 100.0 * static_cast<double>(index->bytes()) / static_cast<double>(held);
  }
  template <typename Make>
  std::vector<AccessGroups> MakeItems(int count, Make make) {
    std::vector<AccessGroups> items;
    for (int i = 0; i < count; ++i) items.push_back({{make(std::to_string(i))}});
    return items;
  }
};

TEST_F(AccessMemoryTest, BytesAreWithinAFifthOfTheAllocatorsFigure) {
  for (const int count : {1, 3, 8, 9, 100, 10'000}) {
    SCOPED_TRACE(count);
    const double equals = BytesPercent(
        MakeItems(count, [this](const auto& i) { return Equals("payload.id", "pkg-" + i); }));
    EXPECT_GT(equals, 80);
    EXPECT_LT(equals, 120);
    const double prefixes = BytesPercent(
        MakeItems(count, [this](const auto& i) { return Prefix("payload.ref", "team-" + i); }));
    EXPECT_GT(prefixes, 80);
    EXPECT_LT(prefixes, 120);
  }
}

// RE2 does not tell its memory; the estimate is for the texts that people write.
TEST_F(AccessMemoryTest, RegexesAreEstimatedWithinAFactorOfTwo) {
  const std::vector<std::pair<std::string, std::string>> shapes = {
      {"refs/tags/v", "\\.[0-9]+-rc[0-9]+"},
      {"^(?i)release-", "$"},
      {"-app", "-"},
      {"^[a-z]+/feature-", "/.*(docs|tests)$"}};
  for (const auto& [before, after] : shapes) {
    for (const int count : {5, 100, 2000}) {
      SCOPED_TRACE(before + std::to_string(count));
      const double percent =
          BytesPercent(MakeItems(count, [&, &head = before, &tail = after](const std::string& i) {
            return Regex("payload.ref", head + i + tail);
          }));
      EXPECT_GT(percent, 50);
      EXPECT_LT(percent, 200);
    }
  }
}

TEST_F(AccessMemoryTest, TenThousandEqualitiesTakeLessThanFortyBytesEach) {
  const auto index = BuildIndex(
      MakeItems(10'000, [this](const auto& i) { return Equals("payload.id", "pkg-" + i); }));
  EXPECT_LT(index->bytes(), 10'000u * 40);
}

TEST_F(AccessMemoryTest, CollectDoesNotAllocateOnceItsMemoryIsThere) {
  std::vector<AccessGroups> items;
  for (int i = 0; i < 1000; ++i) {
    items.push_back({{Equals("payload.id", std::to_string(i)),
                      Prefix("payload.ref", "team-" + std::to_string(i % 7))}});
  }
  const auto index = BuildIndex(items);
  SetPayload(R"({"id":["5","6"],"ref":"team-3/x"})");
  for (const AccessGroups& groups : items) {  // so that the values are there already
    for (const AccessTerm& term : groups[0]) event().Get(*term.path);
  }
  AccessScratch scratch;
  std::vector<uint32_t> candidates;
  index->Collect(event(), scratch, &candidates);
  const size_t expected = candidates.size();
  EXPECT_GT(expected, 100u);
  const size_t before = allocations;
  for (int round = 0; round < 100; ++round) {
    candidates.clear();
    index->Collect(event(), scratch, &candidates);
  }
  const size_t after = allocations;
  EXPECT_EQ(after, before);
  EXPECT_EQ(candidates.size(), expected);
}

}  // namespace
}  // namespace cievents::matcher
