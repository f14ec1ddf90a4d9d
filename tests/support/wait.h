// Waiting for what another process does: bounded polling.
#ifndef TESTS_SUPPORT_WAIT_H_
#define TESTS_SUPPORT_WAIT_H_

#include <chrono>
#include <functional>

namespace cievents::support {

// Generous, because sanitizers and a busy machine are slow; a test that passes never waits for it.
inline constexpr std::chrono::seconds kPatience{60};

// False if `condition` still does not hold after `limit`.
bool WaitUntil(const std::function<bool()>& condition, std::chrono::milliseconds limit = kPatience);

}  // namespace cievents::support

#endif  // TESTS_SUPPORT_WAIT_H_
