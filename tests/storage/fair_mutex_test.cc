#include "storage/fair_mutex.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace capbroker {
namespace {

TEST(FairMutex, WhoComesBackWaitsBehindThoseWhoWait) {
  FairMutex mutex;
  std::string order;  // Of those who had it; guarded by it.
  mutex.Lock();
  const auto queue = [&](char name) {
    const uint64_t before = mutex.users();
    std::thread thread([&mutex, &order, name] {
      FairLock lock(&mutex);
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
