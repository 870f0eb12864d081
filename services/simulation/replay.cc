#include "services/simulation/replay.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "broker/trail/fold.h"
#include "broker/values/show.h"
#include "broker/values/text.h"
#include "services/simulation/world.h"

namespace capbroker {
namespace {

const Actor kOperator{Role::kOperator, "replay"};

void AddTo(std::vector<Money>& sums, const Money& amount) {
  for (Money& sum : sums) {
    if (sum.currency != amount.currency) continue;
    sum.micros += amount.micros;
    return;
  }
  sums.push_back(amount);
}

Placement PlacementOf(const RequestBook& book) {
  Placement out;
  out.state = book.state;
  for (const Offer& offer : book.offers) {
    out.asked.push_back({offer.provider, offer.kind, offer.state});
    if (offer.allocation.state != AllocationState::kConfirmed) continue;
    const auto same = std::find_if(out.won.begin(), out.won.end(), [&](const Placement::Won& won) {
      return won.provider == offer.provider;
    });
    if (same == out.won.end()) {
      out.won.push_back({offer.provider, offer.allocation.quantity});
    } else {
      same->quantity += offer.allocation.quantity;
    }
    out.placed += offer.allocation.quantity;
    out.to_placement = std::max(out.to_placement, offer.allocation.confirmed - book.created);
    const Terms terms = AgreedTermsOf(book, offer);
    const absl::StatusOr<Money> cost =
        Cost(terms.unit_price, offer.allocation.quantity, terms.end - terms.start);
    if (cost.ok()) AddTo(out.spend, *cost);
  }
  return out;
}

void AddTo(ReplayTotals& totals, const Placement& placement, int64_t quantity, Span& sum,
           size_t& placed) {
  (placement.placed == 0         ? totals.unplaced
   : placement.placed < quantity ? totals.partly
                                 : totals.fulfilled) += 1;
  totals.placed += placement.placed;
  for (const Money& amount : placement.spend) AddTo(totals.spend, amount);
  if (placement.placed == 0) return;
  sum = sum + placement.to_placement;
  totals.mean_to_placement = Span{sum.micros / static_cast<int64_t>(++placed)};
}

// The recorded acts, by request.
class Record {
 public:
  absl::Status Read(const std::vector<Act>& acts, const OwnerId& owner) {
    std::map<RequestId, std::vector<Act>> by_request;
    for (const Act& act : acts) {
      if (act.owner == kDirectory) {
        ReadRegistry(act);
        continue;
      }
      if (act.owner != owner) {
        return absl::InvalidArgumentError(Cat("owner: got the trail of ", act.owner.value,
                                              ", want that of ", owner.value,
                                              ", whom the draft binds"));
      }
      if (!first.IsSet()) first = act.time;
      last = act.time;
      if (act.request.IsSet()) {
        std::vector<Act>& own = by_request[act.request];
        // A request whose first act is missing cannot be replayed.
        if (own.empty() && act.decisions.front().kind != Kind::REQUEST_RECEIVED) continue;
        if (own.empty()) order.push_back(act.request);
        own.push_back(act);
      }
      for (const Decision& decision : act.decisions) {
        if (TouchesAccount(decision)) Fold(account, decision, act.time);
        if (decision.kind == Kind::AGREEMENT_ACTIVATED)
          activated.emplace_back(act.time, decision.agreement);
      }
      if (!act.request.IsSet()) account_acts.push_back(act);
    }
    for (const RequestId& id : order) {
      absl::StatusOr<RequestBook> folded = FoldRequest(by_request[id]);
      if (!folded.ok()) return folded.status();
      requests.emplace(id, *std::move(folded));
    }
    trails = std::move(by_request);
    if (order.empty())
      return absl::InvalidArgumentError(
          "evidence: got no request from its beginning, want at least one");
    return absl::OkStatus();
  }

  Instant first{}, last{};
  std::vector<RequestId> order{};
  std::map<RequestId, RequestBook> requests{};
  std::map<RequestId, std::vector<Act>> trails{};
  std::vector<std::pair<Instant, std::shared_ptr<const AgreementVersion>>> activated{};
  std::vector<Provider> registry{};  // In order; empty if the file has none.
  std::vector<Act> account_acts{};   // About agreements, waivers and triggers.
  Account account{};

