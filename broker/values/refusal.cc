#include "broker/values/refusal.h"

#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr char kReason[] = "capbroker/reason";
constexpr char kFacts[] = "capbroker/facts";  // name NUL value NUL ...
constexpr char kField[] = "capbroker/field";

std::string Payload(const absl::Status& status, const char* type) {
  const auto payload = status.GetPayload(type);
  return payload.has_value() ? std::string(*payload) : "";
}

}  // namespace

absl::Status Refuse(absl::StatusCode code, std::string_view reason, std::string_view message,
                    Facts facts) {
  absl::Status status(code, std::string(message));
  status.SetPayload(kReason, absl::Cord(std::string(reason)));
  std::string text;
  for (const auto& [name, value] : facts)
    text.append(name).append(1, '\0').append(value).append(1, '\0');
  if (!text.empty()) status.SetPayload(kFacts, absl::Cord(text));
  return status;
}

absl::Status Invalid(std::string_view field, std::string_view got, std::string_view want) {
  absl::Status status = Refuse(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                               Cat(field, ": got ", got, ", want ", want));
  status.SetPayload(kField, absl::Cord(std::string(field)));
  return status;
}

std::string ReasonOf(const absl::Status& status) { return Payload(status, kReason); }
std::string FieldOf(const absl::Status& status) { return Payload(status, kField); }

Facts FactsOf(const absl::Status& status) {
  const std::string text = Payload(status, kFacts);
  const std::vector<std::string_view> parts = Split(text, '\0');
  Facts facts;
  for (size_t i = 0; i + 1 < parts.size(); i += 2) facts.emplace_back(parts[i], parts[i + 1]);
  return facts;
}

}  // namespace capbroker
