#include "services/rpc/server.h"

#include <grpcpp/ext/channelz_service_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/access/principals_file.h"
#include "services/edge/address.h"
#include "services/log/log.h"
#include "services/rpc/agreement_service.h"
#include "services/rpc/backend.h"
#include "services/rpc/caller_service.h"
#include "services/rpc/capacity_request_service.h"
#include "services/rpc/decision_service.h"
#include "services/rpc/health_service.h"
#include "services/rpc/offer_service.h"
#include "services/rpc/provider_service.h"
#include "services/rpc/reflection_service.h"
#include "services/rpc/session_service.h"
#include "services/rpc/unreadable.h"

namespace capbroker {
namespace {

constexpr int kMostBytesReceived = 1024 * 1024;
constexpr int kMostStreams = 1024;  // Of one connection.
constexpr int kSecond = 1000;
constexpr size_t kNewsThreads = 2;
constexpr absl::Duration kHealthPeriod = absl::Milliseconds(100);

const std::vector<std::string> kServices = {
    "capbroker.v1.CapacityRequestService", "capbroker.v1.OfferService",
    "capbroker.v1.AgreementService",       "capbroker.v1.ProviderService",
    "capbroker.v1.DecisionService",        "capbroker.v1.CallerService",
    "capbroker.v1.SessionService"};

std::vector<std::string> DescribedServices() {
  std::vector<std::string> names = ServiceNames();
  names.push_back("grpc.reflection.v1alpha.ServerReflection");
  return names;
}

void SetLimits(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMostBytesReceived);
  // The bound is on what was sent: a compressed message of a mebibyte would be inflated to a
  // gibibyte, for whoever sent it. The first two refuse such a call, UNIMPLEMENTED; without the
  // third its message is inflated all the same, before that.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMostStreams);
  // Dead peers are found within 80 s; live ones may ask every 10 s, watchers between calls too.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60 * kSecond);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20 * kSecond);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10 * kSecond);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 600 * kSecond);
  // So that callers spread over replicas again, and no stream of a reader that never reads lives
  // for ever.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 2 * 3600 * kSecond);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 300 * kSecond);
}

}  // namespace

class Server::Parts {
 public:
  Parts(const ServerOptions& options, Ledger& ledger, Sequencer& sequencer, Feed& feed,
        Clock& clock)
      : options_(options),
        principals_(options.trust_domain),
        registry_(ledger),
        reads_(options.read_threads, options.reads_bound),
        news_(kNewsThreads, options.reads_bound),
        backend_{ledger, sequencer, feed,      clock,  principals_,        registry_,
                 reads_, news_,     sessions_, peers_, options.watch_bound},
        requests_(backend_),
        offers_(backend_),
        agreements_(backend_),
        providers_(backend_),
        decisions_(backend_),
        callers_(backend_),
        both_ways_(backend_),
        health_(kServices),
        reflection_(DescribedServices()) {}

  ~Parts() { Stop(); }

  absl::Status Start() {
    if (absl::Status status = ReloadPrincipals(); !status.ok()) return status;
    absl::StatusOr<std::unique_ptr<Edge>> edge = OpenEdge(options_.listener, peers_);
    if (!edge.ok()) return edge.status();
    edge_ = *std::move(edge);
    // The plugin is the process's: it joins every server that is built from here on.
    grpc::EnableDefaultHealthCheckService(false);
    if (options_.channelz) grpc::channelz::experimental::InitChannelzService();

    grpc::ServerBuilder builder;
    SetLimits(builder);
    // In plain text: the edge has done TLS, and knows who is at the other end.
    const std::shared_ptr<grpc::experimental::ExternalConnectionAcceptor> connections =
        builder.experimental().AddExternalConnectionAcceptor(
            grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
            grpc::InsecureServerCredentials());
    for (grpc::Service* service :
         std::initializer_list<grpc::Service*>{&requests_, &offers_, &agreements_, &providers_,
                                               &decisions_, &callers_, &both_ways_, &health_}) {
      builder.RegisterService(service);
    }
    if (options_.reflection) builder.RegisterService(&reflection_);
    auto interceptors = MakeInterceptors(kServices);
    if (options_.witness)
      interceptors.push_back(options_.witness());  // Last: it sees what was made of a status.
    builder.experimental().SetInterceptorCreators(std::move(interceptors));
    grpc_ = builder.BuildAndStart();
    if (grpc_ == nullptr) return absl::InternalError("gRPC did not start");
    edge_->Start([connections](int fd) {
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
      connection.fd = fd;
      connections->HandleNewConnection(&connection);
    });
    health_thread_ = std::thread([this] { FollowSequencer(); });
    return absl::OkStatus();
  }

