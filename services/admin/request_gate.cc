#include "services/admin/request_gate.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "broker/values/text.h"

namespace capbroker {
namespace {

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

void Refuse(int connection, int status) {
  const std::string reply =
      Cat("HTTP/1.1 ", status, " Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  send(connection, reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

RequestBounds BoundsOf(std::string_view bytes) {
  const size_t end = bytes.find("\r\n\r\n");
  if (std::min(end, bytes.size()) > kMostHeadBytes) return {.refusal = 431};
  if (end == std::string_view::npos) return {};
  const std::vector<std::string_view> lines = Split(bytes.substr(0, end), '\n');
  if (lines.front().size() > kMostLineBytes) return {.refusal = 414};
  if (lines.size() > 1 + kMostHeaders) return {.refusal = 431};
  std::optional<uint64_t> length;
  bool has_host = false;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].size() > kMostLineBytes) return {.refusal = 431};
    const size_t colon = lines[i].find(':');
    if (colon == std::string_view::npos) return {.refusal = 400};
    const std::string name = Lower(lines[i].substr(0, colon));
    // Nobody needs one here, and its length would be known at its end only.
    if (name == "transfer-encoding") return {.refusal = 411};
    // Which of two counts is anybody's guess.
    if (name == "host" && std::exchange(has_host, true)) return {.refusal = 400};
    if (name != "content-length") continue;
    if (length) return {.refusal = 400};
    length = ParseNumber<uint64_t>(Trim(lines[i].substr(colon + 1)));
    if (!length) return {.refusal = 400};
    if (*length > kMostBodyBytes) return {.refusal = 413};
  }
  const size_t size = end + 4 + length.value_or(0);
  return {.size = bytes.size() < size ? 0 : size};
}

absl::StatusOr<std::unique_ptr<RequestGate>> RequestGate::Open(const std::string& address,
                                                               Answer answer) {
  absl::StatusOr<ListeningSockets> sockets = Listen(address);
  if (!sockets.ok()) return sockets.status();
  return std::unique_ptr<RequestGate>(new RequestGate(*std::move(sockets), std::move(answer)));
}

RequestGate::RequestGate(ListeningSockets sockets, Answer answer)
    : sockets_(std::move(sockets)), answer_(std::move(answer)), last_tag_(sockets_.sockets.size()) {
  for (size_t i = 0; i < sockets_.sockets.size(); ++i)
    loop_.Watch(sockets_.sockets[i].get(), EPOLLIN, i);
  loop_.Start(
      [this](uint64_t tag, uint32_t) {
        if (tag < sockets_.sockets.size()) return Accept(sockets_.sockets[tag].get());
        Read(tag);
      },
      [this](int64_t now) { return OnTick(now); });
}

RequestGate::~RequestGate() { loop_.Stop(); }

void RequestGate::Accept(int listening) {
  for (int i = 0; i < 16; ++i) {
    Descriptor connection(accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!connection.is_open()) {
      if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) Pause(true);
      return;
    }
    if (unread_.size() >= kMostUnread) unread_.erase(unread_.begin());
    const uint64_t tag = ++last_tag_;
    loop_.Watch(connection.get(), EPOLLIN, tag);
    unread_.emplace(tag, Unread{std::move(connection), {}, EdgeMicros() + kRequestMicros});
  }
}

void RequestGate::Read(uint64_t tag) {
  const auto found = unread_.find(tag);
  if (found == unread_.end()) return;
  Unread& unread = found->second;
  std::array<char, 16 * 1024> chunk;
  const ssize_t got = recv(unread.connection.get(), chunk.data(), chunk.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  RequestBounds bounds;
  if (got > 0) {
    unread.bytes.append(chunk.data(), static_cast<size_t>(got));
    bounds = BoundsOf(unread.bytes);
    if (bounds.size == 0 && bounds.refusal == 0) return;
  }
  Descriptor connection = std::move(unread.connection);
  std::string request = std::move(unread.bytes);
  unread_.erase(found);
  loop_.Unwatch(connection.get());
  if (bounds.refusal != 0) return Refuse(connection.get(), bounds.refusal);
  if (bounds.size == 0) return;  // The client is gone.
  request.resize(bounds.size);
  answer_(std::move(connection), std::move(request));
}

void RequestGate::Pause(bool is_paused) {
  is_paused_ = is_paused;
  for (size_t i = 0; i < sockets_.sockets.size(); ++i)
    loop_.ChangeWatch(sockets_.sockets[i].get(), is_paused ? 0u : EPOLLIN, i);
}

bool RequestGate::OnTick(int64_t now_micros) {
  if (is_paused_) Pause(false);  // And again if there still is none.
  while (!unread_.empty() && unread_.begin()->second.deadline_micros <= now_micros) {
    Refuse(unread_.begin()->second.connection.get(), 408);
    unread_.erase(unread_.begin());
  }
  return is_paused_ || !unread_.empty();
}

}  // namespace capbroker
