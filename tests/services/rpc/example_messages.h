// Messages that are right as they stand, for tests to spoil.
#pragma once

#include <string>

#include "capbroker/v1/agreement_service.pb.h"
#include "capbroker/v1/capacity_request_service.pb.h"
#include "capbroker/v1/offer_service.pb.h"
#include "capbroker/v1/provider_service.pb.h"

namespace capbroker {

inline constexpr char kRequestName[] =
    "owners/openai/capacityRequests/0194c5a0-1e00-7abc-8def-0123456789ab";
inline constexpr int64_t kStartSeconds = 1'800'000'000;  // Of the delivery.

inline v1::CapacityRequest GoodRequest() {
  v1::CapacityRequest request;
  (*request.mutable_labels())["team"] = "inference";
  v1::Segment* segment = request.add_segments();
  segment->set_workload_class("PRODUCT_INFERENCE");
  segment->set_purpose("SERVING");
  segment->set_quantity(8000);
  v1::Terms* terms = request.mutable_terms();
  terms->set_resource_type("h100");
  terms->set_region("us-east");
  terms->set_quantity(8000);
  terms->set_unit("gpu");
  terms->mutable_start_time()->set_seconds(kStartSeconds);
  terms->mutable_end_time()->set_seconds(kStartSeconds + 30 * 24 * 3600);
  terms->mutable_unit_price()->set_currency_code("USD");
  terms->mutable_unit_price()->set_units(2);
  terms->mutable_unit_price()->set_nanos(500'000'000);
  terms->set_availability_ppm(999'000);
  terms->add_conditions("liquid-cooled");
  request.mutable_price_cap()->set_currency_code("USD");
  request.mutable_price_cap()->set_units(3);
  request.set_splittable(true);
  request.set_smallest_useful_quantity(100);
  request.mutable_fallback_policy()->set_kind(v1::FallbackPolicy::KIND_SEQUENTIAL);
  request.mutable_fallback_policy()->add_providers("providers/coreweave");
  request.mutable_fallback_policy()->mutable_step_window()->set_seconds(600);
  request.mutable_needed_by_time()->set_seconds(kStartSeconds - 10);
  request.mutable_expire_time()->set_seconds(kStartSeconds);
  return request;
}

inline v1::CreateCapacityRequestRequest GoodCreate() {
  v1::CreateCapacityRequestRequest create;
  create.set_parent("owners/openai");
  *create.mutable_capacity_request() = GoodRequest();
  create.set_request_id("key-1");
  return create;
}

inline v1::AcceptOfferRequest GoodAccept() {
  v1::AcceptOfferRequest accept;
  accept.set_name(std::string(kRequestName) + "/offers/1");
  accept.set_request_id("key-1");
  accept.set_terms_hash(std::string(32, 'h'));
  accept.set_quantity(5000);
  return accept;
}

inline v1::DeclineOfferRequest GoodDecline() {
  v1::DeclineOfferRequest decline;
  decline.set_name(std::string(kRequestName) + "/offers/1");
  decline.set_request_id("key-1");
  decline.mutable_decline()->set_reason(v1::DECLINE_REASON_PRICE);
  decline.mutable_decline()->set_text("too cheap");
  decline.mutable_decline()->mutable_cool_down()->set_seconds(3600);
  return decline;
}

// One clause of each kind.
inline v1::AgreementVersion GoodVersion() {
  v1::AgreementVersion version;
  version.mutable_effective_from()->set_seconds(1'700'000'000);
  version.set_text("as signed");
  v1::Clause* exclusivity = version.add_clauses();
  exclusivity->set_id("C1");
  exclusivity->mutable_scope()->add_workload_classes("API_SERVING");
  v1::Asking* sole = exclusivity->mutable_exclusivity()->mutable_asking();
  sole->mutable_window()->mutable_duration()->set_seconds(3600);
  v1::Clause* refusal = version.add_clauses();
  refusal->set_id("C2");
  v1::Scope* scope = refusal->mutable_scope();
  scope->add_purposes("SERVING");
  scope->add_resource_types("h100");
  scope->add_regions("us-east");
  scope->set_new_capacity_only(true);
  scope->set_min_quantity(10);
  scope->mutable_delivery_start_time()->set_seconds(1'700'000'000);
  scope->mutable_delivery_end_time()->set_seconds(1'900'000'000);
  v1::FirstRefusal* first = refusal->mutable_first_refusal();
  first->set_mode(v1::FirstRefusal::MODE_FIRST_OFFER);
  v1::Asking* asking = first->mutable_asking();
  asking->mutable_window()->mutable_duration()->set_seconds(7200);
  first->set_priority(3);
  asking->mutable_parts()->set_allowed(true);
  asking->mutable_parts()->set_min_quantity(1000);
  asking->mutable_parts()->set_quantity_step(500);
  first->set_price_tolerance_ppm(20'000);
  first->mutable_start_tolerance()->set_seconds(86'400);
  asking->mutable_toll_over()->set_seconds(300);
  v1::Clause* waiver = version.add_clauses();
  waiver->set_id("C3");
  waiver->mutable_scope()->add_purposes("RESEARCH");
  waiver->mutable_waiver()->add_lifted_clause_ids("C2");
  waiver->mutable_waiver()->set_min_share_ppm(500'000);
  waiver->mutable_waiver()->set_covers(v1::Waiver::COVERED_SEGMENTS);
  waiver->mutable_waiver()->set_cap_quantity(100'000);
  waiver->mutable_waiver()->mutable_start_time()->set_seconds(1'700'000'001);
  waiver->mutable_waiver()->mutable_end_time()->set_seconds(1'800'000'001);
  v1::Clause* commitment = version.add_clauses();
  commitment->set_id("C4");
  commitment->mutable_commitment()->mutable_amount()->set_currency_code("USD");
  commitment->mutable_commitment()->mutable_amount()->set_units(250'000'000'000);
  v1::Clause* term = version.add_clauses();
  term->set_id("C5");
  term->mutable_term()->mutable_end_time()->set_seconds(1'950'000'000);
  v1::Clause* noted = version.add_clauses();
  noted->set_id("C6");
  noted->set_text("Revenue share, IP access.");
  noted->mutable_noted();
  return version;
}

inline v1::CreateAgreementRequest GoodAgreement() {
  v1::CreateAgreementRequest create;
  create.set_parent("owners/openai");
  create.set_agreement_id("azure-2019");
  create.mutable_agreement()->set_holder("providers/azure");
  *create.mutable_first_version() = GoodVersion();
  create.set_request_id("key-1");
  return create;
}

inline v1::Provider GoodProvider() {
  v1::Provider provider;
  provider.set_display_name("Stargate, by Oracle");
  provider.add_members("Oracle");
  provider.add_affiliates("providers/stargate-softbank");
  v1::Rate* rate = provider.add_rates();
  rate->set_resource_type("h100");
  rate->set_region("us-east");
  rate->mutable_unit_price()->set_currency_code("USD");
  rate->mutable_unit_price()->set_nanos(990'000'000);
  provider.add_rates()->set_resource_type("h200");
  provider.mutable_endpoint()->set_address("desk.stargate.example:7430");
  provider.mutable_endpoint()->set_server_name("spiffe://example.org/provider/stargate-oracle");
  return provider;
}

inline v1::RegisterProviderRequest GoodRegister() {
  v1::RegisterProviderRequest add;
  add.set_provider_id("stargate-oracle");
  *add.mutable_provider() = GoodProvider();
  add.set_request_id("key-1");
  return add;
}

}  // namespace capbroker
