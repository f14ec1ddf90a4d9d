// Names and texts drawn from small vocabularies, so that what is asked for and what is there meet
// often.
#ifndef TESTS_ORACLE_RANDOM_TEXT_H_
#define TESTS_ORACLE_RANDOM_TEXT_H_

#include <string>

#include "tests/oracle/random.h"

namespace cievents::oracle {

std::string RandomName(Random& random);
// A name in which some segments are wildcards.
std::string RandomPattern(Random& random);

// Texts that stand in payloads and in conditions.
std::string RandomText(Random& random);
// One of a thousand texts that differ in their end.
std::string RandomNumberedText(Random& random);

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_RANDOM_TEXT_H_
