// Plays stories twice, in the simulator and against a whole broker over gRPC, and compares both
// trails act by act: what the simulator predicts is what the broker does.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <ostream>
#include <set>

#include "broker/trail/canonical.h"
#include "broker/values/text.h"
#include "services/cli/agreement_file.h"
#include "services/cli/yaml.h"
#include "services/messages/errors.h"
#include "services/messages/render.h"
#include "services/messages/render_values.h"
#include "services/messages/resource_name.h"
#include "services/simulation/run_story.h"
#include "storage/postgres_ledger.h"
#include "storage/verify.h"
#include "tests/services/rpc/rpc_fixture.h"
#include "tests/storage/database.h"

namespace capbroker {
namespace {

struct Chosen {
  std::string_view file, story;
};
void PrintTo(const Chosen& chosen, std::ostream* out) {
  *out << chosen.file << ": " << chosen.story;
}

constexpr char kNoWords[] =
    "no words given";            // A story's operator may give no reason; the API requires one.
constexpr int kMostPokes = 100;  // The first is enough; the limit is against a hang.

bool HasTie(const std::vector<Act>& acts) {
  return std::adjacent_find(acts.begin(), acts.end(), [](const Act& a, const Act& b) {
           return a.actor.role == Role::kBroker && b.actor.role == Role::kBroker &&
                  a.owner == b.owner && a.time == b.time && a.request.IsSet() &&
                  b.request.IsSet() && a.request != b.request;
         }) != acts.end();
}

class StoryOverGrpc : public RpcTest, public testing::WithParamInterface<Chosen> {
 protected:
  void SetUp() override {
    const std::string path = Cat("tests/simulation/", GetParam().file);
    const absl::StatusOr<std::string> text = ReadInput(path);
    ASSERT_TRUE(text.ok()) << text.status();
    absl::StatusOr<Scenario> scenario = ReadScenario(path, *text, AgreementsBeside(path));
    ASSERT_TRUE(scenario.ok()) << scenario.status();
    const Story* story = nullptr;
    for (const Story& one : scenario->stories) {
      if (one.name == GetParam().story) story = &one;
    }
    ASSERT_NE(story, nullptr) << path << " has no story \"" << GetParam().story << "\"";
    // Whether its expectations hold is tested elsewhere.
    simulated_ = RunStory(path, *story, AfterDifference::kGoOn);
    ASSERT_EQ(simulated_.steps, story->steps.size()) << simulated_.differences[0].text;
    ASSERT_FALSE(HasTie(simulated_.acts))
        << "two requests have one deadline: their ids say which goes first, "
           "and of those made in one millisecond only chance";

    std::set<std::string> parties = {"auditor/lex"};
    for (const Asked& asked : simulated_.asked) {
      if (asked.command.owner != kDirectory)
        parties.insert(Cat("owner/", asked.command.owner.value));
      if (asked.command.actor.role != Role::kBroker) parties.insert(Format(asked.command.actor));
    }
    parties_.assign(parties.begin(), parties.end());
    booted_at_ = {story->clock.micros - boot_};
    RpcTest::SetUp();
  }
  void TearDown() override {
    if (sequencer_ != nullptr) RpcTest::TearDown();
  }

  void MoveTo(Instant t) {
    ASSERT_GE(t.micros, Now().micros);
    boot_ = t.micros - booted_at_.micros;
  }

