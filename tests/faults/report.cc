#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "tests/faults/row.h"

namespace cievents::faults {
namespace {

using Kind = Violation::Kind;

std::string NameOf(Kind kind) {
  switch (kind) {
    case Kind::kLost:
      return "lost";
    case Kind::kExtra:
      return "extra";
    case Kind::kDoubled:
      return "doubled";
    case Kind::kLate:
      return "late";
    case Kind::kWrong:
      break;
  }
  return "wrong";
}

constexpr std::string_view kLine =
    "{:>3}  {:<28} {:>11} {:>9} {:>9} {:>8} {:>5} {:>8} {:>6} {:>10} {:>9} {:>5} {:>6}\n";

}  // namespace

std::string TableHeading() {
  return fmt::format(fmt::runtime(kLine), "row", "fault", "seed", "offered/s", "acked", "requests",
                     "lost", "doubled", "other", "recover ms", "answer ms", "MB", "s");
}

int64_t Report::Others() const {
  return CountOf(Kind::kExtra) + CountOf(Kind::kLate) + CountOf(Kind::kWrong);
}

std::string Report::Line() const {
  return fmt::format(fmt::runtime(kLine), number, name, seed,
                     fmt::format("{:.0f}{}", offered_per_second,
                                 offered_per_second < kOfferedPerSecondMin ? "!" : ""),
                     counts.acknowledged, counts.must, CountOf(Kind::kLost),
                     CountOf(Kind::kDoubled), Others(), recovery.count(), slowest_answer.count(),
                     matcher_mb, fmt::format("{:.1f}", seconds)) +
         notes;
}

std::string Report::Fields() const {
  return fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{:.1f}\t{}\t{}\t{}\t{}\t{:.1f}\t{}\n", number, name,
                     counts.acknowledged, CountOf(Kind::kLost), CountOf(Kind::kDoubled), Others(),
                     offered_per_second, recovery.count(), slowest_answer.count(), put_off,
                     matcher_mb, seconds, folder);
}

int64_t Report::CountOf(Kind kind) const {
  return std::count_if(violations.begin(), violations.end(),
                       [kind](const Violation& violation) { return violation.kind == kind; });
}

std::string Report::ToString() const {
  constexpr int kShown = 10;
  std::string text = fmt::format(
      "{} events in {} deliveries: {} acknowledged, {} of them with requests that must be there, "
      "{} sent again after that, {} deliveries put off\n"
      "{} requests in Postgres, {} of them must be there; {} events compared exactly, {} of them "
      "with requests; {} pushes\n"
      "{}\n"
      "violations: {} lost, {} extra, {} doubled, {} late, {} wrong\n",
      counts.events, counts.deliveries, counts.acknowledged, counts.acknowledged_matched,
      counts.sent_again, put_off, counts.requests, counts.must, counts.exact, counts.exact_matched,
      counts.pushes, phases, CountOf(Kind::kLost), CountOf(Kind::kExtra), CountOf(Kind::kDoubled),
      CountOf(Kind::kLate), CountOf(Kind::kWrong));
  for (const Kind kind : {Kind::kLost, Kind::kExtra, Kind::kDoubled, Kind::kLate, Kind::kWrong}) {
    int shown = 0;
    for (const Violation& violation : violations) {
      if (violation.kind != kind || ++shown > kShown) continue;
      text += fmt::format("  {}: {}\n", NameOf(kind), violation.text);
    }
  }
  return text;
}

void Discard(const Report& report) {
  std::error_code ignored;
  std::filesystem::remove_all(report.folder, ignored);
}

}  // namespace cievents::faults
