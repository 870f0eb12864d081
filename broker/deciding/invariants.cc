#include "broker/deciding/invariants.h"

#include <array>

#include "broker/routing/fallback.h"
#include "broker/trail/dues.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

class Findings {
 public:
  template <class... Words>
  void Unless(bool holds, const Words&... words) {
    if (!holds) found.push_back(Cat(words...));
  }
  std::vector<std::string> found;
};

bool WasAccepted(OfferState state) {
  return state == OfferState::kAccepted || state == OfferState::kPartiallyAccepted;
}

// Whether the later of two offers on the same terms is no repetition: others ended the earlier, or
// the right has revived (R12) or is held against a bid.
bool IsAskedAnew(const RequestBook& book, const Offer& earlier, const Offer& later) {
  const bool was_ended = earlier.state == OfferState::kRescinded ||
                         earlier.state == OfferState::kSuperseded ||
                         earlier.state == OfferState::kVoided;
  const Right* right = nullptr;
  for (const Right& r : book.lineages[later.lineage - 1].rights) {
    if (r.clause == later.clause) right = &r;
  }
  return was_ended || later.kind == OfferKind::kMatch || (right != nullptr && right->revived);
}

void CheckOffer(Findings& findings, const RequestBook& book, const Offer& offer) {
  const std::string at = Cat("offer ", offer.number);
  const Allocation& allocation = offer.allocation;
  const Lineage& lineage = book.lineages[offer.lineage - 1];
  const bool allocated = allocation.state != AllocationState::kNone;
  if (offer.kind == OfferKind::kAlternative) {
    findings.Unless(lineage.route != Kind::ROUTE_EXCLUSIVE ||
                        lineage.rights.front().state == Right::State::kEnded,
                    "1: ", at, " goes to an alternative over an exclusivity");
    for (size_t i = offer.rights_passed; i < lineage.rights.size(); ++i) {
      findings.Unless(allocation.state != AllocationState::kHeld ||
                          lineage.rights[i].state != Right::State::kStanding ||
                          lineage.rights[i].revived,
                      "1: ", at, " is held while the first refusal ",
                      Format(lineage.rights[i].clause), " over it stands");
    }
  }
  // What was accepted is allocated, unless holders may come first or another did. What is allocated
  // was accepted, late where the owner takes that, or countered and taken.
  findings.Unless(!allocated || WasAccepted(offer.state) || offer.state == OfferState::kLapsed ||
                      (offer.state == OfferState::kCountered && offer.promise == Promise::kNone),
                  "2: ", at, " is ", NameOf(offer.state), " and allocated");
  findings.Unless(allocated || !WasAccepted(offer.state) || !offer.clause.IsSet(), "2: ", at,
                  " is ", NameOf(offer.state), " but not allocated");
  findings.Unless(!WasAccepted(offer.state) || offer.answered <= offer.deadline, "2: ", at,
                  " was accepted after its deadline");
  findings.Unless(offer.state != OfferState::kLapsed || offer.answered > offer.deadline, "2: ", at,
                  " lapsed before its deadline had passed");
  findings.Unless(offer.quantity > 0, "4: ", at, " asks for ", offer.quantity);
  findings.Unless(allocation.quantity >= 0 && allocation.quantity <= offer.quantity, "3: ", at,
                  " took ", allocation.quantity, " of ", offer.quantity);
  const Money price =
      allocation.IsStanding() ? AgreedTermsOf(book, offer).unit_price : offer.unit_price;
  findings.Unless(IsWithinCap(book, offer, price), "5: ", at, " is above the price cap");
  if (IsFinished(book.state)) {
    findings.Unless(offer.state != OfferState::kOpen, "2: ", at, " is open in a finished request");
    findings.Unless(offer.promise == Promise::kNone, "2: ", at,
                    " was not told how a finished request ended");
    findings.Unless(allocation.state != AllocationState::kHeld, "3: ", at,
                    " is held in a finished request");
  }
}

