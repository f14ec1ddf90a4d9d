// What a run leaves: rows (report.json, and tables in report.md) and growth series (CSV and SVG).
#ifndef LOADTEST_HARNESS_REPORT_H_
#define LOADTEST_HARNESS_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "loadtest/harness/machine.h"
#include "loadtest/harness/sampling.h"
#include "loadtest/harness/series.h"

namespace cievents::loadtest {

enum class Goal { kAtLeast, kAtMost };

// One figure. What is absent is null in JSON and a dash in the table.
struct Row {
  std::string id;  // `engine.S1-1M.native`
  Figure value;
  std::string unit;
  std::optional<double> baseline;  // in the same unit, of the same run
  std::string baseline_name;
  std::optional<double> target;
  Goal goal = Goal::kAtLeast;
  std::string elsewhere;  // what others do, measured elsewhere; for the table only

  std::optional<double> Ratio() const;
  std::optional<bool> Ok() const;  // nullopt without a target
};

class Report {
 public:
  // `part` is the first word of all ids and of the names of the files: `engine`.
  Report(std::string part, Machine machine);

  void Add(Row row) { rows_.push_back(std::move(row)); }
  // A series, and a row that counts its bends (none is the target).
  void AddGrowth(Series series);
  void AddNote(std::string note) { notes_.push_back(std::move(note)); }

  std::string Json() const;  // a list of the rows
  std::string Markdown() const;

  // Writes PART.report.json, PART.report.md and the series' files into `folder`, which is made if
  // it is not there.
  absl::Status Write(const std::string& folder) const;

  const std::vector<Row>& rows() const { return rows_; }

 private:
  void AppendMachine(std::string* markdown) const;
  void AppendRows(std::string* markdown) const;
  void AppendSeries(std::string* markdown) const;

  std::string part_;
  Machine machine_;
  std::vector<Row> rows_;
  std::vector<Series> series_;
  std::vector<std::string> notes_;
};

}  // namespace cievents::loadtest

#endif  // LOADTEST_HARNESS_REPORT_H_
