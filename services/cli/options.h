// What each command takes from the command line: plain structs, filled by parser.cc.
#ifndef SERVICES_CLI_OPTIONS_H_
#define SERVICES_CLI_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "services/lib/base/log.h"

namespace cievents::cli {

// Exit codes (docs/cli.md).
inline constexpr int kExitOk = 0;
inline constexpr int kExitFindings = 1;     // findings or failure
inline constexpr int kExitUsage = 2;        // usage or configuration
inline constexpr int kExitUnreachable = 3;  // a dependency is unreachable

struct LogOptions {
  std::string level = "info";   // debug, info, warning, error
  std::string format = "auto";  // auto, json, human
};

// How client verbs find the server, and how they print.
struct ClientOptions {
  std::string endpoint;  // empty: CIEVENTS_ENDPOINT, else ./.cievents/ready.json
  bool json = false;
  double timeout_seconds = 10;  // how long an unavailable or overloaded server is tried again
};

struct DevOptions {
  std::string data_dir = "./.cievents";
  int port = 0;
  std::string ready_file;
  std::string event_catalogue;
  LogOptions log;
};

// What all roles take: ingest, matcher, dispatcher.
struct RoleOptions {
  std::string database_url;
  std::string listen = "127.0.0.1:0";
  std::string ready_file;
  std::string event_catalogue;
  bool allow_unauthenticated =
      false;  // listen beyond loopback although there is no authentication yet
  LogOptions log;
};

struct MatcherOptions {
  RoleOptions role;
  std::string spool_dir;  // empty: no spool
  uint64_t spool_bytes_max = uint64_t{4} << 30;
  int ack_delay_max_ms = 10;
  int64_t tenant_events_per_second = 0;  // of each root namespace; 0 = no limit
  int feed_check_interval_s = 300;       // 0 = never
  int shard_index = 0;
  int shard_count = 1;
  std::string advertise_address;               // empty: where it listens
  std::string metrics_listen = "127.0.0.1:0";  // empty: no metrics
};

struct MigrateOptions {
  std::string action = "up";  // status, up, down, verify
  std::string database_url;
  int to_version = -1;  // down
  bool json = false;
};

struct LintOptions {
  std::vector<std::string> paths;
  std::string project_dir = ".";
  std::string target = "cievents";  // stock-gitlab: also what GitLab without CI Events refuses
  std::string event_catalogue;
  bool json = false;
};

struct PushOptions {
  ClientOptions client;
  int64_t project_id = 0;
  std::vector<int64_t> namespace_ids;
  std::string dir = ".";
  int64_t sequence = 0;
  std::string commit;
  std::string branch = "main";
  std::string ci_config_path;
  std::string project_path;
  int64_t user_id = 0;
  std::vector<std::string> allowed_scopes;  // group, instance, project:ID
  bool allow_confidential = false;
  bool dry_run = false;
  // Many projects instead of one: every sub-folder of a folder.
  std::string from_dir;
  std::string projects_file;  // empty: projects.json or projects.csv in it, else names of folders
  int jobs = 4;               // pushes at the same time
  bool force = false;         // also those whose files have not changed
};

struct ProjectsOptions {
  ClientOptions client;
  int64_t project_id = 0;
  int64_t sequence = 0;
  std::vector<int64_t> namespace_ids;
  std::string project_path;
  bool archived = false;  // upsert
  bool ci_disabled = false;
};

// Where events come from.
struct EventFileOptions {
  std::vector<std::string> webhooks;  // files, - = standard input, JSON lines
  std::vector<std::string> events;
  int64_t project_id = 0;
  std::vector<int64_t> namespace_ids;
  std::string id;
  std::string event_catalogue;
};

struct EmitOptions {
  ClientOptions client;
  EventFileOptions files;
};

struct ExplainOptions {
  ClientOptions client;
  EventFileOptions files;  // one event; its project_id is the subscriber's too
  std::string request_id;  // instead of an event
  int limit = 100;
};

struct ConditionOptions {
  std::string expression;  // - = standard input, one a line
  std::string event;       // files
  std::string variables;
  std::string inputs;
  bool json = false;
};

struct RequestsOptions {
  ClientOptions client;
  std::string request_id;  // show
  int64_t project_id = 0;
  std::string state;
  int limit = 100;
  int lease_max = 1;
  bool complete = false;
  int64_t pipeline_id = 1;
};

struct SpoolOptions {
  std::string dir;
  bool json = false;
};

struct SpoolDrainOptions {
  std::string dir;
  std::string database_url;
  bool json = false;
};

struct SubscriptionsOptions {
  ClientOptions client;
  int64_t project_id = 0;
};

struct EventsOptions {
  std::string webhook;
  std::string event_catalogue;
  bool json = false;
};

}  // namespace cievents::cli

#endif  // SERVICES_CLI_OPTIONS_H_
