#include "tests/bench/lifecycles.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "broker/values/text.h"
#include "capbroker/v1/capacity_request.pb.h"
#include "capbroker/v1/offer.pb.h"

namespace capbroker::bench {
namespace {

constexpr size_t kMostErrors = 20;
constexpr int kMostAtOnce = 16;             // Starts at a time; what came in is handled first.
constexpr int64_t kLeastPause = 1'000'000;  // Before a refused answer is repeated, in nanoseconds.

int64_t SystemMicros() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

void Lifecycles::Start(int64_t now, int64_t begin, int64_t end) {
  begin_ = begin;
  end_ = end;
  if (plan_.rate > 0) {
    gap_ = 1e9 / plan_.rate;
    first_start_ = next_start_ = now;
    return;
  }
  lifecycles_.resize(plan_.concurrency);
  for (uint32_t i = 0; i < plan_.concurrency && StartsMore(now); ++i) StartOne(i, now, now);
}

void Lifecycles::Advance(int64_t now) {
  for (; !retries_.empty() && retries_.top().first <= now; retries_.pop()) {
    const uint32_t answer = retries_.top().second;
    const std::string offer = answers_[answer].offer, terms_hash = answers_[answer].terms_hash;
    Ask(answer, offer, terms_hash, now);
  }
  for (int i = 0;
       i < kMostAtOnce && active_ < kMostUnderWay && next_start_ <= now && next_start_ < end_;
       ++i) {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(lifecycles_.size()));
      lifecycles_.emplace_back();
    }
    const uint32_t lifecycle = free_.back();
    free_.pop_back();
    StartOne(lifecycle, next_start_, now);
    next_start_ = first_start_ + static_cast<int64_t>(gap_ * static_cast<double>(turn_));
  }
  // Reports what was planned and could not be started by the end; it is not started any more.
  if (next_start_ != INT64_MAX && now >= end_) {
    unstarted_ =
        static_cast<uint64_t>(std::max(0.0, static_cast<double>(end_ - next_start_) / gap_));
    next_start_ = INT64_MAX;
  }
  if (next_start_ >= end_) next_start_ = INT64_MAX;
}

void Lifecycles::StartOne(uint32_t lifecycle, int64_t planned, int64_t now) {
  lifecycles_[lifecycle] = {planned, now, true};
  ++active_;
  ++started_;
  transport_->Create(static_cast<uint32_t>(turn_++ % plan_.owners), lifecycle);
}

void Lifecycles::Created(uint32_t lifecycle, const Ending& ending, std::string_view name,
                         int64_t now) {
  ++progress_;
  const Lifecycle& it = lifecycles_[lifecycle];
  if (IsRefusal(ending)) {
    ++creates_refused_in_all_;
    if (Counts(now)) {
      ++refused_;
      refusal_.Add(now - it.asked);
    }
    return Retire(lifecycle);
  }
  if (ending.code != 0) return Fail(Cat("create: ", ending.code, " ", ending.text));
  if (Counts(now)) create_.Add(now - it.asked);
  if (plan_.mix == Mix::kOpen) return Finish(lifecycle, now, now);
  const RequestKey id = KeyOf(name);
  if (const auto early = early_.find(id); early != early_.end()) {
    const int64_t told_at = early->second;
    early_.erase(early);
    return Finish(lifecycle, told_at, now);
  }
  if (!by_request_.emplace(id, lifecycle).second) Fail(Cat("create: a request came twice: ", name));
}

void Lifecycles::Told(std::string_view request, int64_t now) {
  const ToldRequest told = ReadRequest(request);
  if (!IsFinal(told.state)) return;
  ++progress_;
  Check(told);
  const auto found = by_request_.find(told.id);
  if (found == by_request_.end()) {
    early_.emplace(told.id, now);
    return;
  }
  const uint32_t lifecycle = found->second;
  by_request_.erase(found);
  Finish(lifecycle, now, now);
}

void Lifecycles::Check(const ToldRequest& told) {
  if (told.state != v1::CapacityRequest::STATE_FULFILLED) {
    return Fail(
        Cat("a request ended as ", v1::CapacityRequest::State_Name(static_cast<int>(told.state))));
  }
  size_t wanted = 0;
  for (int desk = 0; desk < kDesks; ++desk) {
    const Move move = MoveOf(plan_.mix, desk);
    if (move.taken == 0) continue;
    ++wanted;
    const bool has =
        std::any_of(told.placed.begin(), told.placed.end(), [&](const ToldRequest::Placed& placed) {
          return placed.provider == plan_.desks[desk] && placed.quantity == move.taken;
        });
    if (!has)
      return Fail(
          Cat("a request ended without ", move.taken, " confirmed with ", plan_.desks[desk]));
  }
  if (told.allocations != wanted)
    Fail(Cat("a request ended with ", told.allocations, " allocations, want ", wanted));
}

