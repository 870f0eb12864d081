#include "services/workload/load_owner.h"

#include <grpcpp/channel.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "broker/values/text.h"
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

// Whether there is something to be done about it.
bool IsWorthReading(v1::CapacityRequest::State state) {
  return IsOver(state) || state == v1::CapacityRequest::STATE_BLOCKED;
}

std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }

// An allocation has the number of the offer whose acceptance made it.
std::string OfferOf(const std::string& allocation) {
  std::string offer = allocation;
  const std::string_view part = "/allocations/";
  return offer.replace(offer.rfind(part), part.size(), "/offers/");
}

}  // namespace

LoadOwner::LoadOwner(Loop& loop, std::shared_ptr<grpc::Channel> channel, LoadOwnerOptions options,
                     size_t tasks, Journal& journal)
    : loop_(loop),
      options_(std::move(options)),
      journal_(journal),
      channel_(std::move(channel)),
      stub_(v1::CapacityRequestService::NewStub(channel_)),
      link_(MakeOwnerLink(loop_, channel_, options_.client, Cat("owners/", options_.owner),
                          options_.session)),
      jobs_(tasks) {}

void LoadOwner::Start(std::function<void()> synced) {
  synced_ = std::move(synced);
  loop_.Post([this] { OpenWatch(); });
}

void LoadOwner::Stop() {
  stopping_ = true;
  link_->Close();
}

void LoadOwner::OpenWatch() {
  if (stopping_) return;
  ++watches_;
  present_ = false;
  opened_micros_ = Loop::Micros();
  shown_.clear();
  link_->Open(
      [this](const OwnerLink::News& news) {
        for (const v1::CapacityRequest& one : news.capacity_requests()) OnRequest(one);
        if (news.synced()) OnSynced();
      },
      [this](const grpc::Status& status) { OnWatchEnd(status); });
}

