#include "services/observability/domain_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "broker/trail/commitment.h"
#include "broker/trail/fold.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

template <class E>
constexpr size_t kCountOf = Names<E>::values.size();

double InSeconds(Span span) { return static_cast<double>(span.micros) / 1e6; }
double InSeconds(Instant instant) { return static_cast<double>(instant.micros) / 1e6; }
double InUnits(const Money& money) { return static_cast<double>(money.micros) / 1e6; }

// 1 ms to 4 weeks: a program answers within the former, a desk that asks its board within the
// latter.
const Histogram::BucketBoundaries kWindows = {
    0.001, 0.005, 0.025,  0.1,    0.5,    1,       2.5,     5,       15,        60,       300,
    900,   3'600, 14'400, 43'200, 86'400, 172'800, 259'200, 604'800, 1'209'600, 2'419'200};
const Histogram::BucketBoundaries kDelays = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                             0.5,   1,     2.5,  5,     15,   60,  300};
const Histogram::BucketBoundaries kShares = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
const Histogram::BucketBoundaries kDepths = {0, 1, 2, 3, 4, 5, 8, 13, 21};

// The state that a decision of this kind gives a request: REQUEST_FULFILLED is named after
// FULFILLED. A kind added later is found too.
std::array<std::optional<RequestState>, kCountOf<Kind>> RequestEndings() {
  constexpr std::string_view kSubject = "REQUEST_";
  std::array<std::optional<RequestState>, kCountOf<Kind>> endings;
  for (size_t i = 0; i < endings.size(); ++i) {
    const std::string_view name = Names<Kind>::values[i];
    if (!name.starts_with(kSubject)) continue;
    const std::optional<RequestState> state = ValueOf<RequestState>(name.substr(kSubject.size()));
    if (state && IsFinished(*state)) endings[i] = state;
  }
  return endings;
}

template <class Metric, class Builder>
Family<Metric>& Register(Builder builder, Registry& registry, const char* name, const char* help) {
  return builder.Name(name).Help(help).Register(registry);
}
Family<Counter>& CounterOf(Registry& registry, const char* name, const char* help) {
  return Register<Counter>(prometheus::BuildCounter(), registry, name, help);
}
Family<Gauge>& GaugeOf(Registry& registry, const char* name, const char* help) {
  return Register<Gauge>(prometheus::BuildGauge(), registry, name, help);
}
Family<Histogram>& HistogramOf(Registry& registry, const char* name, const char* help) {
  return Register<Histogram>(prometheus::BuildHistogram(), registry, name, help);
}

std::string Text(std::string_view name) { return std::string(name); }

}  // namespace

class DomainMetrics::Series {
 public:
  explicit Series(Registry& registry);

  void Begin(const Standing& standing);
  void Add(const Change& change);
  void End();

 private:
  // Series of one provider's offers, created on first use.
  struct ByProvider {
    std::string label;
    struct ByKind {
      Counter* opened = nullptr;
      Gauge* open = nullptr;
      Histogram* slack = nullptr;
      std::array<Counter*, kCountOf<OfferState>> ended{};
      std::array<Histogram*, kCountOf<OfferState>> latency{};
    };
    std::array<ByKind, kCountOf<OfferKind>> kinds{};
    std::array<Counter*, kCountOf<DeclineReason>> declines{};
    std::array<Counter*, kCountOf<AllocationState>> holds{};
    Counter* late = nullptr;
    Histogram* share = nullptr;
  };
  // Series of an owner's balances, by clause.
  struct Shown {
    Gauge *committed, *reserved, *drawn, *left;
    Gauge *since = nullptr, *term_end = nullptr;  // Null while unknown.
  };
  struct ShownWaiver {
    Gauge* drawn;
    Gauge* cap = nullptr;
  };
  using ClauseName = std::pair<AgreementId, ClauseId>;
  struct ByOwner {
    Account account;
    absl::flat_hash_map<ClauseName, Shown> commitments;
    absl::flat_hash_map<ClauseName, ShownWaiver> waivers;
  };

