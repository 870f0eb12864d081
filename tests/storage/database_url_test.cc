// Connection strings that libpq would complain about in words of the password.
#include "storage/database_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/values/text.h"

namespace capbroker {
namespace {

TEST(DatabaseUrl, WhatIsReadableIsTaken) {
  for (const char* url :
       {"", "capbroker", "host=/var/run/postgresql user=postgres dbname=capbroker",
        "postgresql:///capbroker", "postgresql://u:s3c%2Fr%40et@localhost:5432/x",
        "postgres://u@[::1]:5432,b:5433/x?sslmode=require", "postgresql://u:s3c:ret@localhost/x",
        "postgresql://u@localhost/x?password=s3c@ret", "host=a,b port=1,2 password='s3c ret'"}) {
    EXPECT_TRUE(CheckDatabaseUrl("--database", url).ok()) << url;
  }
}

TEST(DatabaseUrl, NoPartOfAPasswordIsInTheMessage) {
  for (const char* url :
       {"postgresql://u:s3cr%zzet@localhost/x", "postgres://u:s3c/ret@localhost/x",
        "postgres://u:12/s3cret@localhost/x", "postgres://u:s3cret@s3c@localhost/x",
        "postgresql://u:s3cret@[::1/x", "postgresql://u:s3cret%00@localhost/x",
        "host=localhost s3cret", "host=localhost password='s3cret", "password=s3c ret host=a",
        "postgresql://u@localhost/x?pasword=s3cret", "host=a port=s3cret"}) {
    const absl::Status status = CheckDatabaseUrl("--database", url);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
    const std::string message(View(status.message()));
    EXPECT_THAT(message, ::testing::StartsWith("--database: got a text"));
    EXPECT_THAT(message, ::testing::Not(::testing::ContainsRegex("s3c|zz|ret"))) << url;
  }
}

}  // namespace
}  // namespace capbroker
