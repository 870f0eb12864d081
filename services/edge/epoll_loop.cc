#include "services/edge/epoll_loop.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace capbroker {
namespace {

constexpr uint64_t kWakeTag = UINT64_MAX;
constexpr int64_t kTickMicros = 100'000;

}  // namespace

int64_t EdgeMicros() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1'000;
}

EpollLoop::EpollLoop(const char* name)
    : name_(name),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wakes_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  Watch(wakes_.get(), EPOLLIN, kWakeTag);
}

EpollLoop::~EpollLoop() { Stop(); }

void EpollLoop::Start(std::function<void(uint64_t, uint32_t)> on_event,
                      std::function<bool(int64_t)> on_tick) {
  on_event_ = std::move(on_event);
  on_tick_ = std::move(on_tick);
  thread_ = std::thread([this] { Run(); });
}

void EpollLoop::Stop() {
  stopping_ = true;
  Post([] {});
  if (thread_.joinable()) thread_.join();
}

void EpollLoop::Watch(int fd, uint32_t events, uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void EpollLoop::ChangeWatch(int fd, uint32_t events, uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EpollLoop::Unwatch(int fd) { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void EpollLoop::Post(Task task) {
  {
    absl::MutexLock lock(&mutex_);
    tasks_.push_back(std::move(task));
  }
  const uint64_t one = 1;
  (void)!write(wakes_.get(), &one, sizeof one);
}

void EpollLoop::RunTasks() {
  uint64_t count = 0;
  (void)!read(wakes_.get(), &count, sizeof count);
  std::vector<Task> tasks;
  {
    absl::MutexLock lock(&mutex_);
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) {
    if (!stopping_) task();
  }
}

void EpollLoop::Run() {
  pthread_setname_np(pthread_self(), name_);
  sigset_t pipe;  // OpenSSL writes without MSG_NOSIGNAL; what it writes to may be gone.
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  std::array<epoll_event, 128> events;
  int64_t ticked = EdgeMicros();
  for (bool ticks = true; !stopping_;) {
    const int timeout = ticks ? static_cast<int>(kTickMicros / 1'000) : -1;
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    for (int i = 0; i < count && !stopping_; ++i) {
      if (events[i].data.u64 == kWakeTag) {
        RunTasks();
      } else {
        on_event_(events[i].data.u64, events[i].events);
      }
    }
    const int64_t now = EdgeMicros();
    ticks |= count > 0;
    if (ticks && now - ticked >= kTickMicros) {
      ticks = on_tick_(now);
      ticked = now;
    }
  }
}

}  // namespace capbroker
