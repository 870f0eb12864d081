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

std::vector<Rate> ReadRates(Fields& fields, const Path& up, const v1::Provider& in) {
  std::vector<Rate> rates;
  if (!fields.Count(Path(up, "rates"), in.rates_size(), 0, kMostRates)) return rates;
  std::set<std::pair<std::string, std::string>> seen;
  for (int i = 0; i < in.rates_size(); ++i) {
    const v1::Rate& rate = in.rates(i);
    const Path at(up, "rates", i);
    Rate& added = rates.emplace_back();
    added.resource_type = fields.Name(Path(at, "resource_type"), rate.resource_type());
    if (!rate.region().empty()) added.region = fields.Name(Path(at, "region"), rate.region());
    if (rate.has_unit_price()) {
      const Path price(at, "unit_price");
      added.unit_price = fields.Money(price, rate.unit_price());
      if (added.unit_price.micros < 0)
        fields.Complain(price, Format(added.unit_price), "0 or more");
    }
    if (!seen.emplace(added.resource_type, added.region).second) {
      fields.Complain(at, "a second rate for this resource_type and region", "one for each");
    }
  }
  return rates;
}

std::vector<Limit> ReadLimits(Fields& fields, const Path& up, const v1::Provider& in) {
  std::vector<Limit> limits;
  if (!fields.Count(Path(up, "limits"), in.limits_size(), 0, kMostLimits)) return limits;
  std::set<std::pair<std::string, std::string>> seen;
  for (int i = 0; i < in.limits_size(); ++i) {
    const v1::Limit& limit = in.limits(i);
    const Path at(up, "limits", i);
    Limit& added = limits.emplace_back();
    added.resource_type = fields.Name(Path(at, "resource_type"), limit.resource_type());
    if (!limit.region().empty()) added.region = fields.Name(Path(at, "region"), limit.region());
    added.quantity = fields.Number(Path(at, "quantity"), limit.quantity(), 0, kMostQuantity);
    if (!seen.emplace(added.resource_type, added.region).second)
      fields.Complain(at, "a second limit for this resource_type and region", "one for each");
  }
  return limits;
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
  provider.rates = ReadRates(fields, at, in);
  provider.limits = ReadLimits(fields, at, in);
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
