#include "matcher/condition/compiled.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace cievents::matcher {
namespace {

ConditionError At(size_t offset, std::string message) {
  return {static_cast<int>(offset) + 1, std::move(message), {}};
}

class Compiler {
 public:
  Compiler(EventPathTable& paths, RegexTable& regexes, CompiledCondition* compiled,
           ConditionError* error)
      : paths_(paths),
        regexes_(regexes),
        compiled_(*compiled),
        expression_(compiled->expression),
        error_(*error) {}

  bool Run() {
    for (Part& part : expression_.parts) {
      if (!CompilePart(&part)) return false;
    }
    for (Node& node : expression_.nodes) {
      if (!CompileNode(&node)) return false;
    }
    NumberRepeatedVariables();
    std::sort(compiled_.inputs.begin(), compiled_.inputs.end());
    compiled_.inputs.erase(std::unique(compiled_.inputs.begin(), compiled_.inputs.end()),
                           compiled_.inputs.end());
    compiled_.cost.tokens = expression_.tokens;
    compiled_.cost.paths = static_cast<int>(compiled_.paths.size());
    // GitLab alone can decide it, so it is as good as one that names a variable.
    if (expression_.undecidable) compiled_.has_variables = true;
    ShrinkToFit();
    return true;
  }

 private:
  bool CompilePart(Part* part) {
    const std::string_view source = expression_.Source(part->begin, part->end);
    if (part->kind == Part::Kind::kInput) compiled_.inputs.emplace_back(source);
    if (part->kind != Part::Kind::kEvent) return true;
    absl::StatusOr<std::shared_ptr<const EventPath>> path = paths_.Intern(source);
    if (!path.ok()) {
      const absl::string_view message = path.status().message();
      error_ = At(part->begin, std::string(message.data(), message.size()));
      return false;
    }
    if ((*path)->root == EventPath::Root::kName) compiled_.uses_event_name = true;
    const auto found = std::find(compiled_.paths.begin(), compiled_.paths.end(), *path);
    part->path = static_cast<uint16_t>(found - compiled_.paths.begin());
    if (found == compiled_.paths.end()) compiled_.paths.push_back(*std::move(path));
    return true;
  }

  bool CompileNode(Node* node) {
    switch (node->kind) {
      case NodeKind::kVariable:
        compiled_.has_variables = true;
        node->operand = 0;
        return true;
      case NodeKind::kString:
        node->operand = 0;
        return true;
      case NodeKind::kEvent:
        node->operand = expression_.parts[node->operand].path;
        return true;
      case NodeKind::kPattern: {
        const std::optional<std::string> source = PatternSource(expression_.Content(*node));
        if (!source.has_value()) {
          error_ = At(node->begin,
                      "Invalid regular expression! A pattern ends on the line where it "
                      "begins");
          return false;
        }
        return AddRegex(*source, *node, &node->operand);
      }
      case NodeKind::kMatches:
      case NodeKind::kNotMatches:
        return CompileStringPattern(&expression_.nodes[node->right]);
      default:
        return true;
    }
  }

  // `=~ "/../"` is a pattern too, if it is a valid one; else a text.
  bool CompileStringPattern(Node* node) {
    if (node->kind != NodeKind::kString || node->operand != 0) return true;
    const std::optional<std::string> source = PatternSource(expression_.Content(*node));
    if (!source.has_value()) return true;
    uint16_t regex = 0;
    if (AddRegex(*source, *node, &regex)) {
      node->operand = static_cast<uint16_t>(regex + 1);
      return true;
    }
    return regex_error_ == Regex::Error::kSyntax;
  }

  bool AddRegex(std::string_view source, const Node& node, uint16_t* index) {
    std::string message;
    std::shared_ptr<const Regex> regex = regexes_.Intern(source, &regex_error_, &message);
    if (regex == nullptr) {
      error_ = At(node.begin, fmt::format("Invalid regular expression! {}", message));
      return false;
    }
    *index = static_cast<uint16_t>(compiled_.regexes.size());
    if (regex->shape() == Regex::Shape::kEngine) {
      ++compiled_.cost.regexes;
      compiled_.cost.regex_program += regex->program_size();
    }
    compiled_.regexes.push_back(std::move(regex));
    return true;
  }

  void NumberRepeatedVariables() {
    std::map<std::string_view, int> count;
    for (const Node& node : expression_.nodes) {
      if (node.kind == NodeKind::kVariable) ++count[expression_.Content(node)];
    }
    std::map<std::string_view, uint16_t> number;
    for (Node& node : expression_.nodes) {
      if (node.kind != NodeKind::kVariable) continue;
      const std::string_view name = expression_.Content(node);
      if (count[name] == 1) continue;
      const auto next = static_cast<uint16_t>(number.size() + 1);
      node.operand = number.try_emplace(name, next).first->second;
    }
    compiled_.repeated_variables = static_cast<uint8_t>(number.size());
  }

  void ShrinkToFit() {
    expression_.text.shrink_to_fit();
    expression_.nodes.shrink_to_fit();
    expression_.parts.shrink_to_fit();
    compiled_.paths.shrink_to_fit();
    compiled_.regexes.shrink_to_fit();
    compiled_.inputs.shrink_to_fit();
  }

  EventPathTable& paths_;
  RegexTable& regexes_;
  CompiledCondition& compiled_;
  Expression& expression_;
  ConditionError& error_;
  Regex::Error regex_error_ = Regex::Error::kNone;
};

}  // namespace

bool Compile(Expression expression, EventPathTable& paths, RegexTable& regexes,
             CompiledCondition* compiled, ConditionError* error) {
  compiled->expression = std::move(expression);
  return Compiler(paths, regexes, compiled, error).Run();
}

}  // namespace cievents::matcher
