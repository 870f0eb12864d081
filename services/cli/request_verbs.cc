// The owner's verbs: `capbroker request ...`.
#include <CLI/CLI.hpp>

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "capbroker/v1/capacity_request_service.grpc.pb.h"
#include "capbroker/v1/decision_service.grpc.pb.h"
#include "services/cli/agreement_file.h"
#include "services/cli/call.h"
#include "services/cli/request_input.h"
#include "services/cli/show.h"
#include "services/cli/typed_name.h"
#include "services/cli/wire.h"
#include "services/client/local_clock.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

using Service = v1::CapacityRequestService;
using Stub = Service::Stub;

struct RequestFlags {
  std::string owner{}, name{}, text{}, file{}, request_key{}, until{};
  RequestInput input{};
  std::vector<std::string> segments{}, providers{}, conditions{}, labels{}, states{};
  std::string what_if{};
  std::vector<std::string> drafts{};
  bool splittable = false, renewal = false, accept_late = false, wait = false, take = false,
       leave = false;
  uint32_t base_version = 0;
  int limit = 50;
};

// What create and plan have in common: the flags, or a file, or a file and flags over it.
absl::StatusOr<v1::CapacityRequest> BuildFrom(const RequestFlags& flags) {
  RequestInput input = flags.input;
  const auto list = [](const std::vector<std::string>& texts, const char* flag,
                       std::vector<Written>& out) {
    for (const std::string& text : texts) out.push_back({text, flag});
  };
  list(flags.segments, "--segment", input.segments);
  list(flags.providers, "--provider", input.providers);
  list(flags.conditions, "--condition", input.conditions);
  list(flags.labels, "--label", input.labels);
  if (flags.splittable) input.splittable = {"true", "--splittable"};
  if (flags.renewal) input.renewal = {"true", "--renewal"};
  if (flags.accept_late) input.accept_late = {"true", "--accept-late"};
  if (!flags.file.empty()) {
    const absl::StatusOr<RequestInput> file = LoadRequest(flags.file);
    if (!file.ok()) return file.status();
    input = Merge(std::move(input), *file);
  }
  return BuildRequest(input, LocalNow());
}

int ShowOne(const Session& session, const v1::CapacityRequest& request) {
  Print(session.json ? Json(request) : ShowRequest(request));
  return kExitOk;
}

// The trail of the request just waited for, and what the wait came to.
int ShowResult(Session& session, const v1::CapacityRequest& request) {
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
            const bool is_news = FromWire(request.update_time()) != FromWire(last.update_time());
            last = request;
            if (!is_news) continue;
            std::fputs(ShowChange(request).c_str(), stderr);  // Progress is no part of the result.
            if (request.state() == v1::CapacityRequest::STATE_BLOCKED) {
              std::fputs(
                  "capbroker: blocked by an exclusivity; it goes on after a waiver, an amendment, "
                  "a cancel "
                  "or "
                  "its expiry\n",
                  stderr);
            }
          }
          return !IsFinished(last.state());
        });
    if (!status.ok()) return session.Fail(status);
  }
  return ShowResult(session, last);
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
  if (!flags.wait) return ShowOne(session, created);
  std::fputs(ShowChange(created).c_str(), stderr);
  return WaitFor(session, *stub, created, *parent);
}

// What the plan is about: a new request, from flags or a file, or one that is there, perhaps
// amended.
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
      const absl::StatusOr<RequestInput> file = LoadRequest(flags.what_if);
      if (!file.ok()) return file.status();
      absl::StatusOr<v1::CapacityRequest> request = BuildRequest(*file, LocalNow());
      if (!request.ok()) return request.status();
      *ask.mutable_capacity_request() = *std::move(request);
    }
  }
  for (const std::string& path : flags.drafts) {
    absl::StatusOr<AgreementFile> file = LoadAgreement(path);
    if (!file.ok()) return file.status();
    if (Cat("owners/", file->owner) != ask.parent()) {
      return Invalid(Cat(path, ": owner"), file->owner, ShortName(ask.parent()));
    }
    v1::AgreementDraft* draft = ask.add_agreement_drafts();
    draft->set_agreement_id(file->agreement);
    draft->set_provider(Cat("providers/", file->holder));
    *draft->mutable_version() = std::move(file->body);
  }
  return absl::OkStatus();
}

int Plan(Session& session, const RequestFlags& flags) {
  v1::PlanCapacityRequestRequest ask;
  if (const absl::Status status = FillPlan(flags, ask); !status.ok()) return session.Fail(status);
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::Plan plan;
  const grpc::Status status = Call(session, *stub, &Stub::PlanCapacityRequest, ask, plan);
  if (!status.ok()) return session.Fail(status);
  Print(session.json ? Json(plan) : ShowPlan(plan));
  return kExitOk;
}

