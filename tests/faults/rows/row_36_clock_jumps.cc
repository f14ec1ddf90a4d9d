// Row 36: the matcher's clock jumps by 4 minutes and by a year, both ways (libfaketime).
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

std::string FindLibrary(const std::string& name) {
  for (const char* folder :
       {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
        "/usr/lib/gcc/x86_64-linux-gnu/12", "/usr/lib/gcc/aarch64-linux-gnu/12"}) {
    for (const char* below : {"/", "/faketime/"}) {
      const std::string path = std::string(folder) + below + name;
      if (std::filesystem::exists(path)) return path;
    }
  }
  return "";
}

// Of the program under test.
bool HasSanitizer() {
  const char* const given = std::getenv("CIEVENTS_BINARY");
  std::ifstream file(given != nullptr ? given : CIEVENTS_BINARY, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return bytes.find("__asan_init") != std::string::npos;
}

void SetOffset(const std::string& folder, const std::string& offset) {
  const std::string path = folder + "/clock";
  std::ofstream(path + ".new") << offset << "\n";
  std::filesystem::rename(path + ".new", path);
}

TEST(Row36, AClockThatJumpsIsNamedAndLosesNothing) {
  const std::string library = FindLibrary("libfaketimeMT.so.1");
  if (library.empty()) GTEST_SKIP() << "needs libfaketime (Debian: faketime)";
  std::string folder;
  Row row;
  row.number = 36;
  row.name = "matcher's clock jumps";
  row.matcher_prefix = [&](const std::string& run_folder) -> std::vector<std::string> {
    folder = run_folder;
    SetOffset(folder, "+0s");
    std::string preload = library;
    // The sanitizer must come first where the program has one, and nowhere else: it hangs there.
    const std::string asan = FindLibrary("libasan.so");
    if (HasSanitizer() && !asan.empty()) {
      preload = std::filesystem::canonical(asan).string() + ":" + preload;
    }
    return {"/usr/bin/env", "LD_PRELOAD=" + preload, "FAKETIME_TIMESTAMP_FILE=" + folder + "/clock",
            "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"};
  };
  row.inject = [&](Scene& scene) {
    for (const char* offset : {"+4m", "-4m", "+365d", "-365d"}) {
      scene.BeginFault();
      scene.control().clock_is_wrong = true;
      SetOffset(folder, offset);
      scene.Let(scene.By(std::chrono::milliseconds(1'000), std::chrono::milliseconds(10'000)));
      SetOffset(folder, "+0s");
      scene.EndFault();
      scene.control().clock_is_wrong = false;
    }
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
