// A stage for the deciding core: one owner, the seed story's agreement and providers, and a clock
// in the test's hand.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "broker/deciding/command.h"
#include "broker/deciding/decide.h"
#include "broker/trail/book.h"
#include "broker/trail/canonical.h"
#include "broker/trail/fold.h"
#include "broker/values/text.h"
#include "tests/broker/deciding/oracle.h"
#include "tests/broker/trail/same_request.h"

namespace capbroker {

inline Instant At(std::string_view text) { return *ParseInstant(text); }
inline const Instant kNoon = At("2025-02-03T12:00:00Z");

// RULES section 6, v2. Windows, steps and the commitment's size are fixtures.
inline AgreementVersion SeedAgreement() {
  AgreementVersion v;
  v.agreement = AgreementId{"azure"};
  v.version = 1;
  v.holder = ProviderId{"azure"};
  v.effective_from = At("2025-01-21T00:00:00Z");
  Clause api;
  api.id = ClauseId{"C1"};
  api.scope.workload_classes = {"API_SERVING"};
  api.content = Exclusivity{{.window = Hours(72), .parts = {.allowed = true}}};
  Clause first;
  first.id = ClauseId{"C2"};
  first.scope.new_capacity_only = true;
  first.content = FirstRefusal{.asking = {.window = Hours(72), .parts = {true, 1000, 8}}};
  Clause waiver;
  waiver.id = ClauseId{"C3"};
  waiver.scope.purposes = {"RESEARCH", "TRAINING"};
  waiver.content = Waiver{.lifts = {first.id}, .min_share_ppm = 500'000};
  Clause commitment;
  commitment.id = ClauseId{"C4"};
  commitment.content = CommitmentClause{*ParseMoney("10000000000 USD")};
  Clause term;
  term.id = ClauseId{"C5"};
  term.content = Term{At("2031-01-01T00:00:00Z")};
  v.clauses = {api, first, waiver, commitment, term};
  return v;
}

inline Request SomeRequest(int64_t quantity, std::string workload_class, std::string purpose = "") {
  Request r;
  r.segments = {{std::move(workload_class), std::move(purpose), quantity}};
  r.terms = {.resource_type = "h100",
             .region = "us-east",
             .quantity = quantity,
             .unit = "gpu",
             .start = At("2025-06-01T00:00:00Z"),
             .end = At("2025-07-01T00:00:00Z"),
             .unit_price = *ParseMoney("2.5 USD"),
             .availability_ppm = 999'000,
             .conditions = {}};
  r.splittable = true;
  r.fallback = {FallbackKind::kSequential, {{"stargate-oracle"}, {"stargate-softbank"}}, Hours(24)};
  r.needed_by = r.terms.start;
  r.expiry = r.terms.start;
  return r;
}

class Story {
 public:
  explicit Story(AgreementVersion agreement = SeedAgreement()) {
    book.owner = OwnerId{"openai"};
    for (const char* name :
         {"azure", "stargate-oracle", "stargate-softbank", "coreweave", "openai-own-build"}) {
      Provider provider;
      provider.id = ProviderId{name};
      provider.display_name = name;
      directory.Put(provider);
    }
    EXPECT_EQ(Do({Role::kOperator, "ops"}, ActivateAgreement{agreement}), absl::OkStatus());
  }
  Story(const Story&) = delete;
  ~Story() { EXPECT_TRUE(is_told || broken.empty()) << broken[0]; }

  // Decides and folds; the status is the caller's answer. The trail also passes through its text
  // form.
  template <class What>
  absl::Status Do(Actor actor, What what) {
    const Command command{book.owner, std::move(actor), what};
    absl::StatusOr<Verdict> verdict = Decide(book, directory, command, now);
    if (!verdict.ok()) return verdict.status();
    if (verdict->decisions.empty()) return verdict->refusal;
    Act act{.owner = book.owner,
            .sequence = book.sequence + 1,
            .time = now,
            .actor = command.actor,
            .request = Subject(command),
            .decisions = std::move(verdict->decisions)};
    if constexpr (std::is_same_v<What, CreateRequest>) act.request = what.request.id;
    const std::string text = Encode(act);
    absl::StatusOr<Act> read = DecodeAct(text);
    EXPECT_TRUE(read.ok()) << read.status() << "\n" << text;
    EXPECT_EQ(Encode(*read), text);
    book.hash = Chain(book.hash, text);
    EXPECT_TRUE(Fold(book, *read).ok());
    if (act.request.IsSet()) {
      auto& acts = trails[act.request];
      acts.push_back(*std::move(read));
      // The next act begins from the packed request.
      Filed& filed = book.requests.at(act.request);
      const auto before = filed.Read();
      filed.Pack(act.sequence);
      EXPECT_TRUE(IsSame(*filed.Read(), *before)) << text;
    }
    last = std::move(act);
    kinds += last.decisions.size();
    for (const Decision& d : last.decisions) seen.insert(d.kind);
    for (std::string& found : oracle.Follow(last))
      broken.push_back(Cat(found, ", request ", Format(last.request)));
    return verdict->refusal;
  }

  absl::Status Create(Request request) {
    ++ids;
    request.id = MakeRequestId(now, {ids, ids << 56});  // The last byte too, by which R23 chooses.
    current = request.id;
    return Do({Role::kOwner, "openai"}, CreateRequest{request});
  }
  absl::Status Accept(const std::string& provider, uint32_t offer, int64_t quantity = 0) {
    const Offer* found = Get().Find(offer);
    return Do({Role::kProvider, provider},
              AcceptOffer{current, offer, found == nullptr ? Hash{} : found->terms_hash, quantity});
  }
  absl::Status Decline(const std::string& provider, uint32_t offer, Span cool_down = {}) {
    return Do({Role::kProvider, provider},
              DeclineOffer{current, offer, DeclineReason::kNoCapacity, "", cool_down});
  }
  // Moves the clock and fires what is due, each at its own time.
  void MoveTo(Instant t) {
    while (!book.deadlines.empty() && book.deadlines.begin()->first < t) {
      const auto [deadline, request] = *book.deadlines.begin();
      now = std::max(now, deadline + Span{1});
      ASSERT_TRUE(Do({Role::kBroker, ""}, ReachDeadline{request}).ok());
      if (!book.deadlines.empty() && *book.deadlines.begin() == std::pair(deadline, request)) {
        broken.push_back(Cat("8: the deadline ", Format(deadline), " of request ", Format(request),
                             " stays due"));
        return;
      }
    }
    now = t;
  }

  const RequestBook& Get() const { return *book.Find(current); }
  // The kinds decided about the current request so far, in order, with what tells offers apart.
  std::vector<std::string> Trail() const {
    std::vector<std::string> out;
    const auto found = trails.find(current);
    if (found == trails.end()) return out;
    for (const Act& act : found->second) {
      for (const Decision& d : act.decisions) {
        std::string line(NameOf(d.kind));
        if (d.kind == Kind::OFFER_OPENED) line += Cat(" ", NameOf(d.offer_kind));
        if (!d.provider.empty()) line += Cat(" ", d.provider.value);
        if (d.quantity != 0) line += Cat(" ", d.quantity);
        if (!d.reason.empty()) line += Cat(" ", d.reason);
        out.push_back(std::move(line));
      }
    }
    return out;
  }

  Book book;
  Directory directory;
  Instant now = kNoon;
  RequestId current;
  Act last;
  uint64_t ids = 0;
  absl::flat_hash_map<RequestId, std::vector<Act>> trails;
  Oracle oracle;
  std::vector<std::string> broken;  // What the oracle found.
  bool is_told = false;             // Whoever drives the story looks at it.
  std::set<Kind> seen;              // Of every act.
  uint64_t kinds = 0;               // Decisions in all.
};

}  // namespace capbroker
