#include "services/observability/telemetry.h"

#include <prometheus/text_serializer.h>
#include <spdlog/spdlog.h>

#include <iterator>
#include <utility>

#include "broker/values/text.h"
#include "services/admin/trusted_host.h"
#include "services/log/log.h"

namespace capbroker {
namespace {

// How long a scrape waits for changes that are not counted yet.
constexpr Span kPatience = Seconds(2);

AdminReply From(const Readiness::Report& report, const char* verdict) {
  return AdminReply{report.ok ? 200 : 503,
                    Cat(report.text, report.ok ? "" : "not ", verdict, "\n")};
}

AdminReply ChangeLogLevel(const AdminRequest& in) {
  if (!in.local) return AdminReply{403, "the log level is changed from this machine alone\n"};
  const std::string before = LogLevel(), level = in.parameter("level");
  if (absl::Status status = SetLogLevel(level.empty() ? in.body : level); !status.ok()) {
    return AdminReply{400, Cat(status.message(), "\n")};
  }
  spdlog::warn("the log level is {}, it was {}", LogLevel(), before);
  return AdminReply{200, Cat(LogLevel(), "\n")};
}

}  // namespace

Telemetry::Telemetry(const std::vector<std::string>& services) : rpc_(services) {}

std::string Telemetry::Exposition() {
  observer_.CatchUp(kPatience);
  std::vector<prometheus::MetricFamily> families;
  const auto collect = [&](const prometheus::Collectable& from) {
    std::vector<prometheus::MetricFamily> its = from.Collect();
    std::move(its.begin(), its.end(), std::back_inserter(families));
  };
  collect(registry_);
  collect(rpc_);
  if (broker_ != nullptr) collect(*broker_);
  collect(process_);
  return prometheus::TextSerializer().Serialize(families);
}

absl::Status Telemetry::Listen(const std::string& address, const std::string& version,
                               Sources sources, Readiness& readiness, std::vector<AdminPage> pages,
                               std::vector<std::string> hosts) {
  broker_ = std::make_unique<BrokerMetrics>(version, std::move(sources));
  const auto add = [&](bool post, const char* path,
                       std::function<AdminReply(const AdminRequest&)> reply) {
    pages.push_back({post, path, [hosts, reply = std::move(reply)](const AdminRequest& in) {
                       const std::string host = in.header("Host");
                       if (IsTrustedHost(host, hosts)) return reply(in);
                       return AdminReply{403, Cat("the Host: got ", host,
                                                  ", want an address, a name without a dot, or one "
                                                  "of --admin-host\n")};
                     }});
  };
  const auto get = [&](const char* path, std::function<AdminReply(const AdminRequest&)> reply) {
    add(false, path, std::move(reply));
  };
  get("/metrics", [this](const AdminRequest&) {
    return AdminReply{200, Exposition(), "text/plain; version=0.0.4; charset=utf-8"};
  });
  get("/livez", [&readiness](const AdminRequest&) { return From(readiness.Live(), "live"); });
  get("/readyz", [&readiness](const AdminRequest&) { return From(readiness.Ready(), "ready"); });
  get("/version", [version](const AdminRequest&) { return AdminReply{200, version + "\n"}; });
  get("/loglevel", [](const AdminRequest&) { return AdminReply{200, LogLevel() + "\n"}; });
  add(true, "/loglevel", ChangeLogLevel);
  absl::StatusOr<std::unique_ptr<AdminServer>> server =
      AdminServer::Start(address, std::move(pages));
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  return absl::OkStatus();
}

}  // namespace capbroker