  ByProvider& Of(const ProviderId& provider);
  void Know(const ProviderId& provider);
  Gauge& OpenOffers(OfferKind kind, const ProviderId& provider);
  // An offer of this kind is open: creates the counters of its possible endings, so that a rate
  // sees the first one.
  void Expect(OfferKind kind, ByProvider& its);

  void AddDecision(const Change& change, const Decision& decision);
  void OnOpened(const Decision& opened);
  // Counts offers that were open and allocations that were held, and no longer are.
  void FollowOffers(const Change& change);
  void OnEnded(const Change& change, const Offer& offer);
  void OnHoldEnded(const Offer& offer);
  void OnRequestEnded(const Change& change, RequestState state);
  void ShowAccount(const OwnerId& owner, ByOwner& its);
  void ShowTerm(const CommitmentStatement& statement, const prometheus::Labels& labels,
                Shown& shown);
  void ShowWaivers(const OwnerId& owner, ByOwner& its);

  Family<Counter>& decisions_;
  Family<Counter>& opened_;
  Family<Gauge>& open_;
  Family<Counter>& ended_;
  Family<Histogram>& latency_;
  Family<Histogram>& slack_;
  Family<Counter>& declines_;
  Family<Histogram>& share_;
  Family<Counter>& late_;
  Family<Counter>& holds_;
  Family<Histogram>& placement_;
  Histogram& depth_;
  Histogram& fire_delay_;
  Counter& tolled_;
  Counter& recoveries_;
  Family<Gauge>& committed_;
  Family<Gauge>& reserved_;
  Family<Gauge>& drawn_;
  Family<Gauge>& left_;
  Family<Gauge>& since_;
  Family<Gauge>& term_end_;
  Family<Gauge>& waiver_drawn_;
  Family<Gauge>& waiver_cap_;

  const std::array<std::optional<RequestState>, kCountOf<Kind>> request_ends_ = RequestEndings();

  std::array<Counter*, kCountOf<Kind>> by_kind_{};
  std::array<Histogram*, kCountOf<RequestState>> placed_{};
  ByProvider other_{.label = "other"};
  absl::flat_hash_map<ProviderId, std::unique_ptr<ByProvider>> providers_;
  bool held_ = false;  // Partitions are held, so gauges have a meaning.
  // Identifies an offer. Offers are followed by state, since several kinds of decision end one.
  using OfferName = std::pair<RequestId, uint32_t>;
  absl::flat_hash_set<OfferName> open_now_, held_now_;
  absl::flat_hash_map<OwnerId, ByOwner> owners_;
  size_t clauses_ = 0;  // Shown so far.
};

