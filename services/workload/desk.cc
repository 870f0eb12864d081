#include "services/workload/desk.h"

#include <grpcpp/channel.h>

#include <algorithm>
#include <utility>

#include "broker/values/ids.h"
#include "broker/values/text.h"
#include "services/client/async_call.h"
#include "services/client/client.h"

namespace capbroker {
namespace {

constexpr int kPageSize = 1000;

bool IsTaken(const v1::Offer& offer) {
  return offer.state() == v1::Offer::STATE_ACCEPTED ||
         offer.state() == v1::Offer::STATE_PARTIALLY_ACCEPTED;
}

// Whether the owner may use what the offer led to.
bool IsPlaced(const v1::Offer& offer) {
  return offer.allocation_state() == v1::Allocation::STATE_HELD ||
         offer.allocation_state() == v1::Allocation::STATE_CONFIRMED;
}

}  // namespace

std::string CodeAndReason(const grpc::Status& status) {
  if (status.ok()) return "";
  const std::string reason = Explain(status).reason;
  return Cat(absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code())),
             reason.empty() ? "" : " ", reason);
}

Desk::Desk(EventLoop& loop, std::shared_ptr<grpc::Channel> channel, DeskOptions options,
           Journal* journal)
    : loop_(loop),
      options_(std::move(options)),
      journal_(journal),
      channel_(std::move(channel)),
      stub_(v1::OfferService::NewStub(channel_)),
      transport_(MakeProviderTransport(loop_, channel_, options_.client,
                                       Cat("providers/", options_.provider), options_.session)),
      sampler_(options_.script, options_.seed),
      watch_(loop_, channel_) {
  watch_.open = [this] { OpenWatch(); };
}

void Desk::Start(std::function<void()> synced) { watch_.Start(std::move(synced)); }

void Desk::Stop() {
  watch_.Stop();
  transport_->Close();
}

void Desk::OpenWatch() {
  totals_.resumed = watch_.opened() - 1;
  counted_ = !options_.count_standing;
  deferred_.clear();
  shown_.clear();
  transport_->Subscribe([this](const ProviderTransport::Update& message) { OnMessage(message); },
                        [this](const grpc::Status& status) { watch_.OnEnd(status); });
}

void Desk::OnMessage(const ProviderTransport::Update& message) {
  if (watch_.is_stopping()) return;
  if (counted_) return HandleUpdate(message);
  // The first message shows that the watch follows changes. What was placed is read after it, so
  // that nothing is missed in between; until it is read, updates wait.
  if (deferred_.empty()) ReadPlaced("", watch_.opened());
  deferred_.push_back(message);
}

void Desk::ReadPlaced(const std::string& page_token, int64_t watch, int attempt) {
  if (watch_.is_stopping() || watch != watch_.opened()) return;
  v1::ListOffersRequest request;
  request.set_parent(Cat("providers/", options_.provider));
  request.add_states(v1::Offer::STATE_ACCEPTED);
  request.add_states(v1::Offer::STATE_PARTIALLY_ACCEPTED);
  request.set_page_size(kPageSize);
  request.set_page_token(page_token);
  StartCall(loop_, stub_->async(), &AsyncOf<v1::OfferService::Stub>::ListOffers,
            NewContext(options_.client), std::move(request),
            [this, watch, attempt, page_token](const grpc::Status& status,
                                               const v1::ListOffersResponse& page) {
              OnPlaced(status, page, watch, attempt, page_token);
            });
}

void Desk::OnPlaced(const grpc::Status& status, const v1::ListOffersResponse& page, int64_t watch,
                    int attempt, const std::string& page_token) {
  if (watch_.is_stopping() || watch != watch_.opened())
    return;  // This watch has ended; the next one reads anew.
  if (!status.ok()) {
    if (!IsRetryable(status)) return watch_.Fail(status);
    loop_.PostAfter(RetryBackoff(attempt),
                    [=, this] { ReadPlaced(page_token, watch, attempt + 1); });
    return;
  }
  for (const v1::Offer& offer : page.offers()) KeepAccount(offer);
  if (!page.next_page_token().empty()) return ReadPlaced(page.next_page_token(), watch);
  counted_ = true;
  for (const ProviderTransport::Update& message : std::exchange(deferred_, {}))
    HandleUpdate(message);
}

