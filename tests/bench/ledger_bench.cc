// Measures the ledger: how many lifecycles a second one writer can make durable, by the number that
// share a batch, and the processor time that each costs the database's writing process and this
// one; how fast recovery reads; and what reads cost on a trail of some length.
//
//   ledger_bench URL [seconds a row [acts a batch...]]
//   ledger_bench URL fill REQUESTS
//
// URL is an empty database that nothing else uses. A lifecycle is two acts in two consecutive
// batches: a create (new request, new offer, key) and an accept (request, offer, key). Each act has
// about 900 bytes.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "broker/trail/canonical.h"
#include "broker/values/text.h"
#include "storage/connection.h"
#include "storage/migrate.h"
#include "storage/postgres_ledger.h"

namespace capbroker {
namespace {

using Clock = std::chrono::steady_clock;
double SecondsSince(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

// Processor time of a process of this machine, or of this thread; 0 if it cannot be read.
double CpuSeconds(const std::string& pid) {
  uint64_t nanos = 0;
  std::ifstream(Cat("/proc/", pid, "/schedstat")) >> nanos;
  return static_cast<double>(nanos) * 1e-9;
}

// Heads of the owners' chains, and a source of acts that look like those of a real request.
class Load {
 public:
  explicit Load(int owners) {
    for (int i = 0; i < owners; ++i) {
      books_.push_back({.owner = {Cat("owner-", i)}});
      const Currency usd = *ParseCurrency("USD");
      books_.back().commitments.push_back(
          {{"azure"}, {"C4"}, {10'000'000'000, usd}, {5'000'000, usd}, {7'000'000, usd}});
    }
    Request r;
    r.segments = {{"PRODUCT_INFERENCE", "", 8000}};
    r.terms = {.resource_type = "h100",
               .region = "us-east",
               .quantity = 8000,
               .unit = "gpu",
               .start = {1'750'000'000'000'000},
               .end = {1'760'000'000'000'000},
               .unit_price = *ParseMoney("2.5 USD"),
               .availability_ppm = 999'000};
    r.splittable = true;
    r.fallback = {
        FallbackKind::kSequential, {{"stargate-oracle"}, {"stargate-softbank"}}, Hours(24)};
    r.needed_by = r.expiry = r.terms.start;
    request_ = r;
  }

  struct Open {
    size_t owner;
    RequestId request;
  };

  // Adds a new request of the next owner.
  Open Create(Batch& batch) {
    const Open open{next_++ % books_.size(),
                    MakeRequestId(Instant{1'700'000'000'000'000 + static_cast<int64_t>(next_) * 50},
                                  {next_, next_ * 7})};
    auto request = std::make_shared<Request>(request_);
    request->id = open.request;
    Act act = Begin(open, {Role::kOwner, books_[open.owner].owner.value});
    act.decisions.resize(3);
    act.decisions[0].kind = Kind::REQUEST_RECEIVED;
    act.decisions[0].request = request;
    act.decisions[1].kind = Kind::ROUTE_FIRST_REFUSAL;
    act.decisions[1].lineage = 1;
    act.decisions[1].clauses = {{{"azure"}, 2, {"C2"}}};
    act.decisions[1].segments = {{0, 8000}};
    act.decisions[1].quantity = 8000;
    act.decisions[2].kind = Kind::OFFER_OPENED;
    act.decisions[2].offer_kind = OfferKind::kFirstOffer;
    act.decisions[2].provider = {"azure"};
    act.decisions[2].lineage = act.decisions[2].offer = 1;
    act.decisions[2].quantity = 8000;
    act.decisions[2].unit_price = request->terms.unit_price;
    act.decisions[2].deadline = act.time + Hours(72);
    act.decisions[2].terms_hash = Sha256("terms");
    Add(batch, open, act);
    batch.new_requests.push_back({act.owner, open.request, RequestState::kHolderRound});
    batch.new_offers.push_back({act.owner,
                                open.request,
                                1,
                                {"azure"},
                                OfferState::kOpen,
                                AllocationState::kNone,
                                0,
                                act.decisions[2].deadline});
    return open;
  }
  void Accept(Batch& batch, const Open& open) {
    Act act = Begin(open, {Role::kProvider, "azure"});
    for (Kind kind :
         {Kind::OFFER_ACCEPTED, Kind::ALLOCATION_HELD, Kind::COMMITMENT_RESERVED,
          Kind::ALLOCATION_CONFIRMED, Kind::COMMITMENT_DRAWN, Kind::REQUEST_FULFILLED}) {
      Decision& d = act.decisions.emplace_back();
      d.kind = kind;
      d.lineage = d.offer = 1;
      d.provider = {"azure"};
      d.clause = {{"azure"}, 2, {"C4"}};
      d.quantity = 8000;
      d.amount = *ParseMoney("14400000 USD");
    }
    Add(batch, open, act);
    batch.requests.push_back(
        {act.owner, open.request, RequestState::kFulfilled, false, RequestState::kHolderRound});
    batch.offers.push_back({act.owner,
                            open.request,
                            1,
                            {"azure"},
                            OfferState::kAccepted,
                            AllocationState::kConfirmed,
                            8000,
                            act.time + Hours(72)});
  }
  void AddBooks(Batch& batch) {
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    for (size_t owner : touched_) batch.books.push_back(books_[owner]);
    touched_.clear();
  }
  size_t bytes = 0, acts = 0;

 private:
  Act Begin(const Open& open, Actor actor) {
    BookRow& book = books_[open.owner];
    book.time = Instant{1'700'000'000'000'000 + static_cast<int64_t>(next_)};
    return {.owner = book.owner,
            .sequence = ++book.sequence,
            .time = book.time,
            .actor = std::move(actor),
            .request = open.request};
  }
  void Add(Batch& batch, const Open& open, const Act& act) {
    BookRow& book = books_[open.owner];
    std::string text = Encode(act);
    book.hash = Chain(book.hash, text);
    bytes += text.size();
    ++acts;
    touched_.push_back(open.owner);
    Repeat repeat{.payload = Sha256(text)};
    std::copy_n(open.request.bytes.begin(), 16,
                repeat.key.begin());  // In the order of time, like UUIDv7 ids.
    repeat.key[15] = static_cast<uint8_t>(act.decisions.size());
    batch.acts.push_back({act.owner, act.sequence, act.time, act.request,
                          static_cast<uint32_t>(act.decisions.size()), std::move(text), book.hash,
                          repeat});
  }

  std::vector<BookRow> books_;
  std::vector<size_t> touched_;
  Request request_;
  uint64_t next_ = 0;
};

// Commits batches of `size` acts for `seconds`; reports lifecycles a second and the time of a
// commit.
class Bench {
 public:
  Bench(PostgresLedger& ledger, uint32_t partitions, std::unique_ptr<Connection> watcher)
      : ledger_(ledger), watcher_(std::move(watcher)) {
    std::vector<uint32_t> all;
    for (uint32_t i = 0; i < partitions; ++i) all.push_back(i);
    tenures_ = ledger.Take("bench", "", all, Span{}).value();
    partitions_ = partitions;
  }

  void Run(size_t size, double seconds) {
    std::vector<double> times;
    std::vector<Load::Open> open;
    size_t lifecycles = 0;
    double committing = 0;
    if (writer_.empty()) {
      Batch batch;
      load.Accept(batch, load.Create(batch));
      batch.requests.clear();  // One act created and finished it: one row each.
      batch.offers.clear();
      Commit(batch);
      writer_ = WriterPid();
    }
    const double writer = CpuSeconds(writer_);
    const auto start = Clock::now();
    while (SecondsSince(start) < seconds) {
      Batch batch;
      // Steady traffic: answers to what the batch before opened, and as many new requests.
      const size_t answers = std::min(open.size(), size == 1 ? 1 : size / 2);
      for (size_t i = 0; i < answers; ++i) load.Accept(batch, open[i]);
      open.erase(open.begin(), open.begin() + static_cast<std::ptrdiff_t>(answers));
      for (size_t i = answers; i < size; ++i) open.push_back(load.Create(batch));
      const double before = CpuSeconds("thread-self");
      times.push_back(Commit(batch));
      committing += CpuSeconds("thread-self") - before;
      lifecycles += answers;
    }
    const double seconds_taken = SecondsSince(start),
                 count = static_cast<double>(size * times.size()) / 2;
    std::sort(times.begin(), times.end());
    std::printf(
        "%6zu acts a batch  %8.0f lifecycles/s   commit p50 %.2f ms  p99 %.2f ms   a lifecycle: "
        "database "
        "%.1f us,"
        " client %.1f us\n",
        size, static_cast<double>(lifecycles) / seconds_taken, times[times.size() / 2] * 1e3,
        times[times.size() * 99 / 100] * 1e3, (CpuSeconds(writer_) - writer) / count * 1e6,
        committing / count * 1e6);
    std::fflush(stdout);
  }

  // Adds `count` unfinished requests.
  void Fill(size_t count) {
    const auto start = Clock::now();
    for (size_t done = 0; done < count; done += 1000) {
      Batch batch;
      for (size_t i = 0; i < 1000; ++i) load.Create(batch);
      Commit(batch);
    }
    std::printf("filled with %zu unfinished requests in %.1f s\n", count, SecondsSince(start));
  }

  static void Say(const absl::Status& status) { std::printf("%s\n", status.ToString().c_str()); }

  void Recover() {
    const auto start = Clock::now();
    std::vector<std::pair<OwnerId, RequestId>> unfinished;
    for (uint32_t i = 0; i < partitions_; ++i) {
      const auto owners = ledger_.Recover(i);
      if (!owners.ok()) return Say(owners.status());
      for (const RecoveredOwner& owner : *owners) {
        for (const RequestId& id : owner.unfinished) unfinished.emplace_back(owner.book.owner, id);
      }
    }
    std::sort(unfinished.begin(), unfinished.end(),
              [](const auto& a, const auto& b) { return a.second < b.second; });
    size_t acts = 0;
    for (size_t at = 0; at < unfinished.size(); at += 256) {
      const auto trails = ledger_.ReadRequests(
          {unfinished.begin() + at, unfinished.begin() + std::min(at + 256, unfinished.size())});
      if (!trails.ok()) return Say(trails.status());
      for (const RequestTrail& trail : *trails) acts += trail.acts.size();
    }
    std::printf("recovery: %zu acts of %zu requests read in %.1f s\n", acts, unfinished.size(),
                SecondsSince(start));
  }

  void Reads() {
    const OwnerId owner{"owner-0"};
    const auto requests = ledger_.ListRequests({owner, {}}, 1000, "");
    size_t turn = 0;
    const auto measure = [&](const char* name, auto read) {
      std::vector<double> times;
      for (int i = 0; i < 2000; ++i) {
        const auto start = Clock::now();
        if (!read()) std::printf("%s failed\n", name);
        times.push_back(SecondsSince(start));
      }
      std::sort(times.begin(), times.end());
      std::printf("%-42s p50 %.2f ms  p99 %.2f ms\n", name, times[1000] * 1e3, times[1980] * 1e3);
    };
    measure("the trail of a request", [&] {
      return ledger_.ReadRequest(owner, requests->items[turn++ % requests->items.size()].request)
          .ok();
    });
    measure("an owner's newest 50 requests", [&] {
      return ledger_.ListRequests({owner, {}}, 50, "").ok();
    });
    measure("an owner's 50 of a state it has none of", [&] {
      return ledger_.ListRequests({owner, {RequestState::kCancelled}}, 50, "").ok();
    });
    measure("a provider's 50 open offers", [&] {
      return ledger_.ListOffers({{"azure"}, {OfferState::kOpen}}, 50, "").ok();
    });
    measure("a provider's newest 50 of all", [&] {
      return ledger_.ListOffers({{"azure"}, {}}, 50, "").ok();
    });
    measure("an owner's last 100 acts", [&] {
      return ledger_.ReadActs({.owner = owner, .newest_first = true, .limit = 100}).ok();
    });
    measure("an owner's last 100 account acts", [&] {
      return ledger_
          .ReadActs({.owner = owner, .newest_first = true, .account_only = true, .limit = 100})
          .ok();
    });
    measure("an owner's book", [&] { return ledger_.ReadBook(owner).ok(); });
    measure("a key", [&] { return ledger_.Keys(owner, {IdempotencyKey{}}).ok(); });
  }

  Load load{20};

 private:
  double Commit(Batch& batch) {
    load.AddBooks(batch);
    for (Tenure& tenure : tenures_)
      batch.fences.push_back({tenure.partition, tenure.epoch, tenure.batch});
    // Only the partitions that the batch touches, as the sequencer does.
    std::vector<bool> used(partitions_);
    for (const BookRow& book : batch.books) used[PartitionOf(book.owner, partitions_)] = true;
    std::erase_if(batch.fences, [&](const Batch::Fence& fence) { return !used[fence.partition]; });
    const auto start = Clock::now();
    const CommitResult result = ledger_.Commit(batch);
    const double took = SecondsSince(start);
    if (result.outcome != CommitOutcome::kDurable) {
      std::printf("not durable: %s\n", result.error.c_str());
      std::exit(1);
    }
    for (const Batch::Fence& fence : batch.fences) ++tenures_[fence.partition].batch;
    return took;
  }

  // The process of the session that writes, if the database runs on this machine.
  std::string WriterPid() {
    std::string pid;
    const absl::Status status = watcher_->Do([&](pqxx::connection& session) {
      pid = TextOf(pqxx::nontransaction(session).exec1(
          "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
          " AND query LIKE '%commit_batch(%' AND pid <> pg_backend_pid()")[0]);
      return absl::OkStatus();
    });
    return status.ok() ? pid : "";
  }

  PostgresLedger& ledger_;
  const std::unique_ptr<Connection> watcher_;
  std::string writer_;
  uint32_t partitions_ = 0;
  std::vector<Tenure> tenures_;
};

}  // namespace
}  // namespace capbroker

int main(int argc, char** argv) {
  using namespace capbroker;
  if (argc < 2) {
    std::fprintf(stderr,
                 "usage: ledger_bench URL [seconds a row [acts a batch...]] | URL fill REQUESTS\n");
    return 2;
  }
  const bool fill = argc > 3 && std::string_view(argv[2]) == "fill";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3;
  std::vector<size_t> sizes = {1, 16, 64, 256, 1000};
  if (argc > 3) sizes.clear();
  for (int i = 3; i < argc; ++i) sizes.push_back(std::strtoul(argv[i], nullptr, 10));
  if (const auto done = Migrate(argv[1], 0); !done.ok()) {
    std::fprintf(stderr, "%s\n", done.status().ToString().c_str());
    return 1;
  }
  PostgresLedger ledger({.url = argv[1]});
  const auto partitions = ledger.Open();
  if (!partitions.ok()) {
    std::fprintf(stderr, "%s\n", partitions.status().ToString().c_str());
    return 1;
  }
  auto watcher = Connection::Connect({.url = argv[1]});
  if (!watcher.ok()) {
    std::fprintf(stderr, "%s\n", watcher.status().ToString().c_str());
    return 1;
  }
  Bench bench(ledger, *partitions, *std::move(watcher));
  if (fill) {
    if (sizes[0] > 0) bench.Fill(sizes[0]);
    bench.Recover();
    bench.Reads();
    return 0;
  }
  for (size_t size : sizes) bench.Run(size, seconds);
  std::printf("acts are %zu bytes on average\n", bench.load.bytes / bench.load.acts);
  return 0;
}
