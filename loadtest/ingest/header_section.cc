// The header of a CI file against bare yaml-cpp on the header's text, and against the body's size.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <string>

#include "loadtest/harness/clocks.h"
#include "loadtest/ingest/sections.h"
#include "matcher/base/check.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::loadtest {
namespace {

constexpr int kRounds = 5;
constexpr double kWindowSeconds = 0.2;
constexpr size_t kFileBytes = 10 * 1024;

std::string MakeHeader() {
  std::string header = "spec:\n  events:\n";
  for (int i = 0; i < 5; ++i) {
    header += fmt::format(
        "    - name: [merge_request/merged, pipeline/succeeded]\n      rules:\n"
        "        - if: $[[ event.payload.object_attributes.target_branch ]] == \"main{}\"\n"
        "      inputs:\n        iid: $[[ event.payload.object_attributes.iid ]]\n",
        i);
  }
  return header + "  inputs:\n    iid: {type: number, default: 0}\n";
}

std::string MakeFile(const std::string& header, size_t bytes) {
  std::string file = header + "---\n";
  for (int i = 0; file.size() < bytes; ++i) {
    file += fmt::format("job{}:\n  stage: test\n  script:\n    - make target-{}\n", i, i);
  }
  return file;
}

// Parses a header 20 times a pass.
Contestant Parse(const std::string& name, const std::string& file, const Catalogue& catalogue) {
  constexpr int kTimes = 20;
  return {name, kTimes, [&file, &catalogue] {
            for (int i = 0; i < kTimes; ++i) {
              const ci_yaml::ParsedFile parsed =
                  ci_yaml::ParseFile(ci_yaml::FileRole::kHeaderOnly, "a.yml", file, catalogue);
              CIEVENTS_CHECK(parsed.entries.size() == 5 && parsed.issues.empty());
            }
          }};
}

Contestant Bare(const std::string& header) {
  constexpr int kTimes = 20;
  return {"yaml-cpp", kTimes, [&header] {
            for (int i = 0; i < kTimes; ++i) {
              const YAML::Node node = YAML::Load(header);
              CIEVENTS_CHECK(node["spec"]["events"].size() == 5);
            }
          }};
}

}  // namespace

void MeasureHeader(const Options& options, Report* report) {
  const std::shared_ptr<const Catalogue> catalogue = Catalogue::BuiltIn();
  const std::string header = MakeHeader();
  const std::string file = MakeFile(header, kFileBytes);
  const auto figures = MeasureInterleaved({Parse("header", file, *catalogue), Bare(header)},
                                          options.MakeSchedule(kRounds, kWindowSeconds));
  const auto microseconds = [](const Figure& rate) {
    return Figure{1e6 / rate.median, 1e6 / rate.max, 1e6 / rate.min, rate.runs};
  };
  Row row;
  row.id = "ingest.header.10kB";
  row.value = microseconds(figures[0]);
  row.unit = "us of CPU";
  row.baseline = 1e6 / figures[1].median;
  row.baseline_name = fmt::format("yaml-cpp on the header ({} B)", header.size());
  row.target = 3e6 / figures[1].median;
  row.goal = Goal::kAtMost;
  report->Add(row);

  Series series;
  series.id = "ingest.growth.body";
  series.title = "Reading a header while the body grows";
  series.x_label = "bytes of the file";
  series.y_label = "ns";
  series.lines.push_back({"header", 0, false, true, {}});
  for (const size_t bytes : {size_t{2'000}, size_t{10'000}, size_t{100'000}, size_t{1'000'000}}) {
    const std::string grown = MakeFile(header, bytes);
    const Figure rate = MeasureInterleaved({Parse("header", grown, *catalogue)},
                                           options.MakeSchedule(kRounds, kWindowSeconds / 4))[0];
    series.lines[0].points.push_back({static_cast<double>(bytes), 1e9 / rate.median});
  }
  report->AddGrowth(std::move(series));
}

}  // namespace cievents::loadtest
