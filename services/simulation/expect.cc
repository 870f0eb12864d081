#include "services/simulation/expect.h"

#include <algorithm>

#include "broker/values/refusal.h"
#include "broker/values/show.h"
#include "broker/values/text.h"
#include "services/notation/field_text.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

using Fact = ExpectedDecision::Fact;

bool IsNumber(std::string_view text) { return !text.empty() && text[0] >= '0' && text[0] <= '9'; }
bool IsCode(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:") == std::string_view::npos;
}
bool IsCurrency(std::string_view text) {
  return text.size() == 3 &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos;
}

// Compares to the millisecond, as instants are shown.
bool IsSame(Instant a, Instant b) { return ShowTime(a) == ShowTime(b); }

// The end of what follows the decision, if the kind has one.
Instant UntilOf(const Decision& d) {
  for (const Instant t :
       {d.take_by, d.confirm_by, d.close_by, d.dispute_by, d.takes_effect, d.end_time}) {
    if (t.IsSet()) return t;
  }
  return d.cool_down == nullptr ? Instant{} : d.cool_down->until;
}

bool IsCalled(const ClauseRef& ref, std::string_view text) {
  return ref.IsSet() && (Format(ref) == text || (!ref.clause.empty() && ref.clause.value == text));
}

// Whether the decision has this code, or a clause of this id.
bool HasCode(const Decision& d, std::string_view code) {
  return NameOf(d.offer_kind) == code || d.reason == code || NameOf(d.decline) == code ||
         IsCalled(d.clause, code) ||
         std::any_of(d.clauses.begin(), d.clauses.end(),
                     [&](const ClauseRef& ref) { return IsCalled(ref, code); });
}

// "azure" or "azure:LAPSED": a clause or provider that was passed over, and the beginning of the
// reason.
bool WasPassed(const Decision& d, std::string_view who, std::string_view reason) {
  return std::any_of(d.passed.begin(), d.passed.end(), [&](const Passed& p) {
    return (p.provider.value == who || IsCalled(p.clause, who)) && p.reason.starts_with(reason);
  });
}

Fact ReadKeywordFact(WordReader& words) {
  if (words.Skip("by")) {
    return [t = words.ReadInstant()](const Decision& d, const Act&, const Stage&) {
      return IsSame(d.deadline, t);
    };
  }
  if (words.Skip("until")) {
    return [t = words.ReadInstant()](const Decision& d, const Act&, const Stage&) {
      return IsSame(UntilOf(d), t);
    };
  }
  if (words.Skip("at")) {
    return [t = words.ReadInstant()](const Decision&, const Act& act, const Stage&) {
      return IsSame(act.time, t);
    };
  }
  if (words.Skip("offer")) {
    return [n = words.ReadNumber("an offer's number")](const Decision& d, const Act&,
                                                       const Stage&) { return d.offer == n; };
  }
  if (words.Skip("lineage")) {
    return [n = words.ReadNumber("a lineage's number")](const Decision& d, const Act&,
                                                        const Stage&) { return d.lineage == n; };
  }
  if (words.Skip("replaces")) {
    return [n = words.ReadNumber("a number")](const Decision& d, const Act&, const Stage&) {
      return d.replaces == n;
    };
  }
  if (words.Skip("min")) {
    return [n = words.ReadQuantity()](const Decision& d, const Act&, const Stage&) {
      return d.min_quantity == n;
    };
  }
  if (words.Skip("step")) {
    return [n = words.ReadQuantity()](const Decision& d, const Act&, const Stage&) {
      return d.quantity_step == n;
    };
  }
  if (words.Skip("price")) {
    return [m = words.ReadMoney()](const Decision& d, const Act&, const Stage&) {
      return (d.terms != nullptr && d.terms->unit_price == m) || d.unit_price == m;
    };
  }
  if (words.Skip("measure")) {
    return [m = words.ReadMoney()](const Decision& d, const Act&, const Stage&) {
      return d.measure == m;
    };
  }
  if (words.Skip("downtime")) {
    return [s = words.ReadSpan()](const Decision& d, const Act&, const Stage&) {
      return d.downtime == s;
    };
  }
  if (words.Skip("sealed")) {
    return [](const Decision& d, const Act&, const Stage&) { return d.sealed; };
  }
  if (words.Skip("passed")) {
    const std::string text = words.Take("a provider or a clause, and its reason after a colon");
    const size_t colon = text.find(':');
    const std::string who = text.substr(0, colon);
    const std::string reason = colon == std::string::npos ? "" : text.substr(colon + 1);
    return [=](const Decision& d, const Act&, const Stage&) { return WasPassed(d, who, reason); };
  }
  if (words.Skip("figure")) {
    return [name = words.Take("a figure's name")](const Decision& d, const Act&, const Stage&) {
      return std::any_of(d.figures.begin(), d.figures.end(),
                         [&](const Figure& f) { return f.name == name; });
    };
  }
  if (words.Skip("party")) {
    return [who = words.Take("a party such as auditor/kpmg")](
               const Decision& d, const Act&, const Stage&) { return d.party == who; };
  }
  if (words.Skip("actor")) {
    return [who = words.Take("an actor such as provider/azure")](
               const Decision&, const Act& act, const Stage&) { return Format(act.actor) == who; };
  }
  if (words.Skip("of")) {
    return [name = words.Take("a request's name")](const Decision&, const Act& act,
                                                   const Stage& stage) {
      return stage.NameOf(act.request) == name;
    };
  }
  return {};
}