void LoadOwner::OnWatchEnd(const grpc::Status& status) {
  if (stopping_) return;
  if (!status.ok() && !IsWorthRepeating(status)) {
    failure_ = status;
    return on_failure();
  }
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

void LoadOwner::OnSynced() {
  present_ = true;
  // The present state has no finished requests: what ended while nobody watched has to be read.
  for (size_t task : working_) {
    if (!shown_.contains(task) && !jobs_[task].name.empty() && !jobs_[task].ended) Read(task);
  }
  shown_.clear();
  if (synced_) std::exchange(synced_, nullptr)();
}

void LoadOwner::OnRequest(const v1::CapacityRequest& request) {
  const auto run = request.labels().find(kRunLabel);
  const auto label = request.labels().find(kTaskLabel);
  if (run == request.labels().end() || run->second != options_.run ||
      label == request.labels().end())
    return;
  const std::optional<size_t> task = ParseNumber<size_t>(label->second);
  if (!task || *task >= jobs_.size()) return;
  if (!present_) shown_.insert(*task);
  Job& job = jobs_[*task];
  job.name = request.name();
  if (job.ended || job.sent_micros == 0) return;
  job.outcome.state = request.state();
  if (request.state() == v1::CapacityRequest::STATE_BLOCKED) Cancel(*task, "BLOCKED");
  if (!IsOver(request.state())) return;

  job.ended = true;
  job.ended_micros = Loop::Micros();
  for (const v1::PassedOver& passed : request.unfilled_reasons()) {
    if (passed.provider().empty()) continue;
    job.outcome.reasons.push_back(Cat(LastPart(passed.provider()), " ", passed.reason()));
  }
  for (const v1::Allocation& allocation : request.allocations()) {
    if (allocation.state() == v1::Allocation::STATE_CONFIRMED) {
      job.outcome.placed.push_back(
          {allocation.name(), LastPart(allocation.provider()), allocation.quantity()});
    } else {  // Held once, and let go with its request.
      on_given_back(LastPart(allocation.provider()), OfferOf(allocation.name()));
    }
  }
  FinishIfOver(*task);
}

void LoadOwner::Create(size_t task, v1::CreateCapacityRequestRequest request,
                       std::function<void(const LoadOutcome&)> done) {
  Job& job = jobs_[task];
  job.outcome.asked = request.capacity_request().terms().quantity();
  job.done = std::move(done);
  job.sent_micros = Loop::Micros();
  job.watch = present_ ? watches_ : 0;
  working_.insert(task);
  loop_.PostAfter(options_.patience, [this, task] { LosePatience(task); });
  Send("CreateCapacityRequest", request, "",
       [this, task](const grpc::Status& status, const OwnerLink::Answer& answer) {
         OnCreated(task, status, answer);
       });
}

void LoadOwner::LosePatience(size_t task) {
  if (!working_.contains(task)) return;
  if (!jobs_[task].name.empty()) return Cancel(task, "OUT_OF_PATIENCE");
  loop_.PostAfter(options_.patience, [this, task] { LosePatience(task); });
}

void LoadOwner::OnCreated(size_t task, const grpc::Status& status,
                          const OwnerLink::Answer& answer) {
  Job& job = jobs_[task];
  job.answered = true;
  job.answered_micros = Loop::Micros();
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
  // The answer may be a repeat's, and older than the request is now. A watch that was there all the
  // time tells; one that was opened since may have begun after the end.
  if (job.watch == watches_ && !IsWorthReading(answer.untold)) return;
  if (present_) Read(task);
}

void LoadOwner::Read(size_t task) {
  v1::GetCapacityRequestRequest request;
  request.set_name(jobs_[task].name);
  StartCall(loop_, stub_->async(), &AsyncOf<v1::CapacityRequestService::Stub>::GetCapacityRequest,
            NewContext(options_.client), std::move(request),
            [this, task](const grpc::Status& status, const v1::CapacityRequest& answer) {
              if (status.ok()) return OnRequest(answer);
              if (stopping_ || !IsWorthRepeating(status)) {
                return Count(status);
              }
              loop_.PostAfter(Backoff(0), [this, task] { Read(task); });
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
       [this, task](const grpc::Status& status, const OwnerLink::Answer& answer) {
         if (status.ok()) on_acknowledged("REQUEST_CANCELLED", answer.name);
         // That it ended by itself first is no error. Its end comes as news either way, unless the
         // answer tells it.
         if (status.error_code() != grpc::StatusCode::FAILED_PRECONDITION) Count(status);
         if (IsWorthReading(answer.untold)) Read(task);
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
         [this, one, left, done](const grpc::Status& status, const OwnerLink::Answer&) {
           Count(status);
           if (status.ok()) {
             ++totals_.released;
             on_acknowledged("ALLOCATION_RELEASED", OfferOf(one.allocation));
             on_given_back(one.provider, OfferOf(one.allocation));
           }
           if (--*left == 0) done();
         });
  }
}

template <class Request>
void LoadOwner::Send(const char* method, const Request& request, const std::string& name,
                     OwnerLink::Done done, int attempt, int64_t since) {
  if (since == 0) since = Loop::Micros();
  const std::string actor = Cat("owner/", options_.owner);
  journal_.Sent({method, actor, request.request_id(), name, attempt});
  link_->Send(request, [=, this](const grpc::Status& status, const OwnerLink::Answer& answer) {
    journal_.Answered(
        {method, actor, request.request_id(), status.ok() ? answer.name : name, attempt},
        status.ok() ? "OK" : CodeAndReason(status), answer.state);
    if (IsWorthRepeating(status) && options_.repeat &&
        Loop::Micros() - since < options_.repeat_for.micros) {
      ++totals_.repeats;
      loop_.PostAfter(Backoff(attempt - 1), [=, this] {
        grpc::experimental::ChannelResetConnectionBackoff(channel_.get());
        Send(method, request, name, done, attempt + 1, since);
      });
      return;
    }
    done(status, answer);
  });
}

}  // namespace capbroker
