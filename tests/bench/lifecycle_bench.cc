// Measures whole brokered requests a second and their latency. This process plays every owner and
// both providers of a broker that runs already.
//
//   lifecycle_bench --target 127.0.0.1:7420 --tokens DIR [--transport unary|session]
//                   [--mix accepted|declined|partial|lapse|open]
//                   [--concurrency N [--count N] | --rate R [--overload]] [--seconds S]
//                   [--warm-up S] [--owners N] [--owner-prefix NAME] [--holder NAME]
//                   [--alternative NAME] [--channels N]
//
// DIR holds a file with the token of each party: owner-bench-0 ..., provider-azure,
// provider-stargate-oracle. The owners have an agreement that gives azure the first refusal;
// stargate-oracle is registered. `tests/bench/run --keep` leaves such a broker running and prints
// the command; `perf record -p` on the broker then shows where its time goes.
//
// A lifecycle starts when its CreateCapacityRequest leaves (in an open loop: when it was planned
// to), and ends when its owner's stream reports that it is FULFILLED. Every one is checked: its
// state, who supplies how much, the offers of both providers, and the replies to their answers. The
// first mistake ends the run with exit code 1. Calls have no deadline; the run fails when nothing
// happens for ten seconds.
//
// Owners share `channels` connections, and each provider has its own. Everything runs on one thread
// and one completion queue, in bytes, because the machine is shared with what is measured.
//
// Prints "begin" and "end" on stderr when the counted time begins and ends, for a process that
// measures beside it, and one JSON object on stdout.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <map>

#include "broker/values/text.h"
#include "tests/bench/lifecycles.h"
#include "tests/bench/stream.h"
#include "tests/bench/transports.h"

namespace capbroker::bench {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int kMostAtOnce = 64;  // Events between two looks at the clock.
constexpr int64_t kPatience = 10 * kSecond;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Run {
 public:
  explicit Run(const Plan& plan)
      : plan_(plan),
        lifecycles_(plan),
        transport_(plan.session ? MakeSession(plan, queue_, lifecycles_)
                                : MakeUnary(plan, queue_, lifecycles_)) {
    lifecycles_.Use(*transport_);
  }

  int Go() {
    Until([&] { return transport_->IsReady(); }, INT64_MAX);
    const int64_t start = Now();
    const bool counted = plan_.count > 0;
    const int64_t begin = counted ? start : start + static_cast<int64_t>(plan_.warm_up * kSecond);
    const int64_t end = counted ? INT64_MAX : begin + static_cast<int64_t>(plan_.seconds * kSecond);
    lifecycles_.Start(start, begin, end);
    transport_->Flush();
    Until([] { return false; }, begin);
    Mark("begin");
    const double cpu = CpuSeconds();
    const uint64_t messages = transport_->messages(), commands = transport_->commands();
    Until([&] { return counted && lifecycles_.IsDrained(); }, end);
    Mark("end");
    seconds_ = static_cast<double>(Now() - begin) / kSecond;
    cpu_ = CpuSeconds() - cpu;
    messages_ = transport_->messages() - messages;
    commands_ = transport_->commands() - commands;
    Until([&] { return lifecycles_.IsDrained(); }, INT64_MAX);
    if (lifecycles_.errors().empty()) lifecycles_.CheckComplete();
    transport_->Stop();
    while (!transport_->IsStopped()) Step(INT64_MAX);
    queue_.Shutdown();
    void* tag = nullptr;
    for (bool ok = false; queue_.Next(&tag, &ok);) static_cast<Event*>(tag)->Done(ok);
    Print();
    return lifecycles_.errors().empty() ? 0 : 1;
  }

 private:
  static void Mark(const char* what) { std::fprintf(stderr, "%s\n", what); }

  // Handles one event, or none before `deadline`; returns whether there was one.
  bool Step(int64_t deadline) {
    void* tag = nullptr;
    bool ok = false;
    const gpr_timespec until = {deadline / kSecond, static_cast<int32_t>(deadline % kSecond),
                                GPR_CLOCK_MONOTONIC};
    if (queue_.AsyncNext(&tag, &ok, until) != grpc::CompletionQueue::GOT_EVENT) return false;
    static_cast<Event*>(tag)->Done(ok);
    return true;
  }

  // Handles events until `done`, `deadline`, or an error.
  template <class Done>
  void Until(Done done, int64_t deadline) {
    int64_t moved = Now();
    uint64_t progress = lifecycles_.progress();
    while (!done() && lifecycles_.errors().empty()) {
      const int64_t now = Now();
      if (now >= deadline) return;
      if (progress != lifecycles_.progress()) {
        progress = lifecycles_.progress();
        moved = now;
      } else if (now - moved > kPatience) {
        return lifecycles_.Fail("nothing has happened for ten seconds");
      }
      lifecycles_.Advance(now);
      transport_->Flush();
      Step(std::min({deadline, lifecycles_.NextDue(), moved + kPatience + 1}));
      // Behind its plan, the run handles what came in before it starts more: otherwise the calls in
      // flight would grow without end.
      for (int i = 0; i < kMostAtOnce && lifecycles_.NextDue() < now && Step(0); ++i)
        transport_->Flush();
      transport_->Flush();
    }
  }

  static std::string Quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(static_cast<unsigned char>(c) < ' ' ? ' ' : c);
    }
    return out + "\"";
  }
  static void PrintLatencies(const char* name, const Latencies& times, const char* after) {
    std::printf(
        "\"%s\": {\"count\": %llu, \"p50\": %.4f, \"p90\": %.4f, \"p99\": %.4f, \"p99.9\": %.4f}%s",
        name, static_cast<unsigned long long>(times.count()), times.Quantile(0.5),
        times.Quantile(0.9), times.Quantile(0.99), times.Quantile(0.999), after);
  }
  void Print() const {
    std::printf(
        "{\"seconds\": %.3f, \"lifecycles\": %llu, \"per_second\": %.1f, \"in_all\": %llu, "
        "\"started\": "
        "%llu, ",
        seconds_, static_cast<unsigned long long>(lifecycles_.finished()),
        static_cast<double>(lifecycles_.finished()) / seconds_,
        static_cast<unsigned long long>(lifecycles_.finished_in_all()),
        static_cast<unsigned long long>(lifecycles_.started()));
    std::printf(
        "\"unstarted\": %llu, \"refused\": %llu, \"answers_refused\": %llu, \"bare_refusals\": "
        "%llu, ",
        static_cast<unsigned long long>(lifecycles_.unstarted()),
        static_cast<unsigned long long>(lifecycles_.refused()),
        static_cast<unsigned long long>(lifecycles_.answers_refused()),
        static_cast<unsigned long long>(lifecycles_.bare_refusals()));
    std::printf(
        "\"cpu_seconds\": %.3f, \"messages\": %llu, \"commands\": %llu, \"milliseconds\": {", cpu_,
        static_cast<unsigned long long>(messages_), static_cast<unsigned long long>(commands_));
    PrintLatencies("award", lifecycles_.award(), ", ");
    PrintLatencies("create", lifecycles_.create(), ", ");
    PrintLatencies("accept", lifecycles_.accept(), ", ");
    PrintLatencies("decline", lifecycles_.decline(), ", ");
    PrintLatencies("refusal", lifecycles_.refusal(), ", ");
    PrintLatencies("lapse", lifecycles_.lapse(), "}, \"errors\": [");
    for (size_t i = 0; i < lifecycles_.errors().size(); ++i) {
      std::printf("%s%s", i == 0 ? "" : ", ", Quoted(lifecycles_.errors()[i]).c_str());
    }
    std::printf("]}\n");
  }

  const Plan plan_;
  grpc::CompletionQueue queue_;
  Lifecycles lifecycles_;
  std::unique_ptr<Transport> transport_;
  double cpu_ = 0, seconds_ = 1;
  uint64_t messages_ = 0, commands_ = 0;
};

}  // namespace

