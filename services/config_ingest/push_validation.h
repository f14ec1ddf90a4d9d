// What a push must be before anything of it is read.
#ifndef SERVICES_CONFIG_INGEST_PUSH_VALIDATION_H_
#define SERVICES_CONFIG_INGEST_PUSH_VALIDATION_H_

#include <cstdint>
#include <vector>

#include "services/config_ingest/push.h"
#include "services/lib/base/issue.h"

namespace cievents::config_ingest {

inline constexpr int kNamespacesMax = 32;
inline constexpr size_t kPathBytesMax = 1024;
inline constexpr size_t kBlobIdBytesMax = 128;
inline constexpr size_t kCommitShaBytesMax = 64;
inline constexpr size_t kRefBytesMax = 1024;
inline constexpr size_t kContentsBytesMax = 64 * 1024 * 1024;
// Past 10,000 YAML files each is an error of its own, and the rest still counts; past this nothing.
inline constexpr size_t kManifestEntriesMax = 200'000;
inline constexpr size_t kPermittedProjectsMax = 1000;
inline constexpr size_t kChangedPathsMax = 10'000;
// Leaves room for "the stored one plus 1", for ever.
inline constexpr int64_t kPushSequenceMax = int64_t{1} << 62;

// Errors with the code `invalid-push`; empty = the push may be read.
std::vector<Issue> ValidatePush(const Push& push);

}  // namespace cievents::config_ingest

#endif  // SERVICES_CONFIG_INGEST_PUSH_VALIDATION_H_
