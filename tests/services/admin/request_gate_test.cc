// What the admin port reads, and of whom.
#include "services/admin/request_gate.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "broker/values/text.h"
#include "services/admin/admin_server.h"
#include "services/admin/trusted_host.h"
#include "services/edge/address.h"

namespace capbroker {
namespace {

TEST(RequestGate, BoundsARequest) {
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto post = [](const std::string& headers, const std::string& body) {
    return "POST / HTTP/1.1\r\n" + headers + "\r\n\r\n" + body;
  };
  const auto whole = [](const std::string& bytes) { return BoundsOf(bytes).size; };
  EXPECT_EQ(whole(get), get.size());
  EXPECT_EQ(whole(get + "more"), get.size());
  EXPECT_EQ(whole(post("Content-Length: 3", "abcd")), post("Content-Length: 3", "abc").size());
  EXPECT_EQ(whole(post("content-LENGTH:3 ", "ab")), 0u);
  for (size_t i = 0; i < get.size(); ++i) {
    EXPECT_EQ(whole(get.substr(0, i)), 0u);
    EXPECT_EQ(BoundsOf(get.substr(0, i)).refusal, 0);
  }
  const auto refusal = [](const std::string& bytes) { return BoundsOf(bytes).refusal; };
  EXPECT_EQ(refusal(std::string(kMostHeadBytes + 1, 'a')), 431);
  EXPECT_EQ(refusal("GET /" + std::string(kMostLineBytes, 'a') + " HTTP/1.1\r\n\r\n"), 414);
  EXPECT_EQ(refusal(post("A: " + std::string(kMostLineBytes, 'a'), "")), 431);
  std::string many = "A: b";
  for (size_t i = 0; i < kMostHeaders; ++i) many += "\r\nA: b";
  EXPECT_EQ(refusal(post(many, "")), 431);
  EXPECT_EQ(refusal(post("nonsense", "")), 400);
  EXPECT_EQ(refusal(post("Host: a\r\nhost: b", "")), 400);
  EXPECT_EQ(refusal(post("Transfer-Encoding: chunked", "")), 411);
  EXPECT_EQ(refusal(post("Content-Length: x", "")), 400);
  EXPECT_EQ(refusal(post("Content-Length: -1", "")), 400);
  EXPECT_EQ(refusal(post("Content-Length: 3\r\nContent-Length: 3", "")), 400);
  EXPECT_EQ(refusal(post(Cat("Content-Length: ", kMostBodyBytes + 1), "")), 413);
}

Descriptor ConnectTo(const std::string& address) {
  Descriptor connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(ParseNumber<uint16_t>(HostAndPort(address).second).value_or(0));
  EXPECT_EQ(connect(connection.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  return connection;
}

// Three times as many as are read at a time have begun a request and go no further.
TEST(RequestGate, WhoSendsSlowlyDelaysNobody) {
  const auto server = AdminServer::Start(
      "127.0.0.1:0", {{.path = "/livez",
                       .reply =
                           [](const AdminRequest&) {
                             return AdminReply{200, "live\n"};
                           }},
                      {.post = true, .path = "/echo", .reply = [](const AdminRequest& in) {
                         return AdminReply{200, in.body};
                       }}});
  ASSERT_TRUE(server.ok()) << server.status();
  std::vector<Descriptor> slow;
  for (size_t i = 0; i < 3 * kMostUnread; ++i) {
    slow.push_back(ConnectTo((*server)->address()));
    send(slow.back().get(), "GET /l", 6, MSG_NOSIGNAL);
  }
  httplib::Client client("http://" + (*server)->address());
  client.set_read_timeout(60);  // Only against a hang.
  const auto live = client.Get("/livez");
  ASSERT_TRUE(live);
  EXPECT_EQ(live->body, "live\n");
  const std::string body(kMostBodyBytes, 'x');
  const auto echo = client.Post("/echo", body, "text/plain");
  ASSERT_TRUE(echo);
  EXPECT_EQ(echo->body, body);
  // The oldest have been closed to make room.
  char byte = 0;
  EXPECT_LE(recv(slow.front().get(), &byte, 1, 0), 0);
}

TEST(TrustedHost, IsNoNameThatSomebodyElseCanHave) {
  for (const char* host :
       {"", "127.0.0.1", "127.0.0.1:7421", "10.1.2.3:7421", "[::1]", "[::1]:7421", "localhost",
        "localhost:7421", "broker:7421", "broker.example.org", "broker.example.org:7421"})
    EXPECT_TRUE(IsTrustedHost(host, {"broker.example.org"})) << host;
  for (const char* host : {"evil.org", "evil.org:7421", "127.0.0.1.evil.org",
                           "x.broker.example.org", "localhost.:80", "127.0.0.1.:7421"})
    EXPECT_FALSE(IsTrustedHost(host, {"broker.example.org"})) << host;
}

}  // namespace
}  // namespace capbroker