int Amend(Session& session, const RequestFlags& flags) {
  const absl::StatusOr<std::string> name = ReadRequestName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  absl::StatusOr<v1::CapacityRequest> next = BuildFrom(flags);
  if (!next.ok()) return session.Fail(next.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::AmendCapacityRequestRequest ask;
  ask.set_name(*name);
  *ask.mutable_capacity_request() = *std::move(next);
  ask.set_base_version(static_cast<int32_t>(flags.base_version));
  ask.set_request_id(RequestKey(flags.request_key));
  v1::CapacityRequest amended;
  const grpc::Status status = Call(session, *stub, &Stub::AmendCapacityRequest, ask, amended);
  return status.ok() ? ShowOne(session, amended) : FailChange(session, status, ask.request_id());
}

template <class Request, auto kMethod>
int AnswerCounter(Session& session, const RequestFlags& flags, const std::string& name) {
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  Request ask;
  ask.set_name(name);
  ask.set_request_id(RequestKey(flags.request_key));
  v1::Offer offer;
  const grpc::Status status = Call(session, *stub, kMethod, ask, offer);
  if (!status.ok()) return FailChange(session, status, ask.request_id());
  Print(session.json ? Json(offer) : ShowOffer(offer));
  return kExitOk;
}

int Counter(Session& session, const RequestFlags& flags) {
  const absl::StatusOr<std::string> name = ReadOfferName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  if (flags.take == flags.leave) {
    return session.Fail(Invalid("--take, --leave", flags.take ? "both" : "neither", "one of them"));
  }
  return flags.take
             ? AnswerCounter<v1::AcceptCounterRequest, &Stub::AcceptCounter>(session, flags, *name)
             : AnswerCounter<v1::LeaveCounterRequest, &Stub::LeaveCounter>(session, flags, *name);
}

int List(Session& session, const RequestFlags& flags) {
  const absl::StatusOr<std::string> parent = ReadOwnerName(flags.owner);
  if (!parent.ok()) return session.Fail(parent.status());
  v1::ListCapacityRequestsRequest ask;
  ask.set_parent(*parent);
  for (const std::string& name : flags.states) {
    v1::CapacityRequest::State state;
    if (!v1::CapacityRequest::State_Parse("STATE_" + name, &state)) {
      return session.Fail(absl::InvalidArgumentError("--state: got \"" + name +
                                                     "\", want a state such as FULFILLED"));
    }
    ask.add_states(state);
  }
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::ListCapacityRequestsResponse response;
  const grpc::Status status =
      CallPages(session, *stub, &Stub::ListCapacityRequests, ask, flags.limit, response);
  if (!status.ok()) return session.Fail(status);
  Print(session.json ? Json(response) : ShowRequests(response.capacity_requests()));
  NoteMore(response);
  return kExitOk;
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
        // What has ended will not get there any more.
        return flags.until.empty() || (last != until && !IsFinished(last));
      });
  if (!status.ok()) return session.Fail(status);
  return last == until ? kExitOk : kExitNotFulfilled;
}

int Get(Session& session, const RequestFlags& flags) {
  const absl::StatusOr<std::string> name = ReadRequestName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::GetCapacityRequestRequest ask;
  ask.set_name(*name);
  v1::CapacityRequest request;
  const grpc::Status status = Call(session, *stub, &Stub::GetCapacityRequest, ask, request);
  return status.ok() ? ShowOne(session, request) : session.Fail(status);
}

int Cancel(Session& session, const RequestFlags& flags) {
  const absl::StatusOr<std::string> name = ReadRequestName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::CancelCapacityRequestRequest ask;
  ask.set_name(*name);
  ask.set_text(flags.text);
  ask.set_request_id(RequestKey(flags.request_key));
  v1::CapacityRequest request;
  const grpc::Status status = Call(session, *stub, &Stub::CancelCapacityRequest, ask, request);
  return status.ok() ? ShowOne(session, request) : FailChange(session, status, ask.request_id());
}

int Extend(Session& session, const RequestFlags& flags) {
  const absl::StatusOr<std::string> name = ReadOfferName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  const absl::StatusOr<Instant> until = ParseWhen(flags.until, LocalNow());
  if (!until.ok())
    return session.Fail(
        absl::InvalidArgumentError("--until: " + std::string(until.status().message())));
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::ExtendOfferRequest ask;
  ask.set_name(*name);
  ToWire(*until, ask.mutable_deadline());
  ask.set_request_id(RequestKey(flags.request_key));
  v1::Offer offer;
  const grpc::Status status = Call(session, *stub, &Stub::ExtendOffer, ask, offer);
  if (!status.ok()) return FailChange(session, status, ask.request_id());
  Print(session.json ? Json(offer) : ShowOffer(offer));
  return kExitOk;
}

