// Metrics of a story's decisions, read from a real registry.
#include "services/observability/domain_metrics.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "broker/deciding/decide.h"
#include "broker/trail/fold.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr Instant kNoon{1'790'000'000'000'000};

// Every sample by its name and labels, as the text format writes them.
std::map<std::string, double> Samples(const prometheus::Registry& registry) {
  std::map<std::string, double> samples;
  std::istringstream lines(prometheus::TextSerializer().Serialize(registry.Collect()));
  for (std::string line; std::getline(lines, line);) {
    const size_t space = line.rfind(' ');
    if (!line.starts_with('#')) samples[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return samples;
}

// One owner's acts, decided by hand and folded by the broker.
class DomainMetricsTest : public ::testing::Test {
 protected:
  DomainMetricsTest() {
    request_.id = MakeRequestId(kNoon, {1, 2});
    request_.terms.quantity = 8000;
    request_.segments = {{"PRODUCT_INFERENCE", "", 8000}};
    book_.owner = OwnerId{"openai"};
    activated_ = Activate();
  }

  Decision Of(Kind kind, uint32_t offer = 0) {
    Decision decision{.kind = kind};
    decision.offer = offer;
    decision.lineage = 1;
    decision.provider = ProviderId{offer == 2 ? "coreweave" : "azure"};
    if (kind == Kind::RIGHT_WAIVED) decision.clause = right_;
    return decision;
  }
  Decision Opened(uint32_t offer, OfferKind kind, Span window, int64_t quantity) {
    Decision opened = Of(Kind::OFFER_OPENED, offer);
    opened.offer_kind = kind;
    opened.quantity = quantity;
    opened.deadline = now_ + window;
    if (kind == OfferKind::kFirstOffer) opened.clause = right_;
    return opened;
  }
  Decision Quantity(Kind kind, uint32_t offer, int64_t quantity) {
    Decision decision = Of(kind, offer);
    decision.quantity = quantity;
    decision.segments = {{0, quantity}};
    return decision;
  }
  Decision Amount(Kind kind, int64_t dollars) {
    Decision decision = Of(kind, 1);
    decision.clause = {AgreementId{"azure"}, 1, ClauseId{"C4"}};
    decision.amount = {dollars * 1'000'000, *ParseCurrency("USD")};
    return decision;
  }

  Change Record(std::vector<Decision> decisions, Role role = Role::kProvider,
                bool account_only = false) {
    auto act = std::make_shared<Act>();
    act->owner = book_.owner;
    act->sequence = book_.sequence + 1;
    act->time = now_;
    act->actor = {role, "somebody"};
    if (!account_only) act->request = request_.id;
    act->decisions = std::move(decisions);
    EXPECT_EQ(Fold(book_, *act), absl::OkStatus());
    const RequestBook* found = account_only ? nullptr : book_.Find(request_.id);
    return {book_.owner, found == nullptr ? nullptr : std::make_shared<RequestBook>(*found), act};
  }
  Change Receive() {
    Decision received = Of(Kind::REQUEST_RECEIVED);
    received.request = std::make_shared<const Request>(request_);
    Decision route = Quantity(Kind::ROUTE_FIRST_REFUSAL, 0, 8000);
    route.clauses = {right_};
    return Record({received, route, Opened(1, OfferKind::kFirstOffer, Hours(2), 8000)},
                  Role::kOwner);
  }
  Change Activate() {
    AgreementVersion version;
    version.agreement = AgreementId{"azure"};
    version.version = 1;
    version.holder = ProviderId{"azure"};
    version.effective_from = kNoon;
    version.clauses.resize(4);
    version.clauses[0].id = ClauseId{"C4"};
    version.clauses[0].content = CommitmentClause{{1'000'000'000, *ParseCurrency("USD")}};
    version.clauses[1].id = ClauseId{"C3"};
    version.clauses[1].content = Waiver{.cap_quantity = 500};
    version.clauses[2].id = ClauseId{"C5"};
    version.clauses[2].content = Term{kNoon + Hours(24)};
    version.clauses[3].id = right_.clause;
    version.clauses[3].content = FirstRefusal{};
    Decision activated = Of(Kind::AGREEMENT_ACTIVATED);
    activated.agreement = std::make_shared<const AgreementVersion>(version);
    return Record({activated}, Role::kOperator, true);
  }
  static Standing Nothing() {
    Standing standing;
    for (const char* name : {"azure", "coreweave"})
      standing.directory.Put({.id = ProviderId{name}});
    return standing;
  }

  prometheus::Registry registry_;
  DomainMetrics metrics_{registry_};
  Request request_;
  Book book_;
  Instant now_ = kNoon;
  const ClauseRef right_{AgreementId{"azure"}, 1, ClauseId{"C2"}};
  Change activated_;  // The agreement, in the book from the first.
};

TEST_F(DomainMetricsTest, AStoryInNumbers) {
  metrics_.Begin(Nothing());
  metrics_.Add(Receive());
  EXPECT_EQ(Samples(registry_)[R"(capbroker_open_offers{kind="FIRST_OFFER",provider="azure"})"], 1);
  now_ = now_ + Seconds(3600);
  metrics_.Add(
      Record({Quantity(Kind::OFFER_PARTIALLY_ACCEPTED, 1, 2000),
              Quantity(Kind::ALLOCATION_HELD, 1, 2000), Of(Kind::RIGHT_WAIVED, 1),
              Of(Kind::FALLBACK_STARTED), Opened(2, OfferKind::kAlternative, Seconds(60), 6000)}));
  now_ = now_ + Seconds(60) + Span{20'000};
  Decision lapsed = Of(Kind::OFFER_LAPSED, 2);
  lapsed.deadline = now_ - Span{20'000};
  metrics_.Add(
      Record({lapsed, Of(Kind::FALLBACK_EXHAUSTED), Quantity(Kind::ALLOCATION_CONFIRMED, 1, 2000),
              Of(Kind::REQUEST_PARTIALLY_FULFILLED)},
             Role::kBroker));
  Decision late = Of(Kind::RESPONSE_REJECTED, 2);
  late.reason = "LATE_ANSWER";
  metrics_.Add(Record({late}));
  // Given back after it was confirmed: that is no leak.
  metrics_.Add(Record({Quantity(Kind::ALLOCATION_RELEASED, 1, 2000)}, Role::kOwner));

  auto samples = Samples(registry_);
  EXPECT_EQ(samples[R"(capbroker_decisions_total{kind="OFFER_OPENED"})"], 2);
  EXPECT_EQ(samples[R"(capbroker_decisions_total{kind="OFFER_DECLINED"})"], 0);
  EXPECT_EQ(samples[R"(capbroker_offers_opened_total{kind="ALTERNATIVE",provider="coreweave"})"],
            1);
  EXPECT_EQ(samples[R"(capbroker_open_offers{kind="FIRST_OFFER",provider="azure"})"], 0);
  EXPECT_EQ(samples[R"(capbroker_open_offers{kind="ALTERNATIVE",provider="coreweave"})"], 0);
  const std::string azure = R"(kind="FIRST_OFFER",outcome="PARTIALLY_ACCEPTED",provider="azure")";
  EXPECT_EQ(samples["capbroker_offers_total{" + azure + "}"], 1);
  EXPECT_EQ(samples["capbroker_offer_latency_seconds_sum{" + azure + "}"], 3600);
  EXPECT_EQ(samples["capbroker_offer_latency_seconds_bucket{" + azure + R"(,le="900"})"], 0);
  EXPECT_EQ(samples["capbroker_offer_latency_seconds_bucket{" + azure + R"(,le="3600"})"], 1);
  EXPECT_EQ(
      samples
          [R"(capbroker_offers_total{kind="ALTERNATIVE",outcome="LAPSED",provider="coreweave"})"],
      1);
  EXPECT_EQ(samples[R"(capbroker_deadline_slack_seconds_sum{kind="FIRST_OFFER",provider="azure"})"],
            3600);
  EXPECT_FALSE(samples.contains(
      R"(capbroker_deadline_slack_seconds_sum{kind="ALTERNATIVE",provider="coreweave"})"));
  EXPECT_EQ(samples[R"(capbroker_partial_acceptance_ratio_sum{provider="azure"})"], 0.25);
  EXPECT_EQ(samples[R"(capbroker_late_answers_total{provider="coreweave"})"], 1);
  EXPECT_EQ(samples[R"(capbroker_holds_total{outcome="CONFIRMED",provider="azure"})"], 1);
  EXPECT_EQ(samples[R"(capbroker_holds_total{outcome="RELEASED",provider="azure"})"], 0);
  EXPECT_NEAR(samples[R"(capbroker_time_to_placement_seconds_sum{outcome="PARTIALLY_FULFILLED"})"],
              3660.02, 1e-6);
  EXPECT_EQ(samples["capbroker_fallback_depth_sum"], 1);
  EXPECT_NEAR(samples["capbroker_deadline_fire_delay_seconds_sum"], 0.02, 1e-9);
}

TEST_F(DomainMetricsTest, AHoldThatIsNeverConfirmedLeaks) {
  metrics_.Begin(Nothing());
  metrics_.Add(Receive());
  metrics_.Add(Record({Quantity(Kind::OFFER_PARTIALLY_ACCEPTED, 1, 2000),
                       Quantity(Kind::ALLOCATION_HELD, 1, 2000)}));
  metrics_.Add(Record({Quantity(Kind::ALLOCATION_RELEASED, 1, 2000), Of(Kind::REQUEST_CANCELLED)},
                      Role::kOwner));
  auto samples = Samples(registry_);
  EXPECT_EQ(samples[R"(capbroker_holds_total{outcome="RELEASED",provider="azure"})"], 1);
  EXPECT_EQ(samples["capbroker_fallback_depth_count"], 1);
  EXPECT_EQ(samples.count(R"(capbroker_time_to_placement_seconds_count{outcome="CANCELLED"})"), 0);
}

TEST_F(DomainMetricsTest, WhatMayComeIsCountedFromZero) {
  metrics_.Begin(Nothing());
  auto samples = Samples(registry_);
  for (const char* name : {R"(capbroker_offers_opened_total{kind="MATCH",provider="azure"})",
                           R"(capbroker_declines_total{provider="azure",reason="PRICE"})",
                           R"(capbroker_holds_total{outcome="EXPIRED",provider="azure"})",
                           R"(capbroker_late_answers_total{provider="coreweave"})"}) {
    EXPECT_TRUE(samples.contains(name)) << name;
    EXPECT_EQ(samples[name], 0) << name;
  }
  const std::string lapsed =
      R"(capbroker_offers_total{kind="FIRST_OFFER",outcome="LAPSED",provider="azure"})";
  EXPECT_FALSE(samples.contains(lapsed)) << "not before an offer of this kind is out";
  metrics_.Add(Receive());
  samples = Samples(registry_);
  EXPECT_TRUE(samples.contains(lapsed));
  EXPECT_EQ(samples[lapsed], 0);
  for (const auto& [name, value] : samples)
    EXPECT_EQ(name.find("outcome=\"OPEN\""), std::string::npos) << name;
}

TEST_F(DomainMetricsTest, DeclinesByReason) {
  metrics_.Begin(Nothing());
  metrics_.Add(Receive());
  Decision declined = Of(Kind::OFFER_DECLINED, 1);
  declined.decline = DeclineReason::kNoCapacity;
  metrics_.Add(Record({declined}));
  EXPECT_EQ(
      Samples(registry_)[R"(capbroker_declines_total{provider="azure",reason="NO_CAPACITY"})"], 1);
}

TEST_F(DomainMetricsTest, BalancesFollowTheClause) {
  metrics_.Begin(Nothing());
  metrics_.Add(activated_);
  const std::string clause = R"({agreement="azure",clause="C4",currency="USD",owner="openai"})";
  EXPECT_EQ(Samples(registry_)["capbroker_commitment_left" + clause], 1000);
  EXPECT_EQ(Samples(registry_)["capbroker_commitment_since_timestamp_seconds" + clause],
            1'790'000'000);
  EXPECT_EQ(Samples(registry_)["capbroker_commitment_term_end_timestamp_seconds" + clause],
            1'790'086'400);
  metrics_.Add(Receive());
  metrics_.Add(
      Record({Quantity(Kind::OFFER_PARTIALLY_ACCEPTED, 1, 10),
              Quantity(Kind::ALLOCATION_HELD, 1, 10), Amount(Kind::COMMITMENT_RESERVED, 300)}));
  EXPECT_EQ(Samples(registry_)["capbroker_commitment_reserved" + clause], 300);
  Decision used = Quantity(Kind::WAIVER_DRAWN, 0, 40);
  used.clause = {AgreementId{"azure"}, 1, ClauseId{"C3"}};
  metrics_.Add(Record({Amount(Kind::COMMITMENT_DRAWN, 300), used}));
  auto samples = Samples(registry_);
  EXPECT_EQ(samples["capbroker_commitment_committed" + clause], 1000);
  EXPECT_EQ(samples["capbroker_commitment_reserved" + clause], 0);
  EXPECT_EQ(samples["capbroker_commitment_drawn" + clause], 300);
  EXPECT_EQ(samples["capbroker_commitment_left" + clause], 700);
  const std::string waiver = R"({agreement="azure",clause="C3",owner="openai"})";
  EXPECT_EQ(samples["capbroker_waiver_drawn_units" + waiver], 40);
  EXPECT_EQ(samples["capbroker_waiver_cap_units" + waiver], 500);
}

TEST_F(DomainMetricsTest, GaugesAreOfThePartitionsHeld) {
  metrics_.Begin(Nothing());
  metrics_.Add(activated_);
  metrics_.Add(Receive());
  Standing standing = Nothing();
  standing.accounts.emplace_back(book_.owner, book_.account);
  // One offer of this request, and one of another.
  standing.offers = {{request_.id, 1, OfferKind::kFirstOffer, ProviderId{"azure"}, true, false},
                     {RequestId{}, 1, OfferKind::kFirstOffer, ProviderId{"azure"}, true, false}};
  const std::string open = R"(capbroker_open_offers{kind="FIRST_OFFER",provider="azure"})";
  const std::string left =
      R"(capbroker_commitment_left{agreement="azure",clause="C4",currency="USD",owner="openai"})";
  metrics_.End();
  EXPECT_EQ(Samples(registry_)[open], 0);
  for (const auto& [name, value] : Samples(registry_)) {
    EXPECT_FALSE(name.starts_with("capbroker_commitment_")) << name;
  }
  EXPECT_EQ(Samples(registry_)[R"(capbroker_decisions_total{kind="OFFER_OPENED"})"], 1)
      << "counters stay";
  metrics_.Begin(standing);
  EXPECT_EQ(Samples(registry_)[open], 2);
  EXPECT_EQ(Samples(registry_)[left], 1000);
  EXPECT_EQ(Samples(registry_)["capbroker_recoveries_total"], 2);
  metrics_.Add(Record({Of(Kind::OFFER_LAPSED, 1)}, Role::kBroker));
  EXPECT_EQ(Samples(registry_)[open], 1);
}

TEST_F(DomainMetricsTest, LabelsAreBounded) {
  Standing standing;
  for (size_t i = 0; i < kMostProviders; ++i)
    standing.directory.Put({.id = ProviderId{Cat("p", i)}});
  metrics_.Begin(standing);
  metrics_.Add(Receive());  // azure is one too many.
  auto samples = Samples(registry_);
  EXPECT_EQ(samples[R"(capbroker_offers_opened_total{kind="FIRST_OFFER",provider="other"})"], 1);
  EXPECT_FALSE(
      samples.contains(R"(capbroker_offers_opened_total{kind="FIRST_OFFER",provider="azure"})"));
}

TEST_F(DomainMetricsTest, AProviderRegisteredLaterHasItsName) {
  metrics_.Begin({});
  Decision registered{.kind = Kind::PROVIDER_REGISTERED};
  registered.record = std::make_shared<const Provider>(Provider{.id = ProviderId{"azure"}});
  auto act = std::make_shared<Act>();
  act->owner = kDirectory;
  act->decisions = {registered};
  metrics_.Add({kDirectory, nullptr, act});
  metrics_.Add(Receive());
  auto samples = Samples(registry_);
  EXPECT_EQ(samples[R"(capbroker_offers_opened_total{kind="FIRST_OFFER",provider="azure"})"], 1);
  EXPECT_EQ(samples[R"(capbroker_decisions_total{kind="PROVIDER_REGISTERED"})"], 1);
}

}  // namespace
}  // namespace capbroker
