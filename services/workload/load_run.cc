#include "services/workload/load_run.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <memory>
#include <utility>

#include "broker/values/text.h"
#include "services/workload/stop_signal.h"
#include "services/workload/trail_check.h"

namespace capbroker {
namespace {

absl::Status Named(std::string_view who, const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      Cat(who, ": ", Explain(status).line));
}

std::string_view Link(bool session) { return session ? "session" : "watch"; }

// Everything but the constructor and what follows Run runs on the loop.
class Load {
 public:
  Load(LoadPlan plan, EventLoop& loop)
      : plan_(std::move(plan)),
        loop_(loop),
        schedule_(plan_.spans, plan_.concurrency, plan_.rule) {}

  absl::Status Prepare();
  // Returns when all is over.
  void Run();
  void Interrupt();
  absl::StatusOr<LoadReport> Report();

 private:
  void Ready();
  void Pump();
  void Start(const LoadEvent& event);
  void OnEnd(const LoadEvent& event, const LoadOutcome& outcome);
  void Over(const LoadEvent& event);
  void Stop();
  void CheckTrail();
  void AddProviders(const std::map<std::string, TrailCheck::Use>& use);

  LoadPlan plan_;
  EventLoop& loop_;
  LoadSchedule schedule_;
  Journal journal_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<LoadOwner> owner_;
  std::map<std::string, std::unique_ptr<Desk>> desks_;  // By provider.
  size_t unready_ = 0;
  int64_t trail_start_ = 0;
  std::vector<std::pair<const char*, std::string>> acknowledged_;  // Kind of decision, and name.

