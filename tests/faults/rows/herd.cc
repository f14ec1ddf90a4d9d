#include "tests/faults/rows/herd.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <random>
#include <string_view>

#include "matcher/base/check.h"
#include "tests/faults/rows/own_events.h"

namespace cievents::faults {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// HTTP/2 (RFC 9113), as much as one call needs.
constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7
};
constexpr uint8_t kAck = 0x1;
constexpr uint8_t kEndStream = 0x1;
constexpr uint8_t kEndHeaders = 0x4;
constexpr uint32_t kCall = 1;  // its stream
constexpr size_t kFrameHeaderBytes = 9;
constexpr size_t kMessageHeaderBytes = 5;  // of gRPC: compressed or not, length

void AppendNumber(uint32_t number, int bytes, std::string* text) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    text->push_back(static_cast<char>(number >> shift));
  }
}

uint32_t NumberAt(std::string_view text, size_t place, int bytes) {
  uint32_t number = 0;
  for (int i = 0; i < bytes; ++i) {
    number = number << 8 | static_cast<uint8_t>(text[place + static_cast<size_t>(i)]);
  }
  return number;
}

std::string Frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string frame;
  AppendNumber(static_cast<uint32_t>(payload.size()), 3, &frame);
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  AppendNumber(stream, 4, &frame);
  return frame.append(payload);
}

// A literal header field that nobody needs to remember, without compression (RFC 7541, 6.2.2).
std::string Field(std::string_view name, std::string_view value) {
  CIEVENTS_CHECK(name.size() < 127 && value.size() < 127);
  return fmt::format("{}{}{}{}{}", '\0', static_cast<char>(name.size()), name,
                     static_cast<char>(value.size()), value);
}

// All that a client sends of itself: its call.
std::string CallOf(int client) {
  events::v1::PublishEventsRequest request;
  *request.add_events() = OwnEvent(fmt::format("herd-{}", client), "custom/nobody/listens", 1, {1});
  const std::string bytes = request.SerializeAsString();
  std::string message(1, '\0');
  AppendNumber(static_cast<uint32_t>(bytes.size()), 4, &message);
  message += bytes;
  const std::string headers = Field(":method", "POST") + Field(":scheme", "http") +
                              Field(":path", "/cievents.events.v1.EventService/PublishEvents") +
                              Field(":authority", "localhost") +
                              Field("content-type", "application/grpc") + Field("te", "trailers");
  return kPreface + Frame(kSettings, 0, 0, "") + Frame(kHeaders, kEndHeaders, kCall, headers) +
         Frame(kData, kEndStream, kCall, message);
}

bool IsAccepted(std::string_view body) {
  events::v1::PublishEventsResponse response;
  return body.size() > kMessageHeaderBytes &&
         response.ParseFromString(std::string(body.substr(kMessageHeaderBytes))) &&
         response.outcomes_size() == 1 &&
         response.outcomes(0).kind() == events::v1::OUTCOME_KIND_ACCEPTED;
}

void ResetAndClose(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(fd);
}

}  // namespace

class Herd::Client {
 public:
  Client(int number, uint64_t seed) : number_(number), random_(seed) {}
  ~Client() { Close(); }

  int fd() const { return fd_; }
  bool answered() const { return answered_; }
  // When it connects; max() = not now.
  Clock::time_point due() const { return due_; }

