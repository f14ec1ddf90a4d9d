// Compares the index with the naive matcher on as many random pairs of an event and a catalogue as
// are asked for:
//   oracle [--pairs=N] [--seed=N] [--seconds=N] [--world=N]
// Prints the seed, a line of progress now and then, and the first difference with all that it takes
// to repeat it; ends with 1 then.
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "tests/oracle/comparison.h"

namespace {

// Takes `--name=value` if `argument` is it.
bool TakeFlag(const std::string& argument, const std::string& name, int64_t* value) {
  const std::string prefix = "--" + name + "=";
  if (argument.rfind(prefix, 0) != 0) return false;
  char* end = nullptr;
  *value = std::strtoll(argument.c_str() + prefix.size(), &end, 10);
  return end != argument.c_str() + prefix.size() && *end == '\0' && *value >= 0;
}

}  // namespace

int main(int argc, char** argv) {
  cievents::oracle::OracleOptions options;
  options.prints_progress = true;
  options.pairs_max = 1'000'000;
  int64_t seed = std::random_device()() % 1'000'000'000;
  int64_t world = -1;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (TakeFlag(argument, "pairs", &options.pairs_max) || TakeFlag(argument, "seed", &seed) ||
        TakeFlag(argument, "seconds", &options.seconds_max) ||
        TakeFlag(argument, "world", &world)) {
      continue;
    }
    fmt::print(stderr,
               "{}: what is {}? usage: oracle [--pairs=N] [--seed=N] [--seconds=N] "
               "[--world=N]\n",
               argv[0], argument);
    return 2;
  }
  options.seed = static_cast<uint64_t>(seed);
  if (world >= 0) options.world = world;
  fmt::print("seed {}\n", seed);
  const cievents::oracle::OracleResult result = cievents::oracle::RunOracle(options);
  if (!result.difference.empty()) {
    fmt::print("{}", result.difference);
    return 1;
  }
  fmt::print("no difference in {} pairs\n", result.pairs);
  return 0;
}
