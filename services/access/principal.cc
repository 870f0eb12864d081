#include "services/access/principal.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

bool IsExpired(Instant expire_time, Instant now) {
  return expire_time.IsSet() && expire_time <= now;
}

absl::Status Unknown(std::string_view message) {
  return Refuse(absl::StatusCode::kUnauthenticated, "NO_IDENTITY", message);
}

// The token of "Bearer <token>", with the scheme in any case (RFC 6750 and 9110); empty if the
// header is anything else.
std::string_view BearerToken(std::string_view authorization) {
  static constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return {};
  for (size_t i = 0; i < kScheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != kScheme[i]) return {};
  }
  return authorization.substr(kScheme.size());
}

}  // namespace

absl::StatusOr<Actor> ParseSpiffeId(std::string_view id, std::string_view trust_domain) {
  const std::vector<std::string_view> parts = Split(id, '/');
  if (parts.size() == 5 && parts[0] == "spiffe:" && parts[1].empty() && parts[2] == trust_domain) {
    const std::optional<Role> role = ValueOf<Role>(parts[3]);
    if (role && *role != Role::kNone && *role != Role::kBroker && IsName(parts[4])) {
      return Actor{*role, std::string(parts[4])};
    }
  }
  return Unknown(Cat("the certificate's SPIFFE id: got ", id, ", want spiffe://", trust_domain,
                     "/{owner|provider|operator|auditor}/{name}"));
}

Credentials CredentialsOf(const grpc::CallbackServerContext& context, const Peer* peer) {
  Credentials credentials;
  if (peer != nullptr) {
    credentials.spiffe_id = peer->spiffe_id;
    credentials.spiffe_expire_time = peer->spiffe_expire_time;
  }
  const auto [from, to] = context.client_metadata().equal_range("authorization");
  // Two headers would be ambiguous.
  if (from != to && std::next(from) == to)
    credentials.authorization.assign(from->second.data(), from->second.size());
  return credentials;
}

Principals::Principals(std::string trust_domain, TokenTable tokens)
    : trust_domain_(std::move(trust_domain)) {
  Replace(std::move(tokens));
}

void Principals::Replace(TokenTable tokens) {
  auto next = std::make_shared<const TokenTable>(std::move(tokens));
  {
    absl::MutexLock lock(&mutex_);
    tokens_ = std::move(next);
  }
  CheckAll();
}

void Principals::Advance(Instant now) {
  {
    absl::MutexLock lock(&mutex_);
    now_ = now;
    if (now < next_expiry_) return;
  }
  CheckAll();
}

std::shared_ptr<void> Principals::Watch(Credentials credentials, Actor actor,
                                        OnRevoked on_revoked) {
  auto watcher = std::make_shared<Watcher>(
      Watcher{std::move(credentials), std::move(actor), std::move(on_revoked)});
  {
    absl::MutexLock lock(&mutex_);
    watchers_.push_back(watcher);
    ExpectExpiry(watcher->credentials.spiffe_expire_time);
    // Those that are gone are swept out here, when the vector would grow.
    if (watchers_.size() == watchers_.capacity())
      std::erase_if(watchers_, [](const auto& one) { return one.expired(); });
  }
  Check(*watcher);  // The tokens may have been replaced since the caller was identified.
  return watcher;
}

void Principals::Check(const Watcher& watcher) const {
  const absl::StatusOr<Actor> actor = Identify(watcher.credentials);
  if (!actor.ok()) return watcher.on_revoked(actor.status());
  if (*actor != watcher.actor) watcher.on_revoked(Unknown("the credentials name another caller"));
}

void Principals::CheckAll() {
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    absl::MutexLock lock(&mutex_);
    next_expiry_ = kLastInstant;
    for (const auto& [hash, principal] : *tokens_) ExpectExpiry(principal.expire_time);
    for (const std::weak_ptr<Watcher>& weak : watchers_) {
      std::shared_ptr<Watcher> watcher = weak.lock();
      if (watcher == nullptr) continue;
      ExpectExpiry(watcher->credentials.spiffe_expire_time);
      watchers.push_back(std::move(watcher));
    }
    watchers_.assign(watchers.begin(), watchers.end());
  }
  for (const std::shared_ptr<Watcher>& watcher : watchers) Check(*watcher);
}

void Principals::ExpectExpiry(Instant expire_time) {
  if (expire_time > now_) next_expiry_ = std::min(next_expiry_, expire_time);
}

absl::StatusOr<Actor> Principals::Identify(const Credentials& credentials) const {
  std::shared_ptr<const TokenTable> tokens;
  Instant now;
  {
    absl::MutexLock lock(&mutex_);
    tokens = tokens_;
    now = now_;
  }
  Actor by_certificate;
  if (!trust_domain_.empty() && !credentials.spiffe_id.empty()) {
    absl::StatusOr<Actor> actor = ParseSpiffeId(credentials.spiffe_id, trust_domain_);
    if (actor.ok() && IsExpired(credentials.spiffe_expire_time, now))
      actor = Unknown("the client certificate has expired");
    // A certificate for another purpose, such as a service mesh's, does not rule out a token.
    if (!actor.ok() && credentials.authorization.empty()) return actor.status();
    if (actor.ok()) by_certificate = *std::move(actor);
  }
  if (credentials.authorization.empty()) {
    if (by_certificate.role != Role::kNone) return by_certificate;
    return Unknown(
        "no credentials: want a client certificate, or metadata authorization: Bearer <token>");
  }
  const std::string_view token = BearerToken(credentials.authorization);
  if (token.empty()) return Unknown("the authorization metadata: want Bearer <token>");
  const auto found = tokens->find(Sha256(token));
  if (found == tokens->end()) return Unknown("the token is not known");
  const Principal& principal = found->second;
  if (IsExpired(principal.expire_time, now)) return Unknown("the token has expired");
  if (by_certificate.role != Role::kNone && by_certificate != principal.actor) {
    return Unknown("the certificate and the token name different callers");
  }
  return principal.actor;
}

}  // namespace capbroker
