#include "services/concurrency/event_loop.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

namespace capbroker {
namespace {

TEST(EventLoop, RunsWorkInTheOrderOfPosts) {
  EventLoop loop;
  std::string log;
  loop.Post([&] {
    log += 'a';
    loop.Post([&] {
      log += 'c';
      loop.Stop();
    });
  });
  loop.Post([&] { log += 'b'; });
  loop.Run();
  EXPECT_EQ(log, "abc");
}

TEST(EventLoop, RunsDelayedWorkByItsTimeAndNeverAfterStop) {
  EventLoop loop;
  std::string log;
  loop.PostAfter(Span{2'000}, [&] {
    log += 'b';
    loop.PostAfter(Hours(1), [&] { log += 'x'; });
    loop.Stop();
  });
  loop.PostAfter(Span{1'000}, [&] { log += 'a'; });
  loop.Run();
  EXPECT_EQ(log, "ab");
}

TEST(EventLoop, RunWaitsForExpectedCompletions) {
  EventLoop loop;
  bool completed = false;
  loop.ExpectCompletion();
  loop.Stop();
  std::thread other([&] { loop.Complete([&] { completed = true; }); });
  loop.Run();
  EXPECT_TRUE(completed);
  other.join();
}

TEST(EventLoop, RunOnceReturnsWithoutWorkWhenTheTimeIsOver) {
  EventLoop loop;
  int ran = 0;
  loop.RunOnce(Span{1'000});
  EXPECT_EQ(ran, 0);
  loop.Post([&] {
    ++ran;
    loop.Post([&] { ++ran; });
  });
  loop.RunOnce(Hours(1));
  EXPECT_EQ(ran, 1);
  loop.RunOnce(Hours(1));
  EXPECT_EQ(ran, 2);
}

TEST(EventLoop, ClosedItDiscardsWorkAndWhatItOwns) {
  EventLoop loop;
  auto owned = std::make_shared<int>(1);
  loop.Post([owned] {});
  loop.PostAfter(Hours(1), [owned] {});
  loop.Close();
  loop.Post([owned] {});
  EXPECT_EQ(owned.use_count(), 1);
}

}  // namespace
}  // namespace capbroker
