// One unary call, from its arrival to its one answer: who calls, what the message says, whether that is
// allowed; then a read on the pool, or a command for the sequencer.
//
//   Call* call = new Call(backend_, context, Method::kCancelCapacityRequest);
//   absl::StatusOr<Command> command = call->Admit(*in);
//   if (!command.ok()) return call->End(command.status());
//   return call->Submit(*std::move(command), *in, [=, this](absl::StatusOr<Outcome> outcome) { ...; return
//   status; });
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "services/rpc/backend.h"
#include "services/rpc/guard.h"
#include "services/rpc/parse.h"

namespace capbroker {

// Identifies the caller and looks whether its role may call the method at all.
absl::StatusOr<Actor> CallerOf(const Backend& backend, const grpc::CallbackServerContext& context,
                               Method method);

// Whether the caller may have what the parsed message asks for; `name` is what the message calls it.
template <class Value>
absl::Status CheckTargetOf(const Actor& caller, Method method, const Value& value, const std::string& name) {
  absl::Status status;
  if constexpr (requires { value.owner; }) {
    status = CheckTarget(caller, method, value.owner);
  } else if constexpr (requires { value.provider; }) {
    status = CheckTarget(caller, method, value.provider);
  }
  return status.code() == absl::StatusCode::kNotFound ? NoSuch(name) : status;
}

// What a message calls the resource that it is about.
template <class In>
const std::string& SubjectOf(const In& in) {
  static const std::string none;
  if constexpr (requires { in.name(); }) {
    return in.name();
  } else if constexpr (requires { in.parent(); }) {
    return in.parent();
  } else if constexpr (requires { in.owner(); }) {
    return in.owner();
  } else if constexpr (requires { in.provider().name(); }) {
    return in.provider().name();
  } else {
    return none;
  }
}

// One line on a call that was refused: at info what its caller can mend, at warn the rest. With the caller's
// trace id, if it sent one; never a token.
void LogRefusal(Method method, const absl::StatusOr<Actor>& caller,
                const grpc::CallbackServerContext& context, const absl::Status& status);

// R27. The key belongs to the caller, the method and the owner; `payload` is the message without it.
Submission::Repeat RepeatOf(const Actor& caller, Method method, const OwnerId& owner,
                            const std::string& request_id, const google::protobuf::Message& payload);

// Deletes itself when gRPC is done with it: not to be touched after End.
class Call final : public grpc::ServerUnaryReactor {
 public:
  // What is done with the outcome of a command, on the sequencer's thread: renders it, and says how the call
  // ends.
  using Answer = absl::AnyInvocable<absl::Status(absl::StatusOr<Outcome>)>;

  Call(Backend& backend, grpc::CallbackServerContext* context, Method method);

  const Actor& caller() const { return *caller_; }  // Once Admit said OK.

  // What the message says. UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT or NOT_FOUND.
  template <class In>
  auto Admit(const In& in) -> decltype(Parse(in)) {
    if (!caller_.ok()) return caller_.status();
    subject_ = SubjectOf(in);
    auto value = Parse(in);
    if (!value.ok()) return value.status();
    if (absl::Status status = CheckTargetOf(*caller_, method_, *value, subject_); !status.ok()) return status;
    return value;
  }

  // Each goes on with the call, which may have ended when it returns; returns the call as what gRPC is given.
  grpc::ServerUnaryReactor* End(const absl::Status& status);
  // The call ends with what `read` returns; it runs on the pool for reads.
  grpc::ServerUnaryReactor* Read(absl::AnyInvocable<absl::Status()> read);
  // The same, but where `read` says OK it has gone on with the call itself.
  grpc::ServerUnaryReactor* ReadThenGoOn(absl::AnyInvocable<absl::Status()> read);
  template <class In>
  grpc::ServerUnaryReactor* Submit(Command command, const In& in, Answer answer) {
    return SubmitUnder(KeyOf(command, in), std::move(command), std::move(answer), false);
  }
  // The same, but `answer` runs on the pool for reads, and may read.
  template <class In>
  grpc::ServerUnaryReactor* SubmitThenRead(Command command, const In& in, Answer answer) {
    return SubmitUnder(KeyOf(command, in), std::move(command), std::move(answer), true);
  }

 private:
  template <class In>
  Submission::Repeat KeyOf(const Command& command, const In& in) const {
    In payload = in;
    payload.clear_request_id();
    return RepeatOf(*caller_, method_, command.owner, in.request_id(), payload);
  }
  grpc::ServerUnaryReactor* SubmitUnder(const Submission::Repeat& repeat, Command command, Answer answer,
                                        bool reads);
  void OnDone() override { delete this; }

  Backend& backend_;
  grpc::CallbackServerContext* const context_;
  const Method method_;
  const absl::StatusOr<Actor> caller_;
  std::string subject_;
};

}  // namespace capbroker
