#include "services/lib/ci_yaml/stock_gitlab.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "matcher/inputs/block.h"
#include "services/lib/ci_yaml/body.h"
#include "services/lib/ci_yaml/header.h"
#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/ci_yaml/yaml_access.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {
namespace {

yaml::NodePtr ParseDocument(const Document& document) {
  yaml::ParseOptions options;
  options.first_line = document.first_line;
  auto parsed = yaml::Parse(document.text, options);
  const auto* root = std::get_if<yaml::NodePtr>(&parsed);
  return root == nullptr ? nullptr : *root;
}

bool HasEventBlock(std::string_view text) {
  const std::vector<matcher::BlockPlace> places = matcher::FindBlocks(text);
  return std::any_of(places.begin(), places.end(), [](const matcher::BlockPlace& place) {
    return place.data.starts_with("event.") || place.data.starts_with("gitlab.event.");
  });
}

class Checker {
 public:
  explicit Checker(std::string_view path) : sink_(path) {}

  void CheckHeader(const yaml::Node& header) {
    const yaml::Node* spec = header.Find("spec");
    if (spec == nullptr || !spec->is_map()) return;
    for (const KeyValue& item : ItemsOf(*spec)) {
      if (IsEventsKey(item.key)) Warn(item, "spec");
      // GitLab fills blocks in only where inputs are declared.
      if (item.key == "inputs" && !item.value->is_null()) has_inputs_ = true;
    }
  }

  void CheckBody(const yaml::Node& body) {
    if (!body.is_map()) return;
    for (const KeyValue& item : ItemsOf(body)) {
      if (item.key == "include") {
        CheckInclude(*item.value);
      } else if (item.value->is_map() && (item.key == "workflow" || !IsGlobalKeyword(item.key))) {
        CheckJob(item);
      }
    }
    if (has_inputs_) CheckBlocks(body);
  }

  std::vector<Issue> Take() { return sink_.Take(); }

 private:
  static bool IsEventsKey(std::string_view key) { return key == "events" || IsOnKey(key); }

  void Warn(const KeyValue& item, std::string_view where) {
    sink_.Add(kRejectedByGitlab, item.key_mark,
              fmt::format("today's GitLab refuses `{}` in `{}`, and with it every pipeline of the "
                          "project",
                          IsOnKey(item.key) ? "on" : item.key, yaml::Shorten(where)),
              "subscribe with a file of `.gitlab/ci/events/`, or with `.gitlab-ci-event.yml`");
  }

  void WarnOfBlock(yaml::Mark mark) {
    sink_.Add(kRejectedByGitlab, mark,
              "today's GitLab refuses blocks over `event`, and with them every pipeline of the "
              "project",
              "use them in a file of `.gitlab/ci/events/`");
  }

  // A job, a hidden job, or `workflow`.
  void CheckJob(const KeyValue& job) {
    for (const KeyValue& item : ItemsOf(*job.value)) {
      const bool is_workflow = job.key == "workflow";
      if (IsOnKey(item.key) || (is_workflow && item.key == "events")) Warn(item, job.key);
      if (item.key == "rules") CheckRules(*item.value);
    }
  }

  void CheckRules(const yaml::Node& rules) {
    for (const yaml::NodePtr& clause : rules.items) {
      if (clause->is_sequence()) CheckRules(*clause);
      if (!clause->is_map()) continue;
      for (const KeyValue& item : ItemsOf(*clause)) {
        if (item.key == "events") Warn(item, "rules");
        const bool is_condition = item.key == "if" && item.value->is_scalar();
        if (is_condition && !has_inputs_ && HasEventBlock(item.value->scalar)) {
          WarnOfBlock(item.value->mark);
        }
      }
    }
  }

  void CheckInclude(const yaml::Node& include) {
    for (const yaml::NodePtr& item : include.items) CheckInclude(*item);
    if (!include.is_map()) return;
    for (const KeyValue& item : ItemsOf(include)) {
      if (item.key == "with") Warn(item, "include");
    }
  }

  // The tree is bounded in depth and nodes by the parser.
  void CheckBlocks(const yaml::Node& node) {
    if (node.is_scalar() && HasEventBlock(node.scalar)) WarnOfBlock(node.mark);
    for (const yaml::NodePtr& item : node.items) CheckBlocks(*item);
    for (const yaml::MapItem& item : node.map) CheckBlocks(*item.value);
  }

  IssueSink sink_;
  bool has_inputs_ = false;
};

}  // namespace

std::vector<Issue> CheckForStockGitlab(FileRole role, std::string_view path,
                                       std::string_view content) {
  if (role != FileRole::kCiFile && role != FileRole::kIncluded) return {};
  if (content.size() > kFileBytesMax) return {};
  const Documents documents = SplitDocuments(content);
  const yaml::NodePtr first = ParseDocument(documents.first);
  if (first == nullptr) return {};
  Checker checker(path);
  const bool has_header =
      documents.second.has_value() && first->is_map() && first->Find("spec") != nullptr;
  if (!has_header) {
    checker.CheckBody(*first);
    return checker.Take();
  }
  checker.CheckHeader(*first);
  if (const yaml::NodePtr body = ParseDocument(*documents.second)) checker.CheckBody(*body);
  return checker.Take();
}

}  // namespace cievents::ci_yaml
