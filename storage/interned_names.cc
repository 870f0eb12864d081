#include "storage/interned_names.h"

#include "absl/container/flat_hash_set.h"

namespace capbroker {
namespace {

// Some megabytes.
constexpr size_t kMostNames = 100'000;

}  // namespace

uint32_t InternedNames::PartitionOf(const OwnerId& owner) {
  const auto found = owners_.find(owner.value);
  if (found != owners_.end()) return found->second.partition;
  if (owners_.size() >= kMostNames) owners_.clear();
  const uint32_t partition = capbroker::PartitionOf(owner, partitions_);
  owners_[owner.value] = {partition, 0};
  return partition;
}

int32_t InternedNames::NumberOf(const OwnerId& owner) const {
  const auto found = owners_.find(owner.value);
  return found == owners_.end() ? 0 : found->second.number;
}

int32_t InternedNames::NumberOf(const ProviderId& provider) const {
  const auto found = providers_.find(provider.value);
  return found == providers_.end() ? 0 : found->second;
}

void InternedNames::Learn(const OwnerId& owner, int32_t number) {
  owners_[owner.value] = {capbroker::PartitionOf(owner, partitions_), number};
}

void InternedNames::ForgetNumbers() {
  owners_.clear();
  providers_.clear();
}

InternedNames::Unknown InternedNames::UnknownOf(const Batch& batch) {
  // Here only: between this and the use of the numbers nothing may be forgotten.
  if (owners_.size() >= kMostNames) owners_.clear();
  if (providers_.size() >= kMostNames) providers_.clear();
  Unknown unknown;
  absl::flat_hash_set<std::string> seen;
  const auto look = [&](const auto& rows) {
    for (const auto& row : rows) {
      if (NumberOf(row.owner) == 0 && seen.insert(row.owner.value).second)
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
    if (NumberOf(row.provider) == 0 && seen.insert(row.provider.value).second)
      unknown.providers.push_back(row.provider);
  }
  return unknown;
}

}  // namespace capbroker
