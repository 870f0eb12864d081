#include "services/rpc/unreadable.h"

#include <google/protobuf/descriptor.h>

#include "absl/container/flat_hash_set.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/messages/errors.h"

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
      methods->ModifySendStatus(ToGrpc(Unreadable()));
    }
    methods->Proceed();
  }
};

class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(const std::vector<std::string>& services) {
    for (const std::string& name : services) {
      const auto* service =
          google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
      for (int i = 0; service != nullptr && i < service->method_count(); ++i) {
        methods_.insert(Cat("/", name, "/", service->method(i)->name()));
      }
    }
  }
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return methods_.contains(info->method()) ? new TellUnreadable : nullptr;
  }

 private:
  absl::flat_hash_set<std::string> methods_;
};

}  // namespace

absl::Status Unreadable() {
  return Refuse(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                "the message: got bytes that cannot be read, want a protobuf message of this "
                "method, with text "
                "in UTF-8");
}

std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
MakeInterceptors(const std::vector<std::string>& services) {
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<Factory>(services));
  return factories;
}

}  // namespace capbroker
