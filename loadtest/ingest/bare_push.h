// The statements of a push that changes ten subscriptions, sent by hand over libpqxx: what the
// ingest is compared with. No YAML, no gRPC, no difference; the values are made beforehand.
#ifndef LOADTEST_INGEST_BARE_PUSH_H_
#define LOADTEST_INGEST_BARE_PUSH_H_

#include <cstdint>
#include <memory>
#include <string>

namespace cievents::loadtest {

class BarePush {
 public:
  // Takes over the rows that the ingest wrote for versions 0 and 1 of a project: pushes 0, then 1
  // through the ingest first.
  BarePush(const std::string& dsn, int64_t project_id);
  ~BarePush();

  // Remembers the rows as they are now as those of `version`.
  void Remember(int version);
  // Writes the rows of `version`, in one transaction.
  void Push(int version);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cievents::loadtest

#endif  // LOADTEST_INGEST_BARE_PUSH_H_
