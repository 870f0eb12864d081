#include "storage/ticket_lock.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace capbroker {
namespace {

TEST(TicketLock, WhoComesBackWaitsBehindThoseWhoWait) {
  TicketLock mutex;
  std::string order;  // Holders in their order; guarded by the lock.
  mutex.Lock();
  const auto queue = [&](char name) {
    const uint64_t before = mutex.users();
    std::thread thread([&mutex, &order, name] {
      ScopedTicketLock lock(&mutex);
      order += name;
    });
    while (mutex.users() == before) std::this_thread::yield();
    return thread;
  };
  std::thread first = queue('1'), second = queue('2');
  mutex.Unlock();
  mutex.Lock();
  order += '3';
  mutex.Unlock();
  first.join();
  second.join();
  EXPECT_EQ(order, "123");
}

}  // namespace
}  // namespace capbroker
