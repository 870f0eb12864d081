#include "storage/migrate.h"

#include <utility>

#include "broker/values/text.h"
#include "storage/connection.h"

namespace capbroker {
namespace {

// As many as replicas could ever share, and few enough for one batch to fence all of them.
constexpr uint32_t kDefaultPartitions = 64;
constexpr uint32_t kMostPartitions = 4096;

struct Applied {
  uint32_t version;
  std::string name;
  Hash checksum;
};

bool HasSchema(pqxx::transaction_base& transaction) {
  return transaction.exec("SELECT to_regclass('schema_migration') IS NOT NULL")[0][0].as<bool>();
}

std::vector<Applied> ReadApplied(pqxx::transaction_base& transaction) {
  std::vector<Applied> applied;
  for (const auto& row :
       transaction.exec("SELECT version, name, checksum FROM schema_migration ORDER BY version")) {
    applied.push_back(
        {static_cast<uint32_t>(IntOf(row[0])), std::string(TextOf(row[1])), BytesOf<32>(row[2])});
  }
  return applied;
}

uint32_t CountPartitions(pqxx::transaction_base& transaction) {
  return static_cast<uint32_t>(IntOf(transaction.exec("SELECT count(*) FROM partition")[0][0]));
}

// Whether the applied migrations are the first ones that this program has.
absl::Status Compare(const std::vector<Applied>& applied,
                     const std::vector<Migration>& migrations) {
  for (size_t i = 0; i < applied.size(); ++i) {
    if (i >= migrations.size()) {
      return absl::FailedPreconditionError(Cat("schema: got ", applied.back().version, ", want ",
                                               migrations.size(),
                                               "; the database is newer than this program"));
    }
    if (applied[i].version != migrations[i].version ||
        applied[i].checksum != Sha256(migrations[i].sql)) {
      return absl::FailedPreconditionError(Cat(
          "migration ", applied[i].name, " is not the one that was applied: got ",
          Hex(Sha256(migrations[i].sql)).substr(0, 12), ", want ",
          Hex(applied[i].checksum).substr(0, 12), "; migrations are never edited, add a new one"));
    }
  }
  return absl::OkStatus();
}

// Everything after the lock is held. `running` is the migration that runs, for an error.
absl::Status Apply(pqxx::transaction_base& transaction, uint32_t partitions,
                   const std::vector<Migration>& migrations, std::vector<std::string>& done,
                   std::string& running) {
  if (!HasSchema(transaction)) {
    transaction.exec(
        "CREATE TABLE schema_migration (version integer PRIMARY KEY, name text NOT NULL,"
        " checksum bytea NOT NULL, applied_time timestamptz NOT NULL DEFAULT now())");
  }
  const std::vector<Applied> applied = ReadApplied(transaction);
  if (absl::Status status = Compare(applied, migrations); !status.ok()) return status;
  for (size_t i = applied.size(); i < migrations.size(); ++i) {
    const Migration& migration = migrations[i];
    running = Cat("migration ", migration.name);
    transaction.exec(std::string(migration.sql));
    transaction.exec(Cat("INSERT INTO schema_migration (version, name, checksum) VALUES (",
                         migration.version, ", ", transaction.quote(std::string(migration.name)),
                         ", '\\x", Hex(Sha256(migration.sql)), "')"));
    done.push_back(std::exchange(running, ""));
  }
  const uint32_t have = CountPartitions(transaction);
  if (have == 0) {
    if (partitions == 0) partitions = kDefaultPartitions;
    transaction.exec(Cat("INSERT INTO partition (partition_id) SELECT generate_series(0, ",
                         partitions - 1, ")::smallint"));
    done.push_back(Cat(partitions, " partitions"));
  } else if (partitions != 0 && have != partitions) {
    return absl::FailedPreconditionError(Cat("partitions: got ", partitions, ", want ", have,
                                             " as first migrated; their number never changes"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> Migrate(const std::string& url, uint32_t partitions) {
  return Migrate(url, partitions, Migrations());
}

absl::StatusOr<std::vector<std::string>> Migrate(const std::string& url, uint32_t partitions,
                                                 const std::vector<Migration>& migrations) {
  if (partitions > kMostPartitions) {
    return absl::InvalidArgumentError(
        Cat("partitions: got ", partitions, ", want 1 to ", kMostPartitions));
  }
  // Unbounded: an index on a large table takes its time, and somebody is watching.
  absl::StatusOr<std::unique_ptr<Connection>> connection =
      Connection::Connect({.url = url, .statement = {}, .lock = {}, .answer = {}});
  if (!connection.ok()) return connection.status();
  std::vector<std::string> done;
  std::string running;
  const absl::Status status = (*connection)->Do([&](pqxx::connection& session) {
    pqxx::work transaction(session);  // Rolled back unless it is committed.
    transaction.exec("SELECT pg_advisory_xact_lock(7163290155)");  // This program's lock.
    absl::Status applied = Apply(transaction, partitions, migrations, done, running);
    if (applied.ok()) transaction.commit();
    return applied;
  });
  if (!status.ok() && !running.empty())
    return absl::Status(status.code(), Cat(running, ": ", status.message()));
  if (!status.ok()) return status;
  return done;
}

absl::StatusOr<uint32_t> CheckSchema(Connection& connection) {
  const size_t want = Migrations().size();
  uint32_t partitions = 0;
  const absl::Status status = connection.Do([&](pqxx::connection& session) -> absl::Status {
    pqxx::nontransaction transaction(session);
    std::vector<Applied> applied;
    if (HasSchema(transaction)) applied = ReadApplied(transaction);
    if (absl::Status same = Compare(applied, Migrations()); !same.ok()) return same;
    if (applied.size() < want) {
      const std::string got = applied.empty() ? "none" : Cat(applied.size());
      return absl::FailedPreconditionError(
          Cat("schema: got ", got, ", want ", want, "; run capbroker migrate"));
    }
    partitions = CountPartitions(transaction);
    if (partitions > 0) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "schema: got no partitions, want some; run capbroker migrate");
  });
  if (!status.ok()) return status;
  return partitions;
}

}  // namespace capbroker
