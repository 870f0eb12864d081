// Measures the latency of reads, one at a time: a request, the first page of its owner's requests,
// and its trail.
//
//   read_bench --target HOST:PORT --token FILE --names FILE [--seconds S]
//
// The file of names has a line "owners/{owner}/capacityRequests/{request}" for each request, all of
// the token's owner; they are read in turn. The output has the form of lifecycle_bench's.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/bench/latency.h"
#include "tests/bench/stream.h"
#include "tests/bench/wire.h"

namespace capbroker::bench {
namespace {

struct Read {
  const char* name;
  std::string method;
  bool of_request;  // Of the request; otherwise of its owner.
  Latencies times{};
};

int Go(const std::string& target, const std::string& token, const std::vector<std::string>& names,
       double seconds) {
  grpc::GenericStub stub(Connect(target));
  grpc::CompletionQueue queue;
  Read reads[] = {{"get", "/capbroker.v1.CapacityRequestService/GetCapacityRequest", true},
                  {"list", "/capbroker.v1.CapacityRequestService/ListCapacityRequests", false},
                  {"trail", "/capbroker.v1.DecisionService/ListDecisions", true}};
  const int64_t begin = Now();
  size_t turn = 0;
  while (Now() < begin + static_cast<int64_t>(seconds * 1e9)) {
    const std::string& name = names[turn++ % names.size()];
    for (Read& read : reads) {
      std::string message;
      AppendBytes(message, 1,
                  read.of_request
                      ? std::string_view(name)
                      : std::string_view(name).substr(0, name.find("/capacityRequests/")));
      const int64_t asked = Now();
      grpc::ClientContext context;
      Identify(context, token);
      auto call = stub.PrepareUnaryCall(&context, read.method, BufferOf(message), &queue);
      grpc::ByteBuffer reply;
      grpc::Status status;
      call->StartCall();
      call->Finish(&reply, &status, &call);
      void* tag = nullptr;
      bool ok = false;
      queue.Next(&tag, &ok);
      if (!status.ok() || reply.Length() == 0) {
        std::fprintf(stderr, "read_bench: %s of %s: %s\n", read.name, name.c_str(),
                     status.ok() ? "nothing" : status.error_message().c_str());
        return 1;
      }
      read.times.Add(Now() - asked);
    }
  }
  std::printf("{\"milliseconds\": {");
  for (const Read& read : reads) {
    std::printf(
        "%s\"%s\": {\"count\": %llu, \"p50\": %.4f, \"p90\": %.4f, \"p99\": %.4f, \"p99.9\": %.4f}",
        &read == reads ? "" : ", ", read.name, static_cast<unsigned long long>(read.times.count()),
        read.times.Quantile(0.5), read.times.Quantile(0.9), read.times.Quantile(0.99),
        read.times.Quantile(0.999));
  }
  std::printf("}, \"errors\": []}\n");
  return 0;
}

}  // namespace
}  // namespace capbroker::bench

int main(int argc, char** argv) {
  std::string target, token_file, names_file;
  double seconds = 5;
  CLI::App app("How long reads take");
  app.add_option("--target", target)->required();
  app.add_option("--token", token_file)->required()->check(CLI::ExistingFile);
  app.add_option("--names", names_file)->required()->check(CLI::ExistingFile);
  app.add_option("--seconds", seconds)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  std::string token;
  std::ifstream(token_file) >> token;
  std::ifstream file(names_file);
  const std::vector<std::string> names{std::istream_iterator<std::string>(file), {}};
  if (names.empty()) {
    std::fprintf(stderr, "read_bench: %s names nothing\n", names_file.c_str());
    return 2;
  }
  return capbroker::bench::Go(target, "Bearer " + token, names, seconds);
}
