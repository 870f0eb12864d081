#include "broker/invariants.h"

#include <map>

#include "broker/fallback.h"
#include "broker/text.h"

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

void CheckOffer(Findings& findings, const RequestBook& book, const Offer& offer) {
  const std::string at = Cat("offer ", offer.number);
  const Lineage& lineage = book.lineages[offer.lineage - 1];
  const bool allocated = offer.allocation != AllocationState::kNone;
  if (offer.kind == OfferKind::kAlternative) {
    findings.Unless(lineage.route != Kind::ROUTE_EXCLUSIVE, "1: ", at,
                    " goes to an alternative over an exclusivity");
    findings.Unless(lineage.rights_done == lineage.rights, "1: ", at, " goes to an alternative while ",
                    lineage.rights - lineage.rights_done, " first refusals over it stand");
  }
  findings.Unless(WasAccepted(offer.state) == allocated, "2: ", at, " is ", NameOf(offer.state),
                  allocated ? " and" : " but not", " allocated");
  findings.Unless(!WasAccepted(offer.state) || offer.answered <= offer.deadline, "2: ", at,
                  " was accepted after its deadline");
  findings.Unless(offer.state != OfferState::kLapsed || offer.answered > offer.deadline, "2: ", at,
                  " lapsed before its deadline had passed");
  findings.Unless(offer.accepted >= 0 && offer.accepted <= offer.quantity, "3: ", at, " took ",
                  offer.accepted, " of ", offer.quantity);
  findings.Unless(offer.unit_price.micros <= PriceCapOf(*book.request).micros, "5: ", at,
                  " is above the price cap");
  if (IsFinished(book.state)) {
    findings.Unless(offer.state != OfferState::kOpen, "2: ", at, " is open in a finished request");
    findings.Unless(offer.allocation != AllocationState::kHeld, "3: ", at, " is held in a finished request");
  }
}

}  // namespace

std::vector<std::string> BrokenInvariants(const RequestBook& book) {
  Findings findings;
  std::map<uint32_t, int64_t> taken;  // By lineage, given back or not.
  for (const Offer& offer : book.offers) {
    CheckOffer(findings, book, offer);
    taken[offer.lineage] += offer.accepted;
    for (const Offer& other : book.offers) {
      findings.Unless(other.number <= offer.number || other.provider != offer.provider ||
                          other.lineage != offer.lineage || other.unit_price != offer.unit_price ||
                          other.kind == OfferKind::kReoffer,
                      "4: offers ", offer.number, " and ", other.number, " ask ", offer.provider.value,
                      " twice on the same terms");
    }
  }
  int64_t sum = 0;
  for (const Lineage& lineage : book.lineages) {
    sum += lineage.quantity;
    findings.Unless(lineage.remaining >= 0 && lineage.remaining + taken[lineage.number] == lineage.quantity,
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
  for (const Commitment& c : account.commitments) {
    findings.Unless(c.reserved.micros >= 0 && c.drawn.micros >= 0 && c.Left().micros >= 0, "6: commitment ",
                    c.agreement.value, "/", c.clause.value, ": reserved ", Format(c.reserved), ", drawn ",
                    Format(c.drawn), " of ", Format(c.committed));
  }
  for (const WaiverUse& use : account.waivers) {
    const AgreementVersion* latest = account.Latest(use.agreement);
    const Clause* clause = latest == nullptr ? nullptr : FindClause(*latest, use.clause);
    if (clause == nullptr || clause->cap_quantity == 0) continue;
    findings.Unless(use.drawn <= clause->cap_quantity, "6: waiver ", use.agreement.value, "/",
                    use.clause.value, " is drawn ", use.drawn, " times of ", clause->cap_quantity);
  }
  return std::move(findings.found);
}

std::vector<std::string> BrokenInvariants(const Book& book) {
  Findings findings;
  findings.found = BrokenInvariants(book.account);
  size_t live = book.account.NextDeadline() < kLastInstant ? 1 : 0;
  for (const auto& [id, request] : book.requests) {
    for (std::string& broken : BrokenInvariants(*request)) {
      findings.found.push_back(Cat("request ", Format(id), ": ", broken));
    }
    if (IsFinished(request->state)) continue;
    ++live;
    findings.Unless(book.deadlines.contains({request->NextDeadline(), id}), "8: request ", Format(id),
                    " is not on the list of deadlines");
  }
  findings.Unless(book.deadlines.size() == live, "8: ", book.deadlines.size(),
                  " deadlines on the list, want ", live);
  return std::move(findings.found);
}

}  // namespace capbroker
