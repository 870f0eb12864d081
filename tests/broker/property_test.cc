// Random agreements, requests, answers and clock moves: the invariants hold after every act, and the same
// acts fold to the same book.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "broker/invariants.h"
#include "tests/broker/story.h"

namespace capbroker {
namespace {

template <class T>
T Any(std::initializer_list<T> from) {
  return *rc::gen::elementOf(std::vector<T>(from));
}

int64_t Between(int64_t least, int64_t most) { return *rc::gen::inRange(least, most + 1); }

AgreementVersion RandomAgreement() {
  AgreementVersion version = SeedAgreement();
  Clause& first = version.clauses[1];
  first.window = Hours(Between(1, 100));
  first.partial = *rc::gen::arbitrary<bool>();
  first.min_quantity = first.partial ? Between(0, 60) : 0;
  first.quantity_step = first.partial ? Between(0, 9) : 0;
  first.toll_over = Hours(Between(0, 3));
  version.clauses[0].window = Hours(Between(1, 50));
  version.clauses[2].min_share_ppm = Between(0, 1'000'000);
  version.clauses[2].cap_quantity = Any<int64_t>({0, 50, 200});
  version.clauses[3].amount.micros = Between(1, 1'000'000) * 1'000'000;
  return version;
}

Request RandomRequest(Instant now) {
  Request request = SomeRequest(1, "X");
  request.segments.clear();
  request.terms.quantity = 0;
  for (int64_t i = Between(1, 4); i-- > 0;) {
    request.segments.push_back({Any<std::string>({"API_SERVING", "PRODUCT_INFERENCE", "MODEL_DEVELOPMENT"}),
                                Any<std::string>({"", "TRAINING", "OTHER"}), Between(1, 100)});
    request.terms.quantity += request.segments.back().quantity;
  }
  request.terms.start = now + Hours(Between(50, 400));
  request.terms.end = request.terms.start + Hours(Between(1, 1000));
  request.terms.region = Any<std::string>({"us-east", "eu-north"});
  request.splittable = *rc::gen::arbitrary<bool>();
  request.smallest_useful = Between(0, request.terms.quantity);
  request.renewal = Between(0, 9) == 0;
  request.needed_by = request.expiry = request.terms.start;
  request.fallback.step_window = Hours(Between(1, 48));
  if (Between(0, 1) == 0) request.fallback.providers = {{"stargate-oracle"}, {"azure"}, {"coreweave"}};
  if (Between(0, 2) == 0) request.fallback.providers.clear();
  if (Between(0, 1) == 0) request.price_cap = *ParseMoney("4 USD");
  return request;
}

void Answer(Story& story, const Offer& offer) {
  const int64_t quantity = Between(0, 1) == 0 ? 0 : Between(-1, offer.quantity + 1);
  // Mostly the addressee; sometimes somebody else, or too late.
  const std::string provider = Between(0, 9) == 0 ? "coreweave" : offer.provider.value;
  if (Between(0, 2) == 0) {
    story.Decline(provider, offer.number, Hours(Between(0, 30))).IgnoreError();
  } else {
    story.Accept(provider, offer.number, quantity).IgnoreError();
  }
}

void Check(const Story& story) {
  const std::vector<std::string> broken = BrokenInvariants(story.book);
  RC_ASSERT(broken == std::vector<std::string>());
}

RC_GTEST_PROP(Properties, InvariantsHoldAfterEveryAct, ()) {
  Story story(RandomAgreement());
  Provider dear = *story.directory.Find(ProviderId{"stargate-softbank"});
  dear.rates = {{"h100", "us-east", *ParseMoney("3 USD")}};
  story.directory.Put(dear);
  std::vector<RequestId> requests;
  for (int64_t steps = Between(10, 80); steps-- > 0;) {
    const int64_t what = Between(0, 9);
    if (what <= 1 || requests.empty()) {
      const Request request = RandomRequest(story.now);
      if (story.Create(request).ok()) requests.push_back(story.current);
    } else {
      story.current = *rc::gen::elementOf(requests);
      const RequestBook& request = story.Get();
      if (what <= 6 && !request.offers.empty()) {
        // Mostly what is open; sometimes what is past.
        const auto open = std::find_if(request.offers.begin(), request.offers.end(),
                                       [](const Offer& o) { return o.state == OfferState::kOpen; });
        const Offer offer =
            open == request.offers.end() || Between(0, 9) == 0 ? request.offers.front() : *open;
        Answer(story, offer);
      } else if (what == 7) {
        story.MoveTo(story.now + Hours(Between(0, 60)));
      } else if (what == 8) {
        const uint32_t offer = static_cast<uint32_t>(Between(1, 3));
        const Actor owner{Role::kOwner, "openai"};
        switch (Between(0, 2)) {
          case 0:
            story.Do(owner, CancelRequest{story.current, ""}).IgnoreError();
            break;
          case 1:
            story.Do(owner, ReleaseAllocation{story.current, offer, ""}).IgnoreError();
            break;
          default:
            story.Do(owner, ExtendOffer{story.current, offer, story.now + Hours(Between(1, 90))})
                .IgnoreError();
        }
      } else {
        const Instant since = story.now;
        story.now = story.now + Hours(Between(0, 5));
        for (const RequestId& id : RequestsToToll(story.book, since, story.now)) {
          story.Do({Role::kBroker, ""}, Resume{id, since}).IgnoreError();
        }
        story.MoveTo(story.now);
      }
    }
    Check(story);
  }
  // State is the fold of decisions: each request alone, from its own acts, is what the book says.
  for (const RequestId& id : requests) {
    const RequestBook folded = FoldRequest(story.trails[id]);
    const RequestBook& kept = *story.book.Find(id);
    RC_ASSERT(folded.state == kept.state);
    RC_ASSERT(folded.Standing() == kept.Standing());
    RC_ASSERT(folded.NextDeadline() == kept.NextDeadline());
    RC_ASSERT(folded.sequence == kept.sequence);
  }
  // In the end everything ends.
  story.MoveTo(story.now + Hours(24 * 60));
  Check(story);
  for (const RequestId& id : requests) RC_ASSERT(IsFinished(story.book.Find(id)->state));
}

}  // namespace
}  // namespace capbroker
