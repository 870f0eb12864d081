// Measures what a brokered request costs the sequencer's thread alone. The core runs in this
// thread, over a ledger that reports every batch as durable at once and stores nothing.
//
//   core_bench [LIFECYCLES [IN_FLIGHT [OWNERS]]]
//   core_bench open OFFERS
//
// A lifecycle is a create that opens an offer to the holder of a first refusal, and the acceptance
// of that offer. Prints the processor time of a lifecycle in microseconds and the bytes of trail
// that it leaves; or the bytes of memory that each open offer takes.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "broker/values/text.h"
#include "services/sequencing/core.h"

namespace capbroker {
namespace {

constexpr uint32_t kPartitions = 64;

int64_t ProcessorNanos() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "core_bench: %s\n", why.c_str());
  std::exit(1);
}

// Resident memory of this process, in bytes.
int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * 4096;
}

AgreementVersion SomeAgreement() {
  AgreementVersion v;
  v.agreement = {"azure"};
  v.version = 1;
  v.holder = {"azure"};
  v.effective_from = *ParseInstant("2025-01-21T00:00:00Z");
  Clause first;
  first.id = {"C2"};
  first.scope.new_capacity_only = true;
  first.content = FirstRefusal{.asking = {.window = Hours(72), .parts = {true, 1000, 8}}};
  Clause commitment;
  commitment.id = {"C4"};
  commitment.content = CommitmentClause{*ParseMoney("100000000000 USD")};
  v.clauses = {first, commitment};
  return v;
}

Request SomeRequest(Instant now, uint64_t number) {
  Request r;
  r.id = MakeRequestId(now, {number * 0x9E3779B97F4A7C15, number * 0xD1B54A32D192ED03});
  r.segments = {{"PRODUCT_INFERENCE", "", 8000}};
  r.terms = {.resource_type = "h100",
             .region = "us-east",
             .quantity = 8000,
             .unit = "gpu",
             .start = now + Hours(24 * 60),
             .end = now + Hours(24 * 90),
             .unit_price = *ParseMoney("0.0025 USD"),
             .availability_ppm = 999'000};
  r.splittable = true;
  r.fallback = {FallbackKind::kSequential, {{"stargate-oracle"}, {"stargate-softbank"}}, Hours(24)};
  r.needed_by = r.expiry = r.terms.start;
  return r;
}

class Driver {
 public:
  explicit Driver(int owners) : core_({.holder = "bench", .address = ""}, kPartitions) {
    for (int i = 0; i < owners; ++i) owners_.push_back({Cat("owner-", i)});
    Step();
    for (const char* name : {"azure", "stargate-oracle", "stargate-softbank"}) {
      Provider provider;
      provider.id = {name};
      provider.display_name = name;
      Submit({kDirectory, {Role::kOperator, "ops"}, RegisterProvider{provider}}, {});
    }
    for (const OwnerId& owner : owners_) {
      Submit({owner, {Role::kOperator, "ops"}, ActivateAgreement{SomeAgreement()}}, {});
    }
    Step();
  }

  void Run(uint64_t lifecycles, uint64_t in_flight) {
    for (lifecycles += done_; done_ < lifecycles; Step()) {
      while (started_ < lifecycles && started_ - done_ < in_flight) Create();
    }
  }
  void Open(uint64_t offers) {
    for (uint64_t i = 0; i < offers; ++i) {
      Create();
      if (i % 64 == 63) Step();
      answers_.clear();
    }
  }
  uint64_t bytes() const { return bytes_; }

 private:
  void Submit(Command command, Reply reply) {
    auto item = std::make_unique<Item>();
    item->command = std::move(command);
    item->arrived = now_;
    if (reply) {
      Repeat repeat;
      const uint64_t key = ++keys_ * 0x9E3779B97F4A7C15;
      std::memcpy(repeat.key.data(), &key, sizeof key);
      item->repeat = repeat;
    }
    item->reply = std::move(reply);
    core_.Submit(std::move(item));
  }

  void Create() {
    const OwnerId& owner = owners_[++started_ % owners_.size()];
    Submit({owner, {Role::kOwner, owner.value}, CreateRequest{SomeRequest(now_, started_)}},
           [this, &owner](absl::StatusOr<Outcome> made) {
             const RequestBook& request = *made.value().request;
             answers_.push_back(
                 {owner,
                  {Role::kProvider, "azure"},
                  AcceptOffer{request.request->id, 1, request.offers[0].terms_hash, 0}});
           });
  }

  void Step() {
    for (Command& answer : std::exchange(answers_, {})) {
      Submit(std::move(answer), [this](absl::StatusOr<Outcome> made) {
        if (made.value().request->state != RequestState::kFulfilled)
          Fail("got something else than it asked for");
        ++done_;
      });
    }
    do {
      now_ = now_ + Span{10};
      core_.Advance(Now());
      std::optional<WriteCall> call = core_.NextWrite(Now());
      if (call) core_.Finish(std::visit(*this, *call), Now());
      if (core_.NextRead()) Fail("something was refused");
      Effects effects = core_.TakeEffects();
      for (const ItemPtr& item : effects.answered) {
        if (item->reply) std::move(item->reply)(std::move(item->answer));
      }
      if (!call) return;
    } while (true);
  }
  Moment Now() const { return {now_, now_.micros}; }

 public:
  WriteResult operator()(const TakeCall& call) {
    std::vector<Tenure> tenures;
    for (const uint32_t p : call.partitions) tenures.push_back({p, 1, 0});
    return Taken{std::move(tenures)};
  }
  WriteResult operator()(const RecoverCall&) { return Recovered{std::vector<RecoveredOwner>()}; }
  WriteResult operator()(const HeartbeatCall&) { return Beaten{}; }
  WriteResult operator()(const CommitCall& call) {
    for (const SealedAct& act : call.batch->acts) bytes_ += act.text.size();
    return Committed{{CommitOutcome::kDurable, now_, ""}, {}};
  }
  WriteResult operator()(const FindKeysCall&) { Fail("got something else than it asked for"); }
  WriteResult operator()(const ReleaseCall&) { return Released{}; }

 private:
  Core core_;
  Instant now_ = *ParseInstant("2025-02-03T12:00:00Z");
  std::vector<OwnerId> owners_;
  std::vector<Command> answers_;
  uint64_t started_ = 0, done_ = 0, keys_ = 0, bytes_ = 0;
};

}  // namespace
}  // namespace capbroker

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "open") {
    capbroker::Driver driver(1);
    driver.Open(20'000);  // Allocates what is kept whatever the number of offers.
    const int64_t before = capbroker::ResidentBytes();
    const int offers = std::atoi(argv[2]);
    driver.Open(offers);
    std::printf("%.0f bytes an open offer\n",
                static_cast<double>(capbroker::ResidentBytes() - before) / offers);
    return 0;
  }
  const auto number = [&](int i, int otherwise) {
    return argc > i ? std::atoi(argv[i]) : otherwise;
  };
  const int lifecycles = number(1, 200'000);
  capbroker::Driver driver(number(3, 1));
  driver.Run(1000, number(2, 64));
  const uint64_t bytes = driver.bytes();
  const int64_t from = capbroker::ProcessorNanos();
  driver.Run(lifecycles, number(2, 64));
  std::printf("%.2f us and %.0f bytes a lifecycle\n",
              static_cast<double>(capbroker::ProcessorNanos() - from) / 1e3 / lifecycles,
              static_cast<double>(driver.bytes() - bytes) / lifecycles);
}
