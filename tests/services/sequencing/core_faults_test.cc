// Many runs of the core with commands, faults, restarts and lost answers in an order that a seed gives,
// against what must hold whatever happens: what was answered is in the trail once, chains verify, and the
// books are the fold.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/services/sequencing/stage.h"

namespace capbroker {
namespace {

std::string Describe(const RequestBook& request) {
  std::string out = Cat(Format(request.request->id), " ", NameOf(request.state), " ", request.sequence, " ",
                        Format(request.NextDeadline()), ":");
  for (const Offer& offer : request.offers) {
    out += Cat(" ", offer.provider.value, "=", NameOf(offer.state), "/", NameOf(offer.allocation), "/",
               offer.accepted, "/", Format(offer.deadline));
  }
  return out;
}

// Heads, accounts, deadlines and unfinished requests: what a restart must bring back.
std::map<std::string, std::string> Describe(const Books& books) {
  std::map<std::string, std::string> out;
  for (const auto& shelved : books.all()) {
    const Book& book = shelved->book;
    if (book.sequence == 0) continue;
    std::string text = Cat(book.sequence, " ", Hex(book.hash), " ", Format(book.time));
    for (const Commitment& c : book.account.commitments)
      text += Cat(" ", c.reserved.micros, "/", c.drawn.micros);
    text += Cat(" ", book.account.cool_downs.size(), " ", book.directory.providers().size());
    std::map<RequestId, std::string> requests;
    for (const auto& [id, filed] : book.requests) {
      if (const auto request = filed.Read(); !IsFinished(request->state)) requests[id] = Describe(*request);
    }
    for (const auto& [id, request] : requests) text += "\n" + request;
    for (const auto& [time, id] : book.deadlines) text += Cat("\n", Format(time), " ", Format(id));
    out[book.owner.value] = text;
  }
  return out;
}

class CoreFaults : public testing::TestWithParam<int> {};

TEST_P(CoreFaults, WhatIsAnsweredIsInTheTrailOnce) {
  std::mt19937_64 random(GetParam());
  const auto roll = [&](uint64_t n) { return random() % n; };
  SequencerOptions options;
  options.batch_bound = 1 + roll(6);
  options.least_behind = 1 + roll(3);
  options.finished_kept = roll(4);
  options.keys_kept = 1 + roll(20);
  options.answers_kept = 1;
  options.awake_kept = roll(3);
  Stage s(options);
  s.SetUp();

  struct Sent {
    Command command;
    Repeat repeat;
    std::vector<std::shared_ptr<Told>> told;
  };
  std::vector<Sent> sent;
  std::vector<RequestId> requests;
  uint64_t keys = 0;
  RequestId poison;  // Whatever is about it is refused by the database.
  s.judge = [&](const Batch& batch) -> std::optional<CommitResult> {
    for (const SealedAct& act : batch.acts) {
      if (poison.IsSet() && act.request == poison) return CommitResult{CommitOutcome::kRefused, {}, "poison"};
    }
    return std::nullopt;
  };
  const auto send = [&](Sent& one) { one.told.push_back(s.Submit(one.command, one.repeat)); };
  const auto send_new = [&](Command command) {
    Repeat repeat;
    ++keys;
    repeat.key[0] = static_cast<uint8_t>(keys);
    repeat.key[1] = static_cast<uint8_t>(keys >> 8);
    repeat.payload = Sha256(Cat(keys));
    sent.push_back({std::move(command), repeat, {}});
    send(sent.back());
  };
  const Actor owner{Role::kOwner, s.owner.value};
  const char* const providers[] = {"azure", "stargate-oracle", "stargate-softbank"};

  for (int step = 0; step < 300; ++step) {
    const auto pick = [&]() -> RequestId {
      return requests.empty() ? RequestId{} : requests[roll(requests.size())];
    };
    switch (roll(16)) {
      case 0:
      case 1:
      case 2: {
        const Request request = s.NewRequest();
        requests.push_back(request.id);
        send_new({s.owner, owner, CreateRequest{request}});
        break;
      }
      case 3:
      case 4:
      case 5: {
        const RequestId id = pick();
        const RequestBook* request = s.Find(id);
        const uint32_t offer =
            request == nullptr ? 1 : static_cast<uint32_t>(1 + roll(request->offers.size() + 1));
        const Offer* found = request == nullptr ? nullptr : request->Find(offer);
        const std::string provider = found == nullptr ? providers[roll(3)] : found->provider.value;
        if (roll(2) == 0) {
          const Hash terms = found == nullptr ? Hash{} : found->terms_hash;
          send_new({s.owner, {Role::kProvider, provider}, AcceptOffer{id, offer, terms, 0}});
        } else {
          send_new(
              {s.owner,
               {Role::kProvider, provider},
               DeclineOffer{id, offer, DeclineReason::kPrice, "", Seconds(static_cast<int64_t>(roll(3)))}});
        }
        break;
      }
      case 6:
        send_new({s.owner, owner, CancelRequest{pick(), ""}});
        break;
      case 7:
        send_new({s.owner, owner, ReleaseAllocation{pick(), 1, ""}});
        break;
      case 8:
      case 9:
        if (!sent.empty()) send(sent[roll(sent.size())]);
        break;
      case 10:
        s.Pass(roll(8) == 0 ? Hours(30) : Span{static_cast<int64_t>(roll(400'000))});
        break;
      case 11:
        s.ledger.FailNextCommit(CommitOutcome::kUnknown, roll(2) == 0);
        break;
      case 12:
        poison = roll(2) == 0 ? pick() : RequestId{};
        break;
      case 13:
        s.hold_writes = roll(2) == 0;
        s.hold_reads = roll(2) == 0;
        break;
      case 14:
        if (!s.writes.empty() && s.hold_writes) s.FinishWrite();
        if (s.read && s.hold_reads) s.FinishRead();
        break;
      case 15:
        if (roll(12) == 0) s.Restart();  // Those who wait never hear; some of it may be recorded.
        break;
    }
    if (roll(3) != 0) s.Run();
    ASSERT_FALSE(testing::Test::HasFailure()) << "step " << step;
  }
  poison = RequestId{};
  s.hold_writes = s.hold_reads = false;
  s.RunFor(Seconds(5));
  ASSERT_EQ(s.core->status().phase, SequencerStatus::Phase::kServing);
  ASSERT_EQ(s.core->queued(), 0);

  // Every command once more, with its key: what came of it the first time.
  s.Restart();
  s.Run();
  for (Sent& one : sent) send(one);
  s.RunFor(Seconds(2));
  s.ExpectSound(s.owner);
  std::map<uint64_t, int> owners_of_act;
  for (const Sent& one : sent) {
    ASSERT_TRUE(one.told.back()->IsAnswered())
        << s.core->queued() << " " << s.writes.size() << s.read.has_value() << s.core->status().detail;
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
    EXPECT_EQ(++owners_of_act[*act], 1) << "act " << *act << " answers two commands";
    // Once told OK, always told so.
    EXPECT_TRUE(one.told.back()->status().ok()) << one.told.back()->status();
  }

  // The live books are what a restart finds, if it takes no time: a heartbeat says that nobody was away.
  s.Pass(Seconds(1));
  s.Run();
  const auto live = Describe(s.core->books());
  s.Restart();
  s.Run();
  EXPECT_EQ(Describe(s.core->books()), live);
  const std::vector<RequestRow> rows = *s.ledger.AllRequests(s.owner);
  for (const RequestRow& row : rows) {
    const RequestBook* request = s.Find(row.request);
    EXPECT_EQ(request == nullptr, IsFinished(row.state));
    EXPECT_TRUE(request == nullptr || request->state == row.state);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, CoreFaults, testing::Range(1, 61));
INSTANTIATE_TEST_SUITE_P(FailedOnce, CoreFaults, testing::Values(697));

}  // namespace
}  // namespace capbroker
