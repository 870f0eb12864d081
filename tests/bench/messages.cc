#include "tests/bench/messages.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>

#include "capbroker/v1/capacity_request_service.pb.h"
#include "capbroker/v1/offer_service.pb.h"
#include "tests/bench/wire.h"

namespace capbroker::bench {
namespace {

void WriteHex(char* out, uint64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value >>= 4) out[i] = "0123456789abcdef"[value & 15];
}

void ReadAllocation(std::string_view message, ToldRequest& into) {
  ToldRequest::Placed placed;
  uint64_t state = 0;
  for (FieldReader field(message); field.Next();) {
    if (field.number() == v1::Allocation::kProviderFieldNumber) {
      placed.provider = field.bytes().substr(std::string_view("providers/").size());
    } else if (field.number() == v1::Allocation::kQuantityFieldNumber) {
      placed.quantity = static_cast<int64_t>(field.value());
    } else if (field.number() == v1::Allocation::kStateFieldNumber) {
      state = field.value();
    }
  }
  const size_t at = into.allocations++;
  if (state == v1::Allocation::STATE_CONFIRMED && at < kDesks) into.placed[at] = placed;
}

int64_t ReadMicros(std::string_view message) {
  int64_t micros = 0;
  for (FieldReader field(message); field.Next();) {
    if (field.number() == 1) micros += static_cast<int64_t>(field.value()) * 1'000'000;
    if (field.number() == 2) micros += static_cast<int64_t>(field.value()) / 1'000;
  }
  return micros;
}

}  // namespace

