// CHECK: our own bugs end the process, in all builds, with the place and the condition. Never used
// for what comes from outside (that is a Status or an Issue). Abseil 20220623 has no absl/log.
#ifndef MATCHER_BASE_CHECK_H_
#define MATCHER_BASE_CHECK_H_

#include <cstdio>
#include <cstdlib>

#define CIEVENTS_CHECK(condition)                                                        \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

#endif  // MATCHER_BASE_CHECK_H_
