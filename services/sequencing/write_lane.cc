#include "services/sequencing/write_lane.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace capbroker {

WriteLane::WriteLane(Ledger& ledger, Clock& clock, std::function<void(WriteResult)> done)
    : ledger_(ledger), clock_(clock), done_(std::move(done)), thread_([this] { Run(); }) {}

WriteLane::~WriteLane() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    changed_.Signal();
  }
  thread_.join();
}

void WriteLane::Start(WriteCall call) {
  {
    absl::MutexLock lock(&mutex_);
    calls_.push_back(std::move(call));
    changed_.Signal();
  }
  ledger_.Wake();
}

std::optional<WriteCall> WriteLane::Next() {
  absl::MutexLock lock(&mutex_);
  while (calls_.empty() && sent_.empty() && !stopped_) changed_.Wait(&mutex_);
  if (calls_.empty() || stopped_) return std::nullopt;
  WriteCall call = std::move(calls_.front());
  calls_.pop_front();
  return call;
}

void WriteLane::Run() {
  pthread_setname_np(pthread_self(), "ledger-write");
  int64_t received = 0;
  for (;;) {
    if (const std::optional<WriteCall> call = Next()) {
      if (const auto* commit = std::get_if<CommitCall>(&*call)) {
        sent_.push_back(clock_.Boot());
        ledger_.Send(*commit->batch);
      } else {
        done_(capbroker::Run(ledger_, clock_, *call));
      }
    } else if (sent_.empty()) {
      return;
    } else if (std::optional<CommitResult> result = ledger_.Receive()) {
      const int64_t sent = sent_.front(), begun = std::max(sent, received);
      sent_.pop_front();
      received = clock_.Boot();
      done_(Tell(clock_, *std::move(result), sent, begun, received));
    }
  }
}

}  // namespace capbroker
