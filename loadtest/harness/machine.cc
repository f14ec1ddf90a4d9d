#include "loadtest/harness/machine.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <time.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>

namespace cievents::loadtest {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string Now() {
  const time_t now = time(nullptr);
  tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  const size_t length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return std::string(text, length);
}

}  // namespace

bool Machine::IsBusy() const { return std::strtod(load.c_str(), nullptr) > 0.5; }

std::string FindProcValue(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string_view name = std::string_view(line).substr(0, colon);
    if (name.substr(0, name.find_last_not_of(" \t") + 1) != key) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

Machine DescribeMachine(std::string commit) {
  Machine machine;
  machine.cpu = FindProcValue(ReadFile("/proc/cpuinfo"), "model name");
  machine.cores = static_cast<int>(std::thread::hardware_concurrency());
  const std::string total = FindProcValue(ReadFile("/proc/meminfo"), "MemTotal");
  machine.memory =
      fmt::format("{:.1f} GiB", std::strtod(total.c_str(), nullptr) / (1024.0 * 1024.0));
  machine.load = FirstLine(ReadFile("/proc/loadavg"));
  machine.huge_pages = FirstLine(ReadFile("/sys/kernel/mm/transparent_hugepage/enabled"));
  utsname system{};
  if (uname(&system) == 0) machine.kernel = fmt::format("{} {}", system.sysname, system.release);
  machine.compiler = fmt::format("GCC-compatible {}", __VERSION__);
  machine.commit = std::move(commit);
  machine.date = Now();
  return machine;
}

}  // namespace cievents::loadtest