void Desk::HandleUpdate(const ProviderTransport::Update& message) {
  for (const v1::Offer& offer : message.offers()) OnOffer(offer);
  if (message.synced()) OnSynced();
}

void Desk::OnOffer(const v1::Offer& offer) {
  if (!watch_.is_synced()) shown_.insert(offer.name());
  const auto found = entries_.find(offer.name());
  if (offer.state() != v1::Offer::STATE_OPEN) {
    KeepAccount(offer);
    if (found == entries_.end()) return;
    found->second.ended = true;
    if (found->second.phase != Phase::kAnswering) entries_.erase(found);
    return;
  }
  if (found != entries_.end()) return;  // A later deadline does not change an answer.
  ++totals_.offers;
  Entry& entry = entries_[offer.name()];
  const StepSampler::Draw thrown = sampler_.Next();
  entry.step = thrown.step;
  entry.question = QuestionOf(offer);
  entry.terms_hash = offer.terms_hash();
  entry.delivery_end = DeliveryEnd(offer);
  // The key is derived from the offer: this process and the next send the same command for it.
  entry.request_id = Cat("desk-", Hex(Sha256(offer.name())));
  if (thrown.latency > Span{}) {
    loop_.PostAfter(thrown.latency, [this, name = offer.name()] { Decide(name); });
  } else {
    Decide(offer.name());
  }
}

// Brings the inventory reserved for an ended offer in line with the offer's allocation.
void Desk::KeepAccount(const v1::Offer& offer) {
  // A broker that does not report allocations leaves an acceptance as it is.
  const bool is_told = offer.allocation_state() != v1::Allocation::STATE_UNSPECIFIED;
  if (!IsTaken(offer) || (is_told && !IsPlaced(offer))) return ReleaseInventory(offer.name());
  if (!options_.count_standing || !IsPlaced(offer) || given_.contains(offer.name())) return;
  const Instant end = DeliveryEnd(offer);
  if (end <= LocalNow()) return;
  Inventory::Reservation reservation;
  if (options_.inventory) {
    // When less is free than was placed, all that is free counts as reserved.
    const Inventory::Models models = ModelsAdmitted(QuestionOf(offer).conditions);
    const int64_t part = std::min(offer.accepted_quantity(), options_.inventory->Free(models));
    if (part > 0) reservation = options_.inventory->Reserve(models, part).value();
  }
  given_[offer.name()] = {std::move(reservation), offer.accepted_quantity(),
                          delivery_ends_.emplace(end, offer.name())};
  totals_.standing += offer.accepted_quantity();
}

void Desk::OnSynced() {
  // Offers that the present state does not show have ended. Reservations stay; for an answer in
  // flight, its reply decides.
  absl::erase_if(entries_, [this](auto& item) {
    if (shown_.contains(item.first)) return false;
    item.second.ended = true;
    return item.second.phase != Phase::kAnswering;
  });
  shown_.clear();
  watch_.OnSynced();
}

void Desk::Decide(const std::string& name) {
  const auto found = entries_.find(name);
  if (watch_.is_stopping() || found == entries_.end() || found->second.phase != Phase::kThinking)
    return;
  Entry& entry = found->second;
  ReleaseDelivered();
  Inventory* inventory = options_.inventory ? &*options_.inventory : nullptr;
  entry.choice = Choose(entry.step, entry.question, inventory);
  if (entry.choice.answer == DeskChoice::Answer::kSilence) {
    entry.phase = Phase::kAnswered;
    ++totals_.silent;
    on_event({.offer = name,
              .answer = entry.choice.answer,
              .asked = entry.question.quantity,
              .error = {}});
    return;
  }
  if (entry.choice.answer == DeskChoice::Answer::kAccept) {
    given_[name] = {entry.choice.reservation, entry.choice.quantity,
                    delivery_ends_.emplace(entry.delivery_end, name)};
  }
  entry.phase = Phase::kAnswering;
  entry.sent_micros = EventLoop::NowMicros();
  Send(name);
}