 private:
  void ReadRegistry(const Act& act) {
    for (const Decision& decision : act.decisions) {
      if (decision.record == nullptr) continue;
      std::erase_if(registry, [&](const Provider& p) { return p.id == decision.record->id; });
      registry.push_back(*decision.record);
    }
  }
};

// The providers, when the registry's record is missing: all that were asked or named, with the
// prices they were asked at.
std::vector<Provider> ProvidersOf(const Record& record, const AgreementVersion& draft) {
  std::vector<Provider> out;
  const auto provider = [&](const ProviderId& id) -> Provider& {
    for (Provider& known : out) {
      if (known.id == id) return known;
    }
    out.push_back({.id = id, .display_name = id.value});
    return out.back();
  };
  for (const auto& [time, version] : record.activated) provider(version->holder);
  provider(draft.holder);
  std::set<ProviderId> own_price;  // Asked at another price than the owner's.
  for (const RequestId& id : record.order) {
    const RequestBook& book = record.requests.at(id);
    for (const ProviderId& named : book.request->fallback.providers) provider(named);
    for (const Offer& offer : book.offers) {
      provider(offer.provider);
      const bool own = offer.kind == OfferKind::kAlternative &&
                       offer.unit_price != book.VersionOf(offer).terms.unit_price;
      if (own) own_price.insert(offer.provider);
    }
  }
  for (const RequestId& id : record.order) {
    const RequestBook& book = record.requests.at(id);
    for (const Offer& offer : book.offers) {
      if (!own_price.contains(offer.provider) || offer.kind != OfferKind::kAlternative) continue;
      const Terms& terms = book.VersionOf(offer).terms;
      std::vector<Rate>& rates = provider(offer.provider).rates;
      std::erase_if(rates, [&](const Rate& rate) {
        return rate.resource_type == terms.resource_type && rate.region == terms.region;
      });
      rates.push_back({terms.resource_type, terms.region, offer.unit_price});
    }
  }
  return out;
}

// The command behind a decision about waivers or triggers.
std::optional<decltype(Command::what)> BesideAgreement(const Decision& d) {
  const AgreementId& agreement = d.clause.agreement;
  const ClauseId& clause = d.clause.clause;
  switch (d.kind) {
    case Kind::AGREEMENT_TERMINATED:
      return TerminateAgreement{agreement, d.clause.version, d.takes_effect, d.text};
    case Kind::WAIVER_GRANTED:
      return GrantWaiver{*d.grant};
    case Kind::WAIVER_REVOKED:
      return RevokeWaiver{agreement, clause, d.text};
    case Kind::TRIGGER_ASSERTED:
      return AssertTrigger{agreement, clause, d.text, d.evidence};
    case Kind::TRIGGER_DISPUTED:
      return DisputeTrigger{agreement, clause, d.text};
    case Kind::DISPUTE_RESOLVED:
      return ResolveDispute{agreement, clause, d.reason == "UPHELD", d.text};
    case Kind::TRIGGER_ATTESTED:
      return AttestTrigger{agreement, clause, d.measure, d.text};
    case Kind::TRIGGER_WITHDRAWN:
      return WithdrawTrigger{agreement, clause, d.text};
    default:
      return std::nullopt;
  }
}

class Replayer {
 public:
  Replayer(const Record& record, const OwnedAgreement& draft, Assume unknown)
      : record_(record), draft_(draft), unknown_(unknown), world_(record.first) {}

  absl::Status Run() {
    if (absl::Status status = SetUp(); !status.ok()) return status;
    GatherActs();
    size_t next = 0;
    while (true) {
      const Instant act = next < given_.size() ? given_[next].time : kLastInstant;
      const Instant answer = answers_.empty() ? kLastInstant : answers_.begin()->first;
      const Instant due = IsAnyUnfinished() && world_.NextDeadline() < kLastInstant
                              ? world_.NextDeadline() + Span{1}
                              : kLastInstant;
      const Instant now = std::min({act, answer, due});
      if (now == kLastInstant) return absl::OkStatus();
      if (absl::Status status = world_.MoveTo(now); !status.ok()) return status;
      Listen();
      if (act == now) {
        const Given& one = given_[next++];
        const absl::Status status = world_.Do({draft_.owner, one.actor, one.what});
        if (status.code() == absl::StatusCode::kInternal) return status;
        if (!status.ok()) NoteRefused(one, status);
        Listen();
      } else if (answer == now && answers_.begin()->first == now) {
        const auto [request, what] = answers_.begin()->second;
        answers_.erase(answers_.begin());
        if (absl::Status status = Answer(request, what); !status.ok()) return status;
        Listen();
      }
    }
  }

