// Requests as flags and files state them.
#include <gtest/gtest.h>

#include "services/cli/request_input.h"

namespace capbroker {
namespace {

const Instant kNow = *ParseInstant("2025-02-03T09:00:00Z");

// By names that fields had before, which are read still.
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
  const absl::StatusOr<RequestForm> form = ReadRequest("r.yaml", kFile, kNow);
  ASSERT_TRUE(form.ok()) << form.status();
  const absl::StatusOr<v1::CapacityRequest> request = BuildRequest(*form);
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
  EXPECT_EQ(request->smallest_useful_quantity(), 1000);
  EXPECT_EQ(request->fallback_policy().providers(1), "providers/coreweave");
  EXPECT_EQ(request->fallback_policy().step_window().seconds(), 7200);
  EXPECT_EQ(request->labels().at("team"), "search");
}

TEST(CliRequest, TheNamesOfTodaySayTheSame) {
  constexpr char kToday[] =
      "resource_type: h100\n"
      "region: us-east\n"
      "quantity: 8000\n"
      "start_time: 2025-06-01\n"
      "end_time: +395d\n"
      "unit_price: 2.5 USD\n"
      "price_cap: 3 USD\n"
      "workload_class: PRODUCT_INFERENCE\n"
      "splittable: true\n"
      "smallest_useful_quantity: 1,000\n"
      "providers: [stargate-oracle, coreweave]\n"
      "step_window: 2h\n"
      "labels: {team: search}\n";
  const auto request = [](const char* file) {
    const absl::StatusOr<RequestForm> form = ReadRequest("r.yaml", file, kNow);
    EXPECT_TRUE(form.ok()) << form.status();
    return form.ok() ? BuildRequest(*form)->SerializeAsString() : "";
  };
  EXPECT_EQ(request(kToday), request(kFile));
}

TEST(CliRequest, FlagsWinOverTheFile) {
  const std::vector<Written> flags = {
      {"quantity", {"4000"}, "--quantity"},
      {"segments", {"API_SERVING:1000", "TRAINING_JOBS:TRAINING:3,000"}, "--segments"}};
  const absl::StatusOr<RequestForm> form =
      WithFlags(*ReadRequest("r.yaml", kFile, kNow), flags, kNow);
  ASSERT_TRUE(form.ok()) << form.status();
  const absl::StatusOr<v1::CapacityRequest> request = BuildRequest(*form);
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
    std::string file;  // A line added to kFile.
    std::vector<Written> flags;
    std::string error;  // Its beginning.
  };
  for (const Case& c : std::initializer_list<Case>{
           {"",
            {{"quantity", {"80x"}, "--quantity"}},
            "--quantity: got \"80x\", want a whole number"},
           {"", {{"unit_price", {"2.5USD"}, "--price"}}, "--price: got \"2.5USD\", want an amount"},
           {"", {{"start_time", {"soon"}, "--start"}}, "--start: got \"soon\", want RFC 3339"},
           {"",
            {{"step_window", {"2"}, "--step-window"}},
            "--step-window: got \"2\", want a length"},
           {"expire: later\n", {}, "r.yaml:14:9: expire: got \"later\", want RFC 3339"},
           {"renewal: maybe\n", {}, "r.yaml:14:10: renewal: got \"maybe\", want true or false"},
           {"colour: red\n", {}, "r.yaml:14:1: colour: is unknown here"},
           {"resource_type: h100\n", {}, "r.yaml:14:1: resource_type: is given twice"},
           {"segments: [{class: A, quantity: 1}]\n", {}, "segments: got PRODUCT_INFERENCE"},
           {"segments: 3\n", {}, "r.yaml:14:11: segments: got a text, want a list"},
       }) {
    absl::StatusOr<RequestForm> form = ReadRequest("r.yaml", kFile + c.file, kNow);
    if (form.ok()) form = WithFlags(*std::move(form), c.flags, kNow);
    const absl::Status status = form.ok() ? BuildRequest(*form).status() : form.status();
    EXPECT_EQ(std::string(status.message()).substr(0, c.error.size()), c.error) << status;
  }
  EXPECT_EQ(BuildRequest(RequestForm{}).status().message(),
            "--workload-class: got nothing, want a class of workload such as PRODUCT_INFERENCE, "
            "or --segments");
}

}  // namespace
}  // namespace capbroker
