// A whole broker in this process that calls real providers behind real ports, by a clock that the
// test moves.
#pragma once

#include <gmock/gmock.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "services/delivery/delivery.h"
#include "services/delivery/provider_answer.h"
#include "services/rpc/reading.h"
#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {

using Considered = v1::ConsiderOfferRequest;

// A provider that is called. `consider` runs on gRPC's threads and may wait there.
class CalledDesk final : public v1::CapacityProvider::Service {
 public:
  using Consider = std::function<grpc::Status(const Considered&, v1::ConsiderOfferResponse*)>;
  explicit CalledDesk(Consider consider) : consider_(std::move(consider)) {}
  ~CalledDesk() override { Close(); }

  // Listens on a free port the first time, and on the same one later.
  void Open(
      std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials()) {
    grpc::ServerBuilder builder;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port_), credentials, &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    ASSERT_NE(port_, 0);
  }
  void Close() {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now());
    server_ = nullptr;
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // The calls so far.
  std::vector<Considered> visits() {
    absl::MutexLock lock(&mutex_);
    return visits_;
  }
  // Whether call `n`, from 1, comes before `patience` is over.
  bool HasVisit(size_t n, absl::Duration patience) {
    absl::MutexLock lock(&mutex_);
    const auto came = [&] { return visits_.size() >= n; };
    return mutex_.AwaitWithTimeout(absl::Condition(&came), patience);
  }
  Considered AwaitVisit(size_t n) {
    EXPECT_TRUE(HasVisit(n, absl::Seconds(60))) << "no call " << n;
    const std::vector<Considered> came = visits();
    return came.size() >= n ? came[n - 1] : Considered();
  }
  std::string peer() {
    absl::MutexLock lock(&mutex_);
    return peer_;
  }

 private:
  grpc::Status ConsiderOffer(grpc::ServerContext* context, const Considered* in,
                             v1::ConsiderOfferResponse* out) override {
    {
      absl::MutexLock lock(&mutex_);
      visits_.push_back(*in);
      for (const auto& name : context->auth_context()->FindPropertyValues("peer_spiffe_id")) {
        peer_ = std::string(name.data(), name.size());
      }
    }
    return consider_(*in, out);
  }

  const Consider consider_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  absl::Mutex mutex_;
  std::vector<Considered> visits_;
  std::string peer_;
};

inline grpc::Status AcceptAll(const Considered& in, v1::ConsiderOfferResponse* out) {
  out->mutable_accept()->set_terms_hash(in.offer().terms_hash());
  return grpc::Status::OK;
}

class DeliveryTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    delivery_options_.caller.insecure_loopback = true;
    delivery_options_.seed = 7;
    delivery_options_.timeout = Seconds(60);
    delivery_options_.courier.first_pause = Seconds(1);
    delivery_options_.courier.longest_pause = Seconds(1);
    RegisterProviders({"coreweave"});  // Requests name it, and it watches.
  }
  void TearDown() override {
    delivery_ = nullptr;
    RpcTest::TearDown();
  }

  void Deliver() {
    delivery_ = nullptr;
    absl::StatusOr<std::unique_ptr<Delivery>> delivery =
        Delivery::Start(delivery_options_, ledger_, *sequencer_, feed_, clock_);
    ASSERT_TRUE(delivery.ok()) << delivery.status();
    delivery_ = *std::move(delivery);
  }
  // Lets every pause after a failure pass.
  void PassAPause() {
    Pass(delivery_options_.courier.longest_pause);
    delivery_->Wake();
  }

  void Register(const std::string& name, const std::string& address,
                const std::string& server_name = "") {
    v1::RegisterProviderRequest add;
    add.set_provider_id(name);
    add.set_request_id(NewKey());
    if (!address.empty()) add.mutable_provider()->mutable_endpoint()->set_address(address);
    if (!server_name.empty())
      add.mutable_provider()->mutable_endpoint()->set_server_name(server_name);
    v1::Provider out;
    const grpc::Status status = providers_->RegisterProvider(As("operator/ada").get(), add, &out);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  void MoveTo(const std::string& name, const std::string& address) {
    v1::UpdateProviderRequest update;
    update.mutable_provider()->set_name("providers/" + name);
    if (!address.empty()) update.mutable_provider()->mutable_endpoint()->set_address(address);
    update.mutable_update_mask()->add_paths("endpoint");
    update.set_request_id(NewKey());
    v1::Provider out;
    const grpc::Status status = providers_->UpdateProvider(As("operator/ada").get(), update, &out);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  // An address at which nobody listens.
  static std::string DeadAddress() {
    CalledDesk desk(AcceptAll);
    desk.Open();
    return desk.address();
  }
  v1::CapacityRequest CreateFor(const std::string& alternative) {
    v1::CreateCapacityRequestRequest create = GoodCreate();
    create.set_request_id(NewKey());
    auto* fallback = create.mutable_capacity_request()->mutable_fallback_policy();
    fallback->set_providers(0, "providers/" + alternative);
    v1::CapacityRequest out;
    const grpc::Status status =
        requests_->CreateCapacityRequest(As("owner/openai").get(), create, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }

  // A request's decisions, each "KIND", or "KIND REASON" where it has one, as soon as `enough`
  // accepts them.
  using Trail = std::vector<std::string>;
  Trail TrailOf(const v1::CapacityRequest& request) {
    Trail trail;
    texts_.clear();
    Fields fields;
    const RequestName name = ParseRequestName(fields, "name", request.name());
    const absl::StatusOr<std::vector<Act>> acts = ReadActsOf(ledger_, name);
    EXPECT_TRUE(acts.ok()) << acts.status();
    if (!acts.ok()) return trail;
    for (const Act& act : *acts) {
      for (const Decision& d : act.decisions) {
        trail.push_back(Cat(NameOf(d.kind), d.reason.empty() ? "" : " ", d.reason));
        if (d.kind == Kind::NOTICE_ATTEMPTED) texts_.push_back(d.text);
      }
    }
    return trail;
  }
  Trail AwaitTrail(const v1::CapacityRequest& request,
                   const std::function<bool(const Trail&)>& enough) {
    return Await([&] { return TrailOf(request); }, enough, "openai");
  }
  Trail AwaitTrail(const v1::CapacityRequest& request, const std::string& entry, int times = 1) {
    return AwaitTrail(request, [=](const Trail& trail) {
      return std::count(trail.begin(), trail.end(), entry) >= times;
    });
  }
  // Returns once the record says so of a provider.
  void AwaitHealth(const std::string& provider, bool healthy) {
    Await(
        [&] { return Trail{sequencer_->directory()->Find({provider})->unhealthy ? "no" : "yes"}; },
        [=](const Trail& now) { return now[0] == (healthy ? "yes" : "no"); }, "");
  }

  std::vector<std::string> texts_;  // Texts of the notices of the last look at a trail.
  DeliveryOptions delivery_options_;
  std::unique_ptr<Delivery> delivery_;

 private:
  // Looks after every durable batch of this owner; of the registry, if it is empty.
  Trail Await(const std::function<Trail()>& look, const std::function<bool(const Trail&)>& enough,
              const std::string& owner) {
    struct Bell {
      absl::Mutex mutex;
      bool rung = false;
    };
    auto bell = std::make_shared<Bell>();
    const auto ring = [bell] {
      absl::MutexLock lock(&bell->mutex);
      bell->rung = true;
    };
    const auto watch = owner.empty() ? feed_.WatchDirectory(100'000, ring)
                                     : feed_.WatchOwner(OwnerId{owner}, 100'000, ring);
    const absl::Time end = absl::Now() + absl::Seconds(60);
    for (;;) {
      const Trail now = look();
      if (enough(now)) return now;
      absl::MutexLock lock(&bell->mutex);
      if (!bell->mutex.AwaitWithDeadline(absl::Condition(&bell->rung), end)) {
        ADD_FAILURE() << "in vain: " << ::testing::PrintToString(now);
        return now;
      }
      bell->rung = false;
      EXPECT_TRUE(watch->Take().ok());
    }
  }
};

}  // namespace capbroker
