#include "services/rpc/watch.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "services/messages/render.h"
#include "services/rpc/reading.h"

namespace capbroker {
namespace {

std::vector<RequestState> UnfinishedStates() {
  std::vector<RequestState> states;
  for (size_t i = 0; i < Names<RequestState>::values.size(); ++i) {
    if (const auto state = static_cast<RequestState>(i); !IsFinished(state))
      states.push_back(state);
  }
  return states;
}

// Whether the snapshot has the change; if not, its entry is removed.
template <class Key>
bool WasRead(absl::flat_hash_map<Key, uint64_t>& read, const Key& key, uint64_t sequence) {
  const auto found = read.find(key);
  if (found == read.end()) return false;
  if (sequence <= found->second) return true;
  read.erase(found);
  return false;
}

// Whether a decision of this kind changes what its offer shows. Kinds are named after what they
// change.
bool MovesAnOffer(Kind kind) {
  static constexpr std::string_view kMoves[] = {"OFFER_", "COUNTER_",    "DEADLINE_",   "BID_",
                                                "BEST_",  "ALLOCATION_", "WITHDRAWAL_", "STANDBY_"};
  const std::string_view name = NameOf(kind);
  return std::any_of(std::begin(kMoves), std::end(kMoves),
                     [&](std::string_view moved) { return name.starts_with(moved); });
}

// The provider's offers that a change affected: opened, given a later deadline, bid for, ended,
// kept in reserve, or with a change of their allocation.
std::vector<uint32_t> TouchedOffers(const Change& change, const ProviderId& provider) {
  std::vector<uint32_t> numbers;
  for (const Decision& decision : change.act->decisions) {
    if (!MovesAnOffer(decision.kind)) continue;
    const Offer* offer = change.request->Find(decision.offer);
    if (offer != nullptr && offer->provider == provider) numbers.push_back(decision.offer);
  }
  return numbers;
}

}  // namespace

RequestNews::RequestNews(Backend& backend, WatchQuery query, uint64_t origin,
                         Subscription::Wake wake)
    : backend_(backend),
      query_(std::move(query)),
      origin_(origin),
      subscription_(backend.feed.WatchOwner(query_.owner, backend.watch_bound, std::move(wake))) {}

absl::Status RequestNews::ReadOne(Shown* out) {
  const absl::StatusOr<RequestBook> request =
      ReadRequest(backend_.ledger, {query_.owner, query_.request});
  if (!request.ok()) return request.status();
  read_[query_.request] = request->sequence;
  Render(query_.owner, *request, backend_.clock.Now(), out->Add());
  synced_ = true;
  return absl::OkStatus();
}

absl::Status RequestNews::Read(Shown* out) {
  if (query_.request.IsSet()) return ReadOne(out);
  static const std::vector<RequestState> unfinished = UnfinishedStates();
  const absl::StatusOr<Page<RequestRow>> page =
      backend_.ledger.ListRequests({query_.owner, unfinished}, kRowsAtOnce, token_);
  if (!page.ok()) return page.status();
  std::vector<std::pair<OwnerId, RequestId>> names;
  for (const RequestRow& row : page->items) names.emplace_back(row.owner, row.request);
  const absl::StatusOr<std::vector<OwnedRequest>> requests = ReadRequests(backend_.ledger, names);
  if (!requests.ok()) return requests.status();
  const Instant now = backend_.clock.Now();
  for (const auto& [owner, request] : *requests) {
    read_[request.request->id] = request.sequence;
    // A request that finished between the two reads does not belong to the snapshot. Its end is not
    // told either, since the client never saw the request.
    if (!IsFinished(request.state)) Render(owner, request, now, out->Add());
  }
  token_ = page->next;
  synced_ = token_.empty();
  return absl::OkStatus();
}

void RequestNews::Add(const Changes& changes) {
  news_.clear();
  told_ = 0;
  absl::flat_hash_map<RequestId, size_t> index;
  for (const Change& change : changes) {
    const RequestId& id = change.request->request->id;
    if (query_.request.IsSet() && id != query_.request) continue;
    if (WasRead(read_, id, change.request->sequence)) continue;
    if (const auto found = index.find(id); found != index.end()) {
      news_[found->second] = change.request;
    } else if (origin_ == 0 || change.origin != origin_) {
      index.emplace(id, news_.size());
      news_.push_back(change.request);
    }
  }
}

void RequestNews::Tell(size_t room, Shown* out) {
  const Instant now = backend_.clock.Now();
  for (size_t bytes = 0; HasMore() && bytes < room; ++told_) {
    v1::CapacityRequest* shown = out->Add();
    Render(query_.owner, *news_[told_], now, shown);
    bytes += shown->ByteSizeLong();
  }
  if (!HasMore()) news_.clear(), told_ = 0;
}

OfferNews::OfferNews(Backend& backend, ProviderId provider, Viewer viewer, uint64_t origin,
                     Subscription::Wake wake)
    : backend_(backend),
      provider_(std::move(provider)),
      viewer_(viewer),
      origin_(origin),
      subscription_(backend.feed.WatchProvider(provider_, backend.watch_bound, std::move(wake))) {}

absl::Status OfferNews::Read(Shown* out) {
  const absl::StatusOr<Page<OfferRow>> page =
      backend_.ledger.ListOffers({provider_, {OfferState::kOpen}}, kRowsAtOnce, token_);
  if (!page.ok()) return page.status();
  absl::StatusOr<std::vector<OfferOf>> offers = ReadOffers(backend_.ledger, page->items);
  if (!offers.ok()) return offers.status();
  const Instant now = backend_.clock.Now();
  for (const OfferOf& found : *offers) {
    read_[{found.request->request->id, found.offer->number}] = found.request->sequence;
    if (found.offer->state == OfferState::kOpen) {
      Render(found.owner, *found.request, *found.offer, now, viewer_, out->Add());
    }
  }
  token_ = page->next;
  synced_ = token_.empty();
  return absl::OkStatus();
}

void OfferNews::Add(const Changes& changes) {
  news_.clear();
  told_ = 0;
  absl::flat_hash_map<std::pair<RequestId, uint32_t>, size_t> index;
  for (const Change& change : changes) {
    // A provider's act begins with the offer that its command names; it may change other offers of
    // the provider too.
    const bool own = origin_ != 0 && change.origin == origin_;
    const uint32_t replied = own ? change.act->decisions.front().offer : 0;
    for (const uint32_t number : TouchedOffers(change, provider_)) {
      const std::pair key(change.request->request->id, number);
      if (WasRead(read_, key, change.request->sequence)) continue;
      if (const auto found = index.find(key); found != index.end()) {
        news_[found->second].request = change.request;
      } else if (number != replied) {
        index.emplace(key, news_.size());
        news_.push_back({change.owner, change.request, number});
      }
    }
  }
}

void OfferNews::Tell(size_t room, Shown* out) {
  const Instant now = backend_.clock.Now();
  for (size_t bytes = 0; HasMore() && bytes < room; ++told_) {
    const News& news = news_[told_];
    v1::Offer* shown = out->Add();
    Render(news.owner, *news.request, *news.request->Find(news.number), now, viewer_, shown);
    bytes += shown->ByteSizeLong();
  }
  if (!HasMore()) news_.clear(), told_ = 0;
}

}  // namespace capbroker