DomainMetrics::Series::Series(Registry& r)
    : decisions_(CounterOf(r, "capbroker_decisions_total", "Decisions recorded, by kind.")),
      opened_(CounterOf(r, "capbroker_offers_opened_total", "Offers opened.")),
      open_(GaugeOf(r, "capbroker_open_offers", "Offers that are open now.")),
      ended_(CounterOf(r, "capbroker_offers_total", "Offers ended, by outcome.")),
      latency_(
          HistogramOf(r, "capbroker_offer_latency_seconds", "From an offer's opening to its end.")),
      slack_(HistogramOf(r, "capbroker_deadline_slack_seconds",
                         "Time left in the window when the provider answered.")),
      declines_(
          CounterOf(r, "capbroker_declines_total", "Offers declined, by the provider's reason.")),
      share_(HistogramOf(r, "capbroker_partial_acceptance_ratio",
                         "Accepted share of partially accepted offers.")),
      late_(CounterOf(r, "capbroker_late_answers_total",
                      "Offers answered after their deadline, each counted once.")),
      holds_(CounterOf(r, "capbroker_holds_total",
                       "Holds ended, by outcome; all but CONFIRMED placed nothing.")),
      placement_(HistogramOf(r, "capbroker_time_to_placement_seconds",
                             "From the receipt to the end of requests that were placed.")),
      depth_(HistogramOf(r, "capbroker_fallback_depth",
                         "Alternatives asked for a request that has ended; the largest number of "
                         "its lineages.")
                 .Add({}, kDepths)),
      fire_delay_(HistogramOf(r, "capbroker_deadline_fire_delay_seconds",
                              "From an offer's deadline to the decision that it lapsed.")
                      .Add({}, kDelays)),
      tolled_(
          CounterOf(r, "capbroker_tolled_offers_total", "Deadlines extended because of an outage.")
              .Add({})),
      recoveries_(
          CounterOf(r, "capbroker_recoveries_total", "Times the partitions were taken.").Add({})),
      committed_(GaugeOf(r, "capbroker_commitment_committed",
                         "Committed amount of a commitment clause, in its currency.")),
      reserved_(GaugeOf(r, "capbroker_commitment_reserved",
                        "Reserved amount of a commitment clause: held, not confirmed.")),
      drawn_(GaugeOf(r, "capbroker_commitment_drawn",
                     "Drawn amount of a commitment clause: confirmed.")),
      left_(GaugeOf(r, "capbroker_commitment_left",
                    "Remaining amount of a commitment clause: neither reserved nor drawn.")),
      since_(GaugeOf(r, "capbroker_commitment_since_timestamp_seconds",
                     "When a commitment clause came into force, in seconds since 1970.")),
      term_end_(GaugeOf(r, "capbroker_commitment_term_end_timestamp_seconds",
                        "When the term of a commitment clause ends, in seconds since 1970.")),
      waiver_drawn_(GaugeOf(r, "capbroker_waiver_drawn_units", "Units drawn on a waiver clause.")),
      waiver_cap_(
          GaugeOf(r, "capbroker_waiver_cap_units", "Cap of a waiver clause, if it has one.")) {
  // Created at the start, so that a rate sees the first of each.
  for (size_t i = 0; i < by_kind_.size(); ++i) {
    by_kind_[i] = &decisions_.Add({{"kind", Text(Names<Kind>::values[i])}});
  }
}

DomainMetrics::Series::ByProvider& DomainMetrics::Series::Of(const ProviderId& provider) {
  const auto found = providers_.find(provider);
  return found == providers_.end() ? other_ : *found->second;
}

void DomainMetrics::Series::Know(const ProviderId& provider) {
  if (providers_.size() >= kMostProviders) return;
  auto& its = providers_[provider];
  if (its != nullptr) return;
  its = std::make_unique<ByProvider>();
  its->label = provider.value;
  // Created at the start, so that a rate sees the first of each. Index 0 of each enum is its
  // "none".
  its->late = &late_.Add({{"provider", its->label}});
  for (size_t i = 1; i < its->kinds.size(); ++i) {
    its->kinds[i].opened =
        &opened_.Add({{"kind", Text(Names<OfferKind>::values[i])}, {"provider", its->label}});
  }
  for (size_t i = 1; i < its->declines.size(); ++i) {
    its->declines[i] = &declines_.Add(
        {{"provider", its->label}, {"reason", Text(Names<DeclineReason>::values[i])}});
  }
  for (size_t i = static_cast<size_t>(AllocationState::kHeld) + 1; i < its->holds.size(); ++i) {
    its->holds[i] = &holds_.Add(
        {{"provider", its->label}, {"outcome", Text(Names<AllocationState>::values[i])}});
  }
}

void DomainMetrics::Series::Expect(OfferKind kind, ByProvider& its) {
  ByProvider::ByKind& series = its.kinds[static_cast<size_t>(kind)];
  constexpr auto kFirstEnd = static_cast<size_t>(OfferState::kOpen) + 1;
  for (size_t i = kFirstEnd; i < series.ended.size() && series.ended[i] == nullptr; ++i) {
    series.ended[i] = &ended_.Add({{"kind", Text(NameOf(kind))},
                                   {"provider", its.label},
                                   {"outcome", Text(Names<OfferState>::values[i])}});
  }
}

