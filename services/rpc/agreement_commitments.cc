// Commitments (R21): statements and their entries.
#include <utility>

#include "broker/trail/canonical.h"
#include "broker/trail/commitment.h"
#include "broker/values/text.h"
#include "services/messages/place_token.h"
#include "services/messages/render.h"
#include "services/messages/render_values.h"
#include "services/rpc/agreement_service.h"
#include "services/rpc/reading.h"

namespace capbroker {
namespace {

// Acts that are searched for one page; the caller continues with the page token.
constexpr size_t kMostSearched = 20'000;
constexpr uint32_t kActsAtOnce = 1'000;

// Whether the act may contain an entry: searching the text is cheaper than decoding it.
bool MayMove(std::string_view text) {
  return text.find("\"COMMITMENT_") != text.npos ||
         text.find("\"AGREEMENT_ACTIVATED\"") != text.npos;
}

// The first version that has the commitment, whose activation is the promise; 0 if none has it.
uint32_t FirstVersion(const Account& account, const ClauseName& name) {
  uint32_t first = 0;
  for (const auto& version : account.agreements) {
    const Clause* clause =
        version->agreement == name.agreement ? FindClause(*version, name.clause) : nullptr;
    if (clause == nullptr || As<CommitmentClause>(*clause) == nullptr) continue;
    if (first == 0 || version->version < first) first = version->version;
  }
  return first;
}

// The amount that the decision moved; unset if it is not about this commitment.
Money Moved(const Decision& decision, const ClauseName& name, uint32_t first_version) {
  if (decision.kind == Kind::AGREEMENT_ACTIVATED) {
    const AgreementVersion& version = *decision.agreement;
    if (version.agreement != name.agreement || version.version != first_version) return {};
    return As<CommitmentClause>(*FindClause(version, name.clause))->amount;
  }
  if (!NameOf(decision.kind).starts_with("COMMITMENT_")) return {};
  const bool same =
      decision.clause.agreement == name.agreement && decision.clause.clause == name.clause;
  return same ? decision.amount : Money{};
}

void AddEntries(const Act& act, const ClauseName& name, uint32_t first_version,
                v1::ListCommitmentEntriesResponse* out) {
  for (const Decision& decision : act.decisions) {
    const Money amount = Moved(decision, name, first_version);
    if (!amount.IsSet()) continue;
    v1::CommitmentEntry* entry = out->add_entries();
    entry->set_kind(std::string(NameOf(decision.kind)));
    Render(amount, entry->mutable_amount());
    if (act.request.IsSet())
      entry->set_capacity_request(FullName(RequestName{act.owner, act.request}));
    Render(act.time, entry->mutable_time());
    entry->set_sequence(static_cast<int64_t>(act.sequence));
  }
}

}  // namespace

grpc::ServerUnaryReactor* AgreementService::GetCommitmentStatement(
    Context* context, const v1::GetCommitmentStatementRequest* in, v1::CommitmentStatement* out) {
  auto* call = new Call(backend_, context, Method::kGetCommitmentStatement);
  absl::StatusOr<ClauseName> name = call->Admit(*in);
  if (!name.ok()) return call->End(name.status());
  return call->Read([=, this, name = *std::move(name)]() -> absl::Status {
    const absl::StatusOr<Account> account = ReadAccount(backend_.ledger, name.owner);
    if (!account.ok()) return account.status();
    const AgreementVersion* latest = account->Latest(name.agreement);
    const Instant now = backend_.clock.Now();
    const CommitmentStatement statement =
        StatementOf(*account, {name.agreement, 0, name.clause}, now);
    if (latest == nullptr || !MaySee(call->caller(), *latest) || !statement.clause.IsSet()) {
      return NoSuch(FullName(name, kCommitments));
    }
    Render(name.owner, statement, now, out);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AgreementService::ListCommitmentEntries(
    Context* context, const v1::ListCommitmentEntriesRequest* in,
    v1::ListCommitmentEntriesResponse* out) {
  auto* call = new Call(backend_, context, Method::kListCommitmentEntries);
  absl::StatusOr<EntriesQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const ClauseName name{query.owner, query.agreement, query.clause};
    const std::string list = Cat("entries of ", FullName(name, kCommitments));
    const absl::StatusOr<std::string> place = PlaceOf(list, query.page.token);
    if (!place.ok()) return place.status();
    const absl::StatusOr<Account> account = ReadAgreements(backend_.ledger, query.owner);
    if (!account.ok()) return account.status();
    const AgreementVersion* latest = account->Latest(query.agreement);
    const uint32_t first = FirstVersion(*account, name);
    if (latest == nullptr || !MaySee(call->caller(), *latest) || first == 0) {
      return NoSuch(FullName(name, kCommitments));
    }
    TrailPart part{.name = {query.owner, {}},
                   .from = ParseNumber<uint64_t>(*place).value_or(0),
                   .limit = kActsAtOnce};
    for (size_t searched = 0;;) {
      const absl::StatusOr<std::vector<SealedAct>> acts = ReadTrail(backend_.ledger, part);
      if (!acts.ok()) return acts.status();
      for (const SealedAct& sealed : *acts) {
        // An act's entries are not split between pages.
        if (out->entries_size() >= static_cast<int>(query.page.size) || searched == kMostSearched) {
          out->set_next_page_token(PlaceToken(list, Cat(part.from)));
          return absl::OkStatus();
        }
        ++searched;
        part.from = sealed.sequence;
        if (!MayMove(sealed.text)) continue;
        const absl::StatusOr<Act> act = DecodeAct(sealed.text);
        if (!act.ok()) return act.status();
        AddEntries(*act, name, first, out);
      }
      if (acts->size() < part.limit) return absl::OkStatus();
    }
  });
}

}  // namespace capbroker
