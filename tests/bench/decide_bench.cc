// Measures what the deciding core costs by itself: Decide, Fold, the text form, the hash chain, and
// the order of deadlines. Its flags are Google Benchmark's, for instance --benchmark_filter=Decide.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "broker/deciding/decide.h"
#include "broker/trail/canonical.h"
#include "broker/trail/fold.h"
#include "broker/values/text.h"
#include "services/sequencing/books.h"

namespace capbroker {
namespace {

const Instant kStart = *ParseInstant("2025-02-03T12:00:00Z");

// The clauses of deploy/agreements/openai-azure-v2.yaml that decide anything here.
AgreementVersion SeedAgreement() {
  AgreementVersion v;
  v.agreement = AgreementId{"azure"};
  v.version = 1;
  v.holder = ProviderId{"azure"};
  v.effective_from = *ParseInstant("2025-01-21T00:00:00Z");
  Clause first;
  first.id = ClauseId{"C2"};
  first.scope.new_capacity_only = true;
  first.content = FirstRefusal{.asking = {.window = Hours(72), .parts = {true, 1000, 8}}};
  Clause commitment;
  commitment.id = ClauseId{"C4"};
  commitment.content = CommitmentClause{*ParseMoney("9000000000000 USD")};
  v.clauses = {first, commitment};
  return v;
}

Request SomeRequest(uint64_t number) {
  Request r;
  // The lowest byte would lose two bits to the variant.
  r.id = MakeRequestId(kStart, {number << 8, 0});
  r.segments = {{"PRODUCT_INFERENCE", "", 8000}};
  r.terms = {.resource_type = "h100",
             .region = "us-east",
             .quantity = 8000,
             .unit = "gpu",
             .start = *ParseInstant("2025-06-01T00:00:00Z"),
             .end = *ParseInstant("2025-06-02T00:00:00Z"),
             .unit_price = *ParseMoney("2.5 USD"),
             .availability_ppm = 999'000,
             .conditions = {}};
  r.splittable = true;
  r.fallback = {FallbackKind::kSequential, {{"stargate-oracle"}}, Hours(1)};
  r.needed_by = r.expiry = r.terms.start;
  return r;
}

void MustFold(Book& book, const Act& act) {
  if (const absl::Status folded = Fold(book, act); !folded.ok()) {
    std::fprintf(stderr, "decide_bench: %s\n", folded.ToString().c_str());
    std::exit(1);
  }
}

// One owner's book with an agreement in force.
class Stage {
 public:
  Stage() {
    book.owner = OwnerId{"openai"};
    for (const char* name : {"azure", "stargate-oracle"}) {
      Provider provider;
      provider.id = ProviderId{name};
      provider.display_name = name;
      directory.Put(provider);
    }
    MustFold(book, Decided({Role::kOperator, "ops"}, ActivateAgreement{SeedAgreement()}));
  }
  template <class What>
  Command CommandOf(Actor actor, What what) const {
    return {book.owner, std::move(actor), std::move(what)};
  }
  Command Create(uint64_t number) const {
    return CommandOf({Role::kOwner, "openai"}, CreateRequest{SomeRequest(number)});
  }
  Command Accept(const RequestId& id) const {
    return CommandOf({Role::kProvider, "azure"},
                     AcceptOffer{id, 1, book.Find(id)->Find(1)->terms_hash, 8000});
  }
  Command Decline(const RequestId& id) const {
    return CommandOf({Role::kProvider, "azure"},
                     DeclineOffer{id, 1, DeclineReason::kNoCapacity, "", {}});
  }
  // The act that the command results in; it is not folded.
  Act ActOf(const Command& command, const RequestId& request) const {
    absl::StatusOr<Verdict> verdict = Decide(book, directory, command, kStart);
    if (!verdict.ok() || verdict->decisions.empty()) {
      std::fprintf(stderr, "decide_bench: %s\n", verdict.status().ToString().c_str());
      std::exit(1);
    }
    return {.owner = book.owner,
            .sequence = book.sequence + 1,
            .time = kStart,
            .actor = command.actor,
            .request = request,
            .decisions = std::move(verdict->decisions)};
  }
  template <class What>
  Act Decided(Actor actor, What what) const {
    return ActOf(CommandOf(std::move(actor), std::move(what)), RequestId{});
  }
  RequestId Open(uint64_t number) {
    const RequestId id = SomeRequest(number).id;
    MustFold(book, ActOf(Create(number), id));
    return id;
  }

