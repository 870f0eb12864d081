#include "services/workload/inventory.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "broker/values/terms.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr std::string_view kModel = "model=";

bool Admits(const Inventory::Models& models, const std::string& model) {
  return !models || std::find(models->begin(), models->end(), model) != models->end();
}

}  // namespace

std::optional<std::vector<std::string>> ModelsAdmitted(const std::vector<std::string>& conditions) {
  std::optional<std::vector<std::string>> admitted;
  for (const std::string& condition : conditions) {
    if (condition.compare(0, kModel.size(), kModel) != 0) continue;
    std::vector<std::string> named;
    for (std::string_view model : Split(std::string_view(condition).substr(kModel.size()), '|')) {
      named.emplace_back(model);
    }
    if (admitted) {
      std::erase_if(named, [&](const std::string& model) { return !Admits(admitted, model); });
    }
    admitted = std::move(named);
  }
  return admitted;
}

Inventory::Inventory(std::map<std::string, int64_t> quantities) {
  for (const auto& [model, quantity] : quantities) stock_[model] = {quantity, quantity};
}

std::optional<Inventory::Reservation> Inventory::Reserve(const Models& models, int64_t quantity) {
  std::vector<std::pair<const std::string*, Stock*>> choice;
  for (auto& [model, stock] : stock_) {
    if (stock.free > 0 && Admits(models, model)) choice.emplace_back(&model, &stock);
  }
  // Stable: models with the same free quantity are ordered by name, so that runs repeat.
  std::stable_sort(choice.begin(), choice.end(),
                   [](const auto& a, const auto& b) { return a.second->free > b.second->free; });
  Reservation reservation;
  int64_t left = quantity;
  for (const auto& [model, stock] : choice) {
    const int64_t part = std::min(left, stock->free);
    if (part > 0) reservation[*model] = part;
    left -= part;
  }
  if (left > 0 || quantity <= 0) return std::nullopt;
  for (const auto& [model, part] : reservation) stock_[model].free -= part;
  peak_ = std::max(peak_, InUse());
  return reservation;
}

void Inventory::Release(const Reservation& reservation) {
  for (const auto& [model, part] : reservation) {
    Stock& stock = stock_[model];
    stock.free += part;
    if (stock.free > stock.total) {  // Released twice: every later promise would be false.
      std::fprintf(stderr, "capbroker: inventory of %s is %lld of %lld\n", model.c_str(),
                   static_cast<long long>(stock.free), static_cast<long long>(stock.total));
      std::abort();
    }
  }
}

int64_t Inventory::Free(const Models& models) const {
  int64_t sum = 0;
  for (const auto& [model, stock] : stock_) {
    if (Admits(models, model)) sum += stock.free;
  }
  return sum;
}

int64_t Inventory::Total() const {
  int64_t sum = 0;
  for (const auto& [model, stock] : stock_) sum += stock.total;
  return sum;
}

int64_t Inventory::InUse() const { return Total() - Free(std::nullopt); }

absl::StatusOr<std::map<std::string, int64_t>> ParseQuantities(std::string_view text) {
  std::map<std::string, int64_t> quantities;
  for (std::string_view part : Split(text, ',')) {
    const size_t equals = part.find('=');
    const std::string_view model = part.substr(0, equals);
    const std::optional<int64_t> quantity = equals == std::string_view::npos
                                                ? std::nullopt
                                                : ParseNumber<int64_t>(part.substr(equals + 1));
    if (model.empty() || !quantity || *quantity < 0 || *quantity > kMostQuantity) {
      return absl::InvalidArgumentError(
          Cat("inventory: got '", part, "', want MODEL=QUANTITY, 0 to ", kMostQuantity));
    }
    if (!quantities.emplace(model, *quantity).second) {
      return absl::InvalidArgumentError(Cat("inventory: model '", model, "' is given twice"));
    }
  }
  return quantities;
}

}  // namespace capbroker
