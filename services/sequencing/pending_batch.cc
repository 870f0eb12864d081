#include "services/sequencing/pending_batch.h"

#include <algorithm>

#include "broker/trail/fold.h"
#include "services/sequencing/invariant.h"

namespace capbroker {
namespace {

void Fence(Batch& batch, const std::vector<Tenure>& held) {
  for (Batch::Fence& fence : batch.fences) {
    fence.epoch = held[fence.partition].epoch;
    fence.last_batch = held[fence.partition].batch;
  }
}

}  // namespace

void PendingBatch::Touch(const Shelved& shelved, const Act& act) {
  const Book& book = shelved.book;
  const auto [book_at, book_is_new] =
      book_index_.try_emplace(shelved.number, touched_books_.size());
  if (book_is_new)
    touched_books_.push_back({shelved.number, 0, book.sequence, book.hash, book.time, {}, {}});
  TouchedBook& touched = touched_books_[book_at->second];
  touched.last = act.sequence;
  if (book.owner == kDirectory) {
    if (!touched.directory) touched.directory = book.directory;
    return;
  }
  // Any act drops the cool-downs and aggregates that have passed.
  if (!touched.account &&
      (!book.account.cool_downs.empty() || !book.account.aggregates.empty() ||
       std::any_of(act.decisions.begin(), act.decisions.end(), TouchesAccount))) {
    touched.account = book.account;
  }
  if (!act.request.IsSet()) return;
  if (request_index_.try_emplace({shelved.number, act.request}, touched_requests_.size()).second) {
    touched_requests_.push_back({shelved.number, act.request, book.Share(act.request)});
  }
}

std::shared_ptr<const RequestBook> PendingBatch::Add(Books& books, Shelved& shelved,
                                                     std::shared_ptr<const Act> act,
                                                     std::shared_ptr<const RequestBook> request,
                                                     const std::optional<Repeat>& repeat,
                                                     uint64_t origin) {
  Touch(shelved, *act);
  batch_.acts.push_back(books.Apply(shelved, *act, std::move(request)));
  batch_.acts.back().repeat = repeat;
  std::shared_ptr<const RequestBook> now;
  if (act->request.IsSet()) now = shelved.book.Share(act->request);
  changes_.push_back({shelved.book.owner, now, std::move(act), origin});
  return now;
}

void PendingBatch::FillRows(Books& books) {
  for (const TouchedRequest& touched : touched_requests_) {
    const Book& book = books[touched.book].book;
    const RequestBook& now = books.Undurable(books[touched.book], touched.id);
    if (touched.before == nullptr) {
      batch_.new_requests.push_back({book.owner, touched.id, now.state, now.IsLive()});
    } else if (touched.before->state != now.state || touched.before->IsLive() != now.IsLive()) {
      batch_.requests.push_back({book.owner, touched.id, now.state, now.IsLive(),
                                 touched.before->state, touched.before->IsLive()});
    }
    for (const Offer& offer : now.offers) {
      OfferRow offer_row{book.owner,
                         touched.id,
                         offer.number,
                         offer.provider,
                         offer.state,
                         offer.allocation.state,
                         offer.allocation.quantity,
                         offer.deadline};
      const Offer* before =
          touched.before == nullptr ? nullptr : touched.before->Find(offer.number);
      if (before == nullptr) {
        batch_.new_offers.push_back(std::move(offer_row));
      } else if (before->state != offer.state ||
                 before->allocation.state != offer.allocation.state ||
                 before->allocation.quantity != offer.allocation.quantity ||
                 before->deadline != offer.deadline) {
        batch_.offers.push_back(std::move(offer_row));
      }
    }
  }
  for (const TouchedBook& touched : touched_books_) {
    const Book& book = books[touched.book].book;
    batch_.books.push_back({book.owner, book.sequence, book.hash, book.time,
                            book.account.commitments, book.account.waivers, book.account.cool_downs,
                            book.account.aggregates});
    if (book.owner == kDirectory) directory_ = std::make_shared<const Directory>(book.directory);
    batch_.fences.push_back({.partition = books[touched.book].partition});
  }
}

std::shared_ptr<const Batch> PendingBatch::Seal(Books& books, const std::vector<Tenure>& held,
                                                const Batch* ahead) {
  FillRows(books);
  auto& fences = batch_.fences;
  if (ahead != nullptr) fences.push_back({.partition = ahead->fences.front().partition});
  std::sort(fences.begin(), fences.end(),
            [](const auto& a, const auto& b) { return a.partition < b.partition; });
  fences.erase(std::unique(fences.begin(), fences.end(),
                           [](const auto& a, const auto& b) { return a.partition == b.partition; }),
               fences.end());
  Fence(batch_, held);
  sealed_ = std::make_shared<const Batch>(std::move(batch_));
  return sealed_;
}

std::shared_ptr<const Batch> PendingBatch::Refence(const std::vector<Tenure>& held) {
  Batch batch = *sealed_;
  Fence(batch, held);
  sealed_ = std::make_shared<const Batch>(std::move(batch));
  return sealed_;
}

void PendingBatch::TakeBack(Books& books) {
  for (TouchedRequest& touched : touched_requests_) {
    books.TakeBack(books[touched.book], touched.id, std::move(touched.before));
  }
  for (TouchedBook& touched : touched_books_) {
    Shelved& shelved = books[touched.book];
    Book& book = shelved.book;
    Require(book.sequence == touched.last, "acts of ", book.owner.value, " are taken back to ",
            touched.sequence, " from ", touched.last, " under act ", book.sequence);
    book.sequence = touched.sequence;
    book.hash = touched.hash;
    book.time = touched.time;
    if (touched.directory) book.directory = *std::move(touched.directory);
    if (touched.account) Put(book, *std::move(touched.account));
    books.Relist(shelved);
  }
}

void PendingBatch::MarkDurable(Books& books) const {
  for (const TouchedBook& touched : touched_books_) {
    books.MarkDurable(books[touched.book], touched.sequence, touched.last);
  }
  // One that a batch on top has moved again is named by that one.
  for (const TouchedRequest& touched : touched_requests_)
    books.KeepFinished(books[touched.book], touched.id);
}

}  // namespace capbroker
