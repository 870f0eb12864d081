// Messages of operators about agreements.
#include <utility>

#include "services/messages/fields.h"
#include "services/messages/parse.h"
#include "services/messages/parse_values.h"
#include "services/messages/records.h"

namespace capbroker {

Clause ReadClause(Fields& fields, const Path& at, const v1::Clause& in) {
  Clause clause;
  TakeRecord(fields, at, in, clause);
  return clause;
}

AgreementVersion ReadVersion(Fields& fields, const Path& at, const v1::AgreementVersion& in) {
  AgreementVersion version;
  TakeRecord(fields, at, in, version);
  version.version = 0;  // These two are the broker's to say.
  version.effective_to = {};
  return version;
}

absl::StatusOr<Command> Parse(const v1::CreateAgreementRequest& in) {
  Fields fields;
  const OwnerId owner = fields.Owner("parent", in.parent());
  AgreementVersion version = ReadVersion(fields, "first_version", in.first_version());
  version.agreement.value = fields.Name("agreement_id", in.agreement_id());
  version.version = 1;
  version.holder = fields.Provider(Path(Path("agreement"), "holder"), in.agreement().holder());
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{owner, {}, ActivateAgreement{std::move(version)}};
}

absl::StatusOr<Command> Parse(const v1::AmendAgreementRequest& in) {
  Fields fields;
  const AgreementName name = ParseAgreementName(fields, "name", in.name());
  AgreementVersion version = ReadVersion(fields, "next_version", in.next_version());
  version.agreement = name.agreement;
  const int64_t base = fields.Number("base_version", in.base_version(), 0, 1'000'000'000);
  version.version = base > 0 ? static_cast<uint32_t>(base) + 1 : 0;
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, ActivateAgreement{std::move(version)}};
}

absl::StatusOr<Command> Parse(const v1::TerminateAgreementRequest& in) {
  Fields fields;
  const AgreementName name = ParseAgreementName(fields, "name", in.name());
  TerminateAgreement terminate{name.agreement};
  terminate.version =
      static_cast<uint32_t>(fields.Number("version", in.version(), 0, 1'000'000'000));
  terminate.end_time = fields.Time("end_time", in.end_time());
  terminate.text = fields.Text("text", in.text(), 1, kLongestReason);
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, std::move(terminate)};
}

absl::StatusOr<LintQuery> Parse(const v1::LintAgreementRequest& in) {
  Fields fields;
  LintQuery query;
  query.owner = fields.Owner("parent", in.parent());
  query.version = ReadVersion(fields, "version", in.version());
  query.version.agreement.value = fields.Name("agreement_id", in.agreement_id());
  if (!in.holder().empty()) query.version.holder = fields.Provider("holder", in.holder());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

absl::StatusOr<AgreementName> Parse(const v1::GetAgreementRequest& in) {
  Fields fields;
  AgreementName name = ParseAgreementName(fields, "name", in.name());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return name;
}

absl::StatusOr<AgreementsQuery> Parse(const v1::ListAgreementsRequest& in) {
  Fields fields;
  AgreementsQuery query;
  query.owner = fields.Owner("parent", in.parent());
  query.page = {fields.PageSize(in.page_size()), in.page_token()};
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

absl::StatusOr<VersionsQuery> Parse(const v1::ListAgreementVersionsRequest& in) {
  Fields fields;
  const AgreementName name = ParseAgreementName(fields, "parent", in.parent());
  VersionsQuery query{
      name.owner, name.agreement, {fields.PageSize(in.page_size()), in.page_token()}};
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

absl::StatusOr<ComparisonQuery> Parse(const v1::CompareAgreementVersionsRequest& in) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  Fields fields;
  const AgreementName name = ParseAgreementName(fields, "name", in.name());
  ComparisonQuery query{
      name.owner, name.agreement,
      static_cast<uint32_t>(fields.Number("base_version", in.base_version(), 1, kMost)),
      static_cast<uint32_t>(fields.Number("version", in.version(), 1, kMost))};
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

}  // namespace capbroker
