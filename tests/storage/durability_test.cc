// Databases that would forget what they acknowledged.
#include "storage/durability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/values/text.h"
#include "tests/storage/database.h"

namespace capbroker {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> UnsafeIn(const std::string& url) {
  const absl::StatusOr<std::vector<std::string>> unsafe = UnsafeSettings(url);
  EXPECT_TRUE(unsafe.ok()) << unsafe.status();
  return unsafe.ok() ? *unsafe : std::vector<std::string>();
}

TEST(Durability, ADatabaseMayNotConfirmBeforeTheDiskHasIt) {
  const std::string url = NewDatabase(false);
  EXPECT_THAT(UnsafeIn(url), ElementsAre());
  const std::unique_ptr<Connection> session = Session(url);
  const std::string name = Ask(*session, "SELECT current_database()");
  Ask(*session, Cat("ALTER DATABASE ", name, " SET synchronous_commit = off"));
  EXPECT_THAT(UnsafeIn(url), ElementsAre("synchronous_commit"));
  Ask(*session, Cat("ALTER DATABASE ", name, " SET synchronous_commit = local"));
  EXPECT_THAT(UnsafeIn(url), ElementsAre());
}

TEST(Durability, AServerMayNotLeaveItsDiskToChance) {
  if (!ClusterIsOurs()) GTEST_SKIP() << "the server's settings are not ours to change";
  const std::string url = NewDatabase(false);
  const auto set = [&](const std::string& setting, const std::string& value) {
    Ask(*Session(url), Cat("ALTER SYSTEM SET ", setting, " = ", value));
    Ask(*Session(url), "SELECT pg_reload_conf()");
    // A new session has the new value once the postmaster has read it.
    while (Ask(*Session(url), Cat("SHOW ", setting)) != value) {
    }
  };
  set("fsync", "off");
  set("full_page_writes", "off");
  EXPECT_THAT(UnsafeIn(url), ElementsAre("fsync", "full_page_writes"));
  set("fsync", "on");
  set("full_page_writes", "on");
  EXPECT_THAT(UnsafeIn(url), ElementsAre());
}

TEST(Durability, ADatabaseThatCannotBeReachedIsUnavailable) {
  EXPECT_EQ(UnsafeSettings("host=127.0.0.1 port=1").status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace capbroker
