// One function a command; each returns the process's exit code (options.h).
#ifndef SERVICES_CLI_COMMANDS_H_
#define SERVICES_CLI_COMMANDS_H_

#include "services/cli/options.h"

namespace cievents::cli {

int RunDev(const DevOptions& options);

int RunIngest(const RoleOptions& options);
int RunMatcher(const MatcherOptions& options);
int RunDispatcher(const RoleOptions& options);
int RunMigrate(const MigrateOptions& options);

int RunLint(const LintOptions& options);
int RunPush(const PushOptions& options);
int RunBulkPush(const PushOptions& options);  // RunPush with `from_dir`
int RunProjectsUpsert(const ProjectsOptions& options);
int RunProjectsTransfer(const ProjectsOptions& options);
int RunProjectsArchive(const ProjectsOptions& options);
int RunProjectsUnarchive(const ProjectsOptions& options);
int RunProjectsDelete(const ProjectsOptions& options);
int RunEmit(const EmitOptions& options);
int RunExplain(const ExplainOptions& options);
int RunConditionEval(const ConditionOptions& options);
int RunRequestsList(const RequestsOptions& options);
int RunRequestsShow(const RequestsOptions& options);
int RunRequestsWatch(const RequestsOptions& options);
int RunRequestsLease(const RequestsOptions& options);
int RunSpoolList(const SpoolOptions& options);
int RunSpoolDrain(const SpoolDrainOptions& options);
int RunSubscriptionsList(const SubscriptionsOptions& options);
int RunEventsList(const EventsOptions& options);
int RunEventsMap(const EventsOptions& options);

}  // namespace cievents::cli

#endif  // SERVICES_CLI_COMMANDS_H_
