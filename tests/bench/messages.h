// Messages of the load. Requests and answers are bytes that are made once and only get their key;
// of the broker's messages only the fields that a lifecycle is checked by are read.
#pragma once

#include <grpcpp/support/status.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "tests/bench/plan.h"

namespace capbroker::bench {

// Source of idempotency keys, which no other run shares.
class KeySource {
 public:
  KeySource();
  std::string_view Next();  // A UUIDv7, valid until the next call.

 private:
  uint64_t count_ = 0;
  std::string text_ = "00000000-0000-7000-8000-000000000000";
};

// The CreateCapacityRequest command of one owner.
class CreateMessage {
 public:
  CreateMessage(const std::string& owner, const std::string& alternative);
  // Appends a CreateCapacityRequestRequest.
  void AppendCall(std::string& out, std::string_view key) const;
  // Appends a field `commands` of OwnerSessionRequest.
  void AppendCommand(std::string& out, std::string_view key) const;

 private:
  std::string call_, command_;  // All but the key, which comes last.
};

// The 128 bits of a request's id; {0, 0} without one.
using RequestKey = std::pair<uint64_t, uint64_t>;
RequestKey KeyOf(std::string_view name);  // "owners/{owner}/capacityRequests/{request}".

// What an owner is told about a request.
struct ToldRequest {
  RequestKey id{};
  uint64_t state = 0;
  struct Placed {
    std::string_view provider;  // Points into the message.
    int64_t quantity = 0;
  };
  std::array<Placed, kDesks> placed{};  // Confirmed quantities.
  size_t allocations = 0;               // Allocations of any provider, in any state.
};
// Reads a CapacityRequest. Of one that has not ended only the id and the state are read.
ToldRequest ReadRequest(std::string_view message);
bool IsFinal(uint64_t state);

// What a provider is told about an offer. Its views point into the message.
struct ToldOffer {
  std::string_view name, terms_hash;
  uint64_t kind = 0, state = 0, allocation_state = 0;
  int64_t quantity = 0, accepted = 0;
  int64_t deadline_micros = 0;
};
ToldOffer ReadOffer(std::string_view message);

// Appends an AcceptOfferRequest or a DeclineOfferRequest, as the move says; `terms_hash` is not
// read for a decline.
void AppendAnswer(std::string& out, const Move& move, std::string_view offer,
                  std::string_view terms_hash, std::string_view key);
// Appends the same as a field `commands` of ProviderSessionRequest.
void AppendAnswerCommand(std::string& out, const Move& move, std::string_view offer,
                         std::string_view terms_hash, std::string_view key);

// Outcome of a command, whichever way it was sent.
struct Ending {
  int code = 0;  // A grpc::StatusCode.
  std::string text{};
  int64_t retry_after_micros = -1;  // The delay of its RetryInfo; -1 without one.
};
// `details` is the serialized google.rpc.Status, in a session and of a call alike.
Ending EndingOf(const grpc::Status& status);
Ending ReadStatus(std::string_view message);

}  // namespace capbroker::bench
