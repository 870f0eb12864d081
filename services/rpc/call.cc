#include "services/rpc/call.h"

#include <spdlog/spdlog.h>

#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/log/log.h"
#include "services/log/log_rate_limit.h"
#include "services/log/trace_id.h"
#include "services/messages/errors.h"

namespace capbroker {

absl::StatusOr<Actor> CallerOf(const Backend& backend, const grpc::CallbackServerContext& context,
                               Method method) {
  const std::shared_ptr<Peer> peer = backend.peers.Find(context.peer());
  absl::StatusOr<Actor> caller = backend.principals.Identify(CredentialsOf(context, peer.get()));
  if (!caller.ok()) return caller;
  if (peer != nullptr) MeetPeer(*peer);
  if (absl::Status status = CheckRole(*caller, method); !status.ok()) return status;
  return caller;
}

std::shared_ptr<void> WatchCaller(const Backend& backend,
                                  const grpc::CallbackServerContext& context, const Actor& caller,
                                  Principals::OnRevoked on_revoked) {
  const std::shared_ptr<Peer> peer = backend.peers.Find(context.peer());
  return backend.principals.Watch(CredentialsOf(context, peer.get()), caller,
                                  std::move(on_revoked));
}

void LogRefusal(const Backend& backend, Method method, const absl::StatusOr<Actor>& caller,
                const grpc::CallbackServerContext& context, const absl::Status& status) {
  const absl::StatusCode code = status.code();
  const bool ours = CodeOf(status) == grpc::StatusCode::INTERNAL ||
                    code == absl::StatusCode::kUnavailable ||
                    code == absl::StatusCode::kResourceExhausted;
  const auto level = ours ? spdlog::level::warn : spdlog::level::info;
  if (!spdlog::should_log(level)) return;
  // Written one by one they would take what is left of the machine or its disk.
  static auto* const limiter = new LogRateLimits;
  const std::string reason = ApiReasonOf(status);
  const std::optional<uint64_t> others = limiter->Admit(
      Cat(absl::StatusCodeToString(code), " ", reason), absl::ToUnixSeconds(absl::Now()));
  if (!others) return;
  const std::shared_ptr<Peer> peer = backend.peers.Find(context.peer());
  spdlog::log(level, LogLine("refused", {{"method", PermissionOf(method).name},
                                         {"caller", caller.ok() ? Format(*caller) : ""},
                                         {"peer", peer == nullptr ? context.peer() : peer->address},
                                         {"code", View(absl::StatusCodeToString(code))},
                                         {"reason", reason},
                                         {"trace_id", TraceIdOf(context.client_metadata())},
                                         {"and_others", *others == 0 ? "" : Cat(*others)},
                                         {"detail", View(status.message())}}));
}

Call::Call(Backend& backend, grpc::CallbackServerContext* context, Method method)
    : backend_(backend),
      context_(context),
      reactor_(context->DefaultReactor()),
      method_(method),
      caller_(CallerOf(backend, *context, method)) {}

grpc::ServerUnaryReactor* Call::End(const absl::Status& status) {
  grpc::ServerUnaryReactor* const reactor = reactor_;
  grpc::Status said = grpc::Status::OK;
  if (!status.ok()) {
    const absl::Status told = Named(subject_, status);
    LogRefusal(backend_, method_, caller_, *context_, told);
    said = ToGrpc(told);
  }
  delete this;
  reactor->Finish(std::move(said));
  return reactor;
}

grpc::ServerUnaryReactor* Call::Read(absl::AnyInvocable<absl::Status()> read) {
  return ReadThenGoOn([this, read = std::move(read)]() mutable {
    End(read());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* Call::ReadThenGoOn(absl::AnyInvocable<absl::Status()> read) {
  grpc::ServerUnaryReactor* const reactor = reactor_;
  const bool taken = backend_.reads.TryRun([this, read = std::move(read)]() mutable {
    if (absl::Status status = read(); !status.ok()) End(status);
  });
  if (!taken)
    End(Refuse(absl::StatusCode::kResourceExhausted, "OVERLOADED", "too many reads wait"));
  return reactor;
}

grpc::ServerUnaryReactor* Call::SubmitAs(Submission submission, Answer answer, bool reads) {
  grpc::ServerUnaryReactor* const reactor = reactor_;
  auto reply = [this, reads, answer = std::move(answer)](absl::StatusOr<Outcome> outcome) mutable {
    if (!outcome.ok()) outcome = AsSaid(method_, subject_, outcome.status());
    if (!reads) return (void)End(answer(std::move(outcome)));
    backend_.reads.Run([this, answer = std::move(answer), outcome = std::move(outcome)]() mutable {
      End(answer(std::move(outcome)));
    });
  };
  backend_.sequencer.Submit(std::move(submission), std::move(reply));
  return reactor;
}

}  // namespace capbroker
