// The two ways in which the load reaches the broker: unary calls, and sessions.
#pragma once

#include <grpcpp/completion_queue.h>

#include <memory>

#include "tests/bench/lifecycles.h"
#include "tests/bench/plan.h"

namespace capbroker::bench {

// A call for each command; WatchCapacityRequests and WatchOffers report what happens.
std::unique_ptr<Transport> MakeUnary(const Plan& plan, grpc::CompletionQueue& queue,
                                     Lifecycles& lifecycles);
// OwnerSession and ProviderSession. A message has all commands that became ready while the one
// before it was being written.
std::unique_ptr<Transport> MakeSession(const Plan& plan, grpc::CompletionQueue& queue,
                                       Lifecycles& lifecycles);

// "Bearer ..." of this party, from its file in plan.tokens; ends the process without one.
std::string TokenOf(const Plan& plan, const std::string& party);
std::string OwnerName(const Plan& plan, uint32_t owner);

}  // namespace capbroker::bench
