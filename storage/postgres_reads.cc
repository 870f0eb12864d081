// Everything that reads: by key or along an index, so that the size of the trail does not matter.
#include "absl/time/time.h"
#include "broker/text.h"
#include "storage/book_state.h"
#include "storage/page.h"
#include "storage/postgres_ledger.h"
#include "storage/rows.h"

namespace capbroker {
namespace {

using binary::Params;
using binary::ViewOf;

#define ACT_COLUMNS "owner, sequence, time, request_id, decisions, body, hash"
SealedAct ActOf(const Row& row) {
  return {.owner = {row.Text(0)},
          .sequence = static_cast<uint64_t>(row.Int(1)),
          .time = row.Time(2),
          .request = row.Uuid(3),
          .decisions = static_cast<uint32_t>(row.Int(4)),
          .text = row.Text(5),
          .hash = row.Array<32>(6)};
}

#define REQUEST_COLUMNS "owner, request_id, state"
RequestRow RequestOf(const Row& row) {
  return {{row.Text(0)}, row.Uuid(1), static_cast<RequestState>(row.Int(2))};
}

#define OFFER_COLUMNS "owner, request_id, number, provider, state, allocation, accepted, deadline"
OfferRow OfferOf(const Row& row) {
  return {.owner = {row.Text(0)},
          .request = row.Uuid(1),
          .offer = static_cast<uint32_t>(row.Int(2)),
          .provider = {row.Text(3)},
          .state = static_cast<OfferState>(row.Int(4)),
          .allocation = static_cast<AllocationState>(row.Int(5)),
          .accepted = row.Int(6),
          .deadline = row.Time(7)};
}

#define BOOK_COLUMNS "owner, sequence, hash, time, state"
absl::StatusOr<BookRow> BookOf(const Row& row) {
  BookRow book{.owner = {row.Text(0)},
               .sequence = static_cast<uint64_t>(row.Int(1)),
               .hash = row.Array<32>(2),
               .time = row.Time(3)};
  absl::Status status = DecodeBookState(row.Bytes(4), book);
  if (!status.ok()) return status;
  return book;
}

constexpr Statement kKeys{"keys",
                          "SELECT key, payload, request_id, sequence FROM idempotency_key"
                          " WHERE partition_id = $1 AND owner = $2 AND key = ANY ($3::uuid[])"};
constexpr Statement kReadRequest{
    "read_request", "SELECT " ACT_COLUMNS
                    " FROM act"
                    " WHERE partition_id = $1 AND request_id = $2 AND owner = $3 ORDER BY sequence"};
constexpr Statement kReadRequests{
    "read_requests",
    "SELECT a.owner, a.sequence, a.time, a.request_id, a.decisions, a.body, a.hash, n.position"
    " FROM unnest($1::smallint[], $2::uuid[], $3::text[]) WITH ORDINALITY AS n (partition_id, request_id, "
    "owner, position)"
    " JOIN act AS a ON a.partition_id = n.partition_id AND a.request_id = n.request_id AND a.owner = n.owner"
    " ORDER BY n.position, a.sequence"};
// `request_id IS NULL` stands in the text: only then can the partial index be chosen.
#define ACTS(name, compare, order, also)                                                                 \
  {                                                                                                      \
    name, "SELECT " ACT_COLUMNS " FROM act WHERE partition_id = $1 AND owner = $2 AND sequence " compare \
          " $3 " also " ORDER BY sequence " order " LIMIT $4::bigint"                                    \
  }
constexpr Statement kActsUp ACTS("acts_up", ">", "ASC", "");
constexpr Statement kActsDown ACTS("acts_down", "<", "DESC", "");
constexpr Statement kAccountUp ACTS("account_up", ">", "ASC", "AND request_id IS NULL");
constexpr Statement kAccountDown ACTS("account_down", "<", "DESC", "AND request_id IS NULL");
#undef ACTS
// A page from each state, then the first of all of them: a rare state costs no more than a common one.
constexpr Statement kListRequests{
    "list_requests",
    "SELECT r.owner, r.request_id, r.state FROM unnest($3::smallint[]) AS s (state) CROSS JOIN LATERAL ("
    "  SELECT " REQUEST_COLUMNS
    " FROM request"
    "  WHERE partition_id = $1 AND state = s.state AND owner = $2 AND request_id < $4"
    "  ORDER BY request_id DESC LIMIT $5::bigint) AS r"
    " ORDER BY r.request_id DESC LIMIT $5::bigint"};
constexpr Statement kListOffers{
    "list_offers",
    "SELECT r.owner, r.request_id, r.number, r.provider, r.state, r.allocation, r.accepted, r.deadline"
    " FROM unnest($2::smallint[]) AS s (state) CROSS JOIN LATERAL ("
    "  SELECT " OFFER_COLUMNS
    " FROM offer"
    "  WHERE provider = $1 AND state = s.state AND (request_id, number, owner) < ($3::uuid, $4::integer, "
    "$5::text)"
    "  ORDER BY request_id DESC, number DESC, owner DESC LIMIT $6::bigint) AS r"
    " ORDER BY r.request_id DESC, r.number DESC, r.owner DESC LIMIT $6::bigint"};
constexpr Statement kOwners{"owners",
                            "SELECT owner FROM book WHERE owner > $1 ORDER BY owner LIMIT $2::bigint"};
constexpr Statement kReadBook{"read_book",
                              "SELECT " BOOK_COLUMNS " FROM book WHERE partition_id = $1 AND owner = $2"};
// The index by state has the owner second: every state is looked up.
constexpr Statement kAllRequests{"all_requests",
                                 "SELECT " REQUEST_COLUMNS
                                 " FROM request WHERE partition_id = $1 AND owner = $2"
                                 " AND state = ANY ('{0,1,2,3,4,5,6,7,8,9,10}') ORDER BY request_id"};
constexpr Statement kAllOffers{"all_offers", "SELECT " OFFER_COLUMNS
                                             " FROM offer WHERE partition_id = $1 AND owner = $2"
                                             " ORDER BY request_id, number"};

// The states asked for as numbers; all there are, if none is.
template <class State>
void AddStates(Params& params, std::vector<State> states) {
  if (states.empty()) {
    for (size_t i = 0; i < Names<State>::values.size(); ++i) states.push_back(static_cast<State>(i));
  }
  std::sort(states.begin(), states.end());
  states.erase(std::unique(states.begin(), states.end()), states.end());
  params.Many(binary::kInt2, states, [](State s, Params::Array& a) { a.Int2(static_cast<int16_t>(s)); });
}

template <class T>
std::vector<T> All(const Answer& answer, T (*read)(const Row&)) {
  std::vector<T> out;
  out.reserve(static_cast<size_t>(answer.size()));
  for (int i = 0; i < answer.size(); ++i) out.push_back(read(answer[i]));
  return out;
}

// One row more than the page was asked for: whether there is more.
template <class T>
Page<T> PageOf(std::vector<T> rows, uint32_t size, const std::string& list, Cursor (*last)(const T&)) {
  Page<T> page{std::move(rows), ""};
  if (page.items.size() > size) {
    page.items.resize(size);
    page.next = MakeToken(list, last(page.items.back()));
  }
  return page;
}

}  // namespace

PostgresLedger::Readers PostgresLedger::readers() const {
  absl::MutexLock lock(&readers_mutex_);
  return {options_.readers, static_cast<uint32_t>(idle_.size()), busy_, waiting_};
}

absl::StatusOr<Answer> PostgresLedger::Read(const Statement& statement, const Params& params) {
  std::unique_ptr<Connection> connection;
  {
    absl::MutexLock lock(&readers_mutex_);
    const auto is_free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(readers_mutex_) {
      return busy_ < options_.readers;
    };
    ++waiting_;
    const bool freed =
        readers_mutex_.AwaitWithTimeout(absl::Condition(&is_free), absl::Microseconds(options_.read.micros));
    --waiting_;
    if (!freed) return absl::UnavailableError("database: every reader is busy");
    ++busy_;
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (connection != nullptr && !connection->IsAlive()) connection.reset();
  absl::StatusOr<Answer> answer;
  for (bool fresh = connection == nullptr;; fresh = true) {
    if (connection == nullptr) {
      absl::StatusOr<std::unique_ptr<Connection>> opened = Connection::Open(For(options_.read));
      if (!opened.ok()) {
        answer = opened.status();
        break;
      }
      connection = *std::move(opened);
    }
    answer = connection->Run(statement, params);
    if (answer->ok()) break;
    const Failure failure = *std::move(answer->failure);
    if (failure.lost) connection.reset();
    answer = ToStatus(failure);
    if (!failure.lost || fresh) break;
  }
  absl::MutexLock lock(&readers_mutex_);
  --busy_;
  if (connection != nullptr) idle_.push_back(std::move(connection));
  return answer;
}

absl::StatusOr<std::vector<KeyRecord>> PostgresLedger::Keys(const OwnerId& owner,
                                                            const std::vector<IdempotencyKey>& keys) {
  const absl::StatusOr<uint32_t> partitions = Partitions();
  if (!partitions.ok()) return partitions.status();
  Params params;
  params.Int2(static_cast<int16_t>(PartitionOf(owner, *partitions)));
  params.Bytes(owner.value);
  params.Many(binary::kUuid, keys, [](const IdempotencyKey& key, Params::Array& a) { a.Bytes(ViewOf(key)); });
  absl::StatusOr<Answer> answer = Read(kKeys, params);
  if (!answer.ok()) return answer.status();
  std::vector<KeyRecord> records;
  for (int i = 0; i < answer->size(); ++i) {
    const Row row = (*answer)[i];
    records.push_back(
        {owner, row.Array<16>(0), row.Array<32>(1), row.Uuid(2), static_cast<uint64_t>(row.Int(3))});
  }
  return records;
}

absl::StatusOr<std::vector<SealedAct>> PostgresLedger::ReadRequest(const OwnerId& owner,
                                                                   const RequestId& request) {
  const absl::StatusOr<uint32_t> partitions = Partitions();
  if (!partitions.ok()) return partitions.status();
  Params params;
  params.Int2(static_cast<int16_t>(PartitionOf(owner, *partitions)));
  params.Bytes(ViewOf(request.bytes));
  params.Bytes(owner.value);
  absl::StatusOr<Answer> answer = Read(kReadRequest, params);
  if (!answer.ok()) return answer.status();
  if (answer->size() == 0) return absl::NotFoundError(Cat("request ", Format(request), " of ", owner.value));
  return All(*answer, ActOf);
}

absl::StatusOr<std::vector<RequestTrail>> PostgresLedger::ReadRequests(
    const std::vector<std::pair<OwnerId, RequestId>>& requests) {
  const absl::StatusOr<uint32_t> partitions = Partitions();
  if (!partitions.ok()) return partitions.status();
  Places places(*partitions);
  Params params;
  params.Many(binary::kInt2, requests, [&](const auto& r, Params::Array& a) { a.Int2(places.Of(r.first)); });
  params.Many(binary::kUuid, requests,
              [](const auto& r, Params::Array& a) { a.Bytes(ViewOf(r.second.bytes)); });
  params.Many(binary::kText, requests, [](const auto& r, Params::Array& a) { a.Bytes(r.first.value); });
  absl::StatusOr<Answer> answer = Read(kReadRequests, params);
  if (!answer.ok()) return answer.status();
  std::vector<RequestTrail> trails;
  for (const auto& [owner, request] : requests) trails.push_back({owner, {}});
  for (int i = 0; i < answer->size(); ++i) {
    const Row row = (*answer)[i];
    trails[static_cast<size_t>(row.Int(7)) - 1].acts.push_back(ActOf(row));
  }
  return trails;
}

absl::StatusOr<std::vector<SealedAct>> PostgresLedger::ReadActs(const ActRange& range) {
  const absl::StatusOr<uint32_t> partitions = Partitions();
  if (!partitions.ok()) return partitions.status();
  const bool from_end = range.newest_first && range.from == 0;
  Params params;
  params.Int2(static_cast<int16_t>(PartitionOf(range.owner, *partitions)));
  params.Bytes(range.owner.value);
  params.Int8(from_end ? INT64_MAX : static_cast<int64_t>(std::min<uint64_t>(range.from, INT64_MAX)));
  params.Int8(range.limit);
  const Statement& statement = range.newest_first ? (range.account_only ? kAccountDown : kActsDown)
                                                  : (range.account_only ? kAccountUp : kActsUp);
  absl::StatusOr<Answer> answer = Read(statement, params);
  if (!answer.ok()) return answer.status();
  return All(*answer, ActOf);
}

absl::StatusOr<Page<RequestRow>> PostgresLedger::ListRequests(const RequestFilter& filter, uint32_t size,
                                                              const std::string& token) {
  const absl::StatusOr<uint32_t> partitions = Partitions();
  if (!partitions.ok()) return partitions.status();
  const std::string list = ListName(filter);
  const absl::StatusOr<Cursor> from = ParseToken(list, token);
  if (!from.ok()) return from.status();
  size = PageSize(size);
  Params params;
  params.Int2(static_cast<int16_t>(PartitionOf(filter.owner, *partitions)));
  params.Bytes(filter.owner.value);
  AddStates(params, filter.states);
  params.Bytes(ViewOf(from->request.bytes));
  params.Int8(size + 1);
  absl::StatusOr<Answer> answer = Read(kListRequests, params);
  if (!answer.ok()) return answer.status();
  return PageOf<RequestRow>(All(*answer, RequestOf), size, list, [](const RequestRow& row) {
    return Cursor{row.request, 0, row.owner};
  });
}

absl::StatusOr<Page<OfferRow>> PostgresLedger::ListOffers(const OfferFilter& filter, uint32_t size,
                                                          const std::string& token) {
  const std::string list = ListName(filter);
  const absl::StatusOr<Cursor> from = ParseToken(list, token);
  if (!from.ok()) return from.status();
  size = PageSize(size);
  Params params;
  params.Bytes(filter.provider.value);
  AddStates(params, filter.states);
  params.Bytes(ViewOf(from->request.bytes));
  params.Int4(static_cast<int32_t>(from->offer));
  params.Bytes(from->owner.value);
  params.Int8(size + 1);
  absl::StatusOr<Answer> answer = Read(kListOffers, params);
  if (!answer.ok()) return answer.status();
  return PageOf<OfferRow>(All(*answer, OfferOf), size, list, [](const OfferRow& row) {
    return Cursor{row.request, row.offer, row.owner};
  });
}

absl::StatusOr<std::vector<OwnerId>> PostgresLedger::Owners(const OwnerId& after, uint32_t limit) {
  Params params;
  params.Bytes(after.value);
  params.Int8(limit);
  absl::StatusOr<Answer> answer = Read(kOwners, params);
  if (!answer.ok()) return answer.status();
  return All<OwnerId>(*answer, [](const Row& row) { return OwnerId{row.Text(0)}; });
}

absl::StatusOr<std::optional<BookRow>> PostgresLedger::ReadBook(const OwnerId& owner) {
  const absl::StatusOr<uint32_t> partitions = Partitions();
  if (!partitions.ok()) return partitions.status();
  Params params;
  params.Int2(static_cast<int16_t>(PartitionOf(owner, *partitions)));
  params.Bytes(owner.value);
  absl::StatusOr<Answer> answer = Read(kReadBook, params);
  if (!answer.ok()) return answer.status();
  if (answer->size() == 0) return std::optional<BookRow>();
  absl::StatusOr<BookRow> book = BookOf((*answer)[0]);
  if (!book.ok()) return book.status();
  return std::optional<BookRow>(*std::move(book));
}

absl::StatusOr<std::vector<RequestRow>> PostgresLedger::AllRequests(const OwnerId& owner) {
  const absl::StatusOr<uint32_t> partitions = Partitions();
  if (!partitions.ok()) return partitions.status();
  Params params;
  params.Int2(static_cast<int16_t>(PartitionOf(owner, *partitions)));
  params.Bytes(owner.value);
  absl::StatusOr<Answer> answer = Read(kAllRequests, params);
  if (!answer.ok()) return answer.status();
  return All(*answer, RequestOf);
}

absl::StatusOr<std::vector<OfferRow>> PostgresLedger::AllOffers(const OwnerId& owner) {
  const absl::StatusOr<uint32_t> partitions = Partitions();
  if (!partitions.ok()) return partitions.status();
  Params params;
  params.Int2(static_cast<int16_t>(PartitionOf(owner, *partitions)));
  params.Bytes(owner.value);
  absl::StatusOr<Answer> answer = Read(kAllOffers, params);
  if (!answer.ok()) return answer.status();
  return All(*answer, OfferOf);
}

}  // namespace capbroker
