// Errors as callers get them: reasons, facts, fields, and when to retry.
#include "services/messages/errors.h"

#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include "broker/values/refusal.h"
#include "capbroker/v1/error_reason.pb.h"

namespace capbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Told {
  grpc::Status status;
  google::rpc::Status details{};
  google::rpc::ErrorInfo info{};
  std::optional<google::rpc::BadRequest> bad{};
  std::optional<google::rpc::RetryInfo> retry{};
};

Told Tell(const absl::Status& status) {
  Told told{ToGrpc(status)};
  EXPECT_TRUE(told.details.ParseFromString(told.status.error_details()));
  EXPECT_EQ(told.details.code(), told.status.error_code());
  EXPECT_EQ(told.details.message(), told.status.error_message());
  for (const auto& any : told.details.details()) {
    google::rpc::BadRequest bad;
    google::rpc::RetryInfo retry;
    if (any.UnpackTo(&bad)) told.bad = bad;
    if (any.UnpackTo(&retry)) told.retry = retry;
    if (any.Is<google::rpc::ErrorInfo>()) any.UnpackTo(&told.info);
  }
  EXPECT_EQ(told.info.domain(), "capbroker.v1");
  return told;
}

bool IsInTheApi(const std::string& reason) {
  v1::ErrorReason value;
  return v1::ErrorReason_Parse("ERROR_REASON_" + reason, &value);
}

TEST(Errors, OkIsOk) { EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok()); }

