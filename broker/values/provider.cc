#include "broker/values/provider.h"

#include <algorithm>
#include <utility>

namespace capbroker {

bool IsSameParty(const Provider& a, const Provider& b) {
  const auto names = [](const Provider& one, const Provider& other) {
    return std::find(one.affiliates.begin(), one.affiliates.end(), other.id) !=
           one.affiliates.end();
  };
  return a.id == b.id || names(a, b) || names(b, a);
}

bool Directory::IsSameParty(const ProviderId& a, const ProviderId& b) const {
  if (a == b) return true;
  const Provider *one = Find(a), *other = Find(b);
  return one != nullptr && other != nullptr && capbroker::IsSameParty(*one, *other);
}

const Provider* Directory::Find(const ProviderId& id) const {
  const auto found = index_.find(id);
  return found == index_.end() ? nullptr : &providers_[found->second];
}

void Directory::Put(Provider provider) {
  const auto [slot, is_new] = index_.try_emplace(provider.id, providers_.size());
  if (is_new) {
    providers_.push_back(std::move(provider));
  } else {
    providers_[slot->second] = std::move(provider);
  }
}

}  // namespace capbroker
