// A project of a test: ids that no other test has, its files, and what is asked of the server about
// it.
#ifndef TESTS_INTEGRATION_PROJECT_H_
#define TESTS_INTEGRATION_PROJECT_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/wire.h"

namespace cievents::integration {

// Waits until the matcher has seen every push that was answered before.
void AwaitMatcher();

// An event of now, with an id of its own.
Event MakeEvent(std::string_view name);
// Publishes one event, which must have an outcome.
EventOutcome Publish(const Event& event);

// CODE at FILE:LINE
std::vector<std::string> IssueCodes(const PushConfigResponse& response);
// The first issue with this code; an empty one if there is none.
config::v1::Issue FindIssue(const PushConfigResponse& response, std::string_view code);
std::string ResultName(const PushConfigResponse& response);

class Project {
 public:
  Project();

  int64_t id() const { return id_; }
  int64_t root_id() const { return root_id_; }

  Project& Set(const std::string& path, const std::string& content) {
    files_[path] = content;
    return *this;
  }
  Project& Remove(const std::string& path) {
    files_.erase(path);
    return *this;
  }
  const std::map<std::string, std::string>& files() const { return files_; }

  // The push of the files as they are now, with the manifest and no contents.
  PushConfigRequest Request() const;
  // Applied through the client library and seen by the matcher.
  PushConfigResponse Push() const { return Push(Request()); }
  PushConfigResponse Push(const PushConfigRequest& request) const;

  // An event of this project.
  Event MakeEvent(std::string_view name) const;
  // How many subscriptions an event of this project fires; -1 if it is not accepted.
  int Fires(std::string_view name) const { return Fires(MakeEvent(name)); }
  int Fires(const Event& event) const;

  std::vector<config::v1::Subscription> Subscriptions() const;
  // subscription id by "PATH INPUTS"
  std::map<std::string, int64_t> Ids() const;
  // Newest event first.
  std::vector<PipelineRequest> Requests() const;

 private:
  int64_t id_;
  int64_t root_id_;
  std::map<std::string, std::string> files_;
};

}  // namespace cievents::integration

#endif  // TESTS_INTEGRATION_PROJECT_H_
