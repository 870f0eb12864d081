#include "storage/commit_pipeline.h"

#include <libpq-fe.h>
#include <poll.h>

#include <chrono>
#include <utility>

#include "broker/values/text.h"

namespace capbroker {
namespace {

int64_t NowMillis() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void OnNotice(void* connection, const PGresult* notice) {
  static_cast<CommitPipeline*>(connection)->Notice(notice);
}

std::string_view Field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

bool IsRows(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE || status == PGRES_COMMAND_OK;
}

Failure FailureOf(const PGresult* result) {
  Failure failure;
  failure.sqlstate = Field(result, PG_DIAG_SQLSTATE);
  failure.constraint = Field(result, PG_DIAG_CONSTRAINT_NAME);
  failure.message = OneLine(Field(result, PG_DIAG_MESSAGE_PRIMARY));
  if (failure.message.empty()) failure.message = OneLine(PQresultErrorMessage(result));
  if (const std::string_view detail = Field(result, PG_DIAG_MESSAGE_DETAIL); !detail.empty()) {
    failure.message += Cat(" (", OneLine(detail), ")");
  }
  // An error without an SQLSTATE is libpq's own: the connection broke. Some errors of the server
  // end the session too.
  failure.lost = failure.sqlstate.empty() ||
                 Field(result, PG_DIAG_SEVERITY_NONLOCALIZED) == "FATAL" ||
                 Field(result, PG_DIAG_SEVERITY_NONLOCALIZED) == "PANIC";
  return failure;
}

}  // namespace

void FreeResult::operator()(pg_result* result) const { PQclear(result); }

int Answer::size() const { return PQntuples(result.get()); }

std::string_view Row::Bytes(int column) const {
  return {PQgetvalue(result_, row_, column),
          static_cast<size_t>(PQgetlength(result_, row_, column))};
}
int64_t Row::Int(int column) const {
  const std::string_view bytes = Bytes(column);
  return bytes.size() == 8 ? binary::ReadInt<int64_t>(bytes.data())
                           : binary::ReadInt<int32_t>(bytes.data());
}
Instant Row::Time(int column) const { return Instant{Int(column) + binary::kEpochShift}; }

absl::StatusOr<std::unique_ptr<CommitPipeline>> CommitPipeline::Connect(
    const SessionOptions& options) {
  const absl::StatusOr<std::string> text = ConnectionString(options);
  if (!text.ok()) return text.status();
  PGconn* raw = PQconnectdb(text->c_str());
  if (raw == nullptr) return absl::ResourceExhaustedError("database: no memory for a connection");
  std::unique_ptr<CommitPipeline> pipeline(new CommitPipeline(raw, options.answer));
  if (PQstatus(raw) != CONNECTION_OK)
    return absl::UnavailableError(Cat("database: ", OneLine(PQerrorMessage(raw))));
  PQsetNoticeReceiver(raw, OnNotice, pipeline.get());
  PQsetnonblocking(raw, 1);
  const Answer set_up = pipeline->Script(SetUp(options));
  if (!set_up.ok()) return ToStatus(*set_up.failure);
  return pipeline;
}

CommitPipeline::~CommitPipeline() { PQfinish(connection_); }

void CommitPipeline::Notice(const pg_result* notice) {
  // The wait for a synchronous standby was cancelled: the commit is on this server's disk only.
  if (Field(notice, PG_DIAG_SOURCE_FUNCTION) == kUnconfirmedBy) answer_.unconfirmed = true;
}

Failure CommitPipeline::Lost() {
  broken_ = true;
  Failure failure;
  failure.lost = true;
  failure.message = error_.empty() ? OneLine(PQerrorMessage(connection_)) : error_;
  error_.clear();
  return failure;
}

bool CommitPipeline::IsAlive() {
  if (broken_ || PQstatus(connection_) != CONNECTION_OK) return false;
  // No answer is expected: what can be read is a notice, or a last message and the end of the
  // connection.
  for (int i = 0; i < 4; ++i) {
    pollfd poll_on{PQsocket(connection_), POLLIN, 0};
    if (poll(&poll_on, 1, 0) <= 0) return true;
    if (PQconsumeInput(connection_) == 0 || PQisBusy(connection_) != 0 ||
        PQstatus(connection_) != CONNECTION_OK) {
      break;
    }
  }
  broken_ = true;
  return false;
}

CommitPipeline::Wait CommitPipeline::WaitFor(short events, int64_t until_millis, int wake) {
  pollfd poll_on[] = {{PQsocket(connection_), events, 0}, {wake, POLLIN, 0}};
  for (;;) {
    int64_t left = -1;
    if (until_millis != 0) left = std::max<int64_t>(0, until_millis - NowMillis());
    const int ready = poll(poll_on, 2, static_cast<int>(std::min<int64_t>(left, 1 << 30)));
    if (ready > 0) return poll_on[0].revents != 0 ? Wait::kReady : Wait::kWoken;
    if (ready == 0 && until_millis != 0) {
      error_ = Cat("no answer within ", Format(patience_));
      return Wait::kLost;
    }
    if (ready < 0 && errno != EINTR) {
      error_ = "poll failed";
      return Wait::kLost;
    }
  }
}

CommitPipeline::Wait CommitPipeline::Await(int wake) {
  const int64_t until = patience_.micros == 0 ? 0 : NowMillis() + patience_.micros / 1000;
  for (;;) {
    const int left = PQflush(connection_);
    if (left < 0) return Wait::kLost;
    if (PQisBusy(connection_) == 0) return Wait::kReady;
    const Wait wait = WaitFor(left > 0 ? POLLIN | POLLOUT : POLLIN, until, wake);
    if (wait != Wait::kReady) return wait;
    if (PQconsumeInput(connection_) == 0) return Wait::kLost;
  }
}

// The last result of a statement, or its first failure. In a pipeline the answer ends with the
// result of its Sync, which comes after the commit; the statement's own result may come before.
std::optional<Answer> CommitPipeline::Receive(int wake) {
  for (bool was_null = false;;) {
    const Wait wait = Await(wake);
    if (wait == Wait::kWoken) return std::nullopt;
    Result next(wait == Wait::kReady ? PQgetResult(connection_) : nullptr);
    if (next == nullptr) {
      if (wait == Wait::kReady && PQpipelineStatus(connection_) == PQ_PIPELINE_OFF) break;
      if (wait == Wait::kReady && PQstatus(connection_) == CONNECTION_OK &&
          !std::exchange(was_null, true))
        continue;
      Failure lost = Lost();
      if (answer_.ok()) answer_.failure = std::move(lost);
      break;
    }
    was_null = false;
    if (PQresultStatus(next.get()) == PGRES_PIPELINE_SYNC) break;
    if (!IsRows(next.get())) {
      if (answer_.ok()) answer_.failure = FailureOf(next.get());
    } else if (answer_.ok()) {
      answer_.result = std::move(next);
    }
  }
  if (PQstatus(connection_) != CONNECTION_OK) broken_ = true;
  return std::exchange(answer_, {});
}

bool CommitPipeline::SetPipeline(bool on) {
  return (on ? PQenterPipelineMode(connection_) : PQexitPipelineMode(connection_)) == 1;
}

std::optional<Failure> CommitPipeline::Prepare(const Statement& statement) {
  if (prepared_.contains(&statement)) return std::nullopt;
  if (!SetPipeline(true) ||
      PQsendPrepare(connection_, statement.name, statement.sql, 0, nullptr) == 0 ||
      PQpipelineSync(connection_) == 0) {
    return Lost();
  }
  Answer answer = *Receive();
  if (answer.ok()) prepared_.insert(&statement);
  return std::move(answer.failure);
}

std::optional<Failure> CommitPipeline::Send(const Statement& statement,
                                            const binary::Params& params) {
  if (std::optional<Failure> failure = Prepare(statement)) return failure;
  values_.resize(params.size());
  lengths_.resize(params.size());
  formats_.assign(params.size(), 1);
  for (size_t i = 0; i < params.size(); ++i) {
    values_[i] = params[i].data();
    lengths_[i] = static_cast<int>(params[i].size());
  }
  if (!SetPipeline(true) ||
      PQsendQueryPrepared(connection_, statement.name, static_cast<int>(params.size()),
                          values_.data(), lengths_.data(), formats_.data(),
                          /*resultFormat=*/1) == 0 ||
      PQpipelineSync(connection_) == 0) {
    return Lost();
  }
  return std::nullopt;
}

Answer CommitPipeline::Run(const Statement& statement, const binary::Params& params) {
  if (std::optional<Failure> failure = Send(statement, params))
    return {.result = nullptr, .failure = failure};
  return *Receive();
}

Answer CommitPipeline::Script(const std::string& sql) {
  if (!SetPipeline(false) || PQsendQuery(connection_, sql.c_str()) == 0) {
    return {.result = nullptr, .failure = Lost()};
  }
  return *Receive();
}

}  // namespace capbroker