  uint64_t SequenceOf(const OwnerId& owner) {
    v1::GetCheckpointRequest get;
    get.set_owner(FullName(owner));
    v1::Checkpoint out;
    const grpc::Status status = decisions_->GetCheckpoint(As("auditor/lex").get(), get, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return static_cast<uint64_t>(out.sequence());
  }

  // Any call that waits for its turn with the sequencer makes it look at the clock; the answer does
  // not matter.
  void Poke(const OwnerId& owner) {
    v1::PlanCapacityRequestRequest plan;
    plan.set_parent(FullName(owner));
    *plan.mutable_capacity_request() = GoodRequest();
    v1::Plan out;
    (void)requests_->PlanCapacityRequest(As(Cat("owner/", owner.value)).get(), plan, &out);
  }

  // Advances the time until the broker has decided the act too.
  void Await(const Act& act) {
    MoveTo(act.time);
    for (int i = 0; i < kMostPokes && SequenceOf(act.owner) < act.sequence; ++i) Poke(act.owner);
    ASSERT_GE(SequenceOf(act.owner), act.sequence) << "does not come: " << Encode(act);
  }

  // The server makes the ids of requests; each is mapped to the simulator's.
  RequestId Served(const RequestId& simulated) const {
    const auto found = served_.find(simulated);
    return found == served_.end() ? simulated : found->second;
  }
  std::string AsSimulated(std::string text) const {
    const auto replace = [&](const std::string& from, const std::string& to) {
      for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;)
        text.replace(at, from.size(), to);
    };
    for (const auto& [simulated, served] : served_) replace(Format(served), Format(simulated));
    replace(Cat(",\"text\":\"", kNoWords, "\""), "");
    return text;
  }

  std::vector<std::string> TrailOf(const OwnerId& owner) {
    std::vector<std::string> out;
    v1::ListDecisionsRequest list;
    list.set_parent(FullName(owner));
    do {
      v1::ListDecisionsResponse page;
      const grpc::Status status = decisions_->ListDecisions(As("auditor/lex").get(), list, &page);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const v1::Act& act : page.acts()) out.push_back(AsSimulated(act.body()));
      list.set_page_token(page.next_page_token());
    } while (!list.page_token().empty());
    return out;
  }

