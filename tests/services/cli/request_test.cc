// Requests as flags and files state them.
#include <gtest/gtest.h>

#include "services/cli/request_input.h"

namespace capbroker {
namespace {

const Instant kNow = *ParseInstant("2025-02-03T09:00:00Z");

constexpr char kFile[] =
    "resource: h100\n"
    "region: us-east\n"
    "quantity: 8,000\n"
    "start: 2025-06-01\n"
    "end: +395d\n"
    "price: 2.5 USD\n"
    "cap: 3 USD\n"
    "class: PRODUCT_INFERENCE\n"
    "splittable: true\n"
    "smallest: 1,000\n"
    "providers: [stargate-oracle, coreweave]\n"
    "step_window: 2h\n"
    "labels: {team: search}\n";

TEST(CliRequest, AFileIsARequest) {
  const absl::StatusOr<RequestInput> input = ReadRequest("r.yaml", kFile);
  ASSERT_TRUE(input.ok()) << input.status();
  const absl::StatusOr<v1::CapacityRequest> request = BuildRequest(*input, kNow);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->terms().quantity(), 8000);
  EXPECT_EQ(request->terms().unit(), "gpu");
  EXPECT_EQ(request->terms().unit_price().nanos(), 500'000'000);
  EXPECT_EQ(request->price_cap().units(), 3);
  EXPECT_EQ(request->terms().end_time().seconds(), kNow.micros / 1'000'000 + 395 * 86'400);
  ASSERT_EQ(request->segments_size(), 1);
  EXPECT_EQ(request->segments(0).workload_class(), "PRODUCT_INFERENCE");
  EXPECT_EQ(request->segments(0).quantity(), 8000);
  EXPECT_TRUE(request->splittable());
  EXPECT_EQ(request->fallback_policy().providers(1), "providers/coreweave");
  EXPECT_EQ(request->fallback_policy().step_window().seconds(), 7200);
  EXPECT_EQ(request->labels().at("team"), "search");
}

TEST(CliRequest, FlagsWinOverTheFile) {
  RequestInput flags;
  flags.quantity = {"4000", "--quantity"};
  flags.segments = {{"API_SERVING:1000", "--segment"},
                    {"TRAINING_JOBS:TRAINING:3,000", "--segment"}};
  const RequestInput merged = Merge(flags, *ReadRequest("r.yaml", kFile));
  const absl::StatusOr<v1::CapacityRequest> request = BuildRequest(merged, kNow);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->terms().quantity(), 4000);
  ASSERT_EQ(request->segments_size(), 2);
  EXPECT_EQ(request->segments(0).purpose(), "");
  EXPECT_EQ(request->segments(1).purpose(), "TRAINING");
  EXPECT_EQ(request->segments(1).quantity(), 3000);
  EXPECT_EQ(request->terms().region(), "us-east");
}

TEST(CliRequest, ErrorsNameTheFlagOrThePlaceInTheFile) {
  struct Case {
    std::string file;  // A line added to kFile, or put in the place of the line of the same field.
    Written RequestInput::*flag;
    Written value;
    std::string error;  // The beginning of the error.
  };
  for (const Case& c : std::initializer_list<Case>{
           {"",
            &RequestInput::quantity,
            {"80x", "--quantity"},
            "--quantity: got \"80x\", want a whole number"},
           {"",
            &RequestInput::price,
            {"2.5USD", "--price"},
            "--price: got \"2.5USD\", want an amount"},
           {"", &RequestInput::start, {"soon", "--start"}, "--start: got \"soon\", want RFC 3339"},
           {"",
            &RequestInput::step_window,
            {"2", "--step-window"},
            "--step-window: got \"2\", want a length"},
           {"expire: later\n", nullptr, {}, "r.yaml:14:9: expire: got \"later\", want RFC 3339"},
           {"renewal: maybe\n",
            nullptr,
            {},
            "r.yaml:14:10: renewal: got \"maybe\", want true or false"},
           {"colour: red\n", nullptr, {}, "r.yaml:14:1: colour: is unknown here"},
           {"segments: [{class: A, quantity: 1}]\n",
            nullptr,
            {},
            "r.yaml:8:8: class: got PRODUCT_INFERENCE, want nothing"},
           {"segments: [{class: A}]\n",
            nullptr,
            {},
            "r.yaml:14:12: segments[0].quantity: got nothing"},
           {"segments: 3\n", nullptr, {}, "r.yaml:14:11: segments: want a list"},
       }) {
    absl::StatusOr<RequestInput> input = ReadRequest("r.yaml", kFile + c.file);
    if (input.ok() && c.flag != nullptr) (*input).*c.flag = c.value;
    const absl::Status status = input.ok() ? BuildRequest(*input, kNow).status() : input.status();
    EXPECT_EQ(std::string(status.message()).substr(0, c.error.size()), c.error) << status;
  }
  EXPECT_EQ(BuildRequest(RequestInput{}, kNow).status().message(),
            "--resource: got nothing, want a resource type such as h100");
}

}  // namespace
}  // namespace capbroker
