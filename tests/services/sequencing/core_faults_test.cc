// Many runs of the core with commands, faults, restarts and lost answers in an order that a seed
// gives, against what must hold whatever happens: what was answered is in the trail once, chains
// verify, and the books are the fold. A seed gives two worlds: one of one owner, and a wide one of
// several, with replicas that take over from each other and batches that arrive late.
//
// CORE_FAULTS_FIRST and CORE_FAULTS_COUNT choose other seeds:
//   CORE_FAULTS_COUNT=10000 build/ci/tests/sequencing_test --gtest_filter='CoreFaults.*'
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

#include "broker/trail/dues.h"
#include "broker/trail/fold.h"
#include "tests/services/sequencing/stage.h"

namespace capbroker {
namespace {

// Seeds that failed once.
constexpr uint64_t kKnown[] = {697, 4919, 9652};
constexpr uint64_t kUsualCount = 30;

// The parts of this test that failed so far.
int Failures() {
  return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
}

std::string Describe(const Account& account, const RequestBook& request) {
  std::string out = Cat(Format(request.request->id), " ", NameOf(request.state), " ",
                        request.sequence, " ", Format(DueTime(account, request)), ":");
  for (const Offer& offer : request.offers) {
    out += Cat(" ", offer.provider.value, "=", NameOf(offer.state), "/",
               NameOf(offer.allocation.state), "/", offer.allocation.quantity, "/",
               Format(offer.deadline));
  }
  return out;
}

// Head, account, what is due and live requests: what a restart must bring back. When something set
// aside is tried again it need not.
std::string Describe(const Book& book) {
  std::string text = Cat(book.sequence, " ", Hex(book.hash), " ", Format(book.time));
  for (const CommitmentBalance& c : book.account.commitments)
    text += Cat(" ", c.reserved.micros, "/", c.drawn.micros);
  text += Cat(" ", book.account.cool_downs.size(), " ", book.directory.providers().size());
  std::map<RequestId, std::string> requests;
  for (const auto& [id, filed] : book.requests) {
    if (const auto request = filed.Read(); request->IsLive())
      requests[id] = Describe(book.account, *request);
  }
  for (const auto& [id, request] : requests) text += "\n" + request;
  text += Cat("\n", Format(DueTime(book.account)));
  return text;
}

std::map<std::string, std::string> Describe(const Books& books) {
  std::map<std::string, std::string> out;
  for (const auto& shelved : books.all()) {
    if (shelved->book.sequence != 0) out[shelved->book.owner.value] = Describe(shelved->book);
  }
  return out;
}

class World {
 public:
  World(uint64_t seed, bool is_wide) : is_wide_(is_wide), random_(seed), s_(SomeOptions()) {
    other_.options = s_.options;
    other_.options.holder = "b";
    s_.judge = [this](const Batch& batch) { return Judge(batch); };
  }

  // Ends early where something is wrong.
  void Run() {
    const int failures = Failures();
    s_.SetUp();
    for (int step = 0; step < 300; ++step) {
      Step();
      if (Roll(3) != 0) s_.Run();
      if (step % 10 == 9) ExpectWhatIsDurableAsInTheTrail();
      if (Failures() != failures) {
        ADD_FAILURE() << "step " << step;
        return;
      }
    }
    EndFaults();
    if (Failures() == failures) RepeatEverything();
    if (Failures() == failures) ExpectOneActForEachKey();
    if (Failures() == failures) ExpectTheSameAfterARestart();
  }

 private:
  struct Sent {
    Command command;
    Repeat repeat;
    std::vector<std::shared_ptr<Told>> told;
  };

  uint64_t Roll(uint64_t n) { return random_() % n; }

  SequencerOptions SomeOptions() {
    SequencerOptions options;
    options.batch_bound = 1 + Roll(6);
    options.least_behind = 1 + Roll(3);
    options.finished_kept = Roll(4);
    options.keys_kept = 1 + Roll(20);
    options.answers_kept = 1;
    options.awake_kept = Roll(3);
    return options;
  }

  std::optional<CommitResult> Judge(const Batch& batch) {
    for (const SealedAct& act : batch.acts) {
      if ((poison_.IsSet() && act.request == poison_) || act.owner == poisoned_)
        return CommitResult{CommitOutcome::kRefused, {}, "poison"};
    }
    if (to_lose_ == 0) return std::nullopt;
    --to_lose_;
    lost_.push_back(batch);
    return CommitResult{CommitOutcome::kUnknown, {}, "lost"};
  }

