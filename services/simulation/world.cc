#include "services/simulation/world.h"

#include <algorithm>

#include "broker/deciding/decide.h"
#include "broker/deciding/invariants.h"
#include "broker/trail/canonical.h"
#include "broker/trail/fold.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr Span kLeast{1};  // A deadline's instant is timely; this much later it has passed.

// R22, where no clause governs; as a broker has it that is told nothing else.
constexpr Span kTollOver = Seconds(300);

const Actor kBroker{Role::kBroker, ""};

}  // namespace

const Book* World::Find(const OwnerId& owner) const {
  const auto found = books_.find(owner);
  return found == books_.end() ? nullptr : found->second.get();
}

const Directory& World::directory() const {
  static const Directory kEmpty;
  const Book* book = Find(kDirectory);
  return book == nullptr ? kEmpty : book->directory;
}

std::vector<const Book*> World::books() const {
  std::vector<const Book*> out;
  for (const auto& [owner, book] : books_) out.push_back(book.get());
  return out;
}

absl::Status World::Do(const Command& command) {
  const size_t acts_before = acts_.size();
  const absl::Status answer = Decide(command);
  asked_.push_back({now_, command, answer, acts_before});
  if (answer.code() == absl::StatusCode::kInternal) return answer;
  const absl::Status due = FireDue();
  return due.ok() ? answer : due;
}

absl::Status World::Decide(const Command& command) {
  std::unique_ptr<Book>& book = books_[command.owner];
  if (book == nullptr) {
    book = std::make_unique<Book>();
    book->owner = command.owner;
  }
  absl::StatusOr<Verdict> verdict = capbroker::Decide(*book, directory(), command, now_);
  if (!verdict.ok()) return verdict.status();
  if (verdict->decisions.empty()) return verdict->refusal;
  Act act{.owner = command.owner,
          .sequence = book->sequence + 1,
          .time = now_,
          .actor = command.actor,
          .request = Subject(command),
          .decisions = std::move(verdict->decisions)};
  if (const auto* create = std::get_if<CreateRequest>(&command.what))
    act.request = create->request.id;
  if (verdict->request != nullptr) {
    const RequestBook* before = book->Find(act.request);
    RequestBook folded = before == nullptr ? RequestBook{} : *before;
    for (const Decision& decision : act.decisions) {
      if (absl::Status status = Fold(folded, decision, now_); !status.ok())
        return absl::InternalError(status.message());
    }
    folded.sequence = act.sequence;
    if (folded != *verdict->request) {
      return absl::InternalError(
          Cat("deciding and folding come to different requests: ", Encode(act)));
    }
  }
  // Encodes and decodes the act, as on the way through the ledger.
  const std::string text = Encode(act);
  absl::StatusOr<Act> read = DecodeAct(text);
  if (!read.ok() || Encode(*read) != text) {
    return absl::InternalError(
        Cat("an act does not read back: ", View(read.status().message()), ": ", text));
  }
  book->hash = Chain(book->hash, text);
  if (absl::Status status = Fold(*book, *read); !status.ok())
    return absl::InternalError(status.message());
  if (act.request.IsSet())
    // The next act begins with it unpacked again.
    book->requests.at(act.request).Pack(act.sequence);
  acts_.push_back(*std::move(read));
  if (const std::vector<std::string> broken = BrokenInvariants(*book); !broken.empty()) {
    return absl::InternalError(Cat("an invariant is broken: ", broken.front()));
  }
  return verdict->refusal;
}

Instant World::NextDeadline() const {
  Instant next = kLastInstant;
  for (const auto& [owner, book] : books_) {
    if (!book->deadlines.empty()) next = std::min(next, book->deadlines.begin()->first);
  }
  return next;
}

absl::Status World::FireDue() {
  while (NextDeadline() < now_) {
    for (const auto& [owner, book] : books_) {
      if (book->deadlines.empty() || book->deadlines.begin()->first >= now_) continue;
      const auto due = *book->deadlines.begin();
      const uint64_t before = book->sequence;
      const absl::Status status = Decide({owner, kBroker, ReachDeadline{due.second}});
      if (!status.ok())
        return absl::InternalError(Cat("a deadline is refused: ", View(status.message())));
      if (book->sequence == before ||
          (!book->deadlines.empty() && *book->deadlines.begin() == due)) {
        return absl::InternalError(Cat("the deadline of ", Format(due.first), " comes to nothing"));
      }
      break;  // It may have made an earlier deadline than the next book's.
    }
  }
  return absl::OkStatus();
}

absl::Status World::MoveTo(Instant t) {
  for (Instant next; (next = NextDeadline()) < t;) {
    now_ = std::max(now_, next + kLeast);
    if (absl::Status status = FireDue(); !status.ok()) return status;
  }
  now_ = std::max(now_, t);
  return absl::OkStatus();
}

absl::Status World::BeAway(Instant from, Instant to) {
  if (absl::Status status = MoveTo(from); !status.ok()) return status;
  now_ = std::max(now_, to);
  for (const auto& [owner, book] : books_) {
    if (book->requests.empty()) continue;
    std::vector<RequestId> whose = {RequestId{}};
    const std::vector<RequestId> tolled = RequestsToToll(*book, from, kTollOver, now_);
    whose.insert(whose.end(), tolled.begin(), tolled.end());
    for (const RequestId& request : whose) {
      if (absl::Status status = Decide({owner, kBroker, Resume{request, from, kTollOver}});
          !status.ok()) {
        return absl::InternalError(Cat("resuming is refused: ", View(status.message())));
      }
    }
  }
  return FireDue();
}

RequestId World::NewRequestId() {
  ++ids_;
  return MakeRequestId(
      // The last byte varies too: it selects the requests that probe (R23).
      now_, {ids_, ids_ << 56});
}

}  // namespace capbroker