  // One call for each kind of command.
  template <class Stub, class In, class Out>
  grpc::Status Call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const In&, Out*),
                    In in, Out* out) {
    in.set_request_id(NewKey());
    return (stub.*method)(As(Format(command_->actor)).get(), in, out);
  }
  template <class Stub, class In, class Out>
  grpc::Status Call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const In&, Out*),
                    In in) {
    Out out;
    return Call(stub, method, std::move(in), &out);
  }
  std::string NameOf(const RequestId& request) const {
    return FullName(RequestName{command_->owner, Served(request)});
  }
  std::string NameOf(const RequestId& request, uint32_t offer) const {
    return FullName(OfferName{command_->owner, Served(request), offer});
  }
  std::string AllocationNameOf(const RequestId& request, uint32_t offer) const {
    return AllocationName(OfferName{command_->owner, Served(request), offer});
  }
  std::string NameOf(const AgreementId& agreement) const {
    return FullName(AgreementName{command_->owner, agreement});
  }
  std::string NameOf(const AgreementId& agreement, const ClauseId& clause,
                     std::string_view list) const {
    return FullName(ClauseName{command_->owner, agreement, clause}, list);
  }

  void RenderAsked(const Request& request, v1::CapacityRequest* out) const {
    RequestBook book;
    book.request = std::make_shared<Request>(request);
    Render(command_->owner, book, Now(), out);
    out->clear_name();
  }

  grpc::Status Send(const CreateRequest& create) {
    v1::CreateCapacityRequestRequest in;
    in.set_parent(FullName(command_->owner));
    RenderAsked(create.request, in.mutable_capacity_request());
    v1::CapacityRequest out;
    grpc::Status status =
        Call(*requests_, &v1::CapacityRequestService::Stub::CreateCapacityRequest, in, &out);
    const std::string id = out.name().substr(out.name().rfind('/') + 1);
    if (status.ok()) served_[create.request.id] = *ParseRequestId(id);
    return status;
  }
  grpc::Status Send(const AmendRequest& amend) {
    v1::AmendCapacityRequestRequest in;
    in.set_name(NameOf(amend.request));
    RenderAsked(amend.next, in.mutable_capacity_request());
    in.set_base_version(amend.next.version == 0 ? 0 : static_cast<int32_t>(amend.next.version) - 1);
    return Call(*requests_, &v1::CapacityRequestService::Stub::AmendCapacityRequest, in);
  }
  grpc::Status Send(const CancelRequest& cancel) {
    v1::CancelCapacityRequestRequest in;
    in.set_name(NameOf(cancel.request));
    in.set_text(cancel.text);
    return Call(*requests_, &v1::CapacityRequestService::Stub::CancelCapacityRequest, in);
  }
  grpc::Status Send(const AnswerCounter& answer) {
    if (answer.take) {
      v1::AcceptCounterRequest in;
      in.set_name(NameOf(answer.request, answer.offer));
      return Call(*requests_, &v1::CapacityRequestService::Stub::AcceptCounter, in);
    }
    v1::LeaveCounterRequest in;
    in.set_name(NameOf(answer.request, answer.offer));
    return Call(*requests_, &v1::CapacityRequestService::Stub::LeaveCounter, in);
  }
  grpc::Status Send(const ExtendOffer& extend) {
    v1::ExtendOfferRequest in;
    in.set_name(NameOf(extend.request, extend.offer));
    Render(extend.deadline, in.mutable_deadline());
    return Call(*requests_, &v1::CapacityRequestService::Stub::ExtendOffer, in);
  }
  grpc::Status Send(const ReleaseAllocation& release) {
    v1::ReleaseAllocationRequest in;
    in.set_name(AllocationNameOf(release.request, release.offer));
    in.set_text(release.text);
    return Call(*requests_, &v1::CapacityRequestService::Stub::ReleaseAllocation, in);
  }

  grpc::Status Send(const AcceptOffer& accept) {
    v1::AcceptOfferRequest in;
    in.set_name(NameOf(accept.request, accept.offer));
    in.set_terms_hash(Bytes(accept.terms_hash));
    in.set_quantity(accept.quantity);
    return Call(*offers_, &v1::OfferService::Stub::AcceptOffer, in);
  }
  grpc::Status Send(const DeclineOffer& decline) {
    v1::DeclineOfferRequest in;
    in.set_name(NameOf(decline.request, decline.offer));
    in.mutable_decline()->set_reason(Rendered(decline.reason));
    in.mutable_decline()->set_text(decline.text);
    if (decline.cool_down > Span{})
      Render(decline.cool_down, in.mutable_decline()->mutable_cool_down());
    return Call(*offers_, &v1::OfferService::Stub::DeclineOffer, in);
  }
  grpc::Status Send(const CounterOffer& counter) {
    v1::CounterOfferRequest in;
    in.set_name(NameOf(counter.request, counter.offer));
    Render(counter.terms, in.mutable_terms());
    return Call(*offers_, &v1::OfferService::Stub::CounterOffer, in);
  }
  grpc::Status Send(const SubmitBid& bid) {
    v1::SubmitBidRequest in;
    in.set_name(NameOf(bid.request, bid.offer));
    Render(bid.terms, in.mutable_bid()->mutable_terms());
    in.mutable_bid()->set_contingent_on(bid.contingent);
    return Call(*offers_, &v1::OfferService::Stub::SubmitBid, in);
  }
  grpc::Status Send(const ConfirmAllocation& confirm) {
    v1::ConfirmAllocationRequest in;
    in.set_name(AllocationNameOf(confirm.request, confirm.offer));
    return Call(*offers_, &v1::OfferService::Stub::ConfirmAllocation, in);
  }
  grpc::Status Send(const WithdrawAllocation& withdraw) {
    v1::WithdrawAllocationRequest in;
    in.set_name(AllocationNameOf(withdraw.request, withdraw.offer));
    in.set_text(withdraw.text);
    return Call(*offers_, &v1::OfferService::Stub::WithdrawAllocation, in);
  }
  grpc::Status Send(const TollOffer& toll) {
    v1::TollOfferRequest in;
    in.set_name(NameOf(toll.request, toll.offer));
    Render(toll.added, in.mutable_added());
    in.set_text(toll.text);
    return Call(*offers_, &v1::OfferService::Stub::TollOffer, in);
  }
  grpc::Status Send(const VoidOffer& voiding) {
    v1::VoidOfferRequest in;
    in.set_name(NameOf(voiding.request, voiding.offer));
    in.set_text(voiding.text);
    return Call(*offers_, &v1::OfferService::Stub::VoidOffer, in);
  }

  grpc::Status Send(const ActivateAgreement& activate) {
    const AgreementVersion& version = activate.version;
    if (!created_.emplace(command_->owner, version.agreement).second) {
      v1::AmendAgreementRequest in;
      in.set_name(NameOf(version.agreement));
      Render({}, version, Now(), in.mutable_next_version());
      in.set_base_version(version.version == 0 ? 0 : static_cast<int32_t>(version.version) - 1);
      return Call(*agreements_, &v1::AgreementService::Stub::AmendAgreement, in);
    }
    v1::CreateAgreementRequest in;
    in.set_parent(FullName(command_->owner));
    in.set_agreement_id(version.agreement.value);
    in.mutable_agreement()->set_holder(FullName(version.holder));
    Render({}, version, Now(), in.mutable_first_version());
    return Call(*agreements_, &v1::AgreementService::Stub::CreateAgreement, in);
  }
  grpc::Status Send(const TerminateAgreement& terminate) {
    v1::TerminateAgreementRequest in;
    in.set_name(NameOf(terminate.agreement));
    in.set_version(static_cast<int32_t>(terminate.version));
    Render(terminate.end_time, in.mutable_end_time());
    in.set_text(terminate.text);
    return Call(*agreements_, &v1::AgreementService::Stub::TerminateAgreement, in);
  }
  grpc::Status Send(const GrantWaiver& grant) {
    v1::GrantWaiverRequest in;
    in.set_parent(NameOf(grant.grant.agreement));
    Grant served = grant.grant;
    served.request = Served(served.request);
    Render(command_->owner, Account{}, GrantedWaiver{std::make_shared<Grant>(served)},
           in.mutable_waiver());
    in.mutable_waiver()->clear_name();
    return Call(*agreements_, &v1::AgreementService::Stub::GrantWaiver, in);
  }
  grpc::Status Send(const RevokeWaiver& revoke) {
    v1::RevokeWaiverRequest in;
    in.set_name(NameOf(revoke.agreement, revoke.waiver, kWaivers));
    in.set_text(revoke.text);
    return Call(*agreements_, &v1::AgreementService::Stub::RevokeWaiver, in);
  }
  template <class In, class What>
  In AboutTrigger(const What& what) const {
    In in;
    in.set_name(NameOf(what.agreement, what.trigger, kTriggers));
    in.set_text(what.text);
    return in;
  }
  grpc::Status Send(const AssertTrigger& assertion) {
    return Call(*agreements_, &v1::AgreementService::Stub::AssertTrigger,
                AboutTrigger<v1::AssertTriggerRequest>(assertion));
  }
  grpc::Status Send(const DisputeTrigger& dispute) {
    return Call(*agreements_, &v1::AgreementService::Stub::DisputeTrigger,
                AboutTrigger<v1::DisputeTriggerRequest>(dispute));
  }
  grpc::Status Send(const ResolveDispute& resolve) {
    auto in = AboutTrigger<v1::ResolveDisputeRequest>(resolve);
    in.set_upheld(resolve.upheld);
    return Call(*agreements_, &v1::AgreementService::Stub::ResolveDispute, in);
  }
  grpc::Status Send(const AttestTrigger& attest) {
    auto in = AboutTrigger<v1::AttestTriggerRequest>(attest);
    if (attest.measure.IsSet()) Render(attest.measure, in.mutable_measure());
    return Call(*agreements_, &v1::AgreementService::Stub::AttestTrigger, in);
  }
  grpc::Status Send(const WithdrawTrigger& withdraw) {
    return Call(*agreements_, &v1::AgreementService::Stub::WithdrawTrigger,
                AboutTrigger<v1::WithdrawTriggerRequest>(withdraw));
  }

  grpc::Status Send(const RegisterProvider& add) {
    v1::RegisterProviderRequest in;
    in.set_provider_id(add.provider.id.value);
    Render(add.provider, Detail::kAll, in.mutable_provider());
    in.mutable_provider()->clear_name();
    return Call(*providers_, &v1::ProviderService::Stub::RegisterProvider, in);
  }
  grpc::Status Send(const UpdateProvider& update) {
    v1::UpdateProviderRequest in;
    Render(update.provider, Detail::kAll, in.mutable_provider());
    return Call(*providers_, &v1::ProviderService::Stub::UpdateProvider, in);
  }
  grpc::Status Send(const SuspendProvider& suspend) {
    v1::SuspendProviderRequest in;
    in.set_name(FullName(suspend.provider));
    in.set_text(suspend.text.empty() ? kNoWords : suspend.text);
    return Call(*providers_, &v1::ProviderService::Stub::SuspendProvider, in);
  }
  grpc::Status Send(const ResumeProvider& resume) {
    v1::ResumeProviderRequest in;
    in.set_name(FullName(resume.provider));
    in.set_text(resume.text.empty() ? kNoWords : resume.text);
    return Call(*providers_, &v1::ProviderService::Stub::ResumeProvider, in);
  }
  grpc::Status Send(const ReportHealth& report) {
    v1::ReportHealthRequest in;
    in.set_name(FullName(report.provider));
    in.set_healthy(report.healthy);
    in.set_text(report.text.empty() ? kNoWords : report.text);
    return Call(*providers_, &v1::ProviderService::Stub::ReportHealth, in);
  }

  // The broker's own commands: no client sends them.
  static grpc::Status NotSent() { return {grpc::StatusCode::UNIMPLEMENTED, "no call does this"}; }
  grpc::Status Send(const RecordNotice&) { return NotSent(); }
  grpc::Status Send(const ReachDeadline&) { return NotSent(); }
  grpc::Status Send(const Resume&) { return NotSent(); }

  void Play();

  StoryResult simulated_;
  std::map<RequestId, RequestId> served_;  // By the simulator's id.
  std::set<std::pair<OwnerId, AgreementId>> created_;
  const Command* command_ = nullptr;  // The command that is being sent.
};

