// The provider's verbs: `capbroker offer ...`.
#include "services/cli/offer_verbs.h"

#include <CLI/CLI.hpp>

#include "broker/trail/describe.h"
#include "broker/values/ids.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "capbroker/v1/offer_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/show.h"
#include "services/cli/typed_name.h"
#include "services/cli/wire.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

using Service = v1::OfferService;
using Stub = Service::Stub;

struct OfferFlags {
  std::string provider{}, owner{}, name{}, quantity{}, terms_hash{}, reason{}, text{},
      request_key{};
  std::vector<std::string> states{};
  Span cool_down{};
  int limit = 50;
};

int ShowOne(const Session& session, const v1::Offer& offer) {
  Print(session.json ? Json(offer) : ShowOffer(offer));
  return kExitOk;
}

int List(Session& session, const OfferFlags& flags) {
  const absl::StatusOr<std::string> parent = ReadProviderName(flags.provider);
  if (!parent.ok()) return session.Fail(parent.status());
  v1::ListOffersRequest ask;
  ask.set_parent(*parent);
  for (const std::string& name : flags.states) {
    v1::Offer::State state;
    if (!v1::Offer::State_Parse("STATE_" + name, &state)) {
      return session.Fail(Invalid("--state", name, "a state such as OPEN"));
    }
    ask.add_states(state);
  }
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::ListOffersResponse response;
  const grpc::Status status =
      CallPages(session, *stub, &Stub::ListOffers, ask, flags.limit, response);
  if (!status.ok()) return session.Fail(status);
  Print(session.json ? Json(response) : ShowOffers(response.offers()));
  NoteMore(response);
  return kExitOk;
}

int Watch(Session& session, const OfferFlags& flags) {
  const absl::StatusOr<std::string> parent = ReadProviderName(flags.provider);
  if (!parent.ok()) return session.Fail(parent.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::WatchOffersRequest ask;
  ask.set_parent(*parent);
  const grpc::Status status = Follow<v1::WatchOffersResponse>(
      session, [&](grpc::ClientContext* context) { return stub->WatchOffers(context, ask); },
      [&](const v1::WatchOffersResponse& response) {
        if (session.json) Print(Json(response, true));
        for (const v1::Offer& offer : response.offers()) {
          if (!session.json) Print(ShowChange(offer));
        }
        return true;
      });
  return status.ok() ? kExitOk : session.Fail(status);
}

// The offer, or an exit code. A desk that says who it is answers no offer to another.
int Fetch(const Session& session, Stub& stub, const OfferFlags& flags, const std::string& name,
          v1::Offer& offer) {
  v1::GetOfferRequest ask;
  ask.set_name(name);
  const grpc::Status status = Call(session, stub, &Stub::GetOffer, ask, offer);
  if (!status.ok()) return session.Fail(status);
  const std::string addressee = ShortName(offer.provider());
  if (flags.provider.empty() || flags.provider == addressee || flags.provider == offer.provider())
    return kExitOk;
  return session.Fail(
      Invalid("--provider", flags.provider, Cat(addressee, ", to which the offer is addressed")));
}

int Get(Session& session, const OfferFlags& flags) {
  const absl::StatusOr<std::string> name = ReadOfferName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::Offer offer;
  const int exit_code = Fetch(session, *stub, flags, *name, offer);
  return exit_code == kExitOk ? ShowOne(session, offer) : exit_code;
}

int Accept(Session& session, const OfferFlags& flags) {
  const absl::StatusOr<std::string> name = ReadOfferName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  v1::AcceptOfferRequest ask;
  ask.set_name(*name);
  ask.set_request_id(RequestKey(flags.request_key));
  if (!flags.quantity.empty()) {
    const absl::StatusOr<int64_t> quantity = ParseQuantity(flags.quantity);
    if (!quantity.ok())
      return session.Fail(
          absl::InvalidArgumentError(Cat("--quantity: ", quantity.status().message())));
    if (*quantity == 0)
      return session.Fail(Invalid("--quantity", "0", "1 or more; leave it out to take all"));
    ask.set_quantity(*quantity);
  }
  if (!flags.terms_hash.empty()) {
    const absl::StatusOr<Hash> hash = ParseHash(flags.terms_hash);
    if (!hash.ok())
      return session.Fail(Invalid("--terms-hash", flags.terms_hash, "64 hexadecimal digits"));
    ask.set_terms_hash(std::string(hash->begin(), hash->end()));
  }
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  if (ask.terms_hash().empty() || !flags.provider.empty()) {
    v1::Offer offer;
    if (const int exit_code = Fetch(session, *stub, flags, *name, offer); exit_code != kExitOk)
      return exit_code;
    if (ask.terms_hash().empty())
      ask.set_terms_hash(offer.terms_hash());  // Taken as it stands now.
  }
  v1::Offer offer;
  const grpc::Status status = Call(session, *stub, &Stub::AcceptOffer, ask, offer);
  return status.ok() ? ShowOne(session, offer) : FailChange(session, status, ask.request_id());
}

int Decline(Session& session, const OfferFlags& flags) {
  const absl::StatusOr<std::string> name = ReadOfferName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  v1::DeclineOfferRequest ask;
  ask.set_name(*name);
  ask.set_request_id(RequestKey(flags.request_key));
  v1::DeclineReason reason;
  if (!v1::DeclineReason_Parse("DECLINE_REASON_" + flags.reason, &reason) ||
      reason == v1::DECLINE_REASON_UNSPECIFIED) {
    return session.Fail(Invalid("--reason", flags.reason,
                                "one of NO_CAPACITY, PRICE, TIMING, TERMS, POLICY, OTHER"));
  }
  ask.mutable_decline()->set_reason(reason);
  ask.mutable_decline()->set_text(flags.text);
  if (flags.cool_down > Span{}) ToWire(flags.cool_down, ask.mutable_decline()->mutable_cool_down());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::Offer offer;
  if (!flags.provider.empty()) {
    if (const int exit_code = Fetch(session, *stub, flags, *name, offer); exit_code != kExitOk)
      return exit_code;
  }
  const grpc::Status status = Call(session, *stub, &Stub::DeclineOffer, ask, offer);
  return status.ok() ? ShowOne(session, offer) : FailChange(session, status, ask.request_id());
}

}  // namespace

