// The time until a matched event is safe on the local disk while Postgres is stopped.
#include <fstream>
#include <memory>
#include <utility>

#include "loadtest/harness/clocks.h"
#include "loadtest/service/fan_out.h"
#include "loadtest/service/sections.h"
#include "loadtest/service/traffic.h"
#include "loadtest/service/turns.h"
#include "services/lib/spool/sqlite.h"

namespace cievents::loadtest {
namespace {

constexpr int kRounds = 7;
constexpr double kWindowSeconds = 1;
constexpr int kStreams = 4;
constexpr int kStreamWindow = 16;
constexpr int kBatches = 256;

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) Die("SQLite", std::string(value.status().message()));
  return *std::move(value);
}
void OrDie(const absl::Status& status) {
  if (!status.ok()) Die("SQLite", std::string(status.message()));
}

// What the spool cannot do without: a row in a transaction of its own, with an fsync of the log.
class BareSqlite {
 public:
  BareSqlite(const std::string& file, size_t row_bytes) : row_(row_bytes, 'x') {
    std::ofstream(file).close();  // Open wants it to exist
    connection_ = OrDie(spool::Connection::Open(file, spool::Connection::Access::kReadWrite, ""));
    OrDie(connection_->QueryText("PRAGMA journal_mode = WAL"));
    OrDie(connection_->Execute("PRAGMA synchronous = FULL"));
    OrDie(
        connection_->Execute("CREATE TABLE records (id INTEGER PRIMARY KEY, body BLOB NOT NULL)"));
    insert_ = OrDie(connection_->Prepare("INSERT INTO records (body) VALUES (?)"));
  }

  void Commit() {
    insert_.BindBlob(1, row_);
    OrDie(insert_.Run());
  }

 private:
  const std::string row_;
  std::unique_ptr<spool::Connection> connection_;
  spool::Statement insert_;  // behind the connection: it goes first
};

double MedianOfCommits(BareSqlite& bare, double seconds) {
  std::vector<double> us;
  const double end = WallSeconds() + seconds;
  while (WallSeconds() < end) {
    const double begin = WallSeconds();
    bare.Commit();
    us.push_back((WallSeconds() - begin) * 1e6);
  }
  return Percentile(std::move(us), 0.5);
}

// The texts of an event and of its requests.
size_t BytesOf(const EventRows& rows) {
  size_t bytes = rows.event.data.size() + rows.event.source.size() + rows.event.event_id.size();
  for (const store::RequestRow& request : rows.requests) {
    bytes += request.path.size() + request.commit_sha.size() + request.workflow_id.size() +
             request.inputs_json.size();
  }
  return bytes;
}

}  // namespace

void MeasureSpool(const Options& options, Stage& stage, Report* report) {
  const std::string& dsn = FanOutDatabase(stage);
  const auto matcher = stage.StartMatcher(dsn, 2, stage.folder() + "/spool");
  auto single = MakeBatches(BatchBytes::Message::kUnary, 1, 1, FanOutDraft);
  auto batch = MakeBatches(BatchBytes::Message::kUnary, 1, kEventsPerBatch, FanOutDraft);
  Prober prober(matcher->address());
  const size_t unary_bytes = prober.Expect(single[0], kFanOut).ByteSizeLong();
  const size_t stream_bytes = StreamAnswerBytes(prober.Expect(batch[0], kFanOut));
  UnaryEmitter unary(matcher->address(), 1, single);
  StreamEmitter stream(
      {matcher->address(), kStreams, kStreamWindow},
      MakeBatches(BatchBytes::Message::kStream, kBatches, kEventsPerBatch, FanOutDraft));
  BareSqlite bare(stage.folder() + "/bare.db", BytesOf(MakeFanOutRows(0, 1).front()));
  const double seconds = Window(options, kWindowSeconds);

  stage.StopPostgres();
  // Every answer is checked: nothing may be refused while the spool has room.
  const auto p50 = TakeTurns({[&] {
                                const Emission emission = unary.Run(seconds);
                                CheckAnswers(emission, unary_bytes);
                                return Percentile(emission.ack_us, 0.5);
                              },
                              [&] { return MedianOfCommits(bare, seconds); }},
                             kRounds, options);
  AddFigure("service.spool.ack.p50", "us, Postgres stopped", p50[0], p50[1], "one SQLite commit",
            report);
  AddRatio("service.spool.ack.p50_ratio", p50[0], p50[1], "one SQLite commit", {Goal::kAtMost, 3.0},
           report);
  std::vector<double> rates;
  for (int round = 0; round < (options.quick() ? 1 : 3); ++round) {
    const Emission emission = stream.Run(seconds);
    CheckAnswers(emission, stream_bytes);
    rates.push_back(static_cast<double>(emission.events) / emission.seconds);
  }
  AddFigure("service.spool.rate", "matched events/s, Postgres stopped", rates, {}, "", report);
  stage.RestartPostgres();
}

}  // namespace cievents::loadtest