Gauge& DomainMetrics::Series::OpenOffers(OfferKind kind, const ProviderId& provider) {
  ByProvider& its = Of(provider);
  Gauge*& open = its.kinds[static_cast<size_t>(kind)].open;
  if (open == nullptr) open = &open_.Add({{"kind", Text(NameOf(kind))}, {"provider", its.label}});
  return *open;
}

void DomainMetrics::Series::Begin(const Standing& standing) {
  End();
  recoveries_.Increment();
  held_ = true;
  for (const Provider& provider : standing.directory.providers()) Know(provider.id);
  for (const Standing::LiveOffer& offer : standing.offers) {
    if (offer.held) held_now_.emplace(offer.request, offer.number);
    if (!offer.open) continue;
    open_now_.emplace(offer.request, offer.number);
    Expect(offer.kind, Of(offer.provider));
    OpenOffers(offer.kind, offer.provider).Increment();
  }
  for (const auto& [owner, account] : standing.accounts) {
    ByOwner& its = owners_[owner];
    its.account = account;
    ShowAccount(owner, its);
  }
}

void DomainMetrics::Series::End() {
  held_ = false;
  open_now_.clear();
  held_now_.clear();
  const auto clear = [](ByProvider& its) {
    for (ByProvider::ByKind& kind : its.kinds) {
      if (kind.open != nullptr) kind.open->Set(0);
    }
  };
  clear(other_);
  for (auto& [id, its] : providers_) clear(*its);
  for (auto& [owner, its] : owners_) {
    for (auto& [name, shown] : its.commitments) {
      committed_.Remove(shown.committed);
      reserved_.Remove(shown.reserved);
      drawn_.Remove(shown.drawn);
      left_.Remove(shown.left);
      if (shown.since != nullptr) since_.Remove(shown.since);
      if (shown.term_end != nullptr) term_end_.Remove(shown.term_end);
    }
    for (auto& [name, shown] : its.waivers) {
      waiver_drawn_.Remove(shown.drawn);
      if (shown.cap != nullptr) waiver_cap_.Remove(shown.cap);
    }
  }
  owners_.clear();
  clauses_ = 0;
}

void DomainMetrics::Series::Add(const Change& change) {
  const std::vector<Decision>& decisions = change.act->decisions;
  for (const Decision& decision : decisions) AddDecision(change, decision);
  if (change.request != nullptr) FollowOffers(change);
  if (!held_ || change.owner == kDirectory ||
      !std::any_of(decisions.begin(), decisions.end(), TouchesAccount))
    return;
  ByOwner& its = owners_[change.owner];
  for (const Decision& decision : decisions) Fold(its.account, decision, change.act->time);
  its.account.cool_downs.clear();  // Not needed here.
  ShowAccount(change.owner, its);
}

void DomainMetrics::Series::AddDecision(const Change& change, const Decision& decision) {
  const auto kind = static_cast<size_t>(decision.kind);
  by_kind_[kind]->Increment();
  if (decision.record != nullptr) Know(decision.record->id);
  if (decision.kind == Kind::OFFER_OPENED) OnOpened(decision);
  if (decision.kind == Kind::DEADLINE_TOLLED) tolled_.Increment();
  if (decision.kind == Kind::OFFER_LAPSED)
    fire_delay_.Observe(InSeconds(change.act->time - decision.deadline));
  if (decision.kind == Kind::RESPONSE_REJECTED && decision.reason == "LATE_ANSWER") {
    ByProvider& its = Of(decision.provider);
    if (its.late == nullptr) its.late = &late_.Add({{"provider", its.label}});
    its.late->Increment();
  }
  if (change.request == nullptr) return;
  if (decision.kind == Kind::OFFER_OPENED) open_now_.emplace(change.act->request, decision.offer);
  if (decision.kind == Kind::ALLOCATION_HELD)
    held_now_.emplace(change.act->request, decision.offer);
  if (request_ends_[kind]) OnRequestEnded(change, *request_ends_[kind]);
}

