// The proxy between real sockets: a client and an echo server. Times are only ever lower bounds.
#include "tests/faults/proxy/chaos_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <list>
#include <random>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "matcher/base/mutex.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

int Listen(int* port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(fd, 64), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  *port = ntohs(address.sin_port);
  return fd;
}

// Sends back what comes, and counts it.
class EchoServer {
 public:
  EchoServer() : listener_(Listen(&port_)), acceptor_([this] { Accept(); }) {}
  ~EchoServer() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    close(listener_);
  }
  int port() const { return port_; }
  int64_t received() const {
    MutexLock lock(mutex_);
    return received_;
  }
  // Waits until so many bytes have come.
  bool AwaitReceived(int64_t bytes) const {
    MutexLock lock(mutex_);
    const auto end = Clock::now() + std::chrono::seconds(20);
    while (received_ < bytes && Clock::now() < end) changed_.WaitFor(mutex_, milliseconds(100));
    return received_ >= bytes;
  }

 private:
  void Accept() {
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      threads_.emplace_back([this, fd] { Echo(fd); });
    }
  }
  void Echo(int fd) {
    char bytes[65536];
    while (true) {
      const ssize_t count = recv(fd, bytes, sizeof(bytes), 0);
      if (count <= 0) break;
      {
        MutexLock lock(mutex_);
        received_ += count;
        changed_.NotifyAll();
      }
      for (ssize_t sent = 0; sent < count;) {
        const ssize_t more =
            send(fd, bytes + sent, static_cast<size_t>(count - sent), MSG_NOSIGNAL);
        if (more <= 0) break;
        sent += more;
      }
    }
    close(fd);
  }

  int port_ = 0;
  const int listener_;
  std::list<std::thread> threads_;  // the acceptor's, until it is joined
  mutable Mutex mutex_;
  mutable CondVar changed_;
  int64_t received_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread acceptor_;
};

class Client {
 public:
  explicit Client(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Client() { close(fd_); }

  bool Send(const std::string& bytes) const {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t more = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (more <= 0) return false;
      sent += static_cast<size_t>(more);
    }
    return true;
  }
  // Up to `count` bytes; fewer: the connection ended, and error() says how.
  std::string Receive(size_t count) {
    std::string bytes;
    while (bytes.size() < count) {
      char piece[65536];
      const ssize_t more = recv(fd_, piece, std::min(sizeof(piece), count - bytes.size()), 0);
      if (more <= 0) {
        error_ = more == 0 ? 0 : errno;
        break;
      }
      bytes.append(piece, static_cast<size_t>(more));
    }
    return bytes;
  }
  bool HasSomething(milliseconds within) const {
    pollfd polled{fd_, POLLIN, 0};
    return poll(&polled, 1, static_cast<int>(within.count())) > 0;
  }
  int error() const { return error_; }  // 0 = in order
  int fd() const { return fd_; }

 private:
  const int fd_;
  int error_ = -1;
};

class ChaosProxyTest : public ::testing::Test {
 protected:
  ChaosProxyTest() {
    ChaosProxy::Options options;
    options.server_port = server_.port();
    options.seed = 7;
    auto proxy = ChaosProxy::Start(options);
    EXPECT_TRUE(proxy.ok()) << proxy.status();
    proxy_ = *std::move(proxy);
  }

  EchoServer server_;
  std::unique_ptr<ChaosProxy> proxy_;
};

std::string RandomBytes(size_t count) {
  std::mt19937 random(3);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST_F(ChaosProxyTest, PassesEverythingBothWays) {
  Client client(proxy_->port());
  const std::string bytes = RandomBytes(3'000'000);
  std::thread sender([&] { EXPECT_TRUE(client.Send(bytes)); });
  EXPECT_TRUE(client.Receive(bytes.size()) == bytes);
  sender.join();
  shutdown(client.fd(), SHUT_WR);
  EXPECT_EQ(client.Receive(1), "");
  EXPECT_EQ(client.error(), 0);
  EXPECT_EQ(proxy_->stats().links, 1);
}

TEST_F(ChaosProxyTest, LatencyAndJitterDelayAndKeepTheOrder) {
  proxy_->SetConditions(Direction::kToServer, {milliseconds(40), milliseconds(5), 0});
  proxy_->SetConditions(Direction::kToClient, {milliseconds(60), milliseconds(5), 0});
  Client client(proxy_->port());
  const auto start = Clock::now();
  std::string expected;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    ASSERT_TRUE(client.Send(std::string(1, letter)));
    expected += letter;
  }
  EXPECT_EQ(client.Receive(expected.size()), expected);
  EXPECT_GE(Clock::now() - start, milliseconds(100));
}

