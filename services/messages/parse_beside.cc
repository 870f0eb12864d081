// Parsing of messages about waivers, triggers and commitment statements.
#include <utility>

#include "services/messages/fields.h"
#include "services/messages/parse.h"
#include "services/messages/parse_values.h"

namespace capbroker {
namespace {

// Messages that assert, dispute, resolve, attest or withdraw a trigger; `what` may have more
// fields.
template <class What, class Message>
absl::StatusOr<Command> ReadTriggerAct(Fields& fields, const Message& in, What what, size_t least) {
  const ClauseName name = ParseClauseName(fields, "name", in.name(), kTriggers);
  what.agreement = name.agreement;
  what.trigger = name.clause;
  what.text = fields.Text("text", in.text(), least, kLongestReason);
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, std::move(what)};
}

template <class Message>
absl::StatusOr<BesideQuery> ReadBeside(const Message& in) {
  Fields fields;
  const AgreementName name = ParseAgreementName(fields, "parent", in.parent());
  BesideQuery query{name.owner, name.agreement, {fields.PageSize(in.page_size()), in.page_token()}};
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

}  // namespace

absl::StatusOr<Command> Parse(const v1::GrantWaiverRequest& in) {
  Fields fields;
  const AgreementName name = ParseAgreementName(fields, "parent", in.parent());
  const Path at("waiver");
  Grant grant{.agreement = name.agreement};
  grant.waiver = ReadClause(fields, Path(at, "clause"), in.waiver().clause());
  if (!in.waiver().clause().has_waiver()) {
    fields.Complain(Path(Path(at, "clause"), "waiver"), "nothing",
                    "what it lifts: the clause's content is a waiver");
  }
  if (!in.waiver().provider().empty())
    grant.provider = fields.Provider(Path(at, "provider"), in.waiver().provider());
  if (!in.waiver().capacity_request().empty()) {
    const Path path(at, "capacity_request");
    const RequestName request = ParseRequestName(fields, path, in.waiver().capacity_request());
    grant.request = request.request;
    if (request.request.IsSet() && request.owner != name.owner) {
      fields.Complain(path, Quoted(in.waiver().capacity_request()),
                      "a request of the agreement's owner");
    }
  }
  if (!in.waiver().provider().empty())
    grant.provider = fields.Provider(Path(at, "provider"), in.waiver().provider());
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, GrantWaiver{std::move(grant)}};
}

absl::StatusOr<Command> Parse(const v1::RevokeWaiverRequest& in) {
  Fields fields;
  const ClauseName name = ParseClauseName(fields, "name", in.name(), kWaivers);
  RevokeWaiver revoke{name.agreement, name.clause,
                      fields.Text("text", in.text(), 0, kLongestReason)};
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, std::move(revoke)};
}

absl::StatusOr<Command> Parse(const v1::AssertTriggerRequest& in) {
  Fields fields;
  AssertTrigger assertion;
  if (!in.evidence().empty()) assertion.evidence = fields.Sha256("evidence", in.evidence());
  return ReadTriggerAct(fields, in, std::move(assertion), 1);
}
absl::StatusOr<Command> Parse(const v1::DisputeTriggerRequest& in) {
  Fields fields;
  return ReadTriggerAct(fields, in, DisputeTrigger{}, 1);
}
absl::StatusOr<Command> Parse(const v1::ResolveDisputeRequest& in) {
  Fields fields;
  return ReadTriggerAct(fields, in, ResolveDispute{.upheld = in.upheld()}, 1);
}
absl::StatusOr<Command> Parse(const v1::AttestTriggerRequest& in) {
  Fields fields;
  AttestTrigger attest;
  if (in.has_measure()) attest.measure = fields.Money("measure", in.measure());
  return ReadTriggerAct(fields, in, std::move(attest), 0);
}
absl::StatusOr<Command> Parse(const v1::WithdrawTriggerRequest& in) {
  Fields fields;
  return ReadTriggerAct(fields, in, WithdrawTrigger{}, 0);
}

absl::StatusOr<BesideQuery> Parse(const v1::ListWaiversRequest& in) { return ReadBeside(in); }
absl::StatusOr<BesideQuery> Parse(const v1::ListTriggersRequest& in) { return ReadBeside(in); }

absl::StatusOr<ClauseName> Parse(const v1::GetCommitmentStatementRequest& in) {
  Fields fields;
  ClauseName name = ParseClauseName(fields, "name", in.name(), kCommitments);
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return name;
}

absl::StatusOr<EntriesQuery> Parse(const v1::ListCommitmentEntriesRequest& in) {
  Fields fields;
  ClauseName name = ParseClauseName(fields, "parent", in.parent(), kCommitments);
  EntriesQuery query{std::move(name.owner),
                     std::move(name.agreement),
                     std::move(name.clause),
                     {fields.PageSize(in.page_size()), in.page_token()}};
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

}  // namespace capbroker
