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
  Units units(64);
  EXPECT_TRUE(units.Move(Place::kFree, Place::kGone, 63));
  book.lineages = {{.number = 1,
                    .version = 2,
                    .route = Kind::ROUTE_WAIVED,
                    .stage = Lineage::Stage::kClosed,
                    .segments = {{0, 127}, {128, 1'000'000}},
                    .units = units,
                    .unplaced = {{31, 1}},
                    .rights = {{clause, Right::State::kEnded, true, true, Instant{1}}, {}},
                    .waivers = {clause, {}},
                    .drawn = {{clause, {{0, 64}}}, {}},
                    .absent = {ProviderId{"w"}},
                    .waivers_tested = Instant{2},
                    .skipped = {{ProviderId{"p"}, clause, "REASON", "text"}}},
                   {}};
  Offer offer{.number = 1, .lineage = 1, .version = 2, .replaces = 3, .successor = 4};
  offer.matches = 5;
  offer.rights_passed = 6;
  offer.kind = OfferKind::kAlternative;
  offer.state = OfferState::kVoided;
  offer.promise = Promise::kSelected;
  offer.decline = DeclineReason::kNone;
  offer.rejection_recorded = offer.sealed = offer.continues = offer.outmatched = true;
  offer.provider = ProviderId{"coreweave"};
  offer.clause = clause;
  offer.quantity = std::numeric_limits<int64_t>::max();
  offer.min_quantity = offer.quantity_step = offer.promised = -1;
  offer.unit_price = {1, {"USD"}};
  offer.terms = std::make_shared<Terms>(first.terms);
  offer.answer = std::make_shared<Terms>(first.terms);
  offer.contingent = offer.text = "when it rains";
  offer.ending = "CANCELLED";
  offer.terms_hash.fill(255);
  offer.opened = offer.deadline = offer.answered = offer.take_by = Instant{3};
  offer.allocation = {AllocationState::kExpired,
                      Allocation::Notice::kRelease,
                      -1,
                      {{2, 3}},
                      {{clause, {1, {"USD"}}}},
                      Instant{4},
                      Instant{5},
                      Instant{6},
                      Instant{7}};
  book.tolled = Instant{8};
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
  filed.Put(std::make_shared<RequestBook>(full));
  const auto before = filed.Read();
  filed.Pack(full.sequence - 1);  // It has moved since.
  EXPECT_EQ(filed.Read(), before);
  filed.Pack(full.sequence);
  filed.Pack(full.sequence);
  EXPECT_NE(filed.Read(), before);
  EXPECT_NE(filed.Read(), filed.Read());  // Not kept for having been read,
  EXPECT_TRUE(IsSame(*filed.Read(), full));
  EXPECT_TRUE(IsSame(filed.Wake(), full));
  EXPECT_EQ(filed.Read(), filed.Read());  // but for having been woken.
  EXPECT_TRUE(IsSame(*before, full));
}

}  // namespace
}  // namespace capbroker