void DomainMetrics::Series::FollowOffers(const Change& change) {
  for (const Offer& offer : change.request->offers) {
    const OfferName name(change.act->request, offer.number);
    if (offer.state != OfferState::kOpen && open_now_.erase(name) > 0) OnEnded(change, offer);
    if (offer.allocation.state != AllocationState::kHeld && held_now_.erase(name) > 0)
      OnHoldEnded(offer);
  }
}

void DomainMetrics::Series::OnOpened(const Decision& opened) {
  ByProvider& its = Of(opened.provider);
  Counter*& count = its.kinds[static_cast<size_t>(opened.offer_kind)].opened;
  if (count == nullptr) {
    count = &opened_.Add({{"kind", Text(NameOf(opened.offer_kind))}, {"provider", its.label}});
  }
  count->Increment();
  Expect(opened.offer_kind, its);
  if (held_) OpenOffers(opened.offer_kind, opened.provider).Increment();
}

void DomainMetrics::Series::OnEnded(const Change& change, const Offer& offer) {
  ByProvider& its = Of(offer.provider);
  ByProvider::ByKind& series = its.kinds[static_cast<size_t>(offer.kind)];
  const std::string kind = Text(NameOf(offer.kind));
  const auto at = static_cast<size_t>(offer.state);
  Expect(offer.kind, its);
  series.ended[at]->Increment();
  if (series.latency[at] == nullptr) {
    series.latency[at] = &latency_.Add(
        {{"kind", kind}, {"provider", its.label}, {"outcome", Text(NameOf(offer.state))}},
        kWindows);
  }
  series.latency[at]->Observe(InSeconds(change.act->time - offer.opened));
  if (held_) OpenOffers(offer.kind, offer.provider).Decrement();

  if (change.act->actor.role == Role::kProvider) {
    if (series.slack == nullptr) {
      series.slack = &slack_.Add({{"kind", kind}, {"provider", its.label}}, kWindows);
    }
    series.slack->Observe(InSeconds(offer.deadline - change.act->time));
  }
  if (offer.state == OfferState::kDeclined) {
    Counter*& declined = its.declines[static_cast<size_t>(offer.decline)];
    if (declined == nullptr) {
      declined = &declines_.Add({{"provider", its.label}, {"reason", Text(NameOf(offer.decline))}});
    }
    declined->Increment();
  }
  if (offer.state == OfferState::kPartiallyAccepted && offer.allocation.quantity > 0) {
    if (its.share == nullptr) its.share = &share_.Add({{"provider", its.label}}, kShares);
    its.share->Observe(static_cast<double>(offer.allocation.quantity) /
                       static_cast<double>(offer.quantity));
  }
}

void DomainMetrics::Series::OnHoldEnded(const Offer& offer) {
  ByProvider& its = Of(offer.provider);
  Counter*& count = its.holds[static_cast<size_t>(offer.allocation.state)];
  if (count == nullptr) {
    count =
        &holds_.Add({{"provider", its.label}, {"outcome", Text(NameOf(offer.allocation.state))}});
  }
  count->Increment();
}

void DomainMetrics::Series::OnRequestEnded(const Change& change, RequestState state) {
  const RequestBook& request = *change.request;
  std::vector<int> asked(request.lineages.size() + 1);
  for (const Offer& offer : request.offers) {
    if (offer.kind == OfferKind::kAlternative && offer.lineage < asked.size())
      asked[offer.lineage]++;
  }
  depth_.Observe(*std::max_element(asked.begin(), asked.end()));
  if (state != RequestState::kFulfilled && state != RequestState::kPartiallyFulfilled) return;
  Histogram*& placed = placed_[static_cast<size_t>(state)];
  if (placed == nullptr) placed = &placement_.Add({{"outcome", Text(NameOf(state))}}, kWindows);
  placed->Observe(InSeconds(change.act->time - request.created));
}

