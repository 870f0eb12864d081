#include "storage/verify.h"

#include <algorithm>
#include <map>
#include <set>

#include "broker/trail/canonical.h"
#include "broker/trail/fold.h"
#include "broker/values/text.h"
#include "storage/book_state.h"

namespace capbroker {
namespace {

// More of them say no more.
constexpr size_t kMostFindings = 1'000;

// What one request comes to, by the fold: what its rows must say. Finished requests are kept as
// this alone, which is some hundred bytes each; an act about one of them folds it again from its
// trail.
struct Expected {
  RequestState state = RequestState::kReceived;
  std::vector<OfferRow> offers;
};

Expected ExpectedOf(const OwnerId& owner, const RequestId& id, const RequestBook& book) {
  Expected expected{book.state, {}};
  for (const Offer& offer : book.offers) {
    expected.offers.push_back({owner, id, offer.number, offer.provider, offer.state,
                               offer.allocation, offer.accepted, offer.deadline});
  }
  return expected;
}

bool Same(const OfferRow& a, const OfferRow& b) {
  return a.offer == b.offer && a.provider == b.provider && a.state == b.state &&
         a.allocation == b.allocation && a.accepted == b.accepted && a.deadline == b.deadline;
}

std::string Words(const OfferRow& row) {
  return Cat(NameOf(row.state), " ", row.provider.value, " ", NameOf(row.allocation), " ",
             row.accepted, " by ", Format(row.deadline));
}

// What moves a lineage has to name it, what moves a right over it the right's clause as well; what
// moves an offer, or the allocation that came of it, has to name that.
bool NeedsLineage(Kind kind) {
  switch (kind) {
    case Kind::ROUTE_EXCLUSIVE:
    case Kind::ROUTE_FIRST_REFUSAL:
    case Kind::ROUTE_WAIVED:
    case Kind::ROUTE_OPEN:
    case Kind::PROVIDER_SKIPPED:
    case Kind::RIGHT_WAIVED:
    case Kind::RIGHT_REVIVED:
    case Kind::FALLBACK_STARTED:
    case Kind::FALLBACK_EXHAUSTED:
    case Kind::REQUEST_BLOCKED:
    case Kind::OFFER_OPENED:
    case Kind::MATCH_REQUIRED:
    case Kind::MATCH_NOT_REQUIRED:
    case Kind::MATCH_SKIPPED:
    case Kind::ALLOCATION_HELD:
      return true;
    default:
      return false;
  }
}
bool NeedsRight(const Decision& d) {
  switch (d.kind) {
    case Kind::PROVIDER_SKIPPED:
      return d.clause.IsSet();
    case Kind::OFFER_OPENED:
      return d.offer_kind == OfferKind::kReoffer;
    case Kind::RIGHT_WAIVED:
    case Kind::RIGHT_REVIVED:
    case Kind::MATCH_REQUIRED:
    case Kind::MATCH_NOT_REQUIRED:
    case Kind::MATCH_SKIPPED:
      return true;
    default:
      return false;
  }
}
bool NeedsOffer(Kind kind) {
  switch (kind) {
    case Kind::OFFER_ACCEPTED:
    case Kind::OFFER_PARTIALLY_ACCEPTED:
    case Kind::OFFER_COUNTERED:
    case Kind::COUNTER_TAKEN:
    case Kind::OFFER_DECLINED:
    case Kind::OFFER_LAPSED:
    case Kind::OFFER_RESCINDED:
    case Kind::OFFER_SUPERSEDED:
    case Kind::OFFER_VOIDED:
    case Kind::NOTICE_ATTEMPTED:
    case Kind::RESPONSE_REJECTED:
    case Kind::STANDBY_RECORDED:
    case Kind::STANDBY_PROMOTED:
    case Kind::DEADLINE_EXTENDED:
    case Kind::DEADLINE_TOLLED:
    case Kind::BID_RECEIVED:
    case Kind::BID_DISQUALIFIED:
    case Kind::BEST_BID_SELECTED:
    case Kind::BID_LOST:
    case Kind::ALLOCATION_HELD:
    case Kind::ALLOCATION_CONFIRMED:
    case Kind::ALLOCATION_EXPIRED:
    case Kind::ALLOCATION_RELEASED:
    case Kind::WITHDRAWAL_NOTICED:
    case Kind::ALLOCATION_WITHDRAWN:
    case Kind::COMMITMENT_RESERVED:
      return true;
    default:
      return false;
  }
}

// The rights over each lineage, from the first.
using Rights = std::vector<std::vector<ClauseRef>>;

Rights RightsOf(const RequestBook* book) {
  Rights rights;
  for (size_t i = 0; book != nullptr && i < book->lineages.size(); ++i) {
    rights.emplace_back();
    for (const Right& right : book->lineages[i].rights) rights.back().push_back(right.clause);
  }
  return rights;
}

// Of a decision about the account: what it rests on has to be there.
std::string WhyNotOfAccount(const Decision& d, const Account& account) {
  if (d.kind == Kind::AGREEMENT_ACTIVATED && d.agreement == nullptr)
    return "an activation without its agreement";
  if (d.kind == Kind::WAIVER_GRANTED &&
      (d.grant == nullptr || As<Waiver>(d.grant->waiver) == nullptr))
    return "a grant without its waiver";
  if ((d.kind == Kind::PROVIDER_REGISTERED || d.kind == Kind::PROVIDER_UPDATED) &&
      d.record == nullptr)
    return "a registration without its provider";
  const std::string_view kind = NameOf(d.kind);
  if (!kind.starts_with("TRIGGER_") && d.kind != Kind::DISPUTE_RESOLVED) return "";
  const Clause* clause = account.Find(d.clause);
  const bool known = clause != nullptr && As<TriggerClause>(*clause) != nullptr;
  return known ? "" : Cat(kind, " names no trigger of an agreement: ", Format(d.clause));
}

// Fold is total over acts that Decide made. One that was changed may name an offer, a lineage or a
// clause that is not there: why this one cannot be folded; empty if it can.
std::string WhyNotFoldable(const Act& act, const RequestBook* book, const Account& account) {
  size_t offers = book == nullptr ? 0 : book->offers.size();
  Rights rights = RightsOf(book);
  bool received = book != nullptr;
  for (const Decision& d : act.decisions) {
    if (const std::string why = WhyNotOfAccount(d, account); !why.empty()) return why;
    if (!act.request.IsSet()) continue;
    if (d.kind == Kind::REQUEST_RECEIVED || d.kind == Kind::REQUEST_AMENDED) {
      if (d.request == nullptr) return "a request's version without its content";
      received |= d.kind == Kind::REQUEST_RECEIVED;
    }
    if (!received) return "it comes before its request was received";
    const std::string_view kind = NameOf(d.kind);
    if (kind.starts_with("ROUTE_")) {
      if (d.replaces > rights.size())
        return Cat(kind, " replaces lineage ", d.replaces, " of ", rights.size());
      const bool has_rights =
          d.kind == Kind::ROUTE_EXCLUSIVE || d.kind == Kind::ROUTE_FIRST_REFUSAL;
      rights.push_back(has_rights ? d.clauses : std::vector<ClauseRef>{});
    }
    if (d.lineage > rights.size())
      return Cat(kind, " names lineage ", d.lineage, " of ", rights.size());
    if (NeedsLineage(d.kind) && d.lineage == 0) return Cat(kind, " names no lineage");
    if (d.kind == Kind::REQUEST_BLOCKED && rights[d.lineage - 1].empty())
      return Cat(kind, " names lineage ", d.lineage, ", which has no rights");
    if (NeedsRight(d)) {
      const std::vector<ClauseRef>& over = rights[d.lineage - 1];
      if (std::find(over.begin(), over.end(), d.clause) == over.end())
        return Cat(kind, " names ", Format(d.clause), ", no right over lineage ", d.lineage);
    }
    if (d.kind == Kind::OFFER_OPENED) {
      if (d.replaces > offers) return Cat(kind, " replaces offer ", d.replaces, " of ", offers);
      const Clause* right = d.clause.IsSet() ? account.Find(d.clause) : nullptr;
      if (d.clause.IsSet() && (right == nullptr || !IsRight(*right)))
        return Cat(kind, " names ", Format(d.clause), ", a right that no agreement has");
      ++offers;
    }
    if (d.offer > offers) return Cat(kind, " names offer ", d.offer, " of ", offers);
    if (NeedsOffer(d.kind) && d.offer == 0) return Cat(kind, " names no offer");
  }
  return "";
}

class Verifier {
 public:
  Verifier(Ledger& ledger, const OwnerId& owner) : ledger_(ledger), owner_(owner) {
    book_.owner = owner;
  }

