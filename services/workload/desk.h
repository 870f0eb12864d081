// A provider's capacity desk: follows the offers addressed to it, answers each once by its script
// and what it has, and keeps account of what it gave away. Everything runs on the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "capbroker/v1/offer_service.grpc.pb.h"
#include "services/client/client.h"
#include "services/workload/desk_choice.h"
#include "services/workload/desk_link.h"
#include "services/workload/desk_loop.h"
#include "services/workload/load_journal.h"

namespace capbroker {

struct DeskOptions {
  std::string provider;  // An id.
  ClientOptions client;
  bool session = false;  // One session in place of calls and a watch.
  DeskScript script;
  uint64_t seed = 1;
  std::optional<Inventory> inventory;  // Without: there is always enough.
  // What was placed before counts as well: whenever a watch opens, the provider's accepted offers
  // are read first.
  bool count_standing = false;
};

// One answer that the broker took, or would not take.
struct DeskEvent {
  std::string offer;
  DeskChoice::Answer answer = DeskChoice::Answer::kSilence;
  int64_t asked = 0;
  int64_t quantity = 0;  // Accepted.
  DeclineReason reason = DeclineReason::kNone;
  std::string error;   // Code and reason; empty if the answer stands.
  int64_t micros = 0;  // From sending to the answer, repeats included; 0 for silence.
};

struct DeskTotals {
  int64_t offers = 0, accepted = 0, partial = 0, declined = 0, silent = 0;
  int64_t quantity = 0;                   // Accepted, in all.
  int64_t standing = 0;                   // Found placed, though not accepted by this desk.
  int64_t returned = 0;                   // Of these two, given back.
  int64_t repeats = 0;                    // Answers sent again after an unknown outcome.
  int64_t resumed = 0;                    // Watches, or sessions, opened after a break.
  std::map<std::string, int64_t> errors;  // By code and reason; answers that did not stand.
};

class Desk {
 public:
  // `loop`, and `journal` unless null, outlive the desk, and the desk outlives the loop's run.
  Desk(Loop& loop, std::shared_ptr<grpc::Channel> channel, DeskOptions options, Journal* journal);

  std::function<void(const DeskEvent&)> on_event = [](const DeskEvent&) {};
  std::function<void()> on_failure = [] {};  // The watch or session failed for good: see failure().

  // Opens the watch or session; `synced` runs once, when the present offers are known.
  void Start(std::function<void()> synced);
  // No offer is looked at any more; answers on their way are waited for by the loop.
  void Stop();

  // The allocation that came of this offer is no more: what was taken for it goes back. Nothing the
  // second time. The watch tells the desk; who knows it sooner says it here.
  void GiveBack(const std::string& offer);

  const DeskTotals& totals() const { return totals_; }
  const std::optional<Inventory>& inventory() const { return options_.inventory; }
  // Why the watch or session failed for good, such as PERMISSION_DENIED; OK while it runs.
  const grpc::Status& failure() const { return failure_; }

 private:
  enum class Phase { kThinking, kAnswering, kAnswered };  // A silent desk has answered, in its way.
  struct Entry {
    Phase phase = Phase::kThinking;
    bool ended = false;  // The watch showed its end, or did not show it any more.
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
    Inventory::Taking taking;
    int64_t quantity = 0;
    std::multimap<Instant, std::string>::iterator end;
  };

  void OpenWatch();
  void OnMessage(const DeskLink::News& message);
  void OnWatchEnd(const grpc::Status& status);
  void Fail(const grpc::Status& status);
  void ReadPlaced(const std::string& page_token, int64_t watch, int attempt = 0);
  void OnPlaced(const grpc::Status& status, const v1::ListOffersResponse& page, int64_t watch,
                int attempt, const std::string& page_token);
  void Take(const DeskLink::News& message);
  void OnOffer(const v1::Offer& offer);
  void KeepAccount(const v1::Offer& offer);
  void OnSynced();
  void Decide(const std::string& name);
  void Send(const std::string& name);
  void OnAnswered(const std::string& name, const grpc::Status& status, v1::Offer::State state);
  void ReturnDelivered();

  Loop& loop_;
  DeskOptions options_;
  Journal* const journal_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::OfferService::Stub> stub_;  // To read what was placed.
  const std::unique_ptr<DeskLink> link_;
  DeskDice dice_;

  std::function<void()> synced_;
  bool stopping_ = false;
  // A session is a watch too.
  int64_t watches_ = 0;                     // Opened so far.
  bool counted_ = false;                    // What was placed when this watch opened has been read.
  std::vector<DeskLink::News> kept_;        // Of this watch, until then.
  bool present_ = false;                    // This watch has shown the present state.
  int failures_ = 0;                        // Of the watch, in a row.
  int64_t opened_micros_ = 0;               // When this watch was.
  absl::flat_hash_set<std::string> shown_;  // Open, in this watch's present state.

  absl::flat_hash_map<std::string, Entry>
      entries_;  // Offers not known to have ended, or with an answer on its way.
  absl::flat_hash_map<std::string, Given> given_;  // By offer: inventory reserved or placed.
  std::multimap<Instant, std::string> delivery_ends_;
  DeskTotals totals_;
  grpc::Status failure_;
};

// "UNAVAILABLE LEDGER_UNAVAILABLE": the code, and the broker's reason if it gave one. Empty if OK.
std::string CodeAndReason(const grpc::Status& status);

}  // namespace capbroker
