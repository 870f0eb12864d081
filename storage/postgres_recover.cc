// Recovery: the owners of a partition and their unfinished requests.
#include "broker/trail/canonical.h"
#include "broker/values/text.h"
#include "storage/book_state.h"
#include "storage/connection.h"
#include "storage/postgres_ledger.h"

namespace capbroker {
namespace {

// The numbers of a partition's owners are contiguous, so books, acts and requests are index ranges.
// Owners are few enough to be sorted by name.
std::string Rows(std::string_view columns, uint32_t partition, std::string_view rest) {
  return Cat("SELECT ", columns, " FROM (SELECT owner_id, name FROM owner WHERE owner_id BETWEEN ",
             partition << 19, " AND ", (partition << 19) + 524'287,
             " ORDER BY name OFFSET 0) AS o ", rest);
}
constexpr std::string_view kBooks = "JOIN book AS b USING (owner_id) ORDER BY o.name";
constexpr std::string_view kAccounts =
    "CROSS JOIN LATERAL (SELECT body FROM act WHERE owner_id = o.owner_id"
    " AND request_id IS NULL ORDER BY sequence OFFSET 0) AS a";
constexpr std::string_view kUnfinished =
    "CROSS JOIN LATERAL (SELECT request_id FROM request WHERE owner_id = o.owner_id"
    " AND state = ANY ('{0,1,2,3,4,5,11,12,13,14,15}'::smallint[]) OFFSET 0) AS r";

}  // namespace

absl::StatusOr<std::vector<RecoveredOwner>> PostgresLedger::Recover(uint32_t partition) {
  const absl::StatusOr<uint32_t> partitions = Partitions();
  if (!partitions.ok()) return partitions.status();
  if (partition >= *partitions)
    return absl::InvalidArgumentError(
        Cat("partition: got ", partition, ", want less than ", *partitions));
  // A session of its own without a time limit: recovery takes as long as there are rows.
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Connect(For(Span{}));
  if (!connection.ok()) return connection.status();

  std::vector<RecoveredOwner> owners;
  const std::string books = Rows("o.name, b.sequence, b.hash, b.time, b.state", partition, kBooks);
  absl::Status status = (*connection)->Stream(books, [&](const pqxx::row& row) {
    BookRow book{.owner = {std::string(TextOf(row[0]))},
                 .sequence = static_cast<uint64_t>(IntOf(row[1])),
                 .hash = BytesOf<32>(row[2]),
                 .time = TimeOf(row[3])};
    absl::Status decoded = DecodeBookState(TextOf(row[4]), book);
    owners.push_back({std::move(book), {}, {}});
    return decoded;
  });
  if (!status.ok()) return status;

  // Rows about owners come in the order of names, as the owners do.
  const auto each = [&](const std::string& query, auto&& visit) {
    size_t at = 0;
    return (*connection)->Stream(query, [&](const pqxx::row& row) -> absl::Status {
      const std::string_view name = TextOf(row[1]);
      while (at < owners.size() && owners[at].book.owner.value.compare(name) < 0) ++at;
      if (at < owners.size() && owners[at].book.owner.value == name) return visit(owners[at], row);
      return absl::DataLossError(Cat(name, " has a trail and no book"));
    });
  };
  status = each(Rows("a.body, o.name", partition, kAccounts), [](RecoveredOwner& owner,
                                                                 const pqxx::row& row) {
    absl::StatusOr<Act> act = DecodeAct(TextOf(row[0]));
    if (!act.ok())
      return absl::DataLossError(Cat("an act cannot be read: ", act.status().message()));
    owner.acts.push_back(*std::move(act));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  status = each(Rows("r.request_id, o.name", partition, kUnfinished),
                [](RecoveredOwner& owner, const pqxx::row& row) {
                  owner.unfinished.push_back(UuidOf(row[0]));
                  return absl::OkStatus();
                });
  if (!status.ok()) return status;
  return owners;
}

}  // namespace capbroker
