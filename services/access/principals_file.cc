#include "services/access/principals_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "broker/values/text.h"
#include "broker/values/time.h"
#include "services/files/text_file.h"
#include "services/messages/fields.h"

namespace capbroker {
namespace {

absl::Status Complaint(const std::string& file, const YAML::Mark& mark, std::string_view what) {
  return absl::InvalidArgumentError(Cat(file, ":", std::max(mark.line, 0) + 1, ": ", what));
}

// A token put in the place of its hash must not end up in a log.
std::string Hidden(const std::string& got) { return Cat(got.size(), " characters"); }

absl::StatusOr<std::pair<Hash, Principal>> ReadEntry(const YAML::Node& entry,
                                                     const std::string& file) {
  const auto complain = [&](const YAML::Node& at, std::string_view what) {
    return Complaint(file, at.Mark(), what);
  };
  if (!entry.IsMap()) return complain(entry, "want an entry with role, name and token_sha256");
  Actor actor;
  std::optional<Hash> hash;
  Instant expire_time;
  absl::flat_hash_set<std::string> keys;
  for (const auto& field : entry) {
    const std::string key = field.first.Scalar();
    if (!keys.insert(key).second) return complain(field.first, Cat(key, ": given twice"));
    if (!field.second.IsScalar()) return complain(field.second, Cat(key, ": want one word"));
    const std::string& value = field.second.Scalar();
    if (key == "role") {
      const std::optional<Role> role = ValueOf<Role>(value);
      if (!role || *role == Role::kNone || *role == Role::kBroker) {
        return complain(field.second, Cat("role: got ", Quoted(value),
                                          ", want owner, provider, operator or auditor"));
      }
      actor.role = *role;
    } else if (key == "name") {
      if (!IsName(value)) {
        return complain(field.second, Cat("name: got ", Quoted(value),
                                          ", want 1 to 63 of a-z, 0-9 and '-', a letter first"));
      }
      actor.name = value;
    } else if (key == "token_sha256") {
      const absl::StatusOr<Hash> parsed = ParseHash(value);
      if (!parsed.ok()) {
        return complain(field.second, Cat("token_sha256: got ", Hidden(value),
                                          ", want 64 lower-case hexadecimal digits"));
      }
      hash = *parsed;
    } else if (key == "expire_time") {
      const absl::StatusOr<Instant> parsed = ParseInstant(value);
      if (!parsed.ok()) {
        return complain(field.second, Cat("expire_time: got ", Quoted(value),
                                          ", want a time such as 2027-01-01T00:00:00Z"));
      }
      expire_time = *parsed;
    } else {
      return complain(field.first, Cat(Quoted(key),
                                       ": unknown, want role, name, token_sha256 and perhaps "
                                       "expire_time"));
    }
  }
  if (actor.role == Role::kNone) return complain(entry, "role: missing");
  if (actor.name.empty()) return complain(entry, "name: missing");
  if (!hash) return complain(entry, "token_sha256: missing");
  return std::pair(*hash, Principal(std::move(actor), expire_time));
}

}  // namespace

absl::StatusOr<TokenTable> ParsePrincipals(const std::string& text, const std::string& file) {
  try {
    // YAML::Load would stop after the first document and pass over what follows the list.
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      return Complaint(file, documents[1].Mark(),
                       "got more after the end of the list, want entries that begin with '- '");
    }
    const YAML::Node list = documents.empty() ? YAML::Node() : documents.front();
    TokenTable table;
    if (!list.IsSequence())
      return Complaint(file, list.Mark(),
                       "want a list of entries with role, name and token_sha256");
    for (const YAML::Node& entry : list) {
      absl::StatusOr<std::pair<Hash, Principal>> read = ReadEntry(entry, file);
      if (!read.ok()) return read.status();
      if (!table.insert(*std::move(read)).second) {
        return Complaint(file, entry.Mark(),
                         "token_sha256: the same as of an entry before, want each once");
      }
    }
    return table;
  } catch (const YAML::Exception& error) {
    return Complaint(file, error.mark, error.msg);
  }
}

absl::StatusOr<TokenTable> ReadPrincipals(const std::string& file) {
  const absl::StatusOr<std::string> text = ReadTextFile("--principals", file);
  if (!text.ok()) return text.status();
  return ParsePrincipals(*text, file);
}

}  // namespace capbroker
