// What the meter lets through to gRPC, what it holds back, and what ends a connection.
#include "services/edge/frame_meter.h"

#include <gtest/gtest.h>

#include "tests/services/edge/frames.h"

namespace capbroker {
namespace {

using Next = FrameMeter::Next;

const std::string kAck = FrameOf(kSettings, kAckFlag, 0);
constexpr int64_t kSecond = 1'000'000;

std::string Call(uint32_t stream) { return FrameOf(kHeaders, kEndHeadersFlag, stream, "headers"); }
std::string Body(uint32_t stream, size_t size) {
  return FrameOf(kData, 0, stream, std::string(size, 'x'));
}

class FrameMeterTest : public ::testing::Test {
 protected:
  // What was held back goes first.
  Next Send(std::string_view bytes) {
    waiting_ += bytes;
    const FrameMeter::Step step = meter_.TakeFromClient(waiting_, known_, now_, &out_);
    waiting_.erase(0, step.taken);
    why_ = step.why;
    return step.next;
  }
  // What gRPC got since the last time.
  std::string Got() { return std::exchange(out_, ""); }
  void Greet() {
    meter_.TakeFromServer(FrameOf(kSettings, 0, 0, "123456"));
    ASSERT_EQ(Send(kPreface + FrameOf(kSettings, 0, 0)), Next::kMore);
    Got();
  }
  // As many as are let through without an answer.
  int Calls(int most) {
    for (int i = 0; i < most; ++i) {
      if (Send(Call(next_stream_)) != Next::kMore) return i;
      next_stream_ += 2;
    }
    return most;
  }