  absl::StatusOr<Verification> Run() {
    if (absl::Status status = ReadTrail(/*until=*/UINT64_MAX); !status.ok()) return status;
    // Rows first, then the book, which moves with every batch: whatever was written since is in the
    // acts up to it.
    const absl::StatusOr<std::vector<RequestRow>> requests = ledger_.AllRequests(owner_);
    if (!requests.ok()) return requests.status();
    const absl::StatusOr<std::vector<OfferRow>> offers = ledger_.AllOffers(owner_);
    if (!offers.ok()) return offers.status();
    const absl::StatusOr<std::optional<BookRow>> row = ledger_.ReadBook(owner_);
    if (!row.ok() && !absl::IsDataLoss(row.status())) return row.status();
    if (row.ok() && row->has_value()) {
      watch_ = true;
      if (absl::Status status = ReadTrail((*row)->sequence); !status.ok()) return status;
    }
    CompareRequests(*requests);
    CompareOffers(*offers);
    if (!row.ok()) {
      Find(View(row.status().message()));
    } else {
      CompareBook(*row);
    }
    result_.requests = expected_.size() + book_.requests.size();
    result_.unsettled = changed_.size();
    result_.head = hash_;
    return std::move(result_);
  }

 private:
  template <class... Parts>
  void Find(const Parts&... parts) {
    if (result_.findings.size() < kMostFindings) result_.findings.push_back(Cat(parts...));
  }

