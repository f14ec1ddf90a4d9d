// Every code that an issue of a user's file can have, with its severity. docs/issues.md explains
// each with an example and its cure; a test keeps the two the same.
#ifndef SERVICES_LIB_CI_YAML_ISSUE_CODES_H_
#define SERVICES_LIB_CI_YAML_ISSUE_CODES_H_

#include <span>
#include <string_view>

#include "services/lib/base/issue.h"

namespace cievents::ci_yaml {

struct IssueCode {
  std::string_view text;  // stable: scripts read it
  Severity severity = Severity::kError;
};

// The text of the file (services/lib/yaml).
inline constexpr IssueCode kYamlSyntax{"yaml-syntax", Severity::kError};
inline constexpr IssueCode kYamlTooDeep{"yaml-too-deep", Severity::kError};
inline constexpr IssueCode kYamlTooManyNodes{"yaml-too-many-nodes", Severity::kError};
inline constexpr IssueCode kYamlTooManyAliases{"yaml-too-many-aliases", Severity::kError};
inline constexpr IssueCode kYamlDuplicateKey{"yaml-duplicate-key", Severity::kError};
inline constexpr IssueCode kYamlNotUtf8{"yaml-not-utf8", Severity::kError};
inline constexpr IssueCode kFileTooLarge{"file-too-large", Severity::kError};
inline constexpr IssueCode kTooManyIssues{"too-many-issues", Severity::kWarning};

// Documents and the header.
inline constexpr IssueCode kHeaderTooLarge{"header-too-large", Severity::kError};
inline constexpr IssueCode kHeaderNotClosed{"header-not-closed", Severity::kWarning};
inline constexpr IssueCode kTooManyDocuments{"too-many-documents", Severity::kError};

// Keys and values.
inline constexpr IssueCode kUnknownKey{"unknown-key", Severity::kError};
inline constexpr IssueCode kWrongType{"wrong-type", Severity::kError};
inline constexpr IssueCode kBadValue{"bad-value", Severity::kError};

// Events, patterns and entries.
inline constexpr IssueCode kBadPattern{"bad-pattern", Severity::kError};
inline constexpr IssueCode kMissingName{"missing-name", Severity::kError};
inline constexpr IssueCode kEmptyEvents{"empty-events", Severity::kWarning};
inline constexpr IssueCode kUnknownEvent{"unknown-event", Severity::kWarning};
inline constexpr IssueCode kUnknownEventType{"unknown-event-type", Severity::kError};
inline constexpr IssueCode kEventTypesDiffer{"event-types-differ", Severity::kError};
inline constexpr IssueCode kMatchesEverything{"matches-everything", Severity::kWarning};
inline constexpr IssueCode kSubjectOnly{"subject-only", Severity::kWarning};
inline constexpr IssueCode kDeeperNames{"deeper-names", Severity::kInfo};
inline constexpr IssueCode kEmptyRules{"empty-rules", Severity::kError};
inline constexpr IssueCode kUnsupportedRuleKey{"unsupported-rule-key", Severity::kError};
inline constexpr IssueCode kJobRunsOnEveryEvent{"job-runs-on-every-event", Severity::kInfo};
inline constexpr IssueCode kEventStoppedByWorkflow{"event-stopped-by-workflow", Severity::kWarning};
inline constexpr IssueCode kBodyTooLarge{"body-too-large", Severity::kWarning};
inline constexpr IssueCode kTooManyPatterns{"too-many-patterns", Severity::kError};
inline constexpr IssueCode kTooManyInputs{"too-many-inputs", Severity::kError};
inline constexpr IssueCode kBadCondition{"bad-condition", Severity::kError};
inline constexpr IssueCode kTooExpensive{"too-expensive", Severity::kError};
inline constexpr IssueCode kBadInput{"bad-input", Severity::kError};
inline constexpr IssueCode kUndeclaredInputs{"undeclared-inputs", Severity::kWarning};
inline constexpr IssueCode kUnconstrainedEventInput{"unconstrained-event-input",
                                                    Severity::kWarning};
inline constexpr IssueCode kEventTextInScript{"event-text-in-script", Severity::kWarning};
inline constexpr IssueCode kOptionWithoutEffect{"option-without-effect", Severity::kInfo};
inline constexpr IssueCode kCommentWithoutActor{"comment-without-actor", Severity::kWarning};
inline constexpr IssueCode kSameAct{"same-act", Severity::kInfo};

// Includes.
inline constexpr IssueCode kBadInclude{"bad-include", Severity::kError};
inline constexpr IssueCode kIncludeNotFollowed{"include-not-followed", Severity::kInfo};
inline constexpr IssueCode kLeftToPipelineCreation{"left-to-pipeline-creation", Severity::kInfo};
inline constexpr IssueCode kIncludeInputsTooLarge{"include-inputs-too-large", Severity::kError};
inline constexpr IssueCode kIncludeNotFound{"include-not-found", Severity::kError};
inline constexpr IssueCode kIncludeNotYaml{"include-not-yaml", Severity::kError};
inline constexpr IssueCode kIncludeMatchesNothing{"include-matches-nothing", Severity::kWarning};
inline constexpr IssueCode kTooManyIncludes{"too-many-includes", Severity::kError};
inline constexpr IssueCode kIncludesTooDeep{"includes-too-deep", Severity::kError};
inline constexpr IssueCode kWorkflowEventsInInclude{"workflow-events-in-include",
                                                    Severity::kWarning};
inline constexpr IssueCode kSubscribedAsIncluded{"subscribed-as-included", Severity::kInfo};

// The files of a commit together.
inline constexpr IssueCode kCiFileMissing{"ci-file-missing", Severity::kError};
inline constexpr IssueCode kMisspelledPath{"misspelled-path", Severity::kWarning};
inline constexpr IssueCode kNotIncluded{"not-included", Severity::kWarning};
inline constexpr IssueCode kRejectedByGitlab{"rejected-by-gitlab", Severity::kWarning};
inline constexpr IssueCode kScopeNotAllowed{"scope-not-allowed", Severity::kError};
inline constexpr IssueCode kConfidentialNotAllowed{"confidential-not-allowed", Severity::kError};
inline constexpr IssueCode kTooManyFiles{"too-many-files", Severity::kError};
inline constexpr IssueCode kTooManySubscriptions{"too-many-subscriptions", Severity::kError};

// All of the above, in this order.
std::span<const IssueCode> AllIssueCodes();

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_ISSUE_CODES_H_
