#include "services/messages/place_token.h"

#include "storage/page_token.h"

namespace capbroker {

std::string PlaceToken(const std::string& list, const std::string& place) {
  return NameToken(list, place);
}

absl::StatusOr<std::string> PlaceOf(const std::string& list, const std::string& token) {
  return ParseNameToken(list, token);
}

}  // namespace capbroker
