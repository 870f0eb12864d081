#include "services/workload/trail_check.h"

#include <gtest/gtest.h>

#include "services/workload/load_report.h"

namespace capbroker {
namespace {

constexpr char kRequest[] = "owners/openai/capacityRequests/00000000-0000-0000-0000-000000000000";

Act One(uint64_t sequence, Kind kind, uint32_t offer, std::string provider, int64_t quantity) {
  Act act{.owner = {"openai"}, .sequence = sequence};
  act.decisions.push_back(
      {.kind = kind, .offer = offer, .provider = {std::move(provider)}, .quantity = quantity});
  return act;
}

std::string Offer(int number) {
  return std::string(kRequest) + "/offers/" + std::to_string(number);
}

TEST(TrailCheck, FollowsWhatEachProviderHasPlaced) {
  TrailCheck check({{"azure", 10}});
  check.Add(One(1, Kind::ALLOCATION_HELD, 1, "azure", 6));
  check.Add(One(2, Kind::ALLOCATION_HELD, 2, "coreweave", 100));
  check.Add(One(3, Kind::ALLOCATION_RELEASED, 1, "azure", 6));
  check.Add(One(4, Kind::ALLOCATION_HELD, 3, "azure", 10));
  check.Add(One(5, Kind::ALLOCATION_RELEASED, 9, "azure", 5));  // Placed before the first act.
  EXPECT_EQ(check.fault_count(), 0);
  EXPECT_EQ(check.use().at("azure").peak, 10);
  EXPECT_EQ(check.use().at("azure").allocations, 2);
  EXPECT_EQ(check.use().at("azure").quantity, 16);
  EXPECT_EQ(check.use().at("coreweave").in_use, 100);

  check.Add(One(6, Kind::ALLOCATION_HELD, 4, "azure", 1));
  ASSERT_EQ(check.fault_count(), 1);
  EXPECT_EQ(check.faults()[0], "act 6: azure has 11 placed, of 10");
}

TEST(TrailCheck, WantsEveryAnsweredCommandOnce) {
  TrailCheck check({});
  check.Add(One(1, Kind::REQUEST_RECEIVED, 0, "", 8));
  check.Add(One(2, Kind::OFFER_ACCEPTED, 1, "azure", 8));
  check.Add(One(3, Kind::OFFER_ACCEPTED, 1, "azure", 8));
  check.Add(One(4, Kind::REQUEST_CANCELLED, 0, "", 0));
  check.Expect("REQUEST_RECEIVED", kRequest);
  check.Expect("REQUEST_CANCELLED", kRequest);
  EXPECT_EQ(check.fault_count(), 0);
  check.Expect("OFFER_ACCEPTED", Offer(1));
  check.Expect("OFFER_DECLINED", Offer(2));
  ASSERT_EQ(check.fault_count(), 2);
  EXPECT_EQ(check.faults()[0],
            "OFFER_ACCEPTED of " + Offer(1) + ": answered OK, and 2 times in the trail");
  EXPECT_EQ(check.faults()[1],
            "OFFER_DECLINED of " + Offer(2) + ": answered OK, and 0 times in the trail");
  EXPECT_EQ(check.expected(), 4);
}

TEST(LoadReport, SaysTheSameInBothForms) {
  LoadReport report;
  report.requests = 3;
  report.placed = 2;
  report.unplaced = 1;
  report.seconds = 1.5;
  report.reasons["azure NO_CAPACITY"] = 1;
  report.answer.Add(1500);
  report.providers.push_back({.name = "azure", .inventory = 100, .allocations = 2, .peak = 90});
  EXPECT_FALSE(report.Good());  // No report is good before the trail is read.
  report.trail_read = true;
  EXPECT_TRUE(report.Good());
  const std::string table = RenderTable(report), json = RenderJson(report);
  EXPECT_NE(
      table.find("3 requests in 1.50 s, 2 requests/s: 2 placed, 0 partly placed, 1 not placed"),
      std::string::npos)
      << table;
  EXPECT_NE(table.find("not placed: azure NO_CAPACITY: 1"), std::string::npos) << table;
  EXPECT_NE(json.find("\"reasons\":{\"azure NO_CAPACITY\":1}"), std::string::npos) << json;
  EXPECT_NE(json.find("\"create_to_answer_micros\":{\"count\":1,\"p50\":1500"), std::string::npos)
      << json;
  EXPECT_NE(json.find("\"good\":true"), std::string::npos) << json;
  report.errors["owner openai INTERNAL"] = 1;
  EXPECT_FALSE(report.Good());
}

}  // namespace
}  // namespace capbroker