void StoryOverGrpc::Play() {
  size_t done = 0;  // Acts of the simulator that the broker has too.
  const auto await_acts = [&](size_t until) {
    for (; done < until && !HasFatalFailure(); ++done) Await(simulated_.acts[done]);
  };
  for (const Asked& asked : simulated_.asked) {
    ASSERT_NO_FATAL_FAILURE(await_acts(asked.acts_before));
    ASSERT_NO_FATAL_FAILURE(MoveTo(asked.time));
    command_ = &asked.command;
    const grpc::Status status =
        std::visit([&](const auto& what) { return Send(what); }, asked.command.what);
    const std::string who = Cat(Format(asked.command.actor), " at ", Format(asked.time));
    // The API tells a stranger less than the core does: not even that the resource exists.
    if (asked.answer.code() == absl::StatusCode::kPermissionDenied &&
        status.error_code() == grpc::StatusCode::NOT_FOUND) {
      ASSERT_EQ(ReasonIn(status), "RESOURCE_NOT_FOUND") << who;
      continue;
    }
    ASSERT_EQ(static_cast<int>(status.error_code()), static_cast<int>(asked.answer.code()))
        << who << ": " << status.error_message();
    ASSERT_EQ(ReasonIn(status), asked.answer.ok() ? "" : ApiReasonOf(asked.answer)) << who;
  }
  ASSERT_NO_FATAL_FAILURE(await_acts(simulated_.acts.size()));

  std::map<OwnerId, std::vector<std::string>> trails;
  for (const Act& act : simulated_.acts) trails[act.owner].push_back(Encode(act));
  for (const auto& [owner, simulated] : trails) {
    const std::vector<std::string> served = TrailOf(owner);
    for (size_t i = 0; i < std::min(simulated.size(), served.size()); ++i) {
      ASSERT_EQ(served[i], simulated[i]) << "act " << i + 1 << " of " << owner.value;
    }
    EXPECT_EQ(served.size(), simulated.size()) << owner.value;
  }
}

