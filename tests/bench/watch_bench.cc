// Holds watches and does nothing else: a WatchCapacityRequests for each line of a file, over a few
// connections, until standard input ends.
//
//   watch_bench --target HOST:PORT --tokens DIR --names FILE [--channels N] [--stalled N]
//
// A line is "owners/{owner}/capacityRequests/{request}" for one request, or "owners/{owner}" for
// all requests of an owner. The first `stalled` of them read the snapshot and never read again.
// Prints "ready" when every watch has its snapshot, and at the end a JSON object with the messages
// and bytes that came.
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/latency.h"
#include "tests/bench/stream.h"
#include "tests/bench/wire.h"

namespace capbroker::bench {
namespace {

struct Counts {
  uint64_t synced = 0, ended = 0, messages = 0, bytes = 0;
  bool stopped = false;
  uint64_t broken = 0;  // Watches that ended before the end.
};

class Watcher final : public Stream {
 public:
  Watcher(grpc::GenericStub& stub, grpc::CompletionQueue& queue, const std::string& token,
          bool stalls, Counts& counts)
      : Stream(stub, queue, "/capbroker.v1.CapacityRequestService/WatchCapacityRequests", token),
        stalls_(stalls),
        counts_(counts) {}

 private:
  void OnMessage(std::string_view message) override {
    ++counts_.messages;
    counts_.bytes += message.size();
    if (synced_) return;
    for (FieldReader field(message); field.Next();) {
      if (field.number() != 2) continue;
      synced_ = true;
      ++counts_.synced;
      if (stalls_) StopReading();
    }
  }
  void OnEnd(const grpc::Status&) override {
    ++counts_.ended;
    if (!counts_.stopped) ++counts_.broken;
  }

  const bool stalls_;
  Counts& counts_;
  bool synced_ = false;
};

int Go(const std::string& target, const std::string& tokens, const std::vector<std::string>& names,
       size_t channels, size_t stalled) {
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  for (size_t i = 0; i < channels; ++i)
    stubs.push_back(std::make_unique<grpc::GenericStub>(Connect(target)));
  grpc::CompletionQueue queue;
  Counts counts;
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (const std::string& name : names) {
    const std::string owner = name.substr(7, name.find('/', 7) - 7);
    std::string token;
    std::ifstream(tokens + "/owner-" + owner) >> token;
    watchers.push_back(std::make_unique<Watcher>(*stubs[watchers.size() % channels], queue,
                                                 "Bearer " + token, watchers.size() < stalled,
                                                 counts));
    std::string first;
    AppendBytes(first, 1, "owners/" + owner);
    if (name.size() > 7 + owner.size()) AppendBytes(first, 2, name);
    watchers.back()->Open(first, true);
  }
  bool said = false;
  for (pollfd in{STDIN_FILENO, POLLIN, 0}; poll(&in, 1, 0) == 0;) {
    void* tag = nullptr;
    bool ok = false;
    const int64_t until = Now() + 100'000'000;
    const gpr_timespec deadline = {
        until / 1'000'000'000, static_cast<int32_t>(until % 1'000'000'000), GPR_CLOCK_MONOTONIC};
    if (queue.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::GOT_EVENT) {
      static_cast<Event*>(tag)->Done(ok);
    }
    if (!said && counts.synced == watchers.size()) {
      said = std::printf("ready\n") > 0;
      std::fflush(stdout);
    }
  }
  std::printf(
      "{\"watchers\": %zu, \"synced\": %llu, \"messages\": %llu, \"bytes\": %llu, \"broken\": "
      "%llu}\n",
      watchers.size(), static_cast<unsigned long long>(counts.synced),
      static_cast<unsigned long long>(counts.messages),
      static_cast<unsigned long long>(counts.bytes),
      static_cast<unsigned long long>(counts.broken));
  std::fflush(stdout);
  _exit(0);  // The streams that do not read would never end by themselves.
}

}  // namespace
}  // namespace capbroker::bench

int main(int argc, char** argv) {
  std::string target, tokens, names_file;
  size_t channels = 4, stalled = 0;
  CLI::App app("Owners that watch");
  app.add_option("--target", target)->required();
  app.add_option("--tokens", tokens)->required()->check(CLI::ExistingDirectory);
  app.add_option("--names", names_file)->required()->check(CLI::ExistingFile);
  app.add_option("--channels", channels)->check(CLI::Range(1, 64));
  app.add_option("--stalled", stalled);
  CLI11_PARSE(app, argc, argv);
  std::ifstream file(names_file);
  const std::vector<std::string> names{std::istream_iterator<std::string>(file), {}};
  return capbroker::bench::Go(target, tokens, names, channels, stalled);
}