int Release(Session& session, const RequestFlags& flags) {
  const absl::StatusOr<std::string> name = ReadAllocationName(flags.name, flags.owner);
  if (!name.ok()) return session.Fail(name.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::ReleaseAllocationRequest ask;
  ask.set_name(*name);
  ask.set_text(flags.text);
  ask.set_request_id(RequestKey(flags.request_key));
  v1::Allocation allocation;
  const grpc::Status status = Call(session, *stub, &Stub::ReleaseAllocation, ask, allocation);
  if (!status.ok()) return FailChange(session, status, ask.request_id());
  Print(session.json ? Json(allocation) : ShowAllocation(allocation));
  return kExitOk;
}

void AddOne(CLI::App& verb, const char* name, Written& field, const char* type, const char* what) {
  field.origin = name;
  verb.add_option(name, field.text, what)->type_name(type);
}

void AddInput(CLI::App& verb, RequestFlags& flags) {
  RequestInput& in = flags.input;
  AddOne(verb, "--resource", in.resource, "TYPE", "What: h100");
  AddOne(verb, "--region", in.region, "REGION", "Where: us-east");
  AddOne(verb, "--quantity", in.quantity, "N",
         "How much: 8000 or 8,000; else the sum of the segments");
  AddOne(verb, "--unit", in.unit, "UNIT", "What one of it is; default gpu");
  AddOne(verb, "--start", in.start, "WHEN", "First instant: RFC 3339, a date, or +30d");
  AddOne(verb, "--end", in.end, "WHEN", "End, exclusive");
  AddOne(verb, "--price", in.price, "AMOUNT", "For a unit and hour: \"2.5 USD\"");
  AddOne(verb, "--cap", in.price_cap, "AMOUNT", "The most you pay; default the price");
  AddOne(verb, "--availability", in.availability, "SHARE", "Service level: 99.9%");
  AddList(verb, "--condition", flags.conditions, "TEXT", "A further term in words");
  AddOne(verb, "--class", in.workload_class, "CLASS",
         "Class of workload: PRODUCT_INFERENCE, API_SERVING");
  AddOne(verb, "--purpose", in.purpose, "PURPOSE", "What it is for: RESEARCH, TRAINING");
  AddList(verb, "--segment", flags.segments, "SEGMENT",
          "Instead of --class: CLASS:PURPOSE:N or CLASS:N");
  verb.add_flag("--splittable", flags.splittable, "May be divided among routes and providers");
  AddOne(verb, "--smallest", in.smallest, "N", "Smallest part worth having");
  verb.add_flag("--renewal", flags.renewal, "Extends capacity already in use");
  AddList(verb, "--provider", flags.providers, "PROVIDER",
          "Alternatives in rank order; default all registered");
  AddOne(verb, "--step-window", in.step_window, "DURATION",
         "How long each alternative has to answer: 2h");
  AddOne(verb, "--fallback", in.fallback, "KIND",
         "How alternatives are asked: SEQUENTIAL, FAN_OUT, CHEAPEST, NONE");
  AddOne(verb, "--fan-out", in.fan_out, "N", "Of FAN_OUT: how many are asked at once");
  AddOne(verb, "--confirm-within", in.confirm_within, "DURATION",
         "How long an alternative has to confirm; default at once");
  AddOne(verb, "--withdraw-notice", in.withdraw_notice, "DURATION",
         "With which it may withdraw; default it may not");
  verb.add_flag("--accept-late", flags.accept_late, "Keep late acceptances in reserve");
  AddOne(verb, "--needed-by", in.needed_by, "WHEN",
         "The rights' windows must fit before it; default the start");
  AddOne(verb, "--expire", in.expire, "WHEN", "Worked on until then; default --needed-by");
  AddList(verb, "--label", flags.labels, "K=V", "Your own mark, key=value");
  verb.add_option("--file,-f", flags.file, "The same from YAML (- is stdin); flags win over it")
      ->type_name("FILE");
}

}  // namespace

