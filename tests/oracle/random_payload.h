// Payloads as webhooks have them, with odd types, odd spelling, and sometimes damaged.
#ifndef TESTS_ORACLE_RANDOM_PAYLOAD_H_
#define TESTS_ORACLE_RANDOM_PAYLOAD_H_

#include <string>

#include "tests/oracle/random.h"

namespace cievents::oracle {

// JSON, seldom malformed, cut, or none at all.
std::string RandomPayload(Random& random);

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_RANDOM_PAYLOAD_H_
