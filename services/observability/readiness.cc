#include "services/observability/readiness.h"

#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr Span kProbeHolds = Seconds(1);
constexpr Span kSchemaHolds = Seconds(60);

class Checks {
 public:
  void Add(std::string_view what, const std::string& fault) {
    report_.text += Cat(what, ": ", fault.empty() ? "ok" : fault, "\n");
    report_.ok = report_.ok && fault.empty();
  }
  void Tell(std::string_view what, const std::string& words) {
    report_.text += Cat(what, ": ", words, "\n");
  }
  Readiness::Report Take() { return std::move(report_); }

 private:
  Readiness::Report report_{true, ""};
};

std::string Holds(const SequencerStatus& status) {
  switch (status.phase) {
    case SequencerStatus::Phase::kServing:
      return "";
    case SequencerStatus::Phase::kStandby:
      return Cat("standing by: ", status.detail);
    default:
      return Cat("not held: ", status.detail);
  }
}

// Empty while it has been silent for less than this.
std::string Silence(const Edge::Reachability& reachability, int64_t most_micros) {
  if (reachability.silent_micros < most_micros) return "";
  return Cat("no new connection has been answered for ", Format(Span{reachability.silent_micros}),
             ": ", reachability.why);
}

}  // namespace

Readiness::Readiness(Ledger& ledger, std::function<SequencerStatus()> sequencer,
                     std::function<Instant()> now, std::function<int64_t()> boot,
                     std::function<Edge::Reachability()> reachability)
    : ledger_(ledger),
      sequencer_(std::move(sequencer)),
      now_(std::move(now)),
      boot_(std::move(boot)),
      reachability_(std::move(reachability)) {}

absl::Status Readiness::Database() {
  bool check_schema = false;
  {
    absl::MutexLock lock(&mutex_);
    if (probing_) return absl::UnavailableError("no answer yet");
    if (probed_at_ != 0 && boot_() - probed_at_ < kProbeHolds.micros) return last_;
    probing_ = true;
    check_schema = schema_checked_at_ == 0 || boot_() - schema_checked_at_ > kSchemaHolds.micros;
  }
  absl::Status found = ledger_.Owners({}, 1).status();
  // Opening needs a session of its own; a failure to get one says nothing about the schema.
  bool checked = false;
  if (check_schema && found.ok()) {
    const absl::Status schema = ledger_.Open().status();
    checked = schema.ok();
    if (absl::IsFailedPrecondition(schema)) found = schema;
  }
  absl::MutexLock lock(&mutex_);
  probing_ = false;
  probed_at_ = boot_();
  if (checked) schema_checked_at_ = probed_at_;
  last_ = found;
  return found;
}

Readiness::Report Readiness::Ready() {
  Checks checks;
  if (going_down_) checks.Add("process", "going down");
  const absl::Status database = Database();
  const std::string fault(View(database.message()));
  const bool schema = absl::IsFailedPrecondition(database);
  checks.Add("database", database.ok() || schema ? "" : Cat("not reached: ", fault));
  if (database.ok() || schema) checks.Add("schema", schema ? fault : "");
  checks.Add("listener", Silence(reachability_(), kUnreachableMicros));
  const SequencerStatus status = sequencer_();
  checks.Add("partitions", Holds(status));
  if (status.phase == SequencerStatus::Phase::kServing) {
    const Instant now = now_();
    const bool late = status.earliest_deadline + kMostOverdue < now;
    checks.Add("deadlines", !late ? ""
                                  : Cat("the earliest, of ", Format(status.earliest_deadline),
                                        ", has not fired; it is ", Format(now)));
  }
  // Told, and no reason to send callers elsewhere: everybody else is served (R31).
  if (status.set_aside > 0)
    checks.Tell("set aside", Cat(status.set_aside, ", the first ", status.first_set_aside));
  return checks.Take();
}

Readiness::Report Readiness::Live() const {
  Checks checks;
  const SequencerStatus status = sequencer_();
  const Span silent{status.stepped_micros == 0 ? 0 : boot_() - status.stepped_micros};
  checks.Add("sequencer",
             silent <= kLongestSilence || status.phase == SequencerStatus::Phase::kStopped
                 ? ""
                 : Cat("silent for ", Format(silent)));
  checks.Add("listener", Silence(reachability_(), kLostMicros));
  return checks.Take();
}

}  // namespace capbroker
