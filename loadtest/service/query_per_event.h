// The proof of concept's way: ask Postgres for the subscriptions of each event, then insert what
// matched. Without gRPC, with prepared statements, and all of it in Postgres' memory.
#ifndef LOADTEST_SERVICE_QUERY_PER_EVENT_H_
#define LOADTEST_SERVICE_QUERY_PER_EVENT_H_

#include <cstdint>
#include <string>

#include "loadtest/service/bare_enqueue.h"

namespace cievents::loadtest {

// Copies the live subscriptions into a table with the one index that such a program needs. Call
// once a database.
void MakeQueryTable(const std::string& dsn);

// One connection of each kind. Not thread-safe.
class QueryPerEvent {
 public:
  explicit QueryPerEvent(const std::string& dsn);
  ~QueryPerEvent();

  // An event with this name in this project. Returns how many subscriptions it fires; if it fires
  // some, `rows` is written, in one transaction.
  int Publish(int64_t project_id, const std::string& name, std::vector<EventRows>* rows);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_QUERY_PER_EVENT_H_
