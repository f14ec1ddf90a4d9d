// Status helpers that Abseil 20220623 lacks: formatted errors and the two propagation macros.
#ifndef MATCHER_BASE_STATUS_H_
#define MATCHER_BASE_STATUS_H_

#include <fmt/format.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cievents {

// Makes a Status with a formatted message: Error(absl::StatusCode::kNotFound, "no project {}", id).
template <typename... Args>
absl::Status Error(absl::StatusCode code, fmt::format_string<Args...> format, Args&&... args) {
  return absl::Status(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace cievents

// Evaluates an expression that gives a Status and returns it from this function unless it is OK.
#define CIEVENTS_RETURN_IF_ERROR(expression)           \
  do {                                                 \
    absl::Status cievents_status = (expression);       \
    if (!cievents_status.ok()) return cievents_status; \
  } while (false)

#define CIEVENTS_STATUS_CONCAT_INNER_(a, b) a##b
#define CIEVENTS_STATUS_CONCAT_(a, b) CIEVENTS_STATUS_CONCAT_INNER_(a, b)

// CIEVENTS_ASSIGN_OR_RETURN(auto x, F()): x is F()'s value, or its Status is returned from here.
#define CIEVENTS_ASSIGN_OR_RETURN(lhs, expression)                                            \
  CIEVENTS_ASSIGN_OR_RETURN_IMPL_(CIEVENTS_STATUS_CONCAT_(cievents_statusor_, __LINE__), lhs, \
                                  expression)
#define CIEVENTS_ASSIGN_OR_RETURN_IMPL_(statusor, lhs, expression) \
  auto statusor = (expression);                                    \
  if (!statusor.ok()) return std::move(statusor).status();         \
  lhs = *std::move(statusor)

#endif  // MATCHER_BASE_STATUS_H_
