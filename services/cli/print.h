// How messages look to people and to programs. The JSON keys are a contract (docs/cli.md).
#ifndef SERVICES_CLI_PRINT_H_
#define SERVICES_CLI_PRINT_H_

#include <string>
#include <vector>

#include "cievents/config/v1/config.pb.h"
#include "cievents/events/v1/events.pb.h"
#include "cievents/pipelines/v1/pipelines.pb.h"
#include "services/lib/base/issue.h"

namespace cievents::cli {

std::string ResultName(config::v1::PushResult result);  // applied, ...
std::string PushToJson(const config::v1::PushConfigResponse& response);
void PrintPush(const config::v1::PushConfigResponse& response);
void PrintIssue(const Issue& issue);

std::string SubscriptionToJson(const config::v1::Subscription& subscription);
std::vector<std::string> SubscriptionRow(const config::v1::Subscription& subscription);
extern const std::vector<std::string> kSubscriptionHeader;

std::string OutcomeToJson(const events::v1::Event& event, const events::v1::EventOutcome& outcome);
std::vector<std::string> OutcomeRow(const events::v1::Event& event,
                                    const events::v1::EventOutcome& outcome);
extern const std::vector<std::string> kOutcomeHeader;

std::string RequestToJson(const pipelines::v1::PipelineRequest& request);
std::vector<std::string> RequestRow(const pipelines::v1::PipelineRequest& request);
extern const std::vector<std::string> kRequestHeader;

std::string LintToJson(const std::vector<Issue>& issues, size_t subscriptions);

}  // namespace cievents::cli

#endif  // SERVICES_CLI_PRINT_H_
