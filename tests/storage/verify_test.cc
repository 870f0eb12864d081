#include "storage/verify.h"

#include <gmock/gmock.h>

#include <map>
#include <set>
#include <utility>

#include "storage/memory_ledger.h"
#include "storage/postgres_ledger.h"
#include "tests/broker/story.h"
#include "tests/storage/database.h"
#include "tests/storage/ledger_conformance.h"

namespace capbroker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Writes what a story decides, act after act, as a sequencer would.
class Scribe {
 public:
  Scribe(Ledger& ledger, Story& story) : ledger_(ledger), story_(story) {
    tenures_ = *ledger.Take("scribe", "", AllPartitions(), Seconds(10));
    Keep();
  }
  void Keep() {
    if (story_.book.sequence == kept_) return;
    kept_ = story_.book.sequence;
    Batch batch = BatchOf(tenures_);
    const Act& act = story_.last;
    batch.acts = {{act.owner,
                   act.sequence,
                   act.time,
                   act.request,
                   static_cast<uint32_t>(act.decisions.size()),
                   Encode(act),
                   story_.book.hash,
                   {}}};
    if (act.request.IsSet()) {
      const RequestBook& request = *story_.book.Find(act.request);
      RequestRow row{kOpenai, act.request, request.state, request.IsLive()};
      const auto [kept, is_new] = requests_.try_emplace(act.request, row);
      row.before = kept->second.state;
      row.was_live = kept->second.is_live;
      kept->second = row;
      auto& rows = is_new ? batch.new_requests : batch.requests;
      rows.push_back(row);
      for (const Offer& offer : request.offers) {
        auto& list =
            offers_.insert({act.request, offer.number}).second ? batch.new_offers : batch.offers;
        list.push_back({kOpenai, act.request, offer.number, offer.provider, offer.state,
                        offer.allocation.state, offer.allocation.quantity, offer.deadline});
      }
    }
    const Account& account = story_.book.account;
    batch.books = {{kOpenai, act.sequence, story_.book.hash, story_.book.time, account.commitments,
                    account.waivers, account.cool_downs, account.aggregates}};
    const CommitResult result = ledger_.Commit(batch);
    ASSERT_EQ(result.outcome, CommitOutcome::kDurable) << result.error;
    Advance(tenures_);
  }

 private:
  Ledger& ledger_;
  Story& story_;
  std::vector<Tenure> tenures_;
  uint64_t kept_ = 0;
  std::map<RequestId, RequestRow> requests_;
  std::set<std::pair<RequestId, uint32_t>> offers_;
};

// Writes one request that is placed in parts, one that lapsed and is open, and one that finished
// and was answered late: a dozen acts.
void Tell(Ledger& ledger, Story& story) {
  Scribe scribe(ledger, story);
  const auto keep = [&](const absl::Status&) { scribe.Keep(); };
  keep(story.Create(SomeRequest(8000, "PRODUCT_INFERENCE")));
  const RequestId first = story.current;
  keep(story.Accept("azure", 1, 5000));
  keep(story.Decline("stargate-oracle", 2, Hours(24)));
  keep(story.Accept("stargate-softbank", 3));
  EXPECT_EQ(story.Get().state, RequestState::kFulfilled);
  keep(story.Create(SomeRequest(4000, "PRODUCT_INFERENCE")));
  const RequestId second = story.current;
  keep(story.Do({Role::kOwner, "openai"}, CancelRequest{second, "not needed"}));
  EXPECT_EQ(story.Get().state, RequestState::kCancelled);
  keep(story.Accept("azure", 1));  // Refused, since the offer was rescinded.
  keep(story.Create(SomeRequest(2000, "PRODUCT_INFERENCE")));
  story.current = first;
  keep(story.Do({Role::kOwner, "openai"}, ReleaseAllocation{first, 1, "less is enough"}));
}

std::shared_ptr<MemoryLedger> Memory() {
  return std::make_shared<MemoryLedger>(kTestPartitions, [] { return kNoon; });
}

TEST(Verify, FindsNothingInWhatWasWritten) {
  auto ledger = Memory();
  Story story;
  Tell(*ledger, story);
  const auto verified = VerifyOwner(*ledger, kOpenai);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_THAT(verified->findings, IsEmpty());
  EXPECT_EQ(verified->acts, story.book.sequence);
  EXPECT_EQ(verified->acts, 10u);
  EXPECT_EQ(verified->head, story.book.hash);
  EXPECT_EQ(verified->requests, 3u);
  EXPECT_GE(verified->offers, 5u);
  EXPECT_GT(verified->decisions, 20u);
}

TEST(Verify, AnOwnerWithoutATrailHasNothing) {
  const auto verified = VerifyOwner(*Memory(), kOpenai);
  ASSERT_TRUE(verified.ok());
  EXPECT_EQ(verified->acts, 0u);
  EXPECT_THAT(verified->findings, IsEmpty());
}