  struct Place {
    OwnerId owner;
    RequestId request;
  };
  Place Pick() { return places_.empty() ? Place{s_.owner, {}} : places_[Roll(places_.size())]; }
  OwnerId Somebody() { return is_wide_ ? owners_[Roll(owners_.size())] : s_.owner; }
  static Actor As(const OwnerId& owner) { return {Role::kOwner, owner.value}; }
  void Send(Sent& one) { one.told.push_back(s_.Submit(one.command, one.repeat)); }
  void SendNew(Command command) {
    Repeat repeat;
    const size_t key = sent_.size() + 1;
    repeat.key[0] = static_cast<uint8_t>(key);
    repeat.key[1] = static_cast<uint8_t>(key >> 8);
    repeat.payload = Sha256(Cat(key));
    sent_.push_back({std::move(command), repeat, {}});
    Send(sent_.back());
  }

  void Answer() {
    static constexpr const char* kProviders[] = {"azure", "stargate-oracle", "stargate-softbank"};
    const auto [owner, id] = Pick();
    const RequestBook* request = s_.Find(id);
    const uint32_t offer =
        request == nullptr ? 1 : static_cast<uint32_t>(1 + Roll(request->offers.size() + 1));
    const Offer* found = request == nullptr ? nullptr : request->Find(offer);
    const std::string provider = found == nullptr ? kProviders[Roll(3)] : found->provider.value;
    const Actor actor{Role::kProvider, provider};
    if (Roll(2) == 0) {
      const Hash terms = found == nullptr ? Hash{} : found->terms_hash;
      SendNew({owner, actor, AcceptOffer{id, offer, terms, 0}});
    } else {
      const Span cool_down = Seconds(static_cast<int64_t>(Roll(3)));
      SendNew({owner, actor, DeclineOffer{id, offer, DeclineReason::kPrice, "", cool_down}});
    }
  }

