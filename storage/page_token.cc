#include "storage/page_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "storage/binary.h"

namespace capbroker {
namespace {

constexpr size_t kSealSize = 16;
constexpr size_t kKeySize = 32;
constexpr uint32_t kMostOffer = 0x7fffffff;  // An integer in the database.

enum class TokenKind : char { kRow = 'r', kNumber = 'n', kName = 's' };

// HMAC-SHA256 under a key of this process, so that nobody else makes a token.
std::string Seal(std::string_view list, std::string_view payload) {
  static const std::array<unsigned char, kKeySize> key = [] {
    std::array<unsigned char, kKeySize> random;
    if (RAND_bytes(random.data(), kKeySize) != 1) std::abort();  // No token would be safe.
    return random;
  }();
  const std::string sealed = Cat(list.size(), " ", list, payload);
  std::array<unsigned char, EVP_MAX_MD_SIZE> code;
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(sealed.data()), sealed.size(), code.data(), &size);
  return std::string(reinterpret_cast<const char*>(code.data()), kSealSize);
}

bool IsSame(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string Encode(std::string_view list, TokenKind kind, std::string payload) {
  payload.insert(payload.begin(), static_cast<char>(kind));
  const std::string whole = Seal(list, payload) + payload;
  std::string token;
  absl::WebSafeBase64Escape(absl::string_view(whole.data(), whole.size()), &token);
  return token;
}

absl::Status Refused(const std::string& token) {
  return Invalid("page_token", token, "a token from the same list, filter and order");
}

// The payload of a token of this kind and list.
absl::StatusOr<std::string> Decode(std::string_view list, TokenKind kind,
                                   const std::string& token) {
  std::string whole;
  if (!absl::WebSafeBase64Unescape(absl::string_view(token.data(), token.size()), &whole) ||
      whole.size() <= kSealSize || whole[kSealSize] != static_cast<char>(kind) ||
      !IsSame(Seal(list, std::string_view(whole).substr(kSealSize)),
              std::string_view(whole).substr(0, kSealSize))) {
    return Refused(token);
  }
  return whole.substr(kSealSize + 1);
}

template <class State>
std::string WithStates(std::string name, std::vector<State> states) {
  std::sort(states.begin(), states.end());
  for (State state : states) name += Cat("/", NameOf(state));
  return name;
}

}  // namespace

std::string ListName(const RequestFilter& filter) {
  return WithStates(Cat("requests of ", filter.owner.value), filter.states);
}
std::string ListName(const OfferFilter& filter) {
  return WithStates(Cat("offers of ", filter.provider.value), filter.states);
}

std::string RowToken(std::string_view list, const RowPosition& last) {
  std::string payload(binary::ViewOf(last.request.bytes));
  binary::AppendInt(payload, last.offer);
  return Encode(list, TokenKind::kRow, payload + last.owner.value);
}

std::string NumberToken(std::string_view list, uint64_t number) {
  std::string payload;
  binary::AppendInt(payload, number);
  return Encode(list, TokenKind::kNumber, std::move(payload));
}

std::string NameToken(std::string_view list, std::string_view name) {
  return Encode(list, TokenKind::kName, std::string(name));
}

absl::StatusOr<RowPosition> ParseRowToken(std::string_view list, const std::string& token) {
  RowPosition position;
  if (token.empty()) {
    position.request.bytes.fill(0xff);
    position.offer = kMostOffer;
    return position;
  }
  const absl::StatusOr<std::string> payload = Decode(list, TokenKind::kRow, token);
  if (!payload.ok()) return payload.status();
  if (payload->size() < 16 + 4) return Refused(token);
  std::copy_n(payload->data(), 16, position.request.bytes.begin());
  position.offer = binary::ReadInt<uint32_t>(payload->data() + 16);
  position.owner.value = payload->substr(16 + 4);
  if (position.offer > kMostOffer || !IsName(position.owner.value)) return Refused(token);
  return position;
}

absl::StatusOr<uint64_t> ParseNumberToken(std::string_view list, const std::string& token,
                                          uint64_t most) {
  if (token.empty()) return 0;
  const absl::StatusOr<std::string> payload = Decode(list, TokenKind::kNumber, token);
  if (!payload.ok()) return payload.status();
  if (payload->size() != sizeof(uint64_t)) return Refused(token);
  const uint64_t number = binary::ReadInt<uint64_t>(payload->data());
  if (number > most) return Refused(token);
  return number;
}

absl::StatusOr<std::string> ParseNameToken(std::string_view list, const std::string& token) {
  if (token.empty()) return std::string();
  return Decode(list, TokenKind::kName, token);
}

uint32_t PageSize(uint32_t asked) { return std::clamp<uint32_t>(asked, 1, 1000); }

}  // namespace capbroker
