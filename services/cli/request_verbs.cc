// `capbroker request`: an owner's requests.
#include <CLI/CLI.hpp>

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "capbroker/v1/capacity_request_service.grpc.pb.h"
#include "capbroker/v1/decision_service.grpc.pb.h"
#include "services/cli/agreement_file.h"
#include "services/cli/call.h"
#include "services/cli/name_arguments.h"
#include "services/cli/request_input.h"
#include "services/cli/show.h"
#include "services/client/client.h"
#include "services/client/proto_values.h"
#include "services/messages/render.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

using Service = v1::CapacityRequestService;
using Stub = Service::Stub;

struct RequestFlags {
  std::string owner{}, name{}, text{}, file{}, request_key{}, until{};
  std::vector<Written> fields{};
  std::vector<std::string> states{};
  std::string what_if{};
  std::vector<std::string> drafts{};
  bool wait = false, take = false, leave = false;
  uint32_t base_version = 0;
  int limit = 50;

  absl::StatusOr<std::string> request() const { return ReadRequestName(name, owner); }
};

// The request of create, plan and amend: from a file, and from flags, which win.
absl::StatusOr<v1::CapacityRequest> BuildFrom(const RequestFlags& flags) {
  const Instant now = LocalNow();
  absl::StatusOr<RequestForm> form =
      flags.file.empty() ? RequestForm() : LoadRequest(flags.file, now);
  if (!form.ok()) return form.status();
  form = WithFlags(*std::move(form), flags.fields, now);
  if (!form.ok()) return form.status();
  return BuildRequest(*form);
}

// Prints the trail of a request that has ended.
int PrintResult(Session& session, const v1::CapacityRequest& request) {
  const auto decisions = Reach<v1::DecisionService>(session);
  v1::ListDecisionsRequest ask;
  ask.set_parent(request.name());
  v1::ListDecisionsResponse trail;
  const grpc::Status status =
      CallPages(session, *decisions, &v1::DecisionService::Stub::ListDecisions, ask, 0, trail);
  if (!status.ok()) return session.Fail(status);
  Print(session.json ? Json(request) : ShowTrail(trail.acts()) + "\n" + ShowRequest(request));
  return request.state() == v1::CapacityRequest::STATE_FULFILLED ? kExitOk : kExitNotFulfilled;
}

int WaitFor(Session& session, Stub& stub, const v1::CapacityRequest& created,
            const std::string& parent) {
  v1::WatchCapacityRequestsRequest ask;
  ask.set_parent(parent);
  ask.set_name(created.name());
  v1::CapacityRequest last = created;
  if (!IsFinished(last.state())) {
    const grpc::Status status = Follow<v1::WatchCapacityRequestsResponse>(
        session,
        [&](grpc::ClientContext* context) { return stub.WatchCapacityRequests(context, ask); },
        [&](const v1::WatchCapacityRequestsResponse& response) {
          for (const v1::CapacityRequest& request : response.capacity_requests()) {
            const bool is_new = FromProto(request.update_time()) != FromProto(last.update_time());
            last = request;
            if (!is_new) continue;
            std::fputs(ShowChange(request).c_str(), stderr);  // Progress, not the result.
            if (request.state() == v1::CapacityRequest::STATE_BLOCKED) {
              std::fputs(
                  "capbroker: blocked by an exclusivity until a waiver, an amendment, a "
                  "cancellation "
                  "or its expiry\n",
                  stderr);
            }
          }
          return !IsFinished(last.state());
        });
    if (!status.ok()) return session.Fail(status);
  }
  return PrintResult(session, last);
}