// R30: what the offers say of a lineage's units, against where they are.
void CheckLineage(Findings& findings, const RequestBook& book, const Lineage& lineage) {
  int64_t promised = 0;
  std::array<int64_t, 2> placed{};  // Held, confirmed.
  for (const Offer& offer : book.offers) {
    if (offer.lineage != lineage.number) continue;
    const int64_t units = SumOf(offer.allocation.segments);
    if (offer.allocation.state == AllocationState::kHeld) placed[0] += units;
    if (offer.allocation.state == AllocationState::kConfirmed) placed[1] += units;
    const bool is_of_lot = offer.matches == 0 && !book.IsExchange(offer);
    if (is_of_lot && (offer.promise == Promise::kSelected ||
                      (offer.promise == Promise::kCounter && offer.clause.IsSet())))
      promised += offer.promised;
  }
  const auto check = [&](Place place, int64_t want) {
    const int64_t have = lineage.units.At(place);
    findings.Unless(have == want, "3: lineage ", lineage.number, " has ", have, " units ",
                    NameOf(place), ", want ", want);
  };
  check(Place::kHeld, placed[0]);
  check(Place::kConfirmed, placed[1]);
  check(Place::kPromised, promised);
  for (size_t i = 0; i < Names<Place>::values.size(); ++i) {
    const int64_t have = lineage.units.At(static_cast<Place>(i));
    findings.Unless(have >= 0, "3: lineage ", lineage.number, " has ", have, " units ",
                    Names<Place>::values[i]);
  }
  findings.Unless(SumOf(lineage.unplaced) == lineage.units.Unplaced(), "3: lineage ",
                  lineage.number, " has ", SumOf(lineage.unplaced), " unplaced by segment, want ",
                  lineage.units.Unplaced());
}

}  // namespace

std::vector<std::string> BrokenInvariants(const RequestBook& book) {
  Findings findings;
  for (const Offer& offer : book.offers) {
    CheckOffer(findings, book, offer);
    for (const Offer& other : book.offers) {
      findings.Unless(other.number <= offer.number || other.provider != offer.provider ||
                          other.lineage != offer.lineage || other.unit_price != offer.unit_price ||
                          offer.terms_hash != other.terms_hash ||
                          other.kind == OfferKind::kReoffer || IsAskedAnew(book, offer, other),
                      "4: offers ", offer.number, " and ", other.number, " ask ",
                      offer.provider.value, " twice on the same terms");
    }
  }
  int64_t sum = 0;
  for (const Lineage& lineage : book.lineages) {
    sum += lineage.units.Total();
    CheckLineage(findings, book, lineage);
  }
  findings.Unless(sum == book.request->terms.quantity, "3: lineages add up to ", sum, ", want ",
                  book.request->terms.quantity);
  return std::move(findings.found);
}

std::vector<std::string> BrokenInvariants(const Account& account) {
  Findings findings;
  for (const CommitmentBalance& c : account.commitments) {
    findings.Unless(c.reserved.micros >= 0 && c.drawn.micros >= 0 && c.Left().micros >= 0,
                    "6: commitment ", c.agreement.value, "/", c.clause.value, ": reserved ",
                    Format(c.reserved), ", drawn ", Format(c.drawn), " of ", Format(c.committed));
  }
  for (const WaiverUse& use : account.waivers) {
    const AgreementVersion* latest = account.Latest(use.agreement);
    const Clause* clause =
        latest == nullptr ? nullptr : account.Find({use.agreement, latest->version, use.clause});
    const Waiver* waiver = clause == nullptr ? nullptr : As<Waiver>(*clause);
    findings.Unless(use.drawn >= 0 && (waiver == nullptr || waiver->cap_quantity == 0 ||
                                       use.drawn <= waiver->cap_quantity),
                    "6: waiver ", use.agreement.value, "/", use.clause.value, " is drawn ",
                    use.drawn, " times");
  }
  return std::move(findings.found);
}

std::vector<std::string> BrokenInvariants(const Book& book) {
  Findings findings;
  findings.found = BrokenInvariants(book.account);
  size_t live = DueTime(book.account) < kLastInstant ? 1 : 0;
  for (const auto& [id, filed] : book.requests) {
    const auto request = filed.Read();
    for (std::string& broken : BrokenInvariants(*request)) {
      findings.found.push_back(Cat("request ", Format(id), ": ", broken));
    }
    const Instant due = DueTime(book.account, *request);
    findings.Unless(due < kLastInstant || !request->IsLive(), "8: request ", Format(id),
                    " is live and has no deadline");
    if (due == kLastInstant) continue;
    ++live;
    findings.Unless(book.deadlines.contains({due, id}), "8: request ", Format(id),
                    " is not on the list of deadlines");
  }
  findings.Unless(book.deadlines.size() == live, "8: ", book.deadlines.size(),
                  " deadlines on the list, want ", live);
  return std::move(findings.found);
}

}  // namespace capbroker