  Placement PlacementOfRequest(const RequestId& id) const {
    const Book* book = world_.Find(draft_.owner);
    const RequestBook* request = book == nullptr ? nullptr : book->Find(id);
    Placement out = request == nullptr ? Placement{} : PlacementOf(*request);
    const auto refused = refused_.find(id);
    if (refused != refused_.end()) out.refused = refused->second;
    return out;
  }
  std::vector<std::string> AssumedOf(const RequestId& id) const {
    const auto found = assumed_.find(id);
    return found == assumed_.end() ? std::vector<std::string>{} : found->second;
  }
  const std::vector<std::string>& assumed() const { return assumed_of_all_; }
  std::vector<CommitmentBalance> commitments() const {
    return world_.Find(draft_.owner)->account.commitments;
  }

 private:
  // A recorded act that is repeated regardless of the outcome.
  struct Given {
    Instant time{};
    RequestId request{};
    Actor actor{};
    decltype(Command::what) what;
    std::string name{};  // For acts that do not concern a request.
  };
  // A planned act on an offer: the provider answers or confirms, the owner takes a counter or
  // leaves it.
  enum class Deed { kAnswer, kConfirm, kTake, kLeave };
  struct Pending {
    uint32_t offer = 0;
    Deed deed = Deed::kAnswer;
  };

  absl::Status SetUp() {
    const std::vector<Provider> providers =
        record_.registry.empty() ? ProvidersOf(record_, draft_.version) : record_.registry;
    for (const Provider& provider : providers) {
      if (absl::Status status = world_.Do({kDirectory, kOperator, RegisterProvider{provider}});
          !status.ok()) {
        return status;
      }
    }
    AgreementVersion version = draft_.version;
    version.version = 0;
    version.effective_from = std::min(version.effective_from, record_.first);
    version.effective_to = {};
    if (absl::Status status = world_.Do({draft_.owner, kOperator, ActivateAgreement{version}});
        !status.ok()) {
      return status;
    }
    return absl::OkStatus();
  }

  // Collects, in order, the owner's acts and those about agreements, waivers and triggers.
  void GatherActs() {
    for (const Act& act : record_.account_acts) {
      for (const Decision& decision : act.decisions) {
        const bool other = decision.kind == Kind::AGREEMENT_ACTIVATED &&
                           decision.agreement->agreement != draft_.version.agreement;
        if (other) {
          given_.push_back({act.time,
                            {},
                            kOperator,
                            ActivateAgreement{*decision.agreement},
                            Cat("agreement ", decision.agreement->agreement.value)});
        } else if (auto what = BesideAgreement(decision); what) {
          given_.push_back({act.time,
                            {},
                            act.actor,
                            *std::move(what),
                            Cat(NameOf(decision.kind), " ", Format(decision.clause))});
        }
      }
    }
    const Actor owner{Role::kOwner, draft_.owner.value};
    for (const RequestId& id : record_.order) {
      for (const Act& act : record_.trails.at(id)) {
        for (const Decision& decision : act.decisions) {
          if (decision.kind == Kind::REQUEST_RECEIVED) {
            given_.push_back({act.time, id, owner, CreateRequest{*decision.request}});
          } else if (decision.kind == Kind::REQUEST_AMENDED && decision.request != nullptr) {
            Request next = *decision.request;
            next.version = 0;
            given_.push_back({act.time, id, owner, AmendRequest{id, std::move(next)}});
          } else if (decision.kind == Kind::REQUEST_CANCELLED) {
            given_.push_back({act.time, id, owner, CancelRequest{id, decision.text}});
          }
        }
      }
    }
    std::stable_sort(given_.begin(), given_.end(),
                     [](const Given& a, const Given& b) { return a.time < b.time; });
  }

  void NoteRefused(const Given& given, const absl::Status& status) {
    if (!given.name.empty()) {
      assumed_of_all_.push_back(
          Cat(given.name, " is refused under the draft: ", View(status.message())));
    } else if (std::holds_alternative<CreateRequest>(given.what)) {
      refused_[given.request] = status;
    } else if (!refused_.contains(given.request)) {
      Assumed(given.request, Cat("what the owner did is refused: ", View(status.message())));
    }
  }

