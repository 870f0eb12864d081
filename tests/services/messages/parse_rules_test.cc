// The fields of the rule book's further moves: an error names each malformed one, and each good one
// is rendered as it was given.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <functional>

#include "broker/values/refusal.h"
#include "services/messages/errors.h"
#include "services/messages/parse.h"
#include "services/messages/render.h"
#include "tests/services/rpc/example_messages.h"

namespace capbroker {
namespace {

using ::testing::HasSubstr;

constexpr char kAgreement[] = "owners/openai/agreements/azure-2019";

// Every field of every right, a trigger, and a calendar.
v1::AgreementVersion WholeVersion() {
  v1::AgreementVersion version = GoodVersion();
  v1::Calendar* calendar = version.add_calendars();
  calendar->set_id("office");
  calendar->set_time_zone("America/Los_Angeles");
  for (int day = 1; day <= 5; ++day) {
    v1::WeeklyHours* hours = calendar->add_hours();
    hours->set_weekday(day);
    hours->set_start_minute(540);
    hours->set_end_minute(1020);
  }
  calendar->add_holidays("2025-07-04");
  const auto fill = [](auto& right) {
    right.set_calendar("office");
    right.mutable_min_remaining()->set_seconds(600);
    right.mutable_counter_window()->mutable_duration()->set_seconds(700);
    right.mutable_confirm_within()->set_seconds(800);
    right.mutable_withdraw_notice()->set_seconds(900);
    right.mutable_release_notice()->set_seconds(950);
    right.set_release_share_ppm(250'000);
    right.mutable_aggregation_window()->set_seconds(1000);
  };
  fill(*version.mutable_clauses(0)->mutable_exclusivity()->mutable_asking());
  v1::FirstRefusal& first = *version.mutable_clauses(1)->mutable_first_refusal();
  fill(*first.mutable_asking());
  first.mutable_match_window()->set_business_days(11);
  first.mutable_match_window()->set_closing_minute(960);
  first.set_match_always(true);
  first.set_contingent_bids(true);
  first.mutable_close_within()->set_seconds(1200);
  first.set_reoffer(true);
  first.mutable_reoffer_window()->mutable_duration()->set_seconds(1250);
  version.mutable_clauses(2)->mutable_waiver()->set_covers(v1::Waiver::COVERED_REQUEST);
  v1::Clause* clause = version.add_clauses();
  clause->set_id("C7");
  clause->set_text("AGI is declared");
  v1::Trigger* trigger = clause->mutable_trigger();
  trigger->add_ended_clause_ids("C1");
  trigger->add_attesters("auditor/kpmg");
  trigger->add_attesters("provider/azure");
  trigger->set_quorum(1);
  trigger->mutable_threshold()->set_currency_code("USD");
  trigger->mutable_threshold()->set_units(100);
  trigger->mutable_dispute_window()->set_seconds(1300);
  trigger->mutable_attest_within()->set_seconds(1400);
  trigger->add_resolvers("auditor/kpmg");
  return version;
}

v1::CreateAgreementRequest WholeAgreement() {
  v1::CreateAgreementRequest create = GoodAgreement();
  *create.mutable_first_version() = WholeVersion();
  return create;
}

std::string Difference(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  std::string out;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&out);
  return differencer.Compare(a, b) ? "" : out;
}

TEST(ParseRules, AnAgreementComesBackAsItWasSaid) {
  const absl::StatusOr<Command> command = Parse(WholeAgreement());
  ASSERT_TRUE(command.ok()) << command.status();
  v1::AgreementVersion out;
  Render({}, std::get<ActivateAgreement>(command->what).version, Instant{1'790'000'000'000'000},
         &out);
  v1::AgreementVersion want = WholeVersion();
  want.set_version(1);
  want.set_state(v1::AgreementVersion::STATE_ACTIVE);
  *want.mutable_effective_to() = want.clauses(4).term().end_time();
  EXPECT_EQ(Difference(want, out), "");
}

TEST(ParseRules, ARequestComesBackAsItWasSaid) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  v1::CapacityRequest& asked = *create.mutable_capacity_request();
  asked.set_accept_late(true);
  v1::FallbackPolicy& policy = *asked.mutable_fallback_policy();
  policy.set_kind(v1::FallbackPolicy::KIND_FAN_OUT);
  policy.set_fan_out(3);
  policy.mutable_confirm_within()->set_seconds(60);
  policy.mutable_withdraw_notice()->set_seconds(70);
  policy.mutable_release_notice()->set_seconds(80);
  policy.set_release_share_ppm(0);
  const absl::StatusOr<Command> command = Parse(create);
  ASSERT_TRUE(command.ok()) << command.status();
  RequestBook book;
  book.request = std::make_shared<const Request>(std::get<CreateRequest>(command->what).request);
  v1::CapacityRequest out;
  Render({"openai"}, book, Instant{1}, &out);
  EXPECT_TRUE(out.accept_late());
  EXPECT_EQ(Difference(policy, out.fallback_policy()), "");
}

struct Spoiled {
  const char* field;
  const char* got;
  const char* want;
  std::function<absl::Status()> parse;
};

template <class Message>
Spoiled Row(const char* field, const char* got, const char* want, Message message,
            const std::function<void(Message&)>& spoil) {
  spoil(message);
  return {field, got, want, [message] { return Parse(message).status(); }};
}
Spoiled Version(const char* field, const char* got, const char* want,
                const std::function<void(v1::AgreementVersion&)>& spoil) {
  return Row<v1::CreateAgreementRequest>(field, got, want, WholeAgreement(),
                                         [&](auto& m) { spoil(*m.mutable_first_version()); });
}
Spoiled Asked(const char* field, const char* got, const char* want,
              const std::function<void(v1::CapacityRequest&)>& spoil) {
  return Row<v1::CreateCapacityRequestRequest>(
      field, got, want, GoodCreate(), [&](auto& m) { spoil(*m.mutable_capacity_request()); });
}

// Valid messages.
template <class Message>
Message OfOffer() {
  Message m;
  m.set_name(std::string(kRequestName) + "/offers/1");
  m.set_request_id("k");
  return m;
}
template <class Message>
Message OfAllocation() {
  Message m;
  m.set_name(std::string(kRequestName) + "/allocations/1");
  m.set_request_id("k");
  return m;
}
template <class Message>
Message OfTrigger() {
  Message m;
  m.set_name(std::string(kAgreement) + "/triggers/C7");
  m.set_text("why");
  m.set_request_id("k");
  return m;
}
v1::CounterOfferRequest GoodCounter() {
  auto m = OfOffer<v1::CounterOfferRequest>();
  *m.mutable_terms() = GoodRequest().terms();
  return m;
}
v1::SubmitBidRequest GoodBid() {
  auto m = OfOffer<v1::SubmitBidRequest>();
  *m.mutable_bid()->mutable_terms() = GoodRequest().terms();
  return m;
}
v1::TollOfferRequest GoodToll() {
  auto m = OfOffer<v1::TollOfferRequest>();
  m.mutable_added()->set_seconds(60);
  m.set_text("why");
  return m;
}
v1::VoidOfferRequest GoodVoid() {
  auto m = OfOffer<v1::VoidOfferRequest>();
  m.set_text("why");
  return m;
}
v1::GrantWaiverRequest GoodGrant() {
  v1::GrantWaiverRequest m;
  m.set_parent(kAgreement);
  m.set_request_id("k");
  v1::Clause& clause = *m.mutable_waiver()->mutable_clause();
  clause.set_id("W1");
  clause.mutable_waiver()->add_lifted_clause_ids("C2");
  return m;
}
v1::AmendCapacityRequestRequest GoodAmend() {
  v1::AmendCapacityRequestRequest m;
  m.set_name(kRequestName);
  *m.mutable_capacity_request() = GoodRequest();
  m.set_request_id("k");
  return m;
}
v1::PlanCapacityRequestRequest GoodPlan() {
  v1::PlanCapacityRequestRequest m;
  m.set_parent("owners/openai");
  m.set_name(kRequestName);
  v1::AgreementDraft& draft = *m.add_agreement_drafts();
  draft.set_agreement_id("azure-2019");
  *draft.mutable_version() = GoodVersion();
  return m;
}

v1::Asking& AskingIn(v1::AgreementVersion& version) {
  return *version.mutable_clauses(0)->mutable_exclusivity()->mutable_asking();
}

std::vector<Spoiled> Table() {
  const std::string long_text(1025, 'x');
  return {
      // Agreements.
      Version("first_version.calendars[0].id", "\"9\"", "a letter first",
              [](auto& v) { v.mutable_calendars(0)->set_id("9"); }),
      Version("first_version.calendars[0].time_zone", "nothing", "1 to 64",
              [](auto& v) { v.mutable_calendars(0)->clear_time_zone(); }),
      Version("first_version.calendars[0].hours", "0 of them", "1 to 64",
              [](auto& v) { v.mutable_calendars(0)->clear_hours(); }),
      Version("first_version.calendars[0].hours[0].start_minute", "-1", "0 to",
              [](auto& v) { v.mutable_calendars(0)->mutable_hours(0)->set_start_minute(-1); }),
      Version("first_version.calendars[0].holidays[0]", "4 bytes", "10 to 10",
              [](auto& v) { v.mutable_calendars(0)->set_holidays(0, "July"); }),
      Version("first_version.clauses[0].exclusivity.asking.calendar", "\"of fice\"",
              "a letter first", [](auto& v) { AskingIn(v).set_calendar("of fice"); }),
      Version("first_version.clauses[0].exclusivity.asking.min_remaining", "-1 seconds", "0s to",
              [](auto& v) { AskingIn(v).mutable_min_remaining()->set_seconds(-1); }),
      Version("first_version.clauses[0].exclusivity.asking.counter_window.duration", "-1 seconds",
              "0s to",
              [](auto& v) {
                AskingIn(v).mutable_counter_window()->mutable_duration()->set_seconds(-1);
              }),
      Version("first_version.clauses[0].exclusivity.asking.confirm_within", "-1 seconds", "0s to",
              [](auto& v) { AskingIn(v).mutable_confirm_within()->set_seconds(-1); }),
      Version("first_version.clauses[0].exclusivity.asking.withdraw_notice", "-1 seconds", "0s to",
              [](auto& v) { AskingIn(v).mutable_withdraw_notice()->set_seconds(-1); }),
      Version("first_version.clauses[0].exclusivity.asking.aggregation_window", "-1 seconds",
              "0s to", [](auto& v) { AskingIn(v).mutable_aggregation_window()->set_seconds(-1); }),
      Version("first_version.clauses[0].exclusivity.asking.release_share_ppm", "1000001",
              "0 to 1000000", [](auto& v) { AskingIn(v).set_release_share_ppm(1'000'001); }),
      Version("first_version.clauses[0].exclusivity.asking.counter_window.closing_minute", "960",
              "no business days",
              [](auto& v) { AskingIn(v).mutable_counter_window()->set_closing_minute(960); }),
      Version("first_version.clauses[1].first_refusal.match_window.business_days", "0", "1 to 1000",
              [](auto& v) {
                v.mutable_clauses(1)
                    ->mutable_first_refusal()
                    ->mutable_match_window()
                    ->set_business_days(0);
              }),
      Version("first_version.clauses[1].first_refusal.close_within", "-1 seconds", "0s to",
              [](auto& v) {
                v.mutable_clauses(1)->mutable_first_refusal()->mutable_close_within()->set_seconds(
                    -1);
              }),
      Version("first_version.clauses[6].trigger.ended_clause_ids[1]", "\"\"", "a letter first",
              [](auto& v) { v.mutable_clauses(6)->mutable_trigger()->add_ended_clause_ids(""); }),
      Version("first_version.clauses[6].trigger.attesters[0]", "\"kpmg\"",
              "{owner|provider|auditor}/{name}",
              [](auto& v) { v.mutable_clauses(6)->mutable_trigger()->set_attesters(0, "kpmg"); }),
      Version("first_version.clauses[6].trigger.attesters[0]", "\"operator/ada\"",
              "{owner|provider|auditor}/{name}",
              [](auto& v) {
                v.mutable_clauses(6)->mutable_trigger()->set_attesters(0, "operator/ada");
              }),
      Version("first_version.clauses[6].trigger.quorum", "-1", "0 to",
              [](auto& v) { v.mutable_clauses(6)->mutable_trigger()->set_quorum(-1); }),
      Version("first_version.clauses[6].trigger.threshold.currency_code", "\"\"",
              "three capital letters",
              [](auto& v) {
                v.mutable_clauses(6)->mutable_trigger()->mutable_threshold()->clear_currency_code();
              }),
      Version("first_version.clauses[6].trigger.dispute_window", "-1 seconds", "0s to",
              [](auto& v) {
                v.mutable_clauses(6)->mutable_trigger()->mutable_dispute_window()->set_seconds(-1);
              }),

      // Requests.
      Asked("capacity_request.fallback_policy.fan_out", "-1", "0 to",
            [](auto& r) { r.mutable_fallback_policy()->set_fan_out(-1); }),
      Asked(
          "capacity_request.fallback_policy.confirm_within", "-1 seconds", "0s to",
          [](auto& r) { r.mutable_fallback_policy()->mutable_confirm_within()->set_seconds(-1); }),
      Asked(
          "capacity_request.fallback_policy.withdraw_notice", "-1 seconds", "0s to",
          [](auto& r) { r.mutable_fallback_policy()->mutable_withdraw_notice()->set_seconds(-1); }),
      Row<v1::AmendCapacityRequestRequest>("name", "\"x\"", "the request a UUID", GoodAmend(),
                                           [](auto& m) { m.set_name("x"); }),
      Row<v1::AmendCapacityRequestRequest>("base_version", "-1", "0 to", GoodAmend(),
                                           [](auto& m) { m.set_base_version(-1); }),
      Row<v1::AmendCapacityRequestRequest>(
          "capacity_request.terms.quantity", "-1", "0 to", GoodAmend(),
          [](auto& m) { m.mutable_capacity_request()->mutable_terms()->set_quantity(-1); }),
      Row<v1::AmendCapacityRequestRequest>("request_id", "nothing", "1 to 128", GoodAmend(),
                                           [](auto& m) { m.clear_request_id(); }),
      Row<v1::PlanCapacityRequestRequest>("name", "0123456789ab\"", "a request of \"owners/other\"",
                                          GoodPlan(),
                                          [](auto& m) { m.set_parent("owners/other"); }),
      Row<v1::PlanCapacityRequestRequest>(
          "agreement_drafts[0].agreement_id", "\"\"", "an id", GoodPlan(),
          [](auto& m) { m.mutable_agreement_drafts(0)->clear_agreement_id(); }),
      Row<v1::PlanCapacityRequestRequest>(
          "agreement_drafts[0].version.clauses", "0 of them", "1 to 256", GoodPlan(),
          [](auto& m) { m.mutable_agreement_drafts(0)->mutable_version()->clear_clauses(); }),
      Row<v1::PlanCapacityRequestRequest>("agreement_drafts", "9 of them", "0 to 8", GoodPlan(),
                                          [](auto& m) {
                                            for (int i = 0; i < 8; ++i) m.add_agreement_drafts();
                                          }),
      Row<v1::AcceptCounterRequest>("name", "\"\"", "offers/{number}",
                                    OfOffer<v1::AcceptCounterRequest>(),
                                    [](auto& m) { m.clear_name(); }),
      Row<v1::LeaveCounterRequest>("request_id", "nothing", "1 to 128",
                                   OfOffer<v1::LeaveCounterRequest>(),
                                   [](auto& m) { m.clear_request_id(); }),

      // Offers.
      Row<v1::CounterOfferRequest>("terms.quantity", "0", "1 to", GoodCounter(),
                                   [](auto& m) { m.mutable_terms()->clear_quantity(); }),
      Row<v1::CounterOfferRequest>("terms.unit", "\"\"", "an id", GoodCounter(),
                                   [](auto& m) { m.mutable_terms()->clear_unit(); }),
      Row<v1::SubmitBidRequest>(
          "bid.terms.availability_ppm", "-1", "0 to 1000000", GoodBid(),
          [](auto& m) { m.mutable_bid()->mutable_terms()->set_availability_ppm(-1); }),
      Row<v1::SubmitBidRequest>("bid.contingent_on", "1025 bytes", "0 to 1024", GoodBid(),
                                [&](auto& m) { m.mutable_bid()->set_contingent_on(long_text); }),
      Row<v1::ConfirmAllocationRequest>(
          "name", "/offers/1\"", "allocations/{number}",
          OfAllocation<v1::ConfirmAllocationRequest>(),
          [](auto& m) { m.set_name(std::string(kRequestName) + "/offers/1"); }),
      Row<v1::WithdrawAllocationRequest>("text", "1025 bytes", "0 to 1024",
                                         OfAllocation<v1::WithdrawAllocationRequest>(),
                                         [&](auto& m) { m.set_text(long_text); }),
      Row<v1::TollOfferRequest>("added", "nothing", "a microsecond or more", GoodToll(),
                                [](auto& m) { m.clear_added(); }),
      Row<v1::TollOfferRequest>("added", "-1 seconds", "0s to", GoodToll(),
                                [](auto& m) { m.mutable_added()->set_seconds(-1); }),
      Row<v1::TollOfferRequest>("text", "nothing", "1 to 1024", GoodToll(),
                                [](auto& m) { m.clear_text(); }),
      Row<v1::VoidOfferRequest>("text", "nothing", "1 to 1024", GoodVoid(),
                                [](auto& m) { m.clear_text(); }),

      // Waivers, commitments and triggers.
      Row<v1::GrantWaiverRequest>("parent", "\"azure\"", "agreements/{agreement}", GoodGrant(),
                                  [](auto& m) { m.set_parent("azure"); }),
      Row<v1::GrantWaiverRequest>(
          "waiver.clause.id", "\"\"", "a letter first", GoodGrant(),
          [](auto& m) { m.mutable_waiver()->mutable_clause()->clear_id(); }),
      Row<v1::GrantWaiverRequest>(
          "waiver.clause.waiver", "nothing", "a waiver", GoodGrant(),
          [](auto& m) {
            m.mutable_waiver()->mutable_clause()->mutable_term()->mutable_end_time()->set_seconds(
                5);
          }),
      Row<v1::GrantWaiverRequest>("waiver.capacity_request", "0123456789ab\"",
                                  "of the agreement's owner", GoodGrant(),
                                  [](auto& m) {
                                    m.set_parent("owners/other/agreements/azure-2019");
                                    m.mutable_waiver()->set_capacity_request(kRequestName);
                                  }),
      Row<v1::RevokeWaiverRequest>("name", "triggers/C7\"", "waivers/{clause}",
                                   OfTrigger<v1::RevokeWaiverRequest>(), [](auto&) {}),
      Row<v1::AssertTriggerRequest>("name", "\"\"", "triggers/{clause}",
                                    OfTrigger<v1::AssertTriggerRequest>(),
                                    [](auto& m) { m.clear_name(); }),
      Row<v1::AssertTriggerRequest>("text", "nothing", "1 to 1024",
                                    OfTrigger<v1::AssertTriggerRequest>(),
                                    [](auto& m) { m.clear_text(); }),
      Row<v1::DisputeTriggerRequest>("text", "nothing", "1 to 1024",
                                     OfTrigger<v1::DisputeTriggerRequest>(),
                                     [](auto& m) { m.clear_text(); }),
      Row<v1::ResolveDisputeRequest>("text", "nothing", "1 to 1024",
                                     OfTrigger<v1::ResolveDisputeRequest>(),
                                     [](auto& m) { m.clear_text(); }),
      Row<v1::AttestTriggerRequest>("measure.currency_code", "\"\"", "three capital letters",
                                    OfTrigger<v1::AttestTriggerRequest>(),
                                    [](auto& m) { m.mutable_measure()->set_units(5); }),
      Row<v1::WithdrawTriggerRequest>("request_id", "nothing", "1 to 128",
                                      OfTrigger<v1::WithdrawTriggerRequest>(),
                                      [](auto& m) { m.clear_request_id(); }),
      Row<v1::ListWaiversRequest>("page_size", "-1", "0 (which is 50)", {},
                                  [](auto& m) {
                                    m.set_parent(kAgreement);
                                    m.set_page_size(-1);
                                  }),
      Row<v1::ListTriggersRequest>("parent", "\"\"", "agreements/{agreement}", {}, [](auto&) {}),
      Row<v1::GetCommitmentStatementRequest>("name", "\"x\"", "commitments/{clause}", {},
                                             [](auto& m) { m.set_name("x"); }),
      Row<v1::ListCommitmentEntriesRequest>("parent", "\"\"", "commitments/{clause}", {},
                                            [](auto&) {}),
      Row<v1::LintAgreementRequest>("agreement_id", "\"\"", "an id", {},
                                    [](auto& m) {
                                      m.set_parent("owners/openai");
                                      *m.mutable_version() = GoodVersion();
                                    }),
      Row<v1::ReportHealthRequest>("text", "nothing", "1 to 1024", {},
                                   [](auto& m) {
                                     m.set_name("providers/azure");
                                     m.set_request_id("k");
                                   }),
  };
}

TEST(ParseRules, NamesEveryMalformedField) {
  for (const Spoiled& row : Table()) {
    SCOPED_TRACE(std::string(row.field) + " got " + row.got);
    const absl::Status status = row.parse();
    ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    const std::vector<Violation> violations = ViolationsOf(status);
    ASSERT_GE(violations.size(), 1u) << status;
    EXPECT_EQ(violations[0].field, row.field);
    EXPECT_THAT(violations[0].description, HasSubstr(row.got));
    EXPECT_THAT(violations[0].description.substr(violations[0].description.find(", want ")),
                HasSubstr(row.want));
  }
}

TEST(ParseRules, TakesTheGoodMessages) {
  EXPECT_TRUE(Parse(GoodAmend()).ok()) << Parse(GoodAmend()).status();
  EXPECT_TRUE(Parse(GoodPlan()).ok()) << Parse(GoodPlan()).status();
  EXPECT_TRUE(Parse(GoodCounter()).ok()) << Parse(GoodCounter()).status();
  EXPECT_TRUE(Parse(GoodBid()).ok());
  EXPECT_TRUE(Parse(GoodToll()).ok());
  EXPECT_TRUE(Parse(GoodVoid()).ok());
  EXPECT_TRUE(Parse(GoodGrant()).ok()) << Parse(GoodGrant()).status();
  EXPECT_TRUE(Parse(OfAllocation<v1::ConfirmAllocationRequest>()).ok());
  EXPECT_TRUE(Parse(OfAllocation<v1::WithdrawAllocationRequest>()).ok());
  EXPECT_TRUE(Parse(OfTrigger<v1::AttestTriggerRequest>()).ok());
  v1::AcceptCounterRequest take = OfOffer<v1::AcceptCounterRequest>();
  EXPECT_TRUE(std::get<AnswerCounter>(Parse(take)->what).take);
  v1::LeaveCounterRequest leave = OfOffer<v1::LeaveCounterRequest>();
  EXPECT_FALSE(std::get<AnswerCounter>(Parse(leave)->what).take);
}

}  // namespace
}  // namespace capbroker
