#include "services/workload/desk_door.h"

#include <utility>

#include "services/client/local_clock.h"
#include "services/workload/desk_wire.h"

namespace capbroker {

// One call. Deletes itself when gRPC is done with it.
class DeskDoor::Visit final : public grpc::ServerUnaryReactor {
 public:
  Visit(DeskDoor& door, const v1::ConsiderOfferRequest& in, v1::ConsiderOfferResponse* out)
      : door_(door), response(out) {
    door_.loop_.Post([this, &door = door_, offer = in.offer(), anew = in.has_refusal()] {
      id_ = ++door.last_visit_;
      door.visits_[id_] = this;
      if (cancelled_) return door.Leave(id_);
      door.Come(id_, offer, anew);
    });
  }

 private:
  void OnCancel() override {
    door_.loop_.Post([this] {
      cancelled_ = true;
      if (id_ != 0) door_.Leave(id_);
    });
  }
  // On the loop, behind whatever OnCancel left there.
  void OnDone() override {
    door_.loop_.Post([this] { delete this; });
  }

  DeskDoor& door_;
  uint64_t id_ = 0;         // On the loop.
  bool cancelled_ = false;  // On the loop.

 public:
  v1::ConsiderOfferResponse* const response;
};

grpc::ServerUnaryReactor* DeskDoor::ConsiderOffer(grpc::CallbackServerContext*,
                                                  const v1::ConsiderOfferRequest* in,
                                                  v1::ConsiderOfferResponse* out) {
  return new Visit(*this, *in, out);
}

void DeskDoor::Come(uint64_t visit, const v1::Offer& offer, bool anew) {
  const auto [at, is_new] = entries_.try_emplace(offer.name());
  Entry& entry = at->second;
  entry.visits.push_back(visit);
  if (!is_new) ++totals_.repeats;
  if (anew && entry.choice) {  // The answer was not taken: it is thought about again.
    if (inventory_ && entry.choice->answer == DeskChoice::Answer::kAccept) {
      inventory_->Return(entry.choice->taking);
      entry.choice->taking.clear();
    }
    entry.choice.reset();
  } else if (!is_new) {
    if (entry.choice) Answer(entry, visit);
    return;  // Or when it has been thought about.
  }
  if (is_new) ++totals_.offers;
  const DeskDice::Throw thrown = dice_.Next();
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

void DeskDoor::Decide(const std::string& name) {
  Entry& entry = entries_.at(name);
  if (entry.choice) return;
  ReturnDelivered();
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
  for (const uint64_t visit : std::exchange(entry.visits, {})) Answer(entry, visit);
}

void DeskDoor::Answer(const Entry& entry, uint64_t id) {
  const auto found = visits_.find(id);
  if (found == visits_.end() || entry.choice->answer == DeskChoice::Answer::kSilence) return;
  Visit* const visit = found->second;
  visits_.erase(found);
  if (entry.choice->answer == DeskChoice::Answer::kAccept) {
    auto* accept = visit->response->mutable_accept();
    accept->set_terms_hash(entry.terms_hash);
    if (entry.choice->quantity < entry.question.quantity)
      accept->set_quantity(entry.choice->quantity);
  } else {
    *visit->response->mutable_decline() = DeclineOf(*entry.choice);
  }
  visit->Finish(grpc::Status::OK);
}

void DeskDoor::Leave(uint64_t id) {
  const auto found = visits_.find(id);
  if (found == visits_.end()) return;
  Visit* const visit = found->second;
  visits_.erase(found);
  visit->Finish(grpc::Status::CANCELLED);
}

void DeskDoor::ReturnDelivered() {
  const Instant now = LocalNow();
  while (!delivery_ends_.empty() && delivery_ends_.begin()->first <= now) {
    Entry& entry = entries_.at(delivery_ends_.begin()->second);
    if (inventory_ && entry.choice) inventory_->Return(std::exchange(entry.choice->taking, {}));
    delivery_ends_.erase(delivery_ends_.begin());
  }
}

}  // namespace capbroker
