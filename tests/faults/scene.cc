#include "tests/faults/scene.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <thread>
#include <utility>

#include "services/lib/store/testing/test_database.h"

namespace cievents::faults {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kOvertakenMax{6};

Emitter::Options ProbeEmitter(const Roles& roles, uint64_t seed) {
  Emitter::Options options;
  options.endpoint = roles.matcher_endpoint();
  options.name = "probe";
  options.seed = seed;
  return options;
}

}  // namespace

Scene::Scene(Form form, uint64_t seed, const std::vector<Project>& projects, Roles* roles,
             Ledger* ledger, LoadControl* control, std::chrono::seconds recover_max)
    : form_(form),
      recover_max_(recover_max),
      roles_(roles),
      ledger_(ledger),
      control_(control),
      random_(seed),
      probe_(OfKind(projects, ProjectKind::kProbe)[0]),
      slow_probe_(OfKind(projects, ProjectKind::kProbe)[1]),
      pusher_(roles->ingest_endpoint(), seed, ledger),
      slow_pusher_(roles->ingest_endpoint(), seed, ledger),
      emitter_(ProbeEmitter(*roles, seed), ledger) {}

Scene::~Scene() = default;

void Scene::BeginFault() { ledger_->SetDown(); }

bool Scene::AwaitLive(const Project& project, const std::string& name, TimePoint give_up) {
  oracle::NaiveEvent event;
  event.names = {name};
  event.project_id = project.project_id;
  event.namespace_ids = project.namespace_ids;
  while (emitter_.EmitOnce(event) <= 0) {
    if (Clock::now() > give_up) return false;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return true;
}

void Scene::EndFault() {
  const TimePoint healed = healing_.value_or(Clock::now());
  healing_.reset();
  const TimePoint give_up = healed + recover_max_;
  const std::string name = fmt::format("custom/probe/{}", ++names_);
  const bool live = pusher_.Push(probe_, ConfigurationFor(name), give_up).has_value() &&
                    AwaitLive(probe_, name, give_up);
  const milliseconds took = duration_cast<milliseconds>(Clock::now() - healed);
  longest_recovery_ = std::max(longest_recovery_, took);
  if (!live) {
    ledger_->AddViolation(Violation::Kind::kLate,
                          fmt::format("{} ms after the fault was taken away no "
                                      "new push is live, or no event that it "
                                      "matches is acknowledged",
                                      took.count()));
  }
  ledger_->SetUp();
}

bool Scene::OvertakeAPush() {
  const std::string first = fmt::format("custom/slow/{}", ++names_);
  const std::string second = fmt::format("custom/slow/{}", ++names_);
  const std::string quick = fmt::format("custom/quick/{}", ++names_);
  const auto give_up = [] { return Clock::now() + kOvertakenMax; };
  if (!slow_pusher_.Push(slow_probe_, ConfigurationFor(first), give_up()).has_value()) return false;
  // The push has its transaction id once it has locked its project's row.
  HeldSession holder(roles_->dsn(),
                     fmt::format("BEGIN; SELECT FROM cievents.subscriptions WHERE project_id = {}"
                                 " FOR UPDATE",
                                 slow_probe_.project_id));
  auto slow = std::async(std::launch::async, [&] {
    return slow_pusher_.Push(slow_probe_, ConfigurationFor(second), give_up());
  });
  const std::string blocked =
      fmt::format("SELECT count(*) FROM pg_stat_activity WHERE {} = ANY (pg_blocking_pids(pid))",
                  holder.backend());
  if (!Until(kOvertakenMax, [&] { return Sql(blocked) != "0"; })) Wrong("no push is held up");
  const bool overtaken = pusher_.Push(probe_, ConfigurationFor(quick), give_up()).has_value() &&
                         AwaitLive(probe_, quick, give_up());
  if (!overtaken) Wrong("a push does not overtake one that is held up");
  if (holder.Run("ROLLBACK") != "") Wrong(holder.error());
  if (slow.get().has_value() && AwaitLive(slow_probe_, second, give_up())) return true;
  ledger_->AddViolation(Violation::Kind::kLate, "a push that was overtaken is never seen live");
  return false;
}

std::string Scene::Sql(const std::string& sql) {
  std::string answer = store::Sql(roles_->dsn(), sql);
  if (answer.rfind("ERROR", 0) == 0) Wrong(answer + " in: " + sql);
  return answer;
}

void Scene::Wrong(std::string text) {
  ledger_->AddViolation(Violation::Kind::kWrong, std::move(text));
}

bool Scene::Check(const absl::Status& status) {
  if (!status.ok()) Wrong(status.ToString());
  return status.ok();
}

void Scene::Let(milliseconds time) const { std::this_thread::sleep_for(time); }

bool Scene::Until(std::chrono::seconds limit, const std::function<bool()>& holds) const {
  const TimePoint end = Clock::now() + limit;
  while (!holds()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

void Scene::Note(std::string_view text) { notes_ += fmt::format("      {}\n", text); }

HeldSession::HeldSession(const std::string& dsn, const std::string& sql)
    : connection_(PQconnectdb(dsn.c_str())) {
  PQsetNoticeProcessor(
      static_cast<PGconn*>(connection_), [](void*, const char*) {}, nullptr);
  if (!sql.empty()) Run(sql);
}

HeldSession::~HeldSession() { PQfinish(static_cast<PGconn*>(connection_)); }

bool HeldSession::connected() const {
  return PQstatus(static_cast<PGconn*>(connection_)) == CONNECTION_OK;
}

int HeldSession::backend() const { return PQbackendPID(static_cast<PGconn*>(connection_)); }

std::string HeldSession::Run(const std::string& sql) {
  PGresult* result = PQexec(static_cast<PGconn*>(connection_), sql.c_str());
  const ExecStatusType status = PQresultStatus(result);
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  std::string code;
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    code = state == nullptr ? "08006" : state;
  }
  error_ = code.empty() ? "" : PQerrorMessage(static_cast<PGconn*>(connection_));
  PQclear(result);
  return code;
}

int64_t HeldSession::Number(const std::string& sql) {
  PGresult* result = PQexec(static_cast<PGconn*>(connection_), sql.c_str());
  const bool answered = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
  const int64_t number = answered ? std::atoll(PQgetvalue(result, 0, 0)) : -1;
  PQclear(result);
  return number;
}

}  // namespace cievents::faults
