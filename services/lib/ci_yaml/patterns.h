// Reads the patterns of one subscription: what is wrong with each, what is odd about it, and how
// many they may be.
#ifndef SERVICES_LIB_CI_YAML_PATTERNS_H_
#define SERVICES_LIB_CI_YAML_PATTERNS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/pattern.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {

class PatternReader {
 public:
  PatternReader(const Catalogue& catalogue, IssueSink* sink) : catalogue_(catalogue), sink_(sink) {}

  // The pattern that `text` spells (an alias of the catalogue gives the name it stands for), or
  // none: then an error was reported, or the patterns are too many already.
  std::optional<matcher::Pattern> Read(std::string_view text, yaml::Mark mark);

  // One pattern or a list of them, the value of `key`.
  std::vector<matcher::Pattern> ReadList(const yaml::Node& value, std::string_view key);

  // True once the limit was passed: nothing further is read.
  bool full() const { return full_; }

 private:
  void Judge(const matcher::Pattern& pattern, yaml::Mark mark);

  const Catalogue& catalogue_;
  IssueSink* const sink_;
  int count_ = 0;
  bool full_ = false;
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_PATTERNS_H_