  absl::Status ReadTrail(uint64_t until) {
    while (sequence_ < until) {
      const absl::StatusOr<std::vector<SealedAct>> acts =
          ledger_.ReadActs({.owner = owner_, .from = sequence_});
      if (!acts.ok()) return acts.status();
      for (const SealedAct& act : *acts) {
        if (act.sequence > until) return absl::OkStatus();
        if (absl::Status status = Check(act); !status.ok()) return status;
      }
      if (acts->empty()) return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  // One act: its place, its link, its text, its columns; and folds it.
  absl::Status Check(const SealedAct& sealed) {
    const std::string name = Cat("act ", sealed.sequence);
    ++result_.acts;
    const bool follows = sealed.sequence == sequence_ + 1;
    if (!follows && sealed.sequence == sequence_ + 2) {
      Find("act ", sequence_ + 1, " is missing");
    } else if (!follows) {
      Find("acts ", sequence_ + 1, " to ", sealed.sequence - 1, " are missing");
    }
    // After a gap the link cannot be told; each link is checked from the recorded hash before it,
    // so that one change is not reported for every act after it.
    if (follows && Chain(hash_, sealed.text) != sealed.hash) {
      Find(name, ": its hash is not that of act ", sequence_,
           " and its text; one of them was changed");
    }
    sequence_ = sealed.sequence;
    hash_ = sealed.hash;
    if (sealed.time < time_) Find(name, ": ", Format(sealed.time), " is before the act before it");
    time_ = sealed.time;

    const absl::StatusOr<Act> act = DecodeAct(sealed.text);
    if (!act.ok()) {
      Find(name, ": its text cannot be read: ", act.status().message());
      broken_.insert(sealed.request);
      return absl::OkStatus();
    }
    if (Encode(*act) != sealed.text) Find(name, ": its text is not canonical");
    CheckColumns(name, sealed, *act);
    result_.decisions += act->decisions.size();
    return FoldAct(name, *act);
  }

  void CheckColumns(const std::string& name, const SealedAct& sealed, const Act& act) {
    if (act.owner != owner_) Find(name, ": owner: text says ", act.owner.value);
    if (act.sequence != sealed.sequence) Find(name, ": sequence: text says ", act.sequence);
    if (act.time != sealed.time)
      Find(name, ": time: got ", Format(sealed.time), ", text says ", Format(act.time));
    if (act.request != sealed.request) {
      Find(name, ": request: got ", Format(sealed.request), ", text says ", Format(act.request));
    }
    if (act.decisions.size() != sealed.decisions) {
      Find(name, ": decisions: got ", sealed.decisions, ", text has ", act.decisions.size());
    }
  }

  absl::Status FoldAct(const std::string& name, const Act& act) {
    if (act.request.IsSet()) {
      if (watch_) changed_.insert(act.request);
      if (broken_.contains(act.request)) return absl::OkStatus();
      if (absl::Status status = Recall(act); !status.ok()) return status;
    }
    const RequestBook* before = act.request.IsSet() ? book_.Find(act.request) : nullptr;
    if (const std::string why = WhyNotFoldable(act, before, book_.account); !why.empty()) {
      Find(name, ": it cannot be folded: ", why);
      if (act.request.IsSet()) broken_.insert(act.request);
      Forget(book_, act.request);
      return absl::OkStatus();
    }
    Act named = act;
    named.owner = owner_;  // Said above, if it is another.
    Fold(book_, named);
    const RequestBook* after = act.request.IsSet() ? book_.Find(act.request) : nullptr;
    if (after != nullptr && IsFinished(after->state)) {
      expected_[act.request] = ExpectedOf(owner_, act.request, *after);
      Forget(book_, act.request);
    }
    return absl::OkStatus();
  }

  // Puts a finished request back into the book, as it stood before `act`.
  absl::Status Recall(const Act& act) {
    if (expected_.erase(act.request) == 0) return absl::OkStatus();
    const absl::StatusOr<std::vector<SealedAct>> trail = ledger_.ReadRequest(owner_, act.request);
    if (!trail.ok() && !absl::IsNotFound(trail.status())) return trail.status();
    RequestBook request;
    bool whole = false;
    for (size_t i = 0; trail.ok() && i < trail->size() && (*trail)[i].sequence < act.sequence;
         ++i) {
      const absl::StatusOr<Act> earlier = DecodeAct((*trail)[i].text);
      if (!earlier.ok() ||
          !WhyNotFoldable(*earlier, whole ? &request : nullptr, book_.account).empty()) {
        whole = false;
        break;
      }
      for (const Decision& d : earlier->decisions) Fold(request, d, earlier->time);
      request.sequence = earlier->sequence;
      whole = request.request != nullptr;
    }
    if (whole) {
      Put(book_, std::make_unique<RequestBook>(std::move(request)));
    } else {
      Find("request ", Format(act.request),
           ": its trail, read by itself, is not what its owner's trail has of it");
      broken_.insert(act.request);
    }
    return absl::OkStatus();
  }

  bool IsCompared(const RequestId& id) const {
    return !broken_.contains(id) && !changed_.contains(id);
  }

  // Everything the fold came to, by request.
  std::map<RequestId, Expected> Folded() const {
    std::map<RequestId, Expected> all = expected_;
    for (const auto& [id, filed] : book_.requests) all[id] = ExpectedOf(owner_, id, *filed.Read());
    return all;
  }

  void CompareRequests(const std::vector<RequestRow>& rows) {
    folded_ = Folded();
    std::set<RequestId> seen;
    for (const RequestRow& row : rows) {
      seen.insert(row.request);
      if (!IsCompared(row.request)) continue;
      const auto found = folded_.find(row.request);
      if (found == folded_.end()) {
        Find("request ", Format(row.request), ": it has a row and no trail");
      } else if (found->second.state != row.state) {
        Find("request ", Format(row.request), ": state: got ", NameOf(row.state),
             ", the trail says ", NameOf(found->second.state));
      }
    }
    for (const auto& [id, expected] : folded_) {
      if (IsCompared(id) && !seen.contains(id))
        Find("request ", Format(id), ": it has a trail and no row");
    }
  }

  void CompareOffers(const std::vector<OfferRow>& rows) {
    std::set<std::pair<RequestId, uint32_t>> seen;
    for (const OfferRow& row : rows) {
      ++result_.offers;
      seen.insert({row.request, row.offer});
      if (!IsCompared(row.request)) continue;
      const auto found = folded_.find(row.request);
      const std::string name = Cat("offer ", row.offer, " of ", Format(row.request));
      if (found == folded_.end() || row.offer == 0 || row.offer > found->second.offers.size()) {
        Find(name, ": it has a row, and no act opened it");
      } else if (const OfferRow& want = found->second.offers[row.offer - 1]; !Same(row, want)) {
        Find(name, ": got ", Words(row), ", the trail says ", Words(want));
      }
    }
    for (const auto& [id, expected] : folded_) {
      for (const OfferRow& offer : expected.offers) {
        if (!IsCompared(id) || seen.contains({id, offer.offer})) continue;
        Find("offer ", offer.offer, " of ", Format(id), ": it was opened and has no row");
      }
    }
  }

  void CompareBook(const std::optional<BookRow>& row) {
    if (!row) {
      if (sequence_ != 0) Find("book: it has no row, and the trail goes to act ", sequence_);
      return;
    }
    if (row->sequence != sequence_) {
      Find("book: it stands at act ", row->sequence, ", the trail ends at act ", sequence_);
      return;  // The rest is of another state.
    }
    if (row->hash != hash_) Find("book: its hash is not that of act ", sequence_);
    if (row->time != time_)
      Find("book: time: got ", Format(row->time), ", act ", sequence_, " says ", Format(time_));
    BookRow want;
    want.commitments = book_.account.commitments;
    want.waivers = book_.account.waivers;
    want.cool_downs = book_.account.cool_downs;
    want.aggregates = book_.account.aggregates;
    const std::string got = EncodeBookState(*row), expected = EncodeBookState(want);
    if (got != expected && broken_.empty()) Find("book: got ", got, ", the trail says ", expected);
  }

  Ledger& ledger_;
  const OwnerId owner_;
  Verification result_;
  uint64_t sequence_ = 0;  // Of the last act checked, and its hash and time.
  Hash hash_{};
  Instant time_;
  Book book_;
  std::map<RequestId, Expected> expected_;  // Of finished requests, which are not in the book.
  std::map<RequestId, Expected> folded_;    // Of all, once the trail is read.
  std::set<RequestId> broken_;              // Could not be folded; their rows are not compared.
  bool watch_ = false;                      // From here on, acts came after the rows were read.
  std::set<RequestId> changed_;
};

}  // namespace

absl::StatusOr<Verification> VerifyOwner(Ledger& ledger, const OwnerId& owner) {
  return Verifier(ledger, owner).Run();
}

}  // namespace capbroker