  bool IsAnyUnfinished() const {
    const Book* book = world_.Find(draft_.owner);
    return std::any_of(book->requests.begin(), book->requests.end(),
                       [](const auto& entry) { return !IsFinished(entry.second.Read()->state); });
  }

  // Plans the acts that follow each new offer and hold.
  void Listen() {
    for (; heard_ < world_.acts().size(); ++heard_) {
      const Act act = world_.acts()[heard_];
      for (const Decision& decision : act.decisions) {
        if (decision.kind == Kind::OFFER_OPENED) Hear(act, decision);
        if (decision.kind == Kind::ALLOCATION_HELD && decision.confirm_by.IsSet())
          HearHold(act, decision);
        if (decision.kind == Kind::OFFER_COUNTERED) HearCounter(act, decision);
      }
    }
  }

  void Assumed(const RequestId& id, std::string words) {
    std::vector<std::string>& all = assumed_[id];
    if (std::find(all.begin(), all.end(), words) == all.end()) all.push_back(std::move(words));
  }

  // The recorded offer to the same provider that corresponds to this one, preferably of the same
  // kind; each is used once. Null if the provider was never asked.
  const Offer* Recorded(const RequestId& id, const ProviderId& provider, OfferKind kind) {
    const RequestBook& book = record_.requests.at(id);
    std::vector<const Offer*> same, any;
    for (const Offer& offer : book.offers) {
      if (offer.provider != provider) continue;
      any.push_back(&offer);
      if (offer.kind == kind) same.push_back(&offer);
    }
    const std::vector<const Offer*>& found = same.empty() ? any : same;
    if (found.empty()) return nullptr;
    const size_t times = asked_[{id, provider, kind}]++;
    if (times >= found.size())
      Assumed(id,
              Cat(provider.value, " is asked more often than it was, and answers as it did last"));
    return found[std::min(times, found.size() - 1)];
  }

  static bool HasBid(const Offer& offer) { return offer.sealed && offer.answer != nullptr; }
  static bool IsAnswer(const Offer& offer) {
    return HasBid(offer) || offer.state == OfferState::kAccepted ||
           offer.state == OfferState::kPartiallyAccepted || offer.state == OfferState::kDeclined ||
           offer.state == OfferState::kCountered;
  }

  void Hear(const Act& act, const Decision& opened) {
    const Offer* recorded = Recorded(act.request, opened.provider, opened.offer_kind);
    const bool lapsed =
        recorded != nullptr && recorded->state == OfferState::kLapsed && !HasBid(*recorded);
    if (lapsed) return;  // It was silent in the record, and is again.
    if (recorded == nullptr || !IsAnswer(*recorded)) {
      constexpr std::string_view kAssumed[] = {"says nothing", "takes all", "declines"};
      Assumed(act.request, Cat(opened.provider.value,
                               recorded == nullptr ? " was never asked"
                                                   : " had not answered when its offer was ended",
                               "; assumed: ", kAssumed[static_cast<size_t>(unknown_)]));
      if (unknown_ == Assume::kSilent) return;
      plans_[{act.request, opened.offer}] = nullptr;
      answers_.emplace(act.time, std::pair(act.request, Pending{opened.offer}));
      return;
    }
    const Span latency = recorded->answered - recorded->opened;
    if (act.time + latency > opened.deadline) {
      Assumed(act.request, Cat(opened.provider.value, " took ", ShowSpan(latency),
                               " to answer, and now has ", ShowSpan(opened.deadline - act.time)));
      return;
    }
    plans_[{act.request, opened.offer}] = recorded;
    answers_.emplace(act.time + latency, std::pair(act.request, Pending{opened.offer}));
  }

  void HearHold(const Act& act, const Decision& held) {
    const auto plan = plans_.find({act.request, held.offer});
    const Offer* recorded = plan == plans_.end() ? nullptr : plan->second;
    Span latency;
    if (recorded != nullptr && recorded->allocation.state == AllocationState::kExpired) return;
    if (recorded != nullptr && recorded->allocation.confirmed.IsSet()) {
      latency = recorded->allocation.confirmed - recorded->answered;
      if (act.time + latency > held.confirm_by) latency = held.confirm_by - act.time;
    } else {
      Assumed(act.request,
              Cat(held.provider.value, " has to confirm, and did not have to; assumed: at once"));
    }
    answers_.emplace(act.time + latency,
                     std::pair(act.request, Pending{held.offer, Deed::kConfirm}));
  }