void AddOffer(CLI::App& app, Session& session) {
  CLI::App* family = AddVerbTo(app, "offer", "Read and answer offers, as a provider", "");
  const auto add = [&](const char* name, const char* what, const char* example,
                       int (*run)(Session&, const OfferFlags&)) {
    auto flags = std::make_shared<OfferFlags>();
    CLI::App* verb = AddVerbTo(*family, name, what, example);
    verb->callback([&session, flags, run] { session.exit_code = run(session, *flags); });
    return std::pair(verb, flags);
  };
  const auto add_provider = [](CLI::App& verb, OfferFlags& flags) {
    verb.add_option("--provider", flags.provider, "Whose: azure")
        ->type_name("PROVIDER")
        ->envname("CAPBROKER_PROVIDER");
  };
  const auto add_name = [](CLI::App& verb, OfferFlags& flags) {
    verb.add_option("OFFER", flags.name, "OWNER/REQUEST/NUMBER, or the full name")->required();
    verb.add_option("--provider", flags.provider, "Only if it is addressed to this one")
        ->type_name("PROVIDER")
        ->envname("CAPBROKER_PROVIDER");
  };
  const auto add_key = [](CLI::App& verb, OfferFlags& flags) {
    verb.add_option("--request-id", flags.request_key,
                    "Repeat a call safely under its key; default random")
        ->type_name("KEY");
  };
  {
    auto [verb, flags] = add("list", "Show offers, newest first",
                             "capbroker offer list --provider azure --state OPEN", List);
    add_provider(*verb, *flags);
    AddList(*verb, "--state", flags->states, "STATE", "Only in this state");
    AddLimit(*verb, flags->limit, "At most so many");
  }
  {
    auto [verb, flags] = add("watch", "Show open offers and every change, until interrupted",
                             "capbroker offer watch --provider azure --output json", Watch);
    add_provider(*verb, *flags);
  }
  {
    auto [verb, flags] =
        add("get", "Show one offer",
            "capbroker offer get openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/1", Get);
    add_name(*verb, *flags);
  }
  {
    auto [verb, flags] =
        add("accept", "Take an offer, or a part of it",
            "capbroker offer accept openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/1 --quantity 5,000",
            Accept);
    add_name(*verb, *flags);
    verb->add_option("--quantity", flags->quantity, "A part; default all")->type_name("N");
    verb->add_option("--terms-hash", flags->terms_hash,
                     "Only on these terms; default those it has now")
        ->type_name("HEX");
    add_key(*verb, *flags);
  }
  {
    auto [verb, flags] = add("decline", "Refuse an offer",
                             "capbroker offer decline "
                             "openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/1 --reason NO_CAPACITY",
                             Decline);
    add_name(*verb, *flags);
    verb->add_option("--reason", flags->reason, "NO_CAPACITY, PRICE, TIMING, TERMS, POLICY, OTHER")
        ->required()
        ->type_name("REASON");
    verb->add_option("--text", flags->text, "Why, in words")->type_name("TEXT");
    AddSpan(*verb, "--cool-down", flags->cool_down, "Do not ask again for so long");
    add_key(*verb, *flags);
  }
  AddOfferMoves(*family, session);
}

}  // namespace capbroker
