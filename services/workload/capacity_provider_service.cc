#include "services/workload/capacity_provider_service.h"

#include <utility>

#include "services/client/client.h"

namespace capbroker {

// One call. It deletes itself when gRPC has finished with it.
class CapacityProviderService::PendingCall final : public grpc::ServerUnaryReactor {
 public:
  PendingCall(CapacityProviderService& service, const v1::ConsiderOfferRequest& in,
              v1::ConsiderOfferResponse* out)
      : service_(service), response(out) {
    service_.loop_.Post([this, &service = service_, offer = in.offer(), anew = in.has_refusal()] {
      id_ = ++service.last_call_;
      service.pending_[id_] = this;
      if (cancelled_) return service.Abandon(id_);
      service.OnOffer(id_, offer, anew);
    });
  }

 private:
  void OnCancel() override {
    service_.loop_.Post([this] {
      cancelled_ = true;
      if (id_ != 0) service_.Abandon(id_);
    });
  }
  // Posted to the loop, after whatever OnCancel posted.
  void OnDone() override {
    service_.loop_.Post([this] { delete this; });
  }

  CapacityProviderService& service_;
  uint64_t id_ = 0;         // Used on the loop.
  bool cancelled_ = false;  // Used on the loop.

 public:
  v1::ConsiderOfferResponse* const response;
};

grpc::ServerUnaryReactor* CapacityProviderService::ConsiderOffer(grpc::CallbackServerContext*,
                                                                 const v1::ConsiderOfferRequest* in,
                                                                 v1::ConsiderOfferResponse* out) {
  return new PendingCall(*this, *in, out);
}

void CapacityProviderService::OnOffer(uint64_t call, const v1::Offer& offer, bool anew) {
  const auto [at, is_new] = entries_.try_emplace(offer.name());
  Entry& entry = at->second;
  entry.calls.push_back(call);
  if (!is_new) ++totals_.repeats;
  if (anew && entry.choice) {  // The broker refused the last answer: the desk thinks again.
    if (inventory_ && entry.choice->answer == DeskChoice::Answer::kAccept) {
      inventory_->Release(entry.choice->reservation);
      entry.choice->reservation.clear();
    }
    entry.choice.reset();
  } else if (!is_new) {
    if (entry.choice) Answer(entry, call);
    return;  // Otherwise it waits for the answer.
  }
  if (is_new) ++totals_.offers;
  const StepSampler::Draw thrown = sampler_.Next();
  entry.step = thrown.step;
  entry.question = QuestionOf(offer);
  entry.delivery_end = DeliveryEnd(offer);
  entry.terms_hash = offer.terms_hash();
  if (thrown.latency > Span{}) {
    loop_.PostAfter(thrown.latency, [this, name = offer.name()] { Decide(name); });
  } else {
    Decide(offer.name());
  }
}

void CapacityProviderService::Decide(const std::string& name) {
  Entry& entry = entries_.at(name);
  if (entry.choice) return;
  ReleaseDelivered();
  entry.choice = Choose(entry.step, entry.question, inventory_ ? &*inventory_ : nullptr);
  const DeskChoice& choice = *entry.choice;
  const bool accept = choice.answer == DeskChoice::Answer::kAccept;
  if (accept) {
    ++(choice.quantity == entry.question.quantity ? totals_.accepted : totals_.partial);
    totals_.quantity += choice.quantity;
    delivery_ends_.emplace(entry.delivery_end, name);
  } else {
    ++(choice.answer == DeskChoice::Answer::kDecline ? totals_.declined : totals_.silent);
  }
  on_event({.offer = name,
            .answer = choice.answer,
            .asked = entry.question.quantity,
            .quantity = choice.quantity,
            .reason = choice.reason,
            .error = {}});
  for (const uint64_t call : std::exchange(entry.calls, {})) Answer(entry, call);
}

void CapacityProviderService::Answer(const Entry& entry, uint64_t id) {
  const auto found = pending_.find(id);
  if (found == pending_.end() || entry.choice->answer == DeskChoice::Answer::kSilence) return;
  PendingCall* const call = found->second;
  pending_.erase(found);
  if (entry.choice->answer == DeskChoice::Answer::kAccept) {
    auto* accept = call->response->mutable_accept();
    accept->set_terms_hash(entry.terms_hash);
    if (entry.choice->quantity < entry.question.quantity)
      accept->set_quantity(entry.choice->quantity);
  } else {
    *call->response->mutable_decline() = DeclineOf(*entry.choice);
  }
  call->Finish(grpc::Status::OK);
}

void CapacityProviderService::Abandon(uint64_t id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  PendingCall* const call = found->second;
  pending_.erase(found);
  call->Finish(grpc::Status::CANCELLED);
}

void CapacityProviderService::ReleaseDelivered() {
  const Instant now = LocalNow();
  while (!delivery_ends_.empty() && delivery_ends_.begin()->first <= now) {
    Entry& entry = entries_.at(delivery_ends_.begin()->second);
    if (inventory_ && entry.choice)
      inventory_->Release(std::exchange(entry.choice->reservation, {}));
    delivery_ends_.erase(delivery_ends_.begin());
  }
}

}  // namespace capbroker
