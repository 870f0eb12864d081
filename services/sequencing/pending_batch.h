// A batch while it is being decided and committed: the acts, who waits for them, and how the books
// stood before, which both tells the rows that changed and lets the batch be taken back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/deciding/command.h"
#include "broker/trail/book.h"
#include "services/sequencing/books.h"
#include "services/sequencing/feed.h"
#include "services/sequencing/sequencer.h"
#include "storage/ledger.h"

namespace capbroker {

// One command under way, from its arrival to its answer.
struct Item {
  enum class Kind {
    kCommand,
    kAccount,   // ReadAccount: `command.owner` names whose.
    kDeadline,  // The broker's own. Not kept for another try: the book asks for it again.
    kResume,    // The broker's own, before anything else is decided, deadlines included.
  };
  Kind kind = Kind::kCommand;
  uint64_t order = 0;  // Of arrival.
  Command command;
  std::optional<Repeat> repeat;
  Instant arrived;
  uint64_t origin = 0;
  // Who is told, by one of them; of the broker's own, nobody.
  Reply reply;
  AccountReply account_reply;
  std::shared_ptr<Recipient> recipient;
  uint64_t tag = 0;              // For the recipient.
  bool key_is_recorded = false;  // The ledger was asked, and has a record of its key.
  bool is_missing = false;       // The ledger was asked, and has no such request.
  // Its request was put back into the book, with this sequence, for this command and others before
  // it, and is not let go before it is answered; 0: it was not.
  uint64_t put_back = 0;

  bool is_decided = false;  // `answer` is what it came to, once that is durable.
  bool made_act = false;    // The batch it waits with has an act of its own.
  absl::StatusOr<Outcome> answer;
  absl::StatusOr<std::shared_ptr<const Account>> account;
};
using ItemPtr = std::unique_ptr<Item>;

class PendingBatch {
 public:
  // Something is to be written; something waits, though perhaps for nothing of its own.
  bool HasActs() const { return acts() > 0; }
  bool IsEmpty() const { return items_.empty() && !HasActs(); }
  size_t acts() const { return batch().acts.size(); }
  size_t size() const { return items_.size(); }

  // Decides nothing: folds `act` into the book (`request` as for Fold), notes what it changed, and
  // gives the request as it is now (null if the act is about none). `repeat` and `origin` are the
  // command's.
  std::shared_ptr<const RequestBook> Add(Books& books, Shelved& shelved,
                                         std::shared_ptr<const Act> act,
                                         std::shared_ptr<const RequestBook> request,
                                         const std::optional<Repeat>& repeat, uint64_t origin);
  // Waits for whatever is in the batch now. Items are kept in the order they were answered.
  void AddItem(ItemPtr item) { items_.push_back(std::move(item)); }

  // No more is added: fills in the rows. `held` is indexed by partition. `ahead`, if not null, is a
  // batch that must be durable before this can be: the two have a fence in common.
  std::shared_ptr<const Batch> Seal(Books& books, const std::vector<Tenure>& held,
                                    const Batch* ahead);
  // The same batch under other tenures.
  std::shared_ptr<const Batch> Refence(const std::vector<Tenure>& held);
  const Batch& batch() const { return sealed_ == nullptr ? batch_ : *sealed_; }

  // Puts every book back to where it was before. Batches on top were taken back before.
  void TakeBack(Books& books);
  // It is durable, and those before it are.
  void MarkDurable(Books& books) const;

  const std::vector<ItemPtr>& items() const { return items_; }
  std::vector<ItemPtr> TakeItems() { return std::move(items_); }
  std::vector<Change> TakeChanges() { return std::move(changes_); }
  // The directory as this batch left it; null if it did not touch it.
  std::shared_ptr<const Directory> directory() const { return directory_; }

 private:
  struct TouchedBook {
    uint32_t book;
    uint64_t last;  // The sequence of the batch's last act of it. The rest is as it was before the
                    // first:
    uint64_t sequence;
    Hash hash;
    Instant time;
    std::optional<Account> account;  // Copied when an act first touches it.
    std::optional<Directory> directory;
  };
  struct TouchedRequest {
    uint32_t book;
    RequestId id;
    std::shared_ptr<const RequestBook>
        before;  // Null if it was not there. May be what a batch under way left.
  };
  void Touch(const Shelved& shelved, const Act& act);
  void FillRows(Books& books);

  Batch batch_;
  std::shared_ptr<const Batch> sealed_;
  std::vector<ItemPtr> items_;
  std::vector<Change> changes_;
  std::vector<TouchedBook> touched_books_;  // In the order they were touched.
  std::vector<TouchedRequest> touched_requests_;
  absl::flat_hash_map<uint32_t, size_t> book_index_;
  absl::flat_hash_map<std::pair<uint32_t, RequestId>, size_t> request_index_;
  std::shared_ptr<const Directory> directory_;
};

}  // namespace capbroker
