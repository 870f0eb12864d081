#include "storage/database_url.h"

#include <libpq-fe.h>

#include <memory>
#include <string_view>

#include "broker/values/refusal.h"

namespace capbroker {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// In a URI, what comes before the '@' is user and password. Another '@' before the query, or one
// after the first '/', belongs to a password that libpq would cut in pieces.
bool IsCutInPieces(std::string_view url) {
  const size_t scheme = url.find("://");
  if (!url.starts_with("postgres") || scheme == std::string_view::npos) return false;
  url.remove_prefix(scheme + 3);
  const std::string_view before_query = url.substr(0, url.find('?'));
  const size_t at = before_query.find('@');
  return at != std::string_view::npos &&
         (before_query.find('/') < at || before_query.find('@', at + 1) != std::string_view::npos);
}

// libpq takes what is neither a URI nor has a '=' for the name of a database.
bool IsName(std::string_view url) {
  return url.find('=') == std::string_view::npos && !url.starts_with("postgres://") &&
         !url.starts_with("postgresql://");
}

bool IsPorts(std::string_view ports) {
  return ports.find_first_not_of("0123456789,") == std::string_view::npos;
}

}  // namespace

absl::Status CheckDatabaseUrl(std::string_view option, const std::string& url) {
  if (IsName(url)) return absl::OkStatus();
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(url.c_str(), &complaint));
  PQfreemem(complaint);
  bool is_good = options != nullptr && !IsCutInPieces(url);
  for (const PQconninfoOption* option_read = options.get();
       is_good && option_read->keyword != nullptr; ++option_read) {
    if (option_read->val != nullptr && std::string_view(option_read->keyword) == "port")
      is_good = IsPorts(option_read->val);
  }
  if (is_good) return absl::OkStatus();
  return Invalid(option, "a text that is not shown here, since it may contain a password",
                 "a connection string or URI of PostgreSQL; in a URI, '@', '/', ':', '%' and other "
                 "special characters of user and password are percent-encoded");
}

}  // namespace capbroker
