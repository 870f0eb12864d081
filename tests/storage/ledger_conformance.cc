#include "tests/storage/ledger_conformance.h"

#include <gmock/gmock.h>

#include <map>
#include <thread>

#include "broker/trail/canonical.h"
#include "broker/values/text.h"
#include "storage/book_state.h"

namespace capbroker {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

RequestId IdOf(uint8_t n) {
  RequestId id;
  id.bytes = {0x01, 0x94, 0xc5, 0xa0, n, 0, 0x70, 0, 0x80};
  id.bytes[15] = n;
  return id;
}
Hash HashOf(uint8_t n) {
  Hash hash;
  hash.fill(n);
  return hash;
}
IdempotencyKey KeyOf(uint8_t n) {
  IdempotencyKey key;
  key.fill(n);
  return key;
}
SealedAct ActOf(const OwnerId& owner, uint64_t sequence, const RequestId& request,
                const std::string& tag) {
  Act act;
  act.owner = owner;
  act.sequence = sequence;
  act.time = Instant{1'700'000'000'000'001} + Seconds(static_cast<int64_t>(sequence));
  act.actor = {Role::kOwner, owner.value};
  act.request = request;
  act.decisions.resize(1);
  act.decisions[0].kind = Kind::REQUEST_CANCELLED;
  act.decisions[0].text = tag;
  const std::string text = Encode(act);
  return {owner, sequence, act.time, request, 1, text, Chain(Hash{}, text), {}};
}
BookRow BookOf(const OwnerId& owner, uint64_t sequence) {
  BookRow book{.owner = owner,
               .sequence = sequence,
               .hash = HashOf(7),
               .time = Instant{1'700'000'000'123'456}};
  const Currency usd = *ParseCurrency("USD");
  book.commitments.push_back({{"azure"}, {"C3"}, {250'000, usd}, {1, usd}, {2, usd}});
  book.waivers.push_back({{"azure"}, {"C2"}, 17});
  book.cool_downs.push_back(
      {{"coreweave"}, "us-\"east\"\t\xc3\xa9", "h100", Instant{1'800'000'000'000'000}});
  book.aggregates.push_back(
      {IdOf(1), {"azure"}, {"C2"}, "us-east", "h100", "", 4'000, Instant{1'800'000'000'000'000}});
  return book;
}

OfferRow OfferOf(const OwnerId& owner, const RequestId& request, uint32_t number) {
  return {.owner = owner,
          .request = request,
          .offer = number,
          .provider = kAzure,
          .deadline = Instant{1'750'000'000'000'007}};
}

Batch BatchOf(const std::vector<Tenure>& tenures) {
  Batch batch;
  for (const Tenure& tenure : tenures)
    batch.fences.push_back({tenure.partition, tenure.epoch, tenure.batch});
  return batch;
}
void Advance(std::vector<Tenure>& tenures) {
  for (Tenure& tenure : tenures) ++tenure.batch;
}
std::vector<uint32_t> AllPartitions() { return {0, 1, 2, 3}; }

void LedgerConformance::SetUp() { pair_ = GetParam().second(); }

namespace {

void ExpectSame(const SealedAct& a, const SealedAct& b) {
  EXPECT_EQ(a.owner, b.owner);
  EXPECT_EQ(a.sequence, b.sequence);
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.request, b.request);
  EXPECT_EQ(a.decisions, b.decisions);
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.hash, b.hash);
}

std::vector<uint64_t> Sequences(const absl::StatusOr<std::vector<SealedAct>>& acts) {
  std::vector<uint64_t> out;
  EXPECT_TRUE(acts.ok()) << acts.status();
  if (acts.ok()) {
    for (const SealedAct& act : *acts) out.push_back(act.sequence);
  }
  return out;
}

TEST_P(LedgerConformance, ReadsBackWhatWasCommitted) {
  EXPECT_EQ(*ledger().Open(), kTestPartitions);
  Writer writer(ledger());
  SealedAct first = ActOf(kOpenai, 1, IdOf(1), "quote \" backslash \\ NUL-like \x01 \xc3\xa9 {}");
  SealedAct second = ActOf(kOpenai, 2, {}, std::string(300'000, 'x'));
  OfferRow offer = OfferOf(kOpenai, IdOf(1), 1);
  first.repeat = Repeat{KeyOf(1), HashOf(2)};
  second.repeat = Repeat{KeyOf(2), HashOf(3)};
  writer.MustCommit([&](Batch& b) {
    b.acts = {first, second};
    b.new_requests = {{kOpenai, IdOf(1), RequestState::kHolderRound}};
    b.new_offers = {offer};
    b.books = {BookOf(kOpenai, 2)};
  });
  offer.state = OfferState::kPartiallyAccepted;
  offer.allocation = AllocationState::kHeld;
  offer.accepted = 1'000'000'000'000;
  offer.deadline = kLastInstant;
  writer.MustCommit([&](Batch& b) {
    b.acts = {ActOf(kOpenai, 3, IdOf(1))};
    b.requests = {{kOpenai, IdOf(1), RequestState::kExpired, false, RequestState::kHolderRound}};
    b.offers = {offer};
    b.books = {BookOf(kOpenai, 3)};
  });

  const auto acts = other().ReadActs({.owner = kOpenai});
  ASSERT_TRUE(acts.ok()) << acts.status();
  ASSERT_THAT(*acts, SizeIs(3));
  ExpectSame((*acts)[0], first);
  ExpectSame((*acts)[1], second);
  EXPECT_EQ(Sequences(other().ReadRequest(kOpenai, IdOf(1))), (std::vector<uint64_t>{1, 3}));
  EXPECT_EQ(Sequences(other().ReadActs({.owner = kOpenai, .from = 1, .limit = 1})),
            (std::vector<uint64_t>{2}));
  EXPECT_EQ(Sequences(other().ReadActs({.owner = kOpenai, .newest_first = true})),
            (std::vector<uint64_t>{3, 2, 1}));
  EXPECT_EQ(
      Sequences(other().ReadActs({.owner = kOpenai, .from = 3, .newest_first = true, .limit = 1})),
      (std::vector<uint64_t>{2}));
  EXPECT_EQ(Sequences(other().ReadActs({.owner = kOpenai, .account_only = true})),
            (std::vector<uint64_t>{2}));
  EXPECT_EQ(
      Sequences(other().ReadActs({.owner = kOpenai, .newest_first = true, .account_only = true})),
      (std::vector<uint64_t>{2}));

  const auto book = other().ReadBook(kOpenai);
  ASSERT_TRUE(book.ok() && book->has_value());
  EXPECT_EQ((*book)->sequence, 3u);
  EXPECT_EQ((*book)->hash, HashOf(7));
  EXPECT_EQ((*book)->time, BookOf(kOpenai, 3).time);
  EXPECT_EQ(EncodeBookState(**book), EncodeBookState(BookOf(kOpenai, 3)));
  EXPECT_EQ((*book)->cool_downs, BookOf(kOpenai, 3).cool_downs);
  EXPECT_EQ((*book)->aggregates, BookOf(kOpenai, 3).aggregates);

  const auto requests = other().AllRequests(kOpenai);
  ASSERT_TRUE(requests.ok() && requests->size() == 1);
  EXPECT_EQ((*requests)[0].request, IdOf(1));
  EXPECT_EQ((*requests)[0].state, RequestState::kExpired);
  const auto offers = other().AllOffers(kOpenai);
  ASSERT_TRUE(offers.ok() && offers->size() == 1);
  EXPECT_EQ((*offers)[0].state, OfferState::kPartiallyAccepted);
  EXPECT_EQ((*offers)[0].allocation, AllocationState::kHeld);
  EXPECT_EQ((*offers)[0].accepted, 1'000'000'000'000);
  EXPECT_EQ((*offers)[0].deadline, kLastInstant);
  EXPECT_EQ((*offers)[0].provider, kAzure);

  const auto keys = other().Keys(kOpenai, {KeyOf(1), KeyOf(2), KeyOf(3), KeyOf(1)});
  ASSERT_TRUE(keys.ok());
  std::map<IdempotencyKey, KeyRecord> found;
  for (const KeyRecord& record : *keys) found[record.key] = record;
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[KeyOf(1)].payload, HashOf(2));
  EXPECT_EQ(found[KeyOf(1)].request, IdOf(1));
  EXPECT_EQ(found[KeyOf(1)].sequence, 1u);
  EXPECT_FALSE(found[KeyOf(2)].request.IsSet());
  EXPECT_THAT(*other().Keys(kMistral, {KeyOf(1)}), IsEmpty());
}

TEST_P(LedgerConformance, ReadsOfNothing) {
  EXPECT_TRUE(absl::IsNotFound(ledger().ReadRequest(kOpenai, IdOf(1)).status()));
  EXPECT_THAT(*ledger().ReadActs({.owner = kOpenai}), IsEmpty());
  EXPECT_THAT(*ledger().ReadActs({.owner = kOpenai, .newest_first = true}), IsEmpty());
  EXPECT_THAT(ledger().ListRequests({kOpenai, {}}, 10, "")->items, IsEmpty());
  EXPECT_THAT(ledger().ListOffers({kAzure, {}}, 10, "")->items, IsEmpty());
  EXPECT_THAT(*ledger().Owners({}, 10), IsEmpty());
  EXPECT_FALSE(ledger().ReadBook(kOpenai)->has_value());
  EXPECT_THAT(*ledger().AllRequests(kOpenai), IsEmpty());
  EXPECT_THAT(*ledger().AllOffers(kOpenai), IsEmpty());
  EXPECT_THAT(*ledger().Keys(kOpenai, {}), IsEmpty());
  EXPECT_THAT(*ledger().ReadRequests({}), IsEmpty());
  const auto trails = ledger().ReadRequests({{kOpenai, IdOf(1)}});
  ASSERT_THAT(*trails, SizeIs(1));
  EXPECT_THAT((*trails)[0].acts, IsEmpty());
  EXPECT_THAT(*ledger().Recover(0), IsEmpty());
}

TEST_P(LedgerConformance, SeveralTrailsComeInTheOrderAsked) {
  Writer writer(ledger());
  writer.MustCommit([&](Batch& b) {
    // The same id of two owners is two requests.
    b.acts = {ActOf(kOpenai, 1, IdOf(1)), ActOf(kOpenai, 2, IdOf(2)), ActOf(kOpenai, 3, IdOf(1)),
              ActOf(kMistral, 1, IdOf(1))};
  });
  const auto trails = other().ReadRequests(
      {{kOpenai, IdOf(2)}, {kMistral, IdOf(1)}, {kOpenai, IdOf(9)}, {kOpenai, IdOf(1)}});
  ASSERT_TRUE(trails.ok()) << trails.status();
  ASSERT_THAT(*trails, SizeIs(4));
  EXPECT_EQ(Sequences((*trails)[0].acts), (std::vector<uint64_t>{2}));
  EXPECT_EQ(Sequences((*trails)[1].acts), (std::vector<uint64_t>{1}));
  EXPECT_EQ((*trails)[1].owner, kMistral);
  EXPECT_THAT((*trails)[2].acts, IsEmpty());
  EXPECT_EQ(Sequences((*trails)[3].acts), (std::vector<uint64_t>{1, 3}));
}

TEST_P(LedgerConformance, AnEmptyBatchMovesThePartitionsAndTellsTheTime) {
  Writer writer(ledger());
  const CommitResult first = writer.Commit([](Batch&) {});
  const CommitResult second = writer.Commit([](Batch&) {});
  EXPECT_EQ(second.outcome, CommitOutcome::kDurable) << second.error;
  EXPECT_GT(second.database_time, first.database_time);
  const auto again = ledger().Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)[3].batch, 2u);
}

TEST_P(LedgerConformance, BatchesAreHandedInOneAfterAnother) {
  Writer writer(ledger());
  const auto send = [&](uint64_t sequence, const OwnerId& owner) {
    Batch batch = BatchOf(writer.tenures);
    batch.acts = {ActOf(owner, sequence, IdOf(1))};
    ledger().Send(batch);
    Advance(writer.tenures);
  };
  const auto receive = [&] {
    for (;;) {
      if (const auto result = ledger().Receive()) return result->outcome;
    }
  };
  send(1, kOpenai);
  send(2, kOpenai);
  EXPECT_EQ(receive(), CommitOutcome::kDurable);
  send(1, kMistral);  // A new name, while another batch is in flight.
  EXPECT_EQ(receive(), CommitOutcome::kDurable);
  EXPECT_EQ(receive(), CommitOutcome::kDurable);
  EXPECT_EQ(Sequences(ledger().ReadActs({.owner = kOpenai})), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(Sequences(ledger().ReadActs({.owner = kMistral})), (std::vector<uint64_t>{1}));

  const std::vector<Tenure> before = writer.tenures;
  send(2, kOpenai);  // The name exists already.
  send(3, kOpenai);
  EXPECT_EQ(receive(), CommitOutcome::kRefused);
  EXPECT_EQ(receive(), CommitOutcome::kFenced);
  writer.tenures = before;
  send(3, kOpenai);
  EXPECT_EQ(receive(), CommitOutcome::kDurable);

  ledger().Wake();
  EXPECT_FALSE(ledger().Receive().has_value());
}

TEST_P(LedgerConformance, AnOlderEpochIsFencedOff) {
  Writer old(ledger());
  Writer now(other(), "one");
  EXPECT_EQ(old.Commit([](Batch& b) { b.acts = {ActOf(kOpenai, 1, IdOf(1))}; }).outcome,
            CommitOutcome::kFenced);
  EXPECT_THAT(*ledger().ReadActs({.owner = kOpenai}), IsEmpty());
  const auto act = [](Batch& b) {
    b.acts = {ActOf(kOpenai, 1, IdOf(1))};
    b.acts[0].repeat = Repeat{KeyOf(1), HashOf(1)};
  };
  now.MustCommit(act);
  EXPECT_EQ(old.Commit(act).outcome,
            CommitOutcome::kFenced);  // Rather than repeat what the other wrote.
  EXPECT_TRUE(absl::IsFailedPrecondition(ledger().Heartbeat(old.tenures).status()));
  EXPECT_TRUE(other().Heartbeat(now.tenures).ok());
}

TEST_P(LedgerConformance, ABatchThatIsNotTheNextIsFencedOff) {
  Writer writer(ledger());
  std::vector<Tenure> before = writer.tenures;
  writer.MustCommit([](Batch&) {});
  Batch repeat = BatchOf(before);
  repeat.acts = {ActOf(kOpenai, 1, IdOf(1))};
  EXPECT_EQ(ledger().Commit(repeat).outcome, CommitOutcome::kFenced);
  // One fenced partition is enough, and no head moves.
  Batch mixed = BatchOf(writer.tenures);
  mixed.fences[2].last_batch++;
  EXPECT_EQ(ledger().Commit(mixed).outcome, CommitOutcome::kFenced);
  writer.MustCommit([](Batch&) {});
}

TEST_P(LedgerConformance, ARowOutsideTheFencesIsRefused) {
  Writer writer(ledger());
  const uint32_t partition = PartitionOf(kOpenai, kTestPartitions);
  for (const bool fenced : {false, true}) {
    Batch batch;
    for (const Tenure& t : writer.tenures) {
      if ((t.partition == partition) == fenced)
        batch.fences.push_back({t.partition, t.epoch, t.batch});
    }
    batch.acts = {ActOf(kOpenai, 1, IdOf(1))};
    const CommitResult result = ledger().Commit(batch);
    EXPECT_EQ(result.outcome, fenced ? CommitOutcome::kDurable : CommitOutcome::kRefused)
        << result.error;
  }
  EXPECT_EQ(ledger().Commit(Batch{}).outcome, CommitOutcome::kRefused);
}

TEST_P(LedgerConformance, ARepeatedKeyWritesNothing) {
  Writer writer(ledger());
  const auto act = [](const OwnerId& owner, uint64_t sequence, uint8_t key) {
    SealedAct made = ActOf(owner, sequence, IdOf(1));
    made.repeat = Repeat{KeyOf(key), HashOf(1)};
    return made;
  };
  writer.MustCommit([&](Batch& b) { b.acts = {act(kOpenai, 1, 1)}; });
  const CommitResult result = writer.Commit([&](Batch& b) {
    b.acts = {act(kOpenai, 2, 2), act(kOpenai, 3, 1)};
    b.new_requests = {{kOpenai, IdOf(2), RequestState::kReceived}};
  });
  EXPECT_EQ(result.outcome, CommitOutcome::kDuplicateKey) << result.error;
  EXPECT_EQ(Sequences(ledger().ReadActs({.owner = kOpenai})), (std::vector<uint64_t>{1}));
  EXPECT_THAT(*ledger().AllRequests(kOpenai), IsEmpty());
  EXPECT_THAT(*ledger().Keys(kOpenai, {KeyOf(2)}), IsEmpty());
  // The same key of another owner is another key, and the batch continues where it was.
  writer.MustCommit([&](Batch& b) { b.acts = {act(kMistral, 1, 1)}; });
}

TEST_P(LedgerConformance, ARefusedBatchWritesNothing) {
  Writer writer(ledger());
  writer.MustCommit([](Batch& b) {
    b.acts = {ActOf(kOpenai, 1, IdOf(1))};
    b.new_requests = {{kOpenai, IdOf(1), RequestState::kReceived}};
    b.new_offers = {OfferOf(kOpenai, IdOf(1), 1)};
  });
  const std::map<std::string, std::function<void(Batch&)>> poisons = {
      {"act again", [](Batch& b) { b.acts.push_back(ActOf(kOpenai, 1, IdOf(1))); }},
      {"act twice", [](Batch& b) { b.acts.push_back(ActOf(kOpenai, 2, IdOf(1))); }},
      {"act zero", [](Batch& b) { b.acts.push_back(ActOf(kOpenai, 0, IdOf(1))); }},
      {"act with a NUL", [](Batch& b) { b.acts[0].text[3] = '\0'; }},
      {"request again",
       [](Batch& b) {
         b.new_requests = {{kOpenai, IdOf(1), RequestState::kReceived}};
       }},
      {"no such request",
       [](Batch& b) {
         b.requests = {{kOpenai, IdOf(2), RequestState::kReceived}};
       }},
      {"request of another state",
       [](Batch& b) {
         b.requests = {{kOpenai, IdOf(1), RequestState::kFulfilled, false, RequestState::kBlocked}};
       }},
      {"offer again", [](Batch& b) { b.new_offers = {OfferOf(kOpenai, IdOf(1), 1)}; }},
      {"no such offer", [](Batch& b) { b.offers = {OfferOf(kOpenai, IdOf(1), 2)}; }},
      {"offer twice",
       [](Batch& b) {
         b.offers = {OfferOf(kOpenai, IdOf(1), 1), OfferOf(kOpenai, IdOf(1), 1)};
       }},
      {"offer zero", [](Batch& b) { b.new_offers = {OfferOf(kOpenai, IdOf(1), 0)}; }},
      {"negative quantity",
       [](Batch& b) {
         b.offers = {OfferOf(kOpenai, IdOf(1), 1)};
         b.offers[0].accepted = -1;
       }},
      {"allocation of nothing",
       [](Batch& b) {
         b.offers = {OfferOf(kOpenai, IdOf(1), 1)};
         b.offers[0].allocation = AllocationState::kHeld;
       }},
      {"book at zero", [](Batch& b) { b.books = {BookOf(kOpenai, 0)}; }},
      {"book twice",
       [](Batch& b) {
         b.books = {BookOf(kOpenai, 2), BookOf(kOpenai, 2)};
       }},
  };
  for (const auto& [name, poison] : poisons) {
    const CommitResult result = writer.Commit([&poison = poison](Batch& b) {
      b.acts = {ActOf(kOpenai, 2, IdOf(1))};
      poison(b);
    });
    EXPECT_EQ(result.outcome, CommitOutcome::kRefused) << name << ": " << result.error;
    EXPECT_NE(result.error, "") << name;
    EXPECT_EQ(Sequences(ledger().ReadActs({.owner = kOpenai})), (std::vector<uint64_t>{1})) << name;
  }
  writer.MustCommit([](Batch& b) { b.acts = {ActOf(kOpenai, 2, IdOf(1))}; });
}

TEST_P(LedgerConformance, TakingAndLeases) {
  const auto first = ledger().Take("one", "a:1", AllPartitions(), Seconds(1000));
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_THAT(*first, SizeIs(4));
  for (uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ((*first)[i].partition, i);
    EXPECT_EQ((*first)[i].epoch, 1u);
    EXPECT_EQ((*first)[i].batch, 0u);
    EXPECT_FALSE((*first)[i].heartbeat.IsSet());
  }
  // The lease is alive: nothing is taken, not even the free partitions.
  const auto refused = other().Take("two", "b:2", {1}, Seconds(1000));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << refused.status();
  EXPECT_THAT(std::string(View(refused.status().message())), testing::HasSubstr("one at a:1"));
  // The same holder restarts.
  const auto again = ledger().Take("one", "a:1", AllPartitions(), Seconds(1000));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)[0].epoch, 2u);
  EXPECT_TRUE((*again)[0].heartbeat.IsSet());
  const auto beat = ledger().Heartbeat(*again);
  ASSERT_TRUE(beat.ok());
  EXPECT_GT(*beat, (*again)[0].heartbeat);
  // The lease has run out.
  const auto taken = other().Take("two", "b:2", {1}, Span{0});
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ((*taken)[0].epoch, 3u);
  EXPECT_TRUE(absl::IsFailedPrecondition(ledger().Heartbeat(*again).status()));
  // Released partitions are free at once; a release of what one no longer holds changes nothing.
  EXPECT_TRUE(ledger().Release(*again).ok());
  EXPECT_TRUE(other().Heartbeat(*taken).ok());
  const auto rest = other().Take("two", "b:2", AllPartitions(), Seconds(1000));
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_GE((*rest)[0].heartbeat, *beat);
  EXPECT_FALSE(ledger().Take("one", "", {0, 17}, Seconds(0)).ok());
  EXPECT_FALSE(ledger().Take("", "", {0}, Seconds(0)).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(ledger().Take("one", "", {0}, Seconds(1000)).status()));
}

// A partition counts as down since the heartbeat before the first taking whose holder never
// reported that the outage had been given back.
TEST_P(LedgerConformance, AnOutageIsKeptUntilAHeartbeatForgetsIt) {
  const auto take = [&] { return *ledger().Take("one", "a:1", {0, 1}, Span{0}); };
  std::vector<Tenure> held = take();
  EXPECT_FALSE(held[0].down_since.IsSet());  // Never held before: nobody missed anything.
  ASSERT_TRUE(ledger().Heartbeat(held).ok());

  held = take();
  const Instant first = held[0].down_since;
  EXPECT_TRUE(first.IsSet());
  EXPECT_EQ(first, held[0].heartbeat);
  ASSERT_TRUE(ledger().Heartbeat(held).ok());  // Its outage has not been given back yet.
  held = take();
  EXPECT_EQ(held[0].down_since, first);
  EXPECT_GT(held[0].heartbeat, first);

  held[0].down_since = {};
  ASSERT_TRUE(ledger().Heartbeat(held).ok());
  ASSERT_TRUE(ledger().Release(held).ok());
  const Instant second = held[1].down_since;
  held = take();
  EXPECT_EQ(held[0].down_since, held[0].heartbeat);
  EXPECT_EQ(held[1].down_since, second);  // Each partition has its own.
}

TEST_P(LedgerConformance, TheBatchNumberTellsWhetherACommitTookEffect) {
  Writer writer(ledger());
  writer.MustCommit([](Batch&) {});
  const auto before = ledger().Take("one", "", AllPartitions(), Seconds(10));
  ASSERT_TRUE(before.ok());
  EXPECT_EQ((*before)[0].batch, 1u);
  EXPECT_EQ(writer.Commit([](Batch&) {}).outcome, CommitOutcome::kFenced);
  EXPECT_EQ((*ledger().Take("one", "", AllPartitions(), Seconds(10)))[0].batch, 1u);
}

TEST_P(LedgerConformance, RecoversOnlyWhatIsUnfinished) {
  Writer writer(ledger());
  writer.MustCommit([](Batch& b) {
    b.acts = {ActOf(kOpenai, 1, {}),       ActOf(kOpenai, 2, IdOf(1)), ActOf(kOpenai, 3, IdOf(2)),
              ActOf(kOpenai, 4, IdOf(3)),  ActOf(kOpenai, 5, IdOf(1)), ActOf(kOpenai, 6, {}),
              ActOf(kMistral, 1, IdOf(1)), ActOf(kDirectory, 1, {})};
    b.new_requests = {{kOpenai, IdOf(1), RequestState::kBlocked},
                      {kOpenai, IdOf(2), RequestState::kHolderRound},
                      {kOpenai, IdOf(3), RequestState::kReceived},
                      {kMistral, IdOf(1), RequestState::kUnfilled, false}};
    b.books = {BookOf(kOpenai, 6), BookOf(kMistral, 1), BookOf(kDirectory, 1)};
  });
  writer.MustCommit([](Batch& b) {
    b.requests = {{kOpenai, IdOf(2), RequestState::kFulfilled, false, RequestState::kHolderRound}};
  });
  std::map<OwnerId, std::vector<uint64_t>> accounts;
  std::map<OwnerId, std::vector<RequestId>> unfinished;
  for (uint32_t partition : AllPartitions()) {
    const auto owners = other().Recover(partition);
    ASSERT_TRUE(owners.ok()) << owners.status();
    OwnerId last;
    for (const RecoveredOwner& owner : *owners) {
      const OwnerId& id = owner.book.owner;
      EXPECT_LT(last, id);
      last = id;
      EXPECT_EQ(PartitionOf(id, kTestPartitions), partition);
      EXPECT_EQ(owner.book.commitments.size(), 1u);
      for (const Act& act : owner.acts) {
        EXPECT_EQ(act.owner, id);
        accounts[id].push_back(act.sequence);
      }
      unfinished[id] = owner.unfinished;
    }
  }
  EXPECT_THAT(accounts[kOpenai], ElementsAre(1, 6));
  EXPECT_THAT(unfinished[kOpenai], UnorderedElementsAre(IdOf(1), IdOf(3)));
  EXPECT_THAT(accounts[kMistral], IsEmpty());
  EXPECT_THAT(unfinished[kMistral], IsEmpty());
  EXPECT_THAT(accounts[kDirectory], ElementsAre(1));
  EXPECT_THAT(unfinished, SizeIs(3));
  EXPECT_THAT(*other().Owners({}, 10), ElementsAre(kDirectory, kMistral, kOpenai));
  EXPECT_THAT(*other().Owners(kDirectory, 1), ElementsAre(kMistral));
  EXPECT_FALSE(ledger().Recover(kTestPartitions).ok());
}

TEST_P(LedgerConformance, ReadersAndAWriterAtOnce) {
  Writer writer(ledger());
  std::vector<std::thread> readers;
  std::atomic<bool> done = false;
  std::atomic<int> bad = 0;
  for (int i = 0; i < 6; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        // A batch is visible as a whole: the book never shows an act that the trail does not have.
        const auto book = ledger().ReadBook(kOpenai);
        if (!book.ok()) {
          ++bad;
        } else if (book->has_value()) {
          const auto acts = ledger().ReadActs({.owner = kOpenai, .newest_first = true, .limit = 1});
          if (!acts.ok() || acts->empty() || acts->at(0).sequence < (*book)->sequence) ++bad;
        }
      }
    });
  }
  for (uint64_t n = 1; n <= 50; ++n) {
    writer.MustCommit([&](Batch& b) {
      b.acts = {ActOf(kOpenai, n, IdOf(1))};
      b.books = {BookOf(kOpenai, n)};
    });
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(bad, 0);
}

}  // namespace
}  // namespace capbroker
