#include "tests/faults/usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace cievents::faults {

Usage UsageOf(pid_t pid) {
  Usage usage;
  if (pid <= 0) return usage;
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string key; status >> key;) {
    if (key == "VmRSS:") {
      status >> usage.resident_mb;
      usage.resident_mb /= 1024;
    } else if (key == "Threads:") {
      status >> usage.threads;
    }
    status.ignore(4096, '\n');
  }
  std::error_code error;
  for (std::filesystem::directory_iterator file(fmt::format("/proc/{}/fd", pid), error), end;
       !error && file != end; file.increment(error)) {
    ++usage.descriptors;
  }
  return usage;
}

UsageWatch::UsageWatch(std::function<pid_t()> pid)
    : pid_(std::move(pid)), thread_([this] {
        while (!stopping_) {
          resident_mb_max_ = std::max(resident_mb_max_.load(), UsageOf(pid_()).resident_mb);
          std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
      }) {}

UsageWatch::~UsageWatch() {
  stopping_ = true;
  thread_.join();
}

}  // namespace cievents::faults
