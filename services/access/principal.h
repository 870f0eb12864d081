// Authentication of callers: by a client certificate with a SPIFFE id, or by a bearer token.
#pragma once

#include <grpcpp/server_context.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "broker/values/ids.h"
#include "services/edge/peer.h"

namespace capbroker {

// Callers by the SHA-256 of their tokens. A guessed token is looked up by its hash, so the time of
// a look-up reveals nothing about existing tokens.
using TokenTable = absl::flat_hash_map<Hash, Actor>;

// spiffe://{trust domain}/{owner|provider|operator|auditor}/{name}. UNAUTHENTICATED for any other.
absl::StatusOr<Actor> ParseSpiffeId(std::string_view id, std::string_view trust_domain);

// The credentials of a call.
struct Credentials {
  std::string spiffe_id{};      // Of a verified client certificate; empty if there is none.
  std::string authorization{};  // The "authorization" metadata; empty if there is none.
};
// `peer` is that of the call's connection; null if it has none.
Credentials CredentialsOf(const grpc::CallbackServerContext& context, const Peer* peer);

// All principals. Thread-safe.
class Principals {
 public:
  // Without `trust_domain` certificates do not authenticate anybody.
  explicit Principals(std::string trust_domain, TokenTable tokens = {});

  void Replace(TokenTable tokens) ABSL_LOCKS_EXCLUDED(mutex_);

  // UNAUTHENTICATED (NO_IDENTITY): the credentials are missing, unknown or malformed, or they name
  // two different callers.
  absl::StatusOr<Actor> Identify(const Credentials& credentials) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::string trust_domain_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const TokenTable> tokens_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace capbroker
