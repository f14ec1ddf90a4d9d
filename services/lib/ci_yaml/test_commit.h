// A commit in words, for tests: files by path, then what is asked of it.
#ifndef SERVICES_LIB_CI_YAML_TEST_COMMIT_H_
#define SERVICES_LIB_CI_YAML_TEST_COMMIT_H_

#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/ci_yaml/assemble.h"

namespace cievents::ci_yaml {

class Commit {
 public:
  Commit& Add(const std::string& path, const std::string& content) {
    contents_[path] = content;
    request_.manifest_paths.push_back(path);
    return *this;
  }
  // Stands in the manifest; its content is not known yet.
  Commit& AddUnknown(const std::string& path) {
    request_.manifest_paths.push_back(path);
    return *this;
  }
  // The last good version of a file that is broken, or unknown, in this commit.
  Commit& WithLastGood(const std::string& path, const std::string& content) {
    last_good_[path] = content;
    return *this;
  }
  AssembleRequest& request() { return request_; }

  Assembly Assemble() {
    const auto catalogue = Catalogue::BuiltIn();
    request_.catalogue = catalogue.get();
    request_.lookup = [this](std::string_view path, FileRole role, CommitFile* file) {
      EXPECT_THAT(request_.manifest_paths, ::testing::Contains(std::string(path)));
      const auto content = contents_.find(std::string(path));
      if (content == contents_.end()) {
        const auto good = last_good_.find(std::string(path));
        if (good != last_good_.end()) file->live = Parse(role, path, good->second);
        return FilePresence::kUnknown;
      }
      file->parsed = Parse(role, path, content->second);
      file->live = file->parsed;
      if (HasErrors(file->parsed->issues)) {
        const auto good = last_good_.find(std::string(path));
        file->live = good == last_good_.end() ? nullptr : Parse(role, path, good->second);
      }
      return FilePresence::kGiven;
    };
    return ci_yaml::Assemble(request_);
  }

 private:
  const ParsedFile* Parse(FileRole role, std::string_view path, std::string_view content) {
    parsed_.push_back(
        std::make_unique<ParsedFile>(ParseFile(role, path, content, *Catalogue::BuiltIn())));
    return parsed_.back().get();
  }

  AssembleRequest request_;
  std::map<std::string, std::string> contents_;
  std::map<std::string, std::string> last_good_;
  std::vector<std::unique_ptr<ParsedFile>> parsed_;
};

// PATH(patterns of all entries){include inputs}
inline std::vector<std::string> Drafts(const Assembly& assembly) {
  std::vector<std::string> texts;
  for (const SubscriptionDraft& draft : assembly.drafts) {
    std::string text = draft.path + "(";
    for (const matcher::Entry& entry : draft.entries) {
      for (const matcher::Pattern& pattern : entry.patterns) {
        text += (text.back() == '(' ? "" : " ") + pattern.text();
      }
    }
    text += ")";
    for (const matcher::InputBinding& input : draft.include_inputs) {
      text += input.name + "=" + input.value_json;
    }
    texts.push_back(text);
  }
  return texts;
}

inline std::vector<std::string> Issues(const Assembly& assembly) {
  std::vector<std::string> texts;
  for (const Issue& issue : assembly.issues) {
    texts.push_back(fmt::format("{}:{}:{} {}", issue.file, issue.line, issue.column, issue.code));
  }
  return texts;
}

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_TEST_COMMIT_H_
