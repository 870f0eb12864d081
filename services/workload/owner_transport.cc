#include "services/workload/owner_transport.h"

#include <utility>

#include "capbroker/v1/capacity_request_service.grpc.pb.h"
#include "services/workload/session_client.h"
#include "services/workload/unary_client.h"

namespace capbroker {
namespace {

auto AnswerOf(OwnerTransport::Done done) {
  return [done = std::move(done)]<class Response>(const grpc::Status& status,
                                                  const Response& response) {
    if (!status.ok()) return done(status, {});
    done(status, {.name = response.name(), .state = Response::State_Name(response.state())});
  };
}

class OwnerCalls final : public OwnerTransport {
 public:
  OwnerCalls(EventLoop& loop, const std::shared_ptr<grpc::Channel>& channel, ClientOptions options,
             std::string parent)
      : client_(loop, channel, std::move(options), "WatchCapacityRequests", std::move(parent)) {}

  void Subscribe(std::function<void(const Update&)> on_update,
                 std::function<void(const grpc::Status&)> on_end) override {
    client_.Start(std::move(on_update), std::move(on_end));
  }
  void Close() override { client_.Close(); }

  void Send(const v1::CreateCapacityRequestRequest& create, Done done) override {
    client_.Call(&Client::Async::CreateCapacityRequest, create, AnswerOf(std::move(done)));
  }
  void Send(const v1::CancelCapacityRequestRequest& cancel, Done done) override {
    client_.Call(&Client::Async::CancelCapacityRequest, cancel, AnswerOf(std::move(done)));
  }
  void Send(const v1::ReleaseAllocationRequest& release, Done done) override {
    client_.Call(&Client::Async::ReleaseAllocation, release, AnswerOf(std::move(done)));
  }

 private:
  using Client = UnaryClient<v1::CapacityRequestService, v1::WatchCapacityRequestsRequest, Update>;

  Client client_;
};

class OwnerInSession final : public OwnerTransport {
 public:
  OwnerInSession(EventLoop& loop, const std::shared_ptr<grpc::Channel>& channel,
                 ClientOptions options, std::string parent)
      : session_(loop, channel, std::move(options), "OwnerSession", std::move(parent)) {}

  void Subscribe(std::function<void(const Update&)> on_update,
                 std::function<void(const grpc::Status&)> on_end) override {
    session_.Start(
        [on_update = std::move(on_update)](v1::OwnerSessionResponse& told) {
          Update news;
          news.mutable_capacity_requests()->Swap(told.mutable_capacity_requests());
          news.set_synced(told.synced());
          on_update(news);
        },
        std::move(on_end));
  }
  void Close() override { session_.Close(); }

  void Send(const v1::CreateCapacityRequestRequest& create, Done done) override {
    v1::OwnerCommand command;
    *command.mutable_create() = create;
    Send(std::move(command), std::move(done));
  }
  void Send(const v1::CancelCapacityRequestRequest& cancel, Done done) override {
    v1::OwnerCommand command;
    *command.mutable_cancel() = cancel;
    Send(std::move(command), std::move(done));
  }
  void Send(const v1::ReleaseAllocationRequest& release, Done done) override {
    v1::OwnerCommand command;
    *command.mutable_release() = release;
    session_.Send(std::move(command), [done = std::move(done), name = release.name()](
                                          const grpc::Status& status, const v1::OwnerReply& reply) {
      if (!status.ok()) return done(status, {});
      // The reply does not report the allocation itself.
      done(status, {.name = name, .unreported = reply.state()});
    });
  }

 private:
  // For commands that change a request as a whole.
  void Send(v1::OwnerCommand command, Done done) {
    session_.Send(std::move(command), [done = std::move(done)](const grpc::Status& status,
                                                               const v1::OwnerReply& reply) {
      if (!status.ok()) return done(status, {});
      done(status, {.name = reply.capacity_request(),
                    .state = v1::CapacityRequest::State_Name(reply.state()),
                    .unreported = reply.state()});
    });
  }

  OwnerSessionClient session_;
};

}  // namespace

std::unique_ptr<OwnerTransport> MakeOwnerTransport(EventLoop& loop,
                                                   const std::shared_ptr<grpc::Channel>& channel,
                                                   const ClientOptions& options,
                                                   const std::string& parent, bool session) {
  if (session) return std::make_unique<OwnerInSession>(loop, channel, options, parent);
  return std::make_unique<OwnerCalls>(loop, channel, options, parent);
}

}  // namespace capbroker
