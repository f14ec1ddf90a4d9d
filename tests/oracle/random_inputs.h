// What a pipeline file declares under `spec: inputs`, and what an include and entries give for it.
#ifndef TESTS_ORACLE_RANDOM_INPUTS_H_
#define TESTS_ORACLE_RANDOM_INPUTS_H_

#include <string>
#include <vector>

#include "tests/oracle/naive_inputs.h"
#include "tests/oracle/random.h"

namespace cievents::oracle {

class RandomInputs {
 public:
  explicit RandomInputs(Random& random);

  const std::vector<std::string>& names() const { return names_; }
  std::string spec_json() const;
  // Values that fit.
  std::vector<NaiveBinding> Include();
  // At least for what has no default and no value of the include; seldom something undeclared.
  std::vector<NaiveBinding> Entry();

 private:
  struct Declared {
    std::string name;
    std::string type;
    std::string spec_json;
    bool has_default = false;
    bool included = false;
  };
  std::string FittingValue(const std::string& type);
  std::string EventValue(const std::string& type);

  Random& random_;
  std::vector<Declared> declared_;
  std::vector<std::string> names_;
};

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_RANDOM_INPUTS_H_
