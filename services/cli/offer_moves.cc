// The verbs of `capbroker offer` that go beyond yes and no: other terms, bids, what came of an
// acceptance; and an operator's.
#include <CLI/CLI.hpp>

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "capbroker/v1/offer_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/offer_verbs.h"
#include "services/cli/show.h"
#include "services/cli/typed_name.h"
#include "services/cli/wire.h"
#include "services/client/local_clock.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

using Service = v1::OfferService;
using Stub = Service::Stub;

struct MoveFlags {
  std::string owner{}, name{}, quantity{}, price{}, start{}, end{}, availability{}, contingent{},
      text{}, request_key{};
  std::vector<std::string> conditions{};
  Span added{};
};

absl::Status Named(std::string_view flag, const absl::Status& status) {
  return absl::InvalidArgumentError(Cat(flag, ": ", View(status.message())));
}

// The offer's terms, with what the flags say in place of its own.
absl::Status ReadTerms(const MoveFlags& flags, v1::Terms& terms) {
  const auto read = [](const std::string& text, std::string_view flag, auto parse,
                       auto set) -> absl::Status {
    if (text.empty()) return absl::OkStatus();
    auto value = parse(std::string_view(text));
    if (!value.ok()) return Named(flag, value.status());
    set(*value);
    return absl::OkStatus();
  };
  const auto when = [](std::string_view text) { return ParseWhen(text, LocalNow()); };
  const auto share = [](std::string_view text) { return ParseShare(text); };
  for (const absl::Status& status :
       {read(flags.quantity, "--quantity", ParseQuantity,
             [&](int64_t n) { terms.set_quantity(n); }),
        read(flags.price, "--price", ParseAmount,
             [&](const Money& m) { ToWire(m, terms.mutable_unit_price()); }),
        read(flags.start, "--start", when,
             [&](Instant t) { ToWire(t, terms.mutable_start_time()); }),
        read(flags.end, "--end", when, [&](Instant t) { ToWire(t, terms.mutable_end_time()); }),
        read(flags.availability, "--availability", share,
             [&](int64_t ppm) { terms.set_availability_ppm(static_cast<int32_t>(ppm)); })}) {
    if (!status.ok()) return status;
  }
  if (flags.conditions.empty()) return absl::OkStatus();
  terms.clear_conditions();
  for (const std::string& condition : flags.conditions) terms.add_conditions(condition);
  return absl::OkStatus();
}

// Sends `ask`, whose name is set, and shows the answer.
template <class Request, class Response>
int Send(Session& session, const MoveFlags& flags, Stub& stub,
         grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
         Request ask) {
  ask.set_request_id(RequestKey(flags.request_key));
  Response answer;
  const grpc::Status status = Call(session, stub, method, ask, answer);
  if (!status.ok()) return FailChange(session, status, ask.request_id());
  if (session.json) {
    Print(Json(answer));
  } else if constexpr (std::is_same_v<Response, v1::Offer>) {
    Print(ShowOffer(answer));
  } else {
    Print(ShowAllocation(answer));
  }
  return kExitOk;
}

// A counter and a bid are terms, and most of them the offer's own.
template <class Request, auto kMethod>
int SendTerms(Session& session, const MoveFlags& flags) {
  const absl::StatusOr<std::string> name = ReadOfferName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  v1::Terms checked;  // So that what cannot be read is told before anybody is asked.
  if (const absl::Status status = ReadTerms(flags, checked); !status.ok())
    return session.Fail(status);
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::GetOfferRequest get;
  get.set_name(*name);
  v1::Offer offer;
  if (const grpc::Status status = Call(session, *stub, &Stub::GetOffer, get, offer); !status.ok())
    return session.Fail(status);
  Request ask;
  ask.set_name(*name);
  v1::Terms* terms = nullptr;
  if constexpr (std::is_same_v<Request, v1::SubmitBidRequest>) {
    terms = ask.mutable_bid()->mutable_terms();
    ask.mutable_bid()->set_contingent_on(flags.contingent);
  } else {
    terms = ask.mutable_terms();
  }
  *terms = offer.terms();
  if (const absl::Status status = ReadTerms(flags, *terms); !status.ok())
    return session.Fail(status);
  return Send(session, flags, *stub, kMethod, ask);
}