Fact ReadFact(WordReader& words) {
  if (words.NextIsQuoted()) {
    return [text = words.Take("")](const Decision& d, const Act&, const Stage&) {
      return d.text == text || d.contingent == text;
    };
  }
  if (Fact fact = ReadKeywordFact(words)) return fact;
  const std::string word(words.Peek());
  if (IsNumber(word) && IsCurrency(words.Peek(1))) {
    return [m = words.ReadMoney()](const Decision& d, const Act&, const Stage&) {
      return d.amount == m || d.unit_price == m;
    };
  }
  if (IsNumber(word)) {
    return [n = words.ReadQuantity()](const Decision& d, const Act&, const Stage&) {
      return d.quantity == n;
    };
  }
  words.Take("a fact");
  if (word.find('/') != std::string::npos) {  // A clause or a version.
    return [word](const Decision& d, const Act&, const Stage&) {
      return IsCalled(d.clause, word) ||
             std::any_of(d.clauses.begin(), d.clauses.end(),
                         [&](const ClauseRef& ref) { return IsCalled(ref, word); });
    };
  }
  if (IsCode(word)) {
    return [word](const Decision& d, const Act&, const Stage&) { return HasCode(d, word); };
  }
  if (IsName(word)) {
    return [word](const Decision& d, const Act&, const Stage&) { return d.provider.value == word; };
  }
  words.FailAt(
      words.line(),
      absl::InvalidArgumentError(Cat(
          "got \"", word,
          "\", want a provider, a quantity, an amount, a code, a clause, words in quotes, or one "
          "of by, until, at, offer, lineage, replaces, min, step, price, measure, downtime, "
          "sealed, passed, figure, party, actor, of")));
  return {};
}

// ---- States.
ExpectedState State(std::string subject, std::string want,
                    std::function<absl::StatusOr<std::string>(const Stage&)> got) {
  return {std::move(subject), std::move(want), std::move(got)};
}

template <class Get>
std::function<absl::StatusOr<std::string>(const Stage&)> OfRequest(std::string name, Get get) {
  return [=](const Stage& stage) -> absl::StatusOr<std::string> {
    const absl::StatusOr<Stage::Found> found = stage.FindRequest(name);
    if (!found.ok()) return found.status();
    return get(*found->request);
  };
}

template <class E>
std::string ReadStateName(WordReader& words) {
  return words.Read(
      [](std::string_view text) -> absl::StatusOr<std::string> {
        if (ValueOf<E>(text) && !text.empty()) return std::string(text);
        return NoSuchName(text, {Names<E>::values.begin(), Names<E>::values.end()});
      },
      "a state");
}

