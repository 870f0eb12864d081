#include "services/rpc/decision_service.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "broker/trail/canonical.h"
#include "broker/values/text.h"
#include "services/messages/render.h"
#include "services/rpc/call.h"
#include "services/rpc/reading.h"
#include "services/rpc/stream.h"
#include "storage/evidence.h"
#include "storage/page_token.h"

namespace capbroker {
namespace {

// A chunk of evidence is sent when it has this many bytes; its last act may exceed them.
constexpr size_t kPieceBytes = 256 * 1024;
constexpr uint32_t kActsAtOnce = 200;

// The acts that an owner may not read yet (R9): those with a bid of a sealed round that is open.
class OpenBids {
 public:
  OpenBids(Ledger& ledger, const Actor& caller)
      : ledger_(ledger), hides_(caller.role == Role::kOwner) {}

  absl::StatusOr<bool> AreIn(const SealedAct& sealed) {
    if (!hides_ || sealed.text.find("\"BID_RECEIVED\"") == std::string::npos) return false;
    const absl::StatusOr<Act> act = DecodeAct(sealed.text);
    if (!act.ok()) return act.status();
    auto known = requests_.find(sealed.request);
    if (known == requests_.end()) {
      absl::StatusOr<RequestBook> request = ReadRequest(ledger_, {sealed.owner, sealed.request});
      if (!request.ok()) return request.status();
      known = requests_.emplace(sealed.request, *std::move(request)).first;
    }
    return std::any_of(act->decisions.begin(), act->decisions.end(), [&](const Decision& decision) {
      const Offer* offer =
          decision.kind == Kind::BID_RECEIVED ? known->second.Find(decision.offer) : nullptr;
      return offer != nullptr && offer->state == OfferState::kOpen;
    });
  }

 private:
  Ledger& ledger_;
  const bool hides_;
  std::map<RequestId, RequestBook> requests_;  // As they are now.
};

void Withhold(v1::Act* act) {
  act->clear_body();
  for (v1::Decision& decision : *act->mutable_decisions()) {
    decision.clear_body();
    decision.clear_text();  // The text repeats it.
  }
}

class Evidence final : public Source<v1::ExportEvidenceResponse> {
 public:
  Evidence(Backend& backend, const Actor& caller, TrailName name)
      : backend_(backend),
        name_(std::move(name)),
        bids_(backend.ledger, caller),
        header_(EvidenceHeader(name_.owner, name_.request)) {}

  absl::StatusOr<Step> Next(v1::ExportEvidenceResponse* out) override {
    std::string* piece = out->mutable_chunk();
    *piece = std::exchange(header_, {});
    while (!ended_ && piece->size() < kPieceBytes) {
      const absl::StatusOr<std::vector<SealedAct>> acts =
          ReadEvidence(backend_.ledger, {.name = name_, .from = last_, .limit = kActsAtOnce});
      if (!acts.ok()) return acts.status();
      ended_ = acts->size() < kActsAtOnce;
      for (const SealedAct& act : *acts) {
        const absl::StatusOr<bool> withheld = bids_.AreIn(act);
        if (!withheld.ok()) return withheld.status();
        if (*withheld) {  // A file with a gap would not verify.
          ended_ = true;
          break;
        }
        *piece += EvidenceLine(act);
        last_ = act.sequence;
      }
    }
    return piece->empty() ? Step::kEnd : Step::kMessage;
  }
  bool IsReading() const override { return true; }

 private:
  Backend& backend_;
  const TrailName name_;
  OpenBids bids_;
  std::string header_;  // Empty once it was sent.
  uint64_t last_ = 0;
  bool ended_ = false;
};

}  // namespace

grpc::ServerUnaryReactor* DecisionService::ListDecisions(Context* context,
                                                         const v1::ListDecisionsRequest* in,
                                                         v1::ListDecisionsResponse* out) {
  auto* call = new Call(backend_, context, Method::kListDecisions);
  absl::StatusOr<DecisionsQuery> query = call->Admit(*in);
  if (!query.ok()) return call->End(query.status());
  return call->Read([=, this, query = *std::move(query)]() -> absl::Status {
    const std::string list =
        Cat("acts of ", query.owner.value, " ", query.request.IsSet() ? Format(query.request) : "",
            query.newest_first ? " newest" : " oldest");
    const absl::StatusOr<uint64_t> place = ParseNumberToken(list, query.page.token);
    if (!place.ok()) return place.status();
    TrailPart part{{query.owner, query.request}, *place, query.newest_first};
    size_t bytes = 0;
    OpenBids bids(backend_.ledger, call->caller());
    for (uint32_t left = query.page.size;;) {
      // One more than the page, to know whether there is a next one.
      part.limit = std::min(left, kRowsAtOnce) + 1;
      const absl::StatusOr<std::vector<SealedAct>> acts = ReadTrail(backend_.ledger, part);
      if (!acts.ok()) return acts.status();
      for (size_t i = 0; i < acts->size(); ++i) {
        const bool full = left == 0 || bytes >= kMessageBytes;
        if (full) out->set_next_page_token(NumberToken(list, part.from));
        if (full) return absl::OkStatus();
        v1::Act* added = out->add_acts();
        if (absl::Status status = Render((*acts)[i], added); !status.ok()) return status;
        const absl::StatusOr<bool> withheld = bids.AreIn((*acts)[i]);
        if (!withheld.ok()) return withheld.status();
        if (*withheld) Withhold(added);
        bytes += added->ByteSizeLong();
        part.from = (*acts)[i].sequence;
        --left;
      }
      if (acts->size() < part.limit) return absl::OkStatus();
    }
  });
}

grpc::ServerWriteReactor<v1::ExportEvidenceResponse>* DecisionService::ExportEvidence(
    Context* context, const v1::ExportEvidenceRequest* in) {
  return Stream<v1::ExportEvidenceResponse>::Open(
      backend_, context, Method::kExportEvidence, *in,
      [this](TrailName name, const Actor& caller, const std::function<void()>&) {
        return std::make_unique<Evidence>(backend_, caller, std::move(name));
      });
}

grpc::ServerUnaryReactor* DecisionService::GetCheckpoint(Context* context,
                                                         const v1::GetCheckpointRequest* in,
                                                         v1::Checkpoint* out) {
  auto* call = new Call(backend_, context, Method::kGetCheckpoint);
  absl::StatusOr<TrailName> name = call->Admit(*in);
  if (!name.ok()) return call->End(name.status());
  return call->Read([=, this, name = *std::move(name)]() -> absl::Status {
    const absl::StatusOr<std::optional<BookRow>> book = backend_.ledger.ReadBook(name.owner);
    if (!book.ok()) return book.status();
    Render(name.owner, book->has_value() ? &**book : nullptr, out);
    return absl::OkStatus();
  });
}

}  // namespace capbroker
