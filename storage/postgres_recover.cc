// Recovery: the owners of a partition and their unfinished requests.
#include "broker/trail/canonical.h"
#include "broker/values/text.h"
#include "storage/book_state.h"
#include "storage/postgres_ledger.h"

namespace capbroker {
namespace {

// The numbers of a partition's owners are contiguous, so books, acts and requests are index ranges.
// Owners are few enough to be sorted by name.
#define OWNERS                                                                                   \
  "(SELECT owner_id, name FROM owner WHERE owner_id BETWEEN $1::integer << 19 AND ($1::integer " \
  "<< 19) + "                                                                                    \
  "524287"                                                                                       \
  " ORDER BY name OFFSET 0) AS o"
constexpr Statement kBooks{"recover_books",
                           "SELECT o.name, b.sequence, b.hash, b.time, b.state FROM " OWNERS
                           " JOIN book AS b USING (owner_id) ORDER BY o.name"};
constexpr Statement kAccounts{
    "recover_accounts", "SELECT a.body, o.name FROM " OWNERS
                        " CROSS JOIN LATERAL (SELECT body FROM act WHERE owner_id = o.owner_id"
                        "   AND request_id IS NULL ORDER BY sequence OFFSET 0) AS a"};
constexpr Statement kUnfinished{
    "recover_unfinished",
    "SELECT r.request_id, o.name FROM " OWNERS
    " CROSS JOIN LATERAL (SELECT request_id FROM request WHERE owner_id = o.owner_id"
    "   AND state = ANY ('{0,1,2,3,4,5,11,12,13,14,15}'::smallint[]) OFFSET 0) AS r"};

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
  binary::Params params;
  params.Int4(static_cast<int32_t>(partition));

  std::vector<RecoveredOwner> owners;
  absl::Status status = (*connection)->Stream(kBooks, params, [&](const Row& row) {
    BookRow book{.owner = {row.Text(0)},
                 .sequence = static_cast<uint64_t>(row.Int(1)),
                 .hash = row.Array<32>(2),
                 .time = row.Time(3)};
    absl::Status decoded = DecodeBookState(row.Bytes(4), book);
    owners.push_back({std::move(book), {}, {}});
    return decoded;
  });
  if (!status.ok()) return status;

  // Rows about owners come in the order of names, as the owners do.
  const auto each = [&](const Statement& statement, auto&& visit) {
    size_t at = 0;
    return (*connection)->Stream(statement, params, [&](const Row& row) -> absl::Status {
      while (at < owners.size() && owners[at].book.owner.value.compare(row.Bytes(1)) < 0) ++at;
      if (at < owners.size() && owners[at].book.owner.value == row.Bytes(1))
        return visit(owners[at], row);
      return absl::DataLossError(Cat(row.Bytes(1), " has a trail and no book"));
    });
  };
  status = each(kAccounts, [](RecoveredOwner& owner, const Row& row) {
    absl::StatusOr<Act> act = DecodeAct(row.Bytes(0));
    if (!act.ok())
      return absl::DataLossError(Cat("an act cannot be read: ", act.status().message()));
    owner.acts.push_back(*std::move(act));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  status = each(kUnfinished, [](RecoveredOwner& owner, const Row& row) {
    owner.unfinished.push_back(row.Uuid(0));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return owners;
}

}  // namespace capbroker