void Lifecycles::Finish(uint32_t lifecycle, int64_t told_at, int64_t now) {
  ++finished_in_all_;
  if (Counts(told_at)) {
    ++finished_;
    award_.Add(told_at - lifecycles_[lifecycle].planned);
  }
  Retire(lifecycle);
  if (plan_.rate > 0 || !StartsMore(now)) return;
  free_.pop_back();
  StartOne(lifecycle, now, now);
}

void Lifecycles::Retire(uint32_t lifecycle) {
  lifecycles_[lifecycle].active = false;
  --active_;
  free_.push_back(lifecycle);
}

bool Lifecycles::IsRefusal(const Ending& ending) {
  if (!plan_.overload || ending.code != grpc::StatusCode::RESOURCE_EXHAUSTED) return false;
  if (ending.retry_after_micros < 0) ++bare_refusals_;
  return true;
}

void Lifecycles::Offered(int desk, std::string_view message, int64_t now) {
  ++progress_;
  const ToldOffer offer = ReadOffer(message);
  const Move move = MoveOf(plan_.mix, desk);
  if (offer.state == v1::Offer::STATE_LAPSED && move.kind == Move::Kind::kSilence) {
    ++lapses_;
    if (Counts(now)) lapse_.Add((SystemMicros() - offer.deadline_micros) * 1'000);
  }
  if (offer.state != v1::Offer::STATE_OPEN) return;
  ++offers_[desk];
  const uint64_t kind = desk == 0 ? v1::Offer::KIND_FIRST_OFFER : v1::Offer::KIND_ALTERNATIVE;
  if (offer.kind != kind || offer.quantity != move.offered) {
    return Fail(Cat(plan_.desks[desk], " is offered ", offer.quantity, " as ",
                    v1::Offer::Kind_Name(static_cast<int>(offer.kind)), ", want ", move.offered));
  }
  if (move.kind == Move::Kind::kSilence) return;
  if (free_answers_.empty()) {
    free_answers_.push_back(static_cast<uint32_t>(answers_.size()));
    answers_.emplace_back();
  }
  const uint32_t answer = free_answers_.back();
  free_answers_.pop_back();
  ++answers_out_;
  answers_[answer].desk = desk;
  answers_[answer].move = move;
  if (plan_.overload) {
    answers_[answer].offer = offer.name;
    answers_[answer].terms_hash = offer.terms_hash;
  }
  Ask(answer, offer.name, offer.terms_hash, now);
}

void Lifecycles::Ask(uint32_t answer, std::string_view offer, std::string_view terms_hash,
                     int64_t now) {
  answers_[answer].asked = now;
  transport_->Answer(answer, answers_[answer].desk, answers_[answer].move, offer, terms_hash);
}

void Lifecycles::Answered(uint32_t answer, const Ending& ending, uint64_t state, int64_t accepted,
                          int64_t now) {
  ++progress_;
  const Answer& it = answers_[answer];
  if (IsRefusal(ending)) {
    ++answers_refused_;
    retries_.push({now + std::max(kLeastPause, ending.retry_after_micros * 1'000), answer});
    return;
  }
  --answers_out_;
  free_answers_.push_back(answer);
  if (ending.code != 0)
    return Fail(Cat(plan_.desks[it.desk], "'s answer: ", ending.code, " ", ending.text));
  const bool declines = it.move.kind == Move::Kind::kDecline;
  const uint64_t want = declines                          ? v1::Offer::STATE_DECLINED
                        : it.move.taken < it.move.offered ? v1::Offer::STATE_PARTIALLY_ACCEPTED
                                                          : v1::Offer::STATE_ACCEPTED;
  if (state != want || accepted != it.move.taken) {
    return Fail(Cat(plan_.desks[it.desk], "'s answer left its offer ",
                    v1::Offer::State_Name(static_cast<int>(state)), " with ", accepted, " taken"));
  }
  if (Counts(now)) (declines ? decline_ : accept_).Add(now - it.asked);
}

void Lifecycles::Fail(std::string why) {
  if (errors_.size() < kMostErrors) errors_.push_back(std::move(why));
}

void Lifecycles::CheckComplete() {
  if (active_ > 0) Fail(Cat(active_, " lifecycles have no outcome"));
  if (answers_out_ > 0) Fail(Cat(answers_out_, " answers of desks got no reply"));
  if (!early_.empty()) Fail(Cat(early_.size(), " requests ended that were never created"));
  if (plan_.mix == Mix::kOpen) return;
  const uint64_t taken = started_ - creates_refused_in_all_;
  for (int desk = 0; desk < kDesks; ++desk) {
    const uint64_t want = MoveOf(plan_.mix, desk).offered > 0 ? taken : 0;
    if (offers_[desk] != want)
      Fail(Cat(plan_.desks[desk], " was made ", offers_[desk], " offers, want ", want));
  }
  if (plan_.mix == Mix::kLapse && lapses_ != taken)
    Fail(Cat(lapses_, " offers lapsed, want ", taken));
}

}  // namespace capbroker::bench
