// What a provider has to give, by model: taken before an acceptance is sent, so that nothing is
// promised twice.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace capbroker {

// What the conditions of an offer leave to choose from: "model=A|B" admits A and B, two such
// conditions only what both admit. nullopt: any model. Other conditions say nothing about models.
std::optional<std::vector<std::string>> ModelsAdmitted(const std::vector<std::string>& conditions);

class Inventory {
 public:
  using Models = std::optional<std::vector<std::string>>;  // nullopt: any.
  using Taking = std::map<std::string, int64_t>;           // By model; more than 0 of each.

  Inventory() = default;
  explicit Inventory(std::map<std::string, int64_t> quantities);

  // All of `quantity` from the models admitted, or nothing. From one model where one has enough
  // (capacity of one kind is worth more than a mixture), else from as few as will do; from the
  // fullest first, which leaves the rare ones.
  std::optional<Taking> Take(const Models& models, int64_t quantity);
  // Gives back what Take gave.
  void Return(const Taking& taking);

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

// "G2=2224000,T4=416000". INVALID_ARGUMENT names the part that is wrong.
absl::StatusOr<std::map<std::string, int64_t>> ParseQuantities(std::string_view text);

}  // namespace capbroker