std::string OwnerName(const Plan& plan, uint32_t owner) {
  return Cat(plan.owner_prefix, "-", owner);
}

std::string TokenOf(const Plan& plan, const std::string& party) {
  std::string token;
  if (!(std::ifstream(plan.tokens + "/" + party) >> token)) {
    std::fprintf(stderr, "lifecycle_bench: no token in %s/%s\n", plan.tokens.c_str(),
                 party.c_str());
    std::exit(2);
  }
  return "Bearer " + token;
}

}  // namespace capbroker::bench

int main(int argc, char** argv) {
  using namespace capbroker::bench;
  Plan plan;
  CLI::App app("Whole brokered requests a second");
  app.add_option("--target", plan.target)->required();
  app.add_option("--tokens", plan.tokens)->required();
  app.add_option("--transport", plan.session)
      ->transform(
          CLI::Transformer(std::map<std::string, bool>{{"unary", false}, {"session", true}}));
  app.add_option("--mix", plan.mix)
      ->transform(CLI::Transformer(std::map<std::string, Mix>{{"accepted", Mix::kAccepted},
                                                              {"declined", Mix::kDeclined},
                                                              {"partial", Mix::kPartial},
                                                              {"lapse", Mix::kLapse},
                                                              {"open", Mix::kOpen}}));
  app.add_option("--concurrency", plan.concurrency)->check(CLI::Range(1, 1'000'000));
  app.add_option("--rate", plan.rate)->check(CLI::PositiveNumber);
  app.add_option("--seconds", plan.seconds)->check(CLI::PositiveNumber);
  app.add_option("--warm-up", plan.warm_up)->check(CLI::NonNegativeNumber);
  app.add_option("--owners", plan.owners)->check(CLI::Range(1, 10'000));
  app.add_option("--owner-prefix", plan.owner_prefix);
  app.add_option("--count", plan.count);
  app.add_flag("--overload", plan.overload);
  app.add_option("--holder", plan.desks[0])->capture_default_str();
  app.add_option("--alternative", plan.desks[1])->capture_default_str();
  app.add_option("--channels", plan.channels)->check(CLI::Range(1, 64));
  CLI11_PARSE(app, argc, argv);
  return Run(plan).Go();
}
