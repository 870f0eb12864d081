// `capbroker health`: whether a broker serves, for probes that can only run a program.
#include <CLI/CLI.hpp>

#include "grpc/health/v1/health.grpc.pb.h"
#include "services/cli/app.h"
#include "services/cli/call.h"

namespace capbroker {

void AddHealth(CLI::App& app, Session& session) {
  auto service = std::make_shared<std::string>();
  CLI::App* verb =
      AddVerbTo(app, "health", "Ask whether the broker serves: exit 0 if so, 1 if not, 3 unreached",
                "capbroker health --deadline 2s\n"
                "capbroker health --target broker.example:7420 --tls-ca ca.crt");
  verb->add_option("--service", *service,
                   "One of its services, capbroker.v1.OfferService; default all")
      ->type_name("NAME");
  verb->callback([&session, service] {
    using grpc::health::v1::Health;
    const auto stub = Reach<Health>(session);
    if (stub == nullptr) return;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(*service);
    grpc::health::v1::HealthCheckResponse response;
    const grpc::Status status = Call(session, *stub, &Health::Stub::Check, request, response);
    if (!status.ok()) {
      session.exit_code = session.Fail(status);
      return;
    }
    const bool serves = response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
    Print(session.json
              ? Json(response)
              : grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status()) +
                    "\n");
    session.exit_code = serves ? kExitOk : kExitRefused;
  });
}

}  // namespace capbroker
