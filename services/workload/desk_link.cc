#include "services/workload/desk_link.h"

#include <utility>

#include "capbroker/v1/offer_service.grpc.pb.h"
#include "services/workload/session_client.h"

namespace capbroker {
namespace {

class DeskCalls final : public DeskLink {
 public:
  DeskCalls(Loop& loop, const std::shared_ptr<grpc::Channel>& channel, ClientOptions options,
            std::string parent)
      : loop_(loop),
        options_(std::move(options)),
        parent_(std::move(parent)),
        stub_(v1::OfferService::NewStub(channel)) {}

  void Open(std::function<void(const News&)> on_news,
            std::function<void(const grpc::Status&)> on_end) override {
    v1::WatchOffersRequest request;
    request.set_parent(parent_);
    watch_ = Watch<News>::Open(
        loop_, NewStream(options_), std::move(on_news),
        [this, on_end = std::move(on_end)](const grpc::Status& status) {
          watch_ = nullptr;
          on_end(status);
        },
        [&](grpc::ClientContext* context, auto* reactor) {
          stub_->async()->WatchOffers(context, &request, reactor);
        });
  }
  void Close() override {
    if (watch_ != nullptr) watch_->Cancel();
  }

  void Send(const v1::AcceptOfferRequest& accept, Done done) override {
    Call(&Async::AcceptOffer, accept, std::move(done));
  }
  void Send(const v1::DeclineOfferRequest& decline, Done done) override {
    Call(&Async::DeclineOffer, decline, std::move(done));
  }

 private:
  using Async = AsyncOf<v1::OfferService::Stub>;

  template <class Request>
  void Call(UnaryMethod<v1::OfferService::Stub, Request, v1::Offer> method, const Request& request,
            Done done) {
    StartCall(loop_, stub_->async(), method, NewContext(options_), request,
              [done = std::move(done)](const grpc::Status& status, const v1::Offer& offer) {
                done(status, offer.state());
              });
  }

  Loop& loop_;
  const ClientOptions options_;
  const std::string parent_;
  const std::unique_ptr<v1::OfferService::Stub> stub_;
  std::shared_ptr<Watch<News>> watch_;
};

class DeskInSession final : public DeskLink {
 public:
  DeskInSession(Loop& loop, const std::shared_ptr<grpc::Channel>& channel, ClientOptions options,
                std::string parent)
      : session_(loop, channel, std::move(options), &ProviderSessionClient::Async::ProviderSession,
                 std::move(parent)) {}

  void Open(std::function<void(const News&)> on_news,
            std::function<void(const grpc::Status&)> on_end) override {
    session_.Open(
        [this, on_news = std::move(on_news)](v1::ProviderSessionResponse& told) {
          News news;
          // What the replies said comes first: the offers are as of then or later.
          news.mutable_offers()->Swap(own_.mutable_offers());
          for (v1::Offer& offer : *told.mutable_offers()) news.add_offers()->Swap(&offer);
          news.set_synced(told.synced());
          on_news(news);
        },
        std::move(on_end));
  }
  void Close() override { session_.Close(); }

  void Send(const v1::AcceptOfferRequest& accept, Done done) override {
    v1::ProviderCommand command;
    *command.mutable_accept() = accept;
    Send(accept.name(), std::move(command), std::move(done));
  }
  void Send(const v1::DeclineOfferRequest& decline, Done done) override {
    v1::ProviderCommand command;
    *command.mutable_decline() = decline;
    Send(decline.name(), std::move(command), std::move(done));
  }

 private:
  void Send(const std::string& offer, v1::ProviderCommand command, Done done) {
    session_.Send(std::move(command),
                  [this, offer, done = std::move(done)](const grpc::Status& status,
                                                        const v1::ProviderReply& reply) {
                    done(status, reply.state());
                    if (!status.ok()) return;
                    v1::Offer& own = *own_.add_offers();
                    own.set_name(offer);
                    own.set_state(reply.state());
                    own.set_accepted_quantity(reply.accepted_quantity());
                    own.set_allocation_state(reply.allocation_state());
                  });
  }

  ProviderSessionClient session_;
  News own_;  // From the replies of the message at hand.
};

}  // namespace

std::unique_ptr<DeskLink> MakeDeskLink(Loop& loop, const std::shared_ptr<grpc::Channel>& channel,
                                       const ClientOptions& options, const std::string& parent,
                                       bool session) {
  if (session) return std::make_unique<DeskInSession>(loop, channel, options, parent);
  return std::make_unique<DeskCalls>(loop, channel, options, parent);
}

}  // namespace capbroker
