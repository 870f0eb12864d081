#include "services/sequencing/books.h"

#include <algorithm>

#include "broker/trail/canonical.h"
#include "broker/trail/fold.h"
#include "services/sequencing/invariant.h"

namespace capbroker {

Shelved* Books::Find(const OwnerId& owner) {
  const auto found = index_.find(owner);
  if (found == index_.end() || all_[found->second]->book.sequence == 0) return nullptr;
  return all_[found->second].get();
}

Shelved& Books::Get(const OwnerId& owner) {
  const auto [at, is_new] = index_.try_emplace(owner, static_cast<uint32_t>(all_.size()));
  if (is_new) {
    auto added = std::make_unique<Shelved>();
    added->book.owner = owner;
    added->number = at->second;
    added->partition = PartitionOf(owner, partitions_);
    all_.push_back(std::move(added));
  }
  return *all_[at->second];
}

const Directory& Books::directory() {
  static const Directory* const kNone = new Directory();
  const Shelved* shelved = Find(kDirectory);
  return shelved == nullptr ? *kNone : shelved->book.directory;
}

void Books::Recover(RecoveredOwner recovered) {
  BookRow& row = recovered.book;
  Shelved& shelved = Get(row.owner);
  Book& book = shelved.book;
  // They were read and decoded before, and are about the account, whose fold is total.
  for (const Act& act : recovered.acts) (void)Fold(book, act);
  // Acts of finished requests are not among these: the balances they left are in the row.
  book.account.commitments = std::move(row.commitments);
  book.account.waivers = std::move(row.waivers);
  book.account.cool_downs = std::move(row.cool_downs);
  book.account.aggregates = std::move(row.aggregates);
  book.sequence = shelved.durable = row.sequence;
  book.hash = row.hash;
  book.time = row.time;
  Relist(shelved);
}

SealedAct Books::Apply(Shelved& shelved, const Act& act,
                       std::shared_ptr<const RequestBook> request) {
  Book& book = shelved.book;
  SealedAct sealed{.owner = act.owner,
                   .sequence = act.sequence,
                   .time = act.time,
                   .request = act.request,
                   .decisions = static_cast<uint32_t>(act.decisions.size()),
                   .text = Encode(act),
                   .hash = {}};
  sealed.hash = Chain(book.hash, sealed.text);
  set_aside_.erase({shelved.number, act.request});
  Count(shelved, act.request, -1);
  // Decide has folded it already, or the act is about the account: it cannot fail.
  const absl::Status folded = Fold(book, act, std::move(request));
  Require(folded.ok(), View(folded.message()));
  Count(shelved, act.request, +1);
  book.hash = sealed.hash;
  Relist(shelved);
  if (act.request.IsSet()) Rest(shelved, act.request);
  return sealed;
}

void Books::Put(Shelved& shelved, std::shared_ptr<const RequestBook> request) {
  Require(request->sequence <= shelved.durable, "act ", request->sequence, " of ",
          shelved.book.owner.value, " was read, and ", shelved.durable,
          " is the last that is durable");
  Place(shelved, std::move(request));
}

void Books::Place(Shelved& shelved, std::shared_ptr<const RequestBook> request) {
  const RequestId id = request->request->id;
  Count(shelved, id, -1);
  capbroker::Put(shelved.book, std::move(request));
  Count(shelved, id, +1);
  Relist(shelved);
  Rest(shelved, id);
}

const RequestBook& Books::Undurable(const Shelved& shelved, const RequestId& id) const {
  const RequestBook* found = shelved.book.Find(id);
  Require(found != nullptr, "a request of ", shelved.book.owner.value,
          " was let go before it was durable");
  Require(found->sequence > shelved.durable, "act ", found->sequence, " of ",
          shelved.book.owner.value, " is durable, and not known to be");
  return *found;
}

void Books::TakeBack(Shelved& shelved, const RequestId& id,
                     std::shared_ptr<const RequestBook> before) {
  Undurable(shelved, id);
  if (before == nullptr) {
    Remove(shelved, id);
  } else {
    Place(shelved, std::move(before));
    KeepFinished(shelved, id);
  }
}

void Books::MarkDurable(Shelved& shelved, uint64_t from, uint64_t to) {
  Require(shelved.durable == from && from < to && to <= shelved.book.sequence, "acts ", from + 1,
          " to ", to, " of ", shelved.book.owner.value, " are durable after act ", shelved.durable,
          " of ", shelved.book.sequence);
  shelved.durable = to;
}

void Books::SetAside(Shelved& shelved, const RequestId& id, Instant until, std::string why) {
  PutOff(shelved.book, id, until);
  set_aside_.insert_or_assign({shelved.number, id}, std::move(why));
  Relist(shelved);
}

Books::Aside Books::set_aside() const {
  if (set_aside_.empty()) return {};
  const auto& [which, why] = *set_aside_.begin();
  const OwnerId& owner = all_[which.first]->book.owner;
  return {
      set_aside_.size(),
      Cat(which.second.IsSet() ? Cat("request ", Format(which.second), " of ") : "the account of ",
          owner.value, ": ", why)};
}

void Books::Remove(Shelved& shelved, const RequestId& id) {
  set_aside_.erase({shelved.number, id});
  Count(shelved, id, -1);
  Forget(shelved.book, id);
  Relist(shelved);
}

void Books::Relist(Shelved& shelved) {
  Instant listed;
  if (!shelved.book.deadlines.empty()) listed = shelved.book.deadlines.begin()->first;
  if (listed == shelved.listed) return;
  if (shelved.listed.IsSet()) deadlines_.erase({shelved.listed, shelved.number});
  if (listed.IsSet()) deadlines_.emplace(listed, shelved.number);
  shelved.listed = listed;
}

size_t Books::Overdue(Instant now, size_t most) const {
  size_t overdue = 0;
  for (const auto& [listed, number] : deadlines_) {
    if (listed >= now) break;
    for (const auto& [deadline, id] : all_[number]->book.deadlines) {
      if (deadline >= now || overdue == most) break;
      overdue++;
    }
    if (overdue == most) break;
  }
  return overdue;
}

void Books::KeepFinished(const Shelved& shelved, const RequestId& id) {
  const RequestBook* request = shelved.book.Find(id);
  if (request == nullptr || request->IsLive() || request->sequence > shelved.durable) return;
  finished_.push_back({shelved.number, id, request->sequence});
  while (finished_.size() > finished_kept_) {
    const Kept oldest = finished_.front();
    finished_.pop_front();
    Shelved& its = *all_[oldest.book];
    const RequestBook* found = its.book.Find(oldest.request);
    // Moved since: then it was named again, or will be once that is durable. A durable sequence
    // names one state.
    if (found != nullptr && found->sequence == oldest.sequence) Remove(its, oldest.request);
  }
}

void Books::Rest(const Shelved& shelved, const RequestId& id) {
  const RequestBook* found = shelved.book.Find(id);
  if (found == nullptr || !found->IsLive()) return;
  awake_.push_back({shelved.number, id, found->sequence});
  if (awake_.size() <= awake_kept_) return;
  const Kept oldest = awake_.front();
  awake_.pop_front();
  auto& requests = all_[oldest.book]->book.requests;
  const auto at = requests.find(oldest.request);
  if (at != requests.end()) at->second.Pack(oldest.sequence);
}

void Books::Count(const Shelved& shelved, const RequestId& id, int by) {
  if (!id.IsSet()) return;
  const RequestBook* found = shelved.book.Find(id);
  if (found != nullptr && found->IsLive()) unfinished_ += by;
}

}  // namespace capbroker
