// The baseline of the queue's writers: the bare `unnest` insert of the same rows into the same
// tables and indexes, one statement a transaction, sent by hand over libpq. Nothing is matched,
// received or answered, and no event that comes twice is looked at.
#ifndef LOADTEST_SERVICE_BARE_ENQUEUE_H_
#define LOADTEST_SERVICE_BARE_ENQUEUE_H_

#include <memory>
#include <string>
#include <vector>

#include "cievents/events/v1/events.pb.h"
#include "matcher/subscription.h"
#include "services/lib/store/enqueue_connection.h"

namespace cievents::loadtest {

struct EventRows {
  store::EventRow event;
  std::vector<store::RequestRow> requests;
};

// The rows that the matcher writes for an event (MakeEvent) that fires all subscriptions of the
// project.
EventRows MakeEventRows(const events::v1::Event& event,
                        const matcher::ProjectSubscriptions& project,
                        const std::string& inputs_json);

// Gives the events new ids, uids and times, and sorts them.
void Renew(std::vector<EventRows>* group);

// One connection. Not thread-safe.
class BareEnqueue {
 public:
  explicit BareEnqueue(const std::string& dsn);
  ~BareEnqueue();

  // Renews the events and writes them. Ends the load test if Postgres does not take them.
  void Write(std::vector<EventRows>* group);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_BARE_ENQUEUE_H_
