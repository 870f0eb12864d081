// Random agreements, requests, answers, amendments and clock moves: whatever comes, the invariants
// hold after every act, by the book's own state and by a second reading of the trail, and the same
// inputs give the same trail.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>

#include "broker/deciding/invariants.h"
#include "broker/trail/describe.h"
#include "broker/trail/dues.h"
#include "tests/broker/story.h"

namespace capbroker {
namespace {

// A hundred cases of the property, each of so many worlds that take so many steps: 100,000 at
// least.
constexpr uint64_t kWorlds = 5;
constexpr int64_t kLeastSteps = 200;
constexpr int64_t kMostSteps = 250;

// A world driven by one seed: the same seed takes the same steps, so that fewer steps are a prefix
// of more.
class World {
 public:
  explicit World(uint64_t seed) : random_(seed), story_(RandomAgreement()) {
    Provider dear = *story_.directory.Find(ProviderId{"stargate-softbank"});
    dear.rates = {{"h100", "us-east", *ParseMoney(Any<const char*>({"3 USD", "2 USD"}))}};
    story_.directory.Put(dear);
    Provider affiliate = *story_.directory.Find(ProviderId{"coreweave"});
    if (Odds(3)) affiliate.affiliates = {{Any<const char*>({"azure", "stargate-oracle"})}};
    affiliate.unhealthy = Odds(4);
    story_.directory.Put(affiliate);
    story_.is_told = true;
  }

  void Step() {
    const int64_t what = Between(0, 19);
    if (what <= 3 || requests_.empty()) {
      if (story_.Create(RandomRequest()).ok()) requests_.push_back(story_.current);
      return;
    }
    story_.current =
        requests_[static_cast<size_t>(Between(0, static_cast<int64_t>(requests_.size()) - 1))];
    if (what <= 11) {
      Answer();
    } else if (what == 12) {
      story_.MoveTo(story_.now + Hours(Between(0, 60)));
    } else if (what <= 14) {
      Change();
    } else if (what <= 16) {
      Allocate();
    } else if (what == 17) {
      Outage();
    } else if (what == 18) {
      Waive();
    } else {
      Trigger();
    }
  }

  // Everything ends in time; what is blocked at its request's expiry.
  void Finish() { story_.MoveTo(story_.now + Hours(24 * 400)); }

  std::vector<std::string> Broken() const {
    std::vector<std::string> broken = BrokenInvariants(story_.book);
    broken.insert(broken.end(), story_.broken.begin(), story_.broken.end());
    return broken;
  }
  // The trail of the request that a finding names, in words.
  std::string Tell(const std::string& finding) const {
    std::string out;
    auto found = story_.trails.find(story_.current);
    for (const RequestId& id : requests_) {
      if (finding.find(Format(id)) != std::string::npos) found = story_.trails.find(id);
    }
    if (found == story_.trails.end()) return out;
    for (const Act& act : found->second) {
      out += Cat(Format(act.time), " ", Format(act.actor), "\n");
      for (const Decision& d : act.decisions)
        out += Cat("    ", NameOf(d.kind), "  ", Describe(d), "\n");
    }
    return out;
  }
  const Story& story() const { return story_; }
  const std::vector<RequestId>& requests() const { return requests_; }

 private:
  bool Odds(int64_t one_in) { return Between(1, one_in) == 1; }
  int64_t Between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(random_() % static_cast<uint64_t>(most - least + 1));
  }
  template <class T>
  T Any(std::initializer_list<T> from) {
    return from.begin()[Between(0, static_cast<int64_t>(from.size()) - 1)];
  }
  Span Maybe(int64_t least, int64_t most) { return Odds(2) ? Span{} : Hours(Between(least, most)); }

  Window RandomWindow(int64_t most, bool business_days) {
    if (business_days && Odds(3))
      return Window::BusinessDays(Between(1, 5), Maybe(1, 24).micros / Seconds(60).micros);
    return Hours(Between(1, most));
  }
  Window MaybeWindow(int64_t most, bool business_days) {
    return Odds(2) ? Window{} : RandomWindow(most, business_days);
  }

