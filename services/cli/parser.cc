#include "services/cli/parser.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>

#include "services/cli/commands.h"
#include "services/cli/version.h"

namespace cievents::cli {
namespace {

// Ids and sequences. (CLI11 turns what does not fit into the largest number, which names somebody
// else's project.)
const CLI::Validator kPositiveId(
    [](std::string& text) -> std::string {
      const bool digits =
          !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
      const bool zero = text.find_first_not_of('0') == std::string::npos;
      if (digits && !zero && text.size() <= 18) return "";
      return "'" + text + "' is not a whole number from 1 to 999999999999999999";
    },
    "ID");

// A command's options live as long as its sub-command: in the closure that runs it.
template <typename Options>
CLI::App* AddCommand(CLI::App* parent, const std::string& name, const std::string& summary,
                     std::function<int()>* chosen, int (*run)(const Options&),
                     const std::function<void(CLI::App*, Options*)>& declare) {
  CLI::App* command = parent->add_subcommand(name, summary);
  auto options = std::make_shared<Options>();
  declare(command, options.get());
  command->callback([chosen, run, options] { *chosen = [run, options] { return run(*options); }; });
  return command;
}

void DeclareLog(CLI::App* command, LogOptions* log) {
  command->add_option("--log-level", log->level, "debug, info, warning or error")
      ->envname("CIEVENTS_LOG_LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  command->add_option("--log-format", log->format, "auto (human on a terminal), json or human")
      ->envname("CIEVENTS_LOG_FORMAT")
      ->check(CLI::IsMember({"auto", "json", "human"}))
      ->capture_default_str();
}

void DeclareCatalogue(CLI::App* command, std::string* file) {
  command->add_option("--event-catalogue", *file, "YAML file instead of the compiled-in catalogue")
      ->envname("CIEVENTS_EVENT_CATALOGUE");
}

void DeclareClient(CLI::App* command, ClientOptions* client) {
  command
      ->add_option("--endpoint", client->endpoint,
                   "host:port (default: CIEVENTS_ENDPOINT, else ./.cievents/ready.json)")
      ->envname("CIEVENTS_ENDPOINT");
  command
      ->add_option("--timeout", client->timeout_seconds,
                   "seconds to keep trying while the server is away or overloaded")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  command->add_flag("--json", client->json, "machine-readable output");
}

void DeclareIds(CLI::App* command, int64_t* project_id, std::vector<int64_t>* namespace_ids) {
  command->add_option("--project-id", *project_id, "the project")->check(kPositiveId);
  command->add_option("--namespace-ids", *namespace_ids, "its ancestor groups, root first: 1,2")
      ->delimiter(',')
      ->check(kPositiveId);
}

void AddServers(CLI::App* app, std::function<int()>* chosen) {
  AddCommand<DevOptions>(
      app, "dev", "run everything in one process, with a private Postgres", chosen, RunDev,
      [](CLI::App* command, DevOptions* options) {
        command->add_option("--data", options->data_dir, "folder, made at the first start, kept")
            ->capture_default_str();
        command->add_option("--port", options->port, "gRPC port on 127.0.0.1; 0 = any free one")
            ->check(CLI::Range(0, 65535))
            ->capture_default_str();
        command->add_option("--ready-file", options->ready_file,
                            "write addresses here too, once it serves");
        DeclareCatalogue(command, &options->event_catalogue);
        DeclareLog(command, &options->log);
      });
  const auto declare_role = [](CLI::App* command, RoleOptions* options) {
    command->add_option("--database-url", options->database_url, "libpq connection string or URI")
        ->envname("CIEVENTS_DATABASE_URL")
        ->required();
    command->add_option("--listen", options->listen, "gRPC address; port 0 = any free one")
        ->envname("CIEVENTS_LISTEN")
        ->capture_default_str();
    command->add_flag(
        "--allow-unauthenticated", options->allow_unauthenticated,
        "listen on other addresses than loopback although there is no authentication");
    command->add_option("--ready-file", options->ready_file,
                        "write the address here once it serves");
    DeclareCatalogue(command, &options->event_catalogue);
    DeclareLog(command, &options->log);
  };
  AddCommand<RoleOptions>(app, "ingest", "run the ingest role: pushes to subscriptions", chosen,
                          RunIngest, declare_role);
  AddCommand<MatcherOptions>(
      app, "matcher", "run the matcher role: events to pipeline requests", chosen, RunMatcher,
      [declare_role](CLI::App* command, MatcherOptions* options) {
        declare_role(command, &options->role);
        command
            ->add_option("--metrics-listen", options->metrics_listen,
                         "HTTP address for Prometheus; port 0 = any free one, '' = none")
            ->envname("CIEVENTS_MATCHER_METRICS_LISTEN")
            ->capture_default_str();
        command
            ->add_option("--spool-dir", options->spool_dir,
                         "folder where events wait while Postgres does not take them")
            ->envname("CIEVENTS_MATCHER_SPOOL_DIR");
        command
            ->add_option("--spool-bytes-max", options->spool_bytes_max,
                         "most that may wait there, such as 4GiB")
            ->envname("CIEVENTS_MATCHER_SPOOL_BYTES_MAX")
            ->transform(CLI::AsSizeValue(false))
            ->capture_default_str();
        command
            ->add_option("--ack-delay-max", options->ack_delay_max_ms,
                         "how long a commit may take before its events are spooled, such as 10ms")
            ->envname("CIEVENTS_MATCHER_ACK_DELAY_MAX")
            ->transform(CLI::AsNumberWithUnit(std::map<std::string, int>{{"ms", 1}, {"s", 1000}}))
            ->check(CLI::Range(1, 60'000))
            ->default_str("10ms");
        command
            ->add_option("--tenant-events-per-second", options->tenant_events_per_second,
                         "most that a root namespace may emit; 0 = no limit")
            ->envname("CIEVENTS_MATCHER_TENANT_EVENTS_PER_SECOND")
            ->check(CLI::Range(int64_t{0}, int64_t{100'000'000}))
            ->capture_default_str();
        command
            ->add_option("--feed-check-interval", options->feed_check_interval_s,
                         "in which time all subscriptions in memory are compared with Postgres, "
                         "such as 5m; 0 = never")
            ->envname("CIEVENTS_MATCHER_FEED_CHECK_INTERVAL")
            ->transform(
                CLI::AsNumberWithUnit(std::map<std::string, int>{{"s", 1}, {"m", 60}, {"h", 3600}}))
            ->check(CLI::Range(0, 86'400))
            ->default_str("5m");
        command
            ->add_option("--shard-count", options->shard_count,
                         "how many matchers share the root namespaces; a change takes effect when "
                         "all of them have loaded theirs")
            ->envname("CIEVENTS_MATCHER_SHARD_COUNT")
            ->check(CLI::Range(1, 1024))
            ->capture_default_str();
        command
            ->add_option("--shard-index", options->shard_index, "which of them this one is, from 0")
            ->envname("CIEVENTS_MATCHER_SHARD_INDEX")
            ->check(CLI::Range(0, 1023))
            ->capture_default_str();
        command
            ->add_option("--advertise-address", options->advertise_address,
                         "HOST:PORT where the other matchers and clients reach this one; where it "
                         "listens by default")
            ->envname("CIEVENTS_MATCHER_ADVERTISE_ADDRESS");
      });
  AddCommand<RoleOptions>(app, "dispatcher", "run the dispatcher role: the queue for workers",
                          chosen, RunDispatcher, declare_role);
  AddCommand<MigrateOptions>(
      app, "migrate", "bring a database's schema up to date", chosen, RunMigrate,
      [](CLI::App* command, MigrateOptions* options) {
        command->add_option("action", options->action, "status, up, down or verify")
            ->check(CLI::IsMember({"status", "up", "down", "verify"}))
            ->capture_default_str();
        command
            ->add_option("--database-url", options->database_url, "libpq connection string or URI")
            ->envname("CIEVENTS_DATABASE_URL")
            ->required();
        command->add_option("--to", options->to_version, "down: the version to go back to")
            ->check(CLI::NonNegativeNumber);
        command->add_flag("--json", options->json, "machine-readable output");
      });
}

void AddUserVerbs(CLI::App* app, std::function<int()>* chosen) {
  AddCommand<LintOptions>(
      app, "lint", "check YAML files as a push would", chosen, RunLint,
      [](CLI::App* command, LintOptions* options) {
        command->add_option("paths", options->paths, "files, or - none - for all of the project");
        command->add_option("--project-dir", options->project_dir, "the checkout's root")
            ->check(CLI::ExistingDirectory)
            ->capture_default_str();
        command
            ->add_option("--target", options->target,
                         "stock-gitlab: also warn about what today's GitLab refuses")
            ->check(CLI::IsMember({"cievents", "stock-gitlab"}))
            ->capture_default_str();
        DeclareCatalogue(command, &options->event_catalogue);
        command->add_flag("--json", options->json, "machine-readable output");
      });
  AddCommand<PushOptions>(
      app, "push", "push the YAML of a checkout as the project's default branch", chosen, RunPush,
      [](CLI::App* command, PushOptions* options) {
        DeclareIds(command, &options->project_id, &options->namespace_ids);
        CLI::Option* from_dir =
            command
                ->add_option("--from-dir", options->from_dir,
                             "push every sub-folder of this folder, a project each")
                ->check(CLI::ExistingDirectory);
        command
            ->add_option("--projects", options->projects_file,
                         "with --from-dir: the list of its projects, .json or .csv (default: "
                         "projects.json or projects.csv in it, else folders are called ID-NAME)")
            ->check(CLI::ExistingFile)
            ->needs(from_dir);
        command->add_option("--jobs", options->jobs, "with --from-dir: pushes at the same time")
            ->check(CLI::Range(1, 64))
            ->capture_default_str()
            ->needs(from_dir);
        command
            ->add_flag("--force", options->force,
                       "with --from-dir: push also what has not changed since the last push")
            ->needs(from_dir);
        command->add_option("--dir", options->dir, "the checkout's root")
            ->check(CLI::ExistingDirectory)
            ->capture_default_str();
        command
            ->add_option("--sequence", options->sequence,
                         "push sequence (default: the stored one plus 1)")
            ->check(kPositiveId);
        command->add_option("--commit", options->commit,
                            "commit id (default: digest of the files)");
        command->add_option("--branch", options->branch, "default branch")->capture_default_str();
        command->add_option("--ci-config-path", options->ci_config_path, "default .gitlab-ci.yml");
        command->add_option("--project-path", options->project_path, "group/project, for people");
        command->add_option("--user-id", options->user_id, "pipelines run as this user")
            ->check(kPositiveId);
        command
            ->add_option("--allowed-scopes", options->allowed_scopes,
                         "what the pusher may subscribe to: group,instance,project:ID")
            ->delimiter(',');
        command->add_flag("--allow-confidential", options->allow_confidential,
                          "the pusher may subscribe to confidential events");
        command->add_flag("--dry-run", options->dry_run, "validate only");
        DeclareClient(command, &options->client);
      });
  const auto declare_files = [](CLI::App* command, EventFileOptions* options) {
    command->add_option("--webhook", options->webhooks,
                        "GitLab webhook payload: a JSON file, or - for JSON lines");
    command->add_option("--event", options->events,
                        "event with the proto's field names: a JSON file, or - for JSON lines");
    DeclareIds(command, &options->project_id, &options->namespace_ids);
    DeclareCatalogue(command, &options->event_catalogue);
  };
  AddCommand<EmitOptions>(app, "emit", "emit events", chosen, RunEmit,
                          [declare_files](CLI::App* command, EmitOptions* options) {
                            declare_files(command, &options->files);
                            command->add_option("--id", options->files.id,
                                                "event id for --webhook (default: a fresh UUID)");
                            DeclareClient(command, &options->client);
                          });
  AddCommand<ExplainOptions>(
      app, "explain", "why subscriptions fire for an event, or do not", chosen, RunExplain,
      [declare_files](CLI::App* command, ExplainOptions* options) {
        command->add_option("request", options->request_id,
                            "a request's id: its stored event, instead of --event or --webhook");
        declare_files(command, &options->files);
        command->add_option("--limit", options->limit, "at most so many subscriptions")
            ->check(CLI::Range(1, 1000))
            ->capture_default_str();
        DeclareClient(command, &options->client);
      });
}

void AddConditionVerbs(CLI::App* app, std::function<int()>* chosen) {
  CLI::App* condition = app->add_subcommand("condition", "conditions of `rules`");
  condition->require_subcommand(1);
  AddCommand<ConditionOptions>(
      condition, "eval", "evaluate a condition", chosen, RunConditionEval,
      [](CLI::App* command, ConditionOptions* options) {
        command
            ->add_option("expression", options->expression,
                         "the text behind `if`; - reads one a line and answers in JSON lines")
            ->required();
        command->add_option("--event", options->event,
                            "event with the proto's field names: a JSON file");
        command->add_option("--variables", options->variables,
                            "JSON file: an object of strings; all other variables are undefined");
        command->add_option("--inputs", options->inputs, "JSON file: an object of input values");
        command->add_flag("--json", options->json, "machine-readable output");
      });
}

void AddRequestVerbs(CLI::App* app, std::function<int()>* chosen) {
  CLI::App* requests = app->add_subcommand("requests", "pipeline requests");
  requests->require_subcommand(1);
  const auto declare_filter = [](CLI::App* command, RequestsOptions* options) {
    command->add_option("--project-id", options->project_id, "only this project's")
        ->check(kPositiveId);
    command
        ->add_option("--state", options->state,
                     "ready, active, deferred, created, dead or failed_input")
        ->check(CLI::IsMember({"ready", "active", "deferred", "created", "dead", "failed_input"}));
    command->add_option("--limit", options->limit, "at most so many")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    DeclareClient(command, &options->client);
  };
  AddCommand<RequestsOptions>(requests, "list", "list requests, newest event first", chosen,
                              RunRequestsList, declare_filter);
  AddCommand<RequestsOptions>(requests, "watch", "print requests as they come and change", chosen,
                              RunRequestsWatch,
                              [declare_filter](CLI::App* command, RequestsOptions* options) {
                                options->limit = 10'000;  // the newest that are watched
                                declare_filter(command, options);
                              });
  AddCommand<RequestsOptions>(
      requests, "show", "show one request", chosen, RunRequestsShow,
      [](CLI::App* command, RequestsOptions* options) {
        command->add_option("id", options->request_id, "request id")->required();
        DeclareClient(command, &options->client);
      });
  AddCommand<RequestsOptions>(
      requests, "lease", "lease requests, as a GitLab worker does", chosen, RunRequestsLease,
      [](CLI::App* command, RequestsOptions* options) {
        command->add_option("--max", options->lease_max, "at most so many")
            ->check(CLI::Range(1, 1'000'000))
            ->capture_default_str();
        command->add_flag("--complete", options->complete, "and complete them as created");
        command
            ->add_option("--pipeline-id", options->pipeline_id,
                         "with --complete: id of the first pipeline, then counting up")
            ->check(kPositiveId)
            ->capture_default_str();
        DeclareClient(command, &options->client);
      });
}

void AddProjectVerbs(CLI::App* app, std::function<int()>* chosen) {
  CLI::App* projects = app->add_subcommand("projects", "what has become of a project");
  projects->require_subcommand(1);
  enum class Says { kPlace, kNothing };
  const auto add = [&](const char* verb, const char* summary, int (*run)(const ProjectsOptions&),
                       Says says) {
    return AddCommand<ProjectsOptions>(
        projects, verb, summary, chosen, run,
        [says, verb](CLI::App* command, ProjectsOptions* options) {
          command->add_option("project,--project-id", options->project_id, "the project's id")
              ->required()
              ->check(kPositiveId);
          command
              ->add_option("--sequence", options->sequence,
                           "number from the counter of the project's pushes (default: the highest "
                           "stored one plus 1)")
              ->check(kPositiveId);
          if (says == Says::kPlace) {
            command
                ->add_option("--namespace-ids", options->namespace_ids,
                             "its ancestor groups, root first: 1,2")
                ->delimiter(',')
                ->required()
                ->check(kPositiveId);
            command->add_option("--project-path", options->project_path,
                                "group/project, for people");
          }
          const std::string_view name = verb;
          if (name == "upsert")
            command->add_flag("--archived", options->archived, "it is archived");
          if (name == "upsert" || name == "archive" || name == "unarchive") {
            command->add_flag("--ci-disabled", options->ci_disabled, "its CI is disabled");
          }
          DeclareClient(command, &options->client);
        });
  };
  add("upsert", "say all facts of a project: it exists, where it is, whether it is archived",
      RunProjectsUpsert, Says::kPlace);
  add("transfer", "say where a project is now", RunProjectsTransfer, Says::kPlace);
  add("archive", "suspend its subscriptions", RunProjectsArchive, Says::kNothing);
  add("unarchive", "its subscriptions make requests again", RunProjectsUnarchive, Says::kNothing);
  add("delete", "end its subscriptions; a newer push or upsert brings it back", RunProjectsDelete,
      Says::kNothing);
}

void AddReadingVerbs(CLI::App* app, std::function<int()>* chosen) {
  CLI::App* subscriptions = app->add_subcommand("subscriptions", "subscriptions");
  subscriptions->require_subcommand(1);
  AddCommand<SubscriptionsOptions>(
      subscriptions, "list", "list what is live", chosen, RunSubscriptionsList,
      [](CLI::App* command, SubscriptionsOptions* options) {
        command->add_option("--project-id", options->project_id, "only this project's")
            ->check(kPositiveId);
        DeclareClient(command, &options->client);
      });
  CLI::App* events = app->add_subcommand("events", "the event catalogue");
  events->require_subcommand(1);
  const auto declare_events = [](CLI::App* command, EventsOptions* options) {
    DeclareCatalogue(command, &options->event_catalogue);
    command->add_flag("--json", options->json, "machine-readable output");
  };
  AddCommand<EventsOptions>(events, "list", "list the events that the catalogue knows", chosen,
                            RunEventsList, declare_events);
  AddCommand<EventsOptions>(
      events, "map", "the names that a payload gets", chosen, RunEventsMap,
      [declare_events](CLI::App* command, EventsOptions* options) {
        command->add_option("--webhook", options->webhook, "JSON file, or -")->required();
        declare_events(command, options);
      });
}

void AddSpoolVerbs(CLI::App* app, std::function<int()>* chosen) {
  CLI::App* spool = app->add_subcommand("spool", "events that wait on a matcher's own disk");
  spool->require_subcommand(1);
  AddCommand<SpoolOptions>(spool, "list", "list what waits and what is set aside; changes nothing",
                           chosen, RunSpoolList, [](CLI::App* command, SpoolOptions* options) {
                             command->add_option("--dir", options->dir, "the spool's folder")
                                 ->check(CLI::ExistingDirectory)
                                 ->required();
                             command->add_flag("--json", options->json, "machine-readable output");
                           });
  AddCommand<SpoolDrainOptions>(
      spool, "drain", "bring what an orphan spool holds to Postgres", chosen, RunSpoolDrain,
      [](CLI::App* command, SpoolDrainOptions* options) {
        command->add_option("--dir", options->dir, "the spool's folder; no matcher may use it")
            ->check(CLI::ExistingDirectory)
            ->required();
        command
            ->add_option("--database-url", options->database_url, "libpq connection string or URI")
            ->envname("CIEVENTS_DATABASE_URL")
            ->required();
        command->add_flag("--json", options->json, "machine-readable output");
      });
}

}  // namespace

int ParseAndRun(int argc, char** argv) {
  CLI::App app{"cievents: run GitLab pipelines when something happens", "cievents"};
  app.set_version_flag("--version", VersionText());
  app.require_subcommand(1);
  std::function<int()> chosen;
  AddServers(&app, &chosen);
  AddUserVerbs(&app, &chosen);
  AddRequestVerbs(&app, &chosen);
  AddReadingVerbs(&app, &chosen);
  AddProjectVerbs(&app, &chosen);
  AddConditionVerbs(&app, &chosen);
  AddSpoolVerbs(&app, &chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return chosen();
}

}  // namespace cievents::cli