// "state request R1 FULFILLED", "state offer 2 LAPSED", "state allocation 1 CONFIRMED", "state
// trigger C6 EFFECTIVE".
ExpectedState ReadState(WordReader& words) {
  if (words.Skip("request")) {
    const std::string name =
        IsCode(words.Peek()) && ValueOf<RequestState>(words.Peek()) ? "" : words.Take("a request");
    const std::string want = ReadStateName<RequestState>(words);
    return State(
        Cat("state request", name.empty() ? "" : " ", name), want,
        OfRequest(name, [](const RequestBook& book) { return std::string(NameOf(book.state)); }));
  }
  const bool offer = words.Peek() == "offer";
  if (words.Skip("offer") || words.Skip("allocation")) {
    const uint32_t number = words.ReadNumber("an offer's number");
    std::string name;
    if (words.Skip("of")) name = words.Take("a request");
    std::string want = offer ? ReadStateName<OfferState>(words) : "";
    if (!offer)
      want = words.Peek() == "NONE" ? words.Take("") : ReadStateName<AllocationState>(words);
    return State(
        Cat("state ", offer ? "offer " : "allocation ", number, name.empty() ? "" : " of ", name),
        want, OfRequest(name, [=](const RequestBook& book) -> std::string {
          const Offer* found = book.Find(number);
          if (found == nullptr) return "NONE";
          const std::string_view state =
              offer ? NameOf(found->state) : NameOf(found->allocation.state);
          return state.empty() ? "NONE" : std::string(state);
        }));
  }
  if (words.Skip("trigger")) {
    const std::string clause = words.Take("a trigger's clause");
    const std::string want =
        words.Peek() == "NONE" ? words.Take("") : ReadStateName<TriggerState>(words);
    return State(Cat("state trigger ", clause), want,
                 [clause](const Stage& stage) -> absl::StatusOr<std::string> {
                   std::string state = "NONE";  // Of the latest assertion, under any version.
                   for (const Book* book : stage.world.books()) {
                     for (const Assertion& trigger : book->account.triggers) {
                       if (IsCalled(trigger.clause, clause)) state = NameOf(trigger.state);
                     }
                   }
                   return state;
                 });
  }
  words.Fail("request, offer, allocation or trigger");
  return {};
}

// "commitment C4 drawn 14,400,000 USD".
ExpectedState ReadCommitment(WordReader& words) {
  const std::string clause = words.Take("a commitment's clause");
  const std::string which(words.Peek());
  if (which != "committed" && which != "reserved" && which != "drawn" && which != "left") {
    words.Fail("committed, reserved, drawn or left");
    return {};
  }
  words.Take("");
  const Money want = words.ReadMoney();
  return State(Cat("commitment ", clause, " ", which), ShowMoney(want),
               [=](const Stage& stage) -> absl::StatusOr<std::string> {
                 for (const Book* book : stage.world.books()) {
                   for (const CommitmentBalance& c : book->account.commitments) {
                     if (c.clause.value != clause) continue;
                     if (which == "committed") return ShowMoney(c.committed);
                     if (which == "reserved")
                       return ShowMoney({c.reserved.micros, c.committed.currency});
                     if (which == "drawn") return ShowMoney({c.drawn.micros, c.committed.currency});
                     return ShowMoney(c.Left());
                   }
                 }
                 return "nothing";
               });
}

// "waiver C3 drawn 4,000".
ExpectedState ReadWaiver(WordReader& words) {
  const std::string clause = words.Take("a waiver's clause");
  if (!words.Skip("drawn")) words.Fail("drawn");
  const int64_t want = words.ReadQuantity();
  return State(Cat("waiver ", clause, " drawn"), ShowQuantity(want),
               [=](const Stage& stage) -> absl::StatusOr<std::string> {
                 int64_t drawn = 0;
                 for (const Book* book : stage.world.books()) {
                   for (const WaiverUse& use : book->account.waivers) {
                     if (use.clause.value == clause) drawn += use.drawn;
                   }
                 }
                 return ShowQuantity(drawn);
               });
}

// "placed 8,000", "placed azure 5,000", "placed azure 5,000 of R1": held or confirmed.
ExpectedState ReadPlaced(WordReader& words) {
  const std::string provider = IsNumber(words.Peek()) ? "" : words.Take("a provider, or how much");
  const int64_t want = words.ReadQuantity();
  const std::string name = words.Skip("of") ? words.Take("a request") : "";
  return State(Cat("placed", provider.empty() ? "" : " ", provider), ShowQuantity(want),
               OfRequest(name, [=](const RequestBook& book) {
                 int64_t placed = 0;
                 for (const Offer& offer : book.offers) {
                   if (offer.allocation.IsStanding() &&
                       (provider.empty() || offer.provider.value == provider)) {
                     placed += offer.allocation.quantity;
                   }
                 }
                 return ShowQuantity(placed);
               }));
}

}  // namespace

