// Names, texts, payloads and conditions drawn from small vocabularies, so that what is asked for
// and what is there meet often.
#ifndef TESTS_ORACLE_RANDOM_TEXT_H_
#define TESTS_ORACLE_RANDOM_TEXT_H_

#include <string>
#include <vector>

#include "tests/oracle/random.h"

namespace cievents::oracle {

std::string RandomName(Random& random);
// A name in which some segments are wildcards.
std::string RandomPattern(Random& random);

// Texts that stand in payloads and in conditions.
std::string RandomText(Random& random);
// One of a thousand texts that differ in their end.
std::string RandomNumberedText(Random& random);
// What unknown variables are tried with: for every pattern of RandomCondition a text that it finds
// and one that it does not.
const std::vector<std::string>& VariableTexts();

// `event.PATH`, of one that payloads have or do not have.
std::string RandomPath(Random& random);
// JSON, seldom malformed, cut, or none at all.
std::string RandomPayload(Random& random);

// What a rule may say; `inputs` are names that it may ask for.
std::string RandomCondition(Random& random, const std::vector<std::string>& inputs);
// One that an index can look up by, as hundreds of projects write them: a path and a literal or a
// pattern, sometimes more.
std::string RandomLookup(Random& random);

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_RANDOM_TEXT_H_
