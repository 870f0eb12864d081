// Sessions and writing.
#include "storage/postgres_ledger.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "broker/values/text.h"
#include "storage/batch_check.h"
#include "storage/book_state.h"
#include "storage/connection.h"
#include "storage/migrate.h"
#include "storage/state_numbers.h"

namespace capbroker {
namespace {

using binary::Params;

constexpr Statement kCommit{"commit",
                            "SELECT "
                            "commit_batch($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$"
                            "17,$18,$19,$20,$21,$22,$23,$24,$25,"
                            "$26,$27,$28,$29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39)"};
constexpr Statement kNumberOwners{"number_owners",
                                  "SELECT name, owner_id FROM number_owners($1, $2)"};
constexpr Statement kNumberProviders{"number_providers",
                                     "SELECT name, provider_id FROM number_providers($1)"};
constexpr Statement kTake{"take",
                          "SELECT partition_id, epoch, batch, heartbeat, down_since"
                          " FROM take_partitions($1, $2, $3, $4) ORDER BY partition_id"};
constexpr Statement kBeat{"beat", "SELECT beat($1, $2, $3)"};
// The heartbeat remains as the instant until which the partition was held.
constexpr Statement kRelease{
    "release",
    "UPDATE partition AS p SET holder = '', address = '', heartbeat = clock_timestamp()"
    " FROM unnest($1::smallint[], $2::bigint[]) AS f (partition_id, epoch)"
    " WHERE p.partition_id = f.partition_id AND p.epoch = f.epoch AND p.holder <> ''"};

// PostgreSQL accepts a gigabyte per message; half of it is far more than a batch should have.
constexpr size_t kLargestBatch = size_t{512} << 20;

// The parameters of commit_batch, in their order.
void Fill(const Batch& batch, const InternedNames& names, Params& out) {
  using Array = Params::Array;
  using namespace binary;
  const auto owner = [&](const auto& row, Array& a) { a.Int4(names.NumberOf(row.owner)); };
  const auto request = [](const auto& row, Array& a) { a.Uuid(row.request); };
  const auto sequence = [](const auto& row, Array& a) {
    a.Int8(static_cast<int64_t>(row.sequence));
  };
  const auto time = [](const auto& row, Array& a) { a.Time(row.time); };
  const auto hash = [](const auto& row, Array& a) { a.Bytes(ViewOf(row.hash)); };
  const auto state = [](const auto& row, Array& a) { a.Int2(static_cast<int16_t>(row.state)); };

  out.Clear();
  out.Many(kInt2, batch.fences, [](const Batch::Fence& f, Array& a) { a.Int2(f.partition); });
  out.Many(kInt8, batch.fences,
           [](const Batch::Fence& f, Array& a) { a.Int8(static_cast<int64_t>(f.epoch)); });
  out.Many(kInt8, batch.fences,
           [](const Batch::Fence& f, Array& a) { a.Int8(static_cast<int64_t>(f.last_batch)); });

  out.Many(kInt4, batch.acts, owner);
  out.Many(kInt8, batch.acts, sequence);
  out.Many(kTimestamptz, batch.acts, time);
  out.Many(kUuid, batch.acts, request);
  out.Many(kInt4, batch.acts, [](const SealedAct& act, Array& a) { a.Int4(act.decisions); });
  out.Many(kBytea, batch.acts, hash);
  out.Many(kUuid, batch.acts, [](const SealedAct& act, Array& a) {
    act.repeat ? a.Bytes(ViewOf(act.repeat->key)) : a.Null();
  });
  out.Many(kBytea, batch.acts, [](const SealedAct& act, Array& a) {
    act.repeat ? a.Bytes(ViewOf(act.repeat->payload)) : a.Null();
  });
  out.Many(kText, batch.acts, [](const SealedAct& act, Array& a) { a.Bytes(act.text); });

  for (const auto* rows : {&batch.new_requests, &batch.requests}) {
    out.Many(kInt4, *rows, owner);
    if (rows == &batch.requests) {
      out.Many(kInt2, *rows,
               [](const RequestRow& row, Array& a) { a.Int2(NumberOf(row.before, row.was_live)); });
    }
    out.Many(kUuid, *rows, request);
    out.Many(kInt2, *rows,
             [](const RequestRow& row, Array& a) { a.Int2(NumberOf(row.state, row.is_live)); });
  }
  for (const auto* rows : {&batch.new_offers, &batch.offers}) {
    out.Many(kInt4, *rows, owner);
    out.Many(kUuid, *rows, request);
    out.Many(kInt4, *rows, [](const OfferRow& row, Array& a) { a.Int4(row.offer); });
    if (rows == &batch.new_offers) {  // The provider of an offer never changes.
      out.Many(kInt4, *rows,
               [&](const OfferRow& row, Array& a) { a.Int4(names.NumberOf(row.provider)); });
    }
    out.Many(kInt2, *rows, state);
    out.Many(kInt2, *rows,
             [](const OfferRow& row, Array& a) { a.Int2(static_cast<int16_t>(row.allocation)); });
    out.Many(kInt8, *rows, [](const OfferRow& row, Array& a) { a.Int8(row.accepted); });
    out.Many(kTimestamptz, *rows, [](const OfferRow& row, Array& a) { a.Time(row.deadline); });
  }

  out.Many(kInt4, batch.books, owner);
  out.Many(kInt8, batch.books, sequence);
  out.Many(kTimestamptz, batch.books, time);
  out.Many(kBytea, batch.books, hash);
  out.Many(kText, batch.books, [](const BookRow& row, Array& a) { a.Bytes(EncodeBookState(row)); });
}

// Parameters $1 and $2 of statements about partitions held.
Params HeldParams(const std::vector<Tenure>& held) {
  Params params;
  params.Many(binary::kInt2, held, [](const Tenure& t, Params::Array& a) { a.Int2(t.partition); });
  params.Many(binary::kInt8, held,
              [](const Tenure& t, Params::Array& a) { a.Int8(static_cast<int64_t>(t.epoch)); });
  return params;
}

CommitOutcome OutcomeOf(const Failure& failure) {
  if (failure.lost) return CommitOutcome::kUnknown;
  if (failure.sqlstate == kFencedState) return CommitOutcome::kFenced;
  if (failure.sqlstate == "23505" && failure.constraint == "act_key")
    return CommitOutcome::kDuplicateKey;
  // An error means that nothing was written. But if the batch is not to blame, splitting it does
  // not help; taking the partitions again shows when the database works again.
  const absl::StatusCode code = ToStatus(failure).code();
  if (code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDataLoss)
    return CommitOutcome::kUnknown;
  return CommitOutcome::kRefused;
}

CommitResult ResultOf(const Failure& failure) {
  return {OutcomeOf(failure), {}, std::string(View(ToStatus(failure).message()))};
}

}  // namespace

PostgresLedger::PostgresLedger(PostgresOptions options)
    : options_(std::move(options)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

PostgresLedger::~PostgresLedger() { close(wake_); }

SessionOptions PostgresLedger::For(Span statement) const {
  // We wait a little longer than the server, so that the server gives up first and says why.
  const bool bounded = statement.micros != 0;
  return {.url = options_.url,
          .connect = options_.connect,
          .statement = statement,
          .lock = bounded ? std::min(statement, Seconds(10)) : Seconds(10),
          .answer = bounded ? statement + Seconds(2) : Seconds(60)};
}

absl::StatusOr<uint32_t> PostgresLedger::Open() {
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Connect(For(options_.read));
  if (!connection.ok()) return connection.status();
  absl::StatusOr<uint32_t> partitions = CheckSchema(**connection);
  if (!partitions.ok()) return partitions.status();
  {
    absl::MutexLock lock(&writer_mutex_);
    if (names_ == nullptr || names_->partitions() != *partitions)
      names_ = std::make_unique<InternedNames>(*partitions);
  }
  partitions_ = *partitions;
  return partitions;
}

absl::StatusOr<uint32_t> PostgresLedger::Partitions() const {
  const uint32_t partitions = partitions_;
  if (partitions == 0) return absl::FailedPreconditionError("the ledger is not open");
  return partitions;
}

absl::StatusOr<CommitPipeline*> PostgresLedger::Writer() {
  if (writer_ != nullptr && writer_->IsAlive()) return writer_.get();
  writer_.reset();
  absl::StatusOr<std::unique_ptr<CommitPipeline>> pipeline =
      CommitPipeline::Connect(For(options_.commit));
  if (!pipeline.ok()) return pipeline.status();
  writer_ = *std::move(pipeline);
  if (names_ != nullptr) names_->ForgetNumbers();
  return writer_.get();
}

// The bounds are those of commits, and no read is ahead in a queue: a heartbeat is as quick as the
// commit that it stands for.
absl::Status PostgresLedger::Hold(const Statement& statement, const Params& params, Visit visit) {
  if (auto partitions = Partitions(); !partitions.ok()) return partitions.status();
  AwaitAnswers();
  if (holder_ == nullptr || !holder_->IsAlive()) {
    holder_.reset();
    absl::StatusOr<std::unique_ptr<Connection>> connection =
        Connection::Connect(For(options_.commit));
    if (!connection.ok()) return connection.status();
    holder_ = *std::move(connection);
  }
  return holder_->Run(statement, params, visit);
}

absl::StatusOr<std::vector<Tenure>> PostgresLedger::Take(const std::string& holder,
                                                         const std::string& address,
                                                         const std::vector<uint32_t>& partitions,
                                                         Span lease) {
  if (holder.empty()) return absl::InvalidArgumentError("holder: got \"\", want a name");
  for (uint32_t partition : partitions) {
    if (partition > INT16_MAX)
      return absl::InvalidArgumentError(Cat("partitions: got ", partition));
  }
  Params params;
  params.Many(binary::kInt2, partitions, [](uint32_t p, Params::Array& a) { a.Int2(p); });
  params.Bytes(holder);
  params.Bytes(address);
  params.Duration(lease);
  absl::MutexLock lock(&writer_mutex_);
  AwaitAnswers();
  // Both sessions are opened anew: after a failover they might be with different servers.
  writer_.reset();
  holder_.reset();
  std::vector<Tenure> taken;
  absl::Status status = Hold(kTake, params, [&](const pqxx::row& row) {
    taken.push_back({static_cast<uint32_t>(IntOf(row[0])), static_cast<uint64_t>(IntOf(row[1])),
                     static_cast<uint64_t>(IntOf(row[2])), TimeOf(row[3]), TimeOf(row[4])});
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return taken;
}

absl::StatusOr<Instant> PostgresLedger::Heartbeat(const std::vector<Tenure>& held) {
  std::vector<uint32_t> resumed;
  for (const Tenure& tenure : held) {
    if (!tenure.down_since.IsSet()) resumed.push_back(tenure.partition);
  }
  Params params = HeldParams(held);
  params.Many(binary::kInt2, resumed, [](uint32_t p, Params::Array& a) { a.Int2(p); });
  Instant time;
  absl::MutexLock lock(&writer_mutex_);
  absl::Status status = Hold(kBeat, params, [&](const pqxx::row& row) {
    time = TimeOf(row[0]);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return time;
}

absl::Status PostgresLedger::Release(const std::vector<Tenure>& held) {
  absl::MutexLock lock(&writer_mutex_);
  return Hold(kRelease, HeldParams(held), [](const pqxx::row&) { return absl::OkStatus(); });
}

std::optional<Failure> PostgresLedger::AssignNumbers(CommitPipeline& writer, const Batch& batch) {
  const InternedNames::Unknown unknown = names_->UnknownOf(batch);
  if (!unknown.owners.empty()) {
    Params params;
    params.Many(binary::kText, unknown.owners,
                [](const OwnerId& o, Params::Array& a) { a.Bytes(o.value); });
    params.Many(binary::kInt2, unknown.owners, [this](const OwnerId& o, Params::Array& a) {
      a.Int2(PartitionOf(o, partitions_));
    });
    const Answer answer = writer.Run(kNumberOwners, params);
    if (!answer.ok()) return answer.failure;
    for (int i = 0; i < answer.size(); ++i)
      names_->Learn(OwnerId{std::string(answer[i].Bytes(0))},
                    static_cast<int32_t>(answer[i].Int(1)));
  }
  if (!unknown.providers.empty()) {
    Params params;
    params.Many(binary::kText, unknown.providers,
                [](const ProviderId& p, Params::Array& a) { a.Bytes(p.value); });
    const Answer answer = writer.Run(kNumberProviders, params);
    if (!answer.ok()) return answer.failure;
    for (int i = 0; i < answer.size(); ++i)
      names_->Learn(ProviderId{std::string(answer[i].Bytes(0))},
                    static_cast<int32_t>(answer[i].Int(1)));
  }
  return std::nullopt;
}

bool PostgresLedger::IsInFlight() const {
  return std::any_of(sent_.begin(), sent_.end(), [](const auto& result) { return !result; });
}

void PostgresLedger::Send(const Batch& batch) {
  absl::MutexLock lock(&writer_mutex_);
  sent_.push_back(SendBatch(batch));
}

std::optional<CommitResult> PostgresLedger::SendBatch(const Batch& batch) {
  const auto refuse = [](std::string why) {
    return CommitResult{CommitOutcome::kRefused, {}, std::move(why)};
  };
  if (names_ == nullptr) return refuse("the ledger is not open");
  if (std::string flaw = FlawOf(batch, *names_); !flaw.empty()) return refuse(std::move(flaw));
  // A name gets its number in an earlier transaction, which is not pipelined.
  if (IsInFlight() && !names_->UnknownOf(batch).IsEmpty()) AwaitAnswers();
  if (!IsInFlight()) {
    const absl::StatusOr<CommitPipeline*> writer = Writer();
    if (!writer.ok())
      return CommitResult{
          CommitOutcome::kUnknown, {}, std::string(View(writer.status().message()))};
    if (const auto failure = AssignNumbers(**writer, batch)) return ResultOf(*failure);
  }
  Fill(batch, *names_, batch_params_);
  if (batch_params_.bytes() > kLargestBatch)
    return refuse(
        Cat("batch: got ", batch_params_.bytes(), " bytes, want at most ", kLargestBatch));
  if (const auto failure = writer_->Send(kCommit, batch_params_)) return ResultOf(*failure);
  return std::nullopt;
}

std::optional<CommitResult> PostgresLedger::Receive() {
  absl::MutexLock lock(&writer_mutex_);
  if (sent_.empty() || !sent_.front()) {
    const std::optional<Answer> answer = sent_.empty() ? std::nullopt : writer_->Receive(wake_);
    if (!answer) {
      uint64_t woken = 0;
      (void)!read(wake_, &woken, sizeof woken);
      return std::nullopt;
    }
    RecordAnswer(*answer);
  }
  CommitResult result = *std::move(sent_.front());
  sent_.pop_front();
  return result;
}

void PostgresLedger::Wake() {
  const uint64_t one = 1;
  (void)!write(wake_, &one, sizeof one);
}

void PostgresLedger::RecordAnswer(const Answer& answer) {
  CommitResult result = answer.ok() ? CommitResult{CommitOutcome::kDurable, answer[0].Time(0), ""}
                                    : ResultOf(*answer.failure);
  if (answer.ok() && answer.unconfirmed) result = {CommitOutcome::kUnknown, {}, kUnconfirmed};
  const bool is_lost = !answer.ok() && answer.failure->lost;
  for (std::optional<CommitResult>& sent : sent_) {
    if (sent) continue;
    sent = result;
    if (!is_lost) break;  // Later batches are lost with it.
  }
  if (is_lost) writer_.reset();
}

void PostgresLedger::AwaitAnswers() {
  while (IsInFlight()) RecordAnswer(*writer_->Receive());
}

}  // namespace capbroker
