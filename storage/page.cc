#include "storage/page.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "storage/binary.h"

namespace capbroker {
namespace {

constexpr size_t kSealSize = 8;
constexpr size_t kFixedSize = 16 + 4;

std::string Seal(const std::string& list, std::string_view payload) {
  const Hash hash = Sha256(Cat(list, "\n"), payload);
  return std::string(binary::ViewOf(hash).substr(0, kSealSize));
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

std::string MakeToken(const std::string& list, const Cursor& last) {
  std::string payload(binary::ViewOf(last.request.bytes));
  binary::AppendInt(payload, last.offer);
  payload += last.owner.value;
  const std::string whole = Cat(Seal(list, payload), payload);
  std::string token;
  absl::WebSafeBase64Escape(absl::string_view(whole.data(), whole.size()), &token);
  return token;
}

absl::StatusOr<Cursor> ParseToken(const std::string& list, const std::string& token) {
  Cursor cursor;
  if (token.empty()) {
    cursor.request.bytes.fill(0xff);
    cursor.offer = 0x7fffffff;
    return cursor;
  }
  std::string whole;
  if (!absl::WebSafeBase64Unescape(absl::string_view(token.data(), token.size()), &whole) ||
      whole.size() < kSealSize + kFixedSize ||
      Seal(list, std::string_view(whole).substr(kSealSize)) != whole.substr(0, kSealSize)) {
    return Invalid("page_token", token, "a token that the same list, with the same filter, gave");
  }
  const std::string_view payload = std::string_view(whole).substr(kSealSize);
  std::copy_n(payload.data(), 16, cursor.request.bytes.begin());
  cursor.offer = binary::ReadInt<uint32_t>(payload.data() + 16);
  cursor.owner.value = payload.substr(kFixedSize);
  return cursor;
}

uint32_t PageSize(uint32_t asked) { return std::clamp<uint32_t>(asked, 1, 1000); }

}  // namespace capbroker
