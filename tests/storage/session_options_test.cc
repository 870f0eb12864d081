#include "storage/session_options.h"

#include <gmock/gmock.h>

namespace capbroker {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::string Of(const std::string& url) {
  return ConnectionString({.url = url, .connect = Seconds(7)}).value_or("");
}

TEST(ConnectionString, BoundsComeBeforeWhatIsGiven) {
  EXPECT_THAT(Of("host=a"), HasSubstr("connect_timeout=7 keepalives_idle=5 "));
  EXPECT_THAT(Of("host=a connect_timeout=1"), EndsWith(" connect_timeout='1' host='a'"));
  EXPECT_THAT(Of("postgresql://u:p%27%5Cw@h:1/d?options=-c%20role%3Dx"),
              HasSubstr(" password='p\\'\\\\w' dbname='d' host='h' port='1'"));
}

TEST(ConnectionString, ARefusalDoesNotRepeatTheUrl) {
  const absl::Status status = ConnectionString({.url = "postgresql://u:secret@[::1"}).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace capbroker