RequestKey KeyOf(std::string_view name) {
  constexpr size_t kLength = 36;
  if (name.size() < kLength) return {};
  uint64_t parts[2] = {};
  int digits = 0;
  for (const char c : name.substr(name.size() - kLength)) {
    if (c == '-') continue;
    uint64_t& part = parts[digits++ / 16];
    part = part << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return {parts[0], parts[1]};
}

KeySource::KeySource() {
  const unsigned random = std::random_device()();
  WriteHex(&text_[15], random >> 12, 3);
  WriteHex(&text_[20], random, 3);
}

std::string_view KeySource::Next() {
  const auto time = std::chrono::system_clock::now().time_since_epoch();
  const auto millis =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
  WriteHex(&text_[0], millis >> 16, 8);
  WriteHex(&text_[9], millis, 4);
  WriteHex(&text_[24], ++count_, 12);
  return text_;
}

CreateMessage::CreateMessage(const std::string& owner, const std::string& alternative) {
  v1::CapacityRequest request;
  v1::Segment& segment = *request.add_segments();
  segment.set_workload_class("PRODUCT_INFERENCE");
  segment.set_quantity(kQuantity);
  v1::Terms& terms = *request.mutable_terms();
  terms.set_resource_type("h100");
  terms.set_region("us-east");
  terms.set_quantity(kQuantity);
  terms.set_unit("gpu");
  // A day's delivery in two months: the commitment lasts for millions of lifecycles.
  const int64_t start = std::chrono::duration_cast<std::chrono::seconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                                .count() /
                            86'400 * 86'400 +
                        60 * 86'400;
  terms.mutable_start_time()->set_seconds(start);
  terms.mutable_end_time()->set_seconds(start + 86'400);
  terms.mutable_unit_price()->set_currency_code("USD");
  terms.mutable_unit_price()->set_units(2);
  terms.mutable_unit_price()->set_nanos(500'000'000);
  terms.set_availability_ppm(999'000);
  request.set_splittable(true);
  v1::FallbackPolicy& policy = *request.mutable_fallback_policy();
  policy.set_kind(v1::FallbackPolicy::KIND_SEQUENTIAL);
  policy.add_providers("providers/" + alternative);
  policy.mutable_step_window()->set_seconds(3600);

  v1::CreateCapacityRequestRequest inner;
  *inner.mutable_capacity_request() = request;
  command_ = inner.SerializeAsString();
  inner.set_parent("owners/" + owner);
  call_ = inner.SerializeAsString();
}

void CreateMessage::AppendCall(std::string& out, std::string_view key) const {
  out.append(call_);
  AppendBytes(out, v1::CreateCapacityRequestRequest::kRequestIdFieldNumber, key);
}

void CreateMessage::AppendCommand(std::string& out, std::string_view key) const {
  const size_t create = command_.size() + 2 + key.size();
  // Bytes of the tag and length of a field of this size, below 16 KiB.
  const size_t head = create < 128 ? 2 : 3;
  AppendHead(out, 2, create + head);
  AppendHead(out, 1, create);
  out.append(command_);
  AppendBytes(out, v1::CreateCapacityRequestRequest::kRequestIdFieldNumber, key);
}

bool IsFinal(uint64_t state) {
  return state >= v1::CapacityRequest::STATE_FULFILLED &&
         state <= v1::CapacityRequest::STATE_EXPIRED;
}

ToldRequest ReadRequest(std::string_view message) {
  ToldRequest told;
  for (FieldReader field(message); field.Next();) {
    if (field.number() == v1::CapacityRequest::kNameFieldNumber) told.id = KeyOf(field.bytes());
    if (field.number() == v1::CapacityRequest::kStateFieldNumber) {
      told.state = field.value();
      if (!IsFinal(told.state)) break;
    }
    if (field.number() == v1::CapacityRequest::kAllocationsFieldNumber)
      ReadAllocation(field.bytes(), told);
  }
  return told;
}

ToldOffer ReadOffer(std::string_view message) {
  ToldOffer told;
  for (FieldReader field(message); field.Next();) {
    switch (field.number()) {
      case v1::Offer::kNameFieldNumber:
        told.name = field.bytes();
        break;
      case v1::Offer::kKindFieldNumber:
        told.kind = field.value();
        break;
      case v1::Offer::kStateFieldNumber:
        told.state = field.value();
        break;
      case v1::Offer::kTermsHashFieldNumber:
        told.terms_hash = field.bytes();
        break;
      case v1::Offer::kQuantityFieldNumber:
        told.quantity = static_cast<int64_t>(field.value());
        break;
      case v1::Offer::kDeadlineFieldNumber:
        told.deadline_micros = ReadMicros(field.bytes());
        break;
      case v1::Offer::kAcceptedQuantityFieldNumber:
        told.accepted = static_cast<int64_t>(field.value());
        break;
      case v1::Offer::kAllocationStateFieldNumber:
        told.allocation_state = field.value();
        break;
      default:
        break;
    }
  }
  return told;
}

void AppendAnswer(std::string& out, const Move& move, std::string_view offer,
                  std::string_view terms_hash, std::string_view key) {
  AppendBytes(out, 1, offer);
  AppendBytes(out, 2, key);
  if (move.kind == Move::Kind::kDecline) {
    AppendHead(out, v1::DeclineOfferRequest::kDeclineFieldNumber, 2);
    AppendNumber(out, v1::Decline::kReasonFieldNumber, v1::DECLINE_REASON_NO_CAPACITY);
    return;
  }
  AppendBytes(out, v1::AcceptOfferRequest::kTermsHashFieldNumber, terms_hash);
  AppendNumber(out, v1::AcceptOfferRequest::kQuantityFieldNumber,
               static_cast<uint64_t>(move.taken));
}

void AppendAnswerCommand(std::string& out, const Move& move, std::string_view offer,
                         std::string_view terms_hash, std::string_view key) {
  static thread_local std::string answer, command;
  answer.clear();
  command.clear();
  AppendAnswer(answer, move, offer, terms_hash, key);
  AppendBytes(command, move.kind == Move::Kind::kDecline ? 2 : 1, answer);
  AppendBytes(out, 2, command);
}

Ending ReadStatus(std::string_view message) {
  constexpr std::string_view kRetryInfo = "type.googleapis.com/google.rpc.RetryInfo";
  Ending ending;
  for (FieldReader field(message); field.Next();) {
    if (field.number() == 1) ending.code = static_cast<int>(field.value());
    if (field.number() == 2) ending.text = field.bytes();
    if (field.number() != 3) continue;
    std::string_view type, value;
    for (FieldReader detail(field.bytes()); detail.Next();) {
      (detail.number() == 1 ? type : value) = detail.bytes();
    }
    if (type != kRetryInfo) continue;
    ending.retry_after_micros = 0;
    for (FieldReader retry(value); retry.Next();)
      ending.retry_after_micros = ReadMicros(retry.bytes());
  }
  return ending;
}

Ending EndingOf(const grpc::Status& status) {
  if (status.ok()) return {};
  Ending ending = ReadStatus(status.error_details());
  ending.code = status.error_code();
  ending.text = status.error_message();
  return ending;
}

}  // namespace capbroker::bench
