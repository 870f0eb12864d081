#include "services/sequencing/command_queue.h"

#include <utility>

#include "absl/time/time.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {

CommandQueue::CommandQueue(Clock& clock, absl::Status closed)
    : clock_(clock), closed_(std::move(closed)) {}

absl::Status CommandQueue::Push(std::vector<ItemPtr>& items) {
  absl::MutexLock lock(&mutex_);
  for (auto item = items.begin(); item != items.end(); ++item) {
    if (absl::Status status = Add(*item); !status.ok()) {
      items.erase(items.begin(), item);
      return status;
    }
  }
  items.clear();
  return absl::OkStatus();
}

absl::Status CommandQueue::Push(ItemPtr& item) {
  absl::MutexLock lock(&mutex_);
  return Add(item);
}

absl::Status CommandQueue::Add(ItemPtr& item) {
  if (!closed_.ok()) return closed_;
  const bool is_new = item->kind == Item::Kind::kCommand &&
                      std::holds_alternative<CreateRequest>(item->command.what);
  const size_t waiting = next_.items.size() + elsewhere_;
  if (waiting >= (is_new ? (bound_ + 1) / 2 : bound_)) {
    return Refuse(absl::StatusCode::kResourceExhausted, "OVERLOADED",
                  Cat(waiting, " commands wait already; retry later"));
  }
  // Under the lock, so that the order of arrival is that of the times.
  item->arrived = clock_.Now();
  next_.items.push_back(std::move(item));
  if (next_.items.size() == 1) something_.Signal();
  return absl::OkStatus();
}

void CommandQueue::Post(WriteResult result) {
  absl::MutexLock lock(&mutex_);
  next_.writes.push_back(std::move(result));
  something_.Signal();
}

void CommandQueue::Post(ReadResult result) {
  absl::MutexLock lock(&mutex_);
  next_.reads.push_back(std::move(result));
  something_.Signal();
}

void CommandQueue::Drain(absl::Status why) {
  absl::MutexLock lock(&mutex_);
  if (!closed_for_good_) closed_ = std::move(why);
  closed_for_good_ = true;
  next_.drain = true;
  something_.Signal();
}

void CommandQueue::Stop(absl::Status why) {
  absl::MutexLock lock(&mutex_);
  if (!closed_for_good_) closed_ = std::move(why);
  closed_for_good_ = true;
  next_.stop = true;
  something_.Signal();
}

CommandQueue::Taken CommandQueue::Take(Span wait, size_t elsewhere, size_t bound) {
  absl::MutexLock lock(&mutex_);
  elsewhere_ = elsewhere;
  bound_ = bound;
  // One wait is enough: the caller has to look at the time after any wait.
  if (!HasSomething() && wait > Span{})
    something_.WaitWithTimeout(&mutex_, absl::Microseconds(wait.micros));
  Taken taken = std::exchange(next_, {});
  elsewhere_ += taken.items.size();
  taken.as_of = clock_.Now();
  return taken;
}

void CommandQueue::Open() {
  absl::MutexLock lock(&mutex_);
  if (!closed_for_good_) closed_ = absl::OkStatus();
}

void CommandQueue::Close(absl::Status why) {
  absl::MutexLock lock(&mutex_);
  if (!closed_for_good_) closed_ = std::move(why);
}

bool CommandQueue::HasSomething() const {
  return !next_.items.empty() || !next_.writes.empty() || !next_.reads.empty() || next_.drain ||
         next_.stop;
}

}  // namespace capbroker