TEST_P(StoryOverGrpc, HasTheSameTrail) { Play(); }

// PostgreSQL at the test's time: the database's clock is the one thing that a story has to control.
class LedgerAtTime : public PostgresLedger {
 public:
  LedgerAtTime(PostgresOptions options, std::function<Instant()> now)
      : PostgresLedger(std::move(options)), now_(std::move(now)) {}

  absl::StatusOr<Instant> Heartbeat(const std::vector<Tenure>& held) override {
    const absl::StatusOr<Instant> time = PostgresLedger::Heartbeat(held);
    return time.ok() ? now_() : time;
  }
  std::optional<CommitResult> Receive() override {
    std::optional<CommitResult> result = PostgresLedger::Receive();
    if (result && result->outcome == CommitOutcome::kDurable) result->database_time = now_();
    return result;
  }

 private:
  const std::function<Instant()> now_;
};

class StoryOverGrpcInPostgres : public StoryOverGrpc {
 protected:
  Ledger& ledger() override { return postgres_; }

 private:
  LedgerAtTime postgres_{{.url = NewDatabase()}, [this] { return Now(); }};
};

TEST_P(StoryOverGrpcInPostgres, HasTheSameTrail) {
  Play();
  if (HasFatalFailure()) return;
  for (const std::string& party : parties_) {
    if (!party.starts_with("owner/")) continue;
    const absl::StatusOr<Verification> verification = VerifyOwner(ledger(), {party.substr(6)});
    ASSERT_TRUE(verification.ok()) << verification.status();
    EXPECT_EQ(verification->findings, std::vector<std::string>{});
  }
}

