#include "tests/faults/row_test.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "gtest/gtest.h"
#include "tests/faults/cluster_copy.h"

namespace cievents::faults {
namespace {

using Kind = Violation::Kind;

int64_t Number(const char* variable, int64_t otherwise) {
  const char* given = std::getenv(variable);
  return given == nullptr || *given == '\0' ? otherwise : std::strtoll(given, nullptr, 10);
}

uint64_t FirstSeed() {
  static const auto seed =
      static_cast<uint64_t>(Number("CIEVENTS_TEST_SEED", std::random_device{}() % 1'000'000'000));
  return seed;
}

Form FormAsked() {
  const char* form = std::getenv("CIEVENTS_FAULT_FORM");
  return form != nullptr && std::string(form) == "long" ? Form::kLong : Form::kShort;
}

// The table of the whole process, printed at its end.
class Table : public ::testing::Environment {
 public:
  void Add(const std::string& line) { lines_ += line; }
  void TearDown() override {
    if (lines_.empty()) return;
    fmt::print("\n{}{}", TableHeading(), lines_);
    std::fflush(stdout);
  }

 private:
  std::string lines_;
};

Table* TheTable() {
  static auto* table =
      static_cast<Table*>(::testing::AddGlobalTestEnvironment(new Table));  // gtest owns it
  return table;
}
[[maybe_unused]] const Table* const made_before_main = TheTable();

// What the build says, or another one: that of the release build, for instance.
std::string Path(const char* variable, const char* built) {
  const char* given = std::getenv(variable);
  return given == nullptr || *given == '\0' ? built : given;
}
std::string Product() { return Path("CIEVENTS_BINARY", CIEVENTS_BINARY); }

Report RunAndEnter(const Row& row, const std::string& matcher, uint64_t seed) {
  RunOptions options{Product(), matcher, seed, FormAsked(), MakeFolder()};
  fmt::print("CIEVENTS_TEST_SEED={}, logs and data are in {}\n", seed, options.folder);
  std::fflush(stdout);
  Report report = Run(row, options);
  fmt::print("{}{}{}", report.ToString(), TableHeading(), report.Line());
  std::fflush(stdout);
  TheTable()->Add(report.Line());
  const std::string results = Path("CIEVENTS_FAULT_RESULT", "");
  if (!results.empty()) std::ofstream(results, std::ios::app) << report.Fields();
  return report;
}

bool Holds(const std::string& file, const std::string& text) {
  std::string bytes(std::filesystem::file_size(file), '\0');
  std::ifstream(file, std::ios::binary)
      .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes.find(text) != std::string::npos;
}

// The runner (run.sh) tells the two apart by it.
bool NamedAsControl() {
  const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  return name.rfind("Finds", 0) == 0;
}

struct PlantedProgram {
  std::string binary;
  std::string mark;  // stands in it, and not in the product
};

PlantedProgram ProgramOf(const std::string& bug) {
  const std::string binary =
      Path("CIEVENTS_PLANTED_FOLDER", PLANTED_FOLDER) + "/" + bug + "_matcher";
  if (bug == "early_ack") return {binary, "this enqueuer acknowledges before the commit"};
  return {binary, "planted bug: " + bug};
}

// Runs the row with seeds until there is a violation of `kind`.
void ExpectViolation(const Row& row, const std::string& what, const std::string& matcher,
                     Kind kind) {
  Row planted = row;
  planted.recover_max = std::chrono::seconds(5);  // what is lost stays lost
  planted.name = "planted: " + what;
  // A kill may come when nothing is on its way.
  constexpr uint64_t kSeedsMax = 6;
  for (uint64_t i = 0; i < kSeedsMax; ++i) {
    const Report report = RunAndEnter(planted, matcher, FirstSeed() + i);
    Discard(report);
    if (report.CountOf(kind) > 0) return;
  }
  ADD_FAILURE() << what << " is not found with " << kSeedsMax << " seeds from " << FirstSeed();
}

}  // namespace

bool ProductIsSanitized() { return Holds(Product(), "__ubsan_handle"); }

void RunRow(const Row& row) {
  ASSERT_FALSE(NamedAsControl()) << "a row's test is not called Finds..";
  const int64_t seeds = Number("CIEVENTS_FAULT_SEEDS", 1);
  for (int64_t i = 0; i < seeds; ++i) {
    const Report report = RunAndEnter(row, Product(), FirstSeed() + static_cast<uint64_t>(i));
    for (const Kind kind : {Kind::kLost, Kind::kExtra, Kind::kDoubled, Kind::kLate, Kind::kWrong}) {
      EXPECT_EQ(report.CountOf(kind), 0) << row.name << " with seed " << report.seed;
    }
    // None of this may hold for want of work.
    EXPECT_GE(report.counts.acknowledged_matched, 100);
    EXPECT_GE(report.counts.exact_matched, 50);
    EXPECT_GE(report.counts.sent_again, 10);
    EXPECT_GT(report.recovery.count(), 0) << "the row has no fault";
    if (::testing::Test::HasFailure()) return;  // logs and data are kept
    Discard(report);
  }
}

void ExpectFound(const Row& row, const std::string& bug, Kind kind) {
  ASSERT_TRUE(NamedAsControl()) << "the test of a planted bug is called Finds..";
  const PlantedProgram program = ProgramOf(bug);
  ASSERT_TRUE(std::filesystem::exists(program.binary))
      << program.binary << " is not built: cmake --build ... --target faults";
  ASSERT_TRUE(Holds(program.binary, program.mark))
      << program.binary << ": the bug is not in it any more; see tests/faults/planted/plant.sh";
  ASSERT_FALSE(Holds(Product(), program.mark)) << "the product holds a planted bug";
  ExpectViolation(row, bug, program.binary, kind);
}

void ExpectFoundInProduct(const Row& row, const std::string& control, Kind kind) {
  ExpectViolation(row, control, Product(), kind);
}

}  // namespace cievents::faults
