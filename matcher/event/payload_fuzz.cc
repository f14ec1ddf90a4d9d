// libFuzzer: any bytes as a payload. Whatever they are, a path's value must not depend on the order
// in which paths are asked for, all ways of skipping a container must agree, and where simdjson's
// DOM accepts the text its values must be ours. Seeds: tests/fuzz/payload/.
// event_fields_property_test.cc runs the seeds and random texts through it in every build.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/event/event_fields.h"
#include "matcher/event/event_path.h"
#include "matcher/event/json_scanner.h"
#include "matcher/event/payload_judge.h"

namespace cievents::matcher {
namespace {

constexpr std::array<const char*, 20> kPaths = {
    "event.payload",       "event.payload.a",       "event.payload.b",     "event.payload.c",
    "event.payload.a.b",   "event.payload.a.b.c",   "event.payload.a.a.a", "event.payload.b.a",
    "event.payload.0",     "event.payload.1.a",     "event.payload.a.0",   "event.payload.a.1.b",
    "event.payload.a.0.0", "event.payload.b.c.0.a", "event.payload.ab",    "event.payload.c.00",
    "event.payload.b.12",  "event.issue.a",         "event.issue",         "event.payload.issue.a"};

[[noreturn]] void Violation(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

// What lives as long as the process: one thread's objects, used for many events.
struct Bench {
  EventPathTable table;
  std::vector<std::shared_ptr<const EventPath>> paths;
  std::vector<std::string> names = {"issue/created"};
  EventFields fields;
  EventFields fresh;
  PayloadJudge judge;

  Bench() {
    for (const char* path : kPaths) paths.push_back(*table.Intern(path));
  }
};

void CheckOrder(Bench& bench, const EventView& event) {
  std::vector<std::string> alone;
  for (const auto& path : bench.paths) {
    bench.fresh.Reset(event);
    alone.push_back(Describe(bench.fresh.Get(*path)));
  }
  std::minstd_rand random(static_cast<unsigned>(event.payload.size() + 1));
  std::vector<size_t> order(bench.paths.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (int round = 0; round < 3; ++round) {
    bench.fields.Reset(event);
    for (size_t i : order) {
      const std::string value = Describe(bench.fields.Get(*bench.paths[i]));
      if (value != alone[i]) {
        Violation(fmt::format("{}: alone {}, after others {}", kPaths[i], alone[i], value));
      }
    }
    std::shuffle(order.begin(), order.end(), random);
  }
}

// Values end where they end: what follows changes nothing (a scalar needs the byte behind it).
void CheckPrefix(Bench& bench, EventView event) {
  for (size_t i = 0; i < bench.paths.size(); ++i) {
    bench.fresh.Reset(event);
    const std::string whole = Describe(bench.fresh.Get(*bench.paths[i]));
    if (whole.substr(0, 6) == "failed") continue;
    const size_t walked = bench.fresh.payload_bytes_walked();
    // Not std::string: its spare bytes would hide a read behind the end.
    const std::vector<char> prefix(
        event.payload.begin(),
        event.payload.begin() + static_cast<ptrdiff_t>(std::min(walked + 1, event.payload.size())));
    if (prefix.empty()) continue;
    EventView shorter = event;
    shorter.payload = {prefix.data(), prefix.size()};
    bench.fields.Reset(shorter);
    const std::string value = Describe(bench.fields.Get(*bench.paths[i]));
    if (value != whole) {
      Violation(fmt::format("{}: {}, but {} without what follows byte {}", kPaths[i], whole, value,
                            walked + 1));
    }
  }
}

void CheckSkip(std::string_view payload) {
#ifdef __SSE2__
  const size_t at = payload.find_first_of("{[");
  if (at == std::string_view::npos) return;
  const json::Step fast = json::SkipContainerSse2(payload, at, 0);
  const json::Step plain = json::SkipContainerBytewise(payload, at, 0);
  if (fast.at != plain.at || fast.error != plain.error) Violation("skipping differs");
  if (!json::HasSkipContainerAvx2()) return;
  const json::Step fastest = json::SkipContainerAvx2(payload, at, 0);
  if (fastest.at != plain.at || fastest.error != plain.error) Violation("skipping differs");
#endif
}

}  // namespace
}  // namespace cievents::matcher

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace matcher = cievents::matcher;
  static auto& bench = *new matcher::Bench;
  // A copy of exactly this size: a sanitizer sees every read behind it.
  const std::vector<char> bytes(data, data + size);
  matcher::EventView event;
  event.names = bench.names;
  event.payload = {bytes.data(), bytes.size()};
  matcher::CheckSkip(event.payload);
  matcher::CheckOrder(bench, event);
  matcher::CheckPrefix(bench, event);
  if (size == 0 || !bench.judge.Load(event.payload)) return 0;
  bench.fields.Reset(event);
  for (const auto& path : bench.paths) {
    if (path->may_be_subject) continue;
    const std::string wrong = bench.judge.Judge(*path, bench.fields.Get(*path));
    if (!wrong.empty()) matcher::Violation(wrong);
  }
  return 0;
}
