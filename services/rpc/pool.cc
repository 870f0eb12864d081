#include "services/rpc/pool.h"

#include <utility>

namespace capbroker {

Pool::Pool(size_t threads, size_t bound) : bound_(bound) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

Pool::~Pool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

bool Pool::TryRun(Task task) {
  absl::MutexLock lock(&mutex_);
  if (tasks_.size() >= bound_) return false;
  tasks_.push_back(std::move(task));
  return true;
}

void Pool::Run(Task task) {
  absl::MutexLock lock(&mutex_);
  tasks_.push_back(std::move(task));
}

size_t Pool::waiting() const {
  absl::MutexLock lock(&mutex_);
  return tasks_.size();
}

void Pool::Work() {
  while (true) {
    Task task;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(
          +[](Pool* pool) ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool->mutex_) {
            return pool->stopping_ || !pool->tasks_.empty();
          },
          this));
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace capbroker
