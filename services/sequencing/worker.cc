#include "services/sequencing/worker.h"

#include <pthread.h>

#include <utility>

namespace capbroker {

Worker::Worker(const char* name) : thread_([this, name] { Run(name); }) {}

Worker::~Worker() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    changed_.Signal();
  }
  thread_.join();
}

void Worker::Start(std::function<void()> job) {
  absl::MutexLock lock(&mutex_);
  job_ = std::move(job);
  changed_.Signal();
}

void Worker::Run(const char* name) {
  pthread_setname_np(pthread_self(), name);
  for (;;) {
    std::function<void()> job;
    {
      absl::MutexLock lock(&mutex_);
      while (!job_ && !stopped_) changed_.Wait(&mutex_);
      if (stopped_) return;
      job = std::exchange(job_, nullptr);
    }
    job();
  }
}

}  // namespace capbroker
