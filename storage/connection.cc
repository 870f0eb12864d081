#include "storage/connection.h"

#include <fcntl.h>
#include <poll.h>

#include <utility>
#include <vector>

#include "broker/values/text.h"
#include "storage/failure.h"

namespace capbroker {
namespace {

// Rows of a stream that are kept at a time.
constexpr int kPart = 5'000;

// The one place where an exception becomes a failure. A server's error reads, under kVerbose,
//
//   ERROR:  23505: duplicate key value
//   DETAIL:  Key (a)=(1) already exists.
//   LOCATION:  ...
//
// with only the first word translated. libpqxx 6.4 has no SQLSTATE for some of them.
Failure FailureOf(const std::exception& error) {
  const std::string_view text = error.what();
  Failure failure;
  failure.lost = dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr ||
                 dynamic_cast<const pqxx::in_doubt_error*>(&error) != nullptr;
  const size_t state = text.find(":  ") + 3, end = state + 5;
  if (state < 3 || text.substr(0, state).find('\n') != std::string_view::npos ||
      text.substr(std::min(end, text.size()), 2) != ": ") {
    failure.message = OneLine(text);
    return failure;
  }
  failure.sqlstate = text.substr(state, 5);
  failure.message = OneLine(text.substr(end + 2, text.find('\n') - end - 2));
  constexpr std::string_view kDetail = "\nDETAIL:  ";
  if (size_t detail = text.find(kDetail); detail != std::string_view::npos) {
    detail += kDetail.size();
    failure.message +=
        Cat(" (", OneLine(text.substr(detail, text.find('\n', detail) - detail)), ")");
  }
  return failure;
}

// What differs between libpqxx 6.4 and 7. Each deprecates some of what the other has.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#if PQXX_VERSION_MAJOR < 7
constexpr auto kVerbose = pqxx::connection::verbose;
void ForbidReconnecting(pqxx::connection& connection) { connection.inhibit_reactivation(true); }
using Values = std::vector<pqxx::binarystring>;
void Append(Values& values, std::string_view bytes) {
  values.emplace_back(bytes.data(), bytes.size());
}
auto AsParameters(const Values& values) { return pqxx::prepare::make_dynamic_params(values); }
#else
constexpr auto kVerbose = pqxx::error_verbosity::verbose;
void ForbidReconnecting(pqxx::connection&) {}  // It never does.
using Values = pqxx::params;
void Append(Values& values, std::string_view bytes) {
  values.append(pqxx::binary_cast(bytes.data(), bytes.size()));
}
const Values& AsParameters(const Values& values) { return values; }
#endif
// Parameters are sent in binary: as text they would end at a NUL.
pqxx::result Execute(pqxx::nontransaction& transaction, const Statement& statement,
                     const binary::Params& params) {
  Values values;
  for (size_t i = 0; i < params.size(); ++i) Append(values, params[i]);
  return transaction.exec_prepared(statement.name, AsParameters(values));
}

}  // namespace

Connection::Notices::Notices(pqxx::connection& connection) : errorhandler(connection) {}
#pragma GCC diagnostic pop

std::string_view TextOf(const pqxx::field& field) { return {field.c_str(), field.size()}; }

int64_t IntOf(const pqxx::field& field) { return field.as<int64_t>(); }

Instant TimeOf(const pqxx::field& field) {
  if (field.is_null()) return {};
  // "2026-02-03 09:00:00.5+00"
  std::string text(TextOf(field));
  if (text.size() < 22 || !text.ends_with("+00"))
    throw pqxx::conversion_error(Cat("got the time ", text));
  text[10] = 'T';
  text.replace(text.size() - 3, 3, "Z");
  const absl::StatusOr<Instant> time = ParseInstant(text);
  if (!time.ok()) throw pqxx::conversion_error(std::string(time.status().message()));
  return *time;
}

bool Connection::Notices::operator()(const char text[]) noexcept {
  if (std::string_view(text).find(kUnconfirmedBy) != std::string_view::npos) is_unconfirmed = true;
  return false;
}

Connection::Connection(const std::string& text, Span answer) : connection_(text) {
  connection_.set_verbosity(kVerbose);
  ForbidReconnecting(connection_);
  const int socket = fcntl(connection_.sock(), F_DUPFD_CLOEXEC, 0);
  if (socket < 0) throw pqxx::broken_connection("no descriptor for a connection");
  deadline_.emplace(socket, answer);
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Connect(const SessionOptions& options) {
  const absl::StatusOr<std::string> text = ConnectionString(options);
  if (!text.ok()) return text.status();
  std::unique_ptr<Connection> connection;
  try {
    connection.reset(new Connection(*text, options.answer));
  } catch (const std::exception& error) {
    Failure failure = FailureOf(error);
    failure.lost = true;
    return ToStatus(failure);
  }
  const absl::Status status = connection->Do([&](pqxx::connection& session) {
    pqxx::nontransaction(session).exec(SetUp(options));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return connection;
}

bool Connection::IsAlive() const {
  // No answer is expected: what can be read is a notice, which is rare, or the connection's end.
  pollfd poll_on{connection_.sock(), POLLIN, 0};
  return !is_lost_ && connection_.is_open() && poll(&poll_on, 1, 0) == 0;
}

absl::Status Connection::Do(absl::FunctionRef<absl::Status(pqxx::connection&)> work) {
  notices_.is_unconfirmed = false;
  absl::Status status;
  deadline_->Start();
  try {
    status = work(connection_);
  } catch (const std::exception& error) {
    Failure failure = FailureOf(error);
    if (deadline_->HasPassed()) failure.message = deadline_->Words();
    is_lost_ = failure.lost = failure.lost || !connection_.is_open();
    status = ToStatus(failure);
  }
  deadline_->Stop();
  if (status.ok() && notices_.is_unconfirmed) return absl::UnavailableError(kUnconfirmed);
  return status;
}

void Connection::Prepare(const Statement& statement) {
  if (!prepared_.contains(&statement)) connection_.prepare(statement.name, statement.sql);
  prepared_.insert(&statement);
}

absl::Status Connection::Run(const Statement& statement, const binary::Params& params,
                             Visit visit) {
  return Do([&](pqxx::connection& session) {
    Prepare(statement);
    pqxx::nontransaction transaction(session);
    absl::Status status;
    for (const auto& row : Execute(transaction, statement, params)) {
      status = visit(row);
      if (!status.ok()) break;
    }
    return status;
  });
}

absl::Status Connection::Stream(const std::string& query, Visit visit) {
  return Do([&](pqxx::connection& session) -> absl::Status {
    pqxx::read_transaction transaction(session);
    pqxx::icursorstream cursor(transaction, query, "stream", kPart);
    pqxx::result rows;
    do {
      deadline_->Start();
      cursor.get(rows);
      for (const auto& row : rows) {
        if (absl::Status status = visit(row); !status.ok()) return status;
      }
    } while (static_cast<int>(rows.size()) == kPart);
    return absl::OkStatus();
  });
}

}  // namespace capbroker
