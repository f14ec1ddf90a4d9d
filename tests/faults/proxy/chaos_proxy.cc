#include "tests/faults/proxy/chaos_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <list>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "matcher/base/mutex.h"
#include "matcher/base/status.h"
#include "tests/faults/proxy/link.h"

namespace cievents::faults {
namespace {

using TimePoint = Weather::Clock::time_point;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

void SetUp(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
             sizeof(on));  // not for a Unix socket: ignored
}

// -1: the server is not there.
int Connect(const ChaosProxy::Options& options) {
  const int family = options.server_socket.empty() ? AF_INET : AF_UNIX;
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int result = 0;
  if (options.server_socket.empty()) {
    const sockaddr_in address = Loopback(options.server_port);
    result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } else {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    options.server_socket.copy(address.sun_path, sizeof(address.sun_path) - 1);
    result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  if (result == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

// The thread that moves bytes, and the commands to it.
class ChaosProxy::Loop {
 public:
  explicit Loop(Options options) : options_(std::move(options)) {
    weather_.random.seed(options_.seed);
  }
  ~Loop() {
    if (thread_.joinable()) {
      Do([this] { stopping_ = true; });
      thread_.join();
    }
    for (const int fd : {listener_, wake_}) {
      if (fd >= 0) close(fd);
    }
  }

  absl::Status Start() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address = Loopback(options_.listen_port);
    socklen_t size = sizeof(address);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_, 256) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      return Error(absl::StatusCode::kUnavailable, "the proxy cannot listen on port {}: {}",
                   options_.listen_port, std::strerror(errno));
    }
    port_ = ntohs(address.sin_port);
    wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    thread_ = std::thread([this] { Run(); });
    return absl::OkStatus();
  }

  int port() const { return port_; }

  // Runs `command` on the loop's thread and returns after it.
  void Do(const std::function<void()>& command) {
    MutexLock lock(mutex_);
    while (command_ != nullptr) done_.Wait(mutex_);
    command_ = &command;
    Wake();
    while (command_ == &command) done_.Wait(mutex_);
    done_.NotifyAll();
  }

  Weather& weather() { return weather_; }
  std::list<Link>& links() { return links_; }

  void SetLoss(Loss loss) {
    weather_.loss = loss;
    if (loss == Loss::kNothing) {
      KeepArriving(listener_);
    } else {
      DropArriving(listener_);
    }
    for (Link& link : links_) link.SetLoss(loss);
  }

  void SetPacketLoss(int percent) {
    weather_.packets_lost_percent = percent;
    if (percent == 0) {
      KeepArriving(listener_);
    } else {
      DropArriving(listener_, percent);
    }
    for (Link& link : links_) link.FollowPacketLoss();
  }

  int64_t lost_packets() const {
    int64_t lost = weather_.lost_packets;
    for (const Link& link : links_) lost += link.lost_packets();
    return lost;
  }

  Stats stats() const {
    MutexLock lock(mutex_);
    return stats_;
  }

  bool AwaitCut(std::chrono::milliseconds timeout) const {
    const TimePoint end = Weather::Clock::now() + timeout;
    MutexLock lock(mutex_);
    while (armed_) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(end - Weather::Clock::now());
      if (left.count() <= 0) return false;
      cut_made_.WaitFor(mutex_, left);
    }
    return true;
  }

 private:
  void Wake() {
    const uint64_t one = 1;
    if (write(wake_, &one, sizeof(one)) < 0) return;  // full: it will wake anyhow
  }

  void RunCommand() {
    uint64_t ignored = 0;
    if (read(wake_, &ignored, sizeof(ignored)) < 0) ignored = 0;
    MutexLock lock(mutex_);
    if (command_ != nullptr) (*command_)();
    armed_ = weather_.cut.has_value();
    command_ = nullptr;
    done_.NotifyAll();
  }

  void Accept() {
    while (true) {
      const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (client < 0) return;
      ++accepted_;
      // The listener's filter comes with it.
      if (weather_.packets_lost_percent == 0) KeepArriving(client);
      const int server = Connect(options_);
      if (server < 0) {
        close(client);
        continue;
      }
      SetUp(client);
      SetUp(server);
      links_.emplace_back(client, server, &weather_);
    }
  }

  void Publish() {
    MutexLock lock(mutex_);
    stats_ = {accepted_, static_cast<int64_t>(links_.size()), weather_.cuts,
              weather_.to_server_bytes, weather_.to_client_bytes};
    if (armed_ && !weather_.cut.has_value()) {
      armed_ = false;
      cut_made_.NotifyAll();
    }
  }