  Book book;
  Directory directory;
};

// The argument is the number of requests that are open in the book meanwhile.
void BM_DecideCreate(benchmark::State& state) {
  Stage stage;
  for (int64_t i = 0; i < state.range(0); ++i) stage.Open(static_cast<uint64_t>(i) + 2);
  const Command create = stage.Create(1);
  for (auto _ : state)
    benchmark::DoNotOptimize(Decide(stage.book, stage.directory, create, kStart));
}
BENCHMARK(BM_DecideCreate)->Arg(0)->Arg(10'000);

void BM_DecideAccept(benchmark::State& state) {
  Stage stage;
  for (int64_t i = 0; i < state.range(0); ++i) stage.Open(static_cast<uint64_t>(i) + 2);
  const Command accept = stage.Accept(stage.Open(1));
  for (auto _ : state)
    benchmark::DoNotOptimize(Decide(stage.book, stage.directory, accept, kStart));
}
BENCHMARK(BM_DecideAccept)->Arg(0)->Arg(10'000);

void BM_DecideDecline(benchmark::State& state) {
  Stage stage;
  const Command decline = stage.Decline(stage.Open(1));
  for (auto _ : state)
    benchmark::DoNotOptimize(Decide(stage.book, stage.directory, decline, kStart));
}
BENCHMARK(BM_DecideDecline);

// Folds a request's two acts into the book, and the request out of it.
void BM_FoldLifecycle(benchmark::State& state) {
  Stage stage;
  const RequestId id = SomeRequest(1).id;
  Act create = stage.ActOf(stage.Create(1), id);
  MustFold(stage.book, create);
  Act accept = stage.ActOf(stage.Accept(id), id);
  MustFold(stage.book, accept);
  Forget(stage.book, id);
  for (auto _ : state) {
    create.sequence = stage.book.sequence + 1;
    MustFold(stage.book, create);
    accept.sequence = stage.book.sequence + 1;
    MustFold(stage.book, accept);
    Forget(stage.book, id);
  }
}
BENCHMARK(BM_FoldLifecycle);

// Argument 0 is the act of a create, 1 that of an accept.
Act ActOfKind(int64_t kind) {
  Stage stage;
  if (kind == 0) return stage.ActOf(stage.Create(1), SomeRequest(1).id);
  const RequestId id = stage.Open(1);
  return stage.ActOf(stage.Accept(id), id);
}

void BM_Encode(benchmark::State& state) {
  const Act act = ActOfKind(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(Encode(act));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(Encode(act).size()));
}
BENCHMARK(BM_Encode)->ArgName("accept")->Arg(0)->Arg(1);

void BM_DecodeAct(benchmark::State& state) {
  const std::string text = Encode(ActOfKind(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(DecodeAct(text));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(BM_DecodeAct)->ArgName("accept")->Arg(0)->Arg(1);

void BM_Chain(benchmark::State& state) {
  const std::string text = Encode(ActOfKind(state.range(0)));
  Hash hash{};
  for (auto _ : state) benchmark::DoNotOptimize(hash = Chain(hash, text));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(BM_Chain)->ArgName("accept")->Arg(0)->Arg(1);

// One owner's deadlines, `count` of them: the earliest is removed and a new one added.
void BM_DeadlinesOfABook(benchmark::State& state) {
  Book book;
  const auto count = static_cast<uint64_t>(state.range(0));
  uint64_t next = 0;
  const auto add = [&] {
    // The windows differ, so that the new deadline belongs somewhere in the later half.
    const Span window = Seconds(static_cast<int64_t>(count + next * 7919 % count));
    book.deadlines.emplace(kStart + Seconds(static_cast<int64_t>(next)) + window,
                           MakeRequestId(kStart, {next << 8, 0}));
    ++next;
  };
  while (next < count) add();
  for (auto _ : state) {
    book.deadlines.erase(book.deadlines.begin());
    add();
  }
}
BENCHMARK(BM_DeadlinesOfABook)->Arg(1'000)->Arg(1'000'000);

// `count` owners with one deadline each: the next owner's deadline moves to the end.
void BM_DeadlinesOfOwners(benchmark::State& state) {
  Books books(64, 0, 16'384);
  for (int64_t i = 0; i < state.range(0); ++i) {
    Shelved& shelved = books.Get(OwnerId{Cat("owner-", i)});
    shelved.book.deadlines.emplace(kStart + Seconds(i), RequestId{});
    books.Relist(shelved);
  }
  for (auto _ : state) {
    Shelved& next = *books.Next();
    const Instant deadline = next.book.deadlines.begin()->first;
    next.book.deadlines.clear();
    next.book.deadlines.emplace(deadline + Seconds(state.range(0)), RequestId{});
    books.Relist(next);
  }
}
BENCHMARK(BM_DeadlinesOfOwners)->Arg(100)->Arg(100'000);

}  // namespace
}  // namespace capbroker

BENCHMARK_MAIN();
