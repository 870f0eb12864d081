// Every book of the partitions held, and what is to be found fast in all of them: the next
// deadline, and the finished requests that may be let go.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "broker/trail/book.h"
#include "broker/trail/decision.h"
#include "storage/ledger.h"

namespace capbroker {

// A book with its place among the others.
struct Shelved {
  Book book;
  uint32_t number =
      0;  // In the order they were added: ties between books are broken the same way in every run.
  uint32_t partition = 0;
  // The sequence of its last act that is known to be durable. What an act after it left may be
  // taken back, and the next act then gets the same sequence: until it is durable, a sequence names
  // no state.
  uint64_t durable = 0;
  Instant listed;  // Its place in the order of deadlines; unset: none.
};

// What is set aside is tried again after this.
inline constexpr Span kRetryAside = Seconds(1);

class Books {
 public:
  Books(uint32_t partitions, size_t finished_kept, size_t awake_kept)
      : partitions_(partitions), finished_kept_(finished_kept), awake_kept_(awake_kept) {}

  // Null if the owner has no trail: no act, or none that was not taken back.
  Shelved* Find(const OwnerId& owner);
  Shelved& Get(const OwnerId& owner);  // Adds an empty book if there is none.
  Shelved& operator[](uint32_t number) { return *all_[number]; }
  const std::vector<std::unique_ptr<Shelved>>& all() const { return all_; }
  // The registered providers.
  const Directory& directory();

  // Takes over what the ledger kept of one owner, all but its requests, which are Put one by one.
  void Recover(RecoveredOwner recovered);

  // Folds the owner's next act (`request` as for Fold), moves the chain's head, and gives the text
  // and hash.
  SealedAct Apply(Shelved& shelved, const Act& act, std::shared_ptr<const RequestBook> request);
  // Puts a request in that was read from the ledger. None of its acts is after `durable`: the book
  // has not seen what such a one stands on.
  void Put(Shelved& shelved, std::shared_ptr<const RequestBook> request);
  // The request as an act that is not durable left it.
  const RequestBook& Undurable(const Shelved& shelved, const RequestId& id) const;
  // Puts such a request back as it was `before`; null: it was not there.
  void TakeBack(Shelved& shelved, const RequestId& id, std::shared_ptr<const RequestBook> before);
  // The acts after `from`, up to `to`, are durable.
  void MarkDurable(Shelved& shelved, uint64_t from, uint64_t to);
  // To be called after `book.deadlines` changed in another way.
  void Relist(Shelved& shelved);
  // R31: what is due of the request, or with an unset id of the account, cannot be carried out for
  // the reason `why`. It is left alone until then, or until its next act; everything else goes on.
  void SetAside(Shelved& shelved, const RequestId& id, Instant until, std::string why);

  // The book whose deadline is next; null if none has one. Its first entry is the deadline, at
  // `listed`.
  Shelved* Next() { return deadlines_.empty() ? nullptr : all_[deadlines_.begin()->second].get(); }

  // Nobody needs the request at hand. If it is finished, it is evicted once `finished_kept` others
  // were named after it. A state that is not durable is passed over: its batch names the request
  // again.
  void KeepFinished(const Shelved& shelved, const RequestId& id);

  // Somebody asked for the request: it is kept as it is for a while, and then packed.
  void Rest(const Shelved& shelved, const RequestId& id);

  // How many deadlines are listed before `now`, but not more than `most`.
  size_t Overdue(Instant now, size_t most) const;

  size_t unfinished() const { return unfinished_; }

  // What is set aside, by owner and request, with the reason.
  struct Aside {
    size_t count = 0;
    std::string first;  // In words.
  };
  Aside set_aside() const;

 private:
  void Place(Shelved& shelved, std::shared_ptr<const RequestBook> request);
  void Remove(Shelved& shelved, const RequestId& id);
  void Count(const Shelved& shelved, const RequestId& id, int by);

  const uint32_t partitions_;
  const size_t finished_kept_;
  const size_t awake_kept_;
  std::vector<std::unique_ptr<Shelved>> all_;
  absl::flat_hash_map<OwnerId, uint32_t> index_;
  absl::btree_set<std::pair<Instant, uint32_t>> deadlines_;
  // As it was when it was put there: it may have moved since, or be gone.
  struct Kept {
    uint32_t book;
    RequestId request;
    uint64_t sequence;
  };
  std::deque<Kept> finished_, awake_;                                // Oldest first.
  std::map<std::pair<uint32_t, RequestId>, std::string> set_aside_;  // By book; the reason.
  size_t unfinished_ = 0;
};

}  // namespace capbroker