  void RandomizeRight(Clause& clause) {
    Asking& asking = *AskingOf(clause);
    const bool office = Odds(3);
    asking.calendar = office ? "office" : "";
    asking.window = RandomWindow(60, office);
    asking.parts = {};
    if (Odds(2)) asking.parts = {true, Between(0, 60), Between(0, 9)};
    asking.toll_over = Hours(Between(0, 3));
    asking.counter_window = MaybeWindow(30, office);
    asking.confirm_within = Odds(3) ? Hours(Between(1, 30)) : Span{};
    asking.withdraw_notice = Maybe(1, 100);
    asking.release_notice = Maybe(1, 100);
    asking.min_remaining = Maybe(1, 20);
    asking.void_on_end = Odds(2);
    auto* right = As<FirstRefusal>(clause);
    if (right == nullptr) return;
    right->mode = Any({Mode::kFirstOffer, Mode::kMatch, Mode::kFirstOfferThenMatch});
    right->match_window = MaybeWindow(30, office);
    right->match_always = Odds(3);
    right->contingent_bids = Odds(3);
    right->close_within = Odds(3) ? Hours(Between(1, 200)) : Span{};
    right->reoffer = Odds(2);
    right->reoffer_window = MaybeWindow(30, office);
    right->price_tolerance_ppm = Any<int64_t>({0, 20'000, 300'000});
    right->start_tolerance = Maybe(1, 100);
    if (Odds(3)) {
      asking.aggregation_window = Hours(Between(1, 100));
      clause.scope.min_quantity = Between(1, 150);
    }
  }