  void Poll(std::vector<pollfd>* polled, TimePoint now) {
    polled->assign({{wake_, POLLIN, 0}, {listener_, POLLIN, 0}});
    TimePoint due = now + std::chrono::seconds(1);
    for (const Link& link : links_) {
      const short client = link.ClientEvents(now);
      const short server = link.ServerEvents(now);
      // A socket that is not asked for anything is left out: its hang-up would keep us awake.
      polled->push_back({client == 0 ? -1 : link.client(), client, 0});
      polled->push_back({server == 0 ? -1 : link.server(), server, 0});
      // What is due now and does not go waits for its socket.
      if (link.Due() > now) due = std::min(due, link.Due());
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - now);
    poll(polled->data(), polled->size(), static_cast<int>(wait.count()));
  }

  void Run() {
    std::vector<pollfd> polled;
    while (!stopping_) {
      Poll(&polled, Weather::Clock::now());
      const TimePoint now = Weather::Clock::now();
      size_t next = 2;
      for (Link& link : links_) {
        const short client = polled[next++].revents;
        const short server = polled[next++].revents;
        if (!link.over()) link.OnClient(client, now);
        if (!link.over()) link.OnServer(server, now);
      }
      if (polled[0].revents != 0) RunCommand();
      if (polled[1].revents != 0) Accept();
      links_.remove_if([](const Link& link) { return link.over(); });
      Publish();
    }
    links_.clear();
  }

  const Options options_;
  int port_ = 0;
  int listener_ = -1;
  int wake_ = -1;
  std::thread thread_;
  // The loop's thread only.
  Weather weather_;
  std::list<Link> links_;
  int64_t accepted_ = 0;
  bool stopping_ = false;

  mutable Mutex mutex_;
  CondVar done_;
  mutable CondVar cut_made_;
  const std::function<void()>* command_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool armed_ ABSL_GUARDED_BY(mutex_) = false;
  Stats stats_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<ChaosProxy>> ChaosProxy::Start(const Options& options) {
  auto loop = std::make_unique<Loop>(options);
  CIEVENTS_RETURN_IF_ERROR(loop->Start());
  return std::unique_ptr<ChaosProxy>(new ChaosProxy(std::move(loop)));
}

ChaosProxy::ChaosProxy(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
ChaosProxy::~ChaosProxy() = default;

int ChaosProxy::port() const { return loop_->port(); }

void ChaosProxy::SetConditions(Direction direction, const Conditions& conditions) {
  loop_->Do([&] {
    (direction == Direction::kToServer ? loop_->weather().to_server : loop_->weather().to_client) =
        conditions;
  });
}

void ChaosProxy::Lose(Loss loss) {
  loop_->Do([&] { loop_->SetLoss(loss); });
}

void ChaosProxy::LosePackets(int percent) {
  loop_->Do([&] { loop_->SetPacketLoss(percent); });
}

int64_t ChaosProxy::lost_packets() {
  int64_t lost = 0;
  loop_->Do([&] { lost = loop_->lost_packets(); });
  return lost;
}

void ChaosProxy::Arm(const Cut& cut) {
  loop_->Do([&] {
    loop_->weather().cut = cut;
    if (cut.counted_from == Cut::CountedFrom::kLastTurn) return;
    for (Link& link : loop_->links()) link.RestartCount();
  });
}

void ChaosProxy::Disarm() {
  loop_->Do([&] { loop_->weather().cut.reset(); });
}

void ChaosProxy::ResetAll() {
  loop_->Do([&] {
    for (Link& link : loop_->links()) link.Reset();
  });
}

void ChaosProxy::HalfClose(Direction direction) {
  loop_->Do([&] {
    for (Link& link : loop_->links()) link.HalfClose(direction);
  });
}

void ChaosProxy::Heal() {
  loop_->Do([&] {
    loop_->weather().to_server = loop_->weather().to_client = Conditions();
    loop_->weather().cut.reset();
    loop_->SetPacketLoss(0);
    loop_->SetLoss(Loss::kNothing);
  });
}

ChaosProxy::Stats ChaosProxy::stats() const { return loop_->stats(); }

bool ChaosProxy::AwaitCut(std::chrono::milliseconds timeout) const {
  return loop_->AwaitCut(timeout);
}

}  // namespace cievents::faults
