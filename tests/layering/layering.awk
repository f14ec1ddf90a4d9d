# The folder table, as data. A file belongs to the longest folder that is a prefix of its path.
BEGIN {
  # allow[folder] = the project folders that it may include, beside itself.
  allow["matcher/base"] = ""
  allow["matcher"] = "matcher/base"
  allow["matcher/event"] = "matcher/base"
  allow["matcher/condition"] = "matcher/base matcher/event"
  allow["matcher/inputs"] = "matcher matcher/base matcher/event matcher/condition"
  allow["matcher/access"] = "matcher/base matcher/event matcher/condition"
  allow["matcher/index"] = "matcher matcher/base matcher/event matcher/condition matcher/inputs matcher/access"
  engine = allow["matcher/index"] " matcher/index"
  allow["migrations"] = ""
  allow["services/lib/yaml"] = "matcher/base"
  allow["services/lib/base"] = "matcher/base services/lib/yaml"
  allow["services/lib/catalogue"] = engine " services/lib/base services/lib/yaml"
  allow["services/lib/ci_yaml"] = allow["services/lib/catalogue"] " services/lib/catalogue"
  allow["services/lib/event_formats"] = engine " services/lib/base services/lib/catalogue"
  allow["services/lib/store"] = engine " migrations services/lib/base"
  allow["services/lib/spool"] = "matcher/base services/lib/base"
  allow["services/lib/client"] = engine " services/lib/base cievents"
  lib = engine " services/lib/yaml services/lib/base services/lib/catalogue " \
        "services/lib/ci_yaml services/lib/event_formats services/lib/store services/lib/spool " \
        "services/lib/client cievents"
  allow["services/config_ingest"] = lib
  allow["services/event_matcher"] = lib
  allow["services/pipeline_dispatcher"] = lib
  allow["services/cli"] = "*"
  allow["tests"] = "*"
  allow["loadtest"] = "*"

  # Libraries that live behind one door: only[header prefix] = where it may be included.
  only["pqxx/"] = "services/lib/store tests loadtest"
  only["libpq-fe.h"] = "services/lib/store tests loadtest"
  only["sqlite3.h"] = "services/lib/spool"
  only["yaml-cpp/"] = "services/lib/yaml loadtest"
  only["spdlog/"] = "services/lib/base/log.cc"
  only["CLI/"] = "services/cli/parser.cc"
  grpc = "services/lib/base/grpc_ services/lib/client services/config_ingest services/event_matcher " \
         "services/pipeline_dispatcher services/cli tests loadtest"
  only["grpcpp/"] = grpc
  only["grpc/"] = grpc
  only["google/protobuf/"] = grpc
  only["prometheus/"] = "services/lib/base/metrics_server services/event_matcher/matcher_metrics"
  only["google/rpc/"] = "services/lib/base/grpc_status.cc"
  only["cievents/"] = grpc
  only["io/cloudevents/"] = grpc

  # matcher/ is a pure library: of external headers only these, and the C++ standard's.
  pure = "absl/ fmt/ re2/ simdjson gtest/ gmock/ benchmark/"
}

function has_prefix(text, prefix) { return substr(text, 1, length(prefix)) == prefix }

function listed(list, text,    words, count, i) {
  count = split(list, words, " ")
  for (i = 1; i <= count; i++) if (has_prefix(text, words[i])) return 1
  return 0
}

function folder_of(path,    best, folder) {
  best = ""
  for (folder in allow) {
    if (has_prefix(path, folder "/") && length(folder) > length(best)) best = folder
  }
  return best
}

function complain(text) {
  printf "%s:%d: #include %s: %s\n", FILENAME, FNR, header, text
  failed = 1
}

FNR == 1 { home = folder_of(FILENAME) }

/^#include [<"]/ {
  header = $2
  name = substr(header, 2, length(header) - 2)
  quoted = substr(header, 1, 1) == "\""
  for (prefix in only) {
    if (has_prefix(name, prefix) && !listed(only[prefix], FILENAME)) {
      complain("only these may include it: " only[prefix])
      next
    }
  }
  target = folder_of(name)
  is_test = FILENAME ~ /_(test|benchmark|fuzz)\.cc$/ || FILENAME ~ /\/testing\//
  if (target != "" && target != home && allow[home] != "*") {
    ok = 0
    count = split(allow[home], words, " ")
    for (i = 1; i <= count; i++) if (words[i] == target) ok = 1
    # A unit test may use its neighbours' test fixtures and what they need.
    if (is_test && name ~ /\/testing\//) ok = 1
    if (is_test && has_prefix(home, "matcher") && name == "services/lib/base/sha256.h") ok = 1
    if (!ok) complain(home "/ may include only itself and: " (allow[home] == "" ? "(nothing)" : allow[home]))
    next
  }
  if (has_prefix(home, "matcher")) {
    external = target == "" && (quoted || name ~ /\//)
    if (external && !listed(pure, name) && name !~ /^sys\// && !is_test) {
      complain("matcher/ may include only the standard library, itself and: " pure)
    }
  }
}

END { exit failed }