  AgreementVersion RandomAgreement() {
    AgreementVersion version = SeedAgreement();
    version.calendars = {{"office", "America/Los_Angeles", {}, {"2025-02-17"}}};
    for (int64_t day = 1; day <= 5; ++day)
      version.calendars[0].hours.push_back({day, 9 * 60, 17 * 60});
    RandomizeRight(version.clauses[0]);
    RandomizeRight(version.clauses[1]);
    auto* waiver = As<Waiver>(version.clauses[2]);
    waiver->min_share_ppm = Between(0, 1'000'000);
    waiver->cap_quantity = Any<int64_t>({0, 50, 200, 2'000});
    As<CommitmentClause>(version.clauses[3])->amount.micros = Between(1, 1'000'000) * 1'000'000;
    if (Odds(4)) version.clauses[4].content = Term{kNoon + Hours(Between(50, 1'500))};
    if (Odds(2)) {  // A junior right.
      Clause junior = version.clauses[1];
      junior.id = ClauseId{"C9"};
      As<FirstRefusal>(junior)->priority = 1;
      RandomizeRight(junior);
      version.clauses.push_back(junior);
    }
    Clause trigger;
    trigger.id = ClauseId{"T1"};
    trigger.text = "declared";
    trigger.content = TriggerClause{
        .ends = {Any<ClauseId>({{"C1"}, {"C2"}, {"C4"}})},
        .attesters = {"auditor/kpmg", "provider/azure"},
        .quorum = Between(0, 2),
        .threshold = Odds(2) ? *ParseMoney("100 USD") : Money{},
        .dispute_window = Maybe(1, 50),
    };
    version.clauses.push_back(trigger);
    return version;
  }

  Request RandomRequest() {
    Request request = SomeRequest(1, "X");
    Vary(request);
    request.accept_late = Odds(2);
    request.fallback.confirm_within = Odds(3) ? Hours(Between(1, 30)) : Span{};
    request.fallback.withdraw_notice = Maybe(1, 100);
    return request;
  }

  void Vary(Request& request) {
    request.segments.clear();
    request.terms.quantity = 0;
    for (int64_t i = Between(1, 4); i-- > 0;) {
      request.segments.push_back(
          {Any<const char*>({"API_SERVING", "PRODUCT_INFERENCE", "MODEL_DEVELOPMENT"}),
           Any<const char*>({"", "TRAINING", "OTHER"}), Between(1, 100)});
      request.terms.quantity += request.segments.back().quantity;
    }
    request.terms.start = story_.now + Hours(Between(150, 500));
    request.terms.end = request.terms.start + Hours(Between(1, 1'000));
    request.terms.region = Any<const char*>({"us-east", "eu-north"});
    request.splittable = Odds(2);
    request.smallest_useful = Odds(2) ? 0 : Between(0, request.terms.quantity);
    request.renewal = Odds(10);
    request.needed_by = request.expiry = request.terms.start;
    VaryFallback(request);
    request.price_cap = Odds(2) ? *ParseMoney("4 USD") : Money{};
  }

  void VaryFallback(Request& request) {
    Fallback& fallback = request.fallback;
    fallback.step_window = Hours(Between(1, 48));
    fallback.kind = Any({FallbackKind::kSequential, FallbackKind::kFanOut, FallbackKind::kCheapest,
                         FallbackKind::kNone});
    fallback.fan_out = fallback.kind == FallbackKind::kFanOut ? Between(2, 4) : 0;
    fallback.providers = {{"stargate-oracle"}, {"azure"}, {"coreweave"}};
    if (Odds(3)) fallback.providers.clear();
  }

  const Offer* SomeOffer() {
    const RequestBook& request = story_.Get();
    if (request.offers.empty()) return nullptr;
    const auto open = std::find_if(request.offers.begin(), request.offers.end(),
                                   [](const Offer& o) { return o.state == OfferState::kOpen; });
    if (open != request.offers.end() && !Odds(8)) return &*open;
    return &request.offers[static_cast<size_t>(
        Between(0, static_cast<int64_t>(request.offers.size()) - 1))];
  }

  // Mostly the addressee; sometimes somebody else, or too late.
  void Answer() {
    const Offer* found = SomeOffer();
    if (found == nullptr) return;
    const Offer offer = *found;
    const Actor actor{Role::kProvider, Odds(12) ? "coreweave" : offer.provider.value};
    Terms terms = TermsOf(story_.Get(), offer);
    terms.quantity = Odds(2) ? offer.quantity : Between(1, offer.quantity);
    terms.unit_price.micros = Between(1, 5) * 1'000'000;
    if (Odds(4)) terms.start = terms.start + Hours(Between(0, 50));
    if (terms.end <= terms.start) terms.end = terms.start + Hours(1);
    switch (Between(0, 6)) {
      case 0:
      case 1:
        story_.Decline(actor.name, offer.number, Odds(3) ? Hours(Between(1, 30)) : Span{})
            .IgnoreError();
        break;
      case 2:
        story_.Do(actor, CounterOffer{story_.current, offer.number, terms}).IgnoreError();
        break;
      case 3:
        story_.Do(actor, SubmitBid{story_.current, offer.number, terms, Odds(4) ? "permits" : ""})
            .IgnoreError();
        break;
      case 4:
        story_.Do(Owner(), AnswerCounter{story_.current, offer.number, Odds(2)}).IgnoreError();
        break;
      default:
        story_.Accept(actor.name, offer.number, Odds(2) ? 0 : Between(-1, offer.quantity + 1))
            .IgnoreError();
    }
  }

  void Change() {
    const uint32_t offer = static_cast<uint32_t>(Between(1, 4));
    switch (Between(0, 7)) {
      case 0:
        story_.Do(Owner(), CancelRequest{story_.current, ""}).IgnoreError();
        break;
      case 1:
        story_.Do(Owner(), ExtendOffer{story_.current, offer, story_.now + Hours(Between(1, 90))})
            .IgnoreError();
        break;
      case 2:
        story_.Do(Operator(), TollOffer{story_.current, offer, Hours(Between(1, 9)), "mended"})
            .IgnoreError();
        break;
      case 3:
        story_.Do(Operator(), VoidOffer{story_.current, offer, "wrong notice"}).IgnoreError();
        break;
      case 4:
        story_.Do({Role::kBroker, ""}, RecordNotice{story_.current, offer, "DELIVERED", "watch"})
            .IgnoreError();
        break;
      default:
        Amend();
    }
  }

  void Amend() {
    Request next = *story_.Get().request;
    next.version = 0;
    switch (Between(0, 6)) {
      case 0:
        Vary(next);
        break;
      case 1:
        next.terms.unit_price.micros += Between(-100, 100) * 1'000;
        break;
      case 2:
        next.terms.start = next.terms.start + Hours(Between(0, 20));
        break;
      case 3: {
        const int64_t more = Between(-20, 60);
        next.segments[0].quantity += more;
        next.terms.quantity += more;
        break;
      }
      case 4:
        next.price_cap = Any({*ParseMoney("5 USD"), *ParseMoney("3 USD"), Money{}});
        break;
      case 5:
        VaryFallback(next);
        break;
      default:
        next.labels = {{"team", Any<const char*>({"a", "b"})}};
    }
    story_.Do(Owner(), AmendRequest{story_.current, next}).IgnoreError();
  }

  void Allocate() {
    const Offer* offer = SomeOffer();
    if (offer == nullptr) return;
    for (const Offer& other : story_.Get().offers) {
      if (other.allocation.IsStanding() && Odds(2)) offer = &other;
    }
    const Actor provider{Role::kProvider, offer->provider.value};
    switch (Between(0, 3)) {
      case 0:
        story_.Do(Owner(), ReleaseAllocation{story_.current, offer->number, ""}).IgnoreError();
        break;
      case 1:
        story_.Do(provider, WithdrawAllocation{story_.current, offer->number, ""}).IgnoreError();
        break;
      default:
        story_.Do(provider, ConfirmAllocation{story_.current, offer->number}).IgnoreError();
    }
  }

  void Outage() {
    const Instant since = story_.now;
    story_.now = story_.now + Hours(Between(0, 5));
    const Span toll_over = Hours(Between(0, 2));
    for (const RequestId& id : RequestsToToll(story_.book, since, toll_over, story_.now)) {
      story_.Do({Role::kBroker, ""}, Resume{id, since, toll_over}).IgnoreError();
    }
    story_.Do({Role::kBroker, ""}, Resume{{}, since, toll_over}).IgnoreError();
    story_.MoveTo(story_.now);
  }

  void Waive() {
    Grant grant;
    grant.agreement = AgreementId{"azure"};
    grant.waiver.id = ClauseId{Cat("W", Between(1, 9))};
    Waiver waiver;
    waiver.lifts = {Any<ClauseId>({{"C1"}, {"C2"}, {"C9"}})};
    waiver.cap_quantity = Any<int64_t>({0, 0, 100});
    if (Odds(3)) waiver.start_time = story_.now + Hours(Between(1, 40));
    grant.waiver.content = waiver;
    if (Odds(2)) grant.request = story_.current;
    if (Odds(4)) grant.provider = ProviderId{"coreweave"};
    const Actor holder{Role::kProvider, Odds(9) ? "coreweave" : "azure"};
    if (Odds(3)) {
      story_.Do(holder, RevokeWaiver{grant.agreement, grant.waiver.id, ""}).IgnoreError();
    } else {
      story_.Do(holder, GrantWaiver{grant}).IgnoreError();
    }
  }

  void Trigger() {
    const AgreementId agreement{"azure"};
    const ClauseId trigger{"T1"};
    const Actor auditor{Role::kAuditor, Odds(5) ? "nobody" : "kpmg"},
        holder{Role::kProvider, "azure"};
    const Money measure = Odds(2) ? Money{} : *ParseMoney(Any<const char*>({"99 USD", "100 USD"}));
    if (Odds(40)) {
      const Instant end = story_.now + Hours(Between(1, 100));
      for (const Actor& party : {Owner(), holder})
        if (Odds(2))
          story_.Do(party, TerminateAgreement{agreement, 0, end, "a settlement"}).IgnoreError();
      return;
    }
    switch (Between(0, 7)) {
      case 0:
        story_.Do(Owner(), DisputeTrigger{agreement, trigger, "no"}).IgnoreError();
        break;
      case 1:
        story_.Do(Operator(), ResolveDispute{agreement, trigger, Odds(2), "court"}).IgnoreError();
        break;
      case 2:
        story_.Do(auditor, WithdrawTrigger{agreement, trigger, ""}).IgnoreError();
        break;
      case 3:
      case 4:
        story_.Do(auditor, AssertTrigger{agreement, trigger, "it is so"}).IgnoreError();
        break;
      default:
        story_.Do(Odds(2) ? holder : auditor, AttestTrigger{agreement, trigger, measure, ""})
            .IgnoreError();
    }
  }

  static Actor Owner() { return {Role::kOwner, "openai"}; }
  static Actor Operator() { return {Role::kOperator, "ops"}; }

  std::mt19937_64 random_;
  Story story_;
  std::vector<RequestId> requests_;
};

void Check(const World& world) {
  const std::vector<std::string> broken = world.Broken();
  if (!broken.empty()) RC_LOG() << world.Tell(broken[0]);
  RC_ASSERT(broken == std::vector<std::string>());
}

int64_t steps_taken = 0;
std::set<Kind> seen;

void Live(uint64_t seed, int64_t steps) {
  World world(seed);
  for (int64_t step = 0; step < steps; ++step) {
    world.Step();
    Check(world);
  }
  steps_taken += steps;
  // State is the fold of decisions: each request alone, from its own acts, is what the book says.
  for (const RequestId& id : world.requests()) {
    const RequestBook folded = *FoldRequest(world.story().trails.at(id));
    const RequestBook& kept = *world.story().book.Find(id);
    RC_ASSERT(folded.state == kept.state);
    RC_ASSERT(folded.Standing() == kept.Standing());
    const Account& account = world.story().book.account;
    RC_ASSERT(DueTime(account, folded) == DueTime(account, kept));
    RC_ASSERT(folded.sequence == kept.sequence);
  }
  world.Finish();
  Check(world);
  for (const RequestId& id : world.requests())
    RC_ASSERT(IsFinished(world.story().book.Find(id)->state));
  seen.insert(world.story().seen.begin(), world.story().seen.end());
}

RC_GTEST_PROP(Properties, InvariantsHoldAfterEveryAct, (uint64_t seed)) {
  const auto steps = *rc::gen::inRange<int64_t>(kLeastSteps, kMostSteps + 1);
  for (uint64_t world = 0; world < kWorlds; ++world) Live(seed * kWorlds + world, steps);
}

// What the property says is worth what it has met: every kind of decision about requests and
// rights.
TEST(Properties, MeetsEveryKind) {
  if (steps_taken < 100 * static_cast<int64_t>(kWorlds) * kLeastSteps)
    GTEST_SKIP() << steps_taken << " steps were taken";
  std::cout << steps_taken << " steps taken\n";
  for (size_t i = 0; i < Names<Kind>::values.size(); ++i) {
    const std::string_view name = Names<Kind>::values[i];
    const bool elsewhere =
        name.starts_with("PROVIDER_") || name == "RECOVERY_RESUMED" ||
        name == "AGREEMENT_SUPERSEDED" ||
        name == "COMMITMENT_INCREASED";  // The directory's, the sequencer's, the next version's.
    EXPECT_TRUE(elsewhere || seen.contains(static_cast<Kind>(i))) << name;
  }
}

// Invariant 10: to the byte, since the chain covers every byte.
TEST(Properties, TheSameSeedGivesTheSameTrail) {
  for (const uint64_t seed : {1u, 2u, 3u}) {
    World one(seed), other(seed);
    for (int64_t step = 0; step < kMostSteps; ++step) {
      one.Step();
      other.Step();
    }
    EXPECT_EQ(Hex(one.story().book.hash), Hex(other.story().book.hash));
    EXPECT_GT(one.story().book.sequence, 10u);
  }
}

}  // namespace
}  // namespace capbroker
