// Reads, by key or along an index, so that the size of the trail does not matter.
#include <set>

#include "absl/time/time.h"
#include "broker/values/text.h"
#include "storage/book_state.h"
#include "storage/connection.h"
#include "storage/page_token.h"
#include "storage/postgres_ledger.h"
#include "storage/state_numbers.h"

namespace capbroker {
namespace {

using binary::Params;
using binary::ViewOf;

// The number of the owner $1, looked up once per statement. Rows do not repeat the owner's name
// where it was given.
#define OWNER "(SELECT owner_id FROM owner WHERE name = $1)"

#define ACT_COLUMNS "a.sequence, a.time, a.request_id, a.decisions, a.body, a.hash"
SealedAct ActOf(const pqxx::row& row, const OwnerId& owner) {
  return {.owner = owner,
          .sequence = static_cast<uint64_t>(IntOf(row[0])),
          .time = TimeOf(row[1]),
          .request = UuidOf(row[2]),
          .decisions = static_cast<uint32_t>(IntOf(row[3])),
          .text = std::string(TextOf(row[4])),
          .hash = BytesOf<32>(row[5])};
}

RequestRow RequestOf(const pqxx::row& row, const OwnerId& owner) {
  return {.owner = owner,
          .request = UuidOf(row[0]),
          .state = RequestStateOf(IntOf(row[1])),
          .is_live = IntOf(row[1]) < kFinished || IntOf(row[1]) > kSettled};
}

OfferRow OfferOf(const pqxx::row& row) {
  return {.owner = {std::string(TextOf(row[0]))},
          .request = UuidOf(row[1]),
          .offer = static_cast<uint32_t>(IntOf(row[2])),
          .provider = {std::string(TextOf(row[3]))},
          .state = static_cast<OfferState>(IntOf(row[4])),
          .allocation = static_cast<AllocationState>(IntOf(row[5])),
          .accepted = IntOf(row[6]),
          .deadline = TimeOf(row[7])};
}

constexpr Statement kKeys{"keys",
                          "SELECT key, payload, request_id, sequence FROM act"
                          " WHERE key = ANY ($2::uuid[]) AND owner_id = " OWNER};
// Selects by request, and compares the owner afterwards: on a table that was never analyzed the
// planner would read everything of the owner.
#define ACTS_OF(request) "(SELECT * FROM act WHERE request_id = " request " OFFSET 0) AS a"
constexpr Statement kReadRequest{"read_request", "SELECT " ACT_COLUMNS
                                                 " FROM " ACTS_OF("$2") " WHERE a.owner_id = " OWNER
                                                                        " ORDER BY a.sequence"};
constexpr Statement kReadRequests{
    "read_requests",
    "SELECT " ACT_COLUMNS
    ", n.position"
    " FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS n (owner, request_id, position)"
    " JOIN owner AS o ON o.name = n.owner"
    " CROSS JOIN LATERAL " ACTS_OF(
        "n.request_id") " WHERE a.owner_id = o.owner_id ORDER BY n.position, a.sequence"};
#undef ACTS_OF
// `request_id IS NULL` must be literal, so that the planner can use the partial index.
#define ACTS(name, compare, order, also)                                                           \
  {                                                                                                \
    name, "SELECT " ACT_COLUMNS " FROM act AS a WHERE a.owner_id = " OWNER                         \
          " AND a.sequence " compare " $2 " also " ORDER BY a.sequence " order " LIMIT $3::bigint" \
  }
constexpr Statement kActsUp ACTS("acts_up", ">", "ASC", "");
constexpr Statement kActsDown ACTS("acts_down", "<", "DESC", "");
constexpr Statement kAccountUp ACTS("account_up", ">", "ASC", "AND a.request_id IS NULL");
constexpr Statement kAccountDown ACTS("account_down", "<", "DESC", "AND a.request_id IS NULL");
#undef ACTS
// Takes a page from each state, then the first rows of all: a rare state costs no more than a
// common one.
constexpr Statement kListRequests{
    "list_requests",
    "SELECT r.request_id, r.state FROM unnest($2::smallint[]) AS s (state) CROSS JOIN LATERAL ("
    "  SELECT request_id, state FROM request"
    "  WHERE owner_id = " OWNER
    " AND state = s.state AND request_id < $3"
    "  ORDER BY request_id DESC LIMIT $4::bigint) AS r"
    " ORDER BY r.request_id DESC LIMIT $4::bigint"};
constexpr Statement kListOffers{
    "list_offers",
    "SELECT o.name, r.request_id, r.number, $1, r.state, r.allocation, r.accepted, r.deadline FROM "
    "("
    " SELECT r.* FROM unnest($2::smallint[]) AS s (state) CROSS JOIN LATERAL ("
    "   SELECT * FROM offer"
    "   WHERE provider_id = (SELECT provider_id FROM provider WHERE name = $1::text) AND state = "
    "s.state"
    "     AND (request_id, number, owner_id)"
    "       < ($3::uuid, $4::integer, (SELECT owner_id FROM owner WHERE name = $5::text))"
    "   ORDER BY request_id DESC, number DESC, owner_id DESC LIMIT $6::bigint) AS r"
    " ORDER BY r.request_id DESC, r.number DESC, r.owner_id DESC LIMIT $6::bigint) AS r"
    " JOIN owner AS o USING (owner_id)"
    " ORDER BY r.request_id DESC, r.number DESC, r.owner_id DESC"};
constexpr Statement kOwners{"owners",
                            "SELECT o.name FROM owner AS o WHERE o.name > $1"
                            " AND EXISTS (SELECT FROM book AS b WHERE b.owner_id = o.owner_id)"
                            " ORDER BY o.name LIMIT $2::bigint"};
constexpr Statement kReadBook{
    "read_book", "SELECT sequence, hash, time, state FROM book WHERE owner_id = " OWNER};
constexpr Statement kAllRequests{"all_requests",
                                 "SELECT request_id, state FROM request WHERE owner_id = " OWNER
                                 " ORDER BY request_id"};
constexpr Statement kAllOffers{
    "all_offers",
    "SELECT $1, f.request_id, f.number, p.name, f.state, f.allocation, f.accepted, f.deadline"
    " FROM offer AS f LEFT JOIN provider AS p USING (provider_id)"
    " WHERE f.owner_id = (SELECT owner_id FROM owner WHERE name = $1::text) ORDER BY f.request_id, "
    "f.number"};

int16_t NumberOf(OfferState state, bool) { return static_cast<int16_t>(state); }

// The states as numbers; all states if none is given.
template <class State>
void AddStates(Params& params, const std::vector<State>& states) {
  std::set<int16_t> numbers;
  const auto add = [&](State state) {
    for (const bool is_live : {false, true}) numbers.insert(NumberOf(state, is_live));
  };
  for (size_t i = 0; states.empty() && i < Names<State>::values.size(); ++i)
    add(static_cast<State>(i));
  for (const State state : states) add(state);
  params.Many(binary::kInt2, numbers, [](int16_t n, Params::Array& a) { a.Int2(n); });
}

// `rows` has one row more than the page if there are more.
template <class T>
Page<T> PageOf(std::vector<T> rows, uint32_t size, const std::string& list,
               RowPosition (*last)(const T&)) {
  Page<T> page{std::move(rows), ""};
  if (page.items.size() > size) {
    page.items.resize(size);
    page.next = RowToken(list, last(page.items.back()));
  }
  return page;
}

}  // namespace

PostgresLedger::Readers PostgresLedger::readers() const {
  absl::MutexLock lock(&readers_mutex_);
  return {options_.readers, static_cast<uint32_t>(idle_.size()), busy_, waiting_};
}

absl::Status PostgresLedger::Read(const Statement& statement, const Params& params, Visit visit) {
  if (const auto open = Partitions(); !open.ok()) return open.status();
  return Query(statement, params, visit);
}

absl::Status PostgresLedger::Query(const Statement& statement, const Params& params, Visit visit) {
  std::unique_ptr<Connection> connection;
  {
    absl::MutexLock lock(&readers_mutex_);
    const auto is_free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(readers_mutex_) {
      return busy_ < options_.readers;
    };
    ++waiting_;
    const bool freed = readers_mutex_.AwaitWithTimeout(absl::Condition(&is_free),
                                                       absl::Microseconds(options_.read.micros));
    --waiting_;
    if (!freed) return absl::UnavailableError("database: every reader is busy");
    ++busy_;
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (connection != nullptr && !connection->IsAlive()) connection.reset();
  absl::Status status;
  for (bool fresh = connection == nullptr;; fresh = true) {
    if (connection == nullptr) {
      absl::StatusOr<std::unique_ptr<Connection>> opened = Connection::Connect(For(options_.read));
      status = opened.status();
      if (!status.ok()) break;
      connection = *std::move(opened);
    }
    status = connection->Run(statement, params, visit);
    if (connection->IsAlive()) break;
    connection.reset();
    if (fresh || !absl::IsUnavailable(status)) break;
  }
  absl::MutexLock lock(&readers_mutex_);
  --busy_;
  if (connection != nullptr) idle_.push_back(std::move(connection));
  return status;
}

template <class T, class Make>
absl::StatusOr<std::vector<T>> PostgresLedger::ReadAll(const Statement& statement,
                                                       const Params& params, Make make) {
  std::vector<T> out;
  const absl::Status status = Read(statement, params, [&](const pqxx::row& row) {
    out.push_back(make(row));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return out;
}

absl::StatusOr<std::vector<KeyRecord>> PostgresLedger::Keys(
    const OwnerId& owner, const std::vector<IdempotencyKey>& keys) {
  Params params;
  params.Bytes(owner.value);
  params.Many(binary::kUuid, keys,
              [](const IdempotencyKey& key, Params::Array& a) { a.Bytes(ViewOf(key)); });
  return ReadAll<KeyRecord>(kKeys, params, [&](const pqxx::row& row) {
    return KeyRecord{owner, BytesOf<16>(row[0]), BytesOf<32>(row[1]), UuidOf(row[2]),
                     static_cast<uint64_t>(IntOf(row[3]))};
  });
}

absl::StatusOr<std::vector<SealedAct>> PostgresLedger::ReadRequest(const OwnerId& owner,
                                                                   const RequestId& request) {
  Params params;
  params.Bytes(owner.value);
  params.Bytes(ViewOf(request.bytes));
  absl::StatusOr<std::vector<SealedAct>> acts = ReadAll<SealedAct>(
      kReadRequest, params, [&](const pqxx::row& row) { return ActOf(row, owner); });
  if (acts.ok() && acts->empty())
    return absl::NotFoundError(Cat("request ", Format(request), " of ", owner.value));
  return acts;
}

absl::StatusOr<std::vector<RequestTrail>> PostgresLedger::ReadRequests(
    const std::vector<std::pair<OwnerId, RequestId>>& requests) {
  Params params;
  params.Many(binary::kText, requests,
              [](const auto& r, Params::Array& a) { a.Bytes(r.first.value); });
  params.Many(binary::kUuid, requests,
              [](const auto& r, Params::Array& a) { a.Bytes(ViewOf(r.second.bytes)); });
  std::vector<RequestTrail> trails;
  for (const auto& [owner, request] : requests) trails.push_back({owner, {}});
  const absl::Status status = Read(kReadRequests, params, [&](const pqxx::row& row) {
    RequestTrail& trail = trails[static_cast<size_t>(IntOf(row[6])) - 1];
    trail.acts.push_back(ActOf(row, trail.owner));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return trails;
}

absl::StatusOr<std::vector<SealedAct>> PostgresLedger::ReadActs(const ActRange& range) {
  const bool from_end = range.newest_first && range.from == 0;
  Params params;
  params.Bytes(range.owner.value);
  params.Int8(from_end ? INT64_MAX
                       : static_cast<int64_t>(std::min<uint64_t>(range.from, INT64_MAX)));
  params.Int8(range.limit);
  const Statement& statement = range.newest_first ? (range.account_only ? kAccountDown : kActsDown)
                                                  : (range.account_only ? kAccountUp : kActsUp);
  return ReadAll<SealedAct>(statement, params,
                            [&](const pqxx::row& row) { return ActOf(row, range.owner); });
}

absl::StatusOr<Page<RequestRow>> PostgresLedger::ListRequests(const RequestFilter& filter,
                                                              uint32_t size,
                                                              const std::string& token) {
  const std::string list = ListName(filter);
  const absl::StatusOr<RowPosition> from = ParseRowToken(list, token);
  if (!from.ok()) return from.status();
  size = PageSize(size);
  Params params;
  params.Bytes(filter.owner.value);
  AddStates(params, filter.states);
  params.Bytes(ViewOf(from->request.bytes));
  params.Int8(size + 1);
  absl::StatusOr<std::vector<RequestRow>> rows = ReadAll<RequestRow>(
      kListRequests, params, [&](const pqxx::row& row) { return RequestOf(row, filter.owner); });
  if (!rows.ok()) return rows.status();
  return PageOf<RequestRow>(*std::move(rows), size, list, [](const RequestRow& row) {
    return RowPosition{row.request, 0, row.owner};
  });
}

absl::StatusOr<Page<OfferRow>> PostgresLedger::ListOffers(const OfferFilter& filter, uint32_t size,
                                                          const std::string& token) {
  const std::string list = ListName(filter);
  const absl::StatusOr<RowPosition> from = ParseRowToken(list, token);
  if (!from.ok()) return from.status();
  size = PageSize(size);
  Params params;
  params.Bytes(filter.provider.value);
  AddStates(params, filter.states);
  params.Bytes(ViewOf(from->request.bytes));
  params.Int4(static_cast<int32_t>(from->offer));
  params.Bytes(from->owner.value);
  params.Int8(size + 1);
  absl::StatusOr<std::vector<OfferRow>> rows = ReadAll<OfferRow>(kListOffers, params, OfferOf);
  if (!rows.ok()) return rows.status();
  return PageOf<OfferRow>(*std::move(rows), size, list, [](const OfferRow& row) {
    return RowPosition{row.request, row.offer, row.owner};
  });
}

absl::StatusOr<std::vector<OwnerId>> PostgresLedger::Owners(const OwnerId& after, uint32_t limit) {
  Params params;
  params.Bytes(after.value);
  params.Int8(limit);
  std::vector<OwnerId> owners;
  const absl::Status status = Query(kOwners, params, [&](const pqxx::row& row) {
    owners.push_back({std::string(TextOf(row[0]))});
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return owners;
}

absl::StatusOr<std::optional<BookRow>> PostgresLedger::ReadBook(const OwnerId& owner) {
  Params params;
  params.Bytes(owner.value);
  std::optional<BookRow> book;
  const absl::Status status = Read(kReadBook, params, [&](const pqxx::row& row) {
    book = BookRow{.owner = owner,
                   .sequence = static_cast<uint64_t>(IntOf(row[0])),
                   .hash = BytesOf<32>(row[1]),
                   .time = TimeOf(row[2])};
    return DecodeBookState(TextOf(row[3]), *book);
  });
  if (!status.ok()) return status;
  return book;
}

absl::StatusOr<std::vector<RequestRow>> PostgresLedger::AllRequests(const OwnerId& owner) {
  Params params;
  params.Bytes(owner.value);
  return ReadAll<RequestRow>(kAllRequests, params,
                             [&](const pqxx::row& row) { return RequestOf(row, owner); });
}

absl::StatusOr<std::vector<OfferRow>> PostgresLedger::AllOffers(const OwnerId& owner) {
  Params params;
  params.Bytes(owner.value);
  return ReadAll<OfferRow>(kAllOffers, params, OfferOf);
}

}  // namespace capbroker
