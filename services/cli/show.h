// The broker's answers as text: tables, and single resources.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <string_view>

#include "capbroker/v1/agreement_service.pb.h"
#include "capbroker/v1/capacity_request.pb.h"
#include "capbroker/v1/decision.pb.h"
#include "capbroker/v1/provider.pb.h"
#include "capbroker/v1/route.pb.h"

namespace capbroker {

template <class T>
using Items = google::protobuf::RepeatedPtrField<T>;

std::string ShowRequests(const Items<v1::CapacityRequest>& requests);
std::string ShowOffers(const Items<v1::Offer>& offers);
std::string ShowProviders(const Items<v1::Provider>& providers);
std::string ShowAgreements(const Items<v1::Agreement>& agreements);

// One request: what is needed, its state, routes, offers, allocations and reasons.
std::string ShowRequest(const v1::CapacityRequest& request);
std::string ShowOffer(const v1::Offer& offer);
std::string ShowAllocation(const v1::Allocation& allocation);
std::string ShowPlan(const v1::Plan& plan);

// One row per decision, in the words of broker/trail/describe.h; each row repeats the act's number,
// time and actor.
std::string ShowTrail(const Items<v1::Act>& acts);

std::string ShowWaivers(const Items<v1::GrantedWaiver>& waivers);
std::string ShowTriggers(const Items<v1::TriggerAssertion>& triggers);
std::string ShowStatement(const v1::CommitmentStatement& statement);
std::string ShowEntries(const Items<v1::CommitmentEntry>& entries);
std::string ShowFindings(const Items<v1::Finding>& findings);

// One line per change, for a watch.
std::string ShowChange(const v1::CapacityRequest& request);
std::string ShowChange(const v1::Offer& offer);

// "FULFILLED".
std::string ShowState(v1::CapacityRequest::State state);
std::string ShowState(v1::Offer::State state);
bool IsFinished(v1::CapacityRequest::State state);

// "azure/2/C2"; empty if unset.
std::string Show(const v1::ClauseRef& clause);
// The value without its enum's prefix: "OPEN" of STATE_OPEN, "-" of STATE_UNSPECIFIED.
std::string ShowEnum(std::string_view name, std::string_view prefix);

}  // namespace capbroker
