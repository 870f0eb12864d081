#include "storage/deadline.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace capbroker {
namespace {

struct Pair {
  Pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0); }
  ~Pair() {
    for (const int end : ends) close(end);
  }
  int ends[2];
};

TEST(Deadline, EndsAReadThatBlocks) {
  Pair pair;
  Deadline deadline(dup(pair.ends[0]), Span{1'000});
  deadline.Start();
  char byte;
  EXPECT_EQ(read(pair.ends[0], &byte, 1), 0);
  EXPECT_TRUE(deadline.HasPassed());
  EXPECT_EQ(deadline.Words(), "no answer within 0.001s");
}

// One that is later, one that was stopped, one without a bound, and one that was begun anew.
TEST(Deadline, LeavesOthersAlone) {
  Pair pair[5];
  Deadline later(dup(pair[0].ends[0]), Hours(1)), stopped(dup(pair[1].ends[0]), Span{1'000}),
      never(dup(pair[2].ends[0]), Span{}), anew(dup(pair[3].ends[0]), Hours(1));
  Deadline first(dup(pair[4].ends[0]), Span{2'000});
  for (Deadline* deadline : {&later, &stopped, &never, &anew}) deadline->Start();
  stopped.Stop();
  anew.Start();
  first.Start();
  char byte = 'x';
  EXPECT_EQ(read(pair[4].ends[0], &byte, 1), 0);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(write(pair[i].ends[1], &byte, 1), 1);
    EXPECT_EQ(read(pair[i].ends[0], &byte, 1), 1);
  }
  for (const Deadline* deadline : {&later, &stopped, &never, &anew})
    EXPECT_FALSE(deadline->HasPassed());
}

}  // namespace
}  // namespace capbroker
