#include "services/lib/ci_yaml/issue_codes.h"

namespace cievents::ci_yaml {
namespace {

constexpr IssueCode kAll[] = {
    kYamlSyntax,
    kYamlTooDeep,
    kYamlTooManyNodes,
    kYamlTooManyAliases,
    kYamlDuplicateKey,
    kYamlNotUtf8,
    kFileTooLarge,
    kTooManyIssues,
    kHeaderTooLarge,
    kHeaderNotClosed,
    kTooManyDocuments,
    kUnknownKey,
    kWrongType,
    kBadValue,
    kBadPattern,
    kMissingName,
    kEmptyEvents,
    kUnknownEvent,
    kUnknownEventType,
    kEventTypesDiffer,
    kMatchesEverything,
    kSubjectOnly,
    kDeeperNames,
    kEmptyRules,
    kUnsupportedRuleKey,
    kTooManyPatterns,
    kTooManyInputs,
    kBadCondition,
    kTooExpensive,
    kBadInput,
    kOptionWithoutEffect,
    kNotSupportedYet,
    kBadInclude,
    kIncludeNotFollowed,
    kLeftToPipelineCreation,
    kIncludeInputsTooLarge,
    kIncludeNotFound,
    kIncludeNotYaml,
    kTooManyIncludes,
    kSubscribedAsIncluded,
    kCiFileMissing,
    kMisspelledPath,
    kScopeNotAllowed,
    kConfidentialNotAllowed,
    kTooManyFiles,
    kTooManySubscriptions,
};

}  // namespace

std::span<const IssueCode> AllIssueCodes() { return kAll; }

}  // namespace cievents::ci_yaml
