#include "services/cli/call.h"

#include <google/protobuf/util/json_util.h>
#include <openssl/rand.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "broker/values/ids.h"
#include "services/client/client.h"

namespace capbroker {

std::string Json(const google::protobuf::Message& message, bool one_line) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = !one_line;
  std::string out;
  (void)google::protobuf::util::MessageToJsonString(message, &out, options);
  if (!out.ends_with('\n')) out += '\n';
  return out;
}

void Print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

std::string RequestKey(const std::string& given) {
  if (!given.empty()) return given;
  std::array<uint64_t, 2> random{};
  RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), sizeof random);
  return Format(MakeRequestId(LocalNow(), random));
}

void NoteBreak(const grpc::Status& status, bool& said) {
  if (!std::exchange(said, true)) {
    std::fprintf(stderr, "capbroker: the watch broke (%s); retrying every second\n",
                 status.ok() ? "the broker ended it" : Explain(status).line.c_str());
  }
  std::this_thread::sleep_for(std::chrono::seconds(1));
}

int FailChange(const Session& session, const grpc::Status& status, const std::string& request_key) {
  const int exit_code = session.Fail(status);
  if (exit_code == kExitUnavailable || exit_code == kExitFault) {
    std::fprintf(stderr,
                 "capbroker: the outcome is unknown; --request-id %s repeats the call safely\n",
                 request_key.c_str());
  }
  return exit_code;
}

}  // namespace capbroker
