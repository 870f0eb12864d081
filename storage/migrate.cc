#include "storage/migrate.h"

#include "broker/values/text.h"

namespace capbroker {
namespace {

// As many as replicas could ever share, and few enough for one batch to fence all of them.
constexpr uint32_t kDefaultPartitions = 64;
constexpr uint32_t kMostPartitions = 4096;

constexpr Statement kHasSchema{"has_schema", "SELECT to_regclass('schema_migration') IS NOT NULL"};
constexpr Statement kApplied{
    "applied", "SELECT version, name, checksum FROM schema_migration ORDER BY version"};
constexpr Statement kRecord{
    "record",
    "INSERT INTO schema_migration (version, name, checksum) VALUES ($1::integer, $2, $3)"};
constexpr Statement kCount{"count_partitions", "SELECT count(*) FROM partition"};
constexpr Statement kMakePartitions{"make_partitions",
                                    "INSERT INTO partition (partition_id) SELECT n::smallint FROM "
                                    "generate_series(0, $1::integer - 1) AS n"};

struct Applied {
  uint32_t version;
  std::string name;
  Hash checksum;
};

absl::StatusOr<bool> HasSchema(Connection& connection) {
  Answer answer = connection.Run(kHasSchema, {});
  if (!answer.ok()) return ToStatus(*answer.failure);
  return answer[0].Bytes(0)[0] != 0;
}

absl::StatusOr<std::vector<Applied>> ReadApplied(Connection& connection) {
  Answer answer = connection.Run(kApplied, {});
  if (!answer.ok()) return ToStatus(*answer.failure);
  std::vector<Applied> applied;
  for (int i = 0; i < answer.size(); ++i) {
    applied.push_back(
        {static_cast<uint32_t>(answer[i].Int(0)), answer[i].Text(1), answer[i].Array<32>(2)});
  }
  return applied;
}

absl::StatusOr<uint32_t> CountPartitions(Connection& connection) {
  Answer answer = connection.Run(kCount, {});
  if (!answer.ok()) return ToStatus(*answer.failure);
  return static_cast<uint32_t>(answer[0].Int(0));
}

absl::Status Run(Connection& connection, const std::string& script) {
  Answer answer = connection.Script(script);
  return answer.ok() ? absl::OkStatus() : ToStatus(*answer.failure);
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

// Everything after the lock is held.
absl::StatusOr<std::vector<std::string>> Apply(Connection& connection, uint32_t partitions,
                                               const std::vector<Migration>& migrations) {
  const absl::StatusOr<bool> exists = HasSchema(connection);
  if (!exists.ok()) return exists.status();
  if (!*exists) {
    absl::Status status =
        Run(connection,
            "CREATE TABLE schema_migration (version integer PRIMARY KEY, name text NOT NULL,"
            " checksum bytea NOT NULL, applied_time timestamptz NOT NULL DEFAULT now())");
    if (!status.ok()) return status;
  }
  const absl::StatusOr<std::vector<Applied>> applied = ReadApplied(connection);
  if (!applied.ok()) return applied.status();
  if (absl::Status status = Compare(*applied, migrations); !status.ok()) return status;

  std::vector<std::string> done;
  for (size_t i = applied->size(); i < migrations.size(); ++i) {
    const Migration& migration = migrations[i];
    if (absl::Status status = Run(connection, std::string(migration.sql)); !status.ok()) {
      return absl::Status(status.code(), Cat("migration ", migration.name, ": ", status.message()));
    }
    binary::Params params;
    params.Int4(static_cast<int32_t>(migration.version));
    params.Bytes(migration.name);
    params.Bytes(binary::ViewOf(Sha256(migration.sql)));
    if (Answer recorded = connection.Run(kRecord, params); !recorded.ok())
      return ToStatus(*recorded.failure);
    done.push_back(Cat("migration ", migration.name));
  }

  const absl::StatusOr<uint32_t> have = CountPartitions(connection);
  if (!have.ok()) return have.status();
  if (*have == 0) {
    if (partitions == 0) partitions = kDefaultPartitions;
    binary::Params params;
    params.Int4(static_cast<int32_t>(partitions));
    if (Answer made = connection.Run(kMakePartitions, params); !made.ok())
      return ToStatus(*made.failure);
    done.push_back(Cat(partitions, " partitions"));
  } else if (partitions != 0 && *have != partitions) {
    return absl::FailedPreconditionError(Cat("partitions: got ", partitions, ", want ", *have,
                                             " as first migrated; their number never changes"));
  }
  return done;
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
  // The number identifies this program's lock.
  if (absl::Status status = Run(**connection, "BEGIN; SELECT pg_advisory_xact_lock(7163290155)");
      !status.ok()) {
    return status;
  }
  absl::StatusOr<std::vector<std::string>> done = Apply(**connection, partitions, migrations);
  if (!done.ok()) return done;  // The connection closes, which rolls the transaction back.
  if (absl::Status status = Run(**connection, "COMMIT"); !status.ok()) return status;
  return done;
}

absl::StatusOr<uint32_t> CheckSchema(Connection& connection) {
  const size_t want = Migrations().size();
  const absl::StatusOr<bool> exists = HasSchema(connection);
  if (!exists.ok()) return exists.status();
  const absl::StatusOr<std::vector<Applied>> applied =
      *exists ? ReadApplied(connection)
              : absl::StatusOr<std::vector<Applied>>(std::vector<Applied>());
  if (!applied.ok()) return applied.status();
  if (absl::Status status = Compare(*applied, Migrations()); !status.ok()) return status;
  if (applied->size() < want) {
    const std::string got = applied->empty() ? "none" : Cat(applied->size());
    return absl::FailedPreconditionError(
        Cat("schema: got ", got, ", want ", want, "; run capbroker migrate"));
  }
  const absl::StatusOr<uint32_t> partitions = CountPartitions(connection);
  if (partitions.ok() && *partitions == 0) {
    return absl::FailedPreconditionError(
        "schema: got no partitions, want some; run capbroker migrate");
  }
  return partitions;
}

}  // namespace capbroker
