// Very many clients of a matcher at once, so light that one thread has thousands: each has a
// connection of its own, on which it makes one call.
#ifndef TESTS_FAULTS_ROWS_HERD_H_
#define TESTS_FAULTS_ROWS_HERD_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace cievents::faults {

// For one thread, but for Stop.
class Herd {
 public:
  // Publishes on port `port` of 127.0.0.1 with `clients` clients.
  Herd(int port, int clients, uint64_t seed);
  // Resets all connections: nothing of them lingers.
  ~Herd();

  struct Result {
    int answered = 0;       // clients whose event was accepted; they stay connected
    int64_t connected = 0;  // attempts to connect
    int64_t failed = 0;     // of them: refused, or ended before there was an answer
  };
  // All connect at once, and whoever fails again after 100 ms to 1 s. Returns when everyone has an
  // answer, or after Stop.
  Result Run();
  // Any thread.
  void Stop() { stopping_ = true; }

 private:
  class Client;
  void Connect(Client* client);
  void OnEvents(Client* client, uint32_t events);

  const int port_;
  const int poller_;
  std::atomic<bool> stopping_{false};
  std::vector<std::unique_ptr<Client>> clients_;
  Result result_;
};

// How many descriptors this process, and what it starts from now on, may have: as many as the
// system lets it.
int64_t RaiseDescriptorLimit();

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_ROWS_HERD_H_