std::string TestName(const testing::TestParamInfo<Chosen>& info) {
  std::string out;
  bool upper = true;
  for (const char c :
       Cat(info.param.file.substr(0, info.param.file.find('.')), " ", info.param.story)) {
    const auto letter = static_cast<unsigned char>(c);
    if (std::isalnum(letter)) out += static_cast<char>(upper ? std::toupper(letter) : letter);
    upper = !std::isalnum(letter);
  }
  return out;
}

// All stories but the outages and notices of tolling.txt, which no call makes, and those that
// HasTie finds.
constexpr Chosen kStories[] = {
    {"aggregation.txt", "split in two, still under the right"},
    {"aggregation.txt", "one unit short, it is free"},
    {"aggregation.txt", "another purpose, region or resource does not count with it"},
    {"aggregation.txt", "after the window it counts from nothing"},
    {"aggregation.txt", "no window: each by itself"},
    {"amendment.txt", "a material change supersedes the offer and gives a full new window"},
    {"amendment.txt", "an immaterial change keeps the deadline"},
    {"amendment.txt",
     "an immaterial change shortly before the deadline leaves the least time the clause names"},
    {"amendment.txt", "labels change nothing"},
    {"amendment.txt", "after acceptance the acceptor has to agree; until then the old terms stand"},
    {"amendment.txt",
     "the old terms stand when the request ends, though the new ones ask for less"},
    {"amendment.txt", "after acceptance the acceptor agrees: the new stands before the old goes"},
    {"amendment.txt", "an amendment leads out of BLOCKED"},
    {"amendment.txt", "only the owner amends, and nothing that is finished"},
    {"calendar.txt", "sixteen working hours over a weekend"},
    {"calendar.txt", "a holiday does not count"},
    {"calendar.txt", "over the change to summer time the local hours count"},
    {"calendar.txt", "a window that begins at night begins to count in the morning"},
    {"calendar.txt", "too urgent for the holder's hours"},
    {"cancel.txt", "open offers are rescinded"},
    {"cancel.txt", "what is held is released"},
    {"cancel.txt", "the accept was first: what is confirmed stands"},
    {"cancel.txt", "nobody else cancels"},
    {"confirm.txt", "confirmed in time"},
    {"confirm.txt", "a hold that expires counts as a decline"},
    {"confirm.txt", "an alternative's hold expires: the next is asked"},
    {"confirm.txt", "a hold over an exclusivity expires: blocked"},
    {"counter.txt", "the owner takes the counter"},
    {"counter.txt", "left by the owner, the counter is a floor under the alternatives"},
    {"counter.txt", "the owner lets its window pass"},
    {"counter.txt", "only the owner takes a counter, and only the addressee makes one"},
    {"counter.txt", "no counter where the clause allows none"},
    {"counter.txt", "a counter above the owner's cap is not taken"},
    {"edges.txt", "the agreement ends while an offer is open: the offer runs off"},
    {"edges.txt", "the agreement ends, and the clause says that open offers are void"},
    {"edges.txt", "a later match is skipped, and says so"},
    {"edges.txt", "the holder is also an alternative: not asked again on the terms it refused"},
    {"edges.txt", "an unknown party answers another's offer"},
    {"edges.txt", "two exclusivities over one scope cannot both stand"},
    {"expiry.txt", "a blocked request waits until it expires"},
    {"expiry.txt", "an open offer is taken back when the request expires"},
    {"expiry.txt", "what is held when the request expires is confirmed"},
    {"expiry.txt", "the policy NONE waits, and asks nobody"},
    {"expiry.txt", "windows are never clipped: the request comes too late"},
    {"fallback.txt", "FAN_OUT: two are asked at once, the first acceptance wins"},
    {"fallback.txt", "FAN_OUT: who declines makes room for the next"},
    {"fallback.txt", "CHEAPEST: sealed bids until the window closes, the best qualified wins"},
    {"fallback.txt", "CHEAPEST: nobody bids"},
    {"fallback.txt", "a bid above the cap is no bid"},
    {"fallback.txt", "who is passed over, and why"},
    {"fallback.txt", "affiliates count as one"},
    {"fallback.txt", "a rights-holder is never passed over for its health"},
    {"fallback.txt", "the operator suspends and resumes"},
    {"match.txt", "a materially higher price opens a match round, and the holder matches"},
    {"match.txt", "the holder does not match: the alternative has it"},
    {"match.txt", "the holder is silent in the match round"},
    {"match.txt", "within the tolerance no match is required, and the figures say why"},
    {"match.txt", "cheaper for the owner: no match"},
    {"match.txt", "cheaper for the owner: a match where the clause says always"},
    {"match.txt", "MATCH: the alternatives bid first, the holder may match the best"},
    {"match.txt", "MATCH: not matched"},
    {"match.txt",
     "FIRST_OFFER: the holder had its one question, the figures are kept all the same"},
    {"partial.txt", "a part in steps, and the remainder goes on"},
    {"partial.txt", "below the minimum or off the step is refused, and the offer stays open"},
    {"partial.txt", "what may not be split is taken whole or not at all"},
    {"partial.txt", "the owner's smallest useful part counts too"},
    {"partial.txt", "other terms are no acceptance"},
    {"partial.txt", "a junior holder sees the remainder only"},
    {"reoffer.txt", "the holder is asked once more, and takes it"},
    {"reoffer.txt", "once more, and once only"},
    {"revival.txt",
     "nothing is confirmed in time: the right revives and the holder is asked again"},
    {"revival.txt", "confirmed in time: the right is gone for this request"},
    {"revival.txt", "held is not confirmed"},
    {"seed.txt", "first era: everything new comes from Azure"},
    {"seed.txt", "first era: what Azure does not take waits for it"},
    {"seed.txt", "first era: capacity in use already is outside \"new capacity\""},
    {"seed.txt", "second era: Azure takes a part, the Stargate partner the rest"},
    {"seed.txt", "second era: the API stays with Azure, whatever stands beside it"},
    {"seed.txt", "second era: what may be split goes two ways"},
    {"seed.txt", "second era: research and training are free of the first refusal"},
    {"seed.txt", "third era: the first refusal is gone, the commitment is larger, the API stays"},
    {"silence.txt", "the deadline's instant is timely"},
    {"silence.txt", "silence waives the right for this request"},
    {"silence.txt",
     "an answer after the deadline is refused, with the deadline and the time, and recorded once"},
    {"silence.txt", "the owner may lengthen a window, not shorten it"},
    {"silence.txt", "nobody answers: every provider's reason is told"},
    {"standby.txt",
     "a late acceptance is refused, kept in reserve, and taken when nobody else is left"},
    {"standby.txt",
     "two accept in the same instant: one allocation, the other is standby until the winner is "
     "confirmed"},
    {"standby.txt", "the winner does not confirm: the other is promoted"},
    {"tolling.txt", "the operator adds time, and ends an offer, with a reason"},
    {"trigger-dispute.txt", "no effect before the dispute window has passed"},
    {"trigger-dispute.txt", "disputed and upheld: the trigger is rejected"},
    {"trigger-dispute.txt", "disputed and dismissed: it goes on"},
    {"trigger-dispute.txt", "signed by all but disputed: the open dispute holds it up"},
    {"trigger-dispute.txt", "a dispute comes too late"},
    {"trigger-dispute.txt", "a measure counts from its threshold on, the threshold included"},
    {"trigger.txt", "signed by all attesters"},
    {"trigger.txt", "a quorum is enough"},
    {"trigger.txt", "an assertion is withdrawn"},
    {"trigger.txt", "an unknown party asserts, attests and disputes nothing"},
    {"waiver.txt", "a standing waiver sends training to the alternatives"},
    {"waiver.txt", "a purpose that is not stated never matches"},
    {"waiver.txt", "\"primarily\": less than half of it for training leaves the right standing"},
    {"waiver.txt", "\"primarily\": half of it is enough, for that half"},
    {"waiver.txt", "the waiver does not lift what it does not name"},
    {"waiver.txt", "a one-off waiver leads out of BLOCKED, for that request alone"},
    {"waiver.txt", "a standing waiver beside the agreement, revoked: prospective only"},
    {"waiver.txt", "a revoked waiver takes nothing back"},
    {"waiver.txt", "a cap counts every use"},
    {"withdraw.txt", "before it is confirmed a withdrawal is a decline"},
    {"withdraw.txt",
     "after it is confirmed: notice, then the ledger is restored and the quantity is routed again"},
    {"withdraw.txt", "no notice in the terms: no withdrawal once confirmed"},
    {"withdraw.txt", "only the provider withdraws what it placed"},
    {"withdraw.txt", "the owner gives back half-way: what is not used yet is restored"},
};

INSTANTIATE_TEST_SUITE_P(Simulation, StoryOverGrpc, testing::ValuesIn(kStories), TestName);

// The first story of each file: what is stored does not depend on what is decided.
std::vector<Chosen> OneOfEachFile() {
  std::vector<Chosen> chosen;
  for (const Chosen& story : kStories) {
    if (chosen.empty() || chosen.back().file != story.file) chosen.push_back(story);
  }
  return chosen;
}
INSTANTIATE_TEST_SUITE_P(Simulation, StoryOverGrpcInPostgres, testing::ValuesIn(OneOfEachFile()),
                         TestName);

}  // namespace
}  // namespace capbroker
