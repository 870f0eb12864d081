#include "broker/deciding/guards.h"

#include <algorithm>

#include "broker/trail/fold.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// What the lineage's allocations and open questions say of its units, against where they are.
absl::Status CheckUnits(const RequestBook& request, const Lineage& lineage) {
  int64_t held = 0, confirmed = 0;
  for (const Offer& offer : request.offers) {
    if (offer.lineage != lineage.number) continue;
    const int64_t units = SumOf(offer.allocation.segments);
    if (offer.allocation.state == AllocationState::kHeld) held += units;
    if (offer.allocation.state == AllocationState::kConfirmed) confirmed += units;
  }
  const Units& units = lineage.units;
  const bool adds_up = units.At(Place::kHeld) == held && units.At(Place::kConfirmed) == confirmed &&
                       SumOf(lineage.unplaced) == units.Unplaced();
  if (adds_up) return absl::OkStatus();
  return absl::InternalError(Cat("lineage ", lineage.number, " holds ", units.At(Place::kHeld),
                                 ", want ", held, "; confirmed ", units.At(Place::kConfirmed),
                                 ", want ", confirmed, "; unplaced ", units.Unplaced(), ", want ",
                                 SumOf(lineage.unplaced)));
}

absl::Status CheckRights(const RequestBook& request, const Decision& held) {
  const Offer& offer = request.offers[held.offer - 1];
  if (offer.clause.IsSet()) return absl::OkStatus();
  const std::vector<Right>& rights = request.lineages[offer.lineage - 1].rights;
  for (size_t i = offer.rights_passed; i < rights.size(); ++i) {
    if (rights[i].state == Right::State::kEnded) continue;
    return absl::InternalError(Cat("offer ", offer.number, " to ", offer.provider.value,
                                   " is held while the right ", Format(rights[i].clause),
                                   " stands before it"));
  }
  return absl::OkStatus();
}

absl::Status CheckBalances(const Account& account) {
  for (const CommitmentBalance& balance : account.commitments) {
    if (balance.reserved.micros >= 0 && balance.drawn.micros >= 0 && balance.Left().micros >= 0)
      continue;
    return absl::InternalError(Cat("commitment ", balance.agreement.value, "/",
                                   balance.clause.value, ": reserved ", Format(balance.reserved),
                                   ", drawn ", Format(balance.drawn), " of ",
                                   Format(balance.committed)));
  }
  for (const WaiverUse& use : account.waivers) {
    if (use.drawn < 0)
      return absl::InternalError(
          Cat("waiver ", use.agreement.value, "/", use.clause.value, ": drawn ", use.drawn));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckAct(const RequestBook& request, const Account& account,
                      const std::vector<Decision>& decisions) {
  bool touches_account = false;
  for (const Decision& decision : decisions) {
    touches_account |= TouchesAccount(decision);
    if (decision.kind != Kind::ALLOCATION_HELD) continue;
    if (absl::Status status = CheckRights(request, decision); !status.ok()) return status;
  }
  for (const Lineage& lineage : request.lineages) {
    if (absl::Status status = CheckUnits(request, lineage); !status.ok()) return status;
  }
  return touches_account ? CheckBalances(account) : absl::OkStatus();
}

}  // namespace capbroker