template <class Request, auto kMethod>
int MoveAllocation(Session& session, const MoveFlags& flags) {
  const absl::StatusOr<std::string> name = ReadAllocationName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  Request ask;
  ask.set_name(*name);
  if constexpr (requires { ask.set_text(flags.text); }) ask.set_text(flags.text);
  return Send(session, flags, *stub, kMethod, ask);
}

template <class Request, auto kMethod>
int MoveOffer(Session& session, const MoveFlags& flags) {
  const absl::StatusOr<std::string> name = ReadOfferName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  Request ask;
  ask.set_name(*name);
  ask.set_text(flags.text);
  if constexpr (requires { ask.mutable_added(); }) ToWire(flags.added, ask.mutable_added());
  return Send(session, flags, *stub, kMethod, ask);
}

}  // namespace

void AddOfferMoves(CLI::App& family, Session& session) {
  const auto add = [&](const char* name, const char* what, const char* example,
                       const char* positional, int (*run)(Session&, const MoveFlags&)) {
    auto flags = std::make_shared<MoveFlags>();
    CLI::App* verb = AddVerbTo(family, name, what, example);
    verb->callback([&session, flags, run] { session.exit_code = run(session, *flags); });
    verb->add_option(positional, flags->name, "OWNER/REQUEST/NUMBER, or the full name")->required();
    verb->add_option("--request-id", flags->request_key,
                     "Repeat a call safely under its key; default random")
        ->type_name("KEY");
    return std::pair(verb, flags);
  };
  const auto add_terms = [](CLI::App& verb, MoveFlags& flags) {
    verb.add_option("--quantity", flags.quantity, "How much; default as offered")->type_name("N");
    verb.add_option("--price", flags.price, "For a unit and hour: \"2.6 USD\"; default as offered")
        ->type_name("AMOUNT");
    verb.add_option("--start", flags.start, "First instant; default as offered")->type_name("WHEN");
    verb.add_option("--end", flags.end, "End, exclusive; default as offered")->type_name("WHEN");
    verb.add_option("--availability", flags.availability, "Service level; default as offered")
        ->type_name("SHARE");
    AddList(verb, "--condition", flags.conditions, "TEXT", "In place of the offer's conditions");
  };
  const auto add_text = [](CLI::App& verb, MoveFlags& flags) {
    return verb.add_option("--text", flags.text, "Why, for the trail")->type_name("TEXT");
  };
  {
    auto [verb, flags] = add(
        "counter", "Answer with other terms, where the clause allows it",
        "capbroker offer counter openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/1 --price \"2.6 USD\"",
        "OFFER", SendTerms<v1::CounterOfferRequest, &Stub::CounterOffer>);
    add_terms(*verb, *flags);
  }
  {
    auto [verb, flags] =
        add("bid", "Bid for a sealed offer; a later bid takes the place of an earlier one",
            "capbroker offer bid openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/2 --price \"2.2 USD\"",
            "OFFER", SendTerms<v1::SubmitBidRequest, &Stub::SubmitBid>);
    add_terms(*verb, *flags);
    verb->add_option("--contingent", flags->contingent,
                     "On what the bid hangs, in words; default firm")
        ->type_name("TEXT");
  }
  add("confirm", "Confirm what is held for you",
      "capbroker offer confirm openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/1", "ALLOCATION",
      MoveAllocation<v1::ConfirmAllocationRequest, &Stub::ConfirmAllocation>);
  {
    auto [verb, flags] =
        add("withdraw", "Take capacity back, with the notice that was agreed",
            "capbroker offer withdraw openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/1", "ALLOCATION",
            MoveAllocation<v1::WithdrawAllocationRequest, &Stub::WithdrawAllocation>);
    add_text(*verb, *flags);
  }
  {
    auto [verb, flags] =
        add("toll", "As an operator: add time to an open offer",
            "capbroker offer toll openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/1 --by 2h \\\n"
            "  --text \"the holder's line was down\"",
            "OFFER", MoveOffer<v1::TollOfferRequest, &Stub::TollOffer>);
    AddSpan(*verb, "--by", flags->added, "How much")->required();
    add_text(*verb, *flags)->required();
  }
  {
    auto [verb, flags] =
        add("void", "As an operator: end an open offer without an answer",
            "capbroker offer void openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/1 \\\n"
            "  --text \"sent to the wrong desk\"",
            "OFFER", MoveOffer<v1::VoidOfferRequest, &Stub::VoidOffer>);
    add_text(*verb, *flags)->required();
  }
}

}  // namespace capbroker
