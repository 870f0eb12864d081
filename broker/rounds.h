// One request under decision: decisions are drafted on a copy, and the rounds go on by themselves as far as
// they can.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "broker/book.h"
#include "broker/decision.h"
#include "broker/provider.h"
#include "broker/route.h"

namespace capbroker {

class Rounds {
 public:
  // `request` is copied; null for one that is being received. All references outlive the rounds.
  Rounds(const Book& book, const Directory& directory, const RequestBook* request, Instant now);

  const RequestBook& request() const { return request_; }
  const Account& account() const { return account_ ? *account_ : book_.account; }
  std::vector<Decision> Take() { return std::move(decisions_); }

  // Drafts one decision.
  void Add(Decision decision);

  // The lineages of a request just received, with the evidence.
  void AddRoutes(const Routing& routing);
  // Places `quantity` of an offer just accepted with its provider: hold, reservation, the figures of R10.
  void Hold(uint32_t offer, int64_t quantity);
  // After a right's offer ended with something left: the right over the remainder is waived, or blocks (R5,
  // R19).
  void EndRight(uint32_t offer, std::string_view reason);
  // Ends every open offer and every hold: `reason` is CANCELLED or EXPIRED.
  void RescindOffers(std::string_view reason);
  void ReleaseHolds(std::string_view reason);
  void ConfirmHolds();  // R14.
  // Opens whatever is next on each lineage; when nothing is left to ask, settles the request.
  void Advance();
  // Every provider that was asked or passed over and did not take all, with its reason (R16).
  std::vector<Passed> Reasons() const;

 private:
  void AdvanceLineage(uint32_t lineage);
  void OpenRight(const Lineage& lineage);
  void OpenAlternative(const Lineage& lineage);
  void OpenOffer(const Lineage& lineage, OfferKind kind, const ProviderId& provider, const ClauseRef& ref,
                 const Clause* right, const Money& unit_price, Span window);
  void Reserve(const Offer& offer, int64_t quantity);
  void CompareWithRefused(const Offer& offer);
  bool HasOpenOffer(uint32_t lineage) const;
  bool HasEnded(const ClauseRef& ref) const;
  void Settle();

  const Book& book_;
  const Directory& directory_;
  const Instant now_;
  RequestBook request_;
  std::optional<Account> account_;  // Copied when a decision first touches it.
  std::vector<Decision> decisions_;
};

}  // namespace capbroker