TEST_F(ChaosProxyTest, AThrottledLinkTakesItsTime) {
  proxy_->SetConditions(Direction::kToClient, {milliseconds(0), milliseconds(0), 200'000});
  Client client(proxy_->port());
  const auto start = Clock::now();
  const std::string bytes = RandomBytes(60'000);
  ASSERT_TRUE(client.Send(bytes));
  EXPECT_TRUE(client.Receive(bytes.size()) == bytes);
  EXPECT_GE(Clock::now() - start, milliseconds(250));
}

TEST_F(ChaosProxyTest, ACutByResetLeavesExactlySoManyBytesOfTheAnswer) {
  for (int after = 0; after <= 40; ++after) {
    proxy_->Arm({Direction::kToClient, after, Cut::How::kReset, Cut::CountedFrom::kLastTurn, ""});
    Client client(proxy_->port());
    ASSERT_TRUE(client.Send(std::string(40, 'x')));
    // What the client has not read yet may go with the reset: it must not be more than allowed.
    EXPECT_LE(client.Receive(41).size(), static_cast<size_t>(after));
    EXPECT_EQ(client.error(), ECONNRESET);
    EXPECT_TRUE(proxy_->AwaitCut(std::chrono::seconds(10)));
  }
  EXPECT_EQ(proxy_->stats().cuts, 41);
  EXPECT_TRUE(server_.AwaitReceived(41 * 40));
}

TEST_F(ChaosProxyTest, ACutByEndDeliversExactlySoManyBytesOfTheAnswer) {
  for (int after = 0; after <= 40; ++after) {
    proxy_->Arm({Direction::kToClient, after, Cut::How::kEnd, Cut::CountedFrom::kLastTurn, ""});
    Client client(proxy_->port());
    ASSERT_TRUE(client.Send(std::string(40, 'x')));
    EXPECT_EQ(client.Receive(41).size(), static_cast<size_t>(after));
    EXPECT_EQ(client.error(), 0);
  }
}

TEST_F(ChaosProxyTest, ACutCountsOneAnswerAndWaitsForOneThatIsLongEnough) {
  proxy_->Arm({Direction::kToClient, 30, Cut::How::kEnd, Cut::CountedFrom::kLastTurn, ""});
  Client client(proxy_->port());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client.Send(std::string(10, 'x')));
    EXPECT_EQ(client.Receive(10).size(), 10U);
  }
  ASSERT_TRUE(client.Send(std::string(35, 'y')));
  EXPECT_EQ(client.Receive(35).size(), 30U);
}

TEST_F(ChaosProxyTest, ACutOfTheRequestLetsTheServerHaveSoManyBytes) {
  proxy_->Arm({Direction::kToServer, 7, Cut::How::kReset, Cut::CountedFrom::kNow, ""});
  Client client(proxy_->port());
  ASSERT_TRUE(client.Send(std::string(40, 'x')));
  EXPECT_EQ(client.Receive(1), "");
  EXPECT_TRUE(proxy_->AwaitCut(std::chrono::seconds(10)));
  EXPECT_LE(server_.received(), 7);
}

TEST_F(ChaosProxyTest, OnlyMarkedLinksAreCut) {
  proxy_->Arm({Direction::kToClient, 0, Cut::How::kEnd, Cut::CountedFrom::kLastTurn, "marked"});
  Client other(proxy_->port());
  Client marked(proxy_->port());
  ASSERT_TRUE(other.Send("something else"));
  EXPECT_EQ(other.Receive(14), "something else");
  EXPECT_FALSE(proxy_->AwaitCut(milliseconds(0)));
  ASSERT_TRUE(marked.Send("this is a marked one"));
  EXPECT_EQ(marked.Receive(1), "");
  EXPECT_TRUE(proxy_->AwaitCut(std::chrono::seconds(10)));
}

TEST_F(ChaosProxyTest, WhatWasLostArrivesAfterwards) {
  for (const Loss loss : {Loss::kToServer, Loss::kToClient, Loss::kBoth}) {
    Client client(proxy_->port());
    ASSERT_TRUE(client.Send("before"));
    EXPECT_EQ(client.Receive(6), "before");
    const int64_t received = server_.received();
    proxy_->Lose(loss);
    ASSERT_TRUE(client.Send("meanwhile"));
    EXPECT_FALSE(client.HasSomething(milliseconds(150)));
    if (loss == Loss::kToClient) {
      EXPECT_TRUE(server_.AwaitReceived(received + 9));
    } else {
      EXPECT_EQ(server_.received(), received);
    }
    proxy_->Heal();
    EXPECT_EQ(client.Receive(9), "meanwhile");
  }
}

TEST_F(ChaosProxyTest, AClientThatIsNotHeardFindsOutByItsOwnTimeOuts) {
  for (const Loss loss : {Loss::kToServer, Loss::kToClient, Loss::kBoth}) {
    Client client(proxy_->port());
    const int timeout_ms = 500;
    setsockopt(client.fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
    ASSERT_TRUE(client.Send("before"));
    EXPECT_EQ(client.Receive(6), "before");
    proxy_->Lose(loss);
    ASSERT_TRUE(client.Send("a"));
    if (loss == Loss::kToClient) {
      // This one arrived; the next one is not heard of any more.
      ASSERT_TRUE(server_.AwaitReceived(1));
      EXPECT_FALSE(client.HasSomething(milliseconds(50)));
      ASSERT_TRUE(client.Send("b"));
    }
    EXPECT_EQ(client.Receive(1), "");
    EXPECT_EQ(client.error(), ETIMEDOUT);
    proxy_->Heal();
  }
}

TEST_F(ChaosProxyTest, WhileAnythingIsLostNoConnectionIsMade) {
  proxy_->Lose(Loss::kBoth);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(proxy_->port()));
  connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  pollfd polled{fd, POLLOUT, 0};
  EXPECT_EQ(poll(&polled, 1, 100), 0);
  proxy_->Heal();
  EXPECT_EQ(poll(&polled, 1, 10'000), 1);  // SYN is sent again
  close(fd);
}

TEST_F(ChaosProxyTest, LostPacketsAreSentAgainInOrder) {
  Client client(proxy_->port());
  const auto exchange = [&client] {
    const std::string bytes = RandomBytes(500);
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(client.Send(bytes));
      ASSERT_TRUE(client.Receive(bytes.size()) == bytes);
    }
  };
  exchange();
  EXPECT_EQ(proxy_->lost_packets(), 0);
  proxy_->LosePackets(30);
  // Some twenty packets each time.
  for (int i = 0; i < 10 && proxy_->lost_packets() == 0; ++i) exchange();
  EXPECT_GT(proxy_->lost_packets(), 0);
  proxy_->Heal();
  exchange();
  EXPECT_EQ(proxy_->stats().links, 1);
  const int64_t lost_in_all = proxy_->lost_packets();
  exchange();
  EXPECT_EQ(proxy_->lost_packets(), lost_in_all);
}

TEST_F(ChaosProxyTest, AHalfClosedLinkGoesOnInTheOtherDirection) {
  Client client(proxy_->port());
  ASSERT_TRUE(client.Send("before"));
  EXPECT_EQ(client.Receive(6), "before");
  proxy_->HalfClose(Direction::kToClient);
  EXPECT_EQ(client.Receive(1), "");
  EXPECT_EQ(client.error(), 0);
  ASSERT_TRUE(client.Send("after"));
  EXPECT_TRUE(server_.AwaitReceived(11));
}

TEST_F(ChaosProxyTest, ResetAllEndsAllLinks) {
  Client one(proxy_->port());
  Client two(proxy_->port());
  for (Client* client : {&one, &two}) {
    ASSERT_TRUE(client->Send("x"));
    EXPECT_EQ(client->Receive(1), "x");
  }
  proxy_->ResetAll();
  for (Client* client : {&one, &two}) {
    EXPECT_EQ(client->Receive(1), "");
    EXPECT_EQ(client->error(), ECONNRESET);
  }
}

TEST(ChaosProxyWithoutServerTest, AClientIsTurnedAway) {
  int port = 0;
  close(Listen(&port));  // nobody is there now
  ChaosProxy::Options options;
  options.server_port = port;
  const auto proxy = ChaosProxy::Start(options);
  ASSERT_TRUE(proxy.ok());
  Client client((*proxy)->port());
  EXPECT_EQ(client.Receive(1), "");
}

}  // namespace
}  // namespace cievents::faults
