// Messages are rendered as they were parsed.
#include "services/messages/render.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "broker/trail/canonical.h"
#include "services/messages/parse.h"
#include "services/messages/render_values.h"
#include "tests/services/rpc/example_messages.h"

namespace capbroker {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr Instant kNow{1'790'000'000'000'000};
const OwnerId kOwner{"openai"};

std::string Difference(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  std::string out;
  MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&out);
  return differencer.Compare(a, b) ? "" : out;
}

RequestBook BookOf(const v1::CapacityRequest& asked) {
  v1::CreateCapacityRequestRequest create = GoodCreate();
  *create.mutable_capacity_request() = asked;
  const absl::StatusOr<Command> command = Parse(create);
  EXPECT_TRUE(command.ok()) << command.status();
  Request request = std::get<CreateRequest>(command->what).request;
  request.id = *ParseRequestId("0194c5a0-1e00-7abc-8def-0123456789ab");
  RequestBook book;
  book.request = std::make_shared<const Request>(std::move(request));
  book.versions = {book.request};
  book.created = book.updated = kNow;
  return book;
}

TEST(Render, ARequestIsWhatWasAskedFor) {
  v1::CapacityRequest out;
  Render(kOwner, BookOf(GoodRequest()), kNow, &out);
  v1::CapacityRequest want = GoodRequest();
  want.set_name(kRequestName);
  want.set_state(v1::CapacityRequest::STATE_RECEIVED);
  want.set_version(1);
  Render(kNow, want.mutable_create_time());
  Render(kNow, want.mutable_update_time());
  EXPECT_EQ(Difference(want, out), "");
}

TEST(Render, AnAgreementIsWhatWasSigned) {
  const absl::StatusOr<Command> command = Parse(GoodAgreement());
  ASSERT_TRUE(command.ok());
  v1::Agreement out;
  Render(kOwner, {}, std::get<ActivateAgreement>(command->what).version, kNow, &out);
  v1::AgreementVersion want = GoodVersion();
  want.set_version(1);
  want.set_state(v1::AgreementVersion::STATE_ACTIVE);
  *want.mutable_effective_to() = want.clauses(4).term().end_time();
  EXPECT_EQ(Difference(want, out.latest_version()), "");
  EXPECT_EQ(out.name(), "owners/openai/agreements/azure-2019");
  EXPECT_EQ(out.holder(), "providers/azure");
}

TEST(Render, AProviderIsWhatWasRegistered) {
  const absl::StatusOr<Command> command = Parse(GoodRegister());
  ASSERT_TRUE(command.ok());
  const Provider& provider = std::get<RegisterProvider>(command->what).provider;
  v1::Provider out;
  Render(provider, Detail::kAll, &out);
  v1::Provider want = GoodProvider();
  want.set_name("providers/stargate-oracle");
  want.set_state(v1::Provider::STATE_ACTIVE);
  EXPECT_EQ(Difference(want, out), "");
  v1::Provider open;
  Render(provider, Detail::kPublic, &open);
  want.clear_rates();
  want.clear_affiliates();
  want.clear_endpoint();
  EXPECT_EQ(Difference(want, open), "");
}

TEST(Render, SmallValuesRoundTrip) {
  for (const int64_t micros :
       {int64_t{1}, int64_t{999'999}, int64_t{1'000'000}, kLastInstant.micros}) {
    google::protobuf::Timestamp t;
    Render(Instant{micros}, &t);
    Fields fields;
    EXPECT_EQ(fields.Time("t", t), Instant{micros});
    EXPECT_TRUE(fields.status().ok());
  }
  for (const int64_t micros : {int64_t{0}, int64_t{1}, kLongestSpan.micros}) {
    google::protobuf::Duration d;
    Render(Span{micros}, &d);
    Fields fields;
    EXPECT_EQ(fields.Span("d", d), Span{micros});
    EXPECT_TRUE(fields.status().ok());
  }
  for (const int64_t micros :
       {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{-1'500'000}, INT64_MAX, -INT64_MAX}) {
    const Money amount{micros, *ParseCurrency("USD")};
    v1::Money m;
    Render(amount, &m);
    Fields fields;
    EXPECT_EQ(fields.Money("m", m), amount) << micros;
    EXPECT_TRUE(fields.status().ok()) << fields.status();
  }
}

// The trail and the API spell every value alike.
TEST(Render, StatesAreSpeltAsInTheTrail) {
  for (size_t i = 0; i < Names<RequestState>::values.size(); ++i) {
    EXPECT_EQ(v1::CapacityRequest::State_Name(Rendered(static_cast<RequestState>(i))),
              "STATE_" + std::string(Names<RequestState>::values[i]));
  }
  for (size_t i = 0; i < Names<OfferState>::values.size(); ++i) {
    EXPECT_EQ(v1::Offer::State_Name(Rendered(static_cast<OfferState>(i))),
              "STATE_" + std::string(Names<OfferState>::values[i]));
  }
  for (size_t i = 1; i < Names<OfferKind>::values.size(); ++i) {
    EXPECT_EQ(v1::Offer::Kind_Name(Rendered(static_cast<OfferKind>(i))),
              "KIND_" + std::string(Names<OfferKind>::values[i]));
  }
  for (size_t i = 1; i < Names<DeclineReason>::values.size(); ++i) {
    EXPECT_EQ(v1::DeclineReason_Name(Rendered(static_cast<DeclineReason>(i))),
              "DECLINE_REASON_" + std::string(Names<DeclineReason>::values[i]));
  }
  for (size_t i = 1; i < Names<AllocationState>::values.size(); ++i) {
    EXPECT_EQ(v1::Allocation::State_Name(Rendered(static_cast<AllocationState>(i))),
              "STATE_" + std::string(Names<AllocationState>::values[i]));
  }
}

// A filter by state finds what is shown in that state.
TEST(Render, StatesAreReadAsTheyAreShown) {
  for (size_t i = 0; i < Names<RequestState>::values.size(); ++i) {
    v1::ListCapacityRequestsRequest list;
    list.set_parent("owners/openai");
    list.add_states(Rendered(static_cast<RequestState>(i)));
    EXPECT_EQ(Parse(list)->states[0], static_cast<RequestState>(i));
  }
  for (size_t i = 0; i < Names<OfferState>::values.size(); ++i) {
    v1::ListOffersRequest list;
    list.set_parent("providers/azure");
    list.add_states(Rendered(static_cast<OfferState>(i)));
    EXPECT_EQ(Parse(list)->states[0], static_cast<OfferState>(i));
  }
}

TEST(Render, AnOfferShowsWhatItsStateHas) {
  RequestBook book = BookOf(GoodRequest());
  book.lineages.push_back({.number = 1, .segments = {{0, 8000}}});
  Offer offer;
  offer.number = 1;
  offer.lineage = 1;
  offer.kind = OfferKind::kAlternative;
  offer.provider = {"coreweave"};
  offer.quantity = 3000;
  offer.unit_price = book.request->terms.unit_price;
  offer.opened = kNow;
  offer.deadline = kNow + Seconds(10);
  for (size_t i = 0; i < Names<OfferState>::values.size(); ++i) {
    offer.state = static_cast<OfferState>(i);
    offer.answered = offer.state == OfferState::kOpen ? Instant{} : kNow + Seconds(5);
    const bool taken =
        offer.state == OfferState::kAccepted || offer.state == OfferState::kPartiallyAccepted;
    offer.allocation.quantity = taken ? 1000 : 0;
    const bool declined = offer.state == OfferState::kDeclined;
    offer.decline = declined ? DeclineReason::kPrice : DeclineReason::kNone;
    offer.allocation.state = taken ? AllocationState::kReleased : AllocationState::kNone;
    v1::Offer out;
    Render(kOwner, book, offer, kNow + Seconds(7), Viewer::kOther, &out);
    EXPECT_EQ(out.has_remaining(), offer.state == OfferState::kOpen);
    EXPECT_EQ(out.has_answer_time(), taken || declined || offer.state == OfferState::kCountered);
    EXPECT_EQ(out.has_counter(), offer.state == OfferState::kCountered);
    EXPECT_EQ(out.accepted_quantity(), offer.allocation.quantity);
    EXPECT_EQ(out.has_decline(), declined);
    EXPECT_EQ(out.allocation_state(),
              taken ? v1::Allocation::STATE_RELEASED : v1::Allocation::STATE_UNSPECIFIED);
    EXPECT_FALSE(out.has_clause());
    EXPECT_EQ(out.terms().quantity(), 3000);
    EXPECT_EQ(out.segments_size(), 1);
  }
  offer.state = OfferState::kOpen;
  v1::Offer late;
  Render(kOwner, book, offer, kNow + Seconds(11), Viewer::kOther, &late);
  EXPECT_EQ(late.remaining().seconds(), 0);
  EXPECT_EQ(late.remaining().nanos(), 0);
}

TEST(Render, ABidIsShownToItsBidderAndToOthersOnceTheRoundIsOver) {
  RequestBook book = BookOf(GoodRequest());
  book.lineages.push_back({.number = 1, .segments = {{0, 8000}}});
  Offer offer{.number = 1,
              .lineage = 1,
              .kind = OfferKind::kAlternative,
              .promise = Promise::kBid,
              .sealed = true};
  offer.provider = {"coreweave"};
  offer.quantity = offer.promised = 8000;
  offer.contingent = "a permit";
  offer.answer = std::make_shared<const Terms>(book.request->terms);
  offer.opened = kNow;
  offer.deadline = kNow + Seconds(10);
  for (const OfferState state :
       {OfferState::kOpen, OfferState::kAccepted, OfferState::kRescinded}) {
    offer.state = state;
    offer.answered = kNow;
    v1::Offer addressee, other;
    Render(kOwner, book, offer, kNow, Viewer::kAddressee, &addressee);
    Render(kOwner, book, offer, kNow, Viewer::kOther, &other);
    EXPECT_EQ(addressee.bid().contingent_on(), "a permit");
    EXPECT_EQ(other.has_bid(), state != OfferState::kOpen) << NameOf(state);
  }
}

TEST(Render, TriggerStatesHaveTheNamesOfTheRuleBook) {
  for (size_t i = 0; i < Names<TriggerState>::values.size(); ++i) {
    EXPECT_EQ(v1::TriggerAssertion::State_Name(Rendered(static_cast<TriggerState>(i))),
              "STATE_" + std::string(Names<TriggerState>::values[i]));
  }
}

TEST(Render, AnActCarriesItsOwnBytes) {
  Act act{.owner = kOwner, .sequence = 7, .time = kNow, .actor = {Role::kBroker, ""}};
  act.decisions = {{.kind = Kind::RECOVERY_RESUMED, .quantity = 3}};
  SealedAct sealed{.owner = kOwner, .sequence = 7, .time = kNow, .text = Encode(act)};
  sealed.hash = Chain(Hash{}, sealed.text);
  v1::Act out;
  ASSERT_TRUE(Render(sealed, &out).ok());
  EXPECT_EQ(out.body(), sealed.text);
  EXPECT_EQ(out.hash(), Bytes(sealed.hash));
  EXPECT_EQ(out.actor(), "broker");
  EXPECT_EQ(out.owner(), "owners/openai");
  EXPECT_EQ(out.capacity_request(), "");
  ASSERT_EQ(out.decisions_size(), 1);
  EXPECT_EQ(out.decisions(0).kind(), "RECOVERY_RESUMED");
  sealed.text = "{";
  v1::Act none;
  EXPECT_EQ(Render(sealed, &none).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace capbroker
