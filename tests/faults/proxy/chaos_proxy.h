// A TCP proxy that behaves badly when told to: slow, thin, deaf, or cut off at a certain byte.
//
//   client  --TCP-->  proxy  --TCP or Unix socket-->  server
//
// Lost packets are lost below TCP: the kernel drops what arrives at the proxy's socket, unanswered
// (a socket filter), so that keep-alives and TCP_USER_TIMEOUT of the client see what they would see
// if the cable was cut.
#ifndef TESTS_FAULTS_PROXY_CHAOS_PROXY_H_
#define TESTS_FAULTS_PROXY_CHAOS_PROXY_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace cievents::faults {

enum class Direction { kToServer, kToClient };

// How bytes travel in one direction. They stay in order.
struct Conditions {
  std::chrono::milliseconds latency{0};
  std::chrono::milliseconds jitter{0};  // each piece takes up to so much longer
  int64_t bytes_per_second = 0;         // of each link; 0 = no limit
};

// Which packets do not arrive. They are sent again by TCP, and arrive once nothing is lost any more
// (unless an end has given up meanwhile). New connections are not made while anything is lost.
enum class Loss {
  kNothing,
  kToServer,  // the client is not heard; it hears the server, and no receipts
  kToClient,  // the server gets what is under way; the client hears nothing from
              // then on
  kBoth,      // a black hole
};

// Ends one link at a certain byte.
struct Cut {
  enum class How { kReset, kEnd };  // RST to both ends, or FIN
  enum class CountedFrom {
    kNow,
    kLastTurn
  };  // kLastTurn: since bytes went the other way,
      // so of one answer, or of one request
  Direction direction = Direction::kToClient;
  int64_t after_bytes = 0;  // 0: as soon as there is something that would follow
  How how = How::kReset;
  CountedFrom counted_from = CountedFrom::kLastTurn;
  std::string mark;  // only links whose first 2 KiB from the client hold this;
                     // empty: any link
};

// Thread-safe. Every command holds when it returns.
class ChaosProxy {
 public:
  struct Options {
    std::string server_socket;  // path of a Unix socket
    int server_port = 0;        // of 127.0.0.1; instead of a socket
    int listen_port = 0;        // of 127.0.0.1; 0 = any free one
    uint64_t seed = 0;          // of the jitter
  };

  static absl::StatusOr<std::unique_ptr<ChaosProxy>> Start(const Options& options);
  ~ChaosProxy();

  int port() const;

  void SetConditions(Direction direction, const Conditions& conditions);
  void Lose(Loss loss);
  // So many of a hundred packets that arrive at the proxy, drawn at random, are lost, also those
  // that make a connection; TCP sends them again. What comes from a Unix socket is no packet: of
  // the answers of such a server only the client's receipts are lost. Not together with Lose.
  void LosePackets(int percent);
  // Waits for the first link that reaches the byte; then it is done. Replaces an earlier one.
  void Arm(const Cut& cut);
  void Disarm();
  // RST to both ends of all links.
  void ResetAll();
  // All links: the receiver of this direction is told that no more comes (FIN), and gets no more;
  // the other direction goes on.
  void HalfClose(Direction direction);
  // No conditions, no loss of either kind, no armed cut.
  void Heal();

  struct Stats {
    int64_t links = 0;  // accepted
    int64_t open_links = 0;
    int64_t cuts = 0;
    int64_t to_server_bytes = 0;
    int64_t to_client_bytes = 0;
  };
  Stats stats() const;
  // Of all connections so far, as the kernel counts.
  int64_t lost_packets();
  // False: no cut was made within `timeout` since the one that is now armed.
  bool AwaitCut(std::chrono::milliseconds timeout) const;

 private:
  class Loop;
  explicit ChaosProxy(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_PROXY_CHAOS_PROXY_H_
