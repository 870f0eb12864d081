// Owner's side of a load: creates requests, follows them to their end, releases what was placed.
// Everything runs on the event loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "capbroker/v1/capacity_request_service.grpc.pb.h"
#include "services/client/client.h"
#include "services/concurrency/event_loop.h"
#include "services/workload/journal.h"
#include "services/workload/owner_transport.h"
#include "services/workload/reopening_stream.h"
#include "services/workload/samples.h"

namespace capbroker {

struct LoadOwnerOptions {
  std::string owner;  // An id.
  ClientOptions client;
  bool session = false;           // Use one session instead of single calls and a watch.
  std::string run;                // RequestFor's label: other requests are ignored.
  bool repeat = false;            // Repeat a command whose outcome is unknown,
  Span repeat_for = Seconds(60);  // for this long after its first sending.
  Span patience = Seconds(60);    // A request unfinished for this long is cancelled.
};

// The outcome of one request.
struct LoadOutcome {
  struct Placed {
    std::string allocation;  // Its name.
    std::string provider;    // An id.
    int64_t quantity = 0;
  };
  bool failed = false;  // The broker refused the request; the error is counted.
  v1::CapacityRequest::State state = v1::CapacityRequest::STATE_UNSPECIFIED;
  int64_t asked = 0;
  std::vector<Placed> placed;        // Confirmed allocations.
  std::vector<std::string> reasons;  // "azure NO_CAPACITY", where not everything was placed.
};

struct LoadOwnerTotals {
  // Microseconds from the first sending of Create to its answer, and to the request's end.
  Samples answer, finish;
  int64_t repeats = 0, resumed = 0, cancelled = 0, released = 0;
  std::map<std::string, int64_t> errors;  // Failed calls, by code and reason.
};

class LoadOwner {
 public:
  // `loop` and `journal` outlive the owner; the owner outlives the loop's run.
  LoadOwner(EventLoop& loop, std::shared_ptr<grpc::Channel> channel, LoadOwnerOptions options,
            size_t tasks, Journal& journal);

  // An allocation has ended: the owner released it, or the broker ended it with its request.
  std::function<void(const std::string& provider, const std::string& offer)> on_allocation_ended;
  // A command was answered OK: the kind of decision that the trail must have once, and the name it
  // is about.
  std::function<void(const char* kind, const std::string& name)> on_acknowledged;

  // The watch or session ended with an error that a retry does not mend: see failure().
  void OnFailure(std::function<void()> run) { watch_.on_failure = std::move(run); }

  // Opens the watch or session; `synced` runs once, when it follows changes.
  void Start(std::function<void()> synced);
  void Stop();

  // `done` runs once per task, when the request has ended in whatever way.
  void Create(size_t task, v1::CreateCapacityRequestRequest request,
              std::function<void(const LoadOutcome&)> done);
  // Releases everything that was placed for the task.
  void Release(size_t task, std::function<void()> done);

  const LoadOwnerTotals& totals() const { return totals_; }
  // Of the watch or session.
  const grpc::Status& failure() const { return watch_.failure(); }

 private:
  struct Job {
    std::string name;  // Empty until it is known.
    LoadOutcome outcome;
    bool answered = false, ended = false, cancelling = false;
    int64_t sent_micros = 0, answered_micros = 0, ended_micros = 0;
    // The watch (or session) that was following when the request was sent; 0: none was.
    int64_t watch = 0;
    std::function<void(const LoadOutcome&)> done;
  };

  void OpenWatch();
  void OnSynced();
  // The request's present state, from the watch or an answer.
  void OnRequest(const v1::CapacityRequest& request);
  void OnCreated(size_t task, const grpc::Status& status, const OwnerTransport::Answer& answer);
  void Read(size_t task);
  void OnPatienceOver(size_t task);
  void Count(const grpc::Status& status);
  void Cancel(size_t task, const std::string& why);
  void FinishIfOver(size_t task);

  // Sends a command and repeats it as the options say. `name` is the resource to change; empty if
  // it does not exist yet.
  template <class Request>
  void Send(const char* method, const Request& request, const std::string& name,
            OwnerTransport::Done done, int attempt = 1, int64_t since = 0);

  EventLoop& loop_;
  const LoadOwnerOptions options_;
  Journal& journal_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::CapacityRequestService::Stub> stub_;  // Reads requests.
  const std::unique_ptr<OwnerTransport> transport_;

  ReopeningStream watch_;     // Or the session.
  std::set<size_t> shown_;    // Tasks in this watch's present state.
  std::set<size_t> working_;  // Tasks sent and not finished.
  std::vector<Job> jobs_;     // By task.
  LoadOwnerTotals totals_;
};

}  // namespace capbroker
