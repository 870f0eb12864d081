#include "storage/migrate.h"

#include <gmock/gmock.h>

#include <thread>

#include "broker/values/text.h"
#include "tests/storage/database.h"
#include "tests/storage/ledger_conformance.h"

namespace capbroker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Message(const absl::Status& status) { return std::string(View(status.message())); }

TEST(PostgresMigrate, AppliesOnceAndThenHasNothingToDo) {
  const std::string url = NewDatabase(/*migrated=*/false);
  const auto first = Migrate(url, 8);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(*first, ElementsAre("migration 0001_trail", "8 partitions"));
  EXPECT_THAT(*Migrate(url, 8), IsEmpty());
  EXPECT_THAT(*Migrate(url, 0), IsEmpty());
  const absl::Status other = Migrate(url, 16).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(other));
  EXPECT_EQ(Message(other),
            "partitions: got 16, want 8 as first migrated; their number never changes");
  EXPECT_TRUE(absl::IsInvalidArgument(Migrate(url, 5'000).status()));
}

TEST(PostgresMigrate, SeveralAtOnceApplyOnce) {
  const std::string url = NewDatabase(/*migrated=*/false);
  std::vector<std::thread> threads;
  std::atomic<int> applied = 0, failed = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto done = Migrate(url, 0);
      if (!done.ok()) ++failed;
      if (done.ok() && !done->empty()) ++applied;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(applied, 1);
  EXPECT_EQ(Ask(*Session(url), "SELECT count(*) FROM partition"), "64");
}

TEST(PostgresMigrate, AnEditedOneIsRefused) {
  const std::string url = NewDatabase(/*migrated=*/false);
  const std::vector<Migration> one = {
      {1, "0001_one", "CREATE TABLE partition (partition_id smallint)"}};
  ASSERT_TRUE(Migrate(url, 1, one).ok());
  const std::vector<Migration> edited = {
      {1, "0001_one", "CREATE TABLE partition (partition_id integer)"}};
  const absl::Status status = Migrate(url, 1, edited).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("migration 0001_one is not the one that was applied"));
  EXPECT_THAT(Message(status), testing::Not(HasSubstr("\n")));
}

TEST(PostgresMigrate, AFailingOneLeavesNothingBehind) {
  const std::string url = NewDatabase(/*migrated=*/false);
  const std::vector<Migration> one = {
      {1, "0001_one", "CREATE TABLE partition (partition_id smallint)"},
      {2, "0002_two", "CREATE TABLE two (a int); SELECT 1 / 0"}};
  const absl::Status status = Migrate(url, 1, one).status();
  EXPECT_THAT(Message(status), HasSubstr("migration 0002_two: database: division by zero"));
  EXPECT_EQ(
      Ask(*Session(url),
          "SELECT to_regclass('partition') IS NULL AND to_regclass('schema_migration') IS NULL"),
      "t");
  EXPECT_TRUE(Migrate(url, 1).ok());
}

TEST(PostgresMigrate, LaterOnesAreAddedAndANewerDatabaseIsRefused) {
  const std::string url = NewDatabase(/*migrated=*/false);
  ASSERT_TRUE(Migrate(url, 1).ok());
  std::vector<Migration> more = Migrations();
  more.push_back(
      {static_cast<uint32_t>(more.size()) + 1, "9999_next", "CREATE TABLE next (a int)"});
  EXPECT_THAT(*Migrate(url, 1, more), ElementsAre("migration 9999_next"));
  const absl::Status status = Migrate(url, 1).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(Message(status), HasSubstr("the database is newer than this program"));
  EXPECT_THAT(Message(CheckSchema(*Session(url)).status()), HasSubstr("schema: got 2, want 1"));
}

}  // namespace
}  // namespace capbroker
