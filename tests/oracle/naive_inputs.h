// The inputs of a request, naively (docs/subscriptions.md, "Inputs").
#ifndef TESTS_ORACLE_NAIVE_INPUTS_H_
#define TESTS_ORACLE_NAIVE_INPUTS_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/oracle/naive_event.h"
#include "tests/oracle/naive_json.h"

namespace cievents::oracle {

struct NaiveBinding {
  std::string name;
  std::string value_json;
};

struct NaiveRequestInputs {
  bool failed = false;  // `failed_input`
  std::string reason;
  std::string json;  // an object, names sorted
};

class NaiveInputs {
 public:
  // False: `error` says what no event can mend; the subscription cannot be used.
  bool Read(const std::vector<NaiveBinding>& include, const std::vector<NaiveBinding>& entry,
            const std::string& spec_json, std::string* error);

  NaiveRequestInputs Resolve(NaiveReading* event, size_t name) const;
  // The value of `$[[ inputs.NAME ]]`.
  NaiveValue Get(const std::string& input, NaiveReading* event, size_t name) const;

 private:
  // A value that an event gives, or what is wrong with it; nothing = absent.
  struct Outcome {
    std::optional<NaiveJson> value;
    std::vector<std::string> errors;
  };

  Outcome Interpolate(const NaiveJson& json, NaiveReading* event, size_t name) const;
  Outcome InterpolateText(const std::string& text, NaiveReading* event, size_t name) const;
  Outcome Value(const std::string& input, NaiveReading* event, size_t name) const;

  std::map<std::string, std::vector<NaiveJson>> given_;  // the include's before the entry's
  std::map<std::string, NaiveJson> spec_;
};

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_NAIVE_INPUTS_H_
