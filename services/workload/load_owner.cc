#include "services/workload/load_owner.h"

#include <grpcpp/channel.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "broker/values/text.h"
#include "services/client/async_call.h"
#include "services/workload/desk.h"
#include "services/workload/load_request.h"

namespace capbroker {
namespace {

bool IsOver(v1::CapacityRequest::State state) {
  switch (state) {
    case v1::CapacityRequest::STATE_FULFILLED:
    case v1::CapacityRequest::STATE_PARTIALLY_FULFILLED:
    case v1::CapacityRequest::STATE_UNFILLED:
    case v1::CapacityRequest::STATE_CANCELLED:
    case v1::CapacityRequest::STATE_EXPIRED:
      return true;
    default:
      return false;
  }
}

// Whether the owner has to act on this state.
bool IsWorthReading(v1::CapacityRequest::State state) {
  return IsOver(state) || state == v1::CapacityRequest::STATE_BLOCKED;
}

std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }

// An allocation has the number of the offer whose acceptance created it.
std::string OfferOf(const std::string& allocation) {
  std::string offer = allocation;
  const std::string_view part = "/allocations/";
  return offer.replace(offer.rfind(part), part.size(), "/offers/");
}

}  // namespace

LoadOwner::LoadOwner(EventLoop& loop, std::shared_ptr<grpc::Channel> channel,
                     LoadOwnerOptions options, size_t tasks, Journal& journal)
    : loop_(loop),
      options_(std::move(options)),
      journal_(journal),
      channel_(std::move(channel)),
      stub_(v1::CapacityRequestService::NewStub(channel_)),
      transport_(MakeOwnerTransport(loop_, channel_, options_.client,
                                    Cat("owners/", options_.owner), options_.session)),
      watch_(loop_, channel_),
      jobs_(tasks) {
  watch_.open = [this] { OpenWatch(); };
}

void LoadOwner::Start(std::function<void()> synced) { watch_.Start(std::move(synced)); }

void LoadOwner::Stop() {
  watch_.Stop();
  transport_->Close();
}

void LoadOwner::OpenWatch() {
  totals_.resumed = watch_.opened() - 1;
  shown_.clear();
  transport_->Subscribe(
      [this](const OwnerTransport::Update& update) {
        for (const v1::CapacityRequest& one : update.capacity_requests()) OnRequest(one);
        if (update.synced()) OnSynced();
      },
      [this](const grpc::Status& status) { watch_.OnEnd(status); });
}

void LoadOwner::OnSynced() {
  // The present state lists no finished requests: those that ended while nobody watched are read.
  for (size_t task : working_) {
    if (!shown_.contains(task) && !jobs_[task].name.empty() && !jobs_[task].ended) Read(task);
  }
  shown_.clear();
  watch_.OnSynced();
}

void LoadOwner::OnRequest(const v1::CapacityRequest& request) {
  const auto run = request.labels().find(kRunLabel);
  const auto label = request.labels().find(kTaskLabel);
  if (run == request.labels().end() || run->second != options_.run ||
      label == request.labels().end())
    return;
  const std::optional<size_t> task = ParseNumber<size_t>(label->second);
  if (!task || *task >= jobs_.size()) return;
  if (!watch_.is_synced()) shown_.insert(*task);
  Job& job = jobs_[*task];
  job.name = request.name();
  if (job.ended || job.sent_micros == 0) return;
  job.outcome.state = request.state();
  if (request.state() == v1::CapacityRequest::STATE_BLOCKED) Cancel(*task, "BLOCKED");
  if (!IsOver(request.state())) return;

  job.ended = true;
  job.ended_micros = EventLoop::NowMicros();
  for (const v1::PassedOver& passed : request.unfilled_reasons()) {
    if (passed.provider().empty()) continue;
    job.outcome.reasons.push_back(Cat(LastPart(passed.provider()), " ", passed.reason()));
  }
  for (const v1::Allocation& allocation : request.allocations()) {
    if (allocation.state() == v1::Allocation::STATE_CONFIRMED) {
      job.outcome.placed.push_back(
          {allocation.name(), LastPart(allocation.provider()), allocation.quantity()});
    } else {  // It was held, and ended with its request.
      on_allocation_ended(LastPart(allocation.provider()), OfferOf(allocation.name()));
    }
  }
  FinishIfOver(*task);
}

void LoadOwner::Create(size_t task, v1::CreateCapacityRequestRequest request,
                       std::function<void(const LoadOutcome&)> done) {
  Job& job = jobs_[task];
  job.outcome.asked = request.capacity_request().terms().quantity();
  job.done = std::move(done);
  job.sent_micros = EventLoop::NowMicros();
  job.watch = watch_.is_synced() ? watch_.opened() : 0;
  working_.insert(task);
  loop_.PostAfter(options_.patience, [this, task] { OnPatienceOver(task); });
  Send("CreateCapacityRequest", request, "",
       [this, task](const grpc::Status& status, const OwnerTransport::Answer& answer) {
         OnCreated(task, status, answer);
       });
}

