// Who calls: by a client certificate with a SPIFFE id, or by a bearer token.
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

namespace capbroker {

// Callers by the SHA-256 of their tokens. A guessed token is looked up by its hash, so the time a
// look-up takes says nothing about the tokens that exist.
using TokenTable = absl::flat_hash_map<Hash, Actor>;

// spiffe://{trust domain}/{owner|provider|operator|auditor}/{name}. UNAUTHENTICATED for any other.
absl::StatusOr<Actor> ParseSpiffeId(std::string_view id, std::string_view trust_domain);

// What a call brought along to say who makes it.
struct Credentials {
  std::string spiffe_id{};      // Of a verified client certificate; empty if there is none.
  std::string authorization{};  // The "authorization" metadata; empty if there is none.
};
Credentials CredentialsOf(const grpc::CallbackServerContext& context);

// Everyone who may call. Safe to use from several threads.
class Principals {
 public:
  // Certificates count where `trust_domain` is not empty.
  explicit Principals(std::string trust_domain, TokenTable tokens = {});

  void Replace(TokenTable tokens) ABSL_LOCKS_EXCLUDED(mutex_);

  // UNAUTHENTICATED (NO_IDENTITY): nothing was brought, or it is unknown, malformed, or names two
  // different callers.
  absl::StatusOr<Actor> Identify(const Credentials& credentials) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::string trust_domain_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const TokenTable> tokens_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace capbroker