  StrangersAccount strangers_;
  FrameMeter meter_{strangers_};
  bool known_ = false;
  int64_t now_ = 1'000 * kSecond;
  uint32_t next_stream_ = 1;
  std::string waiting_, out_;
  Shed why_{};
};

TEST_F(FrameMeterTest, PassesOnWhatItIsGivenInPiecesOfAnySize) {
  const std::string said = kPreface + FrameOf(kSettings, 0, 0, "123456") + Call(1) +
                           Body(1, 3'000) + FrameOf(kWindowUpdate, 0, 0, "1234") + Call(3);
  for (const size_t size : {1u, 2u, 7u, 9u, 10u, 100u, 5'000u}) {
    StrangersAccount strangers;
    FrameMeter meter(strangers);
    meter.TakeFromServer(FrameOf(kSettings, 0, 0));
    std::string out;
    for (size_t at = 0; at < said.size(); at += size) {
      const std::string piece = said.substr(at, size);
      const FrameMeter::Step step = meter.TakeFromClient(piece, false, now_, &out);
      ASSERT_EQ(step.next, Next::kMore);
      ASSERT_EQ(step.taken, piece.size());
    }
    const size_t greeting = kPreface.size() + 15;
    EXPECT_EQ(out, said.substr(0, greeting) + kAck + said.substr(greeting)) << size;
    EXPECT_EQ(meter.charge(), 2 * kStreamCharge + 3'000);
  }
}

TEST_F(FrameMeterTest, AcknowledgesInTheClientsPlaceOnceThereIsSomethingToAcknowledge) {
  EXPECT_FALSE(meter_.is_greeted());
  EXPECT_EQ(Send(kPreface + FrameOf(kSettings, 0, 0, "123456").substr(0, 12)), Next::kMore);
  EXPECT_FALSE(meter_.is_greeted());
  EXPECT_EQ(Send("456" + Call(1)), Next::kHeld) << "gRPC has not said what its limits are";
  EXPECT_TRUE(meter_.is_greeted());
  EXPECT_EQ(Got(), kPreface + FrameOf(kSettings, 0, 0, "123456").substr(0, 12) + "456");
  meter_.TakeFromServer(FrameOf(kSettings, 0, 0, "123456") + FrameOf(kWindowUpdate, 0, 0, "1234"));
  EXPECT_EQ(Send(""), Next::kMore);
  EXPECT_EQ(Got(), kAck + Call(1));
  EXPECT_EQ(Send(kAck), Next::kMore);
  EXPECT_EQ(Got(), "") << "gRPC has heard that already";
  EXPECT_EQ(Send(kAck), Next::kMore);
  EXPECT_EQ(Got(), kAck) << "this is about later settings";
}

TEST_F(FrameMeterTest, EndsWhatIsNoHttp2) {
  for (const std::string& said :
       {std::string("GET / HTTP/1.1\r\n"), std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r!"),
        kPreface + Call(1), kPreface + kAck,
        kPreface + FrameOf(kSettings, 0, 0, std::string(606, 's'))}) {
    StrangersAccount strangers;
    FrameMeter meter(strangers);
    std::string out;
    const FrameMeter::Step step = meter.TakeFromClient(said, false, now_, &out);
    EXPECT_EQ(step.next, Next::kEnd) << said;
    EXPECT_EQ(step.why, Shed::kNotHttp2);
  }
}

TEST_F(FrameMeterTest, HoldsAStrangersCallsUntilOthersAreAnswered) {
  Greet();
  const int most = Calls(10'000);
  EXPECT_EQ(most, kStrangerBudget / kStreamCharge);
  EXPECT_EQ(strangers_.charged, kStrangerBudget);
  now_ += 3'600 * kSecond;
  EXPECT_EQ(Send(""), Next::kHeld) << "time alone makes no room";
  Got();
  meter_.TakeFromServer(FrameOf(kHeaders, kEndHeadersFlag, 1, "hi"));
  EXPECT_EQ(Send(""), Next::kHeld) << "it is not over";
  meter_.TakeFromServer(FrameOf(kHeaders, kEndHeadersFlag | kEndStreamFlag, 1, "bye"));
  EXPECT_EQ(Send(""), Next::kMore);
  EXPECT_EQ(Got(), Call(next_stream_));
}

TEST_F(FrameMeterTest, HoldsAStrangersMessagesToo) {
  Greet();
  EXPECT_EQ(Calls(6), 6);
  for (uint32_t stream = 1; stream < 7; stream += 2)
    EXPECT_EQ(Send(Body(stream, 1'000'000)), Next::kMore);
  now_ += 3'600 * kSecond;
  EXPECT_EQ(Send(Body(7, 1'100'000)), Next::kHeld);
  meter_.TakeFromServer(FrameOf(kData, 0, 3, "an answer"));
  EXPECT_EQ(Send(""), Next::kMore);
  EXPECT_EQ(meter_.charge(), 6 * kStreamCharge + 2'000'000 + 1'100'000);
}

TEST_F(FrameMeterTest, APartyHasRoomThatAStrangerHasNot) {
  Greet();
  const int most = Calls(10'000);
  known_ = true;
  EXPECT_EQ(Send(""), Next::kMore);
  EXPECT_EQ(strangers_.charged, 0) << "it is no stranger's any more";
  next_stream_ += 2;
  EXPECT_EQ(Calls(10'000), kPartyBudget / kStreamCharge - most - 1);
}

TEST_F(FrameMeterTest, StrangersTogetherAreBounded) {
  Greet();
  strangers_.charged += kAllStrangersBudget - 2 * kStreamCharge;
  EXPECT_EQ(Calls(3), 2);
  EXPECT_EQ(Send(""), Next::kHeldByAll);
  strangers_.charged -= kStreamCharge;
  EXPECT_EQ(Send(""), Next::kMore);
}

TEST_F(FrameMeterTest, WhatAStrangerHeldIsGivenBackWithIt) {
  {
    FrameMeter other(strangers_);
    other.TakeFromServer(FrameOf(kSettings, 0, 0));
    std::string out;
    other.TakeFromClient(kPreface + FrameOf(kSettings, 0, 0) + Call(1) + Body(1, 1'000), false,
                         now_, &out);
    EXPECT_EQ(strangers_.charged, kStreamCharge + 1'000);
  }
  EXPECT_EQ(strangers_.charged, 0);
}

TEST_F(FrameMeterTest, AStrangerCallsSoOften) {
  Greet();
  const auto call_and_answer = [&](int most) {
    for (int i = 0; i < most; ++i, next_stream_ += 2) {
      if (Send(Call(next_stream_)) != Next::kMore) return i;
      meter_.TakeFromServer(
          FrameOf(kHeaders, kEndHeadersFlag | kEndStreamFlag, next_stream_, "no"));
    }
    return most;
  };
  EXPECT_EQ(call_and_answer(10'000), kStrangerCalls);
  now_ += kSecond;
  EXPECT_EQ(Send(""), Next::kMore);
  meter_.TakeFromServer(FrameOf(kHeaders, kEndHeadersFlag | kEndStreamFlag, next_stream_, "no"));
  next_stream_ += 2;
  EXPECT_EQ(call_and_answer(10'000), kStrangerCallsPerSecond - 1);
  known_ = true;
  EXPECT_EQ(Send(""), Next::kMore);
  next_stream_ += 2;
  EXPECT_EQ(call_and_answer(10'000), 10'000) << "a party has no such limit";
}

TEST_F(FrameMeterTest, AStrangerSendsSoMuch) {
  Greet();
  EXPECT_EQ(Calls(1), 1);
  const std::string window = FrameOf(kWindowUpdate, 0, 0, "1234");
  int64_t sent = 0;
  while (Send(window) == Next::kMore) sent += static_cast<int64_t>(window.size());
  EXPECT_NEAR(static_cast<double>(sent), static_cast<double>(kStrangerBytes), 200);
  const int64_t before = sent;
  now_ += kSecond;
  EXPECT_EQ(Send(""), Next::kMore);
  while (Send(window) == Next::kMore) sent += static_cast<int64_t>(window.size());
  EXPECT_NEAR(static_cast<double>(sent - before), static_cast<double>(kStrangerBytesPerSecond),
              200);
}

TEST_F(FrameMeterTest, ResetsEndTheConnection) {
  Greet();
  known_ = true;
  for (int64_t i = 0; i < kResets; ++i, next_stream_ += 2) {
    ASSERT_EQ(Send(Call(next_stream_) + FrameOf(kReset, 0, next_stream_, "1234")), Next::kMore)
        << i;
  }
  EXPECT_EQ(meter_.charge(), 0);
  EXPECT_EQ(Send(Call(next_stream_) + FrameOf(kReset, 0, next_stream_, "1234")), Next::kEnd);
  EXPECT_EQ(why_, Shed::kResets);
}

TEST_F(FrameMeterTest, AStrangersResetsEndItSooner) {
  Greet();
  int64_t sent = 0;
  while (Send(Call(next_stream_) + FrameOf(kReset, 0, next_stream_, "1234")) == Next::kMore) {
    ++sent;
    next_stream_ += 2;
  }
  EXPECT_EQ(why_, Shed::kResets);
  EXPECT_EQ(sent, kResets / kResetOfStranger);
}

TEST_F(FrameMeterTest, ResetsOfWhatWasAnsweredAreNone) {
  Greet();
  known_ = true;
  for (int64_t i = 0; i < 2 * kResets; ++i, next_stream_ += 2) {
    ASSERT_EQ(Send(Call(next_stream_)), Next::kMore);
    meter_.TakeFromServer(FrameOf(kHeaders, kEndHeadersFlag | kEndStreamFlag, next_stream_, "no"));
    now_ += kSecond / kIdleFramesPerSecond;
    ASSERT_EQ(Send(FrameOf(kReset, 0, next_stream_, "1234")), Next::kMore) << i;
  }
}

TEST_F(FrameMeterTest, FramesForNothingEndTheConnection) {
  const struct {
    const char* what;
    std::string frame;
  } cases[] = {
      {"PING", FrameOf(kPing, 0, 0, "12345678")},
      {"SETTINGS", FrameOf(kSettings, 0, 0)},
      {"PRIORITY", FrameOf(kPriority, 0, 1, "12345")},
      {"an unknown kind", FrameOf(static_cast<FrameKind>(77), 0, 1, "?")},
      {"empty DATA", FrameOf(kData, 0, 1)},
      {"DATA of no stream", FrameOf(kData, 0, 99, "?")},
      {"RST_STREAM of no stream", FrameOf(kReset, 0, 99, "1234")},
  };
  for (const auto& each : cases) {
    StrangersAccount strangers;
    FrameMeter meter(strangers);
    meter.TakeFromServer(FrameOf(kSettings, 0, 0));
    std::string out;
    meter.TakeFromClient(kPreface + FrameOf(kSettings, 0, 0) + kAck + Call(1), true, now_, &out);
    int64_t sent = 0;
    FrameMeter::Step step;
    while ((step = meter.TakeFromClient(each.frame, true, now_, &out)).next == Next::kMore) ++sent;
    EXPECT_EQ(step.next, Next::kEnd) << each.what;
    EXPECT_EQ(step.why, Shed::kIdleFrames) << each.what;
    EXPECT_EQ(sent, kIdleFrames) << each.what;
  }
}

TEST_F(FrameMeterTest, APingForEachAnswerIsNoOffence) {
  Greet();
  known_ = true;
  ASSERT_EQ(Calls(1), 1);
  for (int64_t i = 0; i < 2 * kIdleFrames; ++i) {
    meter_.TakeFromServer(FrameOf(kData, 0, 1, "news"));
    ASSERT_EQ(Send(FrameOf(kPing, 0, 0, "12345678")), Next::kMore);
  }
}

TEST_F(FrameMeterTest, HeadersHaveAnEnd) {
  Greet();
  EXPECT_EQ(Send(FrameOf(kHeaders, 0, 1, std::string(16'000, 'h'))), Next::kMore);
  EXPECT_EQ(Send(FrameOf(kContinuation, 0, 1, std::string(16'000, 'h'))), Next::kMore);
  EXPECT_EQ(Send(FrameOf(kContinuation, 0, 1, std::string(16'000, 'h'))), Next::kEnd);
  EXPECT_EQ(why_, Shed::kHeaders);
  StrangersAccount strangers;
  FrameMeter meter(strangers);
  meter.TakeFromServer(FrameOf(kSettings, 0, 0));
  std::string out;
  const std::string one =
      kPreface + FrameOf(kSettings, 0, 0) + FrameOf(kHeaders, 0, 1, std::string(40'000, 'h'));
  EXPECT_EQ(meter.TakeFromClient(one, false, now_, &out).next, Next::kEnd);
}

TEST_F(FrameMeterTest, KnowsWhereTheServersFramesEnd) {
  EXPECT_TRUE(meter_.is_between_server_frames());
  const std::string frame = FrameOf(kData, 0, 1, "news");
  for (size_t at = 0; at < frame.size(); ++at) {
    meter_.TakeFromServer(frame.substr(at, 1));
    EXPECT_EQ(meter_.is_between_server_frames(), at + 1 == frame.size()) << at;
  }
}

}  // namespace
}  // namespace capbroker
