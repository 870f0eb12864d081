// The rule book's further moves, as callers see them: amendments, counters, bids, confirmation,
// withdrawal, waivers, triggers, commitments.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {
namespace {

using grpc::StatusCode;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr char kAgreement[] = "owners/openai/agreements/azure-2019";

class RulesTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    RegisterProviders({"azure", "coreweave", "stargate-oracle"});
  }

  // azure's agreement: C2, a first refusal over everything, C4, C5 and a trigger C7 that ends C2;
  // `change` may say otherwise.
  void Record(const std::function<void(v1::AgreementVersion&)>& change = [](auto&) {}) {
    v1::CreateAgreementRequest create = GoodAgreement();
    create.set_request_id(NewKey());
    v1::AgreementVersion& version = *create.mutable_first_version();
    auto* clauses = version.mutable_clauses();
    clauses->DeleteSubrange(5, 1);
    clauses->DeleteSubrange(2, 1);
    clauses->DeleteSubrange(0, 1);
    clauses->Mutable(0)->clear_scope();
    v1::Clause* trigger = version.add_clauses();
    trigger->set_id("C7");
    trigger->set_text("AGI is declared");
    trigger->mutable_trigger()->add_ended_clause_ids("C2");
    trigger->mutable_trigger()->add_attesters("auditor/lex");
    trigger->mutable_trigger()->add_attesters("provider/stargate-oracle");
    trigger->mutable_trigger()->mutable_dispute_window()->set_seconds(3600);
    change(version);
    v1::Agreement out;
    const grpc::Status status =
        agreements_->CreateAgreement(As("operator/ada").get(), create, &out);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  v1::CapacityRequest Ask(const std::function<void(v1::CapacityRequest&)>& change,
                          const std::string& owner = "openai") {
    v1::CreateCapacityRequestRequest create = GoodCreate();
    create.set_parent("owners/" + owner);
    create.set_request_id(NewKey());
    change(*create.mutable_capacity_request());
    v1::CapacityRequest out;
    const grpc::Status status =
        requests_->CreateCapacityRequest(As("owner/" + owner).get(), create, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  v1::CapacityRequest Get(const std::string& name, const std::string& who = "owner/openai") {
    v1::GetCapacityRequestRequest get;
    get.set_name(name);
    v1::CapacityRequest out;
    const grpc::Status status = requests_->GetCapacityRequest(As(who).get(), get, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  v1::Offer GetOffer(const std::string& name, const std::string& who) {
    v1::GetOfferRequest get;
    get.set_name(name);
    v1::Offer out;
    const grpc::Status status = offers_->GetOffer(As(who).get(), get, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }

  // Calls `(stub.*method)` as `who` with a message that `fill` fills in.
  template <class Stub, class In, class Out>
  grpc::Status Do(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const In&, Out*),
                  const std::string& who, Out& out, const std::function<void(In&)>& fill) {
    In in;
    if constexpr (requires { in.set_request_id(""); }) in.set_request_id(NewKey());
    fill(in);
    return (stub.*method)(As(who).get(), in, &out);
  }

  grpc::Status Counter(const v1::Offer& offer, const std::string& who, int64_t cents,
                       v1::Offer& out) {
    return Do<v1::OfferService::Stub, v1::CounterOfferRequest>(
        *offers_, &v1::OfferService::Stub::CounterOffer, who, out, [&](auto& in) {
          in.set_name(offer.name());
          *in.mutable_terms() = offer.terms();
          SetPrice(*in.mutable_terms(), cents);
        });
  }
  grpc::Status Bid(const v1::Offer& offer, const std::string& who, int64_t cents, v1::Offer& out) {
    return Do<v1::OfferService::Stub, v1::SubmitBidRequest>(
        *offers_, &v1::OfferService::Stub::SubmitBid, who, out, [&](auto& in) {
          in.set_name(offer.name());
          *in.mutable_bid()->mutable_terms() = offer.terms();
          SetPrice(*in.mutable_bid()->mutable_terms(), cents);
        });
  }
  static void SetPrice(v1::Terms& terms, int64_t cents) {
    terms.mutable_unit_price()->set_units(cents / 100);
    terms.mutable_unit_price()->set_nanos(static_cast<int32_t>(cents % 100 * 10'000'000));
  }
  static std::string AllocationOf(const v1::Offer& offer) {
    const size_t at = offer.name().rfind("/offers/");
    return offer.name().substr(0, at) + "/allocations" + offer.name().substr(at + 7);
  }
};

TEST_F(RulesTest, AnAmendmentSupersedesWhatIsAsked) {
  Record();
  const v1::CapacityRequest request = Ask([](auto&) {});
  const auto amend = [&](int32_t base, int64_t quantity, v1::CapacityRequest& out) {
    return Do<v1::CapacityRequestService::Stub, v1::AmendCapacityRequestRequest>(
        *requests_, &v1::CapacityRequestService::Stub::AmendCapacityRequest, "owner/openai", out,
        [&](auto& in) {
          in.set_name(request.name());
          in.set_base_version(base);
          *in.mutable_capacity_request() = GoodRequest();
          in.mutable_capacity_request()->mutable_segments(0)->set_quantity(quantity);
          in.mutable_capacity_request()->mutable_terms()->set_quantity(quantity);
        });
  };
  v1::CapacityRequest amended;
  ASSERT_TRUE(amend(1, 6000, amended).ok());
  EXPECT_EQ(amended.version(), 2);
  ASSERT_EQ(amended.offers_size(), 2);
  EXPECT_EQ(amended.offers(0).state(), v1::Offer::STATE_SUPERSEDED);
  EXPECT_EQ(amended.offers(0).superseded_by(), amended.offers(1).name());
  EXPECT_EQ(amended.offers(0).request_version(), 1);
  EXPECT_EQ(amended.offers(0).segments(0).quantity(), 8000);
  EXPECT_EQ(amended.offers(1).replaces(), amended.offers(0).name());
  EXPECT_EQ(amended.offers(1).request_version(), 2);
  EXPECT_EQ(amended.offers(1).terms().quantity(), 6000);

  v1::Offer late;
  const grpc::Status superseded =
      offers_->AcceptOffer(As("provider/azure").get(), AcceptOf(amended.offers(0)), &late);
  EXPECT_EQ(superseded.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonIn(superseded), "OFFER_SUPERSEDED");

  const grpc::Status stale = amend(1, 5000, amended);
  EXPECT_EQ(stale.error_code(), StatusCode::ABORTED) << stale.error_message();
  EXPECT_EQ(ReasonIn(stale), "VERSION_CONFLICT");
}

TEST_F(RulesTest, AWrongAmendmentNamesItsField) {
  Record();
  const v1::CapacityRequest request = Ask([](auto&) {});
  v1::CapacityRequest out;
  const grpc::Status status = Do<v1::CapacityRequestService::Stub, v1::AmendCapacityRequestRequest>(
      *requests_, &v1::CapacityRequestService::Stub::AmendCapacityRequest, "owner/openai", out,
      [&](auto& in) {
        in.set_name(request.name());
        *in.mutable_capacity_request() = GoodRequest();
        in.mutable_capacity_request()->mutable_terms()->mutable_end_time()->set_seconds(
            kStartSeconds - 1);
      });
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldIn(status), "capacity_request.terms.end_time");
}

TEST_F(RulesTest, ACounterIsTakenOrLeft) {
  Record([](v1::AgreementVersion& version) {
    v1::Asking& asking = *version.mutable_clauses(0)->mutable_first_refusal()->mutable_asking();
    asking.mutable_counter_window()->mutable_duration()->set_seconds(1800);
  });
  const v1::CapacityRequest taken = Ask([](auto&) {});
  v1::Offer offer;
  ASSERT_TRUE(Counter(taken.offers(0), "provider/azure", 260, offer).ok());
  EXPECT_EQ(offer.state(), v1::Offer::STATE_COUNTERED);
  EXPECT_EQ(offer.counter().terms().unit_price().nanos(), 600'000'000);
  EXPECT_EQ(offer.counter().take_by_time().seconds(), kNow + 1 + 1800);
  EXPECT_EQ(offer.terms().unit_price().nanos(), 500'000'000);
  ASSERT_TRUE((Do<v1::CapacityRequestService::Stub, v1::AcceptCounterRequest>(
                   *requests_, &v1::CapacityRequestService::Stub::AcceptCounter, "owner/openai",
                   offer, [&](auto& in) { in.set_name(taken.offers(0).name()); }))
                  .ok());
  EXPECT_EQ(offer.state(), v1::Offer::STATE_COUNTERED);
  EXPECT_EQ(offer.accepted_quantity(), 8000);
  const v1::CapacityRequest after = Get(taken.name());
  EXPECT_EQ(after.state(), v1::CapacityRequest::STATE_FULFILLED);
  EXPECT_EQ(after.allocations(0).terms().unit_price().nanos(), 600'000'000);

  const v1::CapacityRequest left = Ask([](auto&) {});
  ASSERT_TRUE(Counter(left.offers(0), "provider/azure", 260, offer).ok());
  ASSERT_TRUE((Do<v1::CapacityRequestService::Stub, v1::LeaveCounterRequest>(
                   *requests_, &v1::CapacityRequestService::Stub::LeaveCounter, "owner/openai",
                   offer, [&](auto& in) { in.set_name(left.offers(0).name()); }))
                  .ok());
  EXPECT_FALSE(offer.counter().has_take_by_time());
  EXPECT_EQ(Get(left.name()).state(), v1::CapacityRequest::STATE_FALLBACK);
  const grpc::Status closed = Do<v1::CapacityRequestService::Stub, v1::AcceptCounterRequest>(
      *requests_, &v1::CapacityRequestService::Stub::AcceptCounter, "owner/openai", offer,
      [&](auto& in) { in.set_name(left.offers(0).name()); });
  EXPECT_EQ(ReasonIn(closed), "COUNTER_CLOSED") << closed.error_message();
}

TEST_F(RulesTest, ACounterNeedsAClauseThatAllowsIt) {
  Record();
  const v1::CapacityRequest request = Ask([](auto&) {});
  v1::Offer offer;
  EXPECT_EQ(ReasonIn(Counter(request.offers(0), "provider/azure", 260, offer)),
            "COUNTER_NOT_ALLOWED");
  EXPECT_EQ(Counter(request.offers(0), "provider/coreweave", 260, offer).error_code(),
            StatusCode::NOT_FOUND);
}

TEST_F(RulesTest, ABidIsItsBiddersAloneWhileTheRoundIsOpen) {
  const v1::CapacityRequest request = Ask(
      [](v1::CapacityRequest& in) {
        in.mutable_fallback_policy()->set_kind(v1::FallbackPolicy::KIND_CHEAPEST);
        in.mutable_fallback_policy()->add_providers("providers/stargate-oracle");
      },
      "other");
  ASSERT_EQ(request.offers_size(), 2);
  EXPECT_TRUE(request.offers(0).sealed());
  v1::Offer offer;
  const grpc::Status bid = Bid(request.offers(0), "provider/coreweave", 220, offer);
  ASSERT_TRUE(bid.ok()) << bid.error_message();
  EXPECT_EQ(offer.state(), v1::Offer::STATE_OPEN);
  EXPECT_EQ(offer.bid().terms().unit_price().nanos(), 200'000'000);
  EXPECT_TRUE(GetOffer(offer.name(), "provider/coreweave").has_bid());
  for (const char* who : {"owner/other", "operator/ada", "auditor/lex"}) {
    EXPECT_FALSE(GetOffer(offer.name(), who).has_bid()) << who;
  }
  EXPECT_FALSE(Get(request.name(), "owner/other").offers(0).has_bid());
  // The trail gives the owner no more than the offer does.
  const auto trail = [&](const std::string& who) {
    v1::ListDecisionsRequest in;
    in.set_parent(request.name());
    v1::ListDecisionsResponse out;
    EXPECT_TRUE(decisions_->ListDecisions(As(who).get(), in, &out).ok());
    return out;
  };
  const auto file_of = [&](const std::string& who) {
    v1::ExportEvidenceRequest in;
    in.set_parent(request.name());
    const auto context = As(who);
    const auto reader = decisions_->ExportEvidence(context.get(), in);
    std::string file;
    for (v1::ExportEvidenceResponse piece; reader->Read(&piece);) file += piece.chunk();
    EXPECT_TRUE(reader->Finish().ok());
    return file;
  };
  EXPECT_EQ(trail("owner/other").acts(1).decisions(0).kind(), "BID_RECEIVED");
  EXPECT_EQ(trail("owner/other").acts(1).body(), "");
  EXPECT_EQ(trail("owner/other").acts(1).decisions(0).body(), "");
  EXPECT_EQ(trail("owner/other").acts(1).decisions(0).text(), "");
  EXPECT_NE(trail("auditor/lex").acts(1).decisions(0).text(), "");
  EXPECT_NE(trail("auditor/lex").acts(1).body(), "");
  EXPECT_EQ(file_of("owner/other").find("BID_RECEIVED"), std::string::npos);
  EXPECT_NE(file_of("auditor/lex").find("BID_RECEIVED"), std::string::npos);
  const grpc::Status stranger = Bid(request.offers(0), "provider/azure", 220, offer);
  EXPECT_EQ(stranger.error_code(), StatusCode::NOT_FOUND);

  ASSERT_TRUE(Bid(request.offers(1), "provider/stargate-oracle", 240, offer).ok());
  Pass(Seconds(601));
  Ask([](auto&) {}, "other");  // Deadlines before it come first.
  const v1::CapacityRequest after = Get(request.name(), "owner/other");
  EXPECT_EQ(after.offers(0).state(), v1::Offer::STATE_ACCEPTED);
  EXPECT_TRUE(after.offers(0).has_bid());
  EXPECT_NE(trail("owner/other").acts(1).body(), "");
  ASSERT_THAT(after.allocations(), SizeIs(1));
  EXPECT_EQ(after.allocations(0).terms().unit_price().nanos(), 200'000'000);
}

TEST_F(RulesTest, ABidBelongsToASealedOffer) {
  const v1::CapacityRequest request = Ask([](auto&) {}, "other");
  v1::Offer offer;
  EXPECT_EQ(ReasonIn(Bid(request.offers(0), "provider/coreweave", 220, offer)), "NOT_SEALED");
}

TEST_F(RulesTest, AProviderConfirmsWhatIsHeldForIt) {
  const v1::CapacityRequest request = Ask(
      [](v1::CapacityRequest& in) {
        in.mutable_fallback_policy()->mutable_confirm_within()->set_seconds(900);
        in.mutable_fallback_policy()->mutable_withdraw_notice()->set_seconds(86'400);
      },
      "other");
  v1::Offer offer;
  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/coreweave").get(), AcceptOf(request.offers(0)), &offer)
          .ok());
  EXPECT_EQ(offer.allocation_state(), v1::Allocation::STATE_HELD);
  EXPECT_EQ(offer.confirm_by_time().seconds(), kNow + 1 + 900);
  const v1::CapacityRequest held = Get(request.name(), "owner/other");
  EXPECT_EQ(held.state(), v1::CapacityRequest::STATE_CONFIRMING);
  EXPECT_EQ(held.allocations(0).confirm_by_time().seconds(), kNow + 1 + 900);

  const auto confirm = [&](const std::string& who, v1::Allocation& out) {
    return Do<v1::OfferService::Stub, v1::ConfirmAllocationRequest>(
        *offers_, &v1::OfferService::Stub::ConfirmAllocation, who, out,
        [&](auto& in) { in.set_name(AllocationOf(offer)); });
  };
  v1::Allocation allocation;
  EXPECT_EQ(confirm("provider/azure", allocation).error_code(), StatusCode::NOT_FOUND);
  ASSERT_TRUE(confirm("provider/coreweave", allocation).ok());
  EXPECT_EQ(allocation.state(), v1::Allocation::STATE_CONFIRMED);
  EXPECT_FALSE(allocation.has_confirm_by_time());

  const auto withdraw = [&](const std::string& who, v1::Allocation& out) {
    return Do<v1::OfferService::Stub, v1::WithdrawAllocationRequest>(
        *offers_, &v1::OfferService::Stub::WithdrawAllocation, who, out, [&](auto& in) {
          in.set_name(AllocationOf(offer));
          in.set_text("a hall burnt down");
        });
  };
  EXPECT_EQ(withdraw("provider/azure", allocation).error_code(), StatusCode::NOT_FOUND);
  ASSERT_TRUE(withdraw("provider/coreweave", allocation).ok());
  EXPECT_EQ(allocation.state(), v1::Allocation::STATE_CONFIRMED);
  EXPECT_EQ(allocation.withdraw_time().seconds(), kNow + 1 + 86'400);
}

TEST_F(RulesTest, AWithdrawalNeedsANotice) {
  const v1::CapacityRequest request = Ask([](auto&) {}, "other");
  v1::Offer offer;
  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/coreweave").get(), AcceptOf(request.offers(0)), &offer)
          .ok());
  v1::Allocation out;
  const grpc::Status status = Do<v1::OfferService::Stub, v1::WithdrawAllocationRequest>(
      *offers_, &v1::OfferService::Stub::WithdrawAllocation, "provider/coreweave", out,
      [&](auto& in) { in.set_name(AllocationOf(offer)); });
  EXPECT_EQ(ReasonIn(status), "WITHDRAWAL_NOT_ALLOWED") << status.error_message();
}

TEST_F(RulesTest, WhatWasDeliveredIsCompleted) {
  const v1::CapacityRequest request = Ask([](auto&) {}, "other");
  v1::Offer offer;
  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/coreweave").get(), AcceptOf(request.offers(0)), &offer)
          .ok());
  Pass(Seconds(kStartSeconds + 30 * 24 * 3600 - kNow - 2));
  EXPECT_EQ(Get(request.name(), "owner/other").allocations(0).state(),
            v1::Allocation::STATE_CONFIRMED);
  Pass(Seconds(1));
  EXPECT_EQ(Get(request.name(), "owner/other").allocations(0).state(),
            v1::Allocation::STATE_COMPLETED);
  EXPECT_EQ(GetOffer(offer.name(), "provider/coreweave").allocation_state(),
            v1::Allocation::STATE_COMPLETED);
}

TEST_F(RulesTest, AnOperatorTollsAndVoids) {
  Record();
  const v1::CapacityRequest request = Ask([](auto&) {});
  v1::Offer offer;
  const auto toll = [&](const std::string& who) {
    return Do<v1::OfferService::Stub, v1::TollOfferRequest>(
        *offers_, &v1::OfferService::Stub::TollOffer, who, offer, [&](auto& in) {
          in.set_name(request.offers(0).name());
          in.mutable_added()->set_seconds(60);
          in.set_text("the line was down");
        });
  };
  EXPECT_EQ(toll("provider/azure").error_code(), StatusCode::PERMISSION_DENIED);
  ASSERT_TRUE(toll("operator/ada").ok());
  EXPECT_EQ(offer.deadline().seconds(), request.offers(0).deadline().seconds() + 60);
  const grpc::Status voided = Do<v1::OfferService::Stub, v1::VoidOfferRequest>(
      *offers_, &v1::OfferService::Stub::VoidOffer, "operator/ada", offer, [&](auto& in) {
        in.set_name(request.offers(0).name());
        in.set_text("sent to the wrong desk");
      });
  ASSERT_TRUE(voided.ok()) << voided.error_message();
  EXPECT_EQ(offer.state(), v1::Offer::STATE_VOIDED);
}

TEST_F(RulesTest, AHolderGrantsAndRevokesWaivers) {
  Record();
  const auto grant = [&](const std::string& who, const std::string& lifts, v1::GrantedWaiver& out) {
    return Do<v1::AgreementService::Stub, v1::GrantWaiverRequest>(
        *agreements_, &v1::AgreementService::Stub::GrantWaiver, who, out, [&](auto& in) {
          in.set_parent(kAgreement);
          v1::Clause& clause = *in.mutable_waiver()->mutable_clause();
          clause.set_id("W1");
          clause.mutable_scope()->add_purposes("SERVING");
          clause.mutable_waiver()->add_lifted_clause_ids(lifts);
          clause.mutable_waiver()->set_cap_quantity(10'000);
        });
  };
  v1::GrantedWaiver waiver;
  EXPECT_EQ(grant("provider/coreweave", "C2", waiver).error_code(), StatusCode::NOT_FOUND);
  const grpc::Status wrong = grant("provider/azure", "C9", waiver);
  EXPECT_EQ(wrong.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldIn(wrong), "waiver.clause.waiver.lifted_clause_ids[0]") << wrong.error_message();
  ASSERT_TRUE(grant("provider/azure", "C2", waiver).ok());
  EXPECT_EQ(waiver.name(), std::string(kAgreement) + "/waivers/W1");
  EXPECT_EQ(waiver.version(), 1);
  EXPECT_EQ(waiver.grant_time().seconds(), kNow + 1);

  const v1::CapacityRequest request = Ask([](auto&) {});
  EXPECT_EQ(request.lineages(0).route(), v1::ROUTE_WAIVED);
  EXPECT_EQ(request.lineages(0).clauses(0).clause_id(), "W1");
  v1::Offer offer;
  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/coreweave").get(), AcceptOf(request.offers(0)), &offer)
          .ok());

  const auto list = [&](const std::string& who, v1::ListWaiversResponse& out) {
    return Do<v1::AgreementService::Stub, v1::ListWaiversRequest>(
        *agreements_, &v1::AgreementService::Stub::ListWaivers, who, out,
        [](auto& in) { in.set_parent(kAgreement); });
  };
  v1::ListWaiversResponse waivers, none;
  ASSERT_TRUE(list("owner/openai", waivers).ok());
  ASSERT_THAT(waivers.waivers(), SizeIs(1));
  EXPECT_EQ(waivers.waivers(0).drawn_quantity(), 8000);
  EXPECT_EQ(list("provider/coreweave", none).error_code(), StatusCode::NOT_FOUND);

  const auto revoke = [&](const std::string& who) {
    return Do<v1::AgreementService::Stub, v1::RevokeWaiverRequest>(
        *agreements_, &v1::AgreementService::Stub::RevokeWaiver, who, waiver,
        [](auto& in) { in.set_name(std::string(kAgreement) + "/waivers/W1"); });
  };
  EXPECT_EQ(revoke("provider/coreweave").error_code(), StatusCode::NOT_FOUND);
  ASSERT_TRUE(revoke("provider/azure").ok());
  EXPECT_EQ(waiver.revoke_time().seconds(), kNow + 1);
  EXPECT_TRUE(revoke("provider/azure").ok());
  EXPECT_EQ(Ask([](auto&) {}).lineages(0).route(), v1::ROUTE_FIRST_REFUSAL);
}

TEST_F(RulesTest, ATriggerIsAssertedDisputedAndAttested) {
  Record();
  v1::TriggerAssertion trigger;
  const std::string name = std::string(kAgreement) + "/triggers/C7";
  using Stub = v1::AgreementService::Stub;
  const auto fill = [&](auto& in) {
    in.set_name(name);
    in.set_text("declared by the board");
  };
  const auto assert_as = [&](const std::string& who) {
    return Do<Stub, v1::AssertTriggerRequest>(*agreements_, &Stub::AssertTrigger, who, trigger,
                                              fill);
  };
  const auto attest_as = [&](const std::string& who) {
    return Do<Stub, v1::AttestTriggerRequest>(*agreements_, &Stub::AttestTrigger, who, trigger,
                                              fill);
  };
  EXPECT_EQ(assert_as("provider/coreweave").error_code(), StatusCode::NOT_FOUND);
  ASSERT_TRUE(assert_as("owner/openai").ok());
  EXPECT_EQ(trigger.state(), v1::TriggerAssertion::STATE_ASSERTED);
  EXPECT_EQ(trigger.asserted_by(), "owner/openai");
  EXPECT_EQ(trigger.dispute_by_time().seconds(), kNow + 1 + 3600);
  EXPECT_EQ(ReasonIn(assert_as("auditor/lex")), "TRIGGER_ASSERTED");

  ASSERT_TRUE((Do<Stub, v1::DisputeTriggerRequest>(*agreements_, &Stub::DisputeTrigger,
                                                   "provider/azure", trigger, fill))
                  .ok());
  EXPECT_EQ(trigger.state(), v1::TriggerAssertion::STATE_DISPUTED);
  EXPECT_EQ(trigger.disputed_by(), "provider/azure");
  ASSERT_TRUE((Do<Stub, v1::ResolveDisputeRequest>(*agreements_, &Stub::ResolveDispute,
                                                   "operator/ada", trigger, fill))
                  .ok());
  EXPECT_EQ(trigger.state(), v1::TriggerAssertion::STATE_ASSERTED);
  EXPECT_EQ(attest_as("provider/azure").error_code(), StatusCode::PERMISSION_DENIED);
  ASSERT_TRUE(attest_as("auditor/lex").ok());
  ASSERT_TRUE(attest_as("provider/stargate-oracle").ok());
  EXPECT_THAT(trigger.signatures(), SizeIs(2));

  Pass(Hours(2));
  EXPECT_EQ(Ask([](auto&) {}).lineages(0).route(), v1::ROUTE_OPEN);
  const auto list = [&](const std::string& who, v1::ListTriggersResponse& out) {
    return Do<Stub, v1::ListTriggersRequest>(*agreements_, &Stub::ListTriggers, who, out,
                                             [](auto& in) { in.set_parent(kAgreement); });
  };
  for (const char* who :
       {"owner/openai", "provider/azure", "provider/stargate-oracle", "operator/ada"}) {
    v1::ListTriggersResponse triggers;
    ASSERT_TRUE(list(who, triggers).ok()) << who;
    ASSERT_THAT(triggers.triggers(), SizeIs(1)) << who;
    EXPECT_EQ(triggers.triggers(0).state(), v1::TriggerAssertion::STATE_EFFECTIVE);
  }
  v1::ListTriggersResponse hidden;
  EXPECT_EQ(list("provider/coreweave", hidden).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(RulesTest, AnAssertionIsTakenBack) {
  Record();
  v1::TriggerAssertion trigger;
  using Stub = v1::AgreementService::Stub;
  const auto fill = [&](auto& in) {
    in.set_name(std::string(kAgreement) + "/triggers/C7");
    in.set_text("by mistake");
  };
  ASSERT_TRUE((Do<Stub, v1::AssertTriggerRequest>(*agreements_, &Stub::AssertTrigger,
                                                  "provider/azure", trigger, fill))
                  .ok());
  EXPECT_FALSE((Do<Stub, v1::WithdrawTriggerRequest>(*agreements_, &Stub::WithdrawTrigger,
                                                     "owner/openai", trigger, fill))
                   .ok());
  ASSERT_TRUE((Do<Stub, v1::WithdrawTriggerRequest>(*agreements_, &Stub::WithdrawTrigger,
                                                    "provider/azure", trigger, fill))
                  .ok());
  EXPECT_EQ(trigger.state(), v1::TriggerAssertion::STATE_WITHDRAWN);
}

TEST_F(RulesTest, ACommitmentIsStatedWithItsEntries) {
  Record();
  const v1::CapacityRequest request = Ask([](auto&) {});
  v1::Offer offer;
  ASSERT_TRUE(
      offers_->AcceptOffer(As("provider/azure").get(), AcceptOf(request.offers(0)), &offer).ok());
  using Stub = v1::AgreementService::Stub;
  const auto state = [&](const std::string& who, const std::string& clause,
                         v1::CommitmentStatement& out) {
    return Do<Stub, v1::GetCommitmentStatementRequest>(
        *agreements_, &Stub::GetCommitmentStatement, who, out,
        [&](auto& in) { in.set_name(std::string(kAgreement) + "/commitments/" + clause); });
  };
  v1::CommitmentStatement statement;
  for (const char* who : {"owner/openai", "provider/azure", "auditor/lex"}) {
    ASSERT_TRUE(state(who, "C4", statement).ok()) << who;
  }
  // 8000 units at 2.5 USD for 720 hours.
  EXPECT_EQ(statement.drawn().units(), 14'400'000);
  EXPECT_EQ(statement.reserved().units(), 0);
  EXPECT_EQ(statement.left().units(), 250'000'000'000 - 14'400'000);
  EXPECT_EQ(statement.start_time().seconds(), 1'700'000'000);
  EXPECT_EQ(statement.term_end_time().seconds(), 1'950'000'000);
  // 90,000,001 of 250,000,000 seconds have passed.
  EXPECT_EQ(statement.forecast_drawn().units(), 39'999'999);
  EXPECT_EQ(statement.shortfall().units(), 249'960'000'000);
  EXPECT_EQ(state("provider/coreweave", "C4", statement).error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(state("owner/openai", "C2", statement).error_code(), StatusCode::NOT_FOUND);

  std::vector<std::string> entries;
  std::string token;
  do {
    v1::ListCommitmentEntriesResponse page;
    const grpc::Status status = Do<Stub, v1::ListCommitmentEntriesRequest>(
        *agreements_, &Stub::ListCommitmentEntries, "provider/azure", page, [&](auto& in) {
          in.set_parent(std::string(kAgreement) + "/commitments/C4");
          in.set_page_size(1);
          in.set_page_token(token);
        });
    ASSERT_TRUE(status.ok()) << status.error_message();
    for (const v1::CommitmentEntry& entry : page.entries()) {
      entries.push_back(entry.kind() + " " + std::to_string(entry.amount().units()) +
                        (entry.capacity_request() == request.name() ? " for it" : ""));
    }
    token = page.next_page_token();
  } while (!token.empty());
  EXPECT_THAT(entries,
              ElementsAre("AGREEMENT_ACTIVATED 250000000000", "COMMITMENT_RESERVED 14400000 for it",
                          "COMMITMENT_DRAWN 14400000 for it"));
}

TEST_F(RulesTest, ADraftIsLinted) {
  Record();
  using Stub = v1::AgreementService::Stub;
  const auto lint = [&](const std::function<void(v1::AgreementVersion&)>& change,
                        v1::LintAgreementResponse& out) {
    return Do<Stub, v1::LintAgreementRequest>(
        *agreements_, &Stub::LintAgreement, "owner/openai", out, [&](auto& in) {
          in.set_parent("owners/openai");
          in.set_agreement_id("azure-2019");
          v1::AgreementVersion& version = *in.mutable_version();
          version = GoodVersion();
          version.mutable_effective_from()->set_seconds(kNow + 1000);
          change(version);
        });
  };
  v1::LintAgreementResponse out;
  ASSERT_TRUE(lint(
                  [](v1::AgreementVersion& version) {
                    version.mutable_clauses()->DeleteSubrange(4, 1);  // The term.
                  },
                  out)
                  .ok());
  std::vector<std::string> codes;
  for (const v1::Finding& finding : out.findings()) codes.push_back(finding.code());
  EXPECT_THAT(codes, ::testing::Contains("NO_TERM_FOR_COMMITMENT"));
  const grpc::Status wrong = lint(
      [](v1::AgreementVersion& version) {
        version.mutable_clauses(1)->mutable_first_refusal()->mutable_asking()->clear_window();
      },
      out);
  EXPECT_EQ(wrong.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldIn(wrong), "version.clauses[1].first_refusal.asking.window");
  // Nothing was recorded.
  v1::Agreement agreement;
  v1::GetAgreementRequest get;
  get.set_name(kAgreement);
  ASSERT_TRUE(agreements_->GetAgreement(As("owner/openai").get(), get, &agreement).ok());
  EXPECT_EQ(agreement.latest_version().version(), 1);
}

TEST_F(RulesTest, AProvidersHealthIsReported) {
  v1::Provider out;
  const auto report = [&](bool healthy) {
    return Do<v1::ProviderService::Stub, v1::ReportHealthRequest>(
        *providers_, &v1::ProviderService::Stub::ReportHealth, "operator/ada", out, [&](auto& in) {
          in.set_name("providers/coreweave");
          in.set_healthy(healthy);
          in.set_text("does not answer");
        });
  };
  ASSERT_TRUE(report(false).ok());
  EXPECT_TRUE(out.unhealthy());
  ASSERT_TRUE(report(true).ok());
  EXPECT_FALSE(out.unhealthy());
}

TEST_F(RulesTest, PlansGoOnFromWhereARequestStands) {
  Record();
  const v1::CapacityRequest request = Ask([](auto&) {});
  using Stub = v1::CapacityRequestService::Stub;
  const auto plan = [&](const std::function<void(v1::PlanCapacityRequestRequest&)>& fill,
                        v1::Plan& out) {
    return Do<Stub, v1::PlanCapacityRequestRequest>(*requests_, &Stub::PlanCapacityRequest,
                                                    "owner/openai", out, [&](auto& in) {
                                                      in.set_parent("owners/openai");
                                                      fill(in);
                                                    });
  };
  v1::Plan out;
  grpc::Status status = plan([&](auto& in) { in.set_name(request.name()); }, out);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_GE(out.lineages_size(), 1);

  // As if the holder had given its right up.
  const auto draft = [](auto& in) {
    v1::AgreementDraft& added = *in.add_agreement_drafts();
    added.set_agreement_id("azure-2019");
    v1::AgreementVersion& version = *added.mutable_version();
    version = GoodVersion();
    version.mutable_effective_from()->set_seconds(kNow);
    version.mutable_clauses()->DeleteSubrange(0, 3);
  };
  out.Clear();
  status = plan(
      [&](auto& in) {
        *in.mutable_capacity_request() = GoodRequest();
        draft(in);
      },
      out);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(out.lineages(0).lineage().route(), v1::ROUTE_OPEN);
  status = plan(
      [&](auto& in) {
        *in.mutable_capacity_request() = GoodRequest();
        draft(in);
        in.mutable_agreement_drafts(0)->set_agreement_id("unknown");
      },
      out);
  EXPECT_EQ(FieldIn(status), "agreement_drafts[0].holder");
  status = plan(
      [&](auto& in) {
        in.set_name("owners/openai/capacityRequests/0194c5a0-1e00-7abc-8def-0123456789ab");
      },
      out);
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  // Nothing was recorded.
  EXPECT_EQ(Get(request.name()).version(), 1);
}

}  // namespace
}  // namespace capbroker
