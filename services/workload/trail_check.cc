#include "services/workload/trail_check.h"

#include <algorithm>

#include "broker/trail/canonical.h"
#include "broker/values/ids.h"
#include "broker/values/text.h"
#include "capbroker/v1/decision_service.grpc.pb.h"

namespace capbroker {
namespace {

absl::Status Failed(const char* method, const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      Cat(method, ": ", Explain(status).line));
}

}  // namespace

void TrailCheck::Fault(std::string what) {
  ++fault_count_;
  if (faults_.size() < 20) faults_.push_back(std::move(what));
}

void TrailCheck::Add(const Act& act) {
  ++acts_;
  const std::string request =
      Cat("owners/", act.owner.value, "/capacityRequests/", Format(act.request));
  for (const Decision& decision : act.decisions) {
    ++decisions_;
    const std::string name =
        decision.offer == 0 ? request : Cat(request, "/offers/", decision.offer);
    switch (decision.kind) {
      case Kind::ALLOCATION_HELD: {
        Use& use = use_[decision.provider.value];
        ++use.allocations;
        use.quantity += decision.quantity;
        use.in_use += decision.quantity;
        use.peak = std::max(use.peak, use.in_use);
        const auto bound = inventory_.find(decision.provider.value);
        if (bound != inventory_.end() && use.in_use > bound->second) {
          Fault(Cat("act ", act.sequence, ": ", decision.provider.value, " has ", use.in_use,
                    " placed, of ", bound->second));
        }
        if (!standing_.emplace(name, std::pair(decision.provider.value, decision.quantity))
                 .second) {
          Fault(Cat("act ", act.sequence, ": ", name, " is held twice"));
        }
        break;
      }
      case Kind::ALLOCATION_RELEASED: {
        const auto found = standing_.find(name);
        if (found != standing_.end()) {
          use_[found->second.first].in_use -= found->second.second;
          standing_.erase(found);
        }
        ++times_[Cat(NameOf(decision.kind), " ", name)];
        break;
      }
      case Kind::REQUEST_RECEIVED:
      case Kind::REQUEST_CANCELLED:
        ++times_[Cat(NameOf(decision.kind), " ", request)];
        break;
      case Kind::OFFER_ACCEPTED:
      case Kind::OFFER_PARTIALLY_ACCEPTED:
      case Kind::OFFER_DECLINED:
        ++times_[Cat(NameOf(decision.kind), " ", name)];
        break;
      default:
        break;
    }
  }
}

void TrailCheck::Expect(const std::string& kind, const std::string& name) {
  ++expected_;
  const auto found = times_.find(Cat(kind, " ", name));
  const int times = found == times_.end() ? 0 : found->second;
  if (times != 1)
    Fault(Cat(kind, " of ", name, ": answered OK, and ", times, " times in the trail"));
}

absl::StatusOr<int64_t> TrailEnd(const std::shared_ptr<grpc::Channel>& channel,
                                 const ClientOptions& client, const std::string& owner) {
  v1::GetCheckpointRequest request;
  request.set_owner(Cat("owners/", owner));
  v1::Checkpoint answer;
  const grpc::Status status = v1::DecisionService::NewStub(channel)->GetCheckpoint(
      NewContext(client).get(), request, &answer);
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) return 0;
  if (!status.ok()) return Failed("GetCheckpoint", status);
  return answer.sequence();
}

absl::StatusOr<std::vector<Act>> ReadTrail(const std::shared_ptr<grpc::Channel>& channel,
                                           const ClientOptions& client, const std::string& owner,
                                           int64_t sequence) {
  const auto stub = v1::DecisionService::NewStub(channel);
  std::vector<Act> acts;
  v1::ListDecisionsRequest request;
  request.set_parent(Cat("owners/", owner));
  request.set_order(v1::DECISION_ORDER_NEWEST_FIRST);  // The acts before the load need not be read.
  request.set_page_size(1000);
  for (;;) {
    v1::ListDecisionsResponse answer;
    const grpc::Status status = stub->ListDecisions(NewContext(client).get(), request, &answer);
    if (!status.ok()) return Failed("ListDecisions", status);
    bool done = answer.next_page_token().empty();
    for (const v1::Act& one : answer.acts()) {
      if (one.sequence() <= sequence) {
        done = true;
        break;
      }
      absl::StatusOr<Act> act = DecodeAct(one.body());
      if (!act.ok())
        return absl::DataLossError(Cat("act ", one.sequence(), ": ", act.status().message()));
      if (!acts.empty() && act->sequence + 1 != acts.back().sequence) {
        return absl::DataLossError(
            Cat("act ", acts.back().sequence, " comes after act ", act->sequence));
      }
      acts.push_back(*std::move(act));
    }
    if (done) break;
    request.set_page_token(answer.next_page_token());
  }
  if (!acts.empty() && acts.back().sequence != static_cast<uint64_t>(sequence) + 1) {
    return absl::DataLossError(
        Cat("the oldest act is ", acts.back().sequence, ", want ", sequence + 1));
  }
  std::reverse(acts.begin(), acts.end());
  return acts;
}

}  // namespace capbroker
