#include "services/delivery/delivery.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <random>
#include <thread>

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/concurrency/event_loop.h"
#include "services/delivery/provider_answer.h"
#include "services/log/log.h"
#include "services/messages/errors.h"
#include "services/messages/render.h"
#include "services/rpc/reading.h"

namespace capbroker {
namespace {

constexpr Span kLookAround = Seconds(1);
constexpr Span kLookWhetherServing{250'000};
constexpr Span kRetry = Seconds(1);
// An answer in flight at the deadline is still received, and recorded as late (R26).
constexpr Span kHeardLate = Seconds(2);
constexpr size_t kLongestDetail = 256;
const Actor kBroker{Role::kBroker, ""};

// Makes text fit for the trail: printable ASCII of bounded length.
std::string Printable(std::string_view text) {
  std::string out(text.substr(0, kLongestDetail));
  for (char& c : out) {
    if (c < 0x20 || c > 0x7e) c = ' ';
  }
  return out;
}

uint64_t SeedOr(uint64_t seed) {
  if (seed != 0) return seed;
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

}  // namespace

class Delivery::Parts {
 public:
  Parts(const DeliveryOptions& options, std::shared_ptr<const CallerCredentials> credentials,
        Ledger& ledger, Sequencer& sequencer, Feed& feed, Clock& clock)
      : options_(options),
        credentials_(std::move(credentials)),
        ledger_(ledger),
        sequencer_(sequencer),
        feed_(feed),
        clock_(clock),
        courier_(options.courier, SeedOr(options.seed)),
        thread_([this] { Run(); }) {}

  ~Parts() { Stop(); }

  void Stop() {
    if (!thread_.joinable()) return;
    loop_->Post([this] { stopping_ = true; });
    thread_.join();
    loop_->Close();  // Replies of the sequencer may still arrive.
  }
  void Wake() {
    loop_->Post([] {});
  }
  DeliveryCounts counts() const {
    absl::MutexLock lock(&mutex_);
    return counts_;
  }

 private:
  // An open offer, as the last change left it.
  struct Known {
    OwnerId owner{};
    std::shared_ptr<const RequestBook> request{};
    std::optional<v1::ConsiderOfferRequest::Refusal> refusal{};  // Of its last answer.
  };
  struct ProviderLine {
    Endpoint endpoint;
    Caller caller;
    std::shared_ptr<Subscription> watch{};
    // The sequence at which an offer was read, until a later change of it arrives.
    absl::flat_hash_map<OfferKey, uint64_t> read{};
    absl::flat_hash_map<OfferKey, Known> known{};
    std::optional<bool> report{};  // Health to be reported.
  };
  // What a call was about; the offer may have ended meanwhile.
  struct Subject {
    ProviderId provider{};
    OfferName offer{};
    int64_t quantity = 0;
    OfferKey key() const { return {offer.request, offer.number}; }
  };

  void Run() {
    pthread_setname_np(pthread_self(), "delivery");
    while (!stopping_) {
      loop_->RunOnce(Patience());
      if (stopping_) break;
      Follow();
      StartCalls();
      {
        absl::MutexLock lock(&mutex_);
        counts_.standings = courier_.standings(clock_.Now());
      }
      SendReports();
    }
    for (auto& [id, out] : out_) out->context.TryCancel();
    while (!out_.empty()) loop_->RunOnce(kLookAround);
  }

  Span Patience() {
    if (registry_watch_ == nullptr) return kLookWhetherServing;
    return std::clamp(courier_.Due() - clock_.Now(), Span{}, kLookAround);
  }

  // ---- Following what is open.

  Subscription::Wake WakeLoop() {
    return [loop = loop_] { loop->Post([] {}); };
  }

  void Follow() {
    if (registry_watch_ == nullptr) {
      if (sequencer_.status().phase != SequencerStatus::Phase::kServing) return;
      registry_watch_ = feed_.WatchDirectory(options_.watch_bound, WakeLoop());
      ReadRegistry();
    }
    const absl::StatusOr<std::vector<Change>> changes = registry_watch_->Take();
    if (!changes.ok()) return Reset();
    if (!changes->empty()) ReadRegistry();
    for (auto& [provider, line] : lines_) {
      if (line.watch == nullptr && clock_.Boot() >= retry_at_) ReadOpen(provider, line);
      if (line.watch != nullptr) TakeChanges(provider, line);
    }
  }

  // The partitions are no longer held: the next process to serve reads what is open.
  void Reset() {
    for (const auto& [provider, line] : lines_) courier_.Remove(provider);
    lines_.clear();
    registry_watch_ = nullptr;
  }

  void ReadRegistry() {
    const std::shared_ptr<const Directory> directory = sequencer_.directory();
    for (auto it = lines_.begin(); it != lines_.end();) {
      const Provider* provider = directory->Find(it->first);
      if (provider != nullptr && provider->endpoint == it->second.endpoint) {
        ++it;
        continue;
      }
      for (const auto& [key, known] : it->second.known) {
        if (const auto rest = courier_.CloseOffer(key)) Record(known.owner, key, *rest);
      }
      courier_.Remove(it->first);
      it = lines_.erase(it);
    }
    for (const Provider& provider : directory->providers()) {
      if (!provider.endpoint.IsSet() || lines_.contains(provider.id)) continue;
      lines_.emplace(provider.id, ProviderLine{.endpoint = provider.endpoint,
                                               .caller = Caller(credentials_, provider.endpoint)});
      courier_.Add(provider.id, provider.unhealthy);
      absl::MutexLock lock(&mutex_);  // Present from the first call on, so that a rate sees it.
      counts_.attempts.try_emplace({provider.id.value, AttemptLog::kDelivered});
      counts_.took.try_emplace(provider.id.value);
    }
  }

  // Subscribes first and reads then, so that nothing is missed in between.
  void ReadOpen(const ProviderId& provider, ProviderLine& line) {
    auto watch = feed_.WatchProvider(provider, options_.watch_bound, WakeLoop());
    std::string token;
    do {
      const absl::StatusOr<Page<OfferRow>> page =
          ledger_.ListOffers({provider, {OfferState::kOpen}}, kRowsAtOnce, token);
      const absl::StatusOr<std::vector<OfferOf>> offers =
          page.ok() ? ReadOffers(ledger_, page->items) : page.status();
      if (!offers.ok()) {
        spdlog::warn("the open offers of {} are not read: {}", provider.value,
                     View(offers.status().message()));
        retry_at_ = clock_.Boot() + kRetry.micros;
        return;
      }
      for (const OfferOf& found : *offers) {
        const OfferKey key(found.request->request->id, found.offer->number);
        line.read[key] = found.request->sequence;
        Update(provider, line, found.owner, found.request, *found.offer);
      }
      token = page->next;
    } while (!token.empty());
    line.watch = std::move(watch);
  }

  void TakeChanges(const ProviderId& provider, ProviderLine& line) {
    const absl::StatusOr<std::vector<Change>> changes = line.watch->Take();
    if (!changes.ok()) {  // Too slow: starts again from the present state.
      courier_.Remove(provider);
      const Provider* record = sequencer_.directory()->Find(provider);
      courier_.Add(provider, record != nullptr && record->unhealthy);
      line.known.clear();
      line.read.clear();
      line.watch = nullptr;
      loop_->Post([] {});
      return;
    }
    for (const Change& change : *changes) {
      for (const Offer& offer : change.request->offers) {
        if (offer.provider != provider) continue;
        const OfferKey key(change.request->request->id, offer.number);
        if (const auto read = line.read.find(key); read != line.read.end()) {
          if (change.request->sequence <= read->second) continue;
          line.read.erase(read);
        }
        Update(provider, line, change.owner, change.request, offer);
      }
    }
  }

  void Update(const ProviderId& provider, ProviderLine& line, const OwnerId& owner,
              const std::shared_ptr<const RequestBook>& request, const Offer& offer) {
    const OfferKey key(request->request->id, offer.number);
    if (offer.state == OfferState::kOpen) {
      Known& known = line.known[key];
      known.owner = owner;
      known.request = request;
      const bool by_right = offer.kind != OfferKind::kAlternative;
      courier_.OpenOffer(key, provider, by_right, offer.deadline, line.endpoint.address,
                         clock_.Now());
    } else if (line.known.erase(key) > 0) {
      if (const auto rest = courier_.CloseOffer(key)) Record(owner, key, *rest);
    }
  }

  // ---- Calling.

  void StartCalls() {
    const Instant now = clock_.Now();
    for (const Courier::Attempt& attempt : courier_.Start(now)) {
      ProviderLine& line = lines_.at(attempt.provider);
      const Known& known = line.known.at(attempt.key);
      const Offer& offer = *known.request->Find(attempt.key.second);
      v1::ConsiderOfferRequest request;
      Render(known.owner, *known.request, offer, now, Viewer::kAddressee, request.mutable_offer());
      request.set_attempt(attempt.number);
      if (known.refusal) *request.mutable_refusal() = *known.refusal;
      const Subject subject{
          attempt.provider, {known.owner, attempt.key.first, offer.number}, offer.quantity};
      const uint64_t id = ++last_call_;
      const int64_t began = clock_.Boot();
      const Span patience = std::min(options_.timeout, attempt.deadline - now + kHeardLate);
      out_[id] = line.caller.Call(
          std::move(request), patience,
          [this, loop = loop_, id, subject, began](const grpc::Status& status,
                                                   const v1::ConsiderOfferResponse& response) {
            loop->Post([this, id, subject, began, status, response] {
              out_.erase(id);
              if (!stopping_) OnCalled(subject, began, status, response);
            });
          });
    }
  }

  // `began` is the boot time of the call.
  void OnCalled(const Subject& subject, int64_t began, const grpc::Status& status,
                const v1::ConsiderOfferResponse& response) {
    const auto line = lines_.find(subject.provider);
    std::string outcome = CodeOf(status), detail = Printable(status.error_message());
    auto next = Courier::Next::kRetry;
    std::optional<Submission> submission;
    if (status.ok()) {
      absl::StatusOr<PushedAnswer> answer =
          ReadAnswer(subject.provider, subject.offer, subject.quantity, response);
      outcome = answer.ok() ? AttemptLog::kDelivered : "INVALID_ANSWER";
      detail = answer.ok() ? answer->words : Printable(View(answer.status().message()));
      if (answer.ok()) {
        next = Courier::Next::kIdle;
        submission = std::move(answer->submission);
      } else {
        Refused(subject, answer.status());
      }
    } else if (line != lines_.end() && status.error_code() == grpc::StatusCode::UNAVAILABLE) {
      line->second.caller.Disconnect();
    }
    {
      absl::MutexLock lock(&mutex_);
      ++counts_.attempts[{subject.provider.value, outcome}];
      counts_.took[subject.provider.value].Add(clock_.Boot() - began);
    }
    const Courier::Finished finished =
        courier_.Finish(subject.key(), subject.provider, outcome, detail, next, clock_.Now());
    // The notice goes first: the answer may end the request.
    if (finished.notice) Record(subject.offer.owner, subject.key(), *finished.notice);
    if (line != lines_.end()) NoteHealth(subject.provider, line->second, outcome, finished.healthy);
    spdlog::log(status.ok() || !finished.notice ? spdlog::level::debug : spdlog::level::info,
                DescribeCall("called", subject, outcome, detail));
    if (submission) Answer(subject, *std::move(submission));
  }

  // R23: what the breaker says, or what the record says of the provider.
  void NoteHealth(const ProviderId& provider, ProviderLine& line, const std::string& outcome,
                  std::optional<bool> healthy) {
    if (outcome == AttemptLog::kDelivered) {
      const Provider* record = sequencer_.directory()->Find(provider);
      if (record != nullptr && record->unhealthy) healthy = true;
    }
    if (!healthy) return;
    line.report = healthy;
    report_text_[provider] = *healthy
                                 ? Cat("answers again at ", line.endpoint.address)
                                 : Cat(options_.courier.breaker_failures, " calls in a row to ",
                                       line.endpoint.address, " failed, the last: ", outcome);
    if (*healthy) spdlog::info("provider {} {}", provider.value, report_text_[provider]);
    if (!*healthy) spdlog::warn("provider {}: {}", provider.value, report_text_[provider]);
  }

  void SendReports() {
    if (clock_.Boot() < report_at_) return;
    for (auto& [provider, line] : lines_) {
      if (!line.report) continue;
      const bool healthy = *std::exchange(line.report, std::nullopt);
      ReportHealth report{provider, healthy, report_text_[provider]};
      sequencer_.Submit({{kDirectory, kBroker, std::move(report)}, std::nullopt},
                        Replying([this, provider = provider, healthy](absl::Status status) {
                          const auto line = lines_.find(provider);
                          if (status.ok() || line == lines_.end() || line->second.report) return;
                          line->second.report = healthy;
                          report_at_ = clock_.Boot() + kRetry.micros;
                        }));
    }
  }

  // ---- Commands.

  // A reply that runs `then` on this thread with the command's status.
  template <class Then>
  Reply Replying(Then then) {
    return [loop = loop_, then = std::move(then)](absl::StatusOr<Outcome> outcome) mutable {
      loop->Post([then = std::move(then), status = outcome.status()]() mutable {
        then(std::move(status));
      });
    };
  }

  void Record(const OwnerId& owner, const OfferKey& key, const Notice& notice) {
    RecordNotice record{key.first, key.second, notice.outcome, notice.text};
    sequencer_.Submit({{owner, kBroker, std::move(record)}, std::nullopt},
                      Replying([this, key, notice](const absl::Status& status) {
                        if (status.ok()) return;
                        courier_.NotRecorded(key, notice);
                        spdlog::warn("an attempt is not recorded: {}", View(status.message()));
                      }));
  }

  void Answer(const Subject& subject, Submission submission) {
    sequencer_.Submit(std::move(submission), Replying([this, subject](const absl::Status& status) {
                        if (status.ok()) return;
                        // A retryable failure may succeed with the same answer; after a refusal the
                        // provider is asked for another.
                        const bool unsure = status.code() == absl::StatusCode::kUnavailable ||
                                            status.code() == absl::StatusCode::kResourceExhausted;
                        if (!unsure) Refused(subject, status);
                        courier_.Retry(subject.key(), clock_.Now());
                      }));
  }

  void Refused(const Subject& subject, const absl::Status& status) {
    const std::string reason = ApiReasonOf(status);
    spdlog::info(
        DescribeCall("an answer is refused", subject, reason, Printable(View(status.message()))));
    const auto line = lines_.find(subject.provider);
    if (line == lines_.end()) return;
    const auto known = line->second.known.find(subject.key());
    if (known == line->second.known.end()) return;
    known->second.refusal.emplace().set_reason(reason);
    known->second.refusal->set_detail(Printable(View(status.message())));
  }

  static std::string DescribeCall(std::string_view event, const Subject& subject,
                                  const std::string& outcome, const std::string& detail) {
    return LogLine(event, {{"provider", subject.provider.value},
                           {"offer", FullName(subject.offer)},
                           {"outcome", outcome},
                           {"detail", detail}});
  }

  const DeliveryOptions options_;
  const std::shared_ptr<const CallerCredentials> credentials_;
  Ledger& ledger_;
  Sequencer& sequencer_;
  Feed& feed_;
  Clock& clock_;
  const std::shared_ptr<EventLoop> loop_ = std::make_shared<EventLoop>();

  mutable absl::Mutex mutex_;
  DeliveryCounts counts_ ABSL_GUARDED_BY(mutex_);

  // Used only by the thread.
  bool stopping_ = false;
  Courier courier_;
  std::shared_ptr<Subscription> registry_watch_;
  std::map<ProviderId, ProviderLine> lines_;
  std::map<ProviderId, std::string> report_text_;
  int64_t retry_at_ = 0, report_at_ = 0;  // Boot time.
  uint64_t last_call_ = 0;
  absl::flat_hash_map<uint64_t, std::shared_ptr<Caller::Out>> out_;

  std::thread thread_;  // Last: it starts after everything else is constructed.
};

absl::StatusOr<std::unique_ptr<Delivery>> Delivery::Start(const DeliveryOptions& options,
                                                          Ledger& ledger, Sequencer& sequencer,
                                                          Feed& feed, Clock& clock) {
  absl::StatusOr<std::shared_ptr<const CallerCredentials>> credentials =
      MakeCallerCredentials(options.caller);
  if (!credentials.ok()) return credentials.status();
  auto parts =
      std::make_unique<Parts>(options, *std::move(credentials), ledger, sequencer, feed, clock);
  return std::unique_ptr<Delivery>(new Delivery(std::move(parts)));
}

Delivery::Delivery(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Delivery::~Delivery() = default;
void Delivery::Stop() { parts_->Stop(); }
void Delivery::Wake() { parts_->Wake(); }
DeliveryCounts Delivery::counts() const { return parts_->counts(); }

}  // namespace capbroker
