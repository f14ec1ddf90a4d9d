#include "tests/faults/proxy/link.h"

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace cievents::faults {
namespace {

using TimePoint = Weather::Clock::time_point;

constexpr size_t kWaitingBytesMax = 1024 * 1024;
constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kFirstBytesMax = 2048;
// A throttled link sends what goes in so much time, then waits for as long.
constexpr std::chrono::milliseconds kThrottleSlice{20};

// What the kernel has dropped of what arrived at the socket.
int64_t DropsOf(int fd) {
  uint32_t counts[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof(counts);
  if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_MEMINFO, counts, &size) != 0) return 0;
  return counts[SK_MEMINFO_DROPS];
}

void CloseWithReset(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(fd);
}

// Finds out soon whether the other end is still there.
void ProbeSoon(int fd) {
  const int on = 1;
  const int seconds = 1;
  const int count = 2;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

}  // namespace

void DropArriving(int fd, int percent) {
  // A random number of 32 bits for each packet; below the threshold nothing of it is kept.
  constexpr uint64_t kNumbers = uint64_t{1} << 32;
  const uint64_t threshold = kNumbers * static_cast<uint64_t>(percent) / 100;
  sock_filter some[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM)},
      {BPF_JMP | BPF_JGE | BPF_K, 1, 0, static_cast<uint32_t>(threshold)},
      {BPF_RET | BPF_K, 0, 0, 0},
      {BPF_RET | BPF_K, 0, 0, UINT32_MAX}};
  sock_filter nothing[] = {{BPF_RET | BPF_K, 0, 0, 0}};
  const bool all = threshold >= kNumbers;
  const sock_fprog program{static_cast<uint16_t>(all ? 1 : 4), all ? nothing : some};
  setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void KeepArriving(int fd) {
  const int ignored = 0;
  setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof(ignored));
}

Link::Link(int client, int server, Weather* weather)
    : client_(client), server_(server), weather_(weather) {
  SetLoss(weather->loss);
  if (weather->packets_lost_percent > 0) FollowPacketLoss();
}

Link::~Link() { Close(); }

int64_t Link::lost_packets() const { return DropsOf(client_) + DropsOf(server_); }

void Link::CountLost() { weather_->lost_packets += lost_packets(); }

void Link::FollowPacketLoss() {
  for (const int fd : {client_, server_}) {
    if (fd < 0) continue;
    if (weather_->packets_lost_percent > 0) {
      DropArriving(fd, weather_->packets_lost_percent);
    } else {
      KeepArriving(fd);
    }
  }
}

void Link::Close() {
  CountLost();
  if (client_ >= 0) close(client_);
  if (server_ >= 0) close(server_);
  client_ = server_ = -1;
}

void Link::Reset() {
  CountLost();
  if (client_ >= 0) CloseWithReset(client_);
  if (server_ >= 0) CloseWithReset(server_);
  client_ = server_ = -1;
}

void Link::SetLoss(Loss loss) {
  if (client_ < 0) return;
  if (loss == Loss::kNothing) {
    if (!deaf_) return;
    KeepArriving(client_);
    ProbeSoon(client_);
    deaf_ = false;
  } else if (loss != Loss::kToClient && !deaf_) {
    // With kToClient the request that is under way still arrives: see Read.
    DropArriving(client_);
    deaf_ = true;
  }
}

void Link::RestartCount() { to_server_.counted = to_client_.counted = 0; }

void Link::HalfClose(Direction direction) {
  Pipe& pipe = direction == Direction::kToServer ? to_server_ : to_client_;
  pipe.pieces.clear();
  pipe.waiting_bytes = 0;
  pipe.discards = true;
  PassEnd(pipe);
}

const Conditions& Link::ConditionsOf(const Pipe& pipe) const {
  return pipe.direction == Direction::kToServer ? weather_->to_server : weather_->to_client;
}

bool Link::Held(const Pipe& pipe) const {
  const Loss loss = weather_->loss;
  return loss == Loss::kBoth || (loss == Loss::kToClient && &pipe == &to_client_) ||
         (loss == Loss::kToServer && &pipe == &to_server_);
}

bool Link::WantsRead(const Pipe& pipe) const {
  return FromOf(pipe) >= 0 && !pipe.ended &&
         (pipe.discards || pipe.waiting_bytes < kWaitingBytesMax);
}

bool Link::WantsWrite(const Pipe& pipe, TimePoint now) const {
  return ToOf(pipe) >= 0 && DueOf(pipe) <= now;
}

TimePoint Link::DueOf(const Pipe& pipe) const {
  if (pipe.pieces.empty() || Held(pipe)) return TimePoint::max();
  return std::max(pipe.pieces.front().due, pipe.free_at);
}

TimePoint Link::Due() const { return std::min(DueOf(to_server_), DueOf(to_client_)); }

