// One unary call, from its arrival to its one answer: who calls, what the message says, whether
// that is allowed; then a read on the pool, or a command for the sequencer.
//
//   Call* call = new Call(backend_, context, Method::kCancelCapacityRequest);
//   absl::StatusOr<Command> command = call->Admit(*in);
//   if (!command.ok()) return call->End(command.status());
//   return call->Submit(*std::move(command), *in, [=, this](absl::StatusOr<Outcome> outcome) { ...;
//   return status; });
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "services/access/guard.h"
#include "services/rpc/admission.h"
#include "services/rpc/backend.h"

namespace capbroker {

// Identifies the caller and looks whether its role may call the method at all.
absl::StatusOr<Actor> CallerOf(const Backend& backend, const grpc::CallbackServerContext& context,
                               Method method);

// Tells a stream of `caller` when its credentials are not valid any more, until the handle is
// dropped (Principals::Watch).
std::shared_ptr<void> WatchCaller(const Backend& backend,
                                  const grpc::CallbackServerContext& context, const Actor& caller,
                                  Principals::OnRevoked on_revoked);

// One line on a call that was refused: at info what its caller can mend, at warn the rest. With the
// caller's trace id, if it sent one; never a token. A line a second for each reason, which says how
// many others there were.
void LogRefusal(const Backend& backend, Method method, const absl::StatusOr<Actor>& caller,
                const grpc::CallbackServerContext& context, const absl::Status& status);

// Deletes itself with the answer: not to be touched after End. It is not gRPC's reactor itself: the
// end of one that is not the default is told on a thread of its own, for a tenth of what the call
// costs.
class Call final {
 public:
  // What is done with the outcome of a command, on the sequencer's thread: renders it, and says how
  // the call ends. What Decide refuses is in the words of the message already (AsSaid).
  using Answer = absl::AnyInvocable<absl::Status(absl::StatusOr<Outcome>)>;

  Call(Backend& backend, grpc::CallbackServerContext* context, Method method);

  const Actor& caller() const { return *caller_; }                // Once Admit said OK.
  grpc::ServerUnaryReactor* reactor() const { return reactor_; }  // What gRPC is given.

  // What the message says. UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT or NOT_FOUND.
  template <class In>
  auto Admit(const In& in) -> decltype(Parse(in)) {
    if (!caller_.ok()) return caller_.status();
    subject_ = SubjectOf(in);
    return capbroker::Admit(*caller_, method_, in);
  }

  // Each goes on with the call, which may have ended when it returns; returns the call as what gRPC
  // is given.
  grpc::ServerUnaryReactor* End(const absl::Status& status);
  // The call ends with what `read` returns; it runs on the pool for reads.
  grpc::ServerUnaryReactor* Read(absl::AnyInvocable<absl::Status()> read);
  // The same, but where `read` says OK it has gone on with the call itself.
  grpc::ServerUnaryReactor* ReadThenGoOn(absl::AnyInvocable<absl::Status()> read);
  template <class In>
  grpc::ServerUnaryReactor* Submit(Command command, const In& in, Answer answer) {
    return SubmitAs(Ready(std::move(command), in), std::move(answer), false);
  }
  // The same, but `answer` runs on the pool for reads, and may read.
  template <class In>
  grpc::ServerUnaryReactor* SubmitThenRead(Command command, const In& in, Answer answer) {
    return SubmitAs(Ready(std::move(command), in), std::move(answer), true);
  }

 private:
  template <class In>
  Submission Ready(Command command, const In& in) const {
    In copy = in;
    return SubmissionOf(*caller_, method_, std::move(command), copy, backend_.clock.Now());
  }
  grpc::ServerUnaryReactor* SubmitAs(Submission submission, Answer answer, bool reads);

  Backend& backend_;
  grpc::CallbackServerContext* const context_;
  grpc::ServerUnaryReactor* const reactor_;
  const Method method_;
  const absl::StatusOr<Actor> caller_;
  std::string subject_;
};

}  // namespace capbroker
