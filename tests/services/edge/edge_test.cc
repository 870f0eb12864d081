// Connections from the socket to what stands in gRPC's place, and the process's calls to itself.
#include "services/edge/edge.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/values/text.h"
#include "services/edge/address.h"
#include "tests/services/authority.h"
#include "tests/services/edge/frames.h"

namespace capbroker {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kPatience = 30'000'000;  // Only against a hang.

// Stands behind an edge in gRPC's place: greets, and answers what comes with one message of
// stream 1.
class Answering {
 public:
  ~Answering() {
    for (std::thread& each : threads_) each.join();
  }
  void Take(int fd) {
    fcntl(fd, F_SETFL, 0);  // These threads wait.
    threads_.emplace_back([this, fd] {
      Send(fd, FrameOf(kSettings, 0, 0));
      std::string got;
      char bytes[4096];
      for (ssize_t n; (n = recv(fd, bytes, sizeof bytes, 0)) > 0;) {
        got.append(bytes, static_cast<size_t>(n));
        if (silent || got.find("Check") == std::string::npos) continue;
        Send(fd, FrameOf(kHeaders, kEndHeadersFlag, 1, "\x88") +
                     FrameOf(kData, kEndStreamFlag, 1, "answer"));
        got.clear();
      }
      close(fd);
    });
  }
  std::atomic<bool> silent = false;

 private:
  static void Send(int fd, const std::string& bytes) {
    (void)!send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  std::vector<std::thread> threads_;
};

class EdgeTest : public ::testing::Test {
 protected:
  void Open(const std::string& address, std::unique_ptr<ServerTls> tls = nullptr) {
    options_.address = address;
    absl::StatusOr<std::unique_ptr<Edge>> edge = Edge::Open(options_, std::move(tls), peers_);
    ASSERT_TRUE(edge.ok()) << edge.status();
    edge_ = *std::move(edge);
    edge_->Start([this](int fd) { answering_.Take(fd); });
  }
  void TearDown() override {
    edge_ = nullptr;  // Before what it gave connections to.
    for (const std::string& file : files_) unlink(file.c_str());
  }
  std::string Write(const std::string& name, const std::string& text) {
    files_.push_back(Cat(::testing::TempDir(), name, "-", getpid()));
    std::ofstream(files_.back()) << text;
    return files_.back();
  }

  EdgeOptions options_;
  PeerTable peers_;
  Answering answering_;
  std::unique_ptr<Edge> edge_;
  std::vector<std::string> files_;
};

TEST_F(EdgeTest, CallsItselfWhereverItListens) {
  const std::string path = Cat("unix:", ::testing::TempDir(), "edge-", getpid(), ".sock");
  for (const std::string& address :
       {std::string("127.0.0.1:0"), std::string("0.0.0.0:0"), std::string("localhost:0"), path,
        path, Cat("unix-abstract:edge-", getpid())}) {
    Open(address);
    EXPECT_TRUE(edge_->CallSelf(kPatience).ok()) << address << ": " << edge_->CallSelf(kPatience);
    edge_ = nullptr;
  }
  EXPECT_NE(access(path.c_str() + 5, F_OK), 0) << "the file goes with its listener";
}

TEST_F(EdgeTest, CallsItselfPastItsCaps) {
  options_.max_connections = 1;
  Open("127.0.0.1:0");
  const Descriptor first(socket(AF_INET, SOCK_STREAM, 0));
  // Connected to by any means: it is the only one that has a place.
  const auto [host, port] = HostAndPort(edge_->address());
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  ASSERT_EQ(connect(first.get(), generic, sizeof address), 0);
  const Descriptor second(socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(connect(second.get(), generic, sizeof address), 0);
  char byte = 0;
  EXPECT_EQ(recv(second.get(), &byte, 1, 0), 0);
  EXPECT_EQ(edge_->counts().shed(Shed::kConnections), 1u);
  EXPECT_TRUE(edge_->CallSelf(kPatience).ok());
}

TEST_F(EdgeTest, SaysHowFarACallToItselfGot) {
  Open("127.0.0.1:0");
  answering_.silent = true;
  const absl::Status unanswered = edge_->CallSelf(50'000);
  EXPECT_TRUE(absl::IsDeadlineExceeded(unanswered));
  EXPECT_THAT(std::string(View(unanswered.message())), HasSubstr("waiting for the answer"));
  edge_->StopTaking();
  const absl::Status refused = edge_->CallSelf(kPatience);
  EXPECT_TRUE(absl::IsUnavailable(refused));
  EXPECT_THAT(std::string(View(refused.message())), HasSubstr("connect: Connection refused"));
}

TEST_F(EdgeTest, NeedsNoCertificateToCallItself) {
  Authority authority;
  const Pem ours = authority.Issue("DNS:localhost");
  Authority of_callers;
  absl::StatusOr<std::unique_ptr<ServerTls>> tls =
      ServerTls::Load({Write("cert", ours.certificate), Write("key", ours.key),
                       Write("ca", of_callers.certificate()), false});
  ASSERT_TRUE(tls.ok()) << tls.status();
  Open("127.0.0.1:0", *std::move(tls));
  EXPECT_TRUE(edge_->CallSelf(kPatience).ok()) << edge_->CallSelf(kPatience);
}

TEST_F(EdgeTest, APortIsOneProcesss) {
  Open("127.0.0.1:0");
  options_.address = edge_->address();
  const absl::Status status = Edge::Open(options_, nullptr, peers_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(View(status.message()),
            Cat("cannot listen on ", options_.address, ": Address already in use"));
  const std::string file = Cat("unix:", ::testing::TempDir(), "edge-taken-", getpid(), ".sock");
  edge_ = nullptr;
  Open(file);
  options_.address = file;
  EXPECT_TRUE(absl::IsFailedPrecondition(Edge::Open(options_, nullptr, peers_).status()));
}

}  // namespace
}  // namespace capbroker
