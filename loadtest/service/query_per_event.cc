#include "loadtest/service/query_per_event.h"

#include <libpq-fe.h>

#include "loadtest/service/server_process.h"
#include "loadtest/service/stage.h"

namespace cievents::loadtest {

void MakeQueryTable(const std::string& dsn) {
  RunSql(dsn,
         "CREATE TABLE IF NOT EXISTS public.query_subscriptions AS"
         " SELECT s.project_id, s.entries -> 0 -> 'patterns' ->> 0 AS event_name,"
         "  s.subscription_id, s.path, s.workflow_id, s.owner_user_id"
         " FROM cievents.subscriptions s WHERE s.ended_at IS NULL");
  RunSql(dsn,
         "CREATE INDEX IF NOT EXISTS query_subscriptions_idx"
         " ON public.query_subscriptions (project_id, event_name)");
  RunSql(dsn, "VACUUM ANALYZE public.query_subscriptions");
}

struct QueryPerEvent::State {
  State(const std::string& dsn, PGconn* opened) : connection(opened), insert(dsn) {}
  ~State() { PQfinish(connection); }

  PGconn* const connection;
  BareEnqueue insert;
};

QueryPerEvent::QueryPerEvent(const std::string& dsn)
    : state_(std::make_unique<State>(dsn, PQconnectdb(dsn.c_str()))) {
  PGresult* prepared =
      PQprepare(state_->connection, "find",
                "SELECT subscription_id, path, workflow_id, owner_user_id"
                " FROM public.query_subscriptions WHERE project_id = $1 AND event_name = $2",
                2, nullptr);
  if (PQresultStatus(prepared) != PGRES_COMMAND_OK) {
    Die("a query an event", PQerrorMessage(state_->connection));
  }
  PQclear(prepared);
}

QueryPerEvent::~QueryPerEvent() = default;

int QueryPerEvent::Publish(int64_t project_id, const std::string& name,
                           std::vector<EventRows>* rows) {
  const std::string id = std::to_string(project_id);
  const char* values[] = {id.c_str(), name.c_str()};
  PGresult* found =
      PQexecPrepared(state_->connection, "find", 2, values, nullptr, nullptr, /*resultFormat=*/0);
  if (PQresultStatus(found) != PGRES_TUPLES_OK) {
    Die("a query an event", PQerrorMessage(state_->connection));
  }
  const int count = PQntuples(found);
  PQclear(found);
  if (count > 0) state_->insert.Write(rows);
  return count;
}

}  // namespace cievents::loadtest
