#include "loadtest/harness/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "matcher/base/status.h"

namespace cievents::loadtest {
namespace {

std::string JsonText(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string JsonNumber(std::optional<double> value) {
  return value && std::isfinite(*value) ? fmt::format("{:.6g}", *value) : "null";
}

std::string TargetText(const Row& row) {
  if (!row.target) return "-";
  return fmt::format("{} {}", row.goal == Goal::kAtLeast ? "at least" : "at most",
                     ShortNumber(*row.target));
}

std::string_view OkText(const Row& row) {
  const std::optional<bool> ok = row.Ok();
  if (!ok) return "-";
  return *ok ? "yes" : "**NO**";
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return Error(absl::StatusCode::kUnavailable, "cannot write {}", path);
  return absl::OkStatus();
}

}  // namespace

std::optional<double> Row::Ratio() const {
  if (!baseline || *baseline == 0) return std::nullopt;
  return value.median / *baseline;
}

std::optional<bool> Row::Ok() const {
  if (!target) return std::nullopt;
  return goal == Goal::kAtLeast ? value.median >= *target : value.median <= *target;
}

Report::Report(std::string part, Machine machine)
    : part_(std::move(part)), machine_(std::move(machine)) {}

std::string Report::Json() const {
  std::string json = "[";
  std::string_view separator = "\n";
  for (const Row& row : rows_) {
    const std::optional<bool> ok = row.Ok();
    json += fmt::format(
        "{}  {{\"id\": {}, \"value\": {}, \"unit\": {}, \"baseline\": {}, \"ratio\": {}, "
        "\"target\": {}, \"ok\": {}, \"runs\": {}, \"min\": {}, \"max\": {}}}",
        separator, JsonText(row.id), JsonNumber(row.value.median), JsonText(row.unit),
        JsonNumber(row.baseline), JsonNumber(row.Ratio()), JsonNumber(row.target),
        ok ? (*ok ? "true" : "false") : "null", row.value.runs, JsonNumber(row.value.min),
        JsonNumber(row.value.max));
    separator = ",\n";
  }
  return json + "\n]\n";
}

void Report::AddGrowth(Series series) {
  const std::vector<Bend> bends = FindBends(series);
  const double count = static_cast<double>(
      std::count_if(bends.begin(), bends.end(), [](const Bend& b) { return !b.is_machine; }));
  Row row;
  row.id = series.id + ".bends";
  row.value = {count, count, count, 1};
  row.unit = "stretches that rise faster than promised";
  row.target = 0;
  row.goal = Goal::kAtMost;
  Add(std::move(row));
  series_.push_back(std::move(series));
}

void Report::AppendMachine(std::string* markdown) const {
  const Machine& m = machine_;
  *markdown += fmt::format(
      "| machine | |\n| --- | --- |\n| CPU | {} |\n| cores, memory | {}, {} |\n"
      "| load average before the run | {} |\n| transparent huge pages | {} |\n| kernel | {} |\n"
      "| compiler | {} |\n| commit | {} |\n| date | {} |\n\n",
      m.cpu, m.cores, m.memory, m.load, m.huge_pages, m.kernel, m.compiler, m.commit, m.date);
}

void Report::AppendRows(std::string* markdown) const {
  *markdown +=
      "| id | value | unit | lowest to highest run | baseline of the same run | ratio | target | "
      "ok | others, measured elsewhere |\n"
      "| --- | ---: | --- | --- | --- | ---: | --- | --- | --- |\n";
  size_t targets = 0;
  std::string missed;
  for (const Row& row : rows_) {
    const std::string baseline =
        row.baseline ? fmt::format("{} ({})", ShortNumber(*row.baseline), row.baseline_name) : "-";
    const std::optional<double> ratio = row.Ratio();
    *markdown += fmt::format("| {} | {} | {} | {} to {} ({}) | {} | {} | {} | {} | {} |\n", row.id,
                             ShortNumber(row.value.median), row.unit, ShortNumber(row.value.min),
                             ShortNumber(row.value.max), row.value.runs, baseline,
                             ratio ? fmt::format("{:.2f}", *ratio) : "-", TargetText(row),
                             OkText(row), row.elsewhere.empty() ? "-" : row.elsewhere);
    if (!row.target) continue;
    ++targets;
    if (*row.Ok()) continue;
    missed += fmt::format("- `{}`: {} {}, target {}\n", row.id, ShortNumber(row.value.median),
                          row.unit, TargetText(row));
  }
  if (missed.empty()) {
    *markdown += fmt::format("\nAll {} targets are reached.\n\n", targets);
  } else {
    *markdown += fmt::format("\nNot reached, of {} targets:\n\n{}\n", targets, missed);
  }
}

void Report::AppendSeries(std::string* markdown) const {
  if (series_.empty()) return;
  *markdown +=
      "## Growth\n\nBoth axes are logarithmic: a cost that does not depend on the size is a flat "
      "line, a proportional one rises with slope 1. A stretch that rises faster than the design "
      "promises is called a bend, unless the baseline rises as fast there.\n\n";
  for (const Series& series : series_) {
    *markdown += fmt::format("### {}\n\n![{}]({}.svg)\n\nValues: [{}.csv]({}.csv)\n\n",
                             series.title, series.title, series.id, series.id, series.id);
    for (const std::string& note : series.notes) *markdown += fmt::format("- {}\n", note);
    const std::vector<Bend> bends = FindBends(series);
    if (bends.empty()) *markdown += "- No bend.\n";
    for (const Bend& bend : bends) *markdown += fmt::format("- {}\n", DescribeBend(bend));
    *markdown += "\n";
  }
}

std::string Report::Markdown() const {
  std::string markdown = fmt::format("# Load test: {}\n\n", part_);
  AppendMachine(&markdown);
  if (machine_.IsBusy()) {
    markdown +=
        "**The machine was busy with other work.** CPU time does not count the waiting, but it "
        "does "
        "count what others do to the caches: the figures are lower than on a machine of one's own, "
        "by half and more. Only ratios to the baselines say something.\n\n";
  }
  for (const std::string& note : notes_) markdown += fmt::format("{}\n\n", note);
  AppendRows(&markdown);
  AppendSeries(&markdown);
  return markdown;
}

absl::Status Report::Write(const std::string& folder) const {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return Error(absl::StatusCode::kUnavailable, "cannot make the folder {}: {}", folder,
                 error.message());
  }
  const std::string prefix = folder + "/";
  CIEVENTS_RETURN_IF_ERROR(WriteFile(prefix + part_ + ".report.json", Json()));
  CIEVENTS_RETURN_IF_ERROR(WriteFile(prefix + part_ + ".report.md", Markdown()));
  for (const Series& series : series_) {
    CIEVENTS_RETURN_IF_ERROR(WriteFile(prefix + series.id + ".csv", WriteCsv(series)));
    CIEVENTS_RETURN_IF_ERROR(WriteFile(prefix + series.id + ".svg", WriteSvg(series)));
  }
  return absl::OkStatus();
}

}  // namespace cievents::loadtest
