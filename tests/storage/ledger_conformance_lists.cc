#include <gmock/gmock.h>

#include "broker/values/refusal.h"
#include "tests/storage/ledger_conformance.h"

namespace capbroker {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// Adds requests `from` to `to` of `owner`, each with one offer; the states take turns.
void FillLists(Writer& writer, const OwnerId& owner, uint8_t from, uint8_t to) {
  writer.MustCommit([&](Batch& b) {
    for (uint8_t n = from; n <= to; ++n) {
      b.new_requests.push_back({owner, IdOf(n), static_cast<RequestState>(n % 11)});
      b.new_offers.push_back(OfferOf(owner, IdOf(n), 1));
      b.new_offers.back().state = static_cast<OfferState>(n % 9);
    }
  });
}

TEST_P(LedgerConformance, PagesNeitherShiftNorRepeatWhenRowsArrive) {
  Writer writer(ledger());
  FillLists(writer, kOpenai, 1, 20);
  FillLists(writer, kMistral, 5, 5);
  std::vector<uint8_t> requests, offers;
  std::string next;
  for (uint8_t fresh = 21;; ++fresh) {
    const auto page = other().ListRequests({kOpenai, {}}, 7, next);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const RequestRow& row : page->items) requests.push_back(row.request.bytes[15]);
    next = page->next;
    if (next.empty()) break;
    FillLists(writer, kOpenai, fresh, fresh);
  }
  std::vector<uint8_t> want;
  for (uint8_t n = 20; n > 0; --n) want.push_back(n);
  EXPECT_EQ(requests, want);

  for (uint8_t fresh = 101;; ++fresh) {
    const auto page = other().ListOffers({kAzure, {}}, 7, next);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const OfferRow& row : page->items) {
      if (row.owner == kOpenai && row.request.bytes[15] <= 20)
        offers.push_back(row.request.bytes[15]);
    }
    next = page->next;
    if (next.empty()) break;
    FillLists(writer, kMistral, fresh, fresh);
  }
  EXPECT_EQ(offers, want);
}

TEST_P(LedgerConformance, ListsByState) {
  Writer writer(ledger());
  FillLists(writer, kOpenai, 1, 30);
  const auto blocked = other().ListRequests({kOpenai, {RequestState::kBlocked}}, 2, "");
  ASSERT_THAT(blocked->items, SizeIs(2));
  EXPECT_EQ(blocked->items[0].request, IdOf(27));
  EXPECT_EQ(blocked->items[1].request, IdOf(16));
  const auto rest = other().ListRequests({kOpenai, {RequestState::kBlocked}}, 2, blocked->next);
  ASSERT_THAT(rest->items, SizeIs(1));
  EXPECT_EQ(rest->next, "");
  const auto two = other().ListRequests(
      {kOpenai, {RequestState::kExpired, RequestState::kReceived, RequestState::kExpired}}, 50, "");
  ASSERT_THAT(two->items, SizeIs(4));
  EXPECT_EQ(two->items[0].request, IdOf(22));
  EXPECT_EQ(two->items[1].request, IdOf(21));
  const auto open = other().ListOffers({kAzure, {OfferState::kOpen}}, 50, "");
  ASSERT_THAT(open->items, SizeIs(3));
  EXPECT_EQ(open->items[0].request, IdOf(27));
  EXPECT_THAT(other().ListOffers({{"coreweave"}, {}}, 50, "")->items, IsEmpty());
  // The latest offer of a request comes first; sizes are clamped to their bounds.
  writer.MustCommit([](Batch& b) { b.new_offers = {OfferOf(kOpenai, IdOf(27), 2)}; });
  EXPECT_EQ(other().ListOffers({kAzure, {OfferState::kOpen}}, 0, "")->items.at(0).offer, 2u);
  EXPECT_THAT(other().ListRequests({kOpenai, {}}, 4'000'000'000, "")->items, SizeIs(30));
}

TEST_P(LedgerConformance, AStrangePageTokenIsRefused) {
  Writer writer(ledger());
  FillLists(writer, kOpenai, 1, 5);
  const std::string requests = ledger().ListRequests({kOpenai, {}}, 2, "")->next;
  const std::string offers = ledger().ListOffers({kAzure, {}}, 2, "")->next;
  ASSERT_NE(requests, "");
  ASSERT_NE(offers, "");
  std::string bent = requests;
  bent[bent.size() / 2] = bent[bent.size() / 2] == 'A' ? 'B' : 'A';
  for (const std::string& token :
       {std::string("x"), std::string("not base64 !"), bent, offers,
        requests.substr(0, requests.size() - 2), requests + "AAAA", std::string(5, '\0')}) {
    const absl::Status status = ledger().ListRequests({kOpenai, {}}, 2, token).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << token << ": " << status;
    EXPECT_EQ(FieldOf(status), "page_token");
  }
  EXPECT_TRUE(absl::IsInvalidArgument(ledger().ListRequests({kMistral, {}}, 2, requests).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      ledger().ListRequests({kOpenai, {RequestState::kBlocked}}, 2, requests).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ledger().ListOffers({kAzure, {}}, 2, requests).status()));
}

}  // namespace
}  // namespace capbroker
