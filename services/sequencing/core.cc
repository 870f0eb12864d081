// The core's front: what comes in, what goes out, and deciding.
#include "services/sequencing/core.h"

#include <algorithm>
#include <iterator>

#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// How many requests, and keys, are read at once.
constexpr size_t kReadsAtOnce = 256;
// Less is not worth two transactions.
constexpr size_t kLeastBurst = 8;
// How long an undecided batch is worth waiting for before its callers are told.
constexpr Span kPatience = Seconds(2);
// A deadline whose act came to nothing is tried again after this.

// More are not told apart.
constexpr size_t kMostOverdue = 10'000;

const Actor kBroker{Role::kBroker, ""};

absl::Status Conflict() {
  return Refuse(absl::StatusCode::kAlreadyExists, "IDEMPOTENCY_CONFLICT",
                "this key came before with another payload: got a different command, want the same "
                "or a new key");
}

// The request that an act about this command is filed under.
RequestId RequestOf(const Command& command) {
  const auto* create = std::get_if<CreateRequest>(&command.what);
  return create != nullptr ? create->request.id : Subject(command);
}

// A refusal that was itself recorded has its words in no row: it is decided again, which now
// records nothing. It is known by what the act begins with: an answer's rejection, its place in
// reserve (R26), or the end of a hold that its provider was about to confirm (R14).
bool IsRecordedRefusal(const Act& act) {
  if (act.decisions.empty()) return false;
  const Kind first = act.decisions.front().kind;
  return first == Kind::RESPONSE_REJECTED || first == Kind::STANDBY_RECORDED ||
         (first == Kind::ALLOCATION_EXPIRED && act.actor.role == Role::kProvider);
}

}  // namespace

Core::Core(SequencerOptions options, uint32_t partitions)
    : options_(std::move(options)),
      partitions_(partitions),
      held_(partitions),
      moved_at_(partitions),
      books_(std::make_unique<Books>(partitions, options_.finished_kept, options_.awake_kept)),
      keys_(options_.keys_kept, options_.answers_kept),
      acts_bound_(options_.batch_bound) {
  closed_ = Refuse(absl::StatusCode::kUnavailable, "LEDGER_UNAVAILABLE",
                   "starting: the trail is being read");
  status_.detail = std::string(View(closed_.message()));
}

void Core::Submit(ItemPtr item) {
  item->order = ++last_order_;
  if (IsServing()) {
    waiting_.push_back(std::move(item));
  } else {
    Fail(std::move(item), closed_);
  }
}

void Core::Advance(Moment now) {
  stepped_ = now.time;
  if (IsUnsure() && now.boot_micros - *unsure_since_ > kPatience.micros) {
    Drop(
        SequencerStatus::Phase::kRecovering,
        Refuse(absl::StatusCode::kUnavailable, "LEDGER_UNAVAILABLE", "the ledger does not answer"));
  }
  if (draining_ && mode_ == Mode::kTaking && !writing_) Stop();
  // While the ledger has nothing to do, it gets the first half of a burst, and the rest is decided
  // meanwhile.
  const bool is_burst = !writing_ && flights_.empty() && waiting_.size() >= kLeastBurst;
  const size_t later = is_burst ? waiting_.size() / 2 : 0;
  do {
    while (CanDecide()) {
      if (later > 0 && waiting_.size() <= later && open_.HasActs()) return;
      if (!waiting_.empty()) {
        const Item& next = *waiting_.front();
        // What came by a deadline goes first; so does the tolling of an outage.
        if (next.kind != Item::Kind::kResume && FireDeadline(next.arrived)) continue;
        ItemPtr item = std::move(waiting_.front());
        waiting_.pop_front();
        if (item->kind == Item::Kind::kCommand)
          status_.waited.Add((now.time - item->arrived).micros);
        Handle(std::move(item));
      } else if (draining_ || !FireDeadline(now.time)) {
        break;
      }
    }
  } while (ReleaseOpen(now) && CanDecide() && !waiting_.empty());  // It may have been full.
}

// Answers what waits for nothing but batches before it, once there is none. True if there was such
// a thing.
bool Core::ReleaseOpen(Moment now) {
  if (mode_ != Mode::kServing || !flights_.empty() || open_.HasActs() || open_.IsEmpty())
    return false;
  // No commit will tell whether the partitions are still ours. Nobody takes them within the lease;
  // past half of it, a heartbeat has to say so first (a process that was suspended finds out before
  // it refuses anything).
  const int64_t moved_at = *std::min_element(moved_at_.begin(), moved_at_.end());
  if (now.boot_micros - moved_at > options_.lease.micros / 2) {
    next_beat_ = now.boot_micros;
    return false;
  }
  for (ItemPtr& item : open_.TakeItems()) Answer(std::move(item));
  open_ = PendingBatch();
  return true;
}

