// Explanations for people and for programs. The JSON keys are a contract (docs/cli.md).
#ifndef SERVICES_CLI_EXPLAIN_PRINT_H_
#define SERVICES_CLI_EXPLAIN_PRINT_H_

#include <string>

#include "cievents/admin/v1/explain.pb.h"

namespace cievents::cli {

// One object: `event`, `recorded`, `verdicts`, `left_out`.
std::string ExplanationToJson(const admin::v1::ExplainEventResponse& response);

// Several lines; the values of payloads stand in it, so control characters are replaced.
std::string ExplanationToText(const admin::v1::ExplainEventResponse& response);

}  // namespace cievents::cli

#endif  // SERVICES_CLI_EXPLAIN_PRINT_H_
