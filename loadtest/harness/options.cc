#include "loadtest/harness/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "loadtest/harness/clocks.h"

namespace cievents::loadtest {

bool Options::Wants(std::string_view section) const {
  if (only.empty()) return true;
  return std::any_of(only.begin(), only.end(), [section](std::string_view part) {
    if (section.substr(0, part.size()) != part) return false;
    const std::string_view rest = section.substr(part.size());
    return rest.empty() || rest.front() == '.' || rest.front() == '-';
  });
}

Schedule Options::MakeSchedule(int rounds, double window_seconds) const {
  return {quick() ? std::min(rounds, 3) : rounds, quick() ? window_seconds / 10 : window_seconds,
          ThreadCpuSeconds};
}

bool ParseOptions(int argc, char** argv, Options* options, std::string* error) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--quick") {
      options->length = Options::Length::kQuick;
      continue;
    }
    const size_t equals = argument.find('=');
    const std::string_view flag = argument.substr(0, equals);
    std::string value;
    if (flag != "--only" && flag != "--folder" && flag != "--commit") {
      *error = fmt::format("there is no flag {}", argument);
      return false;
    }
    if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < argc) {
      value = argv[++i];
    }
    if (value.empty()) {
      *error = fmt::format("{} needs a value", flag);
      return false;
    }
    if (flag == "--only") options->only.push_back(value);
    if (flag == "--folder") options->folder = value;
    if (flag == "--commit") options->commit = value;
  }
  return true;
}

}  // namespace cievents::loadtest
