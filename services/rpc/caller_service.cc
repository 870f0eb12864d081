#include "services/rpc/caller_service.h"

#include "services/messages/render_values.h"
#include "services/rpc/call.h"

namespace capbroker {

grpc::ServerUnaryReactor* CallerService::GetCaller(grpc::CallbackServerContext* context,
                                                   const v1::GetCallerRequest* in,
                                                   v1::Caller* out) {
  auto* call = new Call(backend_, context, Method::kGetCaller);
  if (const auto query = call->Admit(*in); !query.ok()) return call->End(query.status());
  out->set_actor(Format(call->caller()));
  Render(backend_.clock.Now(), out->mutable_server_time());
  return call->End(absl::OkStatus());
}

}  // namespace capbroker
