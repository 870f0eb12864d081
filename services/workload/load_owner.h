// The owner's side of a load: asks, follows what becomes of it, gives back. Everything runs on the
// loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "capbroker/v1/capacity_request_service.grpc.pb.h"
#include "services/client/client.h"
#include "services/workload/desk_loop.h"
#include "services/workload/load_journal.h"
#include "services/workload/load_stats.h"
#include "services/workload/owner_link.h"

namespace capbroker {

struct LoadOwnerOptions {
  std::string owner;  // An id.
  ClientOptions client;
  bool session = false;           // One session in place of calls and a watch.
  std::string run;                // RequestFor's label: requests of others are passed over.
  bool repeat = false;            // After an unknown outcome send the same command again,
  Span repeat_for = Seconds(60);  //   for so long after the first time.
  Span patience = Seconds(60);    // A request unfinished for so long is cancelled.
};

// What became of one request.
struct LoadOutcome {
  struct Placed {
    std::string allocation;  // Its name.
    std::string provider;    // An id.
    int64_t quantity = 0;
  };
  bool failed = false;  // The broker did not take it; the error is counted.
  v1::CapacityRequest::State state = v1::CapacityRequest::STATE_UNSPECIFIED;
  int64_t asked = 0;
  std::vector<Placed> placed;        // CONFIRMED.
  std::vector<std::string> reasons;  // "azure NO_CAPACITY", where not all was placed.
};

struct LoadOwnerTotals {
  Samples answer, finish;  // Micros from the first sending of Create to its answer; to the end.
  int64_t repeats = 0, resumed = 0, cancelled = 0, released = 0;
  std::map<std::string, int64_t> errors;  // By code and reason: calls that came to nothing.
};

class LoadOwner {
 public:
  // `loop` and `journal` outlive the owner, and the owner outlives the loop's run.
  LoadOwner(Loop& loop, std::shared_ptr<grpc::Channel> channel, LoadOwnerOptions options,
            size_t tasks, Journal& journal);

  // An allocation is no more: RELEASED by us, or by the broker with its request. Gives provider and
  // offer.
  std::function<void(const std::string& provider, const std::string& offer)> on_given_back;
  // A command was answered OK: the kind of decision that the trail has to have once, and the name
  // it is about.
  std::function<void(const char* kind, const std::string& name)> on_acknowledged;

  std::function<void()> on_failure = [] {};  // The watch or session failed for good: see failure().

  // Opens the watch or session; `synced` runs once, when it follows.
  void Start(std::function<void()> synced);
  void Stop();

  // `done` runs when the request has ended, whatever its end; once per task.
  void Create(size_t task, v1::CreateCapacityRequestRequest request,
              std::function<void(const LoadOutcome&)> done);
  // Gives back all that was placed for the task, if anything.
  void Release(size_t task, std::function<void()> done);

  const LoadOwnerTotals& totals() const { return totals_; }
  const grpc::Status& failure() const { return failure_; }  // Of the watch or session, for good.

 private:
  struct Job {
    std::string name;  // Empty until it is known.
    LoadOutcome outcome;
    bool answered = false, ended = false, cancelling = false;
    int64_t sent_micros = 0, answered_micros = 0, ended_micros = 0;
    int64_t watch = 0;  // The watch (or session) that followed when it was sent; 0: none did.
    std::function<void(const LoadOutcome&)> done;
  };

  void OpenWatch();
  void OnSynced();
  void OnWatchEnd(const grpc::Status& status);
  // What the broker says a request is now; from the watch, or any answer.
  void OnRequest(const v1::CapacityRequest& request);
  void OnCreated(size_t task, const grpc::Status& status, const OwnerLink::Answer& answer);
  void Read(size_t task);
  void LosePatience(size_t task);
  void Count(const grpc::Status& status);
  void Cancel(size_t task, const std::string& why);
  void FinishIfOver(size_t task);

  // Sends, and repeats as the options say. `name` is that of what is to be moved; empty: there is
  // none yet.
  template <class Request>
  void Send(const char* method, const Request& request, const std::string& name,
            OwnerLink::Done done, int attempt = 1, int64_t since = 0);

  Loop& loop_;
  const LoadOwnerOptions options_;
  Journal& journal_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::CapacityRequestService::Stub> stub_;  // To read.
  const std::unique_ptr<OwnerLink> link_;

  std::function<void()> synced_;
  bool stopping_ = false;
  bool present_ = false;
  int failures_ = 0;
  int64_t opened_micros_ = 0;  // When this watch was.
  int64_t watches_ = 0;        // Opened so far.
  std::set<size_t> shown_;     // Tasks in this watch's present state.
  std::set<size_t> working_;   // Tasks sent and not finished.
  std::vector<Job> jobs_;      // By task.
  LoadOwnerTotals totals_;
  grpc::Status failure_;
};

}  // namespace capbroker
