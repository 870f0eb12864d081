// A provider's capacity desk that is called about its offers, instead of watching them: answers
// each by its script and what it has, and the same offer the same way however often it comes.
// Everything runs on the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "capbroker/v1/capacity_provider.grpc.pb.h"
#include "services/workload/desk.h"

namespace capbroker {

class DeskDoor final : public v1::CapacityProvider::CallbackService {
 public:
  // `loop` outlives the door, and runs until the server that it stands in has been shut down.
  DeskDoor(Loop& loop, DeskScript script, uint64_t seed, std::optional<Inventory> inventory)
      : loop_(loop), dice_(std::move(script), seed), inventory_(std::move(inventory)) {}

  std::function<void(const DeskEvent&)> on_event = [](const DeskEvent&) {};

  // A silent desk leaves the call without an answer, until the broker gives it up.
  grpc::ServerUnaryReactor* ConsiderOffer(grpc::CallbackServerContext* context,
                                          const v1::ConsiderOfferRequest* in,
                                          v1::ConsiderOfferResponse* out) override;

  // `repeats` counts deliveries of an offer that had come before.
  const DeskTotals& totals() const { return totals_; }
  const std::optional<Inventory>& inventory() const { return inventory_; }

 private:
  class Visit;
  struct Entry {
    DeskStep step{};
    DeskQuestion question{};
    Instant delivery_end{};
    std::string terms_hash{};
    std::optional<DeskChoice> choice{};  // Once it has thought about it.
    std::vector<uint64_t> visits{};      // Calls that wait for it.
  };

  void Come(uint64_t visit, const v1::Offer& offer, bool anew);
  void Decide(const std::string& name);
  void Answer(const Entry& entry, uint64_t visit);
  void Leave(uint64_t visit);
  void ReturnDelivered();

  Loop& loop_;
  DeskDice dice_;
  std::optional<Inventory> inventory_;
  DeskTotals totals_;
  uint64_t last_visit_ = 0;
  absl::flat_hash_map<uint64_t, Visit*> visits_;  // Not answered yet.
  absl::flat_hash_map<std::string, Entry> entries_;
  std::multimap<Instant, std::string> delivery_ends_;  // Of what was accepted.
};

}  // namespace capbroker