bool Core::CanDecide() const {
  return mode_ == Mode::kServing && open_.size() < options_.batch_bound &&
         open_.acts() < acts_bound_;
}

// Fires the next deadline if it is before `before`, at that time.
bool Core::FireDeadline(Instant before) {
  Shelved* shelved = books_->Next();
  if (shelved == nullptr || shelved->listed >= before) return false;
  auto item = std::make_unique<Item>();
  item->kind = Item::Kind::kDeadline;
  item->order = ++last_order_;
  item->arrived = before;
  item->command = {shelved->book.owner, kBroker,
                   ReachDeadline{shelved->book.deadlines.begin()->second}};
  status_.deadlines++;
  const RequestId subject = shelved->book.deadlines.begin()->second;
  const uint64_t sequence = shelved->book.sequence;
  Handle(std::move(item));
  if (shelved->book.sequence == sequence)
    books_->SetAside(*shelved, subject, before + kRetryAside, "its deadline decides nothing");
  return true;
}

void Core::Handle(ItemPtr item) {
  if (item->kind == Item::Kind::kAccount) {
    const Shelved* shelved = books_->Find(item->command.owner);
    item->account =
        shelved == nullptr ? nullptr : std::make_shared<const Account>(shelved->book.account);
    open_.AddItem(std::move(item));
    return;
  }
  if (item->repeat && HandleRepeat(item)) return;
  if (item->kind == Item::Kind::kCommand && Park(item)) return;

  const Shelved* shelved = books_->Find(item->command.owner);
  std::optional<Book>
      none;  // An owner gets a book with its first act, not with whatever is asked in its name.
  if (shelved == nullptr) none.emplace().owner = item->command.owner;
  const Book& book = none ? *none : shelved->book;
  const Instant now = std::max(item->arrived, book.time);
  absl::StatusOr<Verdict> verdict = Decide(book, books_->directory(), item->command, now);
  if (verdict.ok() && !verdict->decisions.empty()) {
    Record(std::move(item), *std::move(verdict), now);
    return;
  }
  item->is_decided = true;
  if (!verdict.ok()) {
    item->answer = verdict.status();
  } else if (!verdict->refusal.ok()) {
    item->answer = verdict->refusal;
  } else {
    item->answer = Outcome{0, nullptr, book.Share(RequestOf(item->command))};
  }
  if (shelved != nullptr) books_->Rest(*shelved, Subject(item->command));
  // Nothing will be written that would tell a repeat of something long ago. An owner without a
  // trail has no keys.
  if (item->repeat && shelved != nullptr) {
    asking_.push_back(std::move(item));
  } else {
    open_.AddItem(std::move(item));
  }
}

// True if the key is known: the item is taken care of.
bool Core::HandleRepeat(ItemPtr& item) {
  const KeyCache::Known* known = keys_.Find(item->command.owner, item->repeat->key);
  if (known == nullptr && !item->key_is_recorded) return false;
  if (known == nullptr || (known->payload == item->repeat->payload && !known->answer)) {
    asking_.push_back(std::move(item));
    return true;
  }
  if (known->payload != item->repeat->payload) {
    item->answer = Conflict();
  } else {
    item->answer = *known->answer;
    status_.repeats++;
  }
  item->is_decided = true;
  open_.AddItem(std::move(item));  // Durable with this batch, if not before.
  return true;
}

// True if the command has to wait until its request is read.
bool Core::Park(ItemPtr& item) {
  const RequestId subject = Subject(item->command);
  if (!subject.IsSet() || item->is_missing) return false;
  const SubjectName name(item->command.owner, subject);
  auto parked = parked_.find(name);
  if (parked == parked_.end()) {
    const Shelved* shelved = books_->Find(name.first);
    if (shelved == nullptr || shelved->book.Find(subject) != nullptr) return false;
    parked = parked_.try_emplace(name).first;
    wanted_.push_back(name);
  }
  parked->second.push_back(std::move(item));
  parked_count_++;
  return true;
}

void Core::Record(ItemPtr item, Verdict verdict, Instant now) {
  Shelved& shelved = books_->Get(item->command.owner);
  auto act = std::make_shared<Act>();
  act->owner = item->command.owner;
  act->sequence = shelved.book.sequence + 1;
  act->time = now;
  act->actor = item->command.actor;
  act->request = RequestOf(item->command);
  act->decisions = std::move(verdict.decisions);
  std::shared_ptr<const RequestBook> request =
      open_.Add(*books_, shelved, act, std::move(verdict.request), item->repeat,
                verdict.refusal.ok() ? item->origin : 0);
  item->is_decided = item->made_act = true;
  if (!verdict.refusal.ok()) {
    item->answer = verdict.refusal;
  } else {
    item->answer = Outcome{act->sequence, request == nullptr ? act : nullptr, std::move(request)};
  }
  if (item->repeat)
    keys_.PutUndurable(act->owner, item->repeat->key, {item->repeat->payload, item->answer});
  open_.AddItem(std::move(item));
}

