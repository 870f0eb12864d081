// Tables of a request and its offers.
#include "services/cli/show.h"

#include <gtest/gtest.h>

#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr char kRequest[] = "owners/openai/capacityRequests/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f";

// The cells of the line of `text` that starts with `first`; columns are two blanks or more apart.
std::vector<std::string> Columns(const std::string& text, std::string_view first) {
  for (std::string_view line : Split(text, '\n')) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (!line.starts_with(first)) continue;
    std::vector<std::string> columns;
    while (!line.empty()) {
      const size_t end = std::min(line.find("  "), line.size());
      columns.emplace_back(line.substr(0, end));
      line.remove_prefix(std::min(line.find_first_not_of(' ', end), line.size()));
    }
    return columns;
  }
  return {};
}

using Line = std::vector<std::string>;

TEST(CliShow, AnAllocationShowsWhenItWasHeldConfirmedAndEnded) {
  v1::CapacityRequest request;
  request.set_name(kRequest);
  constexpr int64_t kHeld = 1738573200;  // 2025-02-03T09:00:00Z
  for (int i = 1; i <= 3; ++i) {
    v1::Allocation& allocation = *request.add_allocations();
    allocation.set_name(Cat(kRequest, "/allocations/", i));
    allocation.set_provider("providers/azure");
    allocation.set_quantity(5000);
    allocation.mutable_hold_time()->set_seconds(kHeld);
  }
  request.mutable_allocations(0)->set_state(v1::Allocation::STATE_HELD);
  request.mutable_allocations(1)->set_state(v1::Allocation::STATE_CONFIRMED);
  request.mutable_allocations(1)->mutable_confirm_time()->set_seconds(kHeld + 60);
  request.mutable_allocations(2)->set_state(v1::Allocation::STATE_RELEASED);
  request.mutable_allocations(2)->mutable_confirm_time()->set_seconds(kHeld + 60);
  request.mutable_allocations(2)->mutable_end_time()->set_seconds(kHeld + 3600);
  const std::string text = ShowRequest(request);
  EXPECT_EQ(Columns(text, "ALLOCATION"),
            (Line{"ALLOCATION", "PROVIDER", "STATE", "QUANTITY", "HELD", "CONFIRMED", "ENDED"}));
  EXPECT_EQ(Columns(text, "1 "),
            (Line{"1", "azure", "HELD", "5,000", "2025-02-03T09:00:00Z", "-", "-"}));
  EXPECT_EQ(Columns(text, "2 "), (Line{"2", "azure", "CONFIRMED", "5,000", "2025-02-03T09:00:00Z",
                                       "2025-02-03T09:01:00Z", "-"}));
  EXPECT_EQ(Columns(text, "3 "), (Line{"3", "azure", "RELEASED", "5,000", "2025-02-03T09:00:00Z",
                                       "2025-02-03T09:01:00Z", "2025-02-03T10:00:00Z"}));
}

TEST(CliShow, AnOfferShowsWhatBecameOfItsAllocation) {
  v1::Offer offer;
  offer.set_name(Cat(kRequest, "/offers/1"));
  offer.set_provider("providers/azure");
  offer.set_kind(v1::Offer::KIND_FIRST_OFFER);
  offer.set_state(v1::Offer::STATE_ACCEPTED);
  offer.set_quantity(8000);
  offer.set_accepted_quantity(8000);
  google::protobuf::RepeatedPtrField<v1::Offer> offers;
  *offers.Add() = offer;
  offer.set_allocation_state(v1::Allocation::STATE_RELEASED);
  *offers.Add() = offer;
  offers[1].set_name(Cat(kRequest, "/offers/2"));
  const std::string list = ShowOffers(offers);
  EXPECT_EQ(Columns(list, "OFFER").back(), "ALLOCATION");
  const std::string name = "openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/";
  EXPECT_EQ(Columns(list, name + "1").back(), "-");
  EXPECT_EQ(Columns(list, name + "2").back(), "RELEASED");
  EXPECT_EQ(Columns(ShowOffer(offer), "state"), (Line{"state", "ACCEPTED, took 8,000, RELEASED"}));
  EXPECT_NE(ShowChange(offer).find("took 8,000  RELEASED\n"), std::string::npos)
      << ShowChange(offer);
}

}  // namespace
}  // namespace capbroker
