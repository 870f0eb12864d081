// Who can supply capacity, and at what price they ask.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/values/ids.h"
#include "broker/values/money.h"

namespace capbroker {

// What a provider sells, at which price. An empty region means "any".
struct Rate {
  std::string resource_type{};
  std::string region{};
  Money unit_price{};  // Per unit and hour; unset: whatever the owner offers.
  bool operator==(const Rate&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("region", self.region);
    field("resource_type", self.resource_type);
    field("unit_price", self.unit_price);
  }
};

// R23. The most units of one request that a provider takes as an alternative. An empty region means
// "any"; where there is a limit for the region too, that one counts alone.
struct Limit {
  std::string resource_type{};
  std::string region{};
  int64_t quantity = 0;
  bool operator==(const Limit&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("quantity", self.quantity);
    field("region", self.region);
    field("resource_type", self.resource_type);
  }
};

// Where a provider wants to be called about its offers (R2). The network is not the rules' concern:
// it is only kept.
struct Endpoint {
  std::string address{};      // "host:port"; empty: it is not called.
  std::string server_name{};  // Whom its certificate has to name: a DNS name or a SPIFFE id; empty:
                              // the host.
  bool IsSet() const { return !address.empty(); }
  bool operator==(const Endpoint&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("address", self.address);
    field("server_name", self.server_name);
  }
};

struct Provider {
  ProviderId id{};
  std::string display_name{};
  std::vector<std::string> members{};    // Of a consortium.
  std::vector<ProviderId> affiliates{};  // R11: count as one with this provider.
  std::vector<Rate> rates{};             // Empty: sells anything, at the owner's price.
  std::vector<Limit> limits{};           // R23. Each resource and region once; empty: none.
  Endpoint endpoint{};
  bool suspended = false;
  bool unhealthy = false;  // R23: its breaker is open.
  bool operator==(const Provider&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("affiliates", self.affiliates);
    field("display_name", self.display_name);
    field("endpoint", self.endpoint);
    field("id", self.id);
    field("limits", self.limits);
    field("members", self.members);
    field("rates", self.rates);
    field("suspended", self.suspended);
    field("unhealthy", self.unhealthy);
  }
};

// R11: a provider and its affiliates, by either's record, are one party.
bool IsSameParty(const Provider& a, const Provider& b);

// Every registered provider, in the order they were registered.
class Directory {
 public:
  const Provider* Find(const ProviderId& id) const;
  const std::vector<Provider>& providers() const { return providers_; }
  // Whether both are one party; of those not registered, only each with itself.
  bool IsSameParty(const ProviderId& a, const ProviderId& b) const;
  void Put(Provider provider);  // Registers, or replaces one of the same id in its place.

 private:
  std::vector<Provider> providers_;
  absl::flat_hash_map<ProviderId, size_t> index_;
};

}  // namespace capbroker
