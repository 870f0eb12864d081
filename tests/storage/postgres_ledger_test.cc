#include "storage/postgres_ledger.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "broker/values/text.h"
#include "storage/failure.h"
#include "storage/migrate.h"
#include "tests/storage/database.h"
#include "tests/storage/ledger_conformance.h"

namespace capbroker {
namespace {

using testing::HasSubstr;

std::shared_ptr<PostgresLedger> OpenLedger(const std::string& url) {
  auto ledger = std::make_shared<PostgresLedger>(PostgresOptions{.url = url});
  const auto partitions = ledger->Open();
  EXPECT_TRUE(partitions.ok()) << partitions.status();
  return ledger;
}

INSTANTIATE_TEST_SUITE_P(Postgres, LedgerConformance,
                         testing::Values(std::pair<std::string, MakeLedgers>(
                             "Postgres",
                             [] {
                               const std::string url = NewDatabase();
                               return LedgerPair{nullptr, OpenLedger(url), OpenLedger(url)};
                             })),
                         [](const auto& info) { return info.param.first; });

std::string Message(const absl::Status& status) { return std::string(View(status.message())); }

Batch OneAct(const std::vector<Tenure>& tenures, uint64_t sequence) {
  Batch batch = BatchOf(tenures);
  batch.acts = {ActOf(kOpenai, sequence, IdOf(1))};
  batch.books = {BookOf(kOpenai, sequence)};
  return batch;
}

// Returns once `count` sessions of this database wait for a lock. Each turn is a round trip; there
// is no sleep. The watcher must not be in a transaction, which would see the same snapshot of the
// activity again and again.
void AwaitBlocked(Connection& watcher, int count) {
  for (int i = 0; i < 100'000; ++i) {
    if (Ask(watcher,
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
            "wait_event_type = "
            "'Lock'") == Cat(count)) {
      return;
    }
  }
  ADD_FAILURE() << "never blocked: " << count;
}

TEST(PostgresLedger, TheTrailIsAppendOnly) {
  const std::string url = NewDatabase();
  auto ledger = OpenLedger(url);
  const auto tenures = ledger->Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_EQ(ledger->Commit(OneAct(*tenures, 1)).outcome, CommitOutcome::kDurable);
  auto session = Session(url);
  for (const char* sql : {"UPDATE act SET decisions = 2", "DELETE FROM act", "TRUNCATE act",
                          "DELETE FROM act WHERE false"}) {
    EXPECT_THAT(Message(TryAsk(*session, sql).status()), HasSubstr("[CB004]")) << sql;
  }
  // The broker's role could not, even without the trigger; and it can do everything that the broker
  // does.
  Ask(*session, "ALTER TABLE act DISABLE TRIGGER ALL; SET ROLE capbroker_broker");
  for (const char* sql :
       {"UPDATE act SET decisions = 2", "DELETE FROM act", "TRUNCATE act", "DELETE FROM book",
        "DELETE FROM request", "DELETE FROM offer", "DELETE FROM partition"}) {
    EXPECT_THAT(Message(TryAsk(*session, sql).status()), HasSubstr("[42501]")) << sql;
  }
  auto broker = OpenLedger(url + " options='-c role=capbroker_broker'");
  const auto again = broker->Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_TRUE(again.ok()) << again.status();
  Batch batch = OneAct(*again, 2);
  batch.new_requests = {{kOpenai, IdOf(1), RequestState::kReceived}};
  batch.new_offers = {{kOpenai, IdOf(1), 1, {"azure"}}};
  batch.acts[0].repeat = Repeat{KeyOf(1), HashOf(1)};
  const CommitResult result = broker->Commit(batch);
  EXPECT_EQ(result.outcome, CommitOutcome::kDurable) << result.error;
  EXPECT_TRUE(broker->ListOffers({{"azure"}, {}}, 10, "").ok());
}

TEST(PostgresLedger, TheViewShowsOneRowADecision) {
  const std::string url = NewDatabase();
  auto ledger = OpenLedger(url);
  const auto tenures = ledger->Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_EQ(ledger->Commit(OneAct(*tenures, 1)).outcome, CommitOutcome::kDurable);
  auto session = Session(url);
  EXPECT_EQ(
      Ask(*session, "SELECT concat_ws(' ', owner, sequence, index, actor, kind) FROM decision"),
      "openai 1 1 owner/openai REQUEST_CANCELLED");
}

TEST(PostgresLedger, AKilledCommitIsUnknownAndNeverHalfThere) {
  const std::string url = NewDatabase();
  auto ledger = OpenLedger(url);
  auto tenures = ledger->Take("one", "", AllPartitions(), Seconds(10));
  // The book is locked, so the commit waits with its acts already inserted.
  auto session = Session(url), watcher = Session(url);
  Ask(*session, "BEGIN");
  Ask(*session, "LOCK TABLE book IN ACCESS EXCLUSIVE MODE");
  CommitResult result;
  std::thread commit([&] { result = ledger->Commit(OneAct(*tenures, 1)); });
  AwaitBlocked(*watcher, 1);
  Ask(*session,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
      " AND wait_event_type = 'Lock'");
  commit.join();
  EXPECT_EQ(result.outcome, CommitOutcome::kUnknown);
  EXPECT_NE(result.error, "");
  Ask(*session, "COMMIT");
  tenures = ledger->Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_TRUE(tenures.ok()) << tenures.status();
  EXPECT_EQ((*tenures)[0].batch, 0u);
  EXPECT_TRUE(ledger->ReadActs({.owner = kOpenai})->empty());
  EXPECT_EQ(ledger->Commit(OneAct(*tenures, 1)).outcome, CommitOutcome::kDurable);
}

TEST(PostgresLedger, WhatGoesBehindALostCommitIsUnknownToo) {
  const std::string url = NewDatabase();
  auto ledger = OpenLedger(url);
  auto tenures = ledger->Take("one", "", AllPartitions(), Seconds(10));
  auto session = Session(url), watcher = Session(url);
  Ask(*session, "BEGIN");
  Ask(*session, "LOCK TABLE book IN ACCESS EXCLUSIVE MODE");
  ledger->Send(OneAct(*tenures, 1));
  AwaitBlocked(*watcher, 1);
  Advance(*tenures);
  ledger->Send(OneAct(*tenures, 2));
  ledger->Wake();
  EXPECT_FALSE(ledger->Receive().has_value());  // Receive was interrupted; nothing has come yet.
  Ask(*session,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
      " AND wait_event_type = 'Lock'");
  for (int i = 0; i < 2; ++i) {
    auto result = ledger->Receive();
    while (!result) result = ledger->Receive();
    EXPECT_EQ(result->outcome, CommitOutcome::kUnknown);
    EXPECT_NE(result->error, "");
  }
  Ask(*session, "COMMIT");
  tenures = ledger->Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_TRUE(tenures.ok()) << tenures.status();
  EXPECT_EQ((*tenures)[0].batch, 0u);
  EXPECT_EQ(ledger->Commit(OneAct(*tenures, 1)).outcome, CommitOutcome::kDurable);
}

TEST(PostgresLedger, TakingWaitsForACommitInFlightAndThenSeesIt) {
  const std::string url = NewDatabase();
  auto old = OpenLedger(url), taker = OpenLedger(url);
  auto tenures = old->Take("one", "", AllPartitions(), Seconds(10));
  auto session = Session(url), watcher = Session(url);
  Ask(*session, "BEGIN");
  Ask(*session, "LOCK TABLE book IN ACCESS EXCLUSIVE MODE");
  CommitResult result;
  std::thread commit([&] { result = old->Commit(OneAct(*tenures, 1)); });
  AwaitBlocked(*watcher, 1);
  absl::StatusOr<std::vector<Tenure>> taken;
  std::thread take([&] { taken = taker->Take("one", "", AllPartitions(), Seconds(10)); });
  AwaitBlocked(*watcher, 2);
  Ask(*session, "COMMIT");
  commit.join();
  take.join();
  EXPECT_EQ(result.outcome, CommitOutcome::kDurable) << result.error;
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ((*taken)[0].batch, 1u);
  EXPECT_EQ(old->Commit(OneAct(*tenures, 2)).outcome, CommitOutcome::kFenced);
}

TEST(PostgresLedger, ACrashOfTheDatabaseIsUnavailableAndThenOver) {
  if (!ClusterIsOurs()) GTEST_SKIP() << "the cluster is not ours to stop";
  auto ledger = OpenLedger(NewDatabase());
  auto tenures = ledger->Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_EQ(ledger->Commit(OneAct(*tenures, 1)).outcome, CommitOutcome::kDurable);
  Advance(*tenures);
  ASSERT_TRUE(ledger->ReadActs({.owner = kOpenai}).ok());
  KillCluster();
  for (const absl::Status& status :
       {ledger->ReadActs({.owner = kOpenai}).status(), ledger->Heartbeat(*tenures).status(),
        ledger->Open().status(), ledger->Take("one", "", AllPartitions(), Seconds(10)).status(),
        ledger->Recover(0).status()}) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(Message(status), testing::Not(HasSubstr("\n")));
  }
  EXPECT_EQ(ledger->Commit(OneAct(*tenures, 2)).outcome, CommitOutcome::kUnknown);
  StartCluster();
  const auto acts = ledger->ReadActs({.owner = kOpenai});
  ASSERT_TRUE(acts.ok()) << acts.status();
  EXPECT_EQ(acts->size(), 1u);  // What was durable survived the crash.
  tenures = ledger->Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_TRUE(tenures.ok()) << tenures.status();
  EXPECT_EQ((*tenures)[0].batch, 1u);
  EXPECT_EQ(ledger->Commit(OneAct(*tenures, 2)).outcome, CommitOutcome::kDurable);
}

TEST(PostgresLedger, SessionsClosedUnderAReaderAreReplaced) {
  const std::string url = NewDatabase();
  auto ledger = OpenLedger(url);
  auto tenures = ledger->Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_TRUE(ledger->ReadActs({.owner = kOpenai}).ok());
  auto session = Session(url);
  Ask(*session,
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = "
      "current_database()"
      " AND pid <> pg_backend_pid()");
  EXPECT_TRUE(ledger->ReadActs({.owner = kOpenai}).ok());
  EXPECT_TRUE(ledger->Heartbeat(*tenures).ok());
}

// libpqxx would end a parameter that is text at a NUL, and read the trail of another owner.
TEST(PostgresLedger, ANameIsComparedToItsLastByte) {
  auto ledger = OpenLedger(NewDatabase());
  const auto tenures = ledger->Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_EQ(ledger->Commit(OneAct(*tenures, 1)).outcome, CommitOutcome::kDurable);
  const OwnerId longer{kOpenai.value + std::string("\0x", 2)};
  EXPECT_THAT(Message(ledger->ReadActs({.owner = longer}).status()), HasSubstr("[22021]"));
  EXPECT_THAT(Message(ledger->ReadRequests({{longer, IdOf(1)}}).status()), HasSubstr("[22021]"));
}

TEST(PostgresLedger, ErrorsAreOneLineWithDetailAndState) {
  auto session = Session(NewDatabase());
  const absl::Status status =
      TryAsk(*session, "INSERT INTO partition (partition_id) VALUES (0)").status();
  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_EQ(Message(status),
            "database: duplicate key value violates unique constraint \"partition_pkey\""
            " (Key (partition_id)=(0) already exists.) [23505]");
}

TEST(PostgresLedger, AStreamShowsEveryRowOnce) {
  auto session = Session(NewDatabase(/*migrated=*/false));
  for (const int64_t rows : {0, 1, 4'999, 5'000, 5'001, 10'000}) {
    int64_t seen = 0;
    const absl::Status status =
        session->Stream(Cat("SELECT generate_series(1, ", rows, ")"), [&](const pqxx::row& row) {
          EXPECT_EQ(IntOf(row[0]), ++seen);
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(seen, rows);
  }
}

TEST(PostgresLedger, ATenureThatAStandbyDidNotConfirmIsUnavailable) {
  if (!ClusterIsOurs()) GTEST_SKIP() << "the cluster is not ours to configure";
  const std::string url = NewDatabase();
  auto ledger = OpenLedger(url);
  const auto tenures = ledger->Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_TRUE(tenures.ok());
  auto session = Session(url);
  Ask(*session, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  Ask(*session, "SELECT pg_reload_conf()");
  // The sessions read the setting some time later: the first heartbeats may still need nobody.
  absl::Status status;
  std::atomic<bool> done = false;
  std::thread beat([&] {
    for (int i = 0; i < 100'000 && status.ok(); ++i) status = ledger->Heartbeat(*tenures).status();
    done = true;
  });
  while (!done) {
    Ask(*session,
        "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event = 'SyncRep'");
  }
  beat.join();
  Ask(*session, "ALTER SYSTEM RESET synchronous_standby_names");
  Ask(*session, "SELECT pg_reload_conf()");
  EXPECT_EQ(status, absl::UnavailableError(kUnconfirmed));
}

TEST(PostgresLedger, AHeartbeatOnASessionThatHangsIsUnavailableInBoundedTime) {
  if (!ClusterIsOurs()) GTEST_SKIP() << "the cluster is not ours to stop";
  const std::string url = NewDatabase();
  PostgresLedger ledger({.url = url, .commit = Span{100'000}});
  ASSERT_TRUE(ledger.Open().ok());
  const auto tenures = ledger.Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_TRUE(tenures.ok()) << tenures.status();
  const pid_t holder =
      std::stoi(Ask(*Session(url),
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid() AND query LIKE '%FROM take_partitions%'"));
  ASSERT_EQ(kill(holder, SIGSTOP), 0);
  const absl::Status status = ledger.Heartbeat(*tenures).status();
  kill(holder, SIGCONT);
  EXPECT_EQ(status, absl::UnavailableError("database: no answer within 2.1s"));
  EXPECT_TRUE(ledger.Heartbeat(*tenures).ok());
}

TEST(PostgresLedger, AServerThatHangsIsUnavailableInBoundedTime) {
  const std::string url = NewDatabase();
  if (!ClusterIsOurs()) GTEST_SKIP() << "the cluster is not ours to stop";
  PostgresLedger ledger({.url = url, .readers = 1, .connect = Seconds(1), .read = Span{100'000}});
  ASSERT_TRUE(ledger.Open().ok());
  ASSERT_TRUE(ledger.ReadActs({.owner = kOpenai}).ok());
  auto session = Session(url);
  const pid_t reader =
      std::stoi(Ask(*session,
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid() AND query LIKE '%FROM act%'"));
  const pid_t postmaster =
      std::stoi(Ask(*session, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"));
  // A single session that hangs is replaced by another.
  ASSERT_EQ(kill(reader, SIGSTOP), 0);
  EXPECT_TRUE(ledger.ReadActs({.owner = kOpenai}).ok());
  // A server that hangs as a whole accepts no new sessions.
  ASSERT_EQ(kill(postmaster, SIGSTOP), 0);
  const absl::Status status = PostgresLedger({.url = url, .connect = Seconds(1)}).Open().status();
  kill(postmaster, SIGCONT);
  kill(reader, SIGCONT);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("timeout expired"));
  EXPECT_TRUE(ledger.ReadActs({.owner = kOpenai}).ok());
}

TEST(PostgresLedger, OpenSaysInOneLineWhatIsMissing) {
  const std::string bare = NewDatabase(/*migrated=*/false);
  const struct {
    std::string url, want;
    absl::StatusCode code;
  } cases[] = {
      {bare, "schema: got none, want 1; run capbroker migrate",
       absl::StatusCode::kFailedPrecondition},
      {bare + " dbname=nowhere", "database \"nowhere\" does not exist",
       absl::StatusCode::kUnavailable},
      {"host=/nonexistent dbname=x", "No such file or directory", absl::StatusCode::kUnavailable},
      {"host=127.0.0.1 port=1 dbname=x", "refused", absl::StatusCode::kUnavailable},
      {"bogus=1", "invalid connection option", absl::StatusCode::kUnavailable},
  };
  for (const auto& test : cases) {
    PostgresLedger ledger({.url = test.url});
    const absl::Status status = ledger.Open().status();
    EXPECT_EQ(status.code(), test.code) << status;
    EXPECT_THAT(Message(status), HasSubstr(test.want));
    EXPECT_THAT(Message(status), testing::Not(HasSubstr("\n")));
    EXPECT_TRUE(absl::IsFailedPrecondition(ledger.ReadActs({.owner = kOpenai}).status()));
    EXPECT_EQ(ledger.Commit(Batch{}).outcome, CommitOutcome::kRefused);
  }
}

// On a table that was never analyzed, the planner would by itself read everything that the owner
// has.
TEST(PostgresLedger, TrailsAreFoundByTheirRequestsHoweverMuchTheOwnerHas) {
  const std::string url = NewDatabase();
  auto ledger = OpenLedger(url);
  auto tenures = ledger->Take("one", "", AllPartitions(), Seconds(10));
  Batch batch = BatchOf(*tenures);
  std::vector<std::pair<OwnerId, RequestId>> asked;
  for (uint64_t n = 1; n <= 2'000; ++n) {
    RequestId id = IdOf(1);
    id.bytes[14] = static_cast<uint8_t>(n >> 8);
    id.bytes[15] = static_cast<uint8_t>(n);
    batch.acts.push_back(ActOf(kOpenai, n, id));
    if (n <= 20) asked.emplace_back(kOpenai, id);
  }
  batch.books = {BookOf(kOpenai, 2'000)};
  ASSERT_EQ(ledger->Commit(batch).outcome, CommitOutcome::kDurable);
  EXPECT_EQ(ledger->ReadRequests(asked)->size(), asked.size());
  EXPECT_EQ(ledger->ReadRequest(kOpenai, asked[0].second)->size(), 1u);
  ledger.reset();  // Sessions report what they read when they end.
  auto session = Session(url);
  const auto read = [&](const char* index) {
    return std::stoi(Ask(
        *session,
        Cat("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = '", index, "'")));
  };
  for (int i = 0; i < 100'000 && read("act_request") < 21; ++i) {
  }
  EXPECT_EQ(read("act_request"), 21);
  EXPECT_EQ(read("act_pkey"), 0);
}

}  // namespace
}  // namespace capbroker
