// Parsing of ProviderService's messages.
#include <set>
#include <utility>

#include "broker/values/text.h"
#include "services/messages/fields.h"
#include "services/messages/parse.h"
#include "services/messages/parse_values.h"

namespace capbroker {
namespace {

constexpr int kMostMembers = 64;
constexpr int kMostRates = 1024;
constexpr int kMostLimits = 1024;
constexpr int kMostAffiliates = 256;

// Rates or limits: at most one for each resource type and region. `read` reads what else they say.
template <class Stated, class Messages>
std::vector<Stated> ReadStated(Fields& fields, const Path& up, const char* name, const Messages& in,
                               int most, auto read) {
  std::vector<Stated> out;
  if (!fields.Count(Path(up, name), in.size(), 0, most)) return out;
  std::set<std::pair<std::string, std::string>> seen;
  for (int i = 0; i < in.size(); ++i) {
    const Path at(up, name, i);
    Stated& added = out.emplace_back();
    added.resource_type = fields.Name(Path(at, "resource_type"), in[i].resource_type());
    if (!in[i].region().empty()) added.region = fields.Name(Path(at, "region"), in[i].region());
    read(at, in[i], added);
    if (!seen.emplace(added.resource_type, added.region).second)
      fields.Complain(at, "a second one for this resource_type and region", "one for each");
  }
  return out;
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
  provider.rates =
      ReadStated<Rate>(fields, at, "rates", in.rates(), kMostRates,
                       [&](const Path& path, const v1::Rate& rate, Rate& added) {
                         if (!rate.has_unit_price()) return;
                         const Path price(path, "unit_price");
                         added.unit_price = fields.Money(price, rate.unit_price());
                         if (added.unit_price.micros < 0)
                           fields.Complain(price, Format(added.unit_price), "0 or more");
                       });
  provider.limits = ReadStated<Limit>(
      fields, at, "limits", in.limits(), kMostLimits,
      [&](const Path& path, const v1::Limit& limit, Limit& added) {
        added.quantity = fields.Number(Path(path, "quantity"), limit.quantity(), 0, kMostQuantity);
      });
  const Path endpoint(at, "endpoint");  // validate.h checks host and port.
  provider.endpoint.address =
      fields.Text(Path(endpoint, "address"), in.endpoint().address(), 0, 256);
  provider.endpoint.server_name =
      fields.Text(Path(endpoint, "server_name"), in.endpoint().server_name(), 0, 256);
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
