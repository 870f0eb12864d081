// The core's hold on its partitions: taking them, reading what is in them, losing them, giving them
// back.
#include <algorithm>
#include <iterator>
#include <tuple>

#include "broker/deciding/decide.h"
#include "broker/values/calendar.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/sequencing/core.h"

namespace capbroker {
namespace {

constexpr Span kStandbyRetry = Seconds(1);
constexpr Span kFirstBackoff{100'000};
constexpr Span kLongestBackoff = Seconds(2);

absl::Status Unavailable(std::string_view reason, std::string_view message) {
  return Refuse(absl::StatusCode::kUnavailable, reason, message);
}

std::vector<std::string> UnknownZones(const Books& books) {
  std::vector<std::string> unknown;
  for (const auto& shelved : books.all()) {
    for (const auto& version : shelved->book.account.agreements) {
      for (const Calendar& calendar : version->calendars) {
        if (KnowsZone(calendar)) continue;
        unknown.push_back(Cat(shelved->book.owner.value, "/", version->agreement.value, "/",
                              version->version, ": ", calendar.time_zone));
      }
    }
  }
  return unknown;
}

Standing StandingOf(Books& books) {
  Standing standing;
  standing.directory = books.directory();
  for (const auto& shelved : books.all()) {
    standing.accounts.emplace_back(shelved->book.owner, shelved->book.account);
    for (const auto& [id, filed] : shelved->book.requests) {
      const auto request = filed.Read();
      for (const Offer& offer : request->offers) {
        const bool open = offer.state == OfferState::kOpen,
                   held = offer.allocation.state == AllocationState::kHeld;
        if (open || held)
          standing.offers.push_back({id, offer.number, offer.kind, offer.provider, open, held});
      }
    }
  }
  return standing;
}

}  // namespace

void Core::On(const Taken& taken, Moment now) {
  if (taken.tenures.ok()) {
    if (mode_ == Mode::kUnsure) {
      Resolve(*taken.tenures, now);
    } else {
      StartLoading(*taken.tenures, now);
    }
    return;
  }
  const std::string message(View(taken.tenures.status().message()));
  const bool is_held = absl::IsFailedPrecondition(taken.tenures.status());
  if (mode_ == Mode::kUnsure && !is_held) {
    RetryLater(now);  // Advance looks at how long that has gone on.
    return;
  }
  const auto phase =
      is_held ? SequencerStatus::Phase::kStandby : SequencerStatus::Phase::kRecovering;
  const absl::Status why =
      Unavailable(is_held ? "NOT_SERVING_OWNER" : "LEDGER_UNAVAILABLE", message);
  if (mode_ == Mode::kUnsure) {
    status_.fenced++;
    Drop(phase, why);
  } else {
    status_.phase = phase;
    status_.detail = message;
    closed_ = why;
    effects_.closed = why;
  }
  if (is_held) {
    retry_at_ = now.boot_micros + kStandbyRetry.micros;
  } else {
    RetryLater(now);
  }
}

// A batch or heartbeat is unanswered, and the partitions are ours again: nobody can commit under
// the old epochs now. If the new epochs follow ours, nobody did in between either, and the batch
// numbers tell which of ours did; the others go again.
void Core::Resolve(const std::vector<Tenure>& tenures, Moment now) {
  // How many of the batches, from the oldest on, would leave the partitions as they are; more than
  // there are: none would.
  size_t durable = 0;
  const auto is_as_after = [&](size_t flights) {
    const std::vector<Tenure> after = TenuresAfter(flights);
    return std::all_of(tenures.begin(), tenures.end(), [&](const Tenure& t) {
      return t.epoch == after[t.partition].epoch + 1 && t.batch == after[t.partition].batch;
    });
  };
  while (durable <= flights_.size() && !is_as_after(durable)) ++durable;
  if (durable > flights_.size()) {
    // Somebody else may have written: what the batch number says is not about our batch. Nobody is
    // told OK who may not be; a repeat with the same key finds out.
    Drop(SequencerStatus::Phase::kRecovering,
         Unavailable("LEDGER_UNAVAILABLE", "the ledger did not say whether this was recorded"));
    StartLoading(tenures, now);
    return;
  }
  for (const Tenure& t : tenures) {
    held_[t.partition].epoch = t.epoch;
    moved_at_[t.partition] = now.boot_micros;
  }
  mode_ = Mode::kServing;
  // We were there all the time; the ledger took it for an outage.
  if (resumes_owed_ == 0) ForgetOutage();
  if (flights_.empty()) unsure_since_.reset();
  while (durable-- > 0) OnDurable(now);
}

void Core::StartLoading(const std::vector<Tenure>& tenures, Moment now) {
  for (const Tenure& t : tenures) {
    held_[t.partition] = t;
    moved_at_[t.partition] =
        now.boot_micros - Seconds(1).micros;  // A heartbeat first: it shows the database's time.
  }
  next_beat_ = now.boot_micros;
  mode_ = Mode::kLoading;
  loading_ = 0;
  status_.phase = SequencerStatus::Phase::kRecovering;
  status_.detail = "the trail is being read";
  closed_ = Unavailable("LEDGER_UNAVAILABLE", "starting: the trail is being read");
  effects_.closed = closed_;
}

// First the books of every partition, then the unfinished requests of all of them in the order of
// their ids, which is about that of their acts in the trail: the table is passed once.
void Core::On(Recovered& recovered, Moment now) {
  if (mode_ != Mode::kLoading) return;
  if (!recovered.owners.ok()) {
    Drop(SequencerStatus::Phase::kRecovering,
         Unavailable("LEDGER_UNAVAILABLE", View(recovered.owners.status().message())));
    RetryLater(now);
    return;
  }
  for (RecoveredOwner& owner : *recovered.owners) {
    for (const RequestId& request : owner.unfinished)
      unread_.emplace_back(owner.book.owner, request);
    books_->Recover(std::move(owner));
  }
  if (++loading_ < partitions_) return;
  std::sort(unread_.begin(), unread_.end(), [](const SubjectName& a, const SubjectName& b) {
    return std::tie(a.second, a.first) < std::tie(b.second, b.first);
  });
  status_.detail = Cat("the trail is being read: ", unread_.size(), " open requests");
  ServeIfLoaded(now);
}

void Core::OnLoaded(const std::vector<SubjectName>& requests, ReadResult result, Moment now) {
  absl::Status status = std::move(result.status);
  for (size_t i = 0; i < requests.size() && status.ok(); ++i) {
    const auto& [owner, id] = requests[i];
    if (!result.requests[i].ok()) {
      status = result.requests[i].status();
    } else if (*result.requests[i] == nullptr) {
      status =
          absl::DataLossError(Cat("request ", Format(id), " of ", owner.value, " has no trail"));
    } else if (IsAhead(requests[i], result.requests[i]->get())) {
      status = absl::UnavailableError("another replica has taken the partitions");
    } else {
      books_->Put(*books_->Find(owner), *std::move(result.requests[i]));
    }
  }
  if (!status.ok()) {
    Drop(SequencerStatus::Phase::kRecovering,
         Unavailable("LEDGER_UNAVAILABLE", View(status.message())));
    RetryLater(now);
    return;
  }
  ServeIfLoaded(now);
}

void Core::ServeIfLoaded(Moment now) {
  const bool is_reading = std::any_of(readings_.begin(), readings_.end(),
                                      [](const Reading& r) { return r.is_busy && !r.is_void; });
  if (unread_.empty() && !is_reading) Serve(now);
}

void Core::Serve(Moment now) {
  Instant latest;
  for (const auto& shelved : books_->all()) latest = std::max(latest, shelved->book.time);
  mode_ = Mode::kServing;
  backoff_ = {};
  acts_bound_ = options_.batch_bound;
  status_.phase = SequencerStatus::Phase::kServing;
  status_.detail.clear();
  status_.unknown_zones = UnknownZones(*books_);
  closed_ = absl::OkStatus();
  effects_.closed.reset();
  effects_.opened = true;
  effects_.not_before = latest;
  effects_.directory = std::make_shared<const Directory>(books_->directory());
  if (options_.tap != nullptr) effects_.standing = StandingOf(*books_);
  ResumeOwners(std::max(now.time, latest));
}

// R22, before anything else: what the outage took from open windows is given back, then answers,
// then lapses.
void Core::ResumeOwners(Instant now) {
  status_.downtime = {};
  const auto resume = [&](const OwnerId& owner, const RequestId& request, Instant down_since) {
    auto item = std::make_unique<Item>();
    item->kind = Item::Kind::kResume;
    item->order = ++last_order_;
    item->arrived = now;
    item->command = {owner, {Role::kBroker, ""}, Resume{request, down_since, options_.toll_over}};
    waiting_.push_back(std::move(item));
    resumes_owed_++;
  };
  for (const auto& shelved : books_->all()) {
    const Instant down_since = held_[shelved->partition].down_since;
    if (shelved->book.requests.empty() || !down_since.IsSet() || down_since >= now) continue;
    status_.downtime = std::max(status_.downtime, now - down_since);
    resume(shelved->book.owner, RequestId{}, down_since);
    for (const RequestId& request :
         RequestsToToll(shelved->book, down_since, options_.toll_over, now)) {
      resume(shelved->book.owner, request, down_since);
    }
  }
  if (resumes_owed_ == 0) ForgetOutage();
}

// Nothing of the outage is owed any more. The next heartbeat says so, and is the next call; whoever
// takes the partitions before it gives the same outage back again: time is added, never lost.
void Core::ForgetOutage() {
  for (Tenure& tenure : held_) tenure.down_since = {};
  outage_is_over_ = true;
  next_beat_ = 0;
}

void Core::On(const Released&, Moment) {
  // If it failed, another replica waits for the lease to end.
  Stop();
}

// Holds nothing any more, and forgets everything: what was recorded is read again, what was not is
// answered with `why`.
void Core::Drop(SequencerStatus::Phase phase, const absl::Status& why) {
  resumes_owed_ = 0;
  unsure_since_.reset();
  std::vector<ItemPtr> items;
  const auto collect = [&](auto& from) {
    std::move(from.begin(), from.end(), std::back_inserter(items));
    from.clear();
  };
  for (PendingBatch& flight : flights_) {
    std::vector<ItemPtr> its = flight.TakeItems();
    collect(its);
  }
  std::vector<ItemPtr> its = open_.TakeItems();
  collect(its);
  its = GiveUpReading();
  collect(its);
  collect(waiting_);
  std::sort(items.begin(), items.end(),
            [](const ItemPtr& a, const ItemPtr& b) { return a->order < b->order; });
  for (ItemPtr& item : items) Fail(std::move(item), why);

  flights_.clear();
  under_way_ = 0;
  failed_as_.reset();
  open_ = PendingBatch();
  books_ = std::make_unique<Books>(partitions_, options_.finished_kept, options_.awake_kept);
  keys_.Clear();
  mode_ = Mode::kTaking;
  status_.phase = phase;
  status_.detail = std::string(View(why.message()));
  closed_ = why;
  effects_.closed = why;
  effects_.opened = false;
  effects_.directory = nullptr;
  effects_.standing.reset();
}

void Core::RetryLater(Moment now) {
  backoff_ = std::clamp(backoff_, kFirstBackoff, kLongestBackoff);
  retry_at_ = now.boot_micros + backoff_.micros;
  backoff_ = std::min(backoff_ + backoff_, kLongestBackoff);
}

void Core::Drain() {
  draining_ = true;
  if (IsServing()) status_.detail = "going down: what was taken is being answered";
}

void Core::Stop() {
  if (mode_ == Mode::kStopped) return;
  Drop(SequencerStatus::Phase::kStopped,
       Unavailable("SHUTTING_DOWN", "this replica is going down"));
  mode_ = Mode::kStopped;
}

}  // namespace capbroker
