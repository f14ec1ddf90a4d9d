// Where the ingest is measured: a private Postgres with fsync, the ingest role behind gRPC, and
// clients in this process.
#ifndef LOADTEST_INGEST_STAGE_H_
#define LOADTEST_INGEST_STAGE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cievents/config/v1/config.grpc.pb.h"

namespace cievents::loadtest {

class Stage {
 public:
  // Ends the process with a message if anything does not start.
  Stage();
  ~Stage();

  const std::string& dsn() const;
  // A stub on a channel of its own. `Empty`: a server whose PushConfig does nothing.
  using Stub = cievents::config::v1::ConfigService::Stub;
  std::unique_ptr<Stub> NewStub() const;
  std::unique_ptr<Stub> NewEmptyStub() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Files that subscribe a project ten times; the two versions differ in every file.
inline constexpr int kFilesPerProject = 10;
struct PushedFile {
  std::string path;
  std::string blob_id;
  std::string content;
};
std::vector<PushedFile> MakeFiles(int version);

// A push with its manifest and contents. `sequence` 0: the next one.
cievents::config::v1::PushConfigRequest MakePush(int64_t project_id, int version);
// A push that follows `commit` and touches `paths` paths of no interest.
cievents::config::v1::PushConfigRequest MakeHint(int64_t project_id, const std::string& commit,
                                                 int paths);

// Ends the process unless the answer has `result`.
void Push(cievents::config::v1::ConfigService::Stub& stub,
          const cievents::config::v1::PushConfigRequest& request,
          cievents::config::v1::PushResult result);

}  // namespace cievents::loadtest

#endif  // LOADTEST_INGEST_STAGE_H_
