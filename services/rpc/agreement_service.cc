#include "services/rpc/agreement_service.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/agreements/difference.h"
#include "broker/deciding/decide.h"
#include "broker/deciding/lint.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/messages/errors.h"
#include "services/messages/fields.h"
#include "services/messages/place_token.h"
#include "services/messages/render.h"
#include "services/rpc/reading.h"

namespace capbroker {
namespace {

// Translates the fields of Decide to those of the message, in which the holder is outside of the
// version.
absl::Status Explain(const AgreementVersion& version, const std::string& field,
                     const absl::Status& status) {
  if (FieldOf(status) == "holder") {
    return Invalid("agreement.holder", Quoted(FullName(version.holder)), "a registered provider");
  }
  return Under(field, status);
}

// What recording this version would be refused with, beside what Lint finds: such as a time before
// the latest version's. Nothing for the latest version itself, which may be recorded again.
std::optional<Finding> RefusalBy(const AgreementVersion& version, const OwnerId& owner,
                                 const Account& account, const Directory& directory, Instant now) {
  if (const AgreementVersion* latest = account.Latest(version.agreement)) {
    AgreementVersion again = version;
    again.version = latest->version;
    again.effective_to = latest->effective_to;
    if (again == *latest) return std::nullopt;
  }
  Book book;
  book.owner = owner;
  book.account = account;
  const absl::Status refusal =
      Decide(book, directory, {owner, {Role::kOperator, "lint"}, ActivateAgreement{version}}, now)
          .status();
  if (refusal.ok()) return std::nullopt;
  std::string text(View(refusal.message())), field = FieldOf(refusal);
  if (text.starts_with(field + ": ")) text.erase(0, field.size() + 2);
  return Finding{Severity::kError, "REFUSED", std::move(field), std::move(text), refusal};
}

}  // namespace

absl::Status AgreementService::RenderOutcome(const AgreementName& name, const Outcome& outcome,
                                             v1::Agreement* out) {
  const Instant now = backend_.clock.Now();
  for (size_t i = 0; outcome.act != nullptr && i < outcome.act->decisions.size(); ++i) {
    const Decision& decision = outcome.act->decisions[i];
    if (decision.kind != Kind::AGREEMENT_ACTIVATED) continue;
    Render(name.owner, {}, *decision.agreement, now, out);
    return absl::OkStatus();
  }
  const absl::StatusOr<Account> account = ReadAgreements(backend_.ledger, name.owner);
  if (!account.ok()) return account.status();
  const AgreementVersion* latest = account->Latest(name.agreement);
  if (latest == nullptr) return NoSuch(FullName(name));
  Render(name.owner, *account, *latest, now, out);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* AgreementService::CreateAgreement(Context* context,
                                                            const v1::CreateAgreementRequest* in,
                                                            v1::Agreement* out) {
  auto* call = new Call(backend_, context, Method::kCreateAgreement);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  AgreementVersion& version = std::get<ActivateAgreement>(command->what).version;
  if (!version.effective_from.IsSet()) version.effective_from = backend_.clock.Now();
  const AgreementName name{command->owner, version.agreement};
  return call->SubmitThenRead(
      *std::move(command), *in,
      [=, this, version = version](absl::StatusOr<Outcome> outcome) -> absl::Status {
        if (ReasonOf(outcome.status()) == "VERSION_CONFLICT") {
          return Refuse(absl::StatusCode::kAlreadyExists, "RESOURCE_EXISTS",
                        Cat(FullName(name), " exists and says otherwise"),
                        {{"name", FullName(name)}});
        }
        if (!outcome.ok()) return Explain(version, "first_version", outcome.status());
        return RenderOutcome(name, *outcome, out);
      });
}

grpc::ServerUnaryReactor* AgreementService::AmendAgreement(Context* context,
                                                           const v1::AmendAgreementRequest* in,
                                                           v1::Agreement* out) {
  auto* call = new Call(backend_, context, Method::kAmendAgreement);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  const OwnerId owner = command->owner;
  auto* const reactor = call->reactor();
  // The message of a later version does not repeat the holder, which is that of the first version.
  // It can be read here before the command is decided, because it never changes.
  backend_.sequencer.ReadAccount(
      owner, [=, this, command = *std::move(command)](
                 absl::StatusOr<std::shared_ptr<const Account>> account) mutable {
        if (!account.ok()) return (void)call->End(account.status());
        AgreementVersion& version = std::get<ActivateAgreement>(command.what).version;
        const AgreementName name{owner, version.agreement};
        const AgreementVersion* latest =
            *account == nullptr ? nullptr : (*account)->Latest(version.agreement);
        if (latest == nullptr) return (void)call->End(NoSuch(FullName(name)));
        version.holder = latest->holder;
        if (!version.effective_from.IsSet()) version.effective_from = backend_.clock.Now();
        call->SubmitThenRead(
            std::move(command), *in,
            [=, this, version = version](absl::StatusOr<Outcome> outcome) -> absl::Status {
              if (FieldOf(outcome.status()) == "version") {
                return Invalid("base_version", Cat(version.version - 1),
                               "the newest version's number, or 0");
              }
              if (!outcome.ok()) return Explain(version, "next_version", outcome.status());
              return RenderOutcome(name, *outcome, out);
            });
      });
  return reactor;
}

grpc::ServerUnaryReactor* AgreementService::TerminateAgreement(
    Context* context, const v1::TerminateAgreementRequest* in, v1::Agreement* out) {
  auto* call = new Call(backend_, context, Method::kTerminateAgreement);
  absl::StatusOr<Command> command = call->Admit(*in);
  if (!command.ok()) return call->End(command.status());
  const AgreementName name{command->owner,
                           std::get<capbroker::TerminateAgreement>(command->what).agreement};
  return call->SubmitThenRead(*std::move(command), *in,
                              [=, this](absl::StatusOr<Outcome> outcome) -> absl::Status {
                                if (outcome.ok()) return RenderOutcome(name, *outcome, out);
                                if (absl::IsNotFound(outcome.status())) return NoSuch(in->name());
                                return outcome.status();
                              });
}

grpc::ServerUnaryReactor* AgreementService::GetAgreement(Context* context,
                                                         const v1::GetAgreementRequest* in,
                                                         v1::Agreement* out) {
  auto* call = new Call(backend_, context, Method::kGetAgreement);
  absl::StatusOr<AgreementName> name = call->Admit(*in);
  if (!name.ok()) return call->End(name.status());
  return call->Read([=, this, name = *std::move(name)]() -> absl::Status {
    const absl::StatusOr<Account> account = ReadAgreements(backend_.ledger, name.owner);
    if (!account.ok()) return account.status();
    const AgreementVersion* latest = account->Latest(name.agreement);
    if (latest == nullptr || !MaySee(call->caller(), *latest)) return NoSuch(FullName(name));
    Render(name.owner, *account, *latest, backend_.clock.Now(), out);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AgreementService::ListAgreements(Context* context,
                                                           const v1::ListAgreementsRequest* in,
                                                           v1::ListAgreementsResponse* out) {
  auto* call = new Call(backend_, context, Method::kListAgreements);
  absl::StatusOr<AgreementsQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const std::string list = Cat("agreements of ", query.owner.value);
    const absl::StatusOr<std::string> after = PlaceOf(list, query.page.token);
    if (!after.ok()) return after.status();
    const absl::StatusOr<Account> account = ReadAgreements(backend_.ledger, query.owner);
    if (!account.ok()) return account.status();
    std::map<AgreementId, const AgreementVersion*> latest;
    for (const auto& version : account->agreements) latest[version->agreement] = version.get();
    size_t bytes = 0;
    for (auto it = latest.upper_bound(AgreementId{*after}); it != latest.end(); ++it) {
      if (!MaySee(call->caller(), *it->second)) continue;
      if (out->agreements_size() == static_cast<int>(query.page.size) || bytes >= kMessageBytes) {
        const std::string& last = out->agreements(out->agreements_size() - 1).name();
        out->set_next_page_token(PlaceToken(list, last.substr(last.rfind('/') + 1)));
        break;
      }
      v1::Agreement* added = out->add_agreements();
      Render(query.owner, *account, *it->second, backend_.clock.Now(), added);
      bytes += added->ByteSizeLong();
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AgreementService::ListAgreementVersions(
    Context* context, const v1::ListAgreementVersionsRequest* in,
    v1::ListAgreementVersionsResponse* out) {
  auto* call = new Call(backend_, context, Method::kListAgreementVersions);
  absl::StatusOr<VersionsQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const AgreementName name{query.owner, query.agreement};
    const std::string list = Cat("versions of ", FullName(name));
    const absl::StatusOr<std::string> before = PlaceOf(list, query.page.token);
    if (!before.ok()) return before.status();
    const absl::StatusOr<Account> account = ReadAgreements(backend_.ledger, query.owner);
    if (!account.ok()) return account.status();
    const AgreementVersion* latest = account->Latest(query.agreement);
    if (latest == nullptr || !MaySee(call->caller(), *latest)) return NoSuch(FullName(name));
    const uint32_t first =
        before->empty() ? latest->version : ParseNumber<uint32_t>(*before).value_or(1) - 1;
    size_t bytes = 0;
    for (uint32_t number = first; number > 0; --number) {
      if (out->agreement_versions_size() == static_cast<int>(query.page.size) ||
          bytes >= kMessageBytes) {
        out->set_next_page_token(PlaceToken(list, Cat(number + 1)));
        break;
      }
      const AgreementVersion* version = account->Find(query.agreement, number);
      if (version == nullptr) continue;
      v1::AgreementVersion* added = out->add_agreement_versions();
      Render(*account, *version, backend_.clock.Now(), added);
      bytes += added->ByteSizeLong();
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AgreementService::CompareAgreementVersions(
    Context* context, const v1::CompareAgreementVersionsRequest* in,
    v1::CompareAgreementVersionsResponse* out) {
  auto* call = new Call(backend_, context, Method::kCompareAgreementVersions);
  absl::StatusOr<ComparisonQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const std::string name = FullName(AgreementName{query.owner, query.agreement});
    const absl::StatusOr<Account> account = ReadAgreements(backend_.ledger, query.owner);
    if (!account.ok()) return account.status();
    const AgreementVersion* latest = account->Latest(query.agreement);
    if (latest == nullptr || !MaySee(call->caller(), *latest)) return NoSuch(name);
    const AgreementVersion* from = account->Find(query.agreement, query.from);
    const AgreementVersion* to = account->Find(query.agreement, query.to);
    if (from == nullptr || to == nullptr) {
      return NoSuch(Cat("version ", from == nullptr ? query.from : query.to, " of ", name));
    }
    for (std::string& sentence : DifferenceInWords(*from, *to))
      *out->add_differences() = std::move(sentence);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AgreementService::LintAgreement(Context* context,
                                                          const v1::LintAgreementRequest* in,
                                                          v1::LintAgreementResponse* out) {
  auto* call = new Call(backend_, context, Method::kLintAgreement);
  absl::StatusOr<LintQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const absl::StatusOr<Account> account = ReadAccount(backend_.ledger, query.owner);
    if (!account.ok()) return account.status();
    const absl::StatusOr<std::shared_ptr<const Directory>> directory = backend_.registry.Read();
    if (!directory.ok()) return directory.status();
    AgreementVersion version = query.version;
    const AgreementVersion* latest = account->Latest(version.agreement);
    if (version.holder.empty() && latest == nullptr) {
      return Invalid("holder", "nothing", "the holder: there is no such agreement yet");
    }
    if (version.holder.empty()) version.holder = latest->holder;
    version.version = latest == nullptr ? 1 : latest->version + 1;
    if (!version.effective_from.IsSet()) version.effective_from = backend_.clock.Now();
    if (absl::Status status = Validate(version); !status.ok()) {
      return Under("version", status);
    }
    std::vector<Finding> findings = Lint(version, query.owner, *account, **directory);
    if (RefusalOf(findings).ok()) {
      if (std::optional<Finding> refusal =
              RefusalBy(version, query.owner, *account, **directory, backend_.clock.Now()))
        findings.push_back(*std::move(refusal));
    }
    for (const Finding& finding : findings) Render(finding, out->add_findings());
    return absl::OkStatus();
  });
}

}  // namespace capbroker