  bool pumping_ = false, stopped_ = false, waits_for_time_ = false;
  int64_t first_time_ = 0;  // Of the trace.
  int64_t start_micros_ = 0, end_micros_ = 0;
  absl::Status failure_;
  LoadReport report_;
};

absl::Status Load::Prepare() {
  report_.notes = std::move(plan_.notes);
  if (!plan_.journal.empty()) {
    if (absl::Status s = journal_.Create(plan_.journal); !s.ok()) return s;
  }
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Connect(plan_.owner.client);
  if (!channel.ok()) return channel.status();
  channel_ = *channel;
  const absl::StatusOr<int64_t> start = TrailEnd(channel_, plan_.owner.client, plan_.owner.owner);
  if (!start.ok()) return start.status();
  trail_start_ = *start;

  owner_ = std::make_unique<LoadOwner>(loop_, channel_, plan_.owner, plan_.tasks.size(), journal_);
  owner_->on_acknowledged = [this](const char* kind, const std::string& name) {
    acknowledged_.emplace_back(kind, name);
  };
  owner_->on_allocation_ended = [this](const std::string& provider, const std::string& offer) {
    const auto desk = desks_.find(provider);
    if (desk != desks_.end()) desk->second->ReleaseInventory(offer);
  };
  owner_->OnFailure([this] {
    failure_.Update(
        Named(Cat(Link(plan_.owner.session), " of owner ", plan_.owner.owner), owner_->failure()));
    Stop();
  });
  for (DeskOptions& options : plan_.desks) {
    absl::StatusOr<std::shared_ptr<grpc::Channel>> own = Connect(options.client);
    if (!own.ok()) return own.status();
    const std::string provider = options.provider;
    const bool session = options.session;
    auto desk = std::make_unique<Desk>(loop_, *own, std::move(options), &journal_);
    desk->on_event = [this](const DeskEvent& event) {
      if (!event.error.empty() || event.answer == DeskChoice::Answer::kSilence) return;
      acknowledged_.emplace_back(event.answer == DeskChoice::Answer::kDecline ? "OFFER_DECLINED"
                                 : event.quantity == event.asked              ? "OFFER_ACCEPTED"
                                                                 : "OFFER_PARTIALLY_ACCEPTED",
                                 event.offer);
    };
    desk->OnFailure([this, provider, session, desk = desk.get()] {
      failure_.Update(Named(Cat(Link(session), " of provider ", provider), desk->failure()));
      Stop();
    });
    desks_[provider] = std::move(desk);
  }
  return absl::OkStatus();
}

void Load::Run() {
  unready_ = desks_.size() + 1;
  owner_->Start([this] { Ready(); });
  for (auto& [provider, desk] : desks_) desk->Start([this] { Ready(); });
  loop_.Run();
  if (end_micros_ == 0) end_micros_ = EventLoop::NowMicros();
}

void Load::Ready() {
  if (--unready_ > 0) return;
  start_micros_ = EventLoop::NowMicros();
  for (const TaskTimes& span : plan_.spans) first_time_ = std::min(first_time_, span.create);
  Pump();
}

void Load::Pump() {
  if (pumping_ || stopped_) return;  // An event that ends at once calls Pump from within.
  pumping_ = true;
  int64_t now = std::numeric_limits<int64_t>::max();
  const bool paced = plan_.rule == LoadSchedule::Rule::kPaced && plan_.speedup > 0;
  const double elapsed = static_cast<double>(EventLoop::NowMicros() - start_micros_) / 1e6;
  if (paced) now = first_time_ + static_cast<int64_t>(elapsed * plan_.speedup);
  while (const std::optional<LoadEvent> event = schedule_.Next(now)) Start(*event);
  pumping_ = false;
  if (schedule_.IsFinished()) {
    end_micros_ = EventLoop::NowMicros();
    return Stop();
  }
  const std::optional<int64_t> due = schedule_.DueTime();
  if (!paced || !due || *due <= now || waits_for_time_) return;
  waits_for_time_ = true;
  const double wait = static_cast<double>(*due - first_time_) / plan_.speedup - elapsed;
  loop_.PostAfter(Span{static_cast<int64_t>(wait * 1e6) + 1}, [this] {
    waits_for_time_ = false;
    Pump();
  });
}

void Load::Start(const LoadEvent& event) {
  if (event.kind == LoadEvent::Kind::kRelease) {
    owner_->Release(event.task, [this, event] { Over(event); });
    return;
  }
  ++report_.requests;
  owner_->Create(event.task, RequestFor(plan_.tasks[event.task], event.task, plan_.shape),
                 [this, event](const LoadOutcome& outcome) { OnEnd(event, outcome); });
}

void Load::OnEnd(const LoadEvent& event, const LoadOutcome& outcome) {
  int64_t placed = 0;
  for (const LoadOutcome::Placed& one : outcome.placed) placed += one.quantity;
  report_.asked_quantity += outcome.asked;
  report_.placed_quantity += placed;
  ++(outcome.failed            ? report_.failed
     : placed == outcome.asked ? report_.placed
     : placed > 0              ? report_.partly
                               : report_.unplaced);
  for (const std::string& reason : outcome.reasons) ++report_.reasons[reason];
  Over(event);
}

void Load::Over(const LoadEvent& event) {
  schedule_.OnDone(event);
  Pump();
}

void Load::Interrupt() {
  if (stopped_) return;
  report_.notes.push_back("ended early by a signal: what was placed stays placed");
  Stop();
}

void Load::Stop() {
  if (std::exchange(stopped_, true)) return;
  owner_->Stop();
  for (auto& [provider, desk] : desks_) desk->Stop();
  loop_.Stop();
}

absl::StatusOr<LoadReport> Load::Report() {
  if (!failure_.ok()) return failure_;
  report_.seconds = start_micros_ == 0 ? 0 : static_cast<double>(end_micros_ - start_micros_) / 1e6;
  const LoadOwnerTotals& owner = owner_->totals();
  report_.answer = owner.answer;
  report_.finish = owner.finish;
  report_.released = owner.released;
  report_.cancelled = owner.cancelled;
  report_.repeats = owner.repeats;
  report_.resumed = owner.resumed;
  for (const auto& [code, count] : owner.errors)
    report_.errors[Cat("owner ", plan_.owner.owner, " ", code)] += count;
  for (const auto& [provider, desk] : desks_) {
    report_.repeats += desk->totals().repeats;
    report_.resumed += desk->totals().resumed;
    for (const auto& [code, count] : desk->totals().errors)
      report_.errors[Cat("provider ", provider, " ", code)] += count;
  }
  if (!journal_.Close()) ++report_.errors["journal not written"];
  CheckTrail();
  return std::move(report_);
}

void Load::CheckTrail() {
  const absl::StatusOr<std::vector<Act>> acts =
      ReadTrail(channel_, plan_.owner.client, plan_.owner.owner, trail_start_);
  TrailCheck check(plan_.inventory);
  if (acts.ok()) {
    for (const Act& act : *acts) check.Add(act);
    for (const auto& [kind, name] : acknowledged_) check.Expect(kind, name);
  } else {
    report_.faults.push_back(Cat(acts.status().message()));
  }
  report_.trail_read = acts.ok();
  report_.acts = check.acts();
  report_.decisions = check.decisions();
  report_.acknowledged = check.expected();
  report_.faults.insert(report_.faults.end(), check.faults().begin(), check.faults().end());
  report_.fault_count = check.fault_count();
  AddProviders(check.use());
}

void Load::AddProviders(const std::map<std::string, TrailCheck::Use>& use) {
  std::map<std::string, LoadReport::Provider> providers;
  for (const auto& [name, quantity] : plan_.inventory) providers[name].inventory = quantity;
  for (const auto& [name, one] : use) {
    LoadReport::Provider& p = providers[name];
    p.allocations = one.allocations;
    p.quantity = one.quantity;
    p.peak = one.peak;
    p.left_in_use = one.in_use;
  }
  for (const auto& [name, desk] : desks_) {
    LoadReport::Provider& p = providers[name];
    const DeskTotals& totals = desk->totals();
    p.is_desk = true;
    p.offers = totals.offers;
    p.accepted = totals.accepted;
    p.partial = totals.partial;
    p.declined = totals.declined;
    p.silent = totals.silent;
    if (!desk->inventory()) continue;
    p.desk_peak = desk->inventory()->PeakInUse();
    p.desk_in_use = desk->inventory()->InUse();
    // After an error the desk may not know an outcome; its account then errs on the safe side.
    if (report_.trail_read && totals.errors.empty() && p.desk_in_use != p.left_in_use) {
      ++report_.fault_count;
      report_.faults.push_back(
          Cat(name, ": the desk has ", p.desk_in_use, " in use, the trail ", p.left_in_use));
    }
  }
  for (auto& [name, p] : providers) {
    p.name = name;
    report_.providers.push_back(std::move(p));
  }
}

}  // namespace

absl::StatusOr<LoadReport> RunLoad(LoadPlan plan) {
  EventLoop loop;
  // A signal may come before the load exists: the loop keeps the work until it runs.
  Load* running = nullptr;
  StopSignal signals([&] {
    loop.Post([&] {
      if (running != nullptr) running->Interrupt();
    });
  });
  Load load(std::move(plan), loop);
  if (absl::Status s = load.Prepare(); !s.ok()) return s;
  running = &load;
  load.Run();
  return load.Report();
}

}  // namespace capbroker