void LoadOwner::OnPatienceOver(size_t task) {
  if (!working_.contains(task)) return;
  if (!jobs_[task].name.empty()) return Cancel(task, "OUT_OF_PATIENCE");
  loop_.PostAfter(options_.patience, [this, task] { OnPatienceOver(task); });
}

void LoadOwner::OnCreated(size_t task, const grpc::Status& status,
                          const OwnerTransport::Answer& answer) {
  Job& job = jobs_[task];
  job.answered = true;
  job.answered_micros = EventLoop::NowMicros();
  Count(status);
  if (!status.ok()) {
    job.outcome.failed = job.ended = true;
    FinishIfOver(task);
    return;
  }
  totals_.answer.Add(job.answered_micros - job.sent_micros);
  on_acknowledged("REQUEST_RECEIVED", answer.name);
  job.name = answer.name;
  if (job.ended) {
    FinishIfOver(task);
    return;
  }
  // The answer may be that of a repeated command, older than the request's present state. A watch
  // that was open all the time reports it; one that opened later may have begun after the request's
  // end.
  if (job.watch == watch_.opened() && !IsWorthReading(answer.unreported)) return;
  if (watch_.is_synced()) Read(task);
}

void LoadOwner::Read(size_t task) {
  v1::GetCapacityRequestRequest request;
  request.set_name(jobs_[task].name);
  StartCall(loop_, stub_->async(), &AsyncOf<v1::CapacityRequestService::Stub>::GetCapacityRequest,
            NewContext(options_.client), std::move(request),
            [this, task](const grpc::Status& status, const v1::CapacityRequest& answer) {
              if (status.ok()) return OnRequest(answer);
              if (watch_.is_stopping() || !IsRetryable(status)) {
                return Count(status);
              }
              loop_.PostAfter(RetryBackoff(0), [this, task] { Read(task); });
            });
}

void LoadOwner::Cancel(size_t task, const std::string& why) {
  Job& job = jobs_[task];
  if (job.cancelling || job.ended) return;
  job.cancelling = true;
  job.outcome.reasons.push_back(why);
  ++totals_.cancelled;
  v1::CancelCapacityRequestRequest request;
  request.set_name(job.name);
  request.set_text(why);
  request.set_request_id(Cat("load-", options_.run, "-", task, "-cancel"));
  Send("CancelCapacityRequest", request, job.name,
       [this, task](const grpc::Status& status, const OwnerTransport::Answer& answer) {
         if (status.ok()) on_acknowledged("REQUEST_CANCELLED", answer.name);
         // A request that ended by itself first is no error. Its end is reported by an update,
         // unless the answer itself reports it.
         if (status.error_code() != grpc::StatusCode::FAILED_PRECONDITION) Count(status);
         if (IsWorthReading(answer.unreported)) Read(task);
       });
}

void LoadOwner::Count(const grpc::Status& status) {
  if (!status.ok()) ++totals_.errors[CodeAndReason(status)];
}

void LoadOwner::FinishIfOver(size_t task) {
  Job& job = jobs_[task];
  if (!job.answered || !job.ended || !working_.erase(task)) return;
  if (!job.outcome.failed)
    totals_.finish.Add(std::max(job.ended_micros, job.answered_micros) - job.sent_micros);
  std::exchange(job.done, nullptr)(job.outcome);
}

void LoadOwner::Release(size_t task, std::function<void()> done) {
  const std::vector<LoadOutcome::Placed>& placed = jobs_[task].outcome.placed;
  auto left = std::make_shared<size_t>(placed.size());
  if (*left == 0) return done();
  for (const LoadOutcome::Placed& one : placed) {
    v1::ReleaseAllocationRequest request;
    request.set_name(one.allocation);
    request.set_request_id(
        Cat("load-", options_.run, "-", task, "-release-", LastPart(one.allocation)));
    Send("ReleaseAllocation", request, one.allocation,
         [this, one, left, done](const grpc::Status& status, const OwnerTransport::Answer&) {
           Count(status);
           if (status.ok()) {
             ++totals_.released;
             on_acknowledged("ALLOCATION_RELEASED", OfferOf(one.allocation));
             on_allocation_ended(one.provider, OfferOf(one.allocation));
           }
           if (--*left == 0) done();
         });
  }
}

template <class Request>
void LoadOwner::Send(const char* method, const Request& request, const std::string& name,
                     OwnerTransport::Done done, int attempt, int64_t since) {
  if (since == 0) since = EventLoop::NowMicros();
  const std::string actor = Cat("owner/", options_.owner);
  journal_.Sent({method, actor, request.request_id(), name, attempt});
  transport_->Send(
      request, [=, this](const grpc::Status& status, const OwnerTransport::Answer& answer) {
        journal_.Answered(
            {method, actor, request.request_id(), status.ok() ? answer.name : name, attempt},
            status.ok() ? "OK" : CodeAndReason(status), answer.state);
        if (IsRetryable(status) && options_.repeat &&
            EventLoop::NowMicros() - since < options_.repeat_for.micros) {
          ++totals_.repeats;
          loop_.PostAfter(RetryBackoff(attempt - 1), [=, this] {
            ResetBackoff(*channel_);
            Send(method, request, name, done, attempt + 1, since);
          });
          return;
        }
        done(status, answer);
      });
}

}  // namespace capbroker
