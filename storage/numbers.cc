#include "storage/numbers.h"

namespace capbroker {
namespace {

// Some megabytes; what a batch needs is asked for again.
constexpr size_t kMostKnown = 100'000;

}  // namespace

Numbers::Unknown Numbers::UnknownOf(const Batch& batch) {
  if (owners_.size() >= kMostKnown) owners_.clear();
  if (providers_.size() >= kMostKnown) providers_.clear();
  Unknown unknown;
  absl::flat_hash_set<std::string> seen;
  const auto look = [&](const auto& rows) {
    for (const auto& row : rows) {
      if (Of(row.owner) == 0 && seen.insert(row.owner.value).second)
        unknown.owners.push_back(row.owner);
    }
  };
  look(batch.acts);
  look(batch.new_requests);
  look(batch.requests);
  look(batch.new_offers);
  look(batch.offers);
  look(batch.books);
  seen.clear();
  for (const OfferRow& row : batch.new_offers) {
    if (Of(row.provider) == 0 && seen.insert(row.provider.value).second)
      unknown.providers.push_back(row.provider);
  }
  return unknown;
}

}  // namespace capbroker
