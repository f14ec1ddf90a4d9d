// One connection through the chaos proxy. No threads here: the proxy's loop calls.
#ifndef TESTS_FAULTS_PROXY_LINK_H_
#define TESTS_FAULTS_PROXY_LINK_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>

#include "tests/faults/proxy/chaos_proxy.h"

namespace cievents::faults {

// What holds for all links of a proxy.
struct Weather {
  using Clock = std::chrono::steady_clock;
  Conditions to_server;
  Conditions to_client;
  Loss loss = Loss::kNothing;
  int packets_lost_percent = 0;
  std::optional<Cut> cut;
  std::mt19937_64 random;
  int64_t cuts = 0;
  int64_t to_server_bytes = 0;
  int64_t to_client_bytes = 0;
  int64_t lost_packets = 0;  // of links that are over
};

// The kernel drops so many of a hundred packets that arrive at the socket, or none.
void DropArriving(int fd, int percent = 100);
void KeepArriving(int fd);

class Link {
 public:
  // Takes both sockets, non-blocking.
  Link(int client, int server, Weather* weather);
  ~Link();  // closes
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  bool over() const { return client_ < 0 && server_ < 0; }
  int client() const { return client_; }
  int server() const { return server_; }
  int64_t lost_packets() const;
  // What to poll for; 0 = nothing.
  short ClientEvents(Weather::Clock::time_point now) const;
  short ServerEvents(Weather::Clock::time_point now) const;
  // When it has something to do although no socket says so; max() = never.
  Weather::Clock::time_point Due() const;

  void OnClient(short events, Weather::Clock::time_point now);
  void OnServer(short events, Weather::Clock::time_point now);

  // The weather has changed.
  void SetLoss(Loss loss);
  void FollowPacketLoss();
  void RestartCount();
  void Reset();
  void HalfClose(Direction direction);

 private:
  struct Piece {
    std::string bytes;
    Weather::Clock::time_point due;
  };
  struct Pipe {
    Direction direction;
    std::deque<Piece> pieces;
    size_t waiting_bytes = 0;
    bool ended = false;     // its sender has sent its end
    bool closed = false;    // its receiver was told so
    bool discards = false;  // half-closed: what comes is thrown away
    int64_t counted = 0;    // for a cut
    Weather::Clock::time_point last_due;
    Weather::Clock::time_point free_at;  // throttled until then
  };

  Pipe& OtherOf(const Pipe& pipe) { return &pipe == &to_server_ ? to_client_ : to_server_; }
  int FromOf(const Pipe& pipe) const { return &pipe == &to_server_ ? client_ : server_; }
  int ToOf(const Pipe& pipe) const { return &pipe == &to_server_ ? server_ : client_; }
  const Conditions& ConditionsOf(const Pipe& pipe) const;
  bool Held(const Pipe& pipe) const;
  bool WantsRead(const Pipe& pipe) const;
  bool WantsWrite(const Pipe& pipe, Weather::Clock::time_point now) const;
  Weather::Clock::time_point DueOf(const Pipe& pipe) const;

  void Read(Pipe& pipe, Weather::Clock::time_point now);
  void Write(Pipe& pipe, Weather::Clock::time_point now);
  // How many bytes may go before the armed cut; none = no cut is armed for this pipe.
  std::optional<int64_t> LeftBeforeCut(const Pipe& pipe) const;
  void MakeCut(Pipe& pipe);
  void PassEnd(Pipe& pipe);
  void CountLost();
  void Close();

  int client_;
  int server_;
  Weather* const weather_;
  Pipe to_server_{Direction::kToServer, {}, 0, false, false, false, 0, {}, {}};
  Pipe to_client_{Direction::kToClient, {}, 0, false, false, false, 0, {}, {}};
  std::string first_;  // of what the client sent
  bool deaf_ = false;  // the kernel drops what the client sends
  bool ends_ = false;  // cut off by FIN: waits for the client's end
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_PROXY_LINK_H_