  void Step() {
    const uint64_t what = Roll(is_wide_ ? 24 : 16);
    switch (what) {
      case 0:
      case 1:
      case 2: {
        const OwnerId owner = Somebody();
        const Request request = s_.NewRequest();
        places_.push_back({owner, request.id});
        SendNew({owner, As(owner), CreateRequest{request}});
        break;
      }
      case 3:
      case 4:
      case 5:
        Answer();
        break;
      case 6: {
        const auto [owner, id] = Pick();
        SendNew({owner, As(owner), CancelRequest{id, ""}});
        break;
      }
      case 7: {
        const auto [owner, id] = Pick();
        SendNew({owner, As(owner), ReleaseAllocation{id, 1, ""}});
        break;
      }
      case 8:
      case 9:
        if (!sent_.empty()) Send(sent_[Roll(sent_.size())]);
        break;
      case 10:
        s_.Pass(Roll(8) == 0 ? Hours(30) : Span{static_cast<int64_t>(Roll(400'000))});
        break;
      case 11:
        s_.ledger.FailNextCommit(CommitOutcome::kUnknown, Roll(2) == 0);
        break;
      case 12:
        poison_ = Roll(2) == 0 ? Pick().request : RequestId{};
        break;
      case 13:
        s_.hold_writes = Roll(2) == 0;
        s_.hold_reads = Roll(2) == 0;
        break;
      case 14:
        if (!s_.writes.empty() && s_.hold_writes) s_.FinishWrite();
        if (s_.read && s_.hold_reads) s_.FinishRead();
        break;
      case 15:
        if (Roll(12) == 0) s_.Restart();  // Those who wait never hear; some of it may be recorded.
        break;
      default:
        WideStep(what);
    }
  }

  void WideStep(uint64_t what) {
    switch (what) {
      case 16:
      case 17: {  // An owner's first act; after that, one that is refused.
        const OwnerId owner = Somebody();
        SendNew({owner, s_.kOps, ActivateAgreement{SeedAgreement()}});
        break;
      }
      case 18:
        poisoned_ = Roll(2) == 0 ? Somebody() : OwnerId{};
        break;
      case 19: {
        const bool writing_fails = Roll(3) == 0;
        reading_fails_ = Roll(3) == 0;
        s_.ledger.SetUnavailable(writing_fails, reading_fails_);
        break;
      }
      case 20:
        to_lose_ = 1 + Roll(2);
        break;
      case 21:
        if (!lost_.empty()) s_.ledger.Commit(lost_[Roll(lost_.size())]);
        break;
      case 22:
        s_.Pass(Seconds(static_cast<int64_t>(Roll(15))));
        if (Roll(3) == 0) s_.Switch(other_);
        break;
      case 23:
        if (s_.second_read) {
          s_.FinishRead(s_.second_read);
        } else {
          s_.second_read = s_.core->NextRead();
        }
        break;
    }
  }

  // What stands in a book by a durable act is what the trail says; only finished requests may be
  // missing.
  void ExpectWhatIsDurableAsInTheTrail() {
    if (s_.core->status().phase != SequencerStatus::Phase::kServing || reading_fails_) return;
    for (const auto& shelved : s_.core->books().all()) {
      const Book& book = shelved->book;
      if (book.sequence != 0) ExpectWhatIsDurableAsIn(Trail(book.owner), *shelved);
    }
  }
  void ExpectWhatIsDurableAsIn(const Book& trail, const Shelved& shelved) {
    const Book& book = shelved.book;
    EXPECT_LE(shelved.durable, trail.sequence) << book.owner.value;
    for (const auto& [id, filed] : book.requests) {
      const auto request = filed.Read();
      if (request->sequence > shelved.durable) continue;
      const RequestBook* found = trail.Find(id);
      ASSERT_NE(found, nullptr) << Format(id);
      if (found->sequence <= shelved.durable) {
        EXPECT_EQ(Describe(book.account, *request), Describe(book.account, *found));
      }
    }
    for (const auto& [id, filed] : trail.requests) {
      const auto request = filed.Read();
      if (request->sequence > shelved.durable || !request->IsLive()) continue;
      EXPECT_TRUE(book.requests.contains(id)) << Describe(book.account, *request);
    }
    if (book.hash == trail.hash) {
      EXPECT_EQ(Describe(book), Describe(trail));
    }
  }
  // The fold of what the ledger has of the owner.
  const Book& Trail(const OwnerId& owner) {
    Book& book = trails_[owner];
    book.owner = owner;
    const auto acts =
        *s_.ledger.ReadActs({.owner = owner, .from = book.sequence, .limit = 1'000'000});
    for (const SealedAct& act : acts) {
      EXPECT_TRUE(Fold(book, *DecodeAct(act.text)).ok());
      book.hash = act.hash;
    }
    return book;
  }

  // Lets time pass until it is so, but not for ever.
  void WaitUntil(const std::function<bool()>& is_so) {
    for (int i = 0; i < 600 && !is_so(); ++i) s_.RunFor(Span{100'000});
    ASSERT_TRUE(is_so()) << s_.core->queued() << " are queued; " << s_.core->status().detail;
  }

  // Nothing waits, and everything decided is durable.
  bool IsSettled() const {
    const auto& books = s_.core->books().all();
    return s_.core->status().phase == SequencerStatus::Phase::kServing && s_.core->queued() == 0 &&
           std::all_of(books.begin(), books.end(), [](const auto& shelved) {
             return shelved->durable == shelved->book.sequence;
           });
  }

  // How many finished requests are in the books.
  size_t Finished() const {
    size_t finished = 0;
    for (const auto& shelved : s_.core->books().all()) {
      for (const auto& [id, filed] : shelved->book.requests)
        finished += filed.Read()->IsLive() ? 0 : 1;
    }
    return finished;
  }

  // From here on the ledger does what it is asked to. What was to fail and was not asked for yet is
  // forgotten: else it would fail for as long as that lasts, while the core tries again after
  // longer and longer pauses, and gives up.
  void EndFaults() {
    poison_ = RequestId{};
    poisoned_ = OwnerId{};
    to_lose_ = 0;
    reading_fails_ = s_.hold_writes = s_.hold_reads = false;
    s_.ledger.FailNoCommit();
    s_.ledger.SetUnavailable(false, false);
    if (s_.second_read) s_.FinishRead(s_.second_read);
    s_.RunFor(Seconds(2));  // A heartbeat tells whether it is the other replica's turn.
    WaitUntil([this] { return IsSettled(); });
    ExpectWhatIsDurableAsInTheTrail();
    EXPECT_LE(Finished(), s_.options.finished_kept);
    for (const Batch& batch : lost_)
      EXPECT_EQ(s_.ledger.Commit(batch).outcome, CommitOutcome::kFenced);
  }

  // Every command once more, with its key.
  void RepeatEverything() {
    s_.Restart();
    s_.Run();
    for (Sent& one : sent_) Send(one);
    WaitUntil([this] {
      return std::all_of(sent_.begin(), sent_.end(),
                         [](const Sent& one) { return one.told.back()->IsAnswered(); });
    });
    for (const OwnerId& owner : owners_) s_.ExpectSound(owner);
  }

  void ExpectOneActForEachKey() {
    std::map<std::pair<OwnerId, uint64_t>, int> answered_by;
    for (const Sent& one : sent_) {
      std::optional<uint64_t> act;
      for (const auto& told : one.told) {
        if (!told->IsAnswered()) continue;
        EXPECT_NE(told->reason(), "IDEMPOTENCY_CONFLICT");
        if (!told->status().ok() || told->sequence() == 0) continue;
        EXPECT_EQ(act.value_or(told->sequence()), told->sequence()) << "two answers to one key";
        if ((*told->answer)->request != nullptr) {
          EXPECT_EQ(told->request().sequence, told->sequence());
        }
        act = told->sequence();
      }
      if (!act) continue;
      EXPECT_EQ(++answered_by[std::pair(one.command.owner, *act)], 1)
          << "act " << *act << " answers two commands";
      // Once told OK, always told so.
      EXPECT_TRUE(one.told.back()->status().ok()) << one.told.back()->status();
    }
  }

  // The live books are what a restart finds, if it takes no time: a heartbeat says that nobody was
  // away.
  void ExpectTheSameAfterARestart() {
    s_.Pass(Seconds(1));
    s_.Run();
    const auto live = Describe(s_.core->books());
    s_.Restart();
    s_.Run();
    EXPECT_EQ(Describe(s_.core->books()), live);
    for (const OwnerId& owner : owners_) {
      const std::vector<RequestRow> rows = *s_.ledger.AllRequests(owner);
      for (const RequestRow& row : rows) {
        const RequestBook* request = s_.Find(row.request);
        EXPECT_EQ(request == nullptr, !row.is_live);
        EXPECT_TRUE(request == nullptr || request->state == row.state);
      }
    }
  }

  const bool is_wide_;
  std::mt19937_64 random_;
  Stage s_;
  Replica other_;  // Stands still.
  const std::vector<OwnerId> owners_{s_.owner, {"beside-1"}, {"beside-2"}};
  std::vector<Place> places_;
  std::vector<Sent> sent_;
  RequestId poison_;  // Whatever is about it, or of this owner, is refused by the database.
  OwnerId poisoned_;
  bool reading_fails_ = false;
  uint64_t to_lose_ = 0;     // So many of the next batches are lost on their way,
  std::vector<Batch> lost_;  //   and may arrive at any time after.
  std::map<OwnerId, Book> trails_;
};

// A seed that crashes is named all the same.
std::atomic<uint64_t> running_seed = 0;
struct sigaction abort_before, fault_before;
void TellSeed(int signal) {
  const std::string line = Cat("core faults: seed ", running_seed.load(), " crashed\n");
  (void)!write(STDERR_FILENO, line.data(), line.size());
  sigaction(signal, signal == SIGABRT ? &abort_before : &fault_before, nullptr);
}

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::stoull(value);
}

TEST(CoreFaults, WhatIsAnsweredIsInTheTrailOnce) {
  struct sigaction tell {};
  tell.sa_handler = TellSeed;
  sigaction(SIGABRT, &tell, &abort_before);
  sigaction(SIGSEGV, &tell, &fault_before);
  const uint64_t first = FromEnvironment("CORE_FAULTS_FIRST", 1);
  const uint64_t count = FromEnvironment("CORE_FAULTS_COUNT", kUsualCount);
  std::vector<uint64_t> seeds(std::begin(kKnown), std::end(kKnown));
  for (uint64_t seed = first; seed < first + count; ++seed) seeds.push_back(seed);

  const auto start = std::chrono::steady_clock::now();
  std::string failed;
  const auto tell_progress = [&](size_t done) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::fprintf(stderr, "core faults: %zu of %zu seeds, the last %llu, in %.1f s; failed:%s\n",
                 done, seeds.size(), static_cast<unsigned long long>(running_seed.load()),
                 took.count(), failed.empty() ? " none" : failed.c_str());
  };
  for (size_t i = 0; i < seeds.size(); ++i) {
    if (i > 0 && i % 1000 == 0) tell_progress(i);
    running_seed = seeds[i];
    SCOPED_TRACE(Cat("seed ", seeds[i]));
    const int before = Failures();
    World(seeds[i], /*is_wide=*/false).Run();
    World(seeds[i], /*is_wide=*/true).Run();
    if (Failures() != before) failed += Cat(" ", seeds[i]);
  }
  tell_progress(seeds.size());
  sigaction(SIGABRT, &abort_before, nullptr);
  sigaction(SIGSEGV, &fault_before, nullptr);
}

}  // namespace
}  // namespace capbroker
