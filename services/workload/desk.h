// Provider's capacity desk, simulated: follows the offers addressed to it, answers each once
// according to its script and inventory, and accounts for what it gave away. Everything runs on the
// event loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "capbroker/v1/offer_service.grpc.pb.h"
#include "services/client/client.h"
#include "services/concurrency/event_loop.h"
#include "services/workload/desk_choice.h"
#include "services/workload/journal.h"
#include "services/workload/provider_transport.h"
#include "services/workload/reopening_stream.h"

namespace capbroker {

struct DeskOptions {
  std::string provider;  // An id.
  ClientOptions client;
  bool session = false;  // Use one session instead of single calls and a watch.
  DeskScript script;
  uint64_t seed = 1;
  std::optional<Inventory> inventory;  // nullopt: unlimited.
  // Count what was placed before as well: whenever a watch opens, the desk first reads the
  // provider's accepted offers.
  bool count_standing = false;
};

// One answer, which the broker accepted or refused.
struct DeskEvent {
  std::string offer;
  DeskChoice::Answer answer = DeskChoice::Answer::kSilence;
  int64_t asked = 0;
  int64_t quantity = 0;  // Accepted.
  DeclineReason reason = DeclineReason::kNone;
  std::string error;   // Code and reason; empty if the answer was accepted.
  int64_t micros = 0;  // From sending to the answer, retries included; 0 for silence.
};

struct DeskTotals {
  int64_t offers = 0, accepted = 0, partial = 0, declined = 0, silent = 0;
  int64_t quantity = 0;                   // Accepted, in all.
  int64_t standing = 0;                   // Found placed, but not accepted by this desk.
  int64_t returned = 0;                   // Released again, of these two.
  int64_t repeats = 0;                    // Answers sent again because the outcome was unknown.
  int64_t resumed = 0;                    // Watches or sessions opened after a break.
  std::map<std::string, int64_t> errors;  // Refused answers, by code and reason.
};

class Desk {
 public:
  // `loop` and `journal` (unless null) outlive the desk; the desk outlives the loop's run.
  Desk(EventLoop& loop, std::shared_ptr<grpc::Channel> channel, DeskOptions options,
       Journal* journal);

  std::function<void(const DeskEvent&)> on_event = [](const DeskEvent&) {};
  // The watch or session ended with an error that a retry does not mend: see failure().
  void OnFailure(std::function<void()> run) { watch_.on_failure = std::move(run); }

  // Opens the watch or session; `synced` runs once, when the open offers are known.
  void Start(std::function<void()> synced);
  // Ignores offers from now on. The loop still waits for answers in flight.
  void Stop();

  // The allocation of this offer has ended: releases its inventory. A second call does nothing. The
  // watch tells the desk by itself; a caller who learns it earlier calls this.
  void ReleaseInventory(const std::string& offer);

  const DeskTotals& totals() const { return totals_; }
  const std::optional<Inventory>& inventory() const { return options_.inventory; }
  // Why the watch or session ended for good, such as PERMISSION_DENIED; OK while it runs.
  const grpc::Status& failure() const { return watch_.failure(); }

 private:
  enum class Phase { kThinking, kAnswering, kAnswered };  // A silent desk has "answered" too.
  struct Entry {
    Phase phase = Phase::kThinking;
    bool ended = false;  // The watch showed the offer's end, or no longer showed the offer.
    DeskStep step{};
    DeskQuestion question{};
    DeskChoice choice{};
    std::string terms_hash{};
    Instant delivery_end{};
    std::string request_id{};
    int64_t sent_micros = 0;
    int attempt = 0;
  };
  struct Given {
    Inventory::Reservation reservation;
    int64_t quantity = 0;
    std::multimap<Instant, std::string>::iterator end;
  };

  void OpenWatch();
  void OnMessage(const ProviderTransport::Update& message);
  void ReadPlaced(const std::string& page_token, int64_t watch, int attempt = 0);
  void OnPlaced(const grpc::Status& status, const v1::ListOffersResponse& page, int64_t watch,
                int attempt, const std::string& page_token);
  void HandleUpdate(const ProviderTransport::Update& message);
  void OnOffer(const v1::Offer& offer);
  void KeepAccount(const v1::Offer& offer);
  void OnSynced();
  void Decide(const std::string& name);
  void Send(const std::string& name);
  void OnAnswered(const std::string& name, const grpc::Status& status, v1::Offer::State state);
  void ReleaseDelivered();

  EventLoop& loop_;
  DeskOptions options_;
  Journal* const journal_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::OfferService::Stub> stub_;  // Reads what was placed.
  const std::unique_ptr<ProviderTransport> transport_;
  StepSampler sampler_;

  ReopeningStream watch_;  // Or the session.
  bool counted_ = false;   // What was placed when this watch opened has been read.
  std::vector<ProviderTransport::Update> deferred_;  // Updates of this watch that came before that.
  absl::flat_hash_set<std::string> shown_;           // Offers open in this watch's present state.

  absl::flat_hash_map<std::string, Entry>
      entries_;  // Offers not known to have ended, or whose answer is in flight.
  absl::flat_hash_map<std::string, Given> given_;  // By offer: inventory reserved or placed.
  std::multimap<Instant, std::string> delivery_ends_;
  DeskTotals totals_;
};

// The code, and the broker's reason if there is one: "UNAVAILABLE LEDGER_UNAVAILABLE". Empty if OK.
std::string CodeAndReason(const grpc::Status& status);

}  // namespace capbroker
