// Rendering of values to messages: the only place where values become messages.
#pragma once

#include <cstdint>

#include "broker/deciding/lint.h"
#include "broker/deciding/plan.h"
#include "broker/trail/book.h"
#include "broker/trail/commitment.h"
#include "broker/values/provider.h"
#include "capbroker/v1/agreement.pb.h"
#include "capbroker/v1/allocation.pb.h"
#include "capbroker/v1/capacity_request.pb.h"
#include "capbroker/v1/commitment.pb.h"
#include "capbroker/v1/decision.pb.h"
#include "capbroker/v1/finding.pb.h"
#include "capbroker/v1/offer.pb.h"
#include "capbroker/v1/provider.pb.h"
#include "capbroker/v1/route.pb.h"
#include "capbroker/v1/trigger.pb.h"
#include "capbroker/v1/waiver.pb.h"
#include "storage/ledger.h"

namespace capbroker {

// The owner's part of the request, without results: as a caller sends it.
void RenderAsked(const Request& request, v1::CapacityRequest* out);

// Each fills an empty message. `now` is the broker's clock, for remaining times and what is in
// force.
void Render(const Terms& terms, v1::Terms* out);
void Render(const OwnerId& owner, const RequestBook& request, Instant now,
            v1::CapacityRequest* out);
// R9: in an open sealed round, only the bidder sees its bid.
enum class Viewer { kAddressee, kOther };
void Render(const OwnerId& owner, const RequestBook& request, const Offer& offer, Instant now,
            Viewer viewer, v1::Offer* out);
// The state of the allocation that the offer led to; STATE_UNSPECIFIED if there is none.
v1::Allocation::State AllocationStateOf(const RequestBook& request, const Offer& offer,
                                        Instant now);
// `offer` has an allocation.
void Render(const OwnerId& owner, const RequestBook& request, const Offer& offer, Instant now,
            v1::Allocation* out);
void Render(const OwnerId& owner, const Request& request, const Plan& plan, v1::Plan* out);

// What it says, as a caller sends it.
void Render(const AgreementVersion& version, v1::AgreementVersion* out);
void Render(const Clause& clause, v1::Clause* out);
// And where it stands.
void Render(const Account& account, const AgreementVersion& version, Instant now,
            v1::AgreementVersion* out);
// `latest` is the newest version.
void Render(const OwnerId& owner, const Account& account, const AgreementVersion& latest,
            Instant now, v1::Agreement* out);

void Render(const OwnerId& owner, const Account& account, const GrantedWaiver& waiver,
            v1::GrantedWaiver* out);
void Render(const OwnerId& owner, const Assertion& trigger, v1::TriggerAssertion* out);
void Render(const Finding& finding, v1::Finding* out);
// `statement` has a clause.
void Render(const OwnerId& owner, const CommitmentStatement& statement, Instant now,
            v1::CommitmentStatement* out);

// kPublic: name, display name, members and state. Prices, affiliates and addresses are known to the
// provider and operators only.
enum class Detail { kPublic, kAll };
void Render(const Provider& provider, Detail detail, v1::Provider* out);

// DATA_LOSS if the text is not an act's.
absl::Status Render(const SealedAct& sealed, v1::Act* out);
// `book` is null for an owner without a trail.
void Render(const OwnerId& owner, const BookRow* book, v1::Checkpoint* out);

v1::CapacityRequest::State Rendered(RequestState state);
v1::Offer::State Rendered(OfferState state);
v1::Offer::Kind Rendered(OfferKind kind);
v1::TriggerAssertion::State Rendered(TriggerState state);
v1::DeclineReason Rendered(DeclineReason reason);
v1::Allocation::State Rendered(AllocationState state);  // kNone: STATE_UNSPECIFIED.

}  // namespace capbroker
