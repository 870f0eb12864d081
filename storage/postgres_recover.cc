// Recovery: what is unfinished in a partition, read in one sweep.
#include "broker/canonical.h"
#include "broker/text.h"
#include "storage/book_state.h"
#include "storage/postgres_ledger.h"
#include "storage/rows.h"

namespace capbroker {
namespace {

// How many acts are handed over at once, at least, where an owner has so many: it bounds what is decoded and
// not yet folded.
constexpr size_t kPiece = 1'000;

// The numbers of a partition's owners are neighbours: books, acts and requests are ranges of their indexes. Owners are
// few enough to be put in the order of their names.
constexpr Statement kBooks{"recover_books",
                           "SELECT o.name, b.sequence, b.hash, b.time, b.state"
                           " FROM owner AS o JOIN book AS b USING (owner_id)"
                           " WHERE o.owner_id BETWEEN $1::integer << 19 AND ($1::integer << 19) + 524287"
                           " ORDER BY o.name"};
constexpr Statement kAccounts{
    "recover_accounts",
    "SELECT a.body FROM (SELECT owner_id FROM owner"
    "   WHERE owner_id BETWEEN $1::integer << 19 AND ($1::integer << 19) + 524287 ORDER BY name OFFSET 0) AS "
    "o"
    " CROSS JOIN LATERAL (SELECT body FROM act WHERE owner_id = o.owner_id AND request_id IS NULL"
    "   ORDER BY sequence OFFSET 0) AS a"};
// The requests in order first, which are few bytes each, and then the acts of one after the other: nothing as
// large as the acts is ever sorted.
constexpr Statement kUnfinished{
    "recover_unfinished",
    "SELECT a.body FROM (SELECT o.name, r.owner_id, r.request_id FROM owner AS o JOIN request AS r USING "
    "(owner_id)"
    "   WHERE o.owner_id BETWEEN $1::integer << 19 AND ($1::integer << 19) + 524287 AND r.state < 6"
    "   ORDER BY o.name, r.request_id OFFSET 0) AS r"
    " CROSS JOIN LATERAL (SELECT body FROM act WHERE request_id = r.request_id AND owner_id = r.owner_id"
    "   ORDER BY sequence OFFSET 0) AS a"};

// Owners in order, with the acts that belong to each, cut into pieces.
class Handover {
 public:
  Handover(std::vector<RecoveredOwner> owners, const std::function<void(RecoveredOwner)>& visit)
      : owners_(std::move(owners)), visit_(visit) {}

  // Acts about requests, in the order of owner, request and sequence.
  absl::Status Add(Act act) {
    while (at_ < owners_.size() && owners_[at_].book.owner < act.owner) Close();
    if (at_ == owners_.size() || owners_[at_].book.owner != act.owner) {
      return absl::DataLossError(
          Cat("act ", act.sequence, " of ", act.owner.value, ": its owner has no book"));
    }
    const bool same = act.owner == last_owner_ && act.request == last_request_;
    if (act.owner == last_owner_ &&
        (act.request < last_request_ || (same && act.sequence <= last_sequence_))) {
      return absl::InternalError(
          Cat("recovery: act ", act.sequence, " of ", act.owner.value, " came out of order"));
    }
    if (!same && owners_[at_].acts.size() >= kPiece) Flush();
    last_owner_ = act.owner;
    last_request_ = act.request;
    last_sequence_ = act.sequence;
    owners_[at_].acts.push_back(std::move(act));
    return absl::OkStatus();
  }
  void Finish() {
    while (at_ < owners_.size()) Close();
  }

 private:
  void Flush() {
    RecoveredOwner piece{owners_[at_].book, std::move(owners_[at_].acts)};
    owners_[at_].acts.clear();
    visit_(std::move(piece));
  }
  void Close() { visit_(std::move(owners_[at_++])); }

  std::vector<RecoveredOwner> owners_;
  const std::function<void(RecoveredOwner)>& visit_;
  size_t at_ = 0;
  OwnerId last_owner_;
  RequestId last_request_;
  uint64_t last_sequence_ = 0;
};

absl::StatusOr<Act> ActOf(const Row& row) {
  absl::StatusOr<Act> act = DecodeAct(row.Bytes(0));
  if (!act.ok()) return absl::DataLossError(Cat("an act cannot be read: ", act.status().message()));
  return act;
}

}  // namespace

absl::Status PostgresLedger::Recover(uint32_t partition, const std::function<void(RecoveredOwner)>& visit) {
  const absl::StatusOr<uint32_t> partitions = Partitions();
  if (!partitions.ok()) return partitions.status();
  if (partition >= *partitions)
    return absl::InvalidArgumentError(Cat("partition: got ", partition, ", want less than ", *partitions));
  // A session of its own, without a bound on the whole: it takes as long as there is to read.
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Open(For(Span{}));
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
    owners.push_back({std::move(book), {}});
    return decoded;
  });
  if (!status.ok()) return status;

  size_t at = 0;
  status = (*connection)->Stream(kAccounts, params, [&](const Row& row) -> absl::Status {
    absl::StatusOr<Act> act = ActOf(row);
    if (!act.ok()) return act.status();
    while (at < owners.size() && owners[at].book.owner < act->owner) ++at;
    if (at == owners.size() || owners[at].book.owner != act->owner) {
      return absl::DataLossError(
          Cat("act ", act->sequence, " of ", act->owner.value, ": its owner has no book"));
    }
    owners[at].acts.push_back(*std::move(act));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;

  Handover handover(std::move(owners), visit);
  status = (*connection)->Stream(kUnfinished, params, [&](const Row& row) -> absl::Status {
    absl::StatusOr<Act> act = ActOf(row);
    if (!act.ok()) return act.status();
    return handover.Add(*std::move(act));
  });
  if (!status.ok()) return status;
  handover.Finish();
  return absl::OkStatus();
}

}  // namespace capbroker