  void Take(int fd) {
    fd_ = fd;
    due_ = Clock::time_point::max();
  }
  void Fail() {
    Close();
    sent_ = false;
    received_.clear();
    body_.clear();
    due_ = Clock::now() + milliseconds(std::uniform_int_distribution<int>(100, 1000)(random_));
  }
  // Sends the call, the first time. False: the connection is over.
  bool Send() {
    if (sent_) return true;
    sent_ = true;
    return SendAll(CallOf(number_));
  }
  // False: the connection is over.
  bool Receive() {
    char bytes[16 * 1024];
    ssize_t count = 0;
    while ((count = recv(fd_, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
      received_.append(bytes, static_cast<size_t>(count));
    }
    const bool lives = count < 0 && errno == EAGAIN;
    while (received_.size() >= kFrameHeaderBytes) {
      const size_t length = NumberAt(received_, 0, 3);
      if (received_.size() < kFrameHeaderBytes + length) return lives;
      const std::string frame = received_.substr(0, kFrameHeaderBytes + length);
      received_.erase(0, frame.size());
      if (!OnFrame(frame)) return false;
    }
    return lives;
  }

 private:
  void Close() {
    if (fd_ >= 0) ResetAndClose(fd_);
    fd_ = -1;
  }
  // What a client says is so little that it goes at once, or not at all.
  bool SendAll(const std::string& bytes) const {
    return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
           static_cast<ssize_t>(bytes.size());
  }
  bool OnFrame(std::string_view frame) {
    const auto flags = static_cast<uint8_t>(frame[4]);
    const std::string_view payload = frame.substr(kFrameHeaderBytes);
    switch (static_cast<uint8_t>(frame[3])) {
      case kSettings:
        return (flags & kAck) != 0 || SendAll(Frame(kSettings, kAck, 0, ""));
      case kPing:
        return (flags & kAck) != 0 || SendAll(Frame(kPing, kAck, 0, payload));
      case kData:
        body_ += payload;
        return true;
      case kHeaders:
        if ((flags & kEndStream) == 0) return true;
        answered_ = IsAccepted(body_);
        return answered_;
      case kReset:
      case kGoAway:
        return false;
      default:
        return true;
    }
  }

  const int number_;
  std::mt19937_64 random_;
  Clock::time_point due_;  // at once
  int fd_ = -1;
  bool sent_ = false;
  bool answered_ = false;
  std::string received_;
  std::string body_;  // of the answer
};

Herd::Herd(int port, int clients, uint64_t seed)
    : port_(port), poller_(epoll_create1(EPOLL_CLOEXEC)) {
  for (int i = 0; i < clients; ++i) {
    clients_.push_back(std::make_unique<Client>(i, seed + static_cast<uint64_t>(i)));
  }
}

Herd::~Herd() {
  clients_.clear();
  close(poller_);
}

void Herd::Connect(Client* client) {
  ++result_.connected;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port_));
  client->Take(fd);
  epoll_event events{EPOLLIN | EPOLLOUT | EPOLLET, {client}};
  if (fd >= 0 &&
      (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 ||
       errno == EINPROGRESS) &&
      epoll_ctl(poller_, EPOLL_CTL_ADD, fd, &events) == 0) {
    return;
  }
  ++result_.failed;
  client->Fail();
}

void Herd::OnEvents(Client* client, uint32_t events) {
  if (client->fd() < 0) return;
  bool lives = (events & (EPOLLERR | EPOLLHUP)) == 0;
  if (lives && (events & EPOLLOUT) != 0) lives = client->Send();
  const bool answered_before = client->answered();
  if (lives && (events & EPOLLIN) != 0) lives = client->Receive();
  if (client->answered() && !answered_before) ++result_.answered;
  // Whoever has its answer has no reason to come again.
  if (lives || client->answered()) return;
  ++result_.failed;
  client->Fail();
}

Herd::Result Herd::Run() {
  std::vector<epoll_event> events(1024);
  while (!stopping_ && result_.answered < static_cast<int>(clients_.size())) {
    const Clock::time_point now = Clock::now();
    for (const auto& client : clients_) {
      if (client->due() <= now) Connect(client.get());
    }
    const int count = epoll_wait(poller_, events.data(), static_cast<int>(events.size()), 20);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      OnEvents(static_cast<Client*>(event.data.ptr), event.events);
    }
  }
  return result_;
}

int64_t RaiseDescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur, INT64_MAX));
}

}  // namespace cievents::faults
