#include "services/edge/frame_meter.h"

#include <algorithm>
#include <utility>

namespace capbroker {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kSettingsAck("\x00\x00\x00\x04\x01\x00\x00\x00\x00", 9);
constexpr uint32_t kMostSettingsBytes = 600;  // A hundred settings; six are defined.

// RFC 9113, section 6.
enum Kind : uint8_t {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};
constexpr uint8_t kAck = 1, kEndStream = 1;

}  // namespace

FrameMeter::Head FrameMeter::Parse(const std::array<char, kHeadSize>& head) {
  const auto byte = [&](size_t at) {
    return static_cast<uint32_t>(static_cast<unsigned char>(head[at]));
  };
  return {byte(0) << 16 | byte(1) << 8 | byte(2), static_cast<uint8_t>(byte(3)),
          static_cast<uint8_t>(byte(4)),
          (byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) & 0x7fffffffu};
}

FrameMeter::Step FrameMeter::TakeFromClient(std::string_view bytes, bool is_known,
                                            int64_t now_micros, std::string* out) {
  if (is_known && !is_known_) Meet();
  const std::string_view allowed =
      is_known_ ? bytes : bytes.substr(0, static_cast<size_t>(bytes_.Available(now_micros)));
  const Step step = Take(allowed, now_micros, out);
  bytes_.Spend(is_known_ ? 0 : static_cast<int64_t>(step.taken));
  return step.next == Next::kMore && step.taken < bytes.size() ? Step{step.taken, Next::kHeld}
                                                               : step;
}

FrameMeter::Step FrameMeter::Take(std::string_view bytes, int64_t now_micros, std::string* out) {
  size_t at = 0;
  for (; at < bytes.size() && preface_size_ < kPreface.size(); ++at, ++preface_size_) {
    if (bytes[at] != kPreface[preface_size_]) return {at, Next::kEnd, Shed::kNotHttp2};
    out->push_back(bytes[at]);
  }
  while (true) {
    const size_t part = std::min(payload_left_, bytes.size() - at);
    out->append(bytes.substr(at, part));
    at += part;
    payload_left_ -= part;
    if (payload_left_ > 0) break;
    const size_t of_head = std::min(kHeadSize - head_size_, bytes.size() - at);
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), of_head,
                head_.begin() + static_cast<ptrdiff_t>(head_size_));
    at += of_head;
    head_size_ += of_head;
    if (head_size_ < kHeadSize) break;
    const Head head = Parse(head_);
    Step step = Admit(head, now_micros);
    if (step.next != Next::kMore) {
      step.taken = at;
      return step;
    }
    if (acknowledgement_owed_) {
      out->append(kSettingsAck);
      acknowledgement_owed_ = false;
    }
    const bool is_clients_ack =
        head.kind == kSettings && (head.flags & kAck) != 0 && !is_acknowledged_;
    if (is_clients_ack) {
      is_acknowledged_ = true;
    } else {
      out->append(head_.data(), head_.size());
    }
    head_size_ = 0;
    payload_left_ = head.length;
    if (frames_++ == 0) acknowledgement_owed_ = true;
  }
  return {at};
}

FrameMeter::Step FrameMeter::Admit(const Head& head, int64_t now_micros) {
  if (frames_ == 0) {
    const bool is_greeting =
        head.kind == kSettings && (head.flags & kAck) == 0 && head.length <= kMostSettingsBytes;
    return is_greeting ? Step{} : Step{0, Next::kEnd, Shed::kNotHttp2};
  }
  // Acknowledged before they are sent, gRPC's settings would not be in force.
  if (!server_.has_greeted) return {0, Next::kHeld};
  switch (head.kind) {
    case kHeaders:
      return AdmitHeaders(head, now_micros);
    case kData:
      return AdmitData(head, now_micros);
    case kReset:
      return AdmitReset(head, now_micros);
    case kContinuation:
      block_size_ += head.length;
      if (block_size_ > kMostHeaderBytes) return {0, Next::kEnd, Shed::kHeaders};
      return Idle(now_micros);
    case kSettings:
      if (head.length > kMostSettingsBytes) return {0, Next::kEnd, Shed::kHeaders};
      return (head.flags & kAck) != 0 && !is_acknowledged_ ? Step{} : Idle(now_micros);
    case kPing:
      // Some clients measure the way by a PING for each answer that they read.
      if (std::exchange(server_.has_answered, false)) return {};
      return Idle(now_micros);
    case kWindowUpdate:
    case kGoAway:
      return {};
    default:
      return Idle(now_micros);
  }
}

