// `capbroker offer`: a provider's answers to offers, and an operator's interventions.
#include <CLI/CLI.hpp>

#include "broker/trail/describe.h"
#include "broker/values/ids.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "capbroker/v1/offer_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/name_arguments.h"
#include "services/cli/show.h"
#include "services/client/proto_values.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

using Service = v1::OfferService;
using Stub = Service::Stub;

struct OfferFlags {
  std::string provider{}, owner{}, name{}, quantity{}, terms_hash{}, reason{}, text{},
      request_key{};
  std::string price{}, start{}, end{}, availability{}, contingent{};  // Of other terms.
  std::vector<std::string> conditions{}, states{};
  Span cool_down{}, added{};
  int limit = 50;

  absl::StatusOr<std::string> offer() const { return ReadOfferName(name, owner); }
};

int List(Session& session, const OfferFlags& flags) {
  auto request = MakeRequest<v1::ListOffersRequest>(ReadProviderName(flags.provider));
  for (const std::string& name : flags.states) {
    v1::Offer::State state;
    if (!v1::Offer::State_Parse("STATE_" + name, &state)) {
      return session.Fail(Invalid("--state", name, "a state such as OPEN"));
    }
    if (request.ok()) request->add_states(state);
  }
  return ListAndPrint<Service>(session, &Stub::ListOffers, request, flags.limit,
                               [](const auto& list) { return ShowOffers(list.offers()); });
}