void DomainMetrics::Series::ShowAccount(const OwnerId& owner, ByOwner& its) {
  for (const CommitmentBalance& balance : its.account.commitments) {
    const ClauseName name(balance.agreement, balance.clause);
    const prometheus::Labels labels = {{"owner", owner.value},
                                       {"agreement", balance.agreement.value},
                                       {"clause", balance.clause.value},
                                       {"currency", Text(balance.committed.currency.view())}};
    auto shown = its.commitments.find(name);
    if (shown == its.commitments.end()) {
      if (clauses_ >= kMostClauses) continue;
      clauses_++;
      const Shown added = {&committed_.Add(labels), &reserved_.Add(labels), &drawn_.Add(labels),
                           &left_.Add(labels)};
      shown = its.commitments.emplace(name, added).first;
    }
    shown->second.committed->Set(InUnits(balance.committed));
    shown->second.reserved->Set(InUnits(balance.reserved));
    shown->second.drawn->Set(InUnits(balance.drawn));
    shown->second.left->Set(InUnits(balance.Left()));
    const CommitmentStatement statement =
        StatementOf(its.account, {balance.agreement, 0, balance.clause}, Instant{});
    ShowTerm(statement, labels, shown->second);
  }
  ShowWaivers(owner, its);
}

void DomainMetrics::Series::ShowTerm(const CommitmentStatement& statement,
                                     const prometheus::Labels& labels, Shown& shown) {
  const auto show = [&](Family<Gauge>& family, Gauge*& gauge, Instant instant) {
    if (!instant.IsSet()) return;
    if (gauge == nullptr) gauge = &family.Add(labels);
    gauge->Set(InSeconds(instant));
  };
  show(since_, shown.since, statement.since);
  show(term_end_, shown.term_end, statement.term_end);
}

// Includes unused waivers of the agreements' latest versions, and used ones of any version.
void DomainMetrics::Series::ShowWaivers(const OwnerId& owner, ByOwner& its) {
  const auto show = [&](const AgreementId& agreement, const ClauseId& clause, int64_t drawn,
                        int64_t cap) {
    const auto labels = [&]() -> prometheus::Labels {
      return {{"owner", owner.value}, {"agreement", agreement.value}, {"clause", clause.value}};
    };
    auto shown = its.waivers.find({agreement, clause});
    if (shown == its.waivers.end()) {
      if (clauses_ >= kMostClauses) return;
      clauses_++;
      shown = its.waivers
                  .emplace(ClauseName(agreement, clause), ShownWaiver{&waiver_drawn_.Add(labels())})
                  .first;
    }
    shown->second.drawn->Set(static_cast<double>(drawn));
    if (cap == 0) return;
    if (shown->second.cap == nullptr) shown->second.cap = &waiver_cap_.Add(labels());
    shown->second.cap->Set(static_cast<double>(cap));
  };
  for (const WaiverUse& use : its.account.waivers) show(use.agreement, use.clause, use.drawn, 0);
  for (const auto& version : its.account.agreements) {
    if (its.account.Latest(version->agreement) != version.get()) continue;
    for (const Clause& clause : version->clauses) {
      const auto* waiver = As<Waiver>(clause);
      if (waiver == nullptr) continue;
      show(version->agreement, clause.id, its.account.WaiverDrawn(version->agreement, clause.id),
           waiver->cap_quantity);
    }
  }
}

DomainMetrics::DomainMetrics(Registry& registry) : series_(std::make_unique<Series>(registry)) {}
DomainMetrics::~DomainMetrics() = default;
void DomainMetrics::Begin(const Standing& standing) { series_->Begin(standing); }
void DomainMetrics::Add(const Change& change) { series_->Add(change); }
void DomainMetrics::End() { series_->End(); }

}  // namespace capbroker