TEST(Errors, CarryReasonAndFacts) {
  const Told told =
      Tell(Refuse(absl::StatusCode::kFailedPrecondition, "LATE_ANSWER", "too late",
                  {{"deadline", "2025-02-03T09:00:00Z"}, {"server_time", "2025-02-03T09:00:01Z"}}));
  EXPECT_EQ(told.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(told.info.reason(), "LATE_ANSWER");
  EXPECT_EQ(told.info.metadata().at("deadline"), "2025-02-03T09:00:00Z");
  EXPECT_EQ(told.info.metadata().at("server_time"), "2025-02-03T09:00:01Z");
  EXPECT_FALSE(told.bad.has_value());
  EXPECT_FALSE(told.retry.has_value());
}

TEST(Errors, NameTheField) {
  const Told told = Tell(Invalid("terms.quantity", "-1", "1 or more"));
  ASSERT_TRUE(told.bad.has_value());
  ASSERT_EQ(told.bad->field_violations_size(), 1);
  EXPECT_EQ(told.bad->field_violations(0).field(), "terms.quantity");
  EXPECT_EQ(told.bad->field_violations(0).description(), "got -1, want 1 or more");
  EXPECT_EQ(told.info.reason(), "INVALID_FIELD");
}

TEST(Errors, NameEveryField) {
  const Told told = Tell(InvalidFields(
      {{"a", "got 1; or so, want 2"}, {"b", "got 3, want 4"}, {"c", "got 5, want 6"}}));
  ASSERT_TRUE(told.bad.has_value());
  ASSERT_EQ(told.bad->field_violations_size(), 3);
  EXPECT_EQ(told.bad->field_violations(0).description(), "got 1; or so, want 2");
  EXPECT_EQ(told.bad->field_violations(1).field(), "b");
  EXPECT_EQ(told.bad->field_violations(2).description(), "got 5, want 6");
  EXPECT_EQ(told.status.error_message(),
            "a: got 1; or so, want 2; b: got 3, want 4; c: got 5, want 6");
}

TEST(Errors, OneFieldIsTheSameEitherWay) {
  const absl::Status one = InvalidFields({{"f", "got x, want y"}});
  EXPECT_EQ(one, Invalid("f", "x", "y"));
}

// A client may refuse trailers of more than 8 KiB, and with them the call's status.
TEST(Errors, FitIntoTheTrailersOfEveryClient) {
  const auto trailers = [](const grpc::Status& status) {
    size_t size = (status.error_details().size() + 2) / 3 * 4;
    for (const char c : status.error_message()) size += c >= 0x20 && c < 0x7f ? 1 : 3;
    return size;
  };
  for (const std::string& got : {std::string(120, 'x'), std::string("\u00e9\u20ac") + [] {
                                   std::string text;
                                   for (int i = 0; i < 40; ++i) text += "\u20ac";
                                   return text;
                                 }()}) {
    std::vector<Violation> violations;
    for (int i = 0; i < 20; ++i) {
      violations.push_back({"capacity_request.segments[" + std::to_string(i) + "].purpose",
                            "got \"" + got + "\", want 1 to 63 of A-Z, 0-9 and '_'"});
    }
    const Told told = Tell(InvalidFields(violations));
    EXPECT_LE(trailers(told.status), 7'500u);
    EXPECT_GT(told.bad->field_violations_size(), 10);
    EXPECT_LT(told.bad->field_violations_size(), 20);
    EXPECT_EQ(told.bad->field_violations(0).description(), violations[0].description);
    EXPECT_THAT(told.bad->field_violations().rbegin()->description(),
                ::testing::EndsWith(" (and more than fits here)"));
    EXPECT_THAT(told.status.error_message(), ::testing::EndsWith(" (and more than fits here)"));
  }
  // One that is too long by itself, and a fact.
  const Told field = Tell(Invalid("f", std::string(5'000, 'x'), "less"));
  EXPECT_EQ(field.bad->field_violations_size(), 1);
  EXPECT_LE(trailers(field.status), 7'500u);
  EXPECT_LE(trailers(Tell(Refuse(absl::StatusCode::kNotFound, "RESOURCE_NOT_FOUND", "x",
                                 {{"name", std::string(100'000, 'x')}}))
                         .status),
            7'500u);
}

TEST(Errors, FieldsStandUnderTheirMessage) {
  const absl::Status under = Under("capacity_request", Invalid("terms.end_time", "none", "a time"));
  EXPECT_EQ(FieldOf(under), "capacity_request.terms.end_time");
  EXPECT_EQ(under.message(), "capacity_request.terms.end_time: got none, want a time");
  const absl::Status other = Refuse(absl::StatusCode::kAborted, "ALREADY_PLACED", "gone");
  EXPECT_EQ(Under("capacity_request", other), other);
}

TEST(Errors, SayWhenToTryAgain) {
  for (const auto code : {absl::StatusCode::kUnavailable, absl::StatusCode::kResourceExhausted}) {
    const Told told = Tell(absl::Status(code, "later"));
    ASSERT_TRUE(told.retry.has_value());
    EXPECT_GT(told.retry->retry_delay().seconds(), 0);
  }
}

TEST(Errors, KeepTheBrokersFaultsToTheLog) {
  for (const absl::Status& fault :
       {absl::InternalError("SELECT secret"), absl::DataLossError("act 7 of openai"),
        absl::UnknownError("?"), absl::OutOfRangeError("x"), absl::UnimplementedError("y"),
        Refuse(absl::StatusCode::kInternal, "BROKER_FAULT", "constraint secret")}) {
    const Told told = Tell(fault);
    EXPECT_EQ(told.status.error_code(), grpc::StatusCode::INTERNAL);
    EXPECT_EQ(told.info.reason(), "BROKER_FAULT");
    EXPECT_THAT(told.status.error_message(), Not(HasSubstr("secret")));
  }
}

TEST(Errors, HaveAReasonOfTheApi) {
  const absl::Status table[] = {
      absl::InvalidArgumentError("m"),
      absl::UnauthenticatedError("m"),
      absl::PermissionDeniedError("m"),
      absl::NotFoundError("m"),
      absl::AlreadyExistsError("m"),
      absl::UnavailableError("m"),
      absl::ResourceExhaustedError("m"),
      absl::InternalError("m"),
      Refuse(absl::StatusCode::kPermissionDenied, "PERMISSION_DENIED", "m"),
      Refuse(absl::StatusCode::kNotFound, "NOT_FOUND", "m"),
      Refuse(absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS", "m"),
      Refuse(absl::StatusCode::kFailedPrecondition, "ALLOCATION_NOT_CONFIRMED", "m"),
  };
  for (const absl::Status& status : table) {
    EXPECT_TRUE(IsInTheApi(Tell(status).info.reason()))
        << status << " " << Tell(status).info.reason();
  }
}

// Every reason that the broker refuses with, as its sources have it.
TEST(Errors, KnowEveryWordOfTheBroker) {
  for (const char* reason :
       {"INVALID_FIELD", "LATE_ANSWER", "OFFER_CLOSED", "OFFER_RESCINDED", "TERMS_MISMATCH",
        "REQUEST_TOO_URGENT", "ALREADY_PLACED", "REQUEST_FINISHED", "EXCLUSIVITY_CONFLICT",
        "VERSION_CONFLICT", "IDEMPOTENCY_CONFLICT", "LEDGER_UNAVAILABLE", "NOT_SERVING_OWNER",
        "SHUTTING_DOWN", "OVERLOADED", "SLOW_READER"}) {
    EXPECT_TRUE(IsInTheApi(reason)) << reason;
  }
}

}  // namespace
}  // namespace capbroker