void Desk::Send(const std::string& name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  ++entry.attempt;
  const bool accept = entry.choice.answer == DeskChoice::Answer::kAccept;
  if (journal_ != nullptr) {
    journal_->Sent({accept ? "AcceptOffer" : "DeclineOffer", Cat("provider/", options_.provider),
                    entry.request_id, name, entry.attempt});
  }
  auto done = [this, name](const grpc::Status& status, v1::Offer::State state) {
    OnAnswered(name, status, state);
  };
  if (accept) {
    v1::AcceptOfferRequest request;
    request.set_name(name);
    request.set_request_id(entry.request_id);
    request.set_terms_hash(entry.terms_hash);
    if (entry.choice.quantity < entry.question.quantity)
      request.set_quantity(entry.choice.quantity);
    transport_->Send(request, std::move(done));
  } else {
    v1::DeclineOfferRequest request;
    request.set_name(name);
    request.set_request_id(entry.request_id);
    *request.mutable_decline() = DeclineOf(entry.choice);
    transport_->Send(request, std::move(done));
  }
}

void Desk::OnAnswered(const std::string& name, const grpc::Status& status, v1::Offer::State state) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  const bool accept = entry.choice.answer == DeskChoice::Answer::kAccept;
  const std::string code = CodeAndReason(status);
  if (journal_ != nullptr) {
    journal_->Answered({accept ? "AcceptOffer" : "DeclineOffer",
                        Cat("provider/", options_.provider), entry.request_id, name, entry.attempt},
                       status.ok() ? "OK" : code, status.ok() ? v1::Offer::State_Name(state) : "");
  }
  if (IsRetryable(status) && !watch_.is_stopping()) {
    // The answer may or may not have been recorded: only the same command again tells, even for an
    // offer that has ended meanwhile.
    ++totals_.repeats;
    loop_.PostAfter(RetryBackoff(entry.attempt - 1), [this, name] {
      ResetBackoff(*channel_);
      Send(name);
    });
    return;
  }
  entry.phase = Phase::kAnswered;
  if (!status.ok()) {
    ++totals_.errors[code];
    // After an unknown outcome the reservation stays, so that nothing is promised twice.
    if (!IsRetryable(status)) ReleaseInventory(name);
  } else if (accept) {
    ++(entry.choice.quantity == entry.question.quantity ? totals_.accepted : totals_.partial);
    totals_.quantity += entry.choice.quantity;
  } else {
    ++totals_.declined;
  }
  on_event({.offer = name,
            .answer = entry.choice.answer,
            .asked = entry.question.quantity,
            .quantity = accept && status.ok() ? entry.choice.quantity : 0,
            .reason = entry.choice.reason,
            .error = code,
            .micros = EventLoop::NowMicros() - entry.sent_micros});
  // The entry stays until the watch shows the offer's end; otherwise an older message could have it
  // answered again.
  if (entry.ended) entries_.erase(found);
}

void Desk::ReleaseInventory(const std::string& offer) {
  const auto found = given_.find(offer);
  if (found == given_.end()) return;
  if (options_.inventory) options_.inventory->Release(found->second.reservation);
  totals_.returned += found->second.quantity;
  delivery_ends_.erase(found->second.end);
  given_.erase(found);
}

void Desk::ReleaseDelivered() {
  const Instant now = LocalNow();
  while (!delivery_ends_.empty() && delivery_ends_.begin()->first <= now) {
    ReleaseInventory(std::string(delivery_ends_.begin()->second));
  }
}

}  // namespace capbroker
