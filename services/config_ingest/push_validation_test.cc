#include "services/config_ingest/push_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace cievents::config_ingest {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Push ValidPush() {
  Push push;
  push.project_id = 1;
  push.namespace_ids = {10, 11};
  push.default_branch = "main";
  push.commit_sha = "c0ffee";
  push.has_manifest = true;
  push.manifest = {{".gitlab-ci.yml", "b1"}, {"ci/a.yml", "b2"}};
  push.contents[".gitlab-ci.yml"] = "job: {script: a}";
  return push;
}

std::vector<std::string> Messages(const Push& push) {
  std::vector<std::string> messages;
  for (const Issue& issue : ValidatePush(push)) {
    EXPECT_EQ(issue.severity, Severity::kError);
    EXPECT_EQ(issue.code, "invalid-push");
    messages.push_back(issue.message);
  }
  return messages;
}

TEST(PushValidationTest, AValidPushHasNoIssues) { EXPECT_THAT(Messages(ValidPush()), IsEmpty()); }

struct Case {
  const char* name;
  std::function<void(Push*)> spoil;
  const char* says;
};

TEST(PushValidationTest, EveryFieldIsCheckedAndNamed) {
  const std::vector<Case> cases = {
      {"no project", [](Push* p) { p->project_id = 0; }, "project_id"},
      {"no namespaces", [](Push* p) { p->namespace_ids.clear(); }, "namespace_ids"},
      {"33 namespaces", [](Push* p) { p->namespace_ids.assign(33, 1); }, "namespace_ids"},
      {"a namespace 0", [](Push* p) { p->namespace_ids.push_back(0); }, "namespace_ids"},
      {"no default branch", [](Push* p) { p->default_branch = ""; }, "default_branch"},
      {"no commit", [](Push* p) { p->commit_sha = ""; }, "commit_sha"},
      {"a negative sequence", [](Push* p) { p->push_sequence = -1; }, "push_sequence"},
      {"a sequence over its limit", [](Push* p) { p->push_sequence = kPushSequenceMax + 1; },
       "push_sequence"},
      {"a negative user", [](Push* p) { p->run_as_user_id = -1; }, "run_as_user_id"},
      {"NUL in the ref", [](Push* p) { p->ref = std::string("a\0b", 3); }, "ref"},
      {"NUL in a blob id", [](Push* p) { p->manifest[0].blob_id = std::string("a\0b", 3); },
       "blob_id"},
      {"an absolute CI file", [](Push* p) { p->ci_config_path = "/ci.yml"; }, "ci_config_path"},
      {"an empty path", [](Push* p) { p->manifest[1].path = ""; }, "empty"},
      {"a path twice", [](Push* p) { p->manifest[1].path = ".gitlab-ci.yml"; }, "twice"},
      {"content outside the manifest", [](Push* p) { p->contents["x.yml"] = ""; }, "x.yml"},
      {"no manifest but contents",
       [](Push* p) {
         p->has_manifest = false;
         p->manifest.clear();
       },
       "has_manifest"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    Push push = ValidPush();
    one.spoil(&push);
    EXPECT_THAT(Messages(push), Contains(HasSubstr(one.says)));
  }
}

struct Limit {
  const char* name;
  std::function<void(Push*, size_t)> set;
  size_t max;
};

TEST(PushValidationTest, LimitsHoldAtTheirValueAndNotOneBeyond) {
  const std::vector<Limit> limits = {
      {"commit_sha", [](Push* p, size_t n) { p->commit_sha.assign(n, 'a'); }, kCommitShaBytesMax},
      {"previous_commit_sha", [](Push* p, size_t n) { p->previous_commit_sha.assign(n, 'a'); },
       kCommitShaBytesMax},
      {"default_branch", [](Push* p, size_t n) { p->default_branch.assign(n, 'a'); }, kRefBytesMax},
      {"ref", [](Push* p, size_t n) { p->ref.assign(n, 'a'); }, kRefBytesMax},
      {"project_path", [](Push* p, size_t n) { p->project_path.assign(n, 'a'); }, kPathBytesMax},
      {"manifest", [](Push* p, size_t n) { p->manifest[1].path.assign(n, 'a'); }, kPathBytesMax},
      {"blob id", [](Push* p, size_t n) { p->manifest[1].blob_id.assign(n, 'a'); },
       kBlobIdBytesMax},
      {"files", [](Push* p, size_t n) { p->contents[".gitlab-ci.yml"].assign(n, 'a'); },
       kContentsBytesMax},
      {"changed_paths", [](Push* p, size_t n) { p->changed_paths.assign(n, "a"); },
       kChangedPathsMax},
      {"namespace_ids", [](Push* p, size_t n) { p->namespace_ids.assign(n, 1); }, kNamespacesMax},
      {"permissions.project_ids",
       [](Push* p, size_t n) { p->permissions.project_ids.assign(n, 1); }, kPermittedProjectsMax},
      {"manifest has",
       [](Push* p, size_t n) {
         for (size_t i = p->manifest.size(); i < n; ++i) {
           p->manifest.push_back({std::to_string(i), "b"});
         }
       },
       kManifestEntriesMax},
  };
  for (const Limit& limit : limits) {
    SCOPED_TRACE(limit.name);
    Push push = ValidPush();
    limit.set(&push, limit.max);
    EXPECT_THAT(Messages(push), IsEmpty());
    limit.set(&push, limit.max + 1);
    EXPECT_THAT(Messages(push), Contains(HasSubstr(limit.name)));
  }
}

TEST(PushValidationTest, AHopelessManifestDoesNotMakeAHopelessAnswer) {
  Push push = ValidPush();
  for (int i = 0; i < 5000; ++i) push.manifest.push_back({"/" + std::to_string(i), ""});
  EXPECT_LE(ValidatePush(push).size(), 25u);
  EXPECT_GE(ValidatePush(push).size(), 20u);
}

TEST(PushValidationTest, HintsWithoutAManifestAreValid) {
  Push push = ValidPush();
  push.has_manifest = false;
  push.manifest.clear();
  push.contents.clear();
  push.previous_commit_sha = "before";
  push.changed_paths = {"a.yml"};
  EXPECT_THAT(Messages(push), IsEmpty());
}

}  // namespace
}  // namespace cievents::config_ingest
