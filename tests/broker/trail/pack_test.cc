#include "broker/trail/pack.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/broker/story.h"
#include "tests/broker/trail/same_request.h"

namespace capbroker {
namespace {

// Numbers of every length and sign, texts empty, long and with a zero in them; everything that may
// be absent, there.
RequestBook Full() {
  Request first = SomeRequest(8000, "PRODUCT_INFERENCE");
  first.labels = {{"team", std::string(1000, 'x')}, {"", ""}};
  first.terms.conditions = {"one", std::string("t\0o", 3)};
  first.price_cap = {-1, {"EUR"}};
  first.fallback.providers = {ProviderId{"a"}, ProviderId{std::string(63, 'z')}};
  Request second = first;
  second.version = 2;
  RequestBook book;
  book.versions = {std::make_shared<Request>(first), std::make_shared<Request>(second)};
  book.request = book.versions.back();
  book.state = RequestState::kExpired;
  book.sequence = std::numeric_limits<uint64_t>::max();
  book.created = Instant{std::numeric_limits<int64_t>::min()};
  book.updated = kLastInstant;
  const ClauseRef clause{AgreementId{"azure"}, 2, ClauseId{"C2"}};
  book.lineages = {{.number = 1,
                    .route = Kind::ROUTE_WAIVED,
                    .stage = Lineage::Stage::kClosed,
                    .segments = {0, 127, 128, 1'000'000},
                    .rights = {{clause, true, Instant{1}, 63, true, true}, {}},
                    .waivers = {clause, {}},
                    .drawn = {{AgreementId{"b"}, ClauseId{"C"}, -64}},
                    .candidate = 7,
                    .quantity = 64,
                    .remaining = -65,
                    .blocked = Instant{2},
                    .skipped = {{ProviderId{"p"}, clause, "REASON", "text"}}},
                   {}};
  Offer offer{.number = 1, .lineage = 1, .version = 2, .replaces = 3, .successor = 4};
  offer.kind = OfferKind::kAlternative;
  offer.state = OfferState::kVoided;
  offer.allocation = AllocationState::kExpired;
  offer.decline = DeclineReason::kNone;
  offer.rejection_recorded = offer.sealed = offer.has_bid = offer.standby = offer.returned = true;
  offer.provider = ProviderId{"coreweave"};
  offer.clause = offer.commitment = clause;
  offer.quantity = std::numeric_limits<int64_t>::max();
  offer.min_quantity = offer.quantity_step = offer.promised = offer.accepted = -1;
  offer.unit_price = offer.committed = {1, {"USD"}};
  offer.terms = std::make_shared<Terms>(first.terms);
  offer.answer = std::make_shared<Terms>(first.terms);
  offer.contingent = offer.text = "when it rains";
  offer.terms_hash.fill(255);
  offer.opened = offer.deadline = offer.answered = offer.tolled = offer.take_by = offer.confirm_by =
      offer.withdraws = offer.confirmed = offer.ended = Instant{3};
  book.offers = {offer, {}};
  book.reasons = {{ProviderId{"q"}, {}, "", ""}};
  return book;
}

TEST(Pack, KeepsEverything) {
  const RequestBook full = Full();
  const auto unpacked = Unpack(Pack(full));
  EXPECT_TRUE(IsSame(*unpacked, full));
  EXPECT_EQ(unpacked->request, unpacked->versions.back());
  EXPECT_TRUE(IsSame(*Unpack(Pack(RequestBook())), RequestBook()));
}

TEST(Pack, AFiledRequestWakesAsItWas) {
  const RequestBook full = Full();
  Filed filed;
  EXPECT_TRUE(filed.IsEmpty());
  filed.Put(std::make_shared<RequestBook>(full));
  const auto before = filed.Read();
  filed.Pack(full.sequence - 1);  // It has moved since.
  EXPECT_EQ(filed.Read(), before);
  filed.Pack(full.sequence);
  filed.Pack(full.sequence);
  EXPECT_FALSE(filed.IsEmpty());
  EXPECT_NE(filed.Read(), before);
  EXPECT_NE(filed.Read(), filed.Read());  // Not kept for having been read,
  EXPECT_TRUE(IsSame(*filed.Read(), full));
  EXPECT_TRUE(IsSame(filed.Wake(), full));
  EXPECT_EQ(filed.Read(), filed.Read());  // but for having been woken.
  EXPECT_TRUE(IsSame(*before, full));
}

}  // namespace
}  // namespace capbroker