  // The owner treats a counter as in the record, after the same time.
  void HearCounter(const Act& act, const Decision& countered) {
    const Offer* recorded = plans_[{act.request, countered.offer}];
    for (const Act& then : record_.trails.at(act.request)) {
      if (then.actor.role != Role::kOwner) continue;  // Otherwise the owner let the window pass.
      for (const Decision& decision : then.decisions) {
        const bool taken = decision.kind == Kind::COUNTER_TAKEN;
        const bool left =
            decision.kind == Kind::RIGHT_WAIVED && decision.reason == "COUNTER_NOT_TAKEN";
        if (decision.offer != recorded->number || (!taken && !left)) continue;
        const Span latency = then.time - recorded->answered;
        if (act.time + latency > countered.take_by) {
          Assumed(act.request,
                  Cat("the owner took ", ShowSpan(latency), " over a counter, and now has ",
                      ShowSpan(countered.take_by - act.time)));
          return;
        }
        answers_.emplace(
            act.time + latency,
            std::pair(act.request, Pending{countered.offer, taken ? Deed::kTake : Deed::kLeave}));
        return;
      }
    }
  }

  // The quantity that the provider accepts; 0: too little to be allowed.
  int64_t TakenOf(const RequestId& id, const Offer& offer, const Offer& recorded) {
    const bool whole = recorded.state == OfferState::kAccepted || HasBid(recorded);
    if (whole && offer.quantity <= recorded.quantity) return offer.quantity;
    int64_t take = std::min(recorded.promised, offer.quantity);
    if (take == offer.quantity) return take;
    if (whole) {
      Assumed(id, Cat(offer.provider.value, " took all ", ShowQuantity(recorded.quantity),
                      " it was asked for; of ", ShowQuantity(offer.quantity), " assumed: no more"));
    }
    if (offer.quantity_step > 1) take -= take % offer.quantity_step;
    if (offer.min_quantity > 0 && take >= offer.min_quantity) return take;
    Assumed(id, Cat(offer.provider.value, " would take ", ShowQuantity(recorded.promised),
                    ", which is less than may be taken; assumed: it declines"));
    return 0;
  }

  absl::Status Answer(const RequestId& id, const Pending& pending) {
    const RequestBook* book = world_.Find(draft_.owner)->Find(id);
    const Offer* offer = book == nullptr ? nullptr : book->Find(pending.offer);
    if (offer == nullptr) return absl::OkStatus();
    decltype(Command::what) what;
    Actor actor{Role::kProvider, offer->provider.value};
    if (pending.deed == Deed::kConfirm) {
      if (offer->allocation.state != AllocationState::kHeld) return absl::OkStatus();
      what = ConfirmAllocation{id, pending.offer};
    } else if (pending.deed == Deed::kAnswer) {
      if (offer->state != OfferState::kOpen) return absl::OkStatus();
      what = AnswerTo(id, *book, *offer, plans_[{id, pending.offer}]);
    } else {
      if (offer->promise != Promise::kCounter) return absl::OkStatus();
      actor = {Role::kOwner, draft_.owner.value};
      what = AnswerCounter{id, pending.offer, pending.deed == Deed::kTake};
    }
    const absl::Status status = world_.Do({draft_.owner, actor, what});
    if (status.code() == absl::StatusCode::kInternal) return status;
    if (!status.ok())
      Assumed(id, Cat("an answer of ", actor.name, " is refused: ", View(status.message())));
    return absl::OkStatus();
  }

