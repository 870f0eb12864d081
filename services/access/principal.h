// Authentication of callers: by a client certificate with a SPIFFE id, or by a bearer token.
#pragma once

#include <grpcpp/server_context.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "broker/values/ids.h"
#include "broker/values/time.h"
#include "services/edge/peer.h"

namespace capbroker {

// A caller that a token names, and when the token expires; unset: never.
struct Principal {
  Principal(Actor actor, Instant expire_time = {})  // NOLINT: most tokens do not expire.
      : actor(std::move(actor)), expire_time(expire_time) {}
  Actor actor;
  Instant expire_time;
};

// Callers by the SHA-256 of their tokens. A guessed token is looked up by its hash, so the time of
// a look-up reveals nothing about existing tokens.
using TokenTable = absl::flat_hash_map<Hash, Principal>;

// spiffe://{trust domain}/{owner|provider|operator|auditor}/{name}. UNAUTHENTICATED for any other.
absl::StatusOr<Actor> ParseSpiffeId(std::string_view id, std::string_view trust_domain);

// The credentials of a call.
struct Credentials {
  std::string spiffe_id{};       // Of a verified client certificate; empty if there is none.
  std::string authorization{};   // The "authorization" metadata; empty if there is none.
  Instant spiffe_expire_time{};  // The certificate's last instant; unset: never.
};
// `peer` is that of the call's connection; null if it has none.
Credentials CredentialsOf(const grpc::CallbackServerContext& context, const Peer* peer);

// All principals. Thread-safe.
class Principals {
 public:
  // Without `trust_domain` certificates do not authenticate anybody.
  explicit Principals(std::string trust_domain, TokenTable tokens = {});

  // Identifies callers by these tokens from now on.
  void Replace(TokenTable tokens) ABSL_LOCKS_EXCLUDED(mutex_);
  // What expires at `now` or before does not identify anybody any more. To be called regularly.
  void Advance(Instant now) ABSL_LOCKS_EXCLUDED(mutex_);

  // UNAUTHENTICATED (NO_IDENTITY): the credentials are missing, unknown, malformed or expired, or
  // they name two different callers.
  absl::StatusOr<Actor> Identify(const Credentials& credentials) const ABSL_LOCKS_EXCLUDED(mutex_);

  // A stream outlasts the look at its caller's credentials. `on_revoked` is called with
  // UNAUTHENTICATED once they do not identify `actor` any more: within this call, Replace or
  // Advance. Not after the handle has been dropped, unless it is running already.
  using OnRevoked = std::function<void(const absl::Status&)>;
  std::shared_ptr<void> Watch(Credentials credentials, Actor actor, OnRevoked on_revoked)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Watcher {
    const Credentials credentials;
    const Actor actor;
    const OnRevoked on_revoked;
  };
  void Check(const Watcher& watcher) const ABSL_LOCKS_EXCLUDED(mutex_);
  void CheckAll() ABSL_LOCKS_EXCLUDED(mutex_);
  void ExpectExpiry(Instant expire_time) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string trust_domain_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const TokenTable> tokens_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mutex_);
  Instant now_ ABSL_GUARDED_BY(mutex_);
  Instant next_expiry_ ABSL_GUARDED_BY(mutex_) = kLastInstant;  // Of tokens and of watchers.
};

}  // namespace capbroker
