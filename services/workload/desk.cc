#include "services/workload/desk.h"

#include <grpcpp/channel.h>

#include <algorithm>
#include <utility>

#include "broker/values/ids.h"
#include "broker/values/text.h"
#include "services/client/local_clock.h"
#include "services/workload/desk_wire.h"

namespace capbroker {
namespace {

constexpr int kPageSize = 1000;

bool IsTaken(const v1::Offer& offer) {
  return offer.state() == v1::Offer::STATE_ACCEPTED ||
         offer.state() == v1::Offer::STATE_PARTIALLY_ACCEPTED;
}

// Whether what came of the offer is the owner's to use.
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

Desk::Desk(Loop& loop, std::shared_ptr<grpc::Channel> channel, DeskOptions options,
           Journal* journal)
    : loop_(loop),
      options_(std::move(options)),
      journal_(journal),
      channel_(std::move(channel)),
      stub_(v1::OfferService::NewStub(channel_)),
      link_(MakeDeskLink(loop_, channel_, options_.client, Cat("providers/", options_.provider),
                         options_.session)),
      dice_(options_.script, options_.seed) {}

void Desk::Start(std::function<void()> synced) {
  synced_ = std::move(synced);
  loop_.Post([this] { OpenWatch(); });
}

void Desk::Stop() {
  stopping_ = true;
  link_->Close();
}

void Desk::OpenWatch() {
  if (stopping_) return;
  ++watches_;
  counted_ = !options_.count_standing;
  kept_.clear();
  present_ = false;
  opened_micros_ = Loop::Micros();
  shown_.clear();
  link_->Open([this](const DeskLink::News& message) { OnMessage(message); },
              [this](const grpc::Status& status) { OnWatchEnd(status); });
}

void Desk::OnWatchEnd(const grpc::Status& status) {
  if (stopping_) return;
  // A watch that the broker ends in good order resumes as well: it has no end of its own.
  if (!status.ok() && !IsWorthRepeating(status)) return Fail(status);
  ++totals_.resumed;
  // A broker that is coming back may show the present state and end the watch again: only time
  // tells that it holds.
  if (Loop::Micros() - opened_micros_ > Backoff(failures_).micros) failures_ = 0;
  loop_.PostAfter(Backoff(failures_++), [this] {
    grpc::experimental::ChannelResetConnectionBackoff(
        channel_.get());  // The channel's own pauses grow to minutes.
    OpenWatch();
  });
}

void Desk::Fail(const grpc::Status& status) {
  failure_ = status;
  on_failure();
}

void Desk::OnMessage(const DeskLink::News& message) {
  if (stopping_) return;
  if (counted_) return Take(message);
  // The first message shows that the watch follows: what was placed is read after it, and nothing
  // is missed between. Until it is read, no offer is looked at.
  if (kept_.empty()) ReadPlaced("", watches_);
  kept_.push_back(message);
}

void Desk::ReadPlaced(const std::string& page_token, int64_t watch, int attempt) {
  if (stopping_ || watch != watches_) return;
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
  if (stopping_ || watch != watches_) return;  // Its watch has ended: the next one reads anew.
  if (!status.ok()) {
    if (!IsWorthRepeating(status)) return Fail(status);
    loop_.PostAfter(Backoff(attempt), [=, this] { ReadPlaced(page_token, watch, attempt + 1); });
    return;
  }
  for (const v1::Offer& offer : page.offers()) KeepAccount(offer);
  if (!page.next_page_token().empty()) return ReadPlaced(page.next_page_token(), watch);
  counted_ = true;
  for (const DeskLink::News& message : std::exchange(kept_, {})) Take(message);
}

void Desk::Take(const DeskLink::News& message) {
  for (const v1::Offer& offer : message.offers()) OnOffer(offer);
  if (message.synced()) OnSynced();
}

void Desk::OnOffer(const v1::Offer& offer) {
  if (!present_) shown_.insert(offer.name());
  const auto found = entries_.find(offer.name());
  if (offer.state() != v1::Offer::STATE_OPEN) {
    KeepAccount(offer);
    if (found == entries_.end()) return;
    found->second.ended = true;
    if (found->second.phase != Phase::kAnswering) entries_.erase(found);
    return;
  }
  if (found != entries_.end()) return;  // A later deadline changes no answer.
  ++totals_.offers;
  Entry& entry = entries_[offer.name()];
  const DeskDice::Throw thrown = dice_.Next();
  entry.step = thrown.step;
  entry.question = QuestionOf(offer);
  entry.terms_hash = offer.terms_hash();
  entry.delivery_end = DeliveryEnd(offer);
  // Named after the offer: whoever answers it again, this process or the next, sends the same
  // command.
  entry.request_id = Cat("desk-", Hex(Sha256(offer.name())));
  if (thrown.latency > Span{}) {
    loop_.PostAfter(thrown.latency, [this, name = offer.name()] { Decide(name); });
  } else {
    Decide(offer.name());
  }
}

// Brings what is taken for an offer that has ended in line with what came of it.
void Desk::KeepAccount(const v1::Offer& offer) {
  // A broker that does not tell of allocations leaves what was accepted as it is.
  const bool is_told = offer.allocation_state() != v1::Allocation::STATE_UNSPECIFIED;
  if (!IsTaken(offer) || (is_told && !IsPlaced(offer))) return GiveBack(offer.name());
  if (!options_.count_standing || !IsPlaced(offer) || given_.contains(offer.name())) return;
  const Instant end = DeliveryEnd(offer);
  if (end <= LocalNow()) return;
  Inventory::Taking taking;
  if (options_.inventory) {
    // Where less is left than was placed, there is none to promise: all that is left counts as
    // taken.
    const Inventory::Models models = ModelsAdmitted(QuestionOf(offer).conditions);
    const int64_t part = std::min(offer.accepted_quantity(), options_.inventory->Free(models));
    if (part > 0) taking = options_.inventory->Take(models, part).value();
  }
  given_[offer.name()] = {std::move(taking), offer.accepted_quantity(),
                          delivery_ends_.emplace(end, offer.name())};
  totals_.standing += offer.accepted_quantity();
}

void Desk::OnSynced() {
  present_ = true;
  // What is not among the present offers has ended. What we took stays taken; of an answer on its
  // way, its reply tells.
  absl::erase_if(entries_, [this](auto& item) {
    if (shown_.contains(item.first)) return false;
    item.second.ended = true;
    return item.second.phase != Phase::kAnswering;
  });
  shown_.clear();
  if (synced_) std::exchange(synced_, nullptr)();
}

void Desk::Decide(const std::string& name) {
  const auto found = entries_.find(name);
  if (stopping_ || found == entries_.end() || found->second.phase != Phase::kThinking) return;
  Entry& entry = found->second;
  ReturnDelivered();
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
    given_[name] = {entry.choice.taking, entry.choice.quantity,
                    delivery_ends_.emplace(entry.delivery_end, name)};
  }
  entry.phase = Phase::kAnswering;
  entry.sent_micros = Loop::Micros();
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
    link_->Send(request, std::move(done));
  } else {
    v1::DeclineOfferRequest request;
    request.set_name(name);
    request.set_request_id(entry.request_id);
    *request.mutable_decline() = DeclineOf(entry.choice);
    link_->Send(request, std::move(done));
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
  if (IsWorthRepeating(status) && !stopping_) {
    // Perhaps recorded, perhaps not: only the same command again tells, even of an offer that has
    // ended meanwhile.
    ++totals_.repeats;
    loop_.PostAfter(Backoff(entry.attempt - 1), [this, name] {
      grpc::experimental::ChannelResetConnectionBackoff(channel_.get());
      Send(name);
    });
    return;
  }
  entry.phase = Phase::kAnswered;
  if (!status.ok()) {
    ++totals_.errors[code];
    // After an outcome that stays unknown the quantity stays taken: nothing is promised twice.
    if (!IsWorthRepeating(status)) GiveBack(name);
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
            .micros = Loop::Micros() - entry.sent_micros});
  // Until the watch shows its end the entry stays, so that an older message cannot have it answered
  // again.
  if (entry.ended) entries_.erase(found);
}

void Desk::GiveBack(const std::string& offer) {
  const auto found = given_.find(offer);
  if (found == given_.end()) return;
  if (options_.inventory) options_.inventory->Return(found->second.taking);
  totals_.returned += found->second.quantity;
  delivery_ends_.erase(found->second.end);
  given_.erase(found);
}

void Desk::ReturnDelivered() {
  const Instant now = LocalNow();
  while (!delivery_ends_.empty() && delivery_ends_.begin()->first <= now) {
    GiveBack(std::string(delivery_ends_.begin()->second));
  }
}

}  // namespace capbroker
