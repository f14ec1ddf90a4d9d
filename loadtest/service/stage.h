// Where the matcher service is measured: a private Postgres with fsync, databases in it, and server
// processes beside it.
#ifndef LOADTEST_SERVICE_STAGE_H_
#define LOADTEST_SERVICE_STAGE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "loadtest/harness/options.h"
#include "loadtest/service/server_process.h"

namespace cievents::loadtest {

// A database with so many subscriptions of workload S1 (two a project, one ancestor each).
struct ManySubscriptions {
  std::string dsn;
  int64_t projects = 0;
  int64_t subscriptions() const { return 2 * projects; }
};

class Stage {
 public:
  // Starts Postgres. Ends the load test with a message if anything does not start.
  Stage();
  ~Stage();

  // Makes a database with the schema and its partitions; returns its connection string.
  std::string MakeDatabase(const std::string& name) const;
  // Made when it is first asked for; the same one for all sections that ask for as many.
  const ManySubscriptions& Subscriptions(int64_t count);
  // Of a full run a million, of a quick one 20,000.
  const ManySubscriptions& Million(const Options& options);

  std::unique_ptr<ServerProcess> StartMatcher(const std::string& dsn, int writers = 2,
                                              const std::string& spool_folder = "") const;
  std::unique_ptr<ServerProcess> StartEmpty(size_t stream_answer_bytes,
                                            size_t unary_answer_bytes) const;

  double PostgresCpuSeconds() const;
  void StopPostgres();
  void RestartPostgres();

  const std::string& folder() const;  // for files of a section; goes with the stage

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Runs statements on a connection of their own; returns the first column of the first row as text,
// "" if there is none.
std::string RunSql(const std::string& dsn, const std::string& sql);

// Empties the tables of the queue, so that every window begins with the same.
void EmptyQueue(const std::string& dsn);

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_STAGE_H_
