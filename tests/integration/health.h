// What a server says of its health. No gRPC header here: only health.cc knows it.
#ifndef TESTS_INTEGRATION_HEALTH_H_
#define TESTS_INTEGRATION_HEALTH_H_

#include <string>

namespace cievents::integration {

// "SERVING", "NOT_SERVING", or what else the call ended with. A new connection each time.
std::string HealthOf(const std::string& endpoint);

}  // namespace cievents::integration

#endif  // TESTS_INTEGRATION_HEALTH_H_
