// Parsing of ProviderService's messages.
#include <set>
#include <utility>

#include "broker/values/text.h"
#include "services/messages/fields.h"
#include "services/messages/parse.h"
#include "services/messages/parse_values.h"
#include "services/messages/records.h"

namespace capbroker {
namespace {

constexpr int kMostMembers = 64;
constexpr int kMostRates = 1024;
constexpr int kMostAffiliates = 256;

// Rates or limits: at most one for each resource type and region.
template <class T, class List>
std::vector<T> ReadOffered(Fields& fields, const Path& at, const List& in) {
  std::vector<T> out;
  if (!fields.Count(at, in.size(), 0, kMostRates)) return out;
  std::set<std::pair<std::string, std::string>> seen;
  for (int i = 0; i < in.size(); ++i) {
    const Path element = at.Element(i);
    T& added = out.emplace_back();
    TakeRecord(fields, element, in[i], added);
    if (!seen.emplace(added.resource_type, added.region).second) {
      fields.Complain(element, "a second one for this resource_type and region", "one for each");
    }
  }
  return out;
}

std::vector<Rate> ReadRates(Fields& fields, const Path& at, const v1::Provider& in) {
  std::vector<Rate> rates = ReadOffered<Rate>(fields, at, in.rates());
  for (size_t i = 0; i < rates.size(); ++i) {
    const Money& price = rates[i].unit_price;
    if (price.micros >= 0) continue;
    const Path element = at.Element(static_cast<int>(i));
    fields.Complain(Path(element, "unit_price"), Format(price), "0 or more");
  }
  return rates;
}

Provider ReadProvider(Fields& fields, const Path& at, const v1::Provider& in) {
  Provider provider;
  provider.display_name = fields.Text(Path(at, "display_name"), in.display_name(), 0, 256);
  if (fields.Count(Path(at, "members"), in.members_size(), 0, kMostMembers)) {
    for (int i = 0; i < in.members_size(); ++i) {
      provider.members.push_back(fields.Text(Path(at, "members", i), in.members(i), 1, 256));
    }
  }
  if (fields.Count(Path(at, "affiliates"), in.affiliates_size(), 0, kMostAffiliates)) {
    for (int i = 0; i < in.affiliates_size(); ++i) {
      provider.affiliates.push_back(fields.Provider(Path(at, "affiliates", i), in.affiliates(i)));
    }
  }
  provider.rates = ReadRates(fields, Path(at, "rates"), in);
  provider.limits = ReadOffered<Limit>(fields, Path(at, "limits"), in.limits());
  // validate.h checks host and port.
  if (in.has_endpoint()) TakeRecord(fields, Path(at, "endpoint"), in.endpoint(), provider.endpoint);
  return provider;
}

// Suspending, resuming and reporting health have the same fields; `what` may have more.
template <class What, class Message>
absl::StatusOr<Command> ReadSwitch(const Message& in, What what = {}) {
  Fields fields;
  what.provider = fields.Provider("name", in.name());
  what.text = fields.Text("text", in.text(), 1, kLongestReason);
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{kDirectory, {}, std::move(what)};
}

}  // namespace

absl::StatusOr<Command> Parse(const v1::RegisterProviderRequest& in) {
  Fields fields;
  RegisterProvider add{ReadProvider(fields, "provider", in.provider())};
  add.provider.id.value = fields.Name("provider_id", in.provider_id());
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{kDirectory, {}, std::move(add)};
}

absl::StatusOr<Command> Parse(const v1::SuspendProviderRequest& in) {
  return ReadSwitch<SuspendProvider>(in);
}
absl::StatusOr<Command> Parse(const v1::ResumeProviderRequest& in) {
  return ReadSwitch<ResumeProvider>(in);
}
absl::StatusOr<Command> Parse(const v1::ReportHealthRequest& in) {
  return ReadSwitch(in, ReportHealth{.healthy = in.healthy()});
}

Provider ProviderChange::On(Provider known) const {
  if (display_name) known.display_name = given.display_name;
  if (members) known.members = given.members;
  if (rates) known.rates = given.rates;
  if (limits) known.limits = given.limits;
  if (affiliates) known.affiliates = given.affiliates;
  if (endpoint) known.endpoint = given.endpoint;
  return known;
}

absl::StatusOr<ProviderChange> Parse(const v1::UpdateProviderRequest& in) {
  Fields fields;
  ProviderChange change;
  const Path at("provider");
  change.provider = fields.Provider(Path(at, "name"), in.provider().name());
  change.given = ReadProvider(fields, at, in.provider());
  const bool all = in.update_mask().paths_size() == 0;
  change.display_name = change.members = change.rates = change.limits = change.affiliates =
      change.endpoint = all;
  for (int i = 0; i < in.update_mask().paths_size(); ++i) {
    const std::string& path = in.update_mask().paths(i);
    const std::pair<std::string_view, bool*> known[] = {{"display_name", &change.display_name},
                                                        {"members", &change.members},
                                                        {"rates", &change.rates},
                                                        {"limits", &change.limits},
                                                        {"affiliates", &change.affiliates},
                                                        {"endpoint", &change.endpoint}};
    bool found = false;
    for (const auto& [name, meant] : known) {
      if (path == name) *meant = found = true;
    }
    if (!found) {
      fields.Complain(Path(Path("update_mask"), "paths", i), Quoted(path),
                      "display_name, members, rates, limits, affiliates or endpoint");
    }
  }
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return change;
}

absl::StatusOr<DeskQuery> Parse(const v1::GetProviderRequest& in) {
  Fields fields;
  DeskQuery query{fields.Provider("name", in.name())};
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

absl::StatusOr<ProvidersQuery> Parse(const v1::ListProvidersRequest& in) {
  Fields fields;
  ProvidersQuery query{{fields.PageSize(in.page_size()), in.page_token()}};
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

}  // namespace capbroker
