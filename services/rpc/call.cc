#include "services/rpc/call.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <spdlog/spdlog.h>

#include "broker/refusal.h"
#include "broker/text.h"
#include "services/rpc/errors.h"
#include "services/rpc/log.h"
#include "services/rpc/trace_id.h"

namespace capbroker {
namespace {

// The same bytes for the same message: maps in the order of their keys.
std::string Deterministic(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

}  // namespace

absl::StatusOr<Actor> CallerOf(const Backend& backend, const grpc::CallbackServerContext& context,
                               Method method) {
  absl::StatusOr<Actor> caller = backend.principals.Identify(CredentialsOf(context));
  if (!caller.ok()) return caller;
  if (absl::Status status = CheckRole(*caller, method); !status.ok()) return status;
  return caller;
}

void LogRefusal(Method method, const absl::StatusOr<Actor>& caller,
                const grpc::CallbackServerContext& context, const absl::Status& status) {
  const absl::StatusCode code = status.code();
  const bool ours = ToGrpc(status).error_code() == grpc::StatusCode::INTERNAL ||
                    code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kResourceExhausted;
  const auto level = ours ? spdlog::level::warn : spdlog::level::info;
  if (!spdlog::should_log(level)) return;
  spdlog::log(level, Line("refused", {{"method", PermissionOf(method).name},
                                      {"caller", caller.ok() ? Format(*caller) : ""},
                                      {"peer", context.peer()},
                                      {"code", View(absl::StatusCodeToString(code))},
                                      {"reason", ApiReasonOf(status)},
                                      {"trace_id", TraceIdOf(context.client_metadata())},
                                      {"detail", View(status.message())}}));
}

Submission::Repeat RepeatOf(const Actor& caller, Method method, const OwnerId& owner,
                            const std::string& request_id, const google::protobuf::Message& payload) {
  // None of the parts has a line feed in it.
  const Hash key =
      Sha256(Cat(Format(caller), "\n", PermissionOf(method).name, "\n", owner.value, "\n", request_id));
  Submission::Repeat repeat;
  std::copy_n(key.begin(), repeat.key.size(), repeat.key.begin());
  repeat.payload = Sha256(Deterministic(payload));
  return repeat;
}

Call::Call(Backend& backend, grpc::CallbackServerContext* context, Method method)
    : backend_(backend), context_(context), method_(method), caller_(CallerOf(backend, *context, method)) {}

grpc::ServerUnaryReactor* Call::End(const absl::Status& status) {
  grpc::ServerUnaryReactor* const self = this;
  if (status.ok()) {
    Finish(grpc::Status::OK);
    return self;
  }
  // Decide does not know what the caller calls it.
  const bool nameless =
      status.code() == absl::StatusCode::kNotFound && ReasonOf(status) != "RESOURCE_NOT_FOUND";
  const absl::Status told = nameless && !subject_.empty() ? NoSuch(subject_) : status;
  LogRefusal(method_, caller_, *context_, told);
  Finish(ToGrpc(told));
  return self;
}

grpc::ServerUnaryReactor* Call::Read(absl::AnyInvocable<absl::Status()> read) {
  return ReadThenGoOn([this, read = std::move(read)]() mutable {
    End(read());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* Call::ReadThenGoOn(absl::AnyInvocable<absl::Status()> read) {
  grpc::ServerUnaryReactor* const self = this;
  const bool taken = backend_.reads.TryRun([this, read = std::move(read)]() mutable {
    if (absl::Status status = read(); !status.ok()) End(status);
  });
  if (!taken) End(Refuse(absl::StatusCode::kResourceExhausted, "OVERLOADED", "too many reads wait"));
  return self;
}

grpc::ServerUnaryReactor* Call::SubmitUnder(const Submission::Repeat& repeat, Command command, Answer answer,
                                            bool reads) {
  grpc::ServerUnaryReactor* const self = this;
  command.actor = *caller_;
  auto reply = [this, reads, answer = std::move(answer)](absl::StatusOr<Outcome> outcome) mutable {
    if (!reads) return (void)End(answer(std::move(outcome)));
    backend_.reads.Run([this, answer = std::move(answer), outcome = std::move(outcome)]() mutable {
      End(answer(std::move(outcome)));
    });
  };
  backend_.sequencer.Submit({std::move(command), repeat}, std::move(reply));
  return self;
}

}  // namespace capbroker
