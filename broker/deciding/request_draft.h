// One request under decision: decisions are drafted and folded one after the other on a copy, which
// then goes on by itself as far as it can. Holders are in request_draft_rights.cc, alternatives in
// request_draft_fallback.cc, allocations in request_draft_holds.cc.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/deciding/decide.h"
#include "broker/routing/fallback.h"
#include "broker/routing/route.h"
#include "broker/trail/book.h"
#include "broker/trail/decision.h"
#include "broker/trail/dues.h"
#include "broker/values/provider.h"

namespace capbroker {

class RequestDraft {
 public:
  // `request` is copied; null for one that is being received. All references outlive the draft.
  RequestDraft(const Book& book, const Directory& directory, const RequestBook* request,
               Instant now);

  const RequestBook& request() const { return request_; }
  const Account& account() const { return account_ ? *account_ : book_.account; }

  // What was drafted, and the request as that leaves it. INTERNAL (reason BROKER_FAULT) if it
  // broke the core's own word (guards.h): then nothing of it is to be recorded.
  absl::StatusOr<Verdict> Conclude(absl::Status refusal = absl::OkStatus());

  // Drafts one decision.
  void Add(Decision decision);
  // A decision about an offer, with the offer's lineage, number, provider and clause.
  static Decision About(Kind kind, const Offer& offer);

  // The lineages of what is to be routed, with the evidence. `replaces` is the lineage whose free
  // units they are, 0 for none; `left_by` who gave them back (R15) or did not take what was waived
  // for it alone (R20).
  void AddRoutes(const Routing& routing, uint32_t replaces, const ProviderId& left_by = {});
  // Opens whatever is next on each lineage; when nothing is left to ask, settles the request.
  void Advance();
  // R31. Carries out what time alone has brought by `now`, in its order, and goes on.
  void PassTime();

  // Places what the offer promised with its provider: hold, reservation.
  void Hold(uint32_t offer);
  // R15: before it was confirmed.
  void WithdrawHold(uint32_t offer, std::string_view text);
  // ALLOCATION_RELEASED, _EXPIRED or _WITHDRAWN, with what it frees of commitments and waivers.
  void GiveUp(Kind kind, uint32_t offer, std::string_view reason, std::string_view text);
  void ConfirmHold(uint32_t offer);
  // After a right's offer ended with something left: the right over the remainder is waived, or
  // blocks (R5, R19). Nothing for other offers.
  void EndRight(uint32_t offer, std::string_view reason);
  // R6. After a holder took a part of what it was asked: its right over the rest is waived on these
  // terms. Nothing after a match or an exchange, which were about less than the lot.
  void WaiveRemainder(uint32_t offer);
  // R9: the offer's provider stays in reserve with what it promised.
  void KeepInReserve(uint32_t offer, int64_t quantity, std::string_view reason);
  // R26: a late acceptance in reserve is taken at once where nobody else is asked.
  void PromoteWaiting();
  // An alternative's counter is not taken.
  void LeaveCounter(uint32_t offer);

  // Ends every open offer, and tells those who are chosen, kept in reserve or have countered.
  void RescindOffers(std::string_view reason);
  void EndHolds(Kind kind, std::string_view reason);  // ALLOCATION_RELEASED or _EXPIRED.
  // R20: units that were drawn of waivers, and are not placed, go back.
  void RestoreWaivers();

  void Supersede(uint32_t offer, std::string_view reason);
  void Lose(uint32_t offer, std::string_view reason);
  // R13: whether the latest version would ask the offer's provider for something else,
  bool IsOutdated(uint32_t offer) const;
  // and whether at more than its cap.
  bool IsAboveCap(uint32_t offer) const;
  // R13: the superseded offer goes on, on the terms of the latest version, until its own deadline
  // and for `least` at least. Nothing is opened where nothing is left to ask for.
  void OpenSuccessor(uint32_t offer, Span least);

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
    bool continues = false;
    uint32_t replaces = 0;
    uint32_t matches = 0;
    Instant deadline{};
  };
  const Lineage& LineageOf(uint32_t number) const { return request_.lineages[number - 1]; }
  const Offer& OfferOf(uint32_t number) const { return request_.offers[number - 1]; }
  const Clause& ClauseOf(const ClauseRef& ref) const { return *account().Find(ref); }
  const Asking& AskingUnder(const ClauseRef& ref) const { return *AskingOf(ClauseOf(ref)); }
  const FirstRefusal& FirstRefusalOf(const ClauseRef& ref) const {
    return *As<FirstRefusal>(ClauseOf(ref));
  }
  const ProviderId& HolderOf(const ClauseRef& ref) const {
    return account().Find(ref.agreement, ref.version)->holder;
  }
  bool IsExpired() const { return now_ > request_.request->expiry; }
  // The draft is sound so far; where it is not, nothing more is to be drafted.
  bool IsSound() const { return fault_.ok(); }

