#include "services/simulation/read_act.h"

#include <algorithm>
#include <utility>

#include "broker/trail/canonical.h"
#include "broker/values/text.h"
#include "services/notation/field_text.h"
#include "services/notation/parse.h"
#include "services/simulation/clause_words.h"

namespace capbroker {
namespace {

const Actor kOperator{Role::kOperator, "operator"};

// Verbs by role, for names without one.
constexpr std::string_view kOwnerVerbs[] = {"requests", "amends",  "cancels", "takes",
                                            "leaves",   "extends", "releases"};
constexpr std::string_view kProviderVerbs[] = {"accepts",  "declines",  "counters", "bids",
                                               "confirms", "withdraws", "grants",   "revokes"};
constexpr std::string_view kOperatorVerbs[] = {"registers", "updates",   "suspends", "resumes",
                                               "marks",     "activates", "tolls",    "voids",
                                               "upholds",   "dismisses"};
constexpr std::string_view kPartyVerbs[] = {"asserts", "disputes", "attests", "terminates"};
constexpr std::string_view kBrokerVerbs[] = {"notifies"};

bool IsOneOf(std::string_view verb, const auto& verbs) {
  return std::find(std::begin(verbs), std::end(verbs), verb) != std::end(verbs);
}

std::string Verbs() {
  std::string out;
  const auto add = [&](const auto& verbs) {
    for (std::string_view verb : verbs) out += Cat(out.empty() ? "" : ", ", verb);
  };
  add(kOwnerVerbs), add(kProviderVerbs), add(kOperatorVerbs), add(kPartyVerbs), add(kBrokerVerbs);
  return out;
}

// What every act about an offer may specify: the offer, and a text.
struct Particulars {
  Target target{};
  std::string text{};
};

// Reads one of them if it is next.
bool ReadParticular(WordReader& words, Particulars& out) {
  if (words.NextIsQuoted()) {
    out.text = words.Take("");
  } else if (words.Skip("offer")) {
    out.target.offer = words.ReadNumber("an offer's number, from 1");
  } else if (words.Skip("of")) {
    out.target.request = words.Take("the name of a request");
  } else {
    return false;
  }
  return true;
}

void ReadParticulars(WordReader& words, Particulars& out) {
  while (ReadParticular(words, out)) {
  }
  if (!words.done()) words.Fail("offer N, of REQUEST, words in quotes, or the end");
}

// Reads the provider that an owner or operator means: "extends azure", "voids offer 2".
void ReadWhose(WordReader& words, Particulars& out) {
  const std::string_view next = words.Peek();
  if (next != "offer" && next != "of" && IsName(next)) out.target.provider = words.Take("");
}

// A command about an offer. `make` receives the request and the offer's number.
template <class Make>
MakeCommand AboutOffer(Actor actor, Target target, Fitting fitting, Make make) {
  return [=](Stage& stage) -> absl::StatusOr<Command> {
    const absl::StatusOr<Stage::Found> found = stage.FindRequest(target.request);
    if (!found.ok()) return found.status();
    const absl::StatusOr<uint32_t> offer = stage.FindOffer(*found->request, target, fitting);
    if (!offer.ok()) return offer.status();
    return Command{found->owner, actor, make(*found->request, *offer)};
  };
}

template <class Make>
MakeCommand AboutRequest(Actor actor, std::string name, Make make) {
  return [=](Stage& stage) -> absl::StatusOr<Command> {
    const absl::StatusOr<Stage::Found> found = stage.FindRequest(name);
    if (!found.ok()) return found.status();
    return Command{found->owner, actor, make(*found->request)};
  };
}

template <class Make>
MakeCommand AboutAgreement(std::function<Actor(const Stage&)> actor, std::string agreement,
                           Make make) {
  return [=](Stage& stage) -> absl::StatusOr<Command> {
    const absl::StatusOr<Stage::Agreement> found = stage.FindAgreement(agreement);
    if (!found.ok()) return found.status();
    return Command{found->owner, actor(stage), make(found->id)};
  };
}

// ---- Owners.
MakeCommand ReadRequests(WordReader& words, const Actor& actor, const std::vector<Edit>& defaults) {
  std::vector<Edit> edits = defaults;
  std::string name;
  if (words.Peek().find_first_of("0123456789") == 0) {
    const int64_t quantity = words.ReadQuantity();
    edits.push_back([=](Request& r) { r.terms.quantity = quantity; });
    if (IsName(words.Peek()) && !IsRequestWord(words.Peek())) {
      edits.push_back(
          [resource = words.Take("")](Request& r) { r.terms.resource_type = resource; });
    }
  }
  ReadRequestWords(words, edits, &name, nullptr);
  return [=](Stage& stage) -> absl::StatusOr<Command> {
    Request request;
    Apply(edits, request);
    request.id = stage.world.NewRequestId();
    const OwnerId owner{actor.name};
    stage.Name(name, owner, request.id);
    return Command{owner, actor, CreateRequest{std::move(request)}};
  };
}

MakeCommand ReadAmends(WordReader& words, const Actor& actor) {
  std::vector<Edit> edits;
  std::string of;
  ReadRequestWords(words, edits, nullptr, &of);
  return AboutRequest(actor, of, [=](const RequestBook& book) {
    Request next = *book.request;
    next.version = 0;
    Apply(edits, next);
    return AmendRequest{next.id, next};
  });
}

MakeCommand ReadExtends(WordReader& words, const Actor& actor) {
  Particulars facts;
  ReadWhose(words, facts);
  Instant deadline;
  while (!words.done()) {
    if (words.Skip("until")) {
      deadline = words.ReadInstant();
    } else if (!ReadParticular(words, facts)) {
      words.Fail("until INSTANT, offer N, of REQUEST, or the end");
    }
  }
  if (words.ok() && !deadline.IsSet()) words.Fail("until INSTANT");
  return AboutOffer(actor, facts.target, Fitting::kOpen,
                    [=](const RequestBook& book, uint32_t offer) {
                      return ExtendOffer{book.request->id, offer, deadline};
                    });
}

// ---- Providers.
MakeCommand ReadAccepts(WordReader& words, const Actor& actor) {
  Particulars facts{.target = {.request = "", .offer = 0, .provider = actor.name}, .text = ""};
  int64_t quantity = 0;
  bool other_terms = false;
  if (words.Peek().find_first_of("0123456789") == 0) quantity = words.ReadQuantity();
  while (words.Skip("other-terms")) other_terms = true;
  ReadParticulars(words, facts);
  return AboutOffer(actor, facts.target, Fitting::kOpen,
                    [=](const RequestBook& book, uint32_t number) {
                      const Offer* offer = book.Find(number);
                      Hash hash = offer == nullptr ? Hash{} : offer->terms_hash;
                      if (other_terms) hash[0] ^= 1;
                      return AcceptOffer{book.request->id, number, hash, quantity};
                    });
}

MakeCommand ReadDeclines(WordReader& words, const Actor& actor) {
  Particulars facts{.target = {.request = "", .offer = 0, .provider = actor.name}, .text = ""};
  DeclineReason reason = DeclineReason::kNoCapacity;
  Span cool_down;
  const auto read_reason = [](std::string_view text) -> absl::StatusOr<DeclineReason> {
    const auto value = ValueOf<DeclineReason>(text);
    if (value && *value != DeclineReason::kNone) return *value;
    return NoSuchName(text,
                      {Names<DeclineReason>::values.begin(), Names<DeclineReason>::values.end()});
  };
  if (!words.Peek().empty() &&
      words.Peek().find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string_view::npos) {
    reason = words.Read(read_reason, "a reason");
  }
  while (!words.done()) {
    if (words.Skip("cool-down")) {
      cool_down = words.ReadSpan();
    } else if (!ReadParticular(words, facts)) {
      words.Fail(
          "a reason such as NO_CAPACITY, cool-down SPAN, offer N, of REQUEST, words in quotes, or "
          "the end");
    }
  }
  return AboutOffer(actor, facts.target, Fitting::kOpen,
                    [=](const RequestBook& book, uint32_t offer) {
                      return DeclineOffer{book.request->id, offer, reason, facts.text, cool_down};
                    });
}

// Reads a counter or a bid: the offered terms, with the changes of the provider.
MakeCommand ReadOwnTerms(WordReader& words, const Actor& actor, bool bid) {
  Particulars facts{.target = {.request = "", .offer = 0, .provider = actor.name}, .text = ""};
  std::vector<TermsEdit> edits;
  std::string contingent;
  while (!words.done()) {
    if (bid && words.Skip("contingent")) {
      contingent = words.Take("on what, in quotes");
    } else if (!ReadTermsWord(words, edits) && !ReadParticular(words, facts)) {
      words.Fail(
          Cat("a field of terms (quantity, price, from, to, availability, in, resource, condition, "
              "drop), ",
              bid ? "contingent TEXT, " : "", "offer N, of REQUEST, or the end"));
    }
  }
  return AboutOffer(actor, facts.target, Fitting::kOpen,
                    [=](const RequestBook& book, uint32_t number) -> decltype(Command::what) {
                      const Offer* offer = book.Find(number);
                      Terms terms = offer == nullptr ? book.request->terms : TermsOf(book, *offer);
                      for (const TermsEdit& edit : edits) edit(terms);
                      if (bid) return SubmitBid{book.request->id, number, terms, contingent};
                      return CounterOffer{book.request->id, number, terms};
                    });
}

MakeCommand ReadGrants(WordReader& words, const Actor& actor) {
  Clause waiver;
  waiver.content = Waiver{};
  waiver.id.value = words.Take("the waiver's id, such as W1");
  std::string agreement, request, provider;
  while (!words.done()) {
    if (words.Skip("of")) {
      agreement = words.Take("an agreement");
    } else if (words.Skip("for")) {
      request = words.Take("the name of a request");
    } else if (words.Skip("provider")) {
      provider = words.Read(ReadName, "a provider");
    } else if (words.NextIsQuoted()) {
      waiver.text = words.Take("");
    } else {
      const int line = words.line();
      const std::string field = words.Take("a field");
      if (!ReadClauseWord(words, field, waiver)) {
        words.FailAt(line, absl::InvalidArgumentError(
                               Cat("got \"", field,
                                   "\", want a waiver's field (lifted_clause_ids, scope.purposes, "
                                   "min_share_ppm, ...), for REQUEST, provider PROVIDER, of "
                                   "AGREEMENT, or words in quotes")));
      }
    }
  }
  return [=](Stage& stage) -> absl::StatusOr<Command> {
    const absl::StatusOr<Stage::Agreement> found = stage.FindAgreement(agreement);
    if (!found.ok()) return found.status();
    Grant grant{.agreement = found->id, .waiver = waiver, .provider = {provider}};
    if (!request.empty()) {
      const absl::StatusOr<Stage::Found> which = stage.FindRequest(request == "it" ? "" : request);
      if (!which.ok()) return which.status();
      grant.request = which->request->request->id;
    }
    return Command{found->owner, actor, GrantWaiver{std::move(grant)}};
  };
}

// ---- Triggers and waivers, by clause.
struct ClauseFacts {
  ClauseId clause{};
  std::string agreement{};
  std::string text{};
  Money measure{};
  Hash evidence{};
};

ClauseFacts ReadClauseFacts(WordReader& words) {
  ClauseFacts out;
  for (const char* filler : {"trigger", "dispute", "waiver"}) words.Skip(filler);
  out.clause.value = words.Take("a clause's id, such as C6");
  while (!words.done()) {
    if (words.NextIsQuoted()) {
      out.text = words.Take("");
    } else if (words.Skip("of")) {
      out.agreement = words.Take("an agreement");
    } else if (words.Skip("measure")) {
      out.measure = words.ReadMoney();
    } else if (words.Skip("evidence")) {
      out.evidence = words.Read(ParseHash, "a SHA-256 in 64 hexadecimal digits");
    } else {
      words.Fail("of AGREEMENT, measure AMOUNT, evidence SHA256, words in quotes, or the end");
    }
  }
  return out;
}

MakeCommand ReadTrigger(WordReader& words, std::string_view verb,
                        std::function<Actor(const Stage&)> actor) {
  const ClauseFacts facts = ReadClauseFacts(words);
  return AboutAgreement(
      actor, facts.agreement,
      [facts, verb = std::string(verb)](const AgreementId& agreement) -> decltype(Command::what) {
        const auto& [clause, unused, text, measure, evidence] = facts;
        if (verb == "asserts") return AssertTrigger{agreement, clause, text, evidence};
        if (verb == "disputes") return DisputeTrigger{agreement, clause, text};
        if (verb == "attests") return AttestTrigger{agreement, clause, measure, text};
        if (verb == "withdraws") return WithdrawTrigger{agreement, clause, text};
        if (verb == "revokes") return RevokeWaiver{agreement, clause, text};
        return ResolveDispute{agreement, clause, verb == "upholds", text};
      });
}

MakeCommand ReadTerminates(WordReader& words, std::function<Actor(const Stage&)> actor) {
  TerminateAgreement terminate;
  std::string agreement;
  while (!words.done()) {
    if (words.NextIsQuoted()) {
      terminate.text = words.Take("");
    } else if (words.Skip("of")) {
      agreement = words.Take("an agreement");
    } else if (words.Skip("version")) {
      terminate.version = static_cast<uint32_t>(words.ReadQuantity());
    } else if (words.Skip("from")) {
      terminate.end_time = words.ReadInstant();
    } else {
      words.Fail("from INSTANT, version NUMBER, of AGREEMENT, words in quotes, or the end");
    }
  }
  return AboutAgreement(actor, agreement,
                        [terminate](const AgreementId& id) -> decltype(Command::what) {
                          TerminateAgreement said = terminate;
                          said.agreement = id;
                          return said;
                        });
}

// ---- Operators.
MakeCommand OnDirectory(Actor actor, decltype(Command::what) what) {
  return [=](Stage&) -> absl::StatusOr<Command> { return Command{kDirectory, actor, what}; };
}

MakeCommand ReadMarks(WordReader& words, const Actor& actor) {
  ReportHealth report;
  report.provider.value = words.Read(ReadName, "a provider");
  if (words.Skip("healthy")) {
    report.healthy = true;
  } else if (!words.Skip("unhealthy")) {
    words.Fail("healthy or unhealthy");
  }
  if (words.NextIsQuoted()) report.text = words.Take("");
  return OnDirectory(actor, report);
}

MakeCommand ReadTolls(WordReader& words, const Actor& actor) {
  Particulars facts;
  ReadWhose(words, facts);
  Span added;
  while (!words.done()) {
    if (words.Skip("by")) {
      added = words.ReadSpan();
    } else if (!ReadParticular(words, facts)) {
      words.Fail("by SPAN, offer N, of REQUEST, words in quotes, or the end");
    }
  }
  return AboutOffer(actor, facts.target, Fitting::kOpen,
                    [=](const RequestBook& book, uint32_t offer) {
                      return TollOffer{book.request->id, offer, added, facts.text};
                    });
}

MakeCommand ReadNotifies(WordReader& words, const Actor& actor) {
  Particulars facts;
  ReadWhose(words, facts);
  std::string outcome;
  while (!words.done()) {
    if (ReadParticular(words, facts)) continue;
    outcome = words.Take("an outcome");
  }
  return AboutOffer(actor, facts.target, Fitting::kOpen,
                    [=](const RequestBook& book, uint32_t offer) {
                      return RecordNotice{book.request->id, offer, outcome, facts.text};
                    });
}

// A bare name has the role of the verb; "owner/openai" gives the role.
absl::StatusOr<Actor> ActorOf(std::string_view name, std::string_view verb) {
  if (name.find('/') != std::string_view::npos) return ParseActor(name);
  if (name == "broker") return Actor{Role::kBroker, ""};
  if (name == "operator") return kOperator;
  if (IsOneOf(verb, kOwnerVerbs)) return Actor{Role::kOwner, std::string(name)};
  if (IsOneOf(verb, kOperatorVerbs)) return Actor{Role::kOperator, std::string(name)};
  return Actor{Role::kProvider, std::string(name)};
}

}  // namespace

MakeCommand ReadActivation(WordReader& words, const LoadAgreementVersion& load) {
  const int line = words.line();
  const std::string path = words.Take("an agreement's file");
  if (!words.ok()) return {};
  absl::StatusOr<OwnedAgreement> loaded = load(path);
  if (!loaded.ok()) {
    words.FailAt(line, loaded.status());
    return {};
  }
  words.Skip("with");
  ReadAgreementWords(words, loaded->version);
  return [agreement = *std::move(loaded)](Stage&) -> absl::StatusOr<Command> {
    return Command{agreement.owner, kOperator, ActivateAgreement{agreement.version}};
  };
}

MakeCommand ReadProvider(WordReader& words, bool known, std::vector<MakeCommand>* after) {
  Provider provider;
  provider.id.value = words.Read(ReadName, "a provider's name");
  provider.display_name = provider.id.value;
  while (!words.done()) {
    if (words.Skip("rate")) {
      Rate rate{.resource_type = words.Take("a resource type such as h100"),
                .region = "",
                .unit_price = {}};
      if (words.Skip("in")) rate.region = words.Take("a region such as us-east");
      if (words.Skip("at")) rate.unit_price = words.ReadMoney();
      provider.rates.push_back(std::move(rate));
    } else if (words.Skip("limit")) {
      Limit limit{.quantity = words.ReadQuantity()};
      limit.resource_type = words.Take("a resource type such as h100");
      if (words.Skip("in")) limit.region = words.Take("a region such as us-east");
      provider.limits.push_back(std::move(limit));
    } else if (words.Skip("affiliates")) {
      for (std::string& id : words.ReadList("providers"))
        provider.affiliates.push_back({std::move(id)});
    } else if (words.Skip("members")) {
      provider.members = words.ReadList("names");
    } else if (words.Skip("named")) {
      provider.display_name = words.Take("a name in quotes");
    } else if (after != nullptr && words.Skip("suspended")) {
      after->push_back(OnDirectory(kOperator, SuspendProvider{provider.id, ""}));
    } else if (after != nullptr && words.Skip("unhealthy")) {
      after->push_back(OnDirectory(kOperator, ReportHealth{provider.id, false, ""}));
    } else {
      words.Fail(
          Cat("rate RESOURCE [in REGION] [at PRICE], limit QUANTITY RESOURCE [in REGION], "
              "affiliates, members, named",
              after == nullptr ? "" : ", suspended, unhealthy", ", or the end"));
    }
  }
  if (known) return OnDirectory(kOperator, UpdateProvider{provider});
  return OnDirectory(kOperator, RegisterProvider{provider});
}

MakeCommand ReadAct(WordReader& words, const std::vector<Edit>& defaults,
                    const LoadAgreementVersion& load) {
  const std::string name = words.Take("who acts, such as azure or openai");
  const std::string_view verb_ahead = words.Peek();
  const std::string verb(verb_ahead);
  if (!IsOneOf(verb, kOwnerVerbs) && !IsOneOf(verb, kProviderVerbs) &&
      !IsOneOf(verb, kOperatorVerbs) && !IsOneOf(verb, kPartyVerbs) &&
      !IsOneOf(verb, kBrokerVerbs)) {
    words.Fail(Cat("what ", name, " does, one of ", Verbs()));
    return {};
  }
  const absl::StatusOr<Actor> parsed = ActorOf(name, verb);
  if (!parsed.ok()) {
    words.FailAt(words.line(), parsed.status());
    return {};
  }
  const Actor actor = *parsed;
  words.Take("");
  const bool plain = name.find('/') == std::string::npos && actor.role == Role::kProvider;
  // A party to a trigger without a role is the owner if it has the owner's name.
  const std::function<Actor(const Stage&)> party = [=](const Stage& stage) {
    return plain && stage.IsOwner(actor.name) ? Actor{Role::kOwner, actor.name} : actor;
  };

  if (verb == "requests") return ReadRequests(words, actor, defaults);
  if (verb == "amends") return ReadAmends(words, actor);
  if (verb == "extends") return ReadExtends(words, actor);
  if (verb == "accepts") return ReadAccepts(words, actor);
  if (verb == "declines") return ReadDeclines(words, actor);
  if (verb == "counters") return ReadOwnTerms(words, actor, false);
  if (verb == "bids") return ReadOwnTerms(words, actor, true);
  if (verb == "grants") return ReadGrants(words, actor);
  if (verb == "activates") return ReadActivation(words, load);
  if (verb == "registers") return ReadProvider(words, false, nullptr);
  if (verb == "updates") return ReadProvider(words, true, nullptr);
  if (verb == "marks") return ReadMarks(words, actor);
  if (verb == "tolls") return ReadTolls(words, actor);
  if (verb == "notifies") return ReadNotifies(words, actor);
  if (verb == "terminates") return ReadTerminates(words, party);
  if (IsOneOf(verb, kPartyVerbs) || verb == "upholds" || verb == "dismisses" || verb == "revokes" ||
      (verb == "withdraws" && words.Peek() == "trigger")) {
    return ReadTrigger(words, verb, party);
  }
  if (verb == "suspends" || verb == "resumes") {
    const ProviderId provider{words.Read(ReadName, "a provider's name")};
    const std::string text = words.NextIsQuoted() ? words.Take("") : "";
    if (verb == "suspends") return OnDirectory(actor, SuspendProvider{provider, text});
    return OnDirectory(actor, ResumeProvider{provider, text});
  }

  // The remaining verbs concern one request or offer, and have no other facts.
  const bool take = words.Skip("counter");
  Particulars facts;
  if (actor.role == Role::kProvider) facts.target.provider = actor.name;
  if (verb == "releases" || verb == "voids" || verb == "takes" || verb == "leaves")
    ReadWhose(words, facts);
  ReadParticulars(words, facts);
  if ((verb == "takes" || verb == "leaves") && !take && words.ok()) {
    words.FailAt(words.line(), absl::InvalidArgumentError(
                                   Cat("got \"", verb, "\" alone, want ", verb, " counter")));
  }
  const auto& target = facts.target;
  const auto& text = facts.text;
  if (verb == "cancels") {
    return AboutRequest(actor, target.request, [=](const RequestBook& book) {
      return CancelRequest{book.request->id, text};
    });
  }
  if (verb == "takes" || verb == "leaves") {
    return AboutOffer(actor, target, Fitting::kCountered,
                      [=](const RequestBook& book, uint32_t offer) {
                        return AnswerCounter{book.request->id, offer, verb == "takes"};
                      });
  }
  if (verb == "releases") {
    return AboutOffer(actor, target, Fitting::kStanding,
                      [=](const RequestBook& book, uint32_t offer) {
                        return ReleaseAllocation{book.request->id, offer, text};
                      });
  }
  if (verb == "confirms") {
    return AboutOffer(actor, target, Fitting::kHeld, [=](const RequestBook& book, uint32_t offer) {
      return ConfirmAllocation{book.request->id, offer};
    });
  }
  if (verb == "withdraws") {
    return AboutOffer(actor, target, Fitting::kStanding,
                      [=](const RequestBook& book, uint32_t offer) {
                        return WithdrawAllocation{book.request->id, offer, text};
                      });
  }
  return AboutOffer(actor, target, Fitting::kOpen,
                    [=](const RequestBook& book, uint32_t offer) {  // voids
                      return VoidOffer{book.request->id, offer, text};
                    });
}

}  // namespace capbroker
