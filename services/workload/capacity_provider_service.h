// Provider's capacity desk that the broker calls about offers, instead of one that watches. It
// answers each offer according to its script and inventory, and an offer that comes again in the
// same way. Everything runs on the event loop.
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

class CapacityProviderService final : public v1::CapacityProvider::CallbackService {
 public:
  // `loop` outlives the service, and runs until the server of the service has shut down.
  CapacityProviderService(EventLoop& loop, DeskScript script, uint64_t seed,
                          std::optional<Inventory> inventory)
      : loop_(loop), sampler_(std::move(script), seed), inventory_(std::move(inventory)) {}

  std::function<void(const DeskEvent&)> on_event = [](const DeskEvent&) {};

  // A silent desk does not answer the call; the broker gives up after its deadline.
  grpc::ServerUnaryReactor* ConsiderOffer(grpc::CallbackServerContext* context,
                                          const v1::ConsiderOfferRequest* in,
                                          v1::ConsiderOfferResponse* out) override;

  // `repeats` counts deliveries of an offer that had been delivered before.
  const DeskTotals& totals() const { return totals_; }
  const std::optional<Inventory>& inventory() const { return inventory_; }

 private:
  class PendingCall;
  struct Entry {
    DeskStep step{};
    DeskQuestion question{};
    Instant delivery_end{};
    std::string terms_hash{};
    std::optional<DeskChoice> choice{};  // Unset while the desk thinks.
    std::vector<uint64_t> calls{};       // Calls that wait for the answer.
  };

  void OnOffer(uint64_t call, const v1::Offer& offer, bool anew);
  void Decide(const std::string& name);
  void Answer(const Entry& entry, uint64_t call);
  void Abandon(uint64_t call);
  void ReleaseDelivered();

  EventLoop& loop_;
  StepSampler sampler_;
  std::optional<Inventory> inventory_;
  DeskTotals totals_;
  uint64_t last_call_ = 0;
  absl::flat_hash_map<uint64_t, PendingCall*> pending_;  // Calls not answered yet.
  absl::flat_hash_map<std::string, Entry> entries_;
  std::multimap<Instant, std::string> delivery_ends_;  // Of accepted offers.
};

}  // namespace capbroker
