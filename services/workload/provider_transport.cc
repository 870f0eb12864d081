#include "services/workload/provider_transport.h"

#include <utility>

#include "capbroker/v1/offer_service.grpc.pb.h"
#include "services/workload/session_client.h"
#include "services/workload/unary_client.h"

namespace capbroker {
namespace {

auto StateOf(ProviderTransport::Done done) {
  return [done = std::move(done)](const grpc::Status& status, const v1::Offer& offer) {
    done(status, offer.state());
  };
}

class ProviderCalls final : public ProviderTransport {
 public:
  ProviderCalls(EventLoop& loop, const std::shared_ptr<grpc::Channel>& channel,
                ClientOptions options, std::string parent)
      : client_(loop, channel, std::move(options), "WatchOffers", std::move(parent)) {}

  void Subscribe(std::function<void(const Update&)> on_update,
                 std::function<void(const grpc::Status&)> on_end) override {
    client_.Start(std::move(on_update), std::move(on_end));
  }
  void Close() override { client_.Close(); }

  void Send(const v1::AcceptOfferRequest& accept, Done done) override {
    client_.Call(&Client::Async::AcceptOffer, accept, StateOf(std::move(done)));
  }
  void Send(const v1::DeclineOfferRequest& decline, Done done) override {
    client_.Call(&Client::Async::DeclineOffer, decline, StateOf(std::move(done)));
  }

 private:
  using Client = UnaryClient<v1::OfferService, v1::WatchOffersRequest, Update>;

  Client client_;
};

class ProviderInSession final : public ProviderTransport {
 public:
  ProviderInSession(EventLoop& loop, const std::shared_ptr<grpc::Channel>& channel,
                    ClientOptions options, std::string parent)
      : session_(loop, channel, std::move(options), "ProviderSession", std::move(parent)) {}

  void Subscribe(std::function<void(const Update&)> on_update,
                 std::function<void(const grpc::Status&)> on_end) override {
    session_.Start(
        [this, on_update = std::move(on_update)](v1::ProviderSessionResponse& told) {
          Update news;
          // The replies come first: the offers were read at the same time or later.
          news.mutable_offers()->Swap(own_.mutable_offers());
          for (v1::Offer& offer : *told.mutable_offers()) news.add_offers()->Swap(&offer);
          news.set_synced(told.synced());
          on_update(news);
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
  Update own_;  // From the replies of the current message.
};

}  // namespace

std::unique_ptr<ProviderTransport> MakeProviderTransport(
    EventLoop& loop, const std::shared_ptr<grpc::Channel>& channel, const ClientOptions& options,
    const std::string& parent, bool session) {
  if (session) return std::make_unique<ProviderInSession>(loop, channel, options, parent);
  return std::make_unique<ProviderCalls>(loop, channel, options, parent);
}

}  // namespace capbroker
