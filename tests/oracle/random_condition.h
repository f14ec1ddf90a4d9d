// Conditions in which every operator, kind of operand and place of a payload occurs.
#ifndef TESTS_ORACLE_RANDOM_CONDITION_H_
#define TESTS_ORACLE_RANDOM_CONDITION_H_

#include <string>
#include <vector>

#include "tests/oracle/random.h"

namespace cievents::oracle {

// What unknown variables are tried with: for every pattern of RandomCondition a text that it finds
// and one that it does not.
const std::vector<std::string>& VariableTexts();

// `event.PATH`, of one that payloads have or do not have.
std::string RandomPath(Random& random);

// What a rule may say; `inputs` are names that it may ask for.
std::string RandomCondition(Random& random, const std::vector<std::string>& inputs);
// One that an index can look up by, as hundreds of projects write them: a path and a literal or a
// pattern, sometimes more.
std::string RandomLookup(Random& random);

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_RANDOM_CONDITION_H_