void AddRequest(CLI::App& app, Session& session) {
  CLI::App* family = AddVerbTo(app, "request", "Ask for capacity, as its owner", "");
  const auto add = [&](const char* name, const char* what, const char* example,
                       int (*run)(Session&, const RequestFlags&)) {
    auto flags = std::make_shared<RequestFlags>();
    CLI::App* verb = AddVerbTo(*family, name, what, example);
    verb->add_option("--owner", flags->owner, "Who asks: openai")
        ->type_name("OWNER")
        ->envname("CAPBROKER_OWNER");
    verb->callback([&session, flags, run] { session.exit_code = run(session, *flags); });
    return std::pair(verb, flags);
  };
  const auto add_key = [](CLI::App& verb, RequestFlags& flags) {
    verb.add_option("--request-id", flags.request_key,
                    "Repeat a call safely under its key; default random")
        ->type_name("KEY");
  };
  const auto add_text = [](CLI::App& verb, RequestFlags& flags) {
    verb.add_option("--text", flags.text, "Why, for the trail")->type_name("TEXT");
  };
  const auto add_name = [](CLI::App& verb, RequestFlags& flags, const char* what) {
    return verb.add_option(what, flags.name,
                           "OWNER/REQUEST, or REQUEST with --owner, or the full name");
  };
  {
    auto [verb, flags] =
        add("create", "Ask for capacity",
            "capbroker request create --owner openai --resource h100 --region us-east \\\n"
            "  --quantity 8,000 --start 2025-06-01 --end 2026-06-01 --price \"2.5 USD\" \\\n"
            "  --class PRODUCT_INFERENCE --splittable --provider stargate-oracle --wait",
            Create);
    AddInput(*verb, *flags);
    add_key(*verb, *flags);
    verb->add_flag("--wait", flags->wait, "Until it has ended; then print its trail");
  }
  {
    auto [verb, flags] =
        add("plan", "What would become of a request, and why; records nothing",
            "capbroker request plan --owner openai -f request.yaml --quantity 4,000", Plan);
    AddInput(*verb, *flags);
    add_name(*verb, *flags, "REQUEST");
    verb->add_option("--what-if", flags->what_if, "With REQUEST: as if it were amended so")
        ->type_name("FILE");
    AddList(*verb, "--agreement", flags->drafts, "FILE",
            "As if this agreement version were recorded");
  }
  {
    auto [verb, flags] =
        add("amend", "Change what is needed: the whole next version, from flags or a file",
            "capbroker request amend openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f \\\n"
            "  -f request.yaml --quantity 6,000",
            Amend);
    add_name(*verb, *flags, "REQUEST")->required();
    AddInput(*verb, *flags);
    verb->add_option("--base-version", flags->base_version, "Only if this is the newest version")
        ->type_name("N");
    add_key(*verb, *flags);
  }
  {
    auto [verb, flags] = add(
        "counter", "Take or leave the terms that a holder countered with",
        "capbroker request counter openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/1 --take", Counter);
    verb->add_option("OFFER", flags->name, "OWNER/REQUEST/NUMBER, or the full name")->required();
    verb->add_flag("--take", flags->take, "Place the capacity on these terms");
    verb->add_flag("--leave", flags->leave, "Go on to others, on no worse terms");
    add_key(*verb, *flags);
  }
  {
    auto [verb, flags] =
        add("get", "Show one request",
            "capbroker request get openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f", Get);
    add_name(*verb, *flags, "REQUEST")->required();
  }
  {
    auto [verb, flags] = add("list", "Show requests, newest first",
                             "capbroker request list --owner openai --state BLOCKED", List);
    AddList(*verb, "--state", flags->states, "STATE", "Only in this state");
    AddLimit(*verb, flags->limit, "At most so many");
  }
  {
    auto [verb, flags] = add("watch", "Show requests as they change, until interrupted",
                             "capbroker request watch --owner openai --output json", Watch);
    add_name(*verb, *flags, "REQUEST");
    verb->add_option("--until", flags->until,
                     "End when the request is so, or has ended otherwise (then 6)")
        ->type_name("STATE");
  }
  {
    auto [verb, flags] =
        add("cancel", "Cancel a request; what is confirmed stays",
            "capbroker request cancel --owner openai 0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f", Cancel);
    add_name(*verb, *flags, "REQUEST")->required();
    add_text(*verb, *flags);
    add_key(*verb, *flags);
  }
  {
    auto [verb, flags] =
        add("extend", "Give the addressee of an offer more time",
            "capbroker request extend openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/1 --until +12h",
            Extend);
    verb->add_option("OFFER", flags->name, "OWNER/REQUEST/NUMBER, or the full name")->required();
    verb->add_option("--until", flags->until, "The new deadline")->required()->type_name("WHEN");
    add_key(*verb, *flags);
  }
  {
    auto [verb, flags] =
        add("release", "Give confirmed capacity back",
            "capbroker request release openai/0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f/1", Release);
    verb->add_option("ALLOCATION", flags->name, "OWNER/REQUEST/NUMBER, or the full name")
        ->required();
    add_text(*verb, *flags);
    add_key(*verb, *flags);
  }
}

}  // namespace capbroker