int Create(Session& session, const RequestFlags& flags) {
  const absl::StatusOr<std::string> parent = ReadOwnerName(flags.owner);
  if (!parent.ok()) return session.Fail(parent.status());
  absl::StatusOr<v1::CapacityRequest> request = BuildFrom(flags);
  if (!request.ok()) return session.Fail(request.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::CreateCapacityRequestRequest ask;
  ask.set_parent(*parent);
  *ask.mutable_capacity_request() = *std::move(request);
  ask.set_request_id(RequestKey(flags.request_key));
  v1::CapacityRequest created;
  const grpc::Status status = Call(session, *stub, &Stub::CreateCapacityRequest, ask, created);
  if (!status.ok()) return FailChange(session, status, ask.request_id());
  if (!flags.wait) {
    Print(session.json ? Json(created) : ShowRequest(created));
    return kExitOk;
  }
  std::fputs(ShowChange(created).c_str(), stderr);
  return WaitFor(session, *stub, created, *parent);
}

// Plans a new request, from flags or a file, or an existing one, possibly amended.
absl::Status FillPlan(const RequestFlags& flags, v1::PlanCapacityRequestRequest& ask) {
  if (flags.name.empty()) {
    if (!flags.what_if.empty())
      return Invalid("--what-if", flags.what_if, "a REQUEST that would be amended so");
    const absl::StatusOr<std::string> parent = ReadOwnerName(flags.owner);
    if (!parent.ok()) return parent.status();
    absl::StatusOr<v1::CapacityRequest> request = BuildFrom(flags);
    if (!request.ok()) return request.status();
    ask.set_parent(*parent);
    *ask.mutable_capacity_request() = *std::move(request);
  } else {
    const absl::StatusOr<std::string> name = ReadRequestName(flags.name, flags.owner);
    if (!name.ok()) return name.status();
    ask.set_parent(ParentOwner(*name));
    ask.set_name(*name);
    if (!flags.what_if.empty()) {
      const absl::StatusOr<RequestForm> file = LoadRequest(flags.what_if, LocalNow());
      if (!file.ok()) return file.status();
      absl::StatusOr<v1::CapacityRequest> request = BuildRequest(*file);
      if (!request.ok()) return request.status();
      *ask.mutable_capacity_request() = *std::move(request);
    }
  }
  for (const std::string& path : flags.drafts) {
    const absl::StatusOr<OwnedAgreement> file = LoadAgreement(path);
    if (!file.ok()) return file.status();
    if (Cat("owners/", file->owner.value) != ask.parent()) {
      return Invalid(Cat(path, ": owner"), file->owner.value, ShortName(ask.parent()));
    }
    v1::AgreementDraft* draft = ask.add_agreement_drafts();
    draft->set_agreement_id(file->version.agreement.value);
    draft->set_holder(Cat("providers/", file->version.holder.value));
    Render(file->version, draft->mutable_version());
  }
  return absl::OkStatus();
}

int PlanFrom(Session& session, const RequestFlags& flags) {
  v1::PlanCapacityRequestRequest ask;
  if (const absl::Status status = FillPlan(flags, ask); !status.ok()) return session.Fail(status);
  return CallAndPrint<Service>(session, &Stub::PlanCapacityRequest, ask, ShowPlan);
}

int Amend(Session& session, const RequestFlags& flags) {
  auto ask = MakeRequest<v1::AmendCapacityRequestRequest>(flags.request(), flags.request_key);
  absl::StatusOr<v1::CapacityRequest> next = BuildFrom(flags);
  if (ask.ok() && !next.ok()) ask = next.status();
  if (ask.ok()) {
    *ask->mutable_capacity_request() = *std::move(next);
    ask->set_base_version(static_cast<int32_t>(flags.base_version));
  }
  return CallAndPrint<Service>(session, &Stub::AmendCapacityRequest, ask, ShowRequest);
}

int Counter(Session& session, const RequestFlags& flags) {
  const absl::StatusOr<std::string> name = ReadOfferName(flags.name, flags.owner);
  if (flags.take == flags.leave) {
    return session.Fail(Invalid("--take, --leave", flags.take ? "both" : "neither", "one of them"));
  }
  if (flags.take) {
    return CallAndPrint<Service>(session, &Stub::AcceptCounter,
                                 MakeRequest<v1::AcceptCounterRequest>(name, flags.request_key),
                                 ShowOffer);
  }
  return CallAndPrint<Service>(session, &Stub::LeaveCounter,
                               MakeRequest<v1::LeaveCounterRequest>(name, flags.request_key),
                               ShowOffer);
}

int List(Session& session, const RequestFlags& flags) {
  auto ask = MakeRequest<v1::ListCapacityRequestsRequest>(ReadOwnerName(flags.owner));
  for (const std::string& name : flags.states) {
    v1::CapacityRequest::State state;
    if (!v1::CapacityRequest::State_Parse("STATE_" + name, &state)) {
      return session.Fail(Invalid("--state", name, "a state such as FULFILLED"));
    }
    if (ask.ok()) ask->add_states(state);
  }
  return ListAndPrint<Service>(
      session, &Stub::ListCapacityRequests, ask, flags.limit,
      [](const auto& list) { return ShowRequests(list.capacity_requests()); });
}

int Watch(Session& session, const RequestFlags& flags) {
  v1::WatchCapacityRequestsRequest ask;
  v1::CapacityRequest::State until = v1::CapacityRequest::STATE_UNSPECIFIED, last = until;
  if (!flags.until.empty()) {
    if (!v1::CapacityRequest::State_Parse("STATE_" + flags.until, &until)) {
      return session.Fail(Invalid("--until", flags.until, "a state such as FULFILLED"));
    }
    if (flags.name.empty())
      return session.Fail(Invalid("--until", "no request", "the one to wait for"));
  }
  if (!flags.name.empty()) {
    const absl::StatusOr<std::string> name = ReadRequestName(flags.name, flags.owner);
    if (!name.ok()) return session.Fail(name.status());
    ask.set_name(*name);
    ask.set_parent(ParentOwner(*name));
  } else {
    const absl::StatusOr<std::string> parent = ReadOwnerName(flags.owner);
    if (!parent.ok()) return session.Fail(parent.status());
    ask.set_parent(*parent);
  }
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  const grpc::Status status = Follow<v1::WatchCapacityRequestsResponse>(
      session,
      [&](grpc::ClientContext* context) { return stub->WatchCapacityRequests(context, ask); },
      [&](const v1::WatchCapacityRequestsResponse& response) {
        if (session.json) Print(Json(response, true));
        for (const v1::CapacityRequest& request : response.capacity_requests()) {
          if (!session.json) Print(ShowChange(request));
          last = request.state();
        }
        // A request that has ended does not reach the state any more.
        return flags.until.empty() || (last != until && !IsFinished(last));
      });
  if (!status.ok()) return session.Fail(status);
  return last == until ? kExitOk : kExitNotFulfilled;
}

int Get(Session& session, const RequestFlags& flags) {
  return CallAndPrint<Service>(session, &Stub::GetCapacityRequest,
                               MakeRequest<v1::GetCapacityRequestRequest>(flags.request()),
                               ShowRequest);
}

int Cancel(Session& session, const RequestFlags& flags) {
  auto ask = MakeRequest<v1::CancelCapacityRequestRequest>(flags.request(), flags.request_key);
  if (ask.ok()) ask->set_text(flags.text);
  return CallAndPrint<Service>(session, &Stub::CancelCapacityRequest, ask, ShowRequest);
}

int Extend(Session& session, const RequestFlags& flags) {
  auto ask = MakeRequest<v1::ExtendOfferRequest>(ReadOfferName(flags.name, flags.owner),
                                                 flags.request_key);
  if (ask.ok()) {
    const auto when = [](std::string_view text) { return ParseWhen(text, LocalNow()); };
    FlagReader reader;
    reader.Read("--until", flags.until, when,
                [&](Instant t) { ToProto(t, ask->mutable_deadline()); });
    if (!reader.status().ok()) ask = reader.status();
  }
  return CallAndPrint<Service>(session, &Stub::ExtendOffer, ask, ShowOffer);
}

int Release(Session& session, const RequestFlags& flags) {
  auto ask = MakeRequest<v1::ReleaseAllocationRequest>(ReadAllocationName(flags.name, flags.owner),
                                                       flags.request_key);
  if (ask.ok()) ask->set_text(flags.text);
  return CallAndPrint<Service>(session, &Stub::ReleaseAllocation, ask, ShowAllocation);
}

void AddInput(CLI::App& verb, RequestFlags& flags) {
  AddRequestFlags(verb, flags.fields);
  AddText(verb, "--file,-f", flags.file, "FILE",
          "The same fields from YAML (- is stdin); flags win over it");
}

}  // namespace

