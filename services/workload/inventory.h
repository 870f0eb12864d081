// A provider's inventory by model. Capacity is reserved before an acceptance is sent, so that
// nothing is promised twice.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace capbroker {

// The models that an offer's conditions admit: "model=A|B" admits A and B, two such conditions only
// what both admit. nullopt: any model. Other conditions do not concern models.
std::optional<std::vector<std::string>> ModelsAdmitted(const std::vector<std::string>& conditions);

class Inventory {
 public:
  using Models = std::optional<std::vector<std::string>>;  // nullopt: any.
  using Reservation = std::map<std::string, int64_t>;      // By model; each more than 0.

  Inventory() = default;
  explicit Inventory(std::map<std::string, int64_t> quantities);

  // Reserves all of `quantity` from the admitted models, or nothing. Takes it from one model if one
  // has enough (capacity of one kind is worth more than a mixture), else from as few as possible,
  // the fullest first, which spares the rare ones.
  std::optional<Reservation> Reserve(const Models& models, int64_t quantity);
  // Releases a reservation that Reserve returned.
  void Release(const Reservation& reservation);

  int64_t Free(const Models& models) const;
  int64_t Total() const;
  int64_t InUse() const;
  int64_t PeakInUse() const { return peak_; }

 private:
  struct Stock {
    int64_t total = 0;
    int64_t free = 0;
  };
  std::map<std::string, Stock> stock_;
  int64_t peak_ = 0;
};

// Parses "G2=2224000,T4=416000". INVALID_ARGUMENT names the wrong part.
absl::StatusOr<std::map<std::string, int64_t>> ParseQuantities(std::string_view text);

}  // namespace capbroker
