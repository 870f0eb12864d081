#include "broker/deciding/invariants.h"

#include <map>

#include "broker/routing/fallback.h"
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
  const Lineage& lineage = book.lineages[offer.lineage - 1];
  const bool allocated = offer.allocation != AllocationState::kNone;
  if (offer.kind == OfferKind::kAlternative) {
    findings.Unless(lineage.route != Kind::ROUTE_EXCLUSIVE, "1: ", at,
                    " goes to an alternative over an exclusivity");
    for (const Right& right :
         lineage.rights) {  // In mode MATCH alternatives may be asked, but not placed, before it.
      findings.Unless(
          offer.allocation != AllocationState::kHeld || right.done || right.matched == offer.number,
          "1: ", at, " is held while the first refusal ", Format(right.clause), " over it stands");
    }
  }
  // What was accepted is allocated, unless holders may come first or another did. What is allocated
  // was accepted, late where the owner takes that, or countered and taken.
  findings.Unless(!allocated || WasAccepted(offer.state) || offer.state == OfferState::kLapsed ||
                      (offer.state == OfferState::kCountered && !offer.take_by.IsSet()),
                  "2: ", at, " is ", NameOf(offer.state), " and allocated");
  findings.Unless(allocated || !WasAccepted(offer.state) || offer.kind == OfferKind::kAlternative,
                  "2: ", at, " is ", NameOf(offer.state), " but not allocated");
  findings.Unless(!WasAccepted(offer.state) || offer.answered <= offer.deadline, "2: ", at,
                  " was accepted after its deadline");
  findings.Unless(offer.state != OfferState::kLapsed || offer.answered > offer.deadline, "2: ", at,
                  " lapsed before its deadline had passed");
  findings.Unless(offer.accepted >= 0 && offer.accepted <= offer.quantity, "3: ", at, " took ",
                  offer.accepted, " of ", offer.quantity);
  const Money price =
      IsStanding(offer.allocation) ? AgreedTermsOf(book, offer).unit_price : offer.unit_price;
  findings.Unless(IsWithinCap(book, offer, price), "5: ", at, " is above the price cap");
  if (IsFinished(book.state)) {
    findings.Unless(offer.state != OfferState::kOpen, "2: ", at, " is open in a finished request");
    findings.Unless(offer.allocation != AllocationState::kHeld, "3: ", at,
                    " is held in a finished request");
  }
}

}  // namespace

std::vector<std::string> BrokenInvariants(const RequestBook& book) {
  Findings findings;
  std::map<uint32_t, int64_t> taken;  // By lineage, given back or not.
  for (const Offer& offer : book.offers) {
    CheckOffer(findings, book, offer);
    if (!offer.returned) taken[offer.lineage] += offer.accepted;
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
    sum += lineage.quantity;
    findings.Unless(
        lineage.remaining >= 0 && lineage.remaining + taken[lineage.number] == lineage.quantity,
        "3: the lots of lineage ", lineage.number, " add up to ",
        lineage.remaining + taken[lineage.number], ", want ", lineage.quantity);
  }
  findings.Unless(sum == book.request->terms.quantity, "3: lineages add up to ", sum, ", want ",
                  book.request->terms.quantity);
  findings.Unless(IsFinished(book.state) || book.NextDeadline() < kLastInstant,
                  "8: an unfinished request has no deadline");
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
    const auto* waiver = clause == nullptr ? nullptr : As<Waiver>(*clause);
    if (waiver == nullptr || waiver->cap_quantity == 0) continue;
    findings.Unless(use.drawn <= waiver->cap_quantity, "6: waiver ", use.agreement.value, "/",
                    use.clause.value, " is drawn ", use.drawn, " times of ", waiver->cap_quantity);
  }
  return std::move(findings.found);
}

std::vector<std::string> BrokenInvariants(const Book& book) {
  Findings findings;
  findings.found = BrokenInvariants(book.account);
  size_t live = book.account.NextDeadline() < kLastInstant ? 1 : 0;
  for (const auto& [id, filed] : book.requests) {
    const auto request = filed.Read();
    for (std::string& broken : BrokenInvariants(*request)) {
      findings.found.push_back(Cat("request ", Format(id), ": ", broken));
    }
    if (IsFinished(request->state)) continue;
    ++live;
    findings.Unless(book.deadlines.contains({DueTime(book.account, *request), id}), "8: request ",
                    Format(id), " is not on the list of deadlines");
  }
  findings.Unless(book.deadlines.size() == live, "8: ", book.deadlines.size(),
                  " deadlines on the list, want ", live);
  return std::move(findings.found);
}

}  // namespace capbroker