Expected ReadExpected(WordReader& words) {
  Expected out{.line = words.line()};
  if (words.Skip("...")) {
    out.what = Expected::What::kAnything;
  } else if (words.Skip("nothing")) {
    out.what = Expected::What::kNothing;
  } else if (words.Skip("refused")) {
    out.what = Expected::What::kRefusal;
    do {
      out.refusal.push_back(
          words.Take("why it is refused: a reason such as LATE_ANSWER, a field, or a status"));
    } while (!words.done());
  } else if (words.Skip("state")) {
    out.what = Expected::What::kState;
    out.state = ReadState(words);
  } else if (words.Skip("commitment")) {
    out.what = Expected::What::kState;
    out.state = ReadCommitment(words);
  } else if (words.Skip("waiver")) {
    out.what = Expected::What::kState;
    out.state = ReadWaiver(words);
  } else if (words.Skip("placed")) {
    out.what = Expected::What::kState;
    out.state = ReadPlaced(words);
  } else if (const std::optional<Kind> kind = ValueOf<Kind>(words.Peek()); kind && !words.done()) {
    words.Take("");
    out.decision.kind = *kind;
    while (!words.done()) out.decision.facts.push_back(ReadFact(words));
  } else {
    words.Fail(
        "a kind of decision such as OFFER_OPENED, refused, state, commitment, waiver, placed, "
        "nothing or "
        "...");
  }
  if (!words.done()) words.Fail("the end, or ; before the next");
  return out;
}

bool Holds(const ExpectedDecision& expected, const Decision& decision, const Act& act,
           const Stage& stage) {
  return decision.kind == expected.kind && std::all_of(expected.facts.begin(), expected.facts.end(),
                                                       [&](const ExpectedDecision::Fact& fact) {
                                                         return fact(decision, act, stage);
                                                       });
}

bool Holds(const std::vector<std::string>& refusal, const absl::Status& status) {
  if (status.ok()) return false;
  const Facts facts = FactsOf(status);
  return std::all_of(refusal.begin(), refusal.end(), [&](const std::string& word) {
    if (word == ReasonOf(status) || word == FieldOf(status) || word == CodeName(status.code()))
      return true;
    return std::any_of(facts.begin(), facts.end(), [&](const auto& fact) {
      // Facts have exact instants; a story has them as they are shown.
      const absl::StatusOr<Instant> t = ParseInstant(fact.second);
      return word == Cat(fact.first, "=", fact.second) ||
             (t.ok() && word == Cat(fact.first, "=", ShowTime(*t)));
    });
  });
}

std::string CodeName(absl::StatusCode code) { return absl::StatusCodeToString(code); }

std::string WriteRefusal(const absl::Status& status) {
  if (const std::string field = FieldOf(status); !field.empty()) return Cat("refused ", field);
  if (const std::string reason = ReasonOf(status); !reason.empty()) return Cat("refused ", reason);
  return Cat("refused ", CodeName(status.code()));
}

std::string WriteDecision(const Decision& d, const Act& act) {
  std::string out(NameOf(d.kind));
  const auto add = [&](const auto&... parts) { out += Cat(" ", parts...); };
  if (d.offer_kind != OfferKind::kNone) add(NameOf(d.offer_kind));
  if (!d.provider.empty()) add(d.provider.value);
  if (d.quantity != 0) add(ShowQuantity(d.quantity));
  if (d.min_quantity != 0) add("min ", ShowQuantity(d.min_quantity));
  if (d.amount.IsSet()) add(ShowMoney(d.amount));
  if (d.unit_price.IsSet()) add(ShowMoney(d.unit_price));
  if (d.measure.IsSet()) add("measure ", ShowMoney(d.measure));
  if (d.terms != nullptr && !d.unit_price.IsSet()) add("price ", ShowMoney(d.terms->unit_price));
  if (d.clause.IsSet()) add(Format(d.clause));
  for (const ClauseRef& clause : d.clauses) add(Format(clause));
  if (!d.reason.empty() && IsCode(d.reason)) add(d.reason);
  if (d.decline != DeclineReason::kNone) add(NameOf(d.decline));
  if (!d.party.empty()) add("party ", d.party);
  if (d.kind == Kind::REQUEST_UNFILLED || d.kind == Kind::REQUEST_PARTIALLY_FULFILLED) {
    for (const Passed& p : d.passed) {
      const std::string who = p.provider.empty() ? Format(p.clause) : p.provider.value;
      if (!who.empty()) add("passed ", who, p.reason.empty() ? "" : ":", p.reason);
    }
  }
  if (d.deadline.IsSet()) add("by ", ShowTime(d.deadline));
  if (UntilOf(d).IsSet()) add("until ", ShowTime(UntilOf(d)));
  if (act.actor.role == Role::kBroker) add("at ", ShowTime(act.time));
  return out;
}

}  // namespace capbroker
