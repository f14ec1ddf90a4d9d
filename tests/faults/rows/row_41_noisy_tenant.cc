// Row 41: a tenant emits more than a hundred times as much as each of ten others, does not wait
// when it is put off, and has thousands of events on their way all the time. The others go on. (How
// much longer they wait is measured by the load test: loadtest/service/fairness_section.cc.)
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "services/lib/store/testing/test_database.h"
#include "tests/faults/checker.h"
#include "tests/faults/row_test.h"
#include "tests/faults/rows/own_events.h"

namespace cievents::faults {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kName[] = "custom/tenant/says";
constexpr int64_t kNoisyProject = 9'300;
constexpr int64_t kNoisyRoot = 530;
constexpr int kNoisyCallers = 24;
constexpr size_t kNoisyBatchEvents = 300;
constexpr int64_t kFirstOther = 9'400;
constexpr int64_t kFirstOtherRoot = 540;
constexpr int kOthers = 10;
constexpr milliseconds kOtherPause{100};
constexpr seconds kPatience{90};
// Noise, beside what each of the others emits.
constexpr double kTimes = 100;
// Generous: the clients of all of them share the machine with the matcher. Who is shut out, or
// waits for a noise that never ends, waits longer.
constexpr milliseconds kAnswerMax{15'000};

bool IsTaken(const events::v1::EventOutcome& outcome) {
  return outcome.ack() == events::v1::ACK_LEVEL_DURABLE;
}

// What one tenant has sent.
struct Emission {
  struct Answer {
    TimePoint ended;
    milliseconds took{0};
  };
  std::vector<Answer> answers;  // of events that were taken
  int events = 0;
  int put_off = 0;
};

// One event at a time, each until it is taken.
void EmitOneByOne(const std::string& endpoint, int tenant, const std::atomic<bool>& stop,
                  Emission* emission) {
  OwnCaller caller(endpoint);
  while (!stop) {
    const std::vector<events::v1::Event> event = {
        OwnEvent(fmt::format("other-{}-{}", tenant, ++emission->events), kName,
                 kFirstOther + tenant, {kFirstOtherRoot + tenant})};
    const TimePoint begin = Clock::now();
    while (Clock::now() < begin + kPatience) {
      const auto outcomes = caller.Publish(event, seconds(10));
      if (!outcomes.empty() && IsTaken(outcomes[0])) {
        const TimePoint end = Clock::now();
        emission->answers.push_back({end, duration_cast<milliseconds>(end - begin)});
        break;
      }
      ++emission->put_off;
    }
    std::this_thread::sleep_for(kOtherPause);  // how much it emits
  }
}

struct Noise {
  std::atomic<bool> stop{false};
  std::atomic<int64_t> sent{0};
  std::atomic<int64_t> put_off{0};
  std::atomic<int64_t> taken{0};
  std::atomic<int64_t> events{0};  // different ones
};

// As much as it can, until it is told to stop; then what is not taken yet.
void MakeNoise(const std::string& endpoint, int caller_number, Noise* noise, Emission* emission) {
  OwnCaller caller(endpoint);
  std::vector<events::v1::Event> batch;
  int next = 0;
  TimePoint give_up = TimePoint::max();
  while (Clock::now() < give_up) {
    if (noise->stop && give_up == TimePoint::max()) give_up = Clock::now() + kPatience;
    while (!noise->stop && batch.size() < kNoisyBatchEvents) {
      batch.push_back(OwnEvent(fmt::format("noise-{}-{}", caller_number, ++next), kName,
                               kNoisyProject, {kNoisyRoot}));
      ++noise->events;
    }
    if (batch.empty()) return;
    noise->sent += static_cast<int64_t>(batch.size());
    const TimePoint begin = Clock::now();
    const auto outcomes = caller.Publish(batch, seconds(10));
    const TimePoint end = Clock::now();
    std::vector<events::v1::Event> left;
    for (size_t i = 0; i < batch.size(); ++i) {
      if (i >= outcomes.size() || !IsTaken(outcomes[i])) left.push_back(std::move(batch[i]));
    }
    noise->put_off += static_cast<int64_t>(left.size());
    noise->taken += static_cast<int64_t>(batch.size() - left.size());
    if (left.empty()) emission->answers.push_back({end, duration_cast<milliseconds>(end - begin)});
    batch = std::move(left);
  }
}

// How many answers came in a time, and how long they took.
struct Share {
  double per_second = 0;
  std::vector<milliseconds> took;  // sorted
  milliseconds Percentile(size_t percent) const {
    return took.empty() ? milliseconds(-1)
                        : took[std::min(took.size() - 1, took.size() * percent / 100)];
  }
};

Share ShareOf(const Emission& emission, TimePoint begin, TimePoint end) {
  Share share;
  for (const Emission::Answer& answer : emission.answers) {
    if (answer.ended >= begin && answer.ended < end) share.took.push_back(answer.took);
  }
  std::sort(share.took.begin(), share.took.end());
  share.per_second =
      static_cast<double>(share.took.size()) / std::chrono::duration<double>(end - begin).count();
  return share;
}

Emission Together(const std::vector<Emission>& emissions) {
  Emission all;
  for (const Emission& emission : emissions) {
    all.answers.insert(all.answers.end(), emission.answers.begin(), emission.answers.end());
    all.put_off += emission.put_off;
  }
  return all;
}

class NoisyTenant {
 public:
  static absl::Status Subscribe(const std::string& dsn) {
    std::string sql = SqlToSubscribe(kNoisyProject, kNoisyRoot, kName, 1);
    for (int i = 0; i < kOthers; ++i) {
      sql += SqlToSubscribe(kFirstOther + i, kFirstOtherRoot + i, kName, 1);
    }
    const std::string answer = store::Sql(dsn, sql);
    return answer.empty() ? absl::OkStatus() : absl::InternalError(answer);
  }

  void Inject(Scene& scene) {
    const std::string endpoint = scene.roles().matcher_endpoint();
    std::atomic<bool> stop{false};
    std::vector<std::thread> others;
    for (int i = 0; i < kOthers; ++i) {
      others.emplace_back(
          [&, i] { EmitOneByOne(endpoint, i, stop, &emissions_[static_cast<size_t>(i)]); });
    }
    const TimePoint quiet = Clock::now();
    scene.Let(scene.By(milliseconds(3'000), milliseconds(10'000)));
    scene.BeginFault();
    const TimePoint loud = Clock::now();
    std::vector<std::thread> callers;
    std::vector<Emission> noisy(kNoisyCallers);
    for (int i = 0; i < kNoisyCallers; ++i) {
      callers.emplace_back(
          [&, i] { MakeNoise(endpoint, i, &noise_, &noisy[static_cast<size_t>(i)]); });
    }
    scene.Let(scene.By(milliseconds(3'000), milliseconds(10'000)));
    const TimePoint end = Clock::now();
    const double noise_per_second =
        static_cast<double>(noise_.sent) / std::chrono::duration<double>(end - loud).count();
    noise_.stop = true;
    scene.EndFault();
    for (std::thread& caller : callers) caller.join();
    stop = true;
    for (std::thread& other : others) other.join();
    Compare(scene, quiet, loud, end, noise_per_second, ShareOf(Together(noisy), loud, end));
  }

  // Exactly one request for each event, as nothing else fires.
  void CheckRequests(Scene& scene) const {
    if (noise_.taken != noise_.events) scene.Wrong("not all noise is taken in the end");
    Expect(scene, kNoisyProject, noise_.events);
    for (int i = 0; i < kOthers; ++i) {
      Expect(scene, kFirstOther + i, emissions_[static_cast<size_t>(i)].events);
    }
  }

 private:
  void Compare(Scene& scene, TimePoint quiet, TimePoint loud, TimePoint end,
               double noise_per_second, const Share& noisy) const {
    const Emission all = Together(emissions_);
    const Share all_before = ShareOf(all, quiet, loud);
    const Share all_beside = ShareOf(all, loud, end);
    double least = 1;
    size_t answered_least = all.answers.size();
    for (const Emission& emission : emissions_) {
      const Share before = ShareOf(emission, quiet, loud);
      const Share beside = ShareOf(emission, loud, end);
      least = std::min(least, beside.per_second / before.per_second);
      answered_least = std::min(answered_least, beside.took.size());
    }
    const double of_others = all_beside.per_second / kOthers;
    scene.Note(fmt::format(
        "noise: {:.0f} events/s sent, {} events taken, {} times put off; each of {} others: "
        "{:.1f}/s, and {:.1f} before (the worst keeps {:.0f} %), put off {} times",
        noise_per_second, noise_.taken.load(), noise_.put_off.load(), kOthers, of_others,
        all_before.per_second / kOthers, least * 100, all.put_off));
    scene.Note(
        fmt::format("the others' answers: median {} ms, p99 {} ms; before {} and {} ms; the noisy "
                    "one's: {} and {} ms",
                    all_beside.Percentile(50).count(), all_beside.Percentile(99).count(),
                    all_before.Percentile(50).count(), all_before.Percentile(99).count(),
                    noisy.Percentile(50).count(), noisy.Percentile(99).count()));
    if (noise_per_second < kTimes * of_others) scene.Wrong("the noisy tenant is not noisy");
    if (answered_least == 0) scene.Wrong("one of the others has nothing acknowledged meanwhile");
    const milliseconds longest = ShareOf(all, loud, TimePoint::max()).Percentile(100);
    if (longest > kAnswerMax) {
      scene.Wrong(fmt::format("one of the others waits {} ms for an answer", longest.count()));
    }
  }

  static void Expect(Scene& scene, int64_t project, int64_t events) {
    const std::string counts =
        scene.Sql(fmt::format("SELECT count(*), count(DISTINCT event_uid)"
                              " FROM cievents.pipeline_requests WHERE project_id = {}",
                              project));
    if (counts == fmt::format("{0}|{0}", events)) return;
    scene.Wrong(fmt::format("project {} has sent {} events; requests, and different events: {}",
                            project, events, counts));
  }

  std::vector<Emission> emissions_ = std::vector<Emission>(kOthers);
  Noise noise_;
};

Row ANoisyTenant() {
  Row row;
  row.number = 41;
  row.name = "noisy tenant";
  row.prepare = [](const std::string&, const std::string& dsn) {
    return NoisyTenant::Subscribe(dsn);
  };
  const auto tenant = std::make_shared<std::unique_ptr<NoisyTenant>>();
  row.inject = [tenant](Scene& scene) {
    *tenant = std::make_unique<NoisyTenant>();  // of this seed
    (*tenant)->Inject(scene);
  };
  row.check = [tenant](Scene& scene) { (*tenant)->CheckRequests(scene); };
  return row;
}

TEST(Row41, BesideANoisyTenantTheOthersGoOn) { RunRow(ANoisyTenant()); }

}  // namespace
}  // namespace cievents::faults
