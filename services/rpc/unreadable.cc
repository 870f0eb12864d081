#include "services/rpc/unreadable.h"

#include <string_view>

#include "broker/refusal.h"
#include "services/rpc/errors.h"

namespace capbroker {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerRpcInfo;

class TellUnreadable final : public Interceptor {
 public:
  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS) &&
        methods->GetSendStatus().error_code() == grpc::StatusCode::UNIMPLEMENTED) {
      methods->ModifySendStatus(
          ToGrpc(Refuse(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                        "the message: got bytes that cannot be read, want a protobuf message "
                        "of this method, with text in UTF-8")));
    }
    methods->Proceed();
  }
};

class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    static constexpr std::string_view kOurs = "/capbroker.";
    return std::string_view(info->method()).substr(0, kOurs.size()) == kOurs ? new TellUnreadable : nullptr;
  }
};

}  // namespace

std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> MakeInterceptors() {
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<Factory>());
  return factories;
}

}  // namespace capbroker
