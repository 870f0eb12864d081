#include "services/simulation/stage.h"

#include <algorithm>

#include "broker/values/text.h"

namespace capbroker {
namespace {

bool Fits(const Offer& offer, Fitting fitting) {
  switch (fitting) {
    case Fitting::kOpen:
      return offer.state == OfferState::kOpen;
    case Fitting::kCountered:
      return offer.promise == Promise::kCounter;
    case Fitting::kHeld:
      return offer.allocation.state == AllocationState::kHeld;
    case Fitting::kStanding:
      return offer.allocation.IsStanding();
  }
  return false;
}

}  // namespace

absl::StatusOr<Stage::Found> Stage::FindRequest(const std::string& name) const {
  const auto found = named_.find(name);
  if (found == named_.end()) {
    return absl::InvalidArgumentError(name.empty() ? "no request was made yet"
                                                   : Cat("no request is called \"", name, "\""));
  }
  const auto& [owner, id] = found->second;
  const Book* book = world.Find(owner);
  const RequestBook* request = book == nullptr ? nullptr : book->Find(id);
  if (request == nullptr)
    return absl::InvalidArgumentError(Cat("the request ", name, " was refused"));
  return Found{owner, request};
}

absl::StatusOr<uint32_t> Stage::FindOffer(const RequestBook& request, const Target& target,
                                          Fitting fitting) const {
  if (target.offer != 0) return target.offer;
  const Offer* fits = nullptr;
  const Offer* last = nullptr;
  for (const Offer& offer : request.offers) {
    if (!target.provider.empty() && offer.provider.value != target.provider) continue;
    last = &offer;
    if (Fits(offer, fitting)) fits = &offer;
  }
  if (fits != nullptr) return fits->number;
  if (last != nullptr) return last->number;
  return absl::InvalidArgumentError(Cat(target.provider.empty() ? "nobody" : target.provider,
                                        " was asked nothing yet; `offer N` names any"));
}

absl::StatusOr<Stage::Agreement> Stage::FindAgreement(const std::string& agreement) const {
  std::vector<Agreement> found;
  for (const Book* book : world.books()) {
    for (const auto& version : book->account.agreements) {
      if (!agreement.empty() && version->agreement.value != agreement) continue;
      if (found.empty() || found.back().id != version->agreement)
        found.push_back({book->owner, version->agreement});
    }
  }
  if (found.size() == 1) return found.front();
  return absl::InvalidArgumentError(found.empty()
                                        ? Cat("no agreement \"", agreement, "\"")
                                        : "there are several agreements; `of NAME` says which");
}

bool Stage::IsOwner(const std::string& name) const { return world.Find(OwnerId{name}) != nullptr; }

void Stage::Name(const std::string& name, const OwnerId& owner, const RequestId& id) {
  named_[""] = {owner, id};
  if (!name.empty()) named_[name] = {owner, id};
}

std::string Stage::NameOf(const RequestId& id) const {
  for (const auto& [name, request] : named_) {
    if (!name.empty() && request.second == id) return name;
  }
  return Format(id).substr(0, 8);
}

}  // namespace capbroker