  decltype(Command::what) AnswerTo(const RequestId& id, const RequestBook& book, const Offer& offer,
                                   const Offer* recorded) {
    const auto decline = [&](DeclineReason reason) {
      return DeclineOffer{id, offer.number, reason, recorded == nullptr ? "" : recorded->text, {}};
    };
    if (recorded == nullptr && unknown_ == Assume::kDecline)
      return decline(DeclineReason::kNoCapacity);
    if (recorded != nullptr && recorded->state == OfferState::kDeclined)
      return decline(recorded->decline);
    if (recorded != nullptr && recorded->state == OfferState::kCountered) {
      const Clause* clause = world_.Find(draft_.owner)->account.Find(offer.clause);
      if (clause != nullptr && AskingOf(*clause)->counter_window.IsSet() &&
          offer.kind != OfferKind::kMatch) {
        Terms terms = *recorded->answer;
        terms.quantity = std::min(terms.quantity, offer.quantity);
        return CounterOffer{id, offer.number, std::move(terms)};
      }
      Assumed(id, Cat(offer.provider.value,
                      " made a counter, which is not allowed here; assumed: it declines"));
      return decline(DeclineReason::kTerms);
    }
    const int64_t quantity = recorded == nullptr ? offer.quantity : TakenOf(id, offer, *recorded);
    if (quantity == 0) return decline(DeclineReason::kNoCapacity);
    Terms terms = TermsOf(book, offer);
    const RequestBook& then = record_.requests.at(id);
    const Money price =
        recorded == nullptr ? terms.unit_price : AgreedTermsOf(then, *recorded).unit_price;
    if (offer.sealed) {
      if (recorded != nullptr && !recorded->sealed)
        Assumed(id, Cat(offer.provider.value, " bids what it accepted"));
      terms.quantity = quantity;
      terms.unit_price = price;
      return SubmitBid{id, offer.number, std::move(terms),
                       recorded == nullptr ? "" : recorded->contingent};
    }
    if (price.currency == terms.unit_price.currency && price.micros > terms.unit_price.micros) {
      Assumed(id, Cat(offer.provider.value, " took it at ", ShowMoney(price), ", and is asked at ",
                      ShowMoney(terms.unit_price), "; assumed: it declines"));
      return decline(DeclineReason::kPrice);
    }
    return AcceptOffer{id, offer.number, offer.terms_hash, quantity};
  }

  const Record& record_;
  const OwnedAgreement& draft_;
  const Assume unknown_;
  World world_;
  std::vector<Given> given_;
  std::multimap<Instant, std::pair<RequestId, Pending>> answers_;
  std::map<std::pair<RequestId, uint32_t>, const Offer*>
      plans_;  // Recorded offers by the number of the replayed one.
  std::map<std::tuple<RequestId, ProviderId, OfferKind>, size_t> asked_;
  std::map<RequestId, absl::Status> refused_;
  std::map<RequestId, std::vector<std::string>> assumed_;
  std::vector<std::string> assumed_of_all_;
  size_t heard_ = 0;
};

}  // namespace

absl::StatusOr<ReplayReport> Replay(const std::vector<Act>& acts, const OwnedAgreement& draft,
                                    Assume unknown) {
  Record record;
  if (absl::Status status = record.Read(acts, draft.owner); !status.ok()) return status;
  Replayer replayer(record, draft, unknown);
  if (absl::Status status = replayer.Run(); !status.ok()) return status;

  ReplayReport report{.owner = draft.owner, .agreement = draft.version.agreement};
  Span recorded_sum, drafted_sum;
  size_t recorded_placed = 0, drafted_placed = 0;
  for (const RequestId& id : record.order) {
    const RequestBook& book = record.requests.at(id);
    ReplayedRequest one{
        .id = id, .received = book.created, .quantity = book.request->terms.quantity};
    one.recorded = PlacementOf(book);
    one.drafted = replayer.PlacementOfRequest(id);
    one.assumed = replayer.AssumedOf(id);
    if (!IsFinished(book.state)) one.assumed.push_back("the record ends before the request does");
    AddTo(report.recorded, one.recorded, one.quantity, recorded_sum, recorded_placed);
    AddTo(report.drafted, one.drafted, one.quantity, drafted_sum, drafted_placed);
    report.requests.push_back(std::move(one));
  }
  report.recorded_commitments = record.account.commitments;
  report.drafted_commitments = replayer.commitments();
  if (record.registry.empty()) {
    report.assumed.push_back(
        "the providers are those that were asked or named, at the prices they were asked at, none "
        "suspended");
  }
  if (draft.version.effective_from > record.first) {
    report.assumed.push_back(
        Cat("the draft is in force from ", ShowTime(record.first), ", before the first request"));
  }
  report.assumed.insert(report.assumed.end(), replayer.assumed().begin(), replayer.assumed().end());
  return report;
}

}  // namespace capbroker