TEST(Verify, AnUnreachableLedgerIsAStatus) {
  auto ledger = Memory();
  ledger->SetUnavailable(false, true);
  EXPECT_TRUE(absl::IsUnavailable(VerifyOwner(*ledger, kOpenai).status()));
}

using Acts = std::map<uint64_t, SealedAct>;
using TamperActs = std::function<void(Acts&)>;

void Replace(std::string& text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from << " in " << text;
  text.replace(at, from.size(), to);
}
// Rewrites every hash from the first, as a forger does who knows how the chain is computed.
void Relink(Acts& acts) {
  Hash hash{};
  for (auto& [sequence, act] : acts) hash = act.hash = Chain(hash, act.text);
}

TEST(Verify, NamesEachKindOfTampering) {
  const struct {
    std::string name;
    TamperActs tamper;
    std::string want;
  } cases[] = {
      {"a byte in a body", [](Acts& a) { Replace(a[3].text, "5000", "5008"); },
       "act 3: its hash is not that of act 2 and its text"},
      {"a byte that breaks the JSON", [](Acts& a) { a[3].text[0] = '['; },
       "act 3: its text cannot be read"},
      {"a space", [](Acts& a) { Replace(a[3].text, ":", ": "); },
       "act 3: its text is not canonical"},
      {"a wrong hash", [](Acts& a) { a[3].hash[31] ^= 1; },
       "act 3: its hash is not that of act 2 and its text"},
      {"a wrong last hash", [](Acts& a) { a.rbegin()->second.hash[0] ^= 1; },
       "book: its hash is not that of act 10"},
      {"a deleted act", [](Acts& a) { a.erase(4); }, "act 4 is missing"},
      {"deleted acts", [](Acts& a) { a.erase(4), a.erase(5); }, "acts 4 to 5 are missing"},
      {"a deleted first act", [](Acts& a) { a.erase(1); }, "act 1 is missing"},
      {"a deleted last act", [](Acts& a) { a.erase(10); },
       "book: it stands at act 10, the trail ends at act 9"},
      {"swapped acts",
       [](Acts& a) {
         std::swap(a[3].text, a[4].text);
         std::swap(a[3].hash, a[4].hash);
       },
       "act 3: sequence: text says 4"},
      {"another time", [](Acts& a) { a[3].time = a[3].time + Seconds(1); },
       "act 3: time: got 2025-02-03T12:00:01"},
      {"another count", [](Acts& a) { a[3].decisions++; }, "act 3: decisions: got "},
      {"another request", [](Acts& a) { a[3].request = IdOf(9); }, "act 3: request: got "},
      {"relinked with another quantity",
       [](Acts& a) {
         Replace(a[3].text, "5000", "5008");
         Relink(a);
       },
       "book: its hash is not that of act 10"},
      {"relinked with an offer that is not there",
       [](Acts& a) {
         Replace(a[3].text, "\"offer\":1", "\"offer\":7");
         Relink(a);
       },
       "act 3: it cannot be folded: "},
      {"relinked with a right that nobody has",
       [](Acts& a) {
         for (auto& [number, act] : a) {
           const size_t kind = act.text.find("\"RIGHT_WAIVED\"");
           if (kind == std::string::npos) continue;
           act.text[act.text.rfind("\"clause\":\"", kind) + 10] = 'z';
           break;
         }
         Relink(a);
       },
       "it cannot be folded: RIGHT_WAIVED: lineage 1 has no right z"},
      {"relinked with another kind",
       [](Acts& a) {
         Replace(a[2].text, "REQUEST_RECEIVED", "REQUEST_UNFILLED");
         Relink(a);
       },
       "act 2: it cannot be folded: REQUEST_UNFILLED: its request was not received"},
      {"relinked with another owner",
       [](Acts& a) {
         Replace(a[2].text, "\"owner\":\"openai\"", "\"owner\":\"mistral\"");
         Relink(a);
       },
       "act 2: owner: text says mistral"},
  };
  for (const auto& test : cases) {
    auto ledger = Memory();
    Story story;
    Tell(*ledger, story);
    ASSERT_EQ(story.book.sequence, 10u);
    ledger->Tamper(kOpenai, test.tamper);
    const auto verified = VerifyOwner(*ledger, kOpenai);
    ASSERT_TRUE(verified.ok()) << test.name << ": " << verified.status();
    EXPECT_THAT(verified->findings, testing::Contains(HasSubstr(test.want))) << test.name;
  }
}

TEST(Verify, OneChangedByteIsOneBrokenLink) {
  auto ledger = Memory();
  Story story;
  Tell(*ledger, story);
  ledger->Tamper(kOpenai, [](Acts& a) { Replace(a[2].text, "us-east", "us-east1"); });
  EXPECT_THAT(
      VerifyOwner(*ledger, kOpenai)->findings,
      ElementsAre("act 2: its hash is not that of act 1 and its text; one of them was changed"));
}

