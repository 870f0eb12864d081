// Measures what a call costs by itself: a raw gRPC unary echo between two processes of one thread
// and one completion queue each, in bytes.
//
//   echo_bench [--concurrency N] [--seconds S] [--warm-up S] [--size BYTES]
//
// The output has the form of lifecycle_bench's.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>
#include <thread>
#include <vector>

#include "broker/values/text.h"
#include "tests/bench/latency.h"
#include "tests/bench/stream.h"
#include "tests/bench/wire.h"

namespace capbroker::bench {
namespace {

class Echo {
 public:
  Echo() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterAsyncGenericService(&service_);
    queue_ = builder.AddCompletionQueue();
    server_ = builder.BuildAndStart();
    new Answer(*this);
    thread_ = std::thread([this] {
      void* tag = nullptr;
      for (bool ok = false; queue_->Next(&tag, &ok);) static_cast<Answer*>(tag)->Done(ok);
    });
  }
  ~Echo() {
    server_->Shutdown();
    queue_->Shutdown();
    thread_.join();
  }
  int port() const { return port_; }

 private:
  // One call. It is its own tag, since only one operation of it is in flight at a time.
  struct Answer {
    explicit Answer(Echo& in) : echo(in), stream(&context) {
      echo.service_.RequestCall(&context, &stream, echo.queue_.get(), echo.queue_.get(), this);
    }
    void Done(bool ok) {
      if (!ok || step == 2) {
        delete this;
      } else if (step++ == 0) {
        new Answer(echo);
        stream.Read(&message, this);
      } else {
        stream.WriteAndFinish(message, {}, grpc::Status::OK, this);
      }
    }
    Echo& echo;
    grpc::GenericServerContext context;
    grpc::GenericServerAsyncReaderWriter stream;
    grpc::ByteBuffer message;
    int step = 0;
  };

  int port_ = 0;
  grpc::AsyncGenericService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
  std::thread thread_;
};

struct Call {
  std::optional<grpc::ClientContext> context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  grpc::ByteBuffer reply;
  grpc::Status status;
  int64_t asked = 0;

  void Start(grpc::GenericStub& stub, grpc::CompletionQueue& queue, std::string_view message) {
    static const std::string method = "/capbroker.bench.Echo/Echo";
    asked = Now();
    context.emplace();
    reader = stub.PrepareUnaryCall(&*context, method, BufferOf(message), &queue);
    reader->StartCall();
    reader->Finish(&reply, &status, this);
  }
};

int Go(size_t concurrency, double seconds, double warm_up, size_t size) {
  int to_child[2], from_child[2];
  if (pipe(to_child) != 0 || pipe(from_child) != 0) return 1;
  const pid_t child = fork();  // Before gRPC has started any thread.
  if (child == 0) {
    close(to_child[1]);
    Echo echo;
    const int port = echo.port();
    if (write(from_child[1], &port, sizeof port) != sizeof port) return 1;
    char end = 0;
    // Returns when the other process closes its half.
    return read(to_child[0], &end, 1) == 0 ? 0 : 1;
  }
  close(to_child[0]);
  int port = 0;
  if (child < 0 || read(from_child[0], &port, sizeof port) != sizeof port) return 1;
  grpc::GenericStub stub(Connect(Cat("127.0.0.1:", port)));
  grpc::CompletionQueue queue;
  const std::string message(size, 'x');
  std::vector<Call> calls(concurrency);
  const int64_t begin = Now() + static_cast<int64_t>(warm_up * 1e9);
  const int64_t end = begin + static_cast<int64_t>(seconds * 1e9);
  for (Call& call : calls) call.Start(stub, queue, message);
  Latencies times;
  bool began = false, ended = false;
  for (size_t out = concurrency; out > 0;) {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    Call& call = *static_cast<Call*>(tag);
    const int64_t now = Now();
    if (!call.status.ok() || call.reply.Length() != size) {
      std::fprintf(stderr, "echo_bench: %s\n", call.status.error_message().c_str());
      return 1;
    }
    if (!began && now >= begin) began = std::fprintf(stderr, "begin\n") > 0;
    if (!ended && now >= end) ended = std::fprintf(stderr, "end\n") > 0;
    if (now >= begin && now < end) times.Add(now - call.asked);
    call.reader.reset();
    if (now < end) {
      call.Start(stub, queue, message);
    } else {
      --out;
    }
  }
  queue.Shutdown();
  close(to_child[1]);
  waitpid(child, nullptr, 0);
  std::printf(
      "{\"seconds\": %.3f, \"per_second\": %.1f, \"milliseconds\": {\"call\": {\"count\": %llu, "
      "\"p50\": "
      "%.4f, "
      "\"p90\": %.4f, \"p99\": %.4f, \"p99.9\": %.4f}}, \"errors\": []}\n",
      seconds, static_cast<double>(times.count()) / seconds,
      static_cast<unsigned long long>(times.count()), times.Quantile(0.5), times.Quantile(0.9),
      times.Quantile(0.99), times.Quantile(0.999));
  return 0;
}

}  // namespace
}  // namespace capbroker::bench

int main(int argc, char** argv) {
  size_t concurrency = 64, size = 200;
  double seconds = 5, warm_up = 1;
  CLI::App app("Raw gRPC unary echo");
  app.add_option("--concurrency", concurrency)->check(CLI::Range(1, 100'000));
  app.add_option("--seconds", seconds)->check(CLI::PositiveNumber);
  app.add_option("--warm-up", warm_up)->check(CLI::NonNegativeNumber);
  app.add_option("--size", size);
  CLI11_PARSE(app, argc, argv);
  return capbroker::bench::Go(concurrency, seconds, warm_up, size);
}