FrameMeter::Step FrameMeter::AdmitHeaders(const Head& head, int64_t now_micros) {
  if (head.length > kMostHeaderBytes) return {0, Next::kEnd, Shed::kHeaders};
  if (head.stream > last_stream_) {
    if (const Next room = Room(kStreamCharge); room != Next::kMore) return {0, room};
    if (!is_known_ && !calls_.Take(now_micros)) return {0, Next::kHeld};
    last_stream_ = head.stream;
    open_.emplace(head.stream, 0);
    SetCharge(charge_ + kStreamCharge);
  } else if (!open_.contains(head.stream)) {
    if (const Step step = Idle(now_micros); step.next != Next::kMore) return step;
  }
  block_size_ = head.length;
  return {};
}

FrameMeter::Step FrameMeter::AdmitData(const Head& head, int64_t now_micros) {
  const bool is_empty = head.length == 0 && (head.flags & kEndStream) == 0;
  const auto stream = open_.find(head.stream);
  if (is_empty || stream == open_.end()) {
    if (const Step step = Idle(now_micros); step.next != Next::kMore) return step;
  }
  if (stream == open_.end()) return {};
  if (const Next room = Room(head.length); room != Next::kMore) return {0, room};
  stream->second += head.length;
  SetCharge(charge_ + head.length);
  return {};
}

FrameMeter::Step FrameMeter::AdmitReset(const Head& head, int64_t now_micros) {
  if (!open_.contains(head.stream)) return Idle(now_micros);
  if (!resets_.Take(now_micros, is_known_ ? 1 : kResetOfStranger))
    return {0, Next::kEnd, Shed::kResets};
  Answered(head.stream, true);
  return {};
}

FrameMeter::Step FrameMeter::Idle(int64_t now_micros) {
  return idle_frames_.Take(now_micros) ? Step{} : Step{0, Next::kEnd, Shed::kIdleFrames};
}

FrameMeter::Next FrameMeter::Room(int64_t more) const {
  if (charge_ + more > (is_known_ ? kPartyBudget : kStrangerBudget)) return Next::kHeld;
  return !is_known_ && strangers_.charged + more > kAllStrangersBudget ? Next::kHeldByAll
                                                                       : Next::kMore;
}

void FrameMeter::Meet() {
  const int64_t charge = charge_;
  SetCharge(0);  // It is no stranger's any more.
  is_known_ = true;
  SetCharge(charge);
}

void FrameMeter::SetCharge(int64_t charge) {
  if (!is_known_) strangers_.charged += charge - charge_;
  charge_ = charge;
}

void FrameMeter::Answered(uint32_t stream, bool is_end) {
  const auto found = open_.find(stream);
  if (found == open_.end()) return;
  const int64_t bytes = std::exchange(found->second, 0);
  if (is_end) open_.erase(found);
  SetCharge(charge_ - bytes - (is_end ? kStreamCharge : 0));
}

void FrameMeter::TakeFromServer(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t part = std::min(server_.payload_left, bytes.size());
    bytes.remove_prefix(part);
    server_.payload_left -= part;
    const size_t of_head = std::min(kHeadSize - server_.head_size, bytes.size());
    std::copy_n(bytes.begin(), of_head,
                server_.head.begin() + static_cast<ptrdiff_t>(server_.head_size));
    bytes.remove_prefix(of_head);
    server_.head_size += of_head;
    if (server_.head_size < kHeadSize) return;
    const Head head = Parse(server_.head);
    server_.head_size = 0;
    server_.payload_left = head.length;
    if (head.kind == kSettings) server_.has_greeted = true;
    if (head.kind == kData || head.kind == kHeaders) {
      server_.has_answered = true;
      Answered(head.stream, (head.flags & kEndStream) != 0);
    }
    if (head.kind == kReset) Answered(head.stream, true);
  }
}

}  // namespace capbroker