  void Open(uint32_t lineage, Question question);
  void AdvanceLineage(uint32_t lineage);
  // Whether the lot waits for an answer: of who is asked, or of the owner to a counter.
  bool HasOpenOffer(uint32_t lineage) const;
  bool Settle();
  void End(Kind kind, std::string_view reason);
  void EndExpired();
  void Carry(const Due& due);
  Terms LatestTermsOf(const Offer& offer, int64_t quantity) const;
  std::vector<Passed> Reasons() const;

  // The free units of a lineage, or these of them, are routed anew.
  void Reroute(uint32_t lineage);
  void RerouteUnits(uint32_t lineage, const SegmentList& units, const ProviderId& left_by);
  void RestoreWaiversOf(uint32_t lineage, const SegmentList& units, std::string_view reason);

  // Rights.
  bool AdvanceRights(uint32_t lineage);
  bool HasRefusedUnderAnother(uint32_t lineage, const ClauseRef& ref,
                              const ProviderId& holder) const;
  void AskHolder(uint32_t lineage, const ClauseRef& ref, OfferKind kind);
  bool Lift(uint32_t lineage, const ClauseRef& ref);
  void WaiveWithdrawn(uint32_t lineage, const ClauseRef& ref);
  void PassOverHolder(uint32_t lineage, const ClauseRef& ref, std::string_view reason);
  Instant DeadlineUnder(const ClauseRef& ref, const Window& window) const;
  bool Match(uint32_t selected);
  enum class Matched { kPassed, kAsked, kLost };
  Matched MatchUnder(uint32_t selected, const Right& right);
  const Offer* LastRefusal(uint32_t lineage, const ClauseRef& ref) const;
  void Revive(uint32_t lineage, const ClauseRef& ref);
  void Unblock(uint32_t lineage);
  bool IsLifted(uint32_t lineage) const;

  // Alternatives.
  bool AdvanceFallback(uint32_t lineage);
  bool AdvanceExhausted(uint32_t lineage);
  bool Promote(uint32_t lineage, bool late);
  bool AskAlternatives(uint32_t lineage, int64_t width);
  ProviderId WaivedFor(const Lineage& lineage) const;
  bool CloseBids(uint32_t lineage);
  std::string_view WhyDisqualified(const Offer& bid, const std::vector<ProviderId>& better) const;
  std::vector<Figure> OtherTermsOf(const Offer& bid) const;
  // The part of the offer's promise that what is left of the lot takes (R9); 0: none of it.
  int64_t TakenOf(const Offer& offer, int64_t left) const;

  // Allocations.
  void Reserve(const Offer& offer, int64_t quantity);
  void Free(Kind kind, const Offer& offer, const Draw& draw, int64_t micros);
  void ExpireHold(uint32_t offer, std::string_view reason);
  void ConfirmHolds();
  void TellLosers(uint32_t lineage);
  int64_t UnusedShare(const Offer& offer, const Money& drawn) const;
  void AdvanceExchanges();
  void AskConsents();
  void OpenExchange(uint32_t offer);

  const Book& book_;
  const Directory& directory_;
  const Instant now_;
  std::shared_ptr<RequestBook> draft_;
  RequestBook& request_;            // The draft.
  std::optional<Account> account_;  // Copied when a decision first touches it.
  std::vector<Decision> decisions_;
  absl::Status fault_;
};

}  // namespace capbroker
