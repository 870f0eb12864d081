// An error names every malformed field, with what was got and what was wanted.
#include "services/messages/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "broker/values/refusal.h"
#include "services/messages/errors.h"
#include "tests/services/rpc/example_messages.h"

namespace capbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Spoiled {
  const char* field;
  const char* got;
  const char* want;
  std::function<absl::Status()> parse;
};

// Parses `message` after `spoil` changed it.
template <class Message>
std::function<absl::Status()> With(Message message, const std::function<void(Message&)>& spoil) {
  spoil(message);
  return [message] { return Parse(message).status(); };
}
auto Create(const std::function<void(v1::CreateCapacityRequestRequest&)>& spoil) {
  return With(GoodCreate(), spoil);
}
auto Request(const std::function<void(v1::CapacityRequest&)>& spoil) {
  return Create([&](auto& m) { spoil(*m.mutable_capacity_request()); });
}
auto Accept(const std::function<void(v1::AcceptOfferRequest&)>& spoil) {
  return With(GoodAccept(), spoil);
}
auto Decline(const std::function<void(v1::DeclineOfferRequest&)>& spoil) {
  return With(GoodDecline(), spoil);
}
auto Agreement(const std::function<void(v1::CreateAgreementRequest&)>& spoil) {
  return With(GoodAgreement(), spoil);
}
v1::Asking& AskingIn(v1::AgreementVersion& version) {
  return *version.mutable_clauses(1)->mutable_first_refusal()->mutable_asking();
}
auto Version(const std::function<void(v1::AgreementVersion&)>& spoil) {
  return Agreement([&](auto& m) { spoil(*m.mutable_first_version()); });
}
auto Register(const std::function<void(v1::RegisterProviderRequest&)>& spoil) {
  return With(GoodRegister(), spoil);
}
auto Registered(const std::function<void(v1::Provider&)>& spoil) {
  return Register([&](auto& m) { spoil(*m.mutable_provider()); });
}

const std::string kLong(300, 'x');

