#include "broker/values/ids.h"

#include <openssl/evp.h>

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

char* PutHex(char* at, uint8_t byte) {
  *at++ = kHexDigits[byte >> 4];
  *at++ = kHexDigits[byte & 15];
  return at;
}

// -1 unless c is one of 0-9a-f: one spelling each, so that names compare as text.
int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

bool IsName(std::string_view text) {
  if (text.empty() || text.size() > 63 || text[0] < 'a' || text[0] > 'z' || text.back() == '-')
    return false;
  for (char c : text) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  }
  return true;
}

bool IsClauseName(std::string_view text) {
  if (text.empty() || text.size() > 63 || !absl::ascii_isalpha(static_cast<unsigned char>(text[0])))
    return false;
  for (char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') return false;
  }
  return true;
}

RequestId MakeRequestId(Instant now, std::array<uint64_t, 2> random) {
  RequestId id;
  const uint64_t millis = static_cast<uint64_t>(now.micros / 1000);
  for (size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<uint8_t>(millis >> (40 - 8 * i));
  for (size_t i = 6; i < 16; ++i)
    id.bytes[i] = static_cast<uint8_t>(random[i / 14] >> (8 * (i % 8)));
  id.bytes[6] = static_cast<uint8_t>(0x70 | (id.bytes[6] & 0x0f));  // Version 7.
  id.bytes[8] = static_cast<uint8_t>(0x80 | (id.bytes[8] & 0x3f));  // RFC 9562 variant.
  return id;
}

void AppendTo(std::string& out, const RequestId& id) {
  char text[36];
  char* at = text;
  for (size_t i = 0; i < id.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
    at = PutHex(at, id.bytes[i]);
  }
  out.append(text, sizeof text);
}

std::string Format(const RequestId& id) {
  std::string out;
  AppendTo(out, id);
  return out;
}

absl::StatusOr<RequestId> ParseRequestId(std::string_view text) {
  RequestId id;
  size_t at = 0;
  for (size_t i = 0; text.size() == 36 && i < id.bytes.size(); ++i) {
    if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-') break;
    const int high = HexValue(text[at]), low = HexValue(text[at + 1]);
    if (high < 0 || low < 0) break;
    id.bytes[i] = static_cast<uint8_t>(high * 16 + low);
    at += 2;
  }
  if (at == 36) return id;
  return absl::InvalidArgumentError(
      Cat("got \"", text,
          "\", want a UUID in lower case such as 0194c5a0-1e00-7abc-8def-0123456789ab"));
}

std::string Format(const ClauseRef& ref) {
  if (!ref.IsSet()) return "";
  if (ref.version == 0) return ref.agreement.value;
  return Cat(ref.agreement.value, "/", ref.version, ref.clause.empty() ? "" : "/",
             ref.clause.value);
}

absl::StatusOr<ClauseRef> ParseClauseRef(std::string_view text) {
  const std::vector<std::string_view> parts = Split(text, '/');
  if (parts.size() == 1 && IsName(parts[0]))
    return ClauseRef{AgreementId{std::string(parts[0])}, 0, ClauseId{}};
  const uint32_t version =
      parts.size() == 2 || parts.size() == 3 ? ParseNumber<uint32_t>(parts[1]).value_or(0) : 0;
  if (version == 0 || !IsName(parts[0]) || (parts.size() == 3 && !IsClauseName(parts[2]))) {
    return absl::InvalidArgumentError(
        Cat("got \"", text, "\", want agreement/version/clause, agreement/version or agreement"));
  }
  return ClauseRef{AgreementId{std::string(parts[0])}, version,
                   ClauseId{parts.size() == 3 ? std::string(parts[2]) : ""}};
}

std::string Format(const Actor& actor) {
  if (actor.name.empty()) return std::string(NameOf(actor.role));
  return Cat(NameOf(actor.role), "/", actor.name);
}

absl::StatusOr<Actor> ParseActor(std::string_view text) {
  const size_t slash = text.find('/');
  const std::optional<Role> role = ValueOf<Role>(text.substr(0, slash));
  if (!role) return absl::InvalidArgumentError(Cat("got \"", text, "\", want role/name"));
  return Actor{*role, slash == std::string_view::npos ? "" : std::string(text.substr(slash + 1))};
}

Hash Sha256(std::string_view first, std::string_view second) {
  // One context a thread: making one costs more than hashing a short text.
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Hash hash;
  EVP_DigestInit_ex2(context.get(), algorithm, nullptr);
  EVP_DigestUpdate(context.get(), first.data(), first.size());
  EVP_DigestUpdate(context.get(), second.data(), second.size());
  EVP_DigestFinal_ex(context.get(), hash.data(), nullptr);
  return hash;
}

void AppendTo(std::string& out, const Hash& hash) {
  char text[64];
  char* at = text;
  for (uint8_t byte : hash) at = PutHex(at, byte);
  out.append(text, sizeof text);
}

std::string Hex(const Hash& hash) {
  std::string out;
  AppendTo(out, hash);
  return out;
}

absl::StatusOr<Hash> ParseHash(std::string_view hex) {
  Hash hash;
  for (size_t i = 0; i < hash.size(); ++i) {
    const int high = hex.size() == 64 ? HexValue(hex[2 * i]) : -1;
    const int low = hex.size() == 64 ? HexValue(hex[2 * i + 1]) : -1;
    if (high < 0 || low < 0) {
      return absl::InvalidArgumentError(
          Cat("got \"", hex, "\", want 64 lower-case hexadecimal digits"));
    }
    hash[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return hash;
}

}  // namespace capbroker
