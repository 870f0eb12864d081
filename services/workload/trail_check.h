// Checks the recorded trail against what a load observed: no provider placed more than its
// inventory, and every command that was answered OK is in the trail exactly once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/trail/decision.h"
#include "services/client/client.h"

namespace capbroker {

class TrailCheck {
 public:
  // Inventory by provider. A provider that is not named has no limit.
  explicit TrailCheck(std::map<std::string, int64_t> inventory)
      : inventory_(std::move(inventory)) {}

  struct Use {
    int64_t allocations = 0, quantity = 0;  // Held, in total.
    int64_t in_use = 0, peak = 0;
  };

  // Acts in the order of the trail. What was placed before the first act is not counted, nor is its
  // release.
  void Add(const Act& act);
  // A command was answered OK: the trail must have exactly one `kind` about `name`, a request or an
  // offer.
  void Expect(const std::string& kind, const std::string& name);

  // The first faults, a sentence each, and the number of all.
  const std::vector<std::string>& faults() const { return faults_; }
  int64_t fault_count() const { return fault_count_; }
  const std::map<std::string, Use>& use() const { return use_; }
  int64_t acts() const { return acts_; }
  int64_t decisions() const { return decisions_; }
  int64_t expected() const { return expected_; }

 private:
  void Fault(std::string what);

  const std::map<std::string, int64_t> inventory_;
  std::map<std::string, Use> use_;
  absl::flat_hash_map<std::string, std::pair<std::string, int64_t>>
      standing_;                                 // By offer: provider and quantity.
  absl::flat_hash_map<std::string, int> times_;  // By kind and name.
  std::vector<std::string> faults_;
  int64_t fault_count_ = 0, acts_ = 0, decisions_ = 0, expected_ = 0;
};

// Sequence of the owner's last act; 0 if there is none.
absl::StatusOr<int64_t> TrailEnd(const std::shared_ptr<grpc::Channel>& channel,
                                 const ClientOptions& client, const std::string& owner);

// The owner's acts after `sequence`, oldest first.
//
// DATA_LOSS  an act that cannot be read, or a gap in the sequence.
absl::StatusOr<std::vector<Act>> ReadTrail(const std::shared_ptr<grpc::Channel>& channel,
                                           const ClientOptions& client, const std::string& owner,
                                           int64_t sequence);

}  // namespace capbroker
