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
  bool is_live = false;
  std::vector<OfferRow> offers;
};

Expected ExpectedOf(const OwnerId& owner, const RequestId& id, const RequestBook& book) {
  Expected expected{book.state, book.IsLive(), {}};
  for (const Offer& offer : book.offers) {
    expected.offers.push_back({owner, id, offer.number, offer.provider, offer.state,
                               offer.allocation.state, offer.allocation.quantity, offer.deadline});
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
    Act named = act;
    named.owner = owner_;  // Said above, if it is another.
    if (absl::Status status = Fold(book_, named); !status.ok()) {
      Find(name, ": it cannot be folded: ", View(status.message()));
      if (act.request.IsSet()) broken_.insert(act.request);
      Forget(book_, act.request);
      return absl::OkStatus();
    }
    const RequestBook* after = act.request.IsSet() ? book_.Find(act.request) : nullptr;
    if (after != nullptr && !after->IsLive()) {
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
    std::vector<Act> earlier;
    bool whole = trail.ok();
    for (size_t i = 0; whole && i < trail->size() && (*trail)[i].sequence < act.sequence; ++i) {
      absl::StatusOr<Act> read = DecodeAct((*trail)[i].text);
      whole = read.ok();
      if (whole) earlier.push_back(*std::move(read));
    }
    absl::StatusOr<RequestBook> request = FoldRequest(earlier);
    whole = whole && request.ok() && request->request != nullptr;
    if (whole) {
      Put(book_, std::make_unique<RequestBook>(*std::move(request)));
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
      } else if (found->second.is_live != row.is_live) {
        Find("request ", Format(row.request), ": got ", row.is_live ? "live" : "settled",
             ", the trail says otherwise");
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
