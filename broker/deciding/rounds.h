// One request under decision: decisions are drafted on a copy, and the rounds go on by themselves
// as far as they can. Rights are in rounds_rights.cc, alternatives in rounds_fallback.cc,
// allocations in rounds_hold.cc.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/deciding/decide.h"
#include "broker/routing/fallback.h"
#include "broker/routing/route.h"
#include "broker/trail/book.h"
#include "broker/trail/decision.h"
#include "broker/values/provider.h"

namespace capbroker {

// Units of waivers drawn for what remains of the lineage: they are not drawn twice when it is
// routed again.
std::vector<WaiverUse> CreditOf(const Lineage& lineage);

class Rounds {
 public:
  // `request` is copied; null for one that is being received. All references outlive the rounds.
  Rounds(const Book& book, const Directory& directory, const RequestBook* request, Instant now);

  const RequestBook& request() const { return request_; }
  const Account& account() const { return account_ ? *account_ : book_.account; }
  // What was drafted, and the request as that leaves it.
  Verdict Conclude(absl::Status refusal = absl::OkStatus());

  // Drafts one decision.
  void Add(Decision decision);
  // A decision about an offer, with the offer's lineage, number, provider and clause.
  static Decision About(Kind kind, const Offer& offer);

  // The lineages of what is to be routed, with the evidence. `replaces` is the lineage whose
  // remainder it was; 0: none. `credit`: units of waivers that count as drawn already.
  void AddRoutes(const Routing& routing, uint32_t replaces, const std::vector<WaiverUse>& credit);
  // Opens whatever is next on each lineage; when nothing is left to ask, settles the request.
  void Advance();
  // What the clock has ended by `now`: offers, counters, holds, withdrawals, rights waived for a
  // time, blocks.
  void EndWhatIsOver();

  // Places what the offer promised with its provider: hold, reservation.
  void Hold(uint32_t offer);
  // Ends a hold as a decline would, for this reason (R14).
  void ExpireHold(uint32_t offer, std::string_view reason);
  // R15: before it was confirmed.
  void WithdrawHold(uint32_t offer, std::string_view text);
  // ALLOCATION_RELEASED, _EXPIRED or _WITHDRAWN, with what it frees of a commitment.
  void GiveUp(Kind kind, const Offer& offer, std::string_view reason, std::string_view text);
  void ConfirmHold(uint32_t offer);
  // The holds that wait for nobody.
  void ConfirmHolds();
  // After a right's offer ended with something left: the right over the remainder is waived, or
  // blocks (R5, R19). Nothing for other offers.
  void EndRight(uint32_t offer, std::string_view reason);
  // R9: the offer's provider stays in reserve with what it promised.
  void KeepInReserve(uint32_t offer, int64_t quantity, std::string_view reason);
  // R26: a late acceptance in reserve is taken at once where nobody else is asked.
  void PromoteWaiting();

  // Ends every open offer, and tells those who are chosen or kept in reserve; ends every hold.
  void RescindOffers(std::string_view reason);
  void EndHolds(Kind kind, std::string_view reason);  // ALLOCATION_RELEASED or _EXPIRED.

  void Supersede(uint32_t offer, std::string_view reason);
  // R13: whether the latest version would ask the offer's provider for something else,
  bool IsOutdated(uint32_t offer) const;
  // and whether at more than its cap.
  bool IsAboveCap(uint32_t offer) const;
  // R13: the superseded offer goes on, on the terms of the latest version, until its own deadline
  // and for `least` at least.
  void OpenSuccessor(uint32_t offer, Span least);
  // R13: what stands of the offer is to be exchanged for the latest version's terms, if its
  // provider agrees. Nothing where it stands on them already, its provider is asked or has refused
  // them, or the price is above the cap.
  void OpenExchange(uint32_t offer);
  // The lineage's remainder is routed anew, as far as it can (R15, R19).
  void Reroute(uint32_t lineage);

  // Every provider that was asked or passed over and did not take all, with its reason (R16).
  std::vector<Passed> Reasons() const;

 private:
  struct Question {
    OfferKind kind = OfferKind::kAlternative;
    ProviderId provider{};
    ClauseRef clause{};
    int64_t quantity = 0;
    Parts parts{};
    Money unit_price{};
    std::shared_ptr<const Terms> terms{};
    bool sealed = false;
    uint32_t replaces = 0;
    Instant deadline{};
  };
  const Lineage& LineageOf(uint32_t number) const { return request_.lineages[number - 1]; }
  const Offer& OfferOf(uint32_t number) const { return request_.offers[number - 1]; }
  void Open(uint32_t lineage, Question question);
  void AdvanceLineage(uint32_t lineage);
  bool HasOpenOffer(uint32_t lineage) const;
  std::vector<int64_t> RemainderOf(const Lineage& lineage) const;
  bool Settle();
  Terms LatestTermsOf(const Offer& offer, int64_t quantity) const;

  // Rights.
  bool AdvanceRights(uint32_t lineage);
  bool HasRefusedUnderAnother(uint32_t lineage, const ClauseRef& ref,
                              const ProviderId& holder) const;
  void AskHolder(uint32_t lineage, const ClauseRef& ref, OfferKind kind);
  void PassOverHolder(uint32_t lineage, const ClauseRef& ref, std::string_view reason);
  Instant DeadlineUnder(const ClauseRef& ref, const Window& window) const;
  bool Match(uint32_t lineage);
  bool MatchUnder(uint32_t lineage, const ClauseRef& ref);
  const Offer* LastRefusal(uint32_t lineage, const ClauseRef& ref) const;
  void Revive(uint32_t lineage, const ClauseRef& ref);
  void Unblock(uint32_t lineage);

  // Alternatives.
  bool AdvanceFallback(uint32_t lineage);
  bool AdvanceExhausted(uint32_t lineage);
  bool Promote(uint32_t lineage, bool late);
  bool AskAlternatives(uint32_t lineage, int64_t width);
  bool HasSealedOffer(uint32_t lineage) const;
  bool CloseBids(uint32_t lineage);
  std::string_view WhyDisqualified(const Offer& offer, const std::vector<ProviderId>& better) const;

  // Allocations.
  void Reserve(const Offer& offer, int64_t quantity);
  void FreeCommitment(Kind kind, const Offer& offer, int64_t micros);
  void TellLosers(uint32_t lineage);
  int64_t UnusedShare(const Offer& offer) const;

  const Book& book_;
  const Directory& directory_;
  const Instant now_;
  std::shared_ptr<RequestBook> draft_;
  RequestBook& request_;            // The draft.
  std::optional<Account> account_;  // Copied when a decision first touches it.
  std::vector<Decision> decisions_;
};

}  // namespace capbroker