int Watch(Session& session, const OfferFlags& flags) {
  const auto request = MakeRequest<v1::WatchOffersRequest>(ReadProviderName(flags.provider));
  if (!request.ok()) return session.Fail(request.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  const grpc::Status status = Follow<v1::WatchOffersResponse>(
      session, [&](grpc::ClientContext* context) { return stub->WatchOffers(context, *request); },
      [&](const v1::WatchOffersResponse& response) {
        if (session.json) Print(Json(response, true));
        for (const v1::Offer& offer : response.offers()) {
          if (!session.json) Print(ShowChange(offer));
        }
        return true;
      });
  return status.ok() ? kExitOk : session.Fail(status);
}

// Reads the offer; returns an exit code. A desk that names its provider answers only its offers.
int ReadOffer(Session& session, const OfferFlags& flags, v1::Offer& offer) {
  const auto request = MakeRequest<v1::GetOfferRequest>(flags.offer());
  if (!request.ok()) return session.Fail(request.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  const grpc::Status status = Call(session, *stub, &Stub::GetOffer, *request, offer);
  if (!status.ok()) return session.Fail(status);
  const std::string addressee = ShortName(offer.provider());
  if (flags.provider.empty() || flags.provider == addressee || flags.provider == offer.provider())
    return kExitOk;
  return session.Fail(
      Invalid("--provider", flags.provider, Cat(addressee, ", to which the offer is addressed")));
}

int Get(Session& session, const OfferFlags& flags) {
  v1::Offer offer;
  const int exit_code = ReadOffer(session, flags, offer);
  if (exit_code == kExitOk) Print(session.json ? Json(offer) : ShowOffer(offer));
  return exit_code;
}

int Accept(Session& session, const OfferFlags& flags) {
  auto request = MakeRequest<v1::AcceptOfferRequest>(flags.offer(), flags.request_key);
  if (!request.ok()) return session.Fail(request.status());
  FlagReader reader;
  reader.Read("--quantity", flags.quantity, ParseQuantity,
              [&](int64_t n) { request->set_quantity(n); });
  if (!reader.status().ok()) return session.Fail(reader.status());
  if (!flags.quantity.empty() && request->quantity() == 0) {
    return session.Fail(Invalid("--quantity", "0", "1 or more; leave it out to accept all"));
  }
  if (!flags.terms_hash.empty()) {
    const absl::StatusOr<Hash> hash = ParseHash(flags.terms_hash);
    if (!hash.ok())
      return session.Fail(Invalid("--terms-hash", flags.terms_hash, "64 hexadecimal digits"));
    request->set_terms_hash(std::string(hash->begin(), hash->end()));
  }
  if (request->terms_hash().empty() || !flags.provider.empty()) {
    v1::Offer offer;
    if (const int exit_code = ReadOffer(session, flags, offer); exit_code != kExitOk)
      return exit_code;
    if (request->terms_hash().empty()) request->set_terms_hash(offer.terms_hash());
  }
  return CallAndPrint<Service>(session, &Stub::AcceptOffer, request, ShowOffer);
}

int Decline(Session& session, const OfferFlags& flags) {
  auto request = MakeRequest<v1::DeclineOfferRequest>(flags.offer(), flags.request_key);
  if (!request.ok()) return session.Fail(request.status());
  v1::DeclineReason reason;
  if (!v1::DeclineReason_Parse("DECLINE_REASON_" + flags.reason, &reason) ||
      reason == v1::DECLINE_REASON_UNSPECIFIED) {
    return session.Fail(Invalid("--reason", flags.reason,
                                "one of NO_CAPACITY, PRICE, TIMING, TERMS, POLICY, OTHER"));
  }
  v1::Decline& decline = *request->mutable_decline();
  decline.set_reason(reason);
  decline.set_text(flags.text);
  if (flags.cool_down > Span{}) ToProto(flags.cool_down, decline.mutable_cool_down());
  if (!flags.provider.empty()) {
    v1::Offer offer;
    if (const int exit_code = ReadOffer(session, flags, offer); exit_code != kExitOk)
      return exit_code;
  }
  return CallAndPrint<Service>(session, &Stub::DeclineOffer, request, ShowOffer);
}

// Replaces what the flags give in `terms`.
absl::Status ReadTerms(const OfferFlags& flags, v1::Terms& terms) {
  const auto when = [](std::string_view text) { return ParseWhen(text, LocalNow()); };
  const auto share = [](std::string_view text) { return ParseShare(text); };
  FlagReader reader;
  reader
      .Read("--quantity", flags.quantity, ParseQuantity, [&](int64_t n) { terms.set_quantity(n); })
      .Read("--price", flags.price, ParseAmount,
            [&](const Money& m) { ToProto(m, terms.mutable_unit_price()); })
      .Read("--start", flags.start, when,
            [&](Instant t) { ToProto(t, terms.mutable_start_time()); })
      .Read("--end", flags.end, when, [&](Instant t) { ToProto(t, terms.mutable_end_time()); })
      .Read("--availability", flags.availability, share,
            [&](int64_t ppm) { terms.set_availability_ppm(static_cast<int32_t>(ppm)); });
  if (!flags.conditions.empty()) {
    terms.mutable_conditions()->Assign(flags.conditions.begin(), flags.conditions.end());
  }
  return reader.status();
}

// A counter or a bid: the offer's own terms, but for what the flags give.
template <class Request, auto kMethod>
int SendTerms(Session& session, const OfferFlags& flags) {
  v1::Terms checked;  // A mistake in the flags shows before the broker is called.
  if (const absl::Status status = ReadTerms(flags, checked); !status.ok())
    return session.Fail(status);
  v1::Offer offer;
  if (const int exit_code = ReadOffer(session, flags, offer); exit_code != kExitOk)
    return exit_code;
  auto request = MakeRequest<Request>(flags.offer(), flags.request_key);
  v1::Terms* terms = nullptr;
  if constexpr (std::is_same_v<Request, v1::SubmitBidRequest>) {
    terms = request->mutable_bid()->mutable_terms();
    request->mutable_bid()->set_contingent_on(flags.contingent);
  } else {
    terms = request->mutable_terms();
  }
  *terms = offer.terms();
  if (const absl::Status status = ReadTerms(flags, *terms); !status.ok())
    return session.Fail(status);
  return CallAndPrint<Service>(session, kMethod, request, ShowOffer);
}

template <class Request, auto kMethod>
int ChangeAllocation(Session& session, const OfferFlags& flags) {
  auto request =
      MakeRequest<Request>(ReadAllocationName(flags.name, flags.owner), flags.request_key);
  if constexpr (requires { request->set_text(flags.text); }) {
    if (request.ok()) request->set_text(flags.text);
  }
  return CallAndPrint<Service>(session, kMethod, request, ShowAllocation);
}

template <class Request, auto kMethod>
int Intervene(Session& session, const OfferFlags& flags) {
  auto request = MakeRequest<Request>(flags.offer(), flags.request_key);
  if (request.ok()) {
    request->set_text(flags.text);
    if constexpr (requires { request->mutable_added(); }) {
      ToProto(flags.added, request->mutable_added());
    }
  }
  return CallAndPrint<Service>(session, kMethod, request, ShowOffer);
}

void AddTermsFlags(CLI::App& verb, OfferFlags& flags) {
  AddText(verb, "--quantity", flags.quantity, "N", "Quantity; default as offered");
  AddText(verb, "--price", flags.price, "AMOUNT",
          "Price per unit-hour: \"2.6 USD\"; default as offered");
  AddText(verb, "--start", flags.start, "WHEN", "First instant; default as offered");
  AddText(verb, "--end", flags.end, "WHEN", "End, exclusive; default as offered");
  AddText(verb, "--availability", flags.availability, "SHARE", "Service level; default as offered");
  AddList(verb, "--condition", flags.conditions, "TEXT", "In place of the offer's conditions");
}

}  // namespace

void AddOffer(CLI::App& app, Session& session) {
  CLI::App* family = AddVerbTo(app, "offer", "Read and answer offers, as a provider", "");
  const std::string id = "openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/1";
  const auto add = [&](const std::string& name, const std::string& what, const std::string& example,
                       int (*run)(Session&, const OfferFlags&)) {
    return AddVerbTo(*family, session, name, what, Cat("capbroker offer ", name, " ", example),
                     run);
  };
  const auto add_provider = [](CLI::App& verb, OfferFlags& flags, const std::string& what) {
    AddText(verb, "--provider", flags.provider, "PROVIDER", what)->envname("CAPBROKER_PROVIDER");
  };
  const auto add_offer = [&](const std::string& name, const std::string& what,
                             const std::string& example, int (*run)(Session&, const OfferFlags&),
                             const std::string& positional = "OFFER") {
    auto [verb, flags] = add(name, what, example, run);
    AddText(*verb, positional, flags->name, "", "OWNER/REQUEST/NUMBER, or the full name")
        ->required();
    return std::pair(verb, flags);
  };
  {
    auto [verb, flags] =
        add("list", "Show offers, newest first", "--provider azure --state OPEN", List);
    add_provider(*verb, *flags, "Whose: azure");
    AddList(*verb, "--state", flags->states, "STATE", "Only in this state");
    AddLimit(*verb, flags->limit, "Show at most this many");
  }
  {
    auto [verb, flags] = add("watch", "Show open offers and every change, until interrupted",
                             "--provider azure --output json", Watch);
    add_provider(*verb, *flags, "Whose: azure");
  }
  {
    auto [verb, flags] = add_offer("get", "Show one offer", id, Get);
    add_provider(*verb, *flags, "Only if it is addressed to this one");
  }
  {
    auto [verb, flags] =
        add_offer("accept", "Accept an offer, or a part of it", id + " --quantity 5,000", Accept);
    add_provider(*verb, *flags, "Only if it is addressed to this one");
    AddText(*verb, "--quantity", flags->quantity, "N", "A part; default all");
    AddText(*verb, "--terms-hash", flags->terms_hash, "HEX",
            "Only on these terms; default those it has now");
    AddRequestKey(*verb, flags->request_key);
  }
  {
    auto [verb, flags] =
        add_offer("decline", "Decline an offer", id + " --reason NO_CAPACITY", Decline);
    add_provider(*verb, *flags, "Only if it is addressed to this one");
    AddText(*verb, "--reason", flags->reason, "REASON",
            "NO_CAPACITY, PRICE, TIMING, TERMS, POLICY, OTHER")
        ->required();
    AddText(*verb, "--text", flags->text, "TEXT", "Why, in words");
    AddSpan(*verb, "--cool-down", flags->cool_down, "Do not ask again for this long");
    AddRequestKey(*verb, flags->request_key);
  }
  {
    auto [verb, flags] = add_offer("counter", "Answer with other terms, where the clause allows it",
                                   id + " --price \"2.6 USD\"",
                                   SendTerms<v1::CounterOfferRequest, &Stub::CounterOffer>);
    AddRequestKey(*verb, flags->request_key);
    AddTermsFlags(*verb, *flags);
  }
  {
    auto [verb, flags] =
        add_offer("bid", "Bid for a sealed offer; a later bid replaces an earlier one",
                  id + " --price \"2.2 USD\"", SendTerms<v1::SubmitBidRequest, &Stub::SubmitBid>);
    AddRequestKey(*verb, flags->request_key);
    AddTermsFlags(*verb, *flags);
    AddText(*verb, "--contingent", flags->contingent, "TEXT",
            "What the bid is contingent on, in words; default firm");
  }
  {
    auto [verb, flags] = add_offer(
        "confirm", "Confirm capacity that you hold for the owner", id,
        ChangeAllocation<v1::ConfirmAllocationRequest, &Stub::ConfirmAllocation>, "ALLOCATION");
    AddRequestKey(*verb, flags->request_key);
  }
  {
    auto [verb, flags] = add_offer(
        "withdraw", "Withdraw capacity, with the agreed notice", id,
        ChangeAllocation<v1::WithdrawAllocationRequest, &Stub::WithdrawAllocation>, "ALLOCATION");
    AddRequestKey(*verb, flags->request_key);
    AddText(*verb, "--text", flags->text, "TEXT", "Why, for the trail");
  }
  {
    auto [verb, flags] = add_offer("toll", "As an operator: add time to an open offer",
                                   id + " --by 2h \\\n  --text \"the holder's line was down\"",
                                   Intervene<v1::TollOfferRequest, &Stub::TollOffer>);
    AddRequestKey(*verb, flags->request_key);
    AddSpan(*verb, "--by", flags->added, "How much time")->required();
    AddText(*verb, "--text", flags->text, "TEXT", "Why, for the trail")->required();
  }
  {
    auto [verb, flags] = add_offer("void", "As an operator: end an open offer without an answer",
                                   id + " \\\n  --text \"sent to the wrong desk\"",
                                   Intervene<v1::VoidOfferRequest, &Stub::VoidOffer>);
    AddRequestKey(*verb, flags->request_key);
    AddText(*verb, "--text", flags->text, "TEXT", "Why, for the trail")->required();
  }
}

}  // namespace capbroker