void Core::LetGo(const Item& item) {
  if (item.put_back == 0) return;
  const RequestId subject = Subject(item.command);
  const Shelved* shelved = books_->Find(item.command.owner);
  const RequestBook* request = shelved == nullptr ? nullptr : shelved->book.Find(subject);
  // If it was changed, the batch names it when that is durable.
  if (request != nullptr && request->sequence == item.put_back)
    books_->KeepFinished(*shelved, subject);
}

std::optional<ReadCall> Core::NextRead() {
  const bool is_loading = mode_ == Mode::kLoading && loading_ == partitions_;
  if (!is_loading && mode_ != Mode::kServing) return std::nullopt;
  std::deque<SubjectName>& wanted = is_loading ? unread_ : wanted_;
  if (wanted.empty() && asking_.empty()) return std::nullopt;
  const auto free =
      std::find_if(readings_.begin(), readings_.end(), [](const Reading& r) { return !r.is_busy; });
  if (free == readings_.end()) return std::nullopt;
  ReadCall call{
      .reader = static_cast<size_t>(free - readings_.begin()), .requests = {}, .keys = {}};
  const auto requests =
      wanted.begin() + static_cast<ptrdiff_t>(std::min(wanted.size(), kReadsAtOnce));
  free->requests.assign(wanted.begin(), requests);
  wanted.erase(wanted.begin(), requests);
  call.requests = free->requests;
  const auto keys =
      asking_.begin() + static_cast<ptrdiff_t>(std::min(asking_.size(), kReadsAtOnce));
  free->keys.assign(std::move_iterator(asking_.begin()), std::move_iterator(keys));
  asking_.erase(asking_.begin(), keys);
  for (const ItemPtr& item : free->keys)
    call.keys.emplace_back(item->command.owner, item->repeat->key);
  free->is_busy = true;
  return call;
}

void Core::Finish(ReadResult result, Moment now) {
  Reading reading = std::exchange(readings_[result.reader], {});
  if (reading.is_void) return;  // Those who waited are elsewhere.
  if (mode_ == Mode::kLoading) return OnLoaded(reading.requests, std::move(result), now);
  for (size_t i = 0; i < result.requests.size(); ++i) {
    if (!result.requests[i].ok() || !IsAhead(reading.requests[i], result.requests[i]->get()))
      continue;
    DecideAgain(std::move(reading.keys));
    return OnFenced(now);
  }
  std::vector<ItemPtr> again;
  absl::Status failed = result.status;
  if (!failed.ok() && !absl::IsDataLoss(failed)) {
    failed = Refuse(absl::StatusCode::kUnavailable, "LEDGER_UNAVAILABLE", View(failed.message()));
  }
  for (size_t i = 0; i < reading.requests.size(); ++i) {
    auto parked = parked_.extract(reading.requests[i]);
    std::vector<ItemPtr>& items = parked.mapped();
    parked_count_ -= items.size();
    if (!failed.ok() || !result.requests[i].ok()) {
      for (ItemPtr& item : items)
        Fail(std::move(item), failed.ok() ? result.requests[i].status() : failed);
      continue;
    }
    std::unique_ptr<RequestBook> request = *std::move(result.requests[i]);
    Shelved& shelved = *books_->Find(reading.requests[i].first);
    if (request != nullptr && shelved.book.Find(reading.requests[i].second) == nullptr) {
      items.back()->put_back = request->sequence;
      books_->Put(shelved, std::move(request));
      status_.requests_read++;
    } else {
      for (ItemPtr& item : items)
        item->is_missing = true;  // Or received meanwhile: the book knows.
    }
    std::move(items.begin(), items.end(), std::back_inserter(again));
  }
  for (size_t i = 0; i < reading.keys.size(); ++i) {
    if (!failed.ok()) {
      Fail(std::move(reading.keys[i]), failed);
    } else if (ItemPtr item = AnswerRepeat(std::move(reading.keys[i]), std::move(result.keys[i]));
               item != nullptr) {
      again.push_back(std::move(item));
    }
  }
  DecideAgain(std::move(again));
}

// Whether what was read of a request tells that another replica has the partition. What we write
// ourselves is in the book until it is known to be durable; so what is not, and is later than that,
// was written by somebody else, and stands on acts that the book has not seen.
bool Core::IsAhead(const SubjectName& name, const RequestBook* read) {
  const Shelved& shelved = *books_->Find(name.first);
  return read != nullptr && read->sequence > shelved.durable &&
         shelved.book.Find(name.second) == nullptr;
}