std::vector<Spoiled> Table() {
  using std::string;
  return {
      // Names, parents and keys.
      {"parent", "\"\"", "owners/{owner}", Create([](auto& m) { m.clear_parent(); })},
      {"parent", "\"owners/OpenAI\"", "owners/{owner}",
       Create([](auto& m) { m.set_parent("owners/OpenAI"); })},
      {"parent", "\"owners/openai/\"", "owners/{owner}",
       Create([](auto& m) { m.set_parent("owners/openai/"); })},
      {"parent", "\"providers/openai\"", "owners/{owner}",
       Create([](auto& m) { m.set_parent("providers/openai"); })},
      {"parent", "\"owners/openai\\x00\"", "owners/{owner}",
       Create([](auto& m) { m.set_parent(string("owners/openai\0", 14)); })},
      {"request_id", "nothing", "1 to 128", Create([](auto& m) { m.clear_request_id(); })},
      {"request_id", "\"a b\"", "without spaces", Create([](auto& m) { m.set_request_id("a b"); })},
      {"request_id", "\"k\\xc3\"", "printable ASCII",
       Create([](auto& m) { m.set_request_id("k\xc3"); })},
      {"request_id", "bytes more", "1 to 128",
       Create([](auto& m) { m.set_request_id(string(129, 'k')); })},
      {"name", "\"owners/openai\"", "offers/{number}",
       Accept([](auto& m) { m.set_name("owners/openai"); })},
      {"name", "/offers/0\"", "offers/{number}",
       Accept([](auto& m) { m.set_name(string(kRequestName) + "/offers/0"); })},
      {"name", "/offers/01\"", "offers/{number}",
       Accept([](auto& m) { m.set_name(string(kRequestName) + "/offers/01"); })},
      {"name", "/offers/9999999999\"", "offers/{number}",
       Accept([](auto& m) { m.set_name(string(kRequestName) + "/offers/9999999999"); })},
      {"name", "/allocations/1\"", "offers/{number}",
       Accept([](auto& m) { m.set_name(string(kRequestName) + "/allocations/1"); })},
      {"name", "capacityRequests/7", "the request a UUID",
       With(v1::GetCapacityRequestRequest(), std::function([](v1::GetCapacityRequestRequest& m) {
              m.set_name("owners/openai/capacityRequests/7");
            }))},
      {"name", "\"owners/openai/agreements/-\"", "agreements/{agreement}",
       With(v1::GetAgreementRequest(), std::function([](v1::GetAgreementRequest& m) {
              m.set_name("owners/openai/agreements/-");
            }))},
      {"name", "\"azure\"", "providers/{provider}",
       With(v1::GetProviderRequest(),
            std::function([](v1::GetProviderRequest& m) { m.set_name("azure"); }))},
      {"name", "0123456789ab\"", "a request of \"owners/other\"",
       With(v1::WatchCapacityRequestsRequest(),
            std::function([](v1::WatchCapacityRequestsRequest& m) {
              m.set_parent("owners/other");
              m.set_name(kRequestName);
            }))},
      {"parent", "\"owners\"", "or providers",
       With(v1::ListDecisionsRequest(),
            std::function([](v1::ListDecisionsRequest& m) { m.set_parent("owners"); }))},
      {"owner", "0123456789ab\"", "or providers",
       With(v1::GetCheckpointRequest(),
            std::function([](v1::GetCheckpointRequest& m) { m.set_owner(kRequestName); }))},

      // Terms.
      {"capacity_request.terms.resource_type", "\"\"", "an id",
       Request([](auto& m) { m.mutable_terms()->clear_resource_type(); })},
      {"capacity_request.terms.resource_type", "\"H100\"", "an id",
       Request([](auto& m) { m.mutable_terms()->set_resource_type("H100"); })},
      {"capacity_request.terms.region", "\"us-east-\"", "no '-' last",
       Request([](auto& m) { m.mutable_terms()->set_region("us-east-"); })},
      {"capacity_request.terms.unit", "\"g\\x0apu\"", "an id",
       Request([](auto& m) { m.mutable_terms()->set_unit("g\npu"); })},
      {"capacity_request.terms.quantity", "-1", "0 to 1000000000000",
       Request([](auto& m) { m.mutable_terms()->set_quantity(-1); })},
      {"capacity_request.terms.quantity", "1000000000001", "0 to 1000000000000",
       Request([](auto& m) { m.mutable_terms()->set_quantity(1'000'000'000'001); })},
      {"capacity_request.terms.start_time", "0 seconds", "after 1970",
       Request([](auto& m) { m.mutable_terms()->clear_start_time(); })},
      {"capacity_request.terms.start_time", "-5 seconds", "after 1970",
       Request([](auto& m) { m.mutable_terms()->mutable_start_time()->set_seconds(-5); })},
      {"capacity_request.terms.end_time", "9223372036854775807 seconds", "before the year 10000",
       Request([](auto& m) { m.mutable_terms()->mutable_end_time()->set_seconds(INT64_MAX); })},
      {"capacity_request.terms.end_time", "1000000000 nanos", "nanos 0 to 999999999",
       Request([](auto& m) { m.mutable_terms()->mutable_end_time()->set_nanos(1'000'000'000); })},
      {"capacity_request.terms.end_time", "-1 nanos", "nanos 0 to 999999999",
       Request([](auto& m) { m.mutable_terms()->mutable_end_time()->set_nanos(-1); })},
      {"capacity_request.terms.unit_price.currency_code", "\"\"", "three capital letters",
       Request([](auto& m) { m.mutable_terms()->clear_unit_price(); })},
      {"capacity_request.terms.unit_price.currency_code", "\"usd\"", "three capital letters",
       Request([](auto& m) { m.mutable_terms()->mutable_unit_price()->set_currency_code("usd"); })},
      {"capacity_request.terms.unit_price.nanos", "500", "a multiple of 1000",
       Request([](auto& m) { m.mutable_terms()->mutable_unit_price()->set_nanos(500); })},
      {"capacity_request.terms.unit_price.nanos", "-500000000", "of the same sign",
       Request([](auto& m) { m.mutable_terms()->mutable_unit_price()->set_nanos(-500'000'000); })},
      {"capacity_request.terms.unit_price.nanos", "1000000000", "999999000",
       Request([](auto& m) { m.mutable_terms()->mutable_unit_price()->set_nanos(1'000'000'000); })},
      {"capacity_request.terms.unit_price.units", "9223372036855", "9223372036854",
       Request(
           [](auto& m) { m.mutable_terms()->mutable_unit_price()->set_units(9'223'372'036'855); })},
      {"capacity_request.terms.unit_price", "9223372036854 units and 900000000 nanos",
       "an amount below", Request([](auto& m) {
         m.mutable_terms()->mutable_unit_price()->set_units(9'223'372'036'854);
         m.mutable_terms()->mutable_unit_price()->set_nanos(900'000'000);
       })},
      {"capacity_request.terms.unit_price", "-2", "0 or more", Request([](auto& m) {
         m.mutable_terms()->mutable_unit_price()->set_units(-2);
         m.mutable_terms()->mutable_unit_price()->set_nanos(0);
       })},
      {"capacity_request.terms.availability_ppm", "1000001", "0 to 1000000",
       Request([](auto& m) { m.mutable_terms()->set_availability_ppm(1'000'001); })},
      {"capacity_request.terms.conditions[1]", "nothing", "1 to 256 bytes",
       Request([](auto& m) { m.mutable_terms()->add_conditions(""); })},
      {"capacity_request.terms.conditions[1]", "300 bytes", "1 to 256 bytes",
       Request([](auto& m) { m.mutable_terms()->add_conditions(kLong); })},
      {"capacity_request.terms.conditions[1]", "\"a\\x07b\"", "without control characters",
       Request([](auto& m) { m.mutable_terms()->add_conditions("a\ab"); })},
      {"capacity_request.terms.conditions[1]", "\"\\xff\"", "UTF-8",
       Request([](auto& m) { m.mutable_terms()->add_conditions("\xff"); })},
      {"capacity_request.terms.conditions[1]", "\"\\xc0\\xaf\"", "UTF-8",
       Request([](auto& m) { m.mutable_terms()->add_conditions("\xc0\xaf"); })},
      {"capacity_request.terms.conditions[1]", "\"\\xed\\xa0\\x80\"", "UTF-8",
       Request([](auto& m) { m.mutable_terms()->add_conditions("\xed\xa0\x80"); })},
      {"capacity_request.terms.conditions[1]", "\"\\xc2\\x85\"", "without control characters",
       Request([](auto& m) { m.mutable_terms()->add_conditions("\xc2\x85"); })},
      {"capacity_request.terms.conditions", "33 of them", "0 to 32", Request([](auto& m) {
         for (int i = 0; i < 32; ++i) m.mutable_terms()->add_conditions("c");
       })},

      // The other fields of a request.
      {"capacity_request.segments", "0 of them", "1 to 32",
       Request([](auto& m) { m.clear_segments(); })},
      {"capacity_request.segments", "33 of them", "1 to 32", Request([](auto& m) {
         for (int i = 0; i < 32; ++i) *m.add_segments() = m.segments(0);
       })},
      {"capacity_request.segments[0].workload_class", "\"\"", "1 to 63 of A-Z",
       Request([](auto& m) { m.mutable_segments(0)->clear_workload_class(); })},
      {"capacity_request.segments[0].workload_class", "\"api\"", "1 to 63 of A-Z",
       Request([](auto& m) { m.mutable_segments(0)->set_workload_class("api"); })},
      {"capacity_request.segments[0].purpose", "\"A PURPOSE\"", "1 to 63 of A-Z",
       Request([](auto& m) { m.mutable_segments(0)->set_purpose("A PURPOSE"); })},
      {"capacity_request.segments[0].quantity", "0", "1 to 1000000000000",
       Request([](auto& m) { m.mutable_segments(0)->set_quantity(0); })},
      {"capacity_request.segments[0].quantity", "-9223372036854775808", "1 to 1000000000000",
       Request([](auto& m) { m.mutable_segments(0)->set_quantity(INT64_MIN); })},
      {"capacity_request.labels", "nothing", "1 to 63 bytes",
       Request([](auto& m) { (*m.mutable_labels())[""] = "v"; })},
      {"capacity_request.labels", "300 bytes", "0 to 256 bytes",
       Request([](auto& m) { (*m.mutable_labels())["k"] = kLong; })},
      {"capacity_request.labels", "65 of them", "0 to 64", Request([](auto& m) {
         for (int i = 0; i < 64; ++i) (*m.mutable_labels())["k" + std::to_string(i)] = "";
       })},
      {"capacity_request.price_cap.currency_code", "\"\"", "three capital letters",
       Request([](auto& m) { m.mutable_price_cap()->Clear(); })},
      {"capacity_request.smallest_useful_quantity", "-1", "0 to 1000000000000",
       Request([](auto& m) { m.set_smallest_useful_quantity(-1); })},
      {"capacity_request.fallback_policy.kind", "9", "a known value", Request([](auto& m) {
         m.mutable_fallback_policy()->set_kind(static_cast<v1::FallbackPolicy::Kind>(9));
       })},
      {"capacity_request.fallback_policy.providers[1]", "\"coreweave\"", "providers/{provider}",
       Request([](auto& m) { m.mutable_fallback_policy()->add_providers("coreweave"); })},
      {"capacity_request.fallback_policy.step_window", "-1 seconds", "0s to 3153600000s",
       Request(
           [](auto& m) { m.mutable_fallback_policy()->mutable_step_window()->set_seconds(-1); })},
      {"capacity_request.fallback_policy.step_window", "3153600000 seconds and 1000 nanos",
       "0s to 3153600000s", Request([](auto& m) {
         m.mutable_fallback_policy()->mutable_step_window()->set_seconds(3'153'600'000);
         m.mutable_fallback_policy()->mutable_step_window()->set_nanos(1000);
       })},
      {"capacity_request.needed_by_time", "0 seconds", "after 1970",
       Request([](auto& m) { m.mutable_needed_by_time()->Clear(); })},
      {"capacity_request.expire_time", "253402300800 seconds", "before the year 10000",
       Request([](auto& m) { m.mutable_expire_time()->set_seconds(253'402'300'800); })},
      {"states[0]", "0", "a known state",
       With(v1::ListCapacityRequestsRequest(),
            std::function([](v1::ListCapacityRequestsRequest& m) {
              m.set_parent("owners/openai");
              m.add_states(v1::CapacityRequest::STATE_UNSPECIFIED);
            }))},
      {"states[1]", "99", "a known state",
       With(v1::ListCapacityRequestsRequest(),
            std::function([](v1::ListCapacityRequestsRequest& m) {
              m.set_parent("owners/openai");
              m.add_states(v1::CapacityRequest::STATE_BLOCKED);
              m.add_states(static_cast<v1::CapacityRequest::State>(99));
            }))},
      {"page_size", "-1", "or more",
       With(v1::ListCapacityRequestsRequest(),
            std::function([](v1::ListCapacityRequestsRequest& m) {
              m.set_parent("owners/openai");
              m.set_page_size(-1);
            }))},
      {"text", "1025 bytes", "0 to 1024 bytes",
       With(v1::CancelCapacityRequestRequest(),
            std::function([](v1::CancelCapacityRequestRequest& m) {
              m.set_name(kRequestName);
              m.set_request_id("k");
              m.set_text(std::string(1025, 't'));
            }))},
      {"deadline", "0 seconds", "after 1970",
       With(v1::ExtendOfferRequest(), std::function([](v1::ExtendOfferRequest& m) {
              m.set_name(std::string(kRequestName) + "/offers/1");
              m.set_request_id("k");
            }))},
      {"name", "/offers/1\"", "allocations/{number}",
       With(v1::ReleaseAllocationRequest(), std::function([](v1::ReleaseAllocationRequest& m) {
              m.set_name(std::string(kRequestName) + "/offers/1");
              m.set_request_id("k");
            }))},
      {"order", "7", "a known order",
       With(v1::ListDecisionsRequest(), std::function([](v1::ListDecisionsRequest& m) {
              m.set_parent("owners/openai");
              m.set_order(static_cast<v1::DecisionOrder>(7));
            }))},

      // Answers.
      {"terms_hash", "31 bytes", "32 bytes",
       Accept([](auto& m) { m.set_terms_hash(std::string(31, 'h')); })},
      {"terms_hash", "0 bytes", "32 bytes", Accept([](auto& m) { m.clear_terms_hash(); })},
      {"quantity", "-5", "0 to 1000000000000", Accept([](auto& m) { m.set_quantity(-5); })},
      {"request_id", "nothing", "1 to 128", Accept([](auto& m) { m.clear_request_id(); })},
      {"decline.reason", "0", "a known reason", Decline([](auto& m) { m.clear_decline(); })},
      {"decline.reason", "77", "a known reason", Decline([](auto& m) {
         m.mutable_decline()->set_reason(static_cast<v1::DeclineReason>(77));
       })},
      {"decline.text", "\"\\x00\"", "control",
       Decline([](auto& m) { m.mutable_decline()->set_text(string(1, '\0')); })},
      {"decline.cool_down", "-1 seconds", "0s to",
       Decline([](auto& m) { m.mutable_decline()->mutable_cool_down()->set_seconds(-1); })},
      {"states[0]", "0", "a known state",
       With(v1::ListOffersRequest(), std::function([](v1::ListOffersRequest& m) {
              m.set_parent("providers/azure");
              m.add_states(v1::Offer::STATE_UNSPECIFIED);
            }))},
      {"parent", "\"owners/azure\"", "providers/{provider}",
       With(v1::WatchOffersRequest(),
            std::function([](v1::WatchOffersRequest& m) { m.set_parent("owners/azure"); }))},

      // Agreements.
      {"agreement_id", "\"Azure 2019\"", "an id",
       Agreement([](auto& m) { m.set_agreement_id("Azure 2019"); })},
      {"agreement.holder", "\"\"", "providers/{provider}",
       Agreement([](auto& m) { m.clear_agreement(); })},
      {"first_version.clauses", "0 of them", "1 to 256",
       Version([](auto& m) { m.clear_clauses(); })},
      {"first_version.effective_from", "0 seconds", "after 1970",
       Version([](auto& m) { m.mutable_effective_from()->Clear(); })},
      {"first_version.text", "4097 bytes", "0 to 4096",
       Version([](auto& m) { m.set_text(std::string(4097, 't')); })},
      {"first_version.clauses[0].id", "\"1C\"", "a letter first",
       Version([](auto& m) { m.mutable_clauses(0)->set_id("1C"); })},
      {"first_version.clauses[0]", "no content", "one of exclusivity",
       Version([](auto& m) { m.mutable_clauses(0)->clear_exclusivity(); })},
      {"first_version.clauses[0].scope.workload_classes[1]", "\"x\"", "1 to 63 of A-Z",
       Version([](auto& m) { m.mutable_clauses(0)->mutable_scope()->add_workload_classes("x"); })},
      {"first_version.clauses[1].scope.regions[1]", "\"US\"", "an id",
       Version([](auto& m) { m.mutable_clauses(1)->mutable_scope()->add_regions("US"); })},
      {"first_version.clauses[1].scope.min_quantity", "-1", "0 to",
       Version([](auto& m) { m.mutable_clauses(1)->mutable_scope()->set_min_quantity(-1); })},
      {"first_version.clauses[1].scope.delivery_end_time", "0 seconds", "after 1970",
       Version([](auto& m) {
         m.mutable_clauses(1)->mutable_scope()->mutable_delivery_end_time()->Clear();
       })},
      {"first_version.clauses[1].first_refusal.mode", "8", "a known value", Version([](auto& m) {
         m.mutable_clauses(1)->mutable_first_refusal()->set_mode(
             static_cast<v1::FirstRefusal::Mode>(8));
       })},
      {"first_version.clauses[1].first_refusal.asking.window.duration", "-1 seconds", "0s to",
       Version([](auto& m) { AskingIn(m).mutable_window()->mutable_duration()->set_seconds(-1); })},
      {"first_version.clauses[1].first_refusal.asking.parts.min_quantity", "-1", "0 to",
       Version([](auto& m) { AskingIn(m).mutable_parts()->set_min_quantity(-1); })},
      {"first_version.clauses[1].first_refusal.price_tolerance_ppm", "-1", "0 to",
       Version([](auto& m) {
         m.mutable_clauses(1)->mutable_first_refusal()->set_price_tolerance_ppm(-1);
       })},
      {"first_version.clauses[2].waiver.lifted_clause_ids[1]", "\"\"", "a letter first",
       Version([](auto& m) { m.mutable_clauses(2)->mutable_waiver()->add_lifted_clause_ids(""); })},
      {"first_version.clauses[2].waiver.min_share_ppm", "1000001", "0 to 1000000",
       Version(
           [](auto& m) { m.mutable_clauses(2)->mutable_waiver()->set_min_share_ppm(1'000'001); })},
      {"first_version.clauses[3].commitment.amount.currency_code", "\"US\"",
       "three capital letters", Version([](auto& m) {
         m.mutable_clauses(3)->mutable_commitment()->mutable_amount()->set_currency_code("US");
       })},
      {"base_version", "-1", "0 to",
       With(v1::AmendAgreementRequest(), std::function([](v1::AmendAgreementRequest& m) {
              m.set_name("owners/openai/agreements/azure-2019");
              *m.mutable_next_version() = GoodVersion();
              m.set_request_id("k");
              m.set_base_version(-1);
            }))},

      // Providers.
      {"provider_id", "\"9lives\"", "an id",
       Register([](auto& m) { m.set_provider_id("9lives"); })},
      {"provider.display_name", "300 bytes", "0 to 256",
       Registered([](auto& m) { m.set_display_name(kLong); })},
      {"provider.members[1]", "nothing", "1 to 256",
       Registered([](auto& m) { m.add_members(""); })},
      {"provider.members", "65 of them", "0 to 64", Registered([](auto& m) {
         for (int i = 0; i < 64; ++i) m.add_members("m");
       })},
      {"provider.affiliates[1]", "\"azure\"", "providers/{provider}",
       Registered([](auto& m) { m.add_affiliates("azure"); })},
      {"provider.rates[0].unit_price", "-1 USD", "0 or more", Registered([](auto& m) {
         m.mutable_rates(0)->mutable_unit_price()->set_nanos(0);
         m.mutable_rates(0)->mutable_unit_price()->set_units(-1);
       })},
      {"provider.rates[2]", "a second one", "one for each",
       Registered([](auto& m) { *m.add_rates() = m.rates(0); })},
      {"update_mask.paths[0]", "\"state\"",
       "display_name, members, rates, limits, affiliates or endpoint",
       With(v1::UpdateProviderRequest(), std::function([](v1::UpdateProviderRequest& m) {
              m.mutable_provider()->set_name("providers/azure");
              m.mutable_update_mask()->add_paths("state");
              m.set_request_id("k");
            }))},
      {"text", "nothing", "1 to 1024",
       With(v1::SuspendProviderRequest(), std::function([](v1::SuspendProviderRequest& m) {
              m.set_name("providers/azure");
              m.set_request_id("k");
            }))},
  };
}

TEST(Parse, NamesEveryMalformedField) {
  const std::vector<Spoiled> table = Table();
  EXPECT_GE(table.size(), 60u);
  for (const Spoiled& row : table) {
    SCOPED_TRACE(std::string(row.field) + " got " + row.got);
    const absl::Status status = row.parse();
    ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    const std::vector<Violation> violations = ViolationsOf(status);
    ASSERT_EQ(violations.size(), 1u) << status;
    EXPECT_EQ(violations[0].field, row.field);
    EXPECT_THAT(violations[0].description, HasSubstr("got "));
    EXPECT_THAT(violations[0].description, HasSubstr(row.got));
    EXPECT_THAT(violations[0].description, HasSubstr(", want "));
    EXPECT_THAT(violations[0].description.substr(violations[0].description.find(", want ")),
                HasSubstr(row.want));
  }
}

TEST(Parse, TakesTheGoodMessages) {
  EXPECT_TRUE(Parse(GoodCreate()).ok()) << Parse(GoodCreate()).status();
  EXPECT_TRUE(Parse(GoodAccept()).ok());
  EXPECT_TRUE(Parse(GoodDecline()).ok());
  EXPECT_TRUE(Parse(GoodAgreement()).ok()) << Parse(GoodAgreement()).status();
  EXPECT_TRUE(Parse(GoodRegister()).ok());
}

TEST(Parse, NamesAllFieldsAtFaultTogether) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  create.set_parent("x");
  create.mutable_capacity_request()->mutable_terms()->set_quantity(-1);
  create.clear_request_id();
  const absl::Status status = Parse(create).status();
  std::vector<std::string> fields;
  for (const Violation& violation : ViolationsOf(status)) {
    fields.push_back(violation.field);
    EXPECT_THAT(violation.description, ::testing::StartsWith("got "));
    EXPECT_EQ(violation.description.find(';'), std::string::npos) << violation.description;
  }
  EXPECT_THAT(fields, ElementsAre("parent", "capacity_request.terms.quantity", "request_id"));
}

TEST(Parse, ManyFieldsAtFaultAreCounted) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  for (int i = 0; i < 30; ++i)
    create.mutable_capacity_request()->mutable_terms()->add_conditions("");
  const std::vector<Violation> violations = ViolationsOf(Parse(create).status());
  ASSERT_EQ(violations.size(), 20u);
  EXPECT_THAT(violations.back().description, HasSubstr("10 fields more"));
}

TEST(Parse, FillsInWhatIsAbsent) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  v1::CapacityRequest& in = *create.mutable_capacity_request();
  in.mutable_terms()->clear_quantity();
  in.clear_price_cap();
  in.clear_fallback_policy();
  in.clear_needed_by_time();
  in.clear_expire_time();
  *in.add_segments() = in.segments(0);
  const absl::StatusOr<Command> command = Parse(create);
  ASSERT_TRUE(command.ok()) << command.status();
  const capbroker::Request& request = std::get<CreateRequest>(command->what).request;
  EXPECT_EQ(request.terms.quantity, 16'000);
  EXPECT_FALSE(request.price_cap.IsSet());
  EXPECT_EQ(request.fallback.kind, FallbackKind::kSequential);
  EXPECT_TRUE(request.fallback.providers.empty());
  EXPECT_EQ(request.fallback.step_window, Hours(1));
  EXPECT_EQ(request.needed_by, request.terms.start);
  EXPECT_EQ(request.expiry, request.needed_by);
  EXPECT_FALSE(request.id.IsSet());
}

TEST(Parse, ExpiresWhenNeededWhereOnlyThatIsSaid) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  create.mutable_capacity_request()->clear_expire_time();
  const absl::StatusOr<Command> command = Parse(create);
  ASSERT_TRUE(command.ok());
  EXPECT_EQ(std::get<CreateRequest>(command->what).request.expiry,
            (Instant{(kStartSeconds - 10) * 1'000'000}));
}

TEST(Parse, DropsWhatIsFinerThanAMicrosecond) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  create.mutable_capacity_request()->mutable_terms()->mutable_start_time()->set_nanos(1'999);
  const absl::StatusOr<Command> command = Parse(create);
  ASSERT_TRUE(command.ok());
  EXPECT_EQ(std::get<CreateRequest>(command->what).request.terms.start,
            (Instant{kStartSeconds * 1'000'000 + 1}));
}

TEST(Parse, OrdersLabels) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  for (const char* key : {"z", "a", "m"})
    (*create.mutable_capacity_request()->mutable_labels())[key] = key;
  const absl::StatusOr<Command> command = Parse(create);
  ASSERT_TRUE(command.ok());
  std::vector<std::string> keys;
  for (const Label& label : std::get<CreateRequest>(command->what).request.labels)
    keys.push_back(label.key);
  EXPECT_THAT(keys, ElementsAre("a", "m", "team", "z"));
}

TEST(Parse, PagesHaveASizeOfTheirOwn) {
  const auto size = [](int32_t asked) {
    v1::ListOffersRequest list;
    list.set_parent("providers/azure");
    list.set_page_size(asked);
    return Parse(list)->page.size;
  };
  EXPECT_EQ(size(0), 50u);
  EXPECT_EQ(size(7), 7u);
  EXPECT_EQ(size(1000), 1000u);
  EXPECT_EQ(size(INT32_MAX), 1000u);
}

TEST(Parse, AnAmendmentIsTheVersionAfterTheBase) {
  v1::AmendAgreementRequest amend;
  amend.set_name("owners/openai/agreements/azure-2019");
  *amend.mutable_next_version() = GoodVersion();
  amend.set_request_id("k");
  EXPECT_EQ(std::get<ActivateAgreement>(Parse(amend)->what).version.version, 0u);
  amend.set_base_version(2);
  EXPECT_EQ(std::get<ActivateAgreement>(Parse(amend)->what).version.version, 3u);
}

TEST(Parse, AMaskTakesOnlyWhatItNames) {
  v1::UpdateProviderRequest update;
  *update.mutable_provider() = GoodProvider();
  update.mutable_provider()->set_name("providers/azure");
  update.set_request_id("k");
  const Provider known{.id = {"azure"}, .display_name = "Azure", .members = {"Microsoft"}};
  Provider whole = Parse(update)->On(known);
  EXPECT_EQ(whole.display_name, "Stargate, by Oracle");
  EXPECT_EQ(whole.rates.size(), 2u);
  update.mutable_update_mask()->add_paths("rates");
  Provider part = Parse(update)->On(known);
  EXPECT_EQ(part.display_name, "Azure");
  EXPECT_THAT(part.members, ElementsAre("Microsoft"));
  EXPECT_EQ(part.rates.size(), 2u);
}

}  // namespace
}  // namespace capbroker
