// Runs a fuzz harness once over every file of the folders it is given, without libFuzzer: what was
// found once stays a test. Usage: replay FOLDER...
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

// False if the file cannot be read.
bool Replay(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream) return false;
  // Said before, because a harness that finds something ends the process.
  std::printf("%s\n", file.c_str());
  std::fflush(stdout);
  // A copy of exact size, so that AddressSanitizer sees a read behind the end.
  const std::vector<uint8_t> input(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(input.data(), input.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  size_t replayed = 0;
  for (int i = 1; i < argc; ++i) {
    std::error_code error;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i], error)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
      if (!Replay(file)) {
        std::fprintf(stderr, "cannot read %s\n", file.c_str());
        return 2;
      }
      ++replayed;
    }
  }
  std::printf("%zu inputs\n", replayed);
  if (replayed == 0) {
    std::fprintf(stderr, "no input in any of the folders given: there is nothing to test\n");
    return 2;
  }
  return 0;
}