TEST(Verify, NamesRowsThatAreNotWhatTheTrailSays) {
  const struct {
    std::string name;
    std::function<void(MemoryLedger&)> tamper;
    std::string want;
  } cases[] = {
      {"request",
       [](MemoryLedger& l) {
         l.TamperRows(kOpenai,
                      [](RequestRow& r) {
                        if (r.state == RequestState::kCancelled) r.state = RequestState::kFulfilled;
                      },
                      {}, {});
       },
       "state: got FULFILLED, the trail says CANCELLED"},
      {"offer's provider",
       [](MemoryLedger& l) {
         l.TamperRows(kOpenai, {},
                      [](OfferRow& o) {
                        if (o.offer == 3) o.provider = {"coreweave"};
                      },
                      {});
       },
       "got ACCEPTED coreweave CONFIRMED 3000"},
      {"offer's deadline",
       [](MemoryLedger& l) {
         l.TamperRows(kOpenai, {}, [](OfferRow& o) { o.deadline = o.deadline + Seconds(1); }, {});
       },
       "offer 2 of "},
      {"balance",
       [](MemoryLedger& l) {
         l.TamperRows(kOpenai, {}, {}, [](BookRow& b) { b.commitments.at(0).drawn.micros++; });
       },
       "book: got {\"commitments\""},
      {"cool-downs",
       [](MemoryLedger& l) {
         l.TamperRows(kOpenai, {}, {}, [](BookRow& b) { b.cool_downs.clear(); });
       },
       "book: got "},
      {"book behind",
       [](MemoryLedger& l) { l.TamperRows(kOpenai, {}, {}, [](BookRow& b) { b.sequence = 9; }); },
       "book: it stands at act 9, the trail ends at act 10"},
      {"book's time",
       [](MemoryLedger& l) {
         l.TamperRows(kOpenai, {}, {}, [](BookRow& b) { b.time = b.time + Seconds(1); });
       },
       "book: time: got "},
  };
  for (const auto& test : cases) {
    auto ledger = Memory();
    Story story;
    Tell(*ledger, story);
    test.tamper(*ledger);
    const auto verified = VerifyOwner(*ledger, kOpenai);
    ASSERT_TRUE(verified.ok()) << test.name << ": " << verified.status();
    EXPECT_THAT(verified->findings, testing::Contains(HasSubstr(test.want))) << test.name;
  }
}

TEST(PostgresVerify, FindsNothingInWhatWasWrittenAndEverythingThatWasChanged) {
  const std::string url = NewDatabase();
  PostgresLedger ledger({.url = url});
  ASSERT_TRUE(ledger.Open().ok());
  Story story;
  Tell(ledger, story);
  const auto verified = VerifyOwner(ledger, kOpenai);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_THAT(verified->findings, IsEmpty());
  EXPECT_EQ(verified->head, story.book.hash);

  // A superuser can do what the broker's role cannot.
  auto session = Session(url);
  Ask(*session, "ALTER TABLE act DISABLE TRIGGER ALL");
  const struct {
    std::string change, want;
  } cases[] = {
      {"UPDATE act SET body = replace(body, '5000', '5008') WHERE sequence = 3", "act 3: its hash"},
      {"UPDATE request SET state = 8 WHERE state = 9",
       "state: got UNFILLED, the trail says CANCELLED"},
      {"DELETE FROM request WHERE state = 9", "it has a trail and no row"},
      {"INSERT INTO request SELECT gen_random_uuid(), owner_id, state FROM request LIMIT 1",
       "it has a row and no trail"},
      {"DELETE FROM offer WHERE number = 3", "it was opened and has no row"},
      {"UPDATE offer SET number = 9 WHERE number = 3", "no act opened it"},
      {"DELETE FROM act WHERE sequence = 5", "act 5 is missing"},
      {"UPDATE book SET state = '{}'", "book: got {}"},
      {"UPDATE book SET state = 'nonsense'", "its state is not what was written"},
      {"DELETE FROM book", "book: it has no row, and the trail goes to act 10"},
  };
  for (const auto& test : cases) {
    Ask(*session,
        "CREATE TABLE old_act AS TABLE act; CREATE TABLE old_request AS TABLE request;"
        " CREATE TABLE old_offer AS TABLE offer; CREATE TABLE old_book AS TABLE book");
    Ask(*session, test.change);
    const auto found = VerifyOwner(ledger, kOpenai);
    ASSERT_TRUE(found.ok()) << test.change << ": " << found.status();
    EXPECT_THAT(found->findings, testing::Contains(HasSubstr(test.want))) << test.change;
    for (const char* table : {"act", "request", "offer", "book"}) {
      Ask(*session, Cat("TRUNCATE ", table, "; INSERT INTO ", table, " TABLE old_", table,
                        "; DROP TABLE old_", table));
    }
  }
  EXPECT_THAT(VerifyOwner(ledger, kOpenai)->findings, IsEmpty());
}

}  // namespace
}  // namespace capbroker
