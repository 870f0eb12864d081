#include "services/messages/place_token.h"

#include "absl/strings/escaping.h"
#include "broker/values/ids.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/messages/fields.h"

namespace capbroker {
namespace {

constexpr size_t kSeal = 16;  // Hexadecimal digits.

std::string Sealed(const std::string& list, std::string_view place) {
  return Cat(Hex(Sha256(Cat(list, "\n"), place)).substr(0, kSeal), place);
}

}  // namespace

std::string PlaceToken(const std::string& list, const std::string& place) {
  const std::string whole = Sealed(list, place);
  std::string token;
  absl::WebSafeBase64Escape(absl::string_view(whole.data(), whole.size()), &token);
  return token;
}

absl::StatusOr<std::string> PlaceOf(const std::string& list, const std::string& token) {
  if (token.empty()) return std::string();
  std::string whole;
  if (absl::WebSafeBase64Unescape(absl::string_view(token.data(), token.size()), &whole) &&
      whole.size() > kSeal && whole == Sealed(list, std::string_view(whole).substr(kSeal))) {
    return whole.substr(kSeal);
  }
  return Invalid("page_token", Quoted(token),
                 "a token that the same list, in the same order, gave");
}

}  // namespace capbroker