short Link::ClientEvents(TimePoint now) const {
  return static_cast<short>((WantsRead(to_server_) ? POLLIN : 0) |
                            (WantsWrite(to_client_, now) ? POLLOUT : 0));
}

short Link::ServerEvents(TimePoint now) const {
  return static_cast<short>((WantsRead(to_client_) ? POLLIN : 0) |
                            (WantsWrite(to_server_, now) ? POLLOUT : 0));
}

void Link::OnClient(short events, TimePoint now) {
  if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && WantsRead(to_server_)) Read(to_server_, now);
  if (client_ >= 0 && WantsWrite(to_client_, now)) Write(to_client_, now);
}

void Link::OnServer(short events, TimePoint now) {
  if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && WantsRead(to_client_)) Read(to_client_, now);
  if (server_ >= 0 && WantsWrite(to_server_, now)) Write(to_server_, now);
}

void Link::Read(Pipe& pipe, TimePoint now) {
  std::string bytes(kReadBytes, '\0');
  const ssize_t count = recv(FromOf(pipe), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0) return Reset();
  if (count == 0) {
    pipe.ended = true;
    if (ends_) return Close();
    if (pipe.pieces.empty()) PassEnd(pipe);
    return;
  }
  if (pipe.discards || ends_) return;
  bytes.resize(static_cast<size_t>(count));
  if (&pipe == &to_server_ && first_.size() < kFirstBytesMax) first_ += bytes;
  if (&pipe == &to_client_ && weather_->loss == Loss::kToClient && !deaf_) {
    // From this answer on the client hears nothing, not even that its next bytes arrive.
    DropArriving(client_);
    deaf_ = true;
  }
  const Conditions& conditions = ConditionsOf(pipe);
  std::chrono::milliseconds delay = conditions.latency;
  if (conditions.jitter.count() > 0) {
    delay += std::chrono::milliseconds(
        std::uniform_int_distribution<int64_t>(0, conditions.jitter.count())(weather_->random));
  }
  pipe.last_due = std::max(pipe.last_due, now + delay);
  pipe.waiting_bytes += bytes.size();
  pipe.pieces.push_back({std::move(bytes), pipe.last_due});
}

std::optional<int64_t> Link::LeftBeforeCut(const Pipe& pipe) const {
  const std::optional<Cut>& cut = weather_->cut;
  if (!cut.has_value() || cut->direction != pipe.direction) return std::nullopt;
  if (first_.find(cut->mark) == std::string::npos) return std::nullopt;
  return std::max<int64_t>(0, cut->after_bytes - pipe.counted);
}

void Link::MakeCut(Pipe& pipe) {
  const Cut cut = *weather_->cut;
  weather_->cut.reset();
  ++weather_->cuts;
  if (cut.how == Cut::How::kReset) return Reset();
  // What was passed on arrives, then the end; the other side sees the end, too.
  close(server_);
  server_ = -1;
  pipe.pieces.clear();
  if (&pipe == &to_server_) to_client_.pieces.clear();
  shutdown(client_, SHUT_WR);
  ends_ = true;
  if (to_server_.ended) Close();
}

void Link::Write(Pipe& pipe, TimePoint now) {
  std::optional<int64_t> left = LeftBeforeCut(pipe);
  if (left == 0) return MakeCut(pipe);
  Piece& piece = pipe.pieces.front();
  size_t allowed = piece.bytes.size();
  if (left.has_value()) allowed = std::min(allowed, static_cast<size_t>(*left));
  const int64_t rate = ConditionsOf(pipe).bytes_per_second;
  if (rate > 0) {
    const int64_t slice = std::max<int64_t>(1, rate * kThrottleSlice.count() / 1000);
    allowed = std::min(allowed, static_cast<size_t>(slice));
  }
  const ssize_t sent = send(ToOf(pipe), piece.bytes.data(), allowed, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (sent < 0) return Reset();
  (pipe.direction == Direction::kToServer ? weather_->to_server_bytes
                                          : weather_->to_client_bytes) += sent;
  if (rate > 0) pipe.free_at = now + std::chrono::microseconds(sent * 1'000'000 / rate);
  pipe.waiting_bytes -= static_cast<size_t>(sent);
  pipe.counted += sent;
  const bool by_turns =
      !weather_->cut.has_value() || weather_->cut->counted_from == Cut::CountedFrom::kLastTurn;
  if (by_turns && sent > 0) OtherOf(pipe).counted = 0;
  piece.bytes.erase(0, static_cast<size_t>(sent));
  if (piece.bytes.empty()) pipe.pieces.pop_front();
  left = LeftBeforeCut(pipe);
  if (left == 0) return MakeCut(pipe);
  if (pipe.pieces.empty() && pipe.ended) PassEnd(pipe);
}

void Link::PassEnd(Pipe& pipe) {
  if (ToOf(pipe) >= 0) shutdown(ToOf(pipe), SHUT_WR);
  pipe.closed = true;
  if (OtherOf(pipe).closed) Close();
}

}  // namespace cievents::faults