  const std::string& address() const { return edge_->address(); }
  const EdgeCounts& connections() const { return edge_->counts(); }
  Edge::Reachability reachability() const { return edge_->reachability(); }
  std::shared_ptr<grpc::Channel> InProcessChannel() { return grpc_->InProcessChannel({}); }
  size_t reads_waiting() const { return reads_.waiting(); }
  const SessionCounts& sessions() const { return sessions_; }

  absl::Status ReloadPrincipals() {
    if (options_.principals_file.empty()) return absl::OkStatus();
    absl::StatusOr<TokenTable> tokens = ReadPrincipals(options_.principals_file);
    if (!tokens.ok()) return tokens.status();
    spdlog::info("{} tokens read from {}", tokens->size(), options_.principals_file);
    principals_.Replace(*std::move(tokens));
    return absl::OkStatus();
  }

  void Drain(Span deadline) {
    if (grpc_ == nullptr) return;
    if (!going_down_.HasBeenNotified()) {
      going_down_.Notify();
      edge_->StopTaking();
      health_.Close();
      backend_.feed.EndAll(
          Refuse(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "this replica is going down"));
      // Waits for every call, cancelled or not; so not on this thread.
      shutdown_thread_ = std::thread([this, deadline] {
        grpc_->Shutdown(std::chrono::system_clock::now() +
                        std::chrono::microseconds(deadline.micros));
        down_.Notify();
      });
    }
    down_.WaitForNotificationWithTimeout(absl::Microseconds(deadline.micros));
  }

  void Stop() {
    Drain(Span{});
    if (shutdown_thread_.joinable()) shutdown_thread_.join();
    if (health_thread_.joinable()) health_thread_.join();
    if (edge_ != nullptr) edge_->Stop();
    grpc_ = nullptr;
  }

 private:
  void FollowSequencer() {
    do {
      principals_.Advance(options_.wall_clock());
      health_.Set(backend_.sequencer.status().phase == SequencerStatus::Phase::kServing &&
                  edge_->reachability().silent_micros < kUnreachableMicros);
    } while (!going_down_.WaitForNotificationWithTimeout(kHealthPeriod));
  }

  const ServerOptions options_;
  Principals principals_;
  Registry registry_;
  Pool reads_, news_;
  SessionCounts sessions_;
  PeerTable peers_;
  Backend backend_;

  CapacityRequestService requests_;
  OfferService offers_;
  AgreementService agreements_;
  ProviderService providers_;
  DecisionService decisions_;
  CallerService callers_;
  SessionService both_ways_;
  HealthService health_;
  ReflectionService reflection_;

  absl::Notification going_down_, down_;
  std::thread health_thread_, shutdown_thread_;
  std::unique_ptr<Edge> edge_;
  std::unique_ptr<grpc::Server> grpc_;  // Last, so that it ends first.
};

const std::vector<std::string>& ServiceNames() {
  static const auto* names = [] {
    auto* all = new std::vector<std::string>(kServices);
    all->push_back("grpc.health.v1.Health");
    return all;
  }();
  return *names;
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, Ledger& ledger,
                                                      Sequencer& sequencer, Feed& feed,
                                                      Clock& clock) {
  auto parts = std::make_unique<Parts>(options, ledger, sequencer, feed, clock);
  if (absl::Status status = parts->Start(); !status.ok()) return status;
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

const std::string& Server::address() const { return parts_->address(); }
std::shared_ptr<grpc::Channel> Server::InProcessChannel() { return parts_->InProcessChannel(); }
const EdgeCounts& Server::connections() const { return parts_->connections(); }
Edge::Reachability Server::reachability() const { return parts_->reachability(); }
size_t Server::reads_waiting() const { return parts_->reads_waiting(); }
const SessionCounts& Server::sessions() const { return parts_->sessions(); }
absl::Status Server::ReloadPrincipals() { return parts_->ReloadPrincipals(); }
void Server::Drain(Span deadline) { parts_->Drain(deadline); }
void Server::Stop() { parts_->Stop(); }

}  // namespace capbroker
