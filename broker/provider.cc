#include "broker/provider.h"

#include <utility>

namespace capbroker {

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
