#include "services/workload/owner_link.h"

#include <utility>

#include "capbroker/v1/capacity_request_service.grpc.pb.h"
#include "services/workload/session_client.h"

namespace capbroker {
namespace {

class OwnerCalls final : public OwnerLink {
 public:
  OwnerCalls(Loop& loop, const std::shared_ptr<grpc::Channel>& channel, ClientOptions options,
             std::string parent)
      : loop_(loop),
        options_(std::move(options)),
        parent_(std::move(parent)),
        stub_(v1::CapacityRequestService::NewStub(channel)) {}

  void Open(std::function<void(const News&)> on_news,
            std::function<void(const grpc::Status&)> on_end) override {
    v1::WatchCapacityRequestsRequest request;
    request.set_parent(parent_);
    watch_ = Watch<News>::Open(
        loop_, NewStream(options_), std::move(on_news),
        [this, on_end = std::move(on_end)](const grpc::Status& status) {
          watch_ = nullptr;
          on_end(status);
        },
        [&](grpc::ClientContext* context, auto* reactor) {
          stub_->async()->WatchCapacityRequests(context, &request, reactor);
        });
  }
  void Close() override {
    if (watch_ != nullptr) watch_->Cancel();
  }

  void Send(const v1::CreateCapacityRequestRequest& create, Done done) override {
    Call(&Async::CreateCapacityRequest, create, std::move(done));
  }
  void Send(const v1::CancelCapacityRequestRequest& cancel, Done done) override {
    Call(&Async::CancelCapacityRequest, cancel, std::move(done));
  }
  void Send(const v1::ReleaseAllocationRequest& release, Done done) override {
    Call(&Async::ReleaseAllocation, release, std::move(done));
  }

 private:
  using Async = AsyncOf<v1::CapacityRequestService::Stub>;

  template <class Request, class Response>
  void Call(UnaryMethod<v1::CapacityRequestService::Stub, Request, Response> method,
            const Request& request, Done done) {
    StartCall(loop_, stub_->async(), method, NewContext(options_), request,
              [done = std::move(done)](const grpc::Status& status, const Response& response) {
                if (!status.ok()) return done(status, {});
                done(status,
                     {.name = response.name(), .state = Response::State_Name(response.state())});
              });
  }

  Loop& loop_;
  const ClientOptions options_;
  const std::string parent_;
  const std::unique_ptr<v1::CapacityRequestService::Stub> stub_;
  std::shared_ptr<Watch<News>> watch_;
};

class OwnerInSession final : public OwnerLink {
 public:
  OwnerInSession(Loop& loop, const std::shared_ptr<grpc::Channel>& channel, ClientOptions options,
                 std::string parent)
      : session_(loop, channel, std::move(options), &OwnerSessionClient::Async::OwnerSession,
                 std::move(parent)) {}

  void Open(std::function<void(const News&)> on_news,
            std::function<void(const grpc::Status&)> on_end) override {
    session_.Open(
        [on_news = std::move(on_news)](v1::OwnerSessionResponse& told) {
          News news;
          news.mutable_capacity_requests()->Swap(told.mutable_capacity_requests());
          news.set_synced(told.synced());
          on_news(news);
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
      // Of the allocation itself the reply says nothing.
      done(status, {.name = name, .untold = reply.state()});
    });
  }

 private:
  // What moves a request as a whole.
  void Send(v1::OwnerCommand command, Done done) {
    session_.Send(std::move(command), [done = std::move(done)](const grpc::Status& status,
                                                               const v1::OwnerReply& reply) {
      if (!status.ok()) return done(status, {});
      done(status, {.name = reply.capacity_request(),
                    .state = v1::CapacityRequest::State_Name(reply.state()),
                    .untold = reply.state()});
    });
  }

  OwnerSessionClient session_;
};

}  // namespace

std::unique_ptr<OwnerLink> MakeOwnerLink(Loop& loop, const std::shared_ptr<grpc::Channel>& channel,
                                         const ClientOptions& options, const std::string& parent,
                                         bool session) {
  if (session) return std::make_unique<OwnerInSession>(loop, channel, options, parent);
  return std::make_unique<OwnerCalls>(loop, channel, options, parent);
}

}  // namespace capbroker