// What waits for reading was judged, or found missing, in a book that is no more.
std::vector<ItemPtr> Core::GiveUpReading() {
  std::vector<ItemPtr> items;
  const auto collect = [&](std::vector<ItemPtr>& from) {
    std::move(from.begin(), from.end(), std::back_inserter(items));
    from.clear();
  };
  for (auto& [name, parked] : parked_) collect(parked);
  parked_.clear();
  parked_count_ = 0;
  wanted_.clear();
  unread_.clear();
  collect(asking_);
  for (Reading& reading : readings_) {
    collect(reading.keys);
    reading.requests.clear();
    reading.is_void = reading.is_busy;
  }
  return items;
}

size_t Core::queued() const {
  size_t queued = waiting_.size() + parked_count_ + asking_.size();
  for (const Reading& reading : readings_) queued += reading.keys.size();
  return queued;
}

// Gives the item back if it has to be decided after all.
ItemPtr Core::AnswerRepeat(ItemPtr item, ReadResult::Repeat repeat) {
  const OwnerId& owner = item->command.owner;
  if (!repeat.record) {
    item->key_is_recorded = false;
    if (item->is_decided) {
      open_.AddItem(std::move(
          item));  // As it was decided in its turn; what that rested on is in this batch or before.
      return nullptr;
    }
    keys_.Forget(owner, item->repeat->key);
    return item;
  }
  item->is_decided = true;
  if (repeat.record->payload != item->repeat->payload) {
    keys_.Put(owner, item->repeat->key, {repeat.record->payload, std::nullopt});
    item->answer = Conflict();
  } else if (!repeat.status.ok()) {
    item->answer = repeat.status;
  } else if (IsRecordedRefusal(*repeat.act)) {
    item->repeat.reset();
    return item;
  } else {
    const uint64_t sequence = repeat.act->sequence;
    if (repeat.request != nullptr) repeat.act = nullptr;
    item->answer = Outcome{sequence, std::move(repeat.act), std::move(repeat.request)};
    keys_.Put(owner, item->repeat->key, {item->repeat->payload, item->answer});
    status_.repeats++;
  }
  open_.AddItem(std::move(item));
  return nullptr;
}

// Puts items that had their turn before everything that has not.
void Core::DecideAgain(std::vector<ItemPtr> items) {
  std::sort(items.begin(), items.end(),
            [](const ItemPtr& a, const ItemPtr& b) { return a->order < b->order; });
  waiting_.insert(waiting_.begin(), std::move_iterator(items.begin()),
                  std::move_iterator(items.end()));
}

void Core::Answer(ItemPtr item) {
  LetGo(*item);
  if (item->kind == Item::Kind::kResume && resumes_owed_ > 0 && --resumes_owed_ == 0)
    ForgetOutage();
  if (item->reply || item->account_reply || item->recipient)
    effects_.answered.push_back(std::move(item));
}

void Core::Fail(ItemPtr item, const absl::Status& why) {
  item->answer = why;
  item->account = why;
  Answer(std::move(item));
}

Span Core::Idle(Moment now) {
  Span idle = Seconds(1);
  const auto until = [&](int64_t boot_micros) {
    idle = std::min(idle, Span{boot_micros - now.boot_micros});
  };
  if (!writing_ && under_way_ == 0) {
    if (mode_ == Mode::kTaking || IsUnsure()) until(retry_at_);
    if (mode_ == Mode::kServing || mode_ == Mode::kLoading) until(next_beat_);
  }
  if (IsUnsure()) until(*unsure_since_ + kPatience.micros + 1);
  if (const Shelved* next = books_->Next(); next != nullptr && CanDecide() && !draining_) {
    // Not at once: the clock may be standing still until the database's has caught up.
    idle = std::min(idle, std::max(next->listed - now.time, Span{1000}));
  }
  return std::max(idle, Span{});
}

size_t Core::queue_bound() const {
  const int64_t batches = options_.patience.micros / std::max<int64_t>(committing_.micros, 1);
  const size_t in_time = static_cast<size_t>(std::max<int64_t>(batches, 1)) * acts_bound_;
  return std::min(options_.queue_bound, in_time);
}

SequencerStatus Core::status() {
  SequencerStatus status = status_;
  status.queued = queued();
  status.unfinished_requests = books_->unfinished();
  const Shelved* next = books_->Next();
  status.earliest_deadline = next == nullptr ? kLastInstant : next->listed;
  const Books::Aside aside = books_->set_aside();
  status.set_aside = aside.count;
  status.first_set_aside = aside.first;
  status.overdue = books_->Overdue(stepped_, kMostOverdue);
  return status;
}

}  // namespace capbroker
