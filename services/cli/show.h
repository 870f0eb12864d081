// The broker's answers as text for people: tables, and one resource at a time.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "capbroker/v1/agreement.pb.h"
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

// One request: what is needed, how far it has come, its routes, offers, allocations and reasons.
std::string ShowRequest(const v1::CapacityRequest& request);
std::string ShowOffer(const v1::Offer& offer);
std::string ShowAllocation(const v1::Allocation& allocation);
std::string ShowPlan(const v1::Plan& plan);

// One row a decision, in the words of broker/trail/describe.h; an act's number, time and actor on
// each of its rows.
std::string ShowTrail(const Items<v1::Act>& acts);

// For a watch: one line a change.
std::string ShowChange(const v1::CapacityRequest& request);
std::string ShowChange(const v1::Offer& offer);

// FULFILLED, "PARTIALLY_FULFILLED".
std::string ShowState(v1::CapacityRequest::State state);
std::string ShowState(v1::Offer::State state);
bool IsFinished(v1::CapacityRequest::State state);

}  // namespace capbroker