void AddRequest(CLI::App& app, Session& session) {
  CLI::App* family = AddVerbTo(app, "request", "Request capacity, as its owner", "");
  const std::string id = "openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f";
  const auto add = [&](const std::string& name, const std::string& what, const std::string& example,
                       int (*run)(Session&, const RequestFlags&)) {
    auto [verb, flags] =
        AddVerbTo(*family, session, name, what, Cat("capbroker request ", name, " ", example), run);
    AddOwner(*verb, flags->owner, "Who requests: openai");
    return std::pair(verb, flags);
  };
  const auto add_request = [](CLI::App& verb, RequestFlags& flags) {
    return AddText(verb, "REQUEST", flags.name, "",
                   "OWNER/REQUEST, or REQUEST with --owner, or the full name");
  };
  const auto add_number = [](CLI::App& verb, RequestFlags& flags, const std::string& positional) {
    AddText(verb, positional, flags.name, "", "OWNER/REQUEST/NUMBER, or the full name")->required();
  };
  const auto add_text = [](CLI::App& verb, RequestFlags& flags) {
    AddText(verb, "--text", flags.text, "TEXT", "Why, for the trail");
  };
  {
    auto [verb, flags] =
        add("create", "Request capacity",
            "--owner openai --resource-type h100 --region us-east \\\n"
            "  --quantity 8,000 --start-time 2025-06-01 --end-time 2026-06-01 \\\n"
            "  --unit-price \"2.5 USD\" --workload-class PRODUCT_INFERENCE --splittable \\\n"
            "  --providers stargate-oracle --wait",
            Create);
    AddInput(*verb, *flags);
    AddRequestKey(*verb, flags->request_key);
    verb->add_flag("--wait", flags->wait, "Wait until the request has ended, then print its trail");
  }
  {
    auto [verb, flags] =
        add("plan", "Show what would become of a request, and why; records nothing",
            "--owner openai -f request.yaml --quantity 4,000", PlanFrom);
    AddInput(*verb, *flags);
    add_request(*verb, *flags);
    AddText(*verb, "--what-if", flags->what_if, "FILE",
            "With REQUEST: as if it were amended to this");
    AddList(*verb, "--agreement", flags->drafts, "FILE",
            "As if this agreement version were recorded");
  }
  {
    auto [verb, flags] =
        add("amend", "Amend a request: the whole next version, from flags or a file",
            id + " \\\n  -f request.yaml --quantity 6,000", Amend);
    add_request(*verb, *flags)->required();
    AddInput(*verb, *flags);
    verb->add_option("--base-version", flags->base_version, "Only if this is the newest version")
        ->type_name("N");
    AddRequestKey(*verb, flags->request_key);
  }
  {
    auto [verb, flags] =
        add("counter", "Take or leave the terms of a counter-offer", id + "/1 --take", Counter);
    add_number(*verb, *flags, "OFFER");
    verb->add_flag("--take", flags->take, "Place the capacity on these terms");
    verb->add_flag("--leave", flags->leave, "Go on to others, on no worse terms");
    AddRequestKey(*verb, flags->request_key);
  }
  {
    auto [verb, flags] = add("get", "Show one request", id, Get);
    add_request(*verb, *flags)->required();
  }
  {
    auto [verb, flags] =
        add("list", "Show requests, newest first", "--owner openai --state BLOCKED", List);
    AddList(*verb, "--state", flags->states, "STATE", "Only in this state");
    AddLimit(*verb, flags->limit, "Show at most this many");
  }
  {
    auto [verb, flags] = add("watch", "Show requests as they change, until interrupted",
                             "--owner openai --output json", Watch);
    add_request(*verb, *flags);
    AddText(*verb, "--until", flags->until, "STATE",
            "End when the request is in this state; exit code 6 if it ends in another");
  }
  {
    auto [verb, flags] = add("cancel", "Cancel a request; confirmed capacity stays",
                             "--owner openai 0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f", Cancel);
    add_request(*verb, *flags)->required();
    add_text(*verb, *flags);
    AddRequestKey(*verb, flags->request_key);
  }
  {
    auto [verb, flags] =
        add("extend", "Extend the deadline of an offer", id + "/1 --until +12h", Extend);
    add_number(*verb, *flags, "OFFER");
    AddText(*verb, "--until", flags->until, "WHEN", "The new deadline")->required();
    AddRequestKey(*verb, flags->request_key);
  }
  {
    auto [verb, flags] = add("release", "Release confirmed capacity", id + "/1", Release);
    add_number(*verb, *flags, "ALLOCATION");
    add_text(*verb, *flags);
    AddRequestKey(*verb, flags->request_key);
  }
}

}  // namespace capbroker
