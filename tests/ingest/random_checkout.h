// A random project's YAML, and how it changes from push to push.
#ifndef TESTS_INGEST_RANDOM_CHECKOUT_H_
#define TESTS_INGEST_RANDOM_CHECKOUT_H_

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace cievents::ingest_test {

using Files = std::map<std::string, std::string>;  // content by path

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // 0 to n - 1. REQUIRES: n > 0.
  int Below(int n) { return static_cast<int>(engine_() % static_cast<uint64_t>(n)); }
  bool Percent(int percent) { return Below(100) < percent; }
  std::mt19937_64& engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
};

// The CI file, files of the events folder, files that may be included (with `spec: events`, or
// without: then they include others), and files of no interest. Events files and the CI file may
// be broken, included ones never are: their last good version goes when nothing includes them.
class RandomCheckout {
 public:
  explicit RandomCheckout(Random& random);

  // Adds, edits, renames, removes, breaks, mends; changes includes and their inputs; goes back to
  // an earlier state (a force push). One to three of these. Returns the paths that now differ.
  std::vector<std::string> Change();

  const Files& files() const { return files_; }
  // What of `files` subscribes, if `good` is the last version without errors of each file that had
  // one while it was there: broken files are replaced by it. Updates `good`.
  static Files Effective(const Files& files, Files* good);

 private:
  void ChangeOnce();
  void SetEventsFile(int i);
  void SetIncluded(int i);
  void SetNested(int i);
  void SetCiFile();
  void Rename();
  std::string Events();
  std::string Include();

  Random& random_;
  Files files_;
  std::vector<Files> history_;
};

}  // namespace cievents::ingest_test

#endif  // TESTS_INGEST_RANDOM_CHECKOUT_H_
