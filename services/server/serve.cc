#include "services/server/serve.h"

#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "broker/values/ids.h"
#include "broker/values/text.h"
#include "services/client/client.h"
#include "services/console/console.h"
#include "services/edge/address.h"
#include "services/files/text_file.h"
#include "services/log/log.h"
#include "services/observability/telemetry.h"
#include "services/server/supervisor.h"
#include "services/server/version.h"
#include "storage/database_url.h"
#include "storage/durability.h"
#include "storage/postgres_ledger.h"

namespace capbroker {
namespace {

constexpr Span kProbePatience = Seconds(2);  // For the readiness probe of the database.
constexpr Span kPatience = Seconds(10);      // For the ledger, after calls have ended.

int Fail(int exit_code, const absl::Status& status) {
  EndLog();  // So that the message below is the last line.
  WriteLastLine(Cat("capbroker serve: ", View(status.message())));
  return exit_code;
}

int ExitCodeOfOpening(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return kExitNoDatabase;
    case absl::StatusCode::kFailedPrecondition:
      return kExitSchema;
    default:
      return kExitFault;
  }
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 && name[0] != 0 ? name : "capbroker";
}

// The name under which this process takes partitions. A replica of the same name takes them from
// the one before without waiting for its lease: that is a restart. Of two processes on this machine
// that would have one name, the second gets one of its own: the first holds an abstract socket,
// which the kernel frees when the process ends, however it ends.
std::string ReplicaName(const ServeOptions& options) {
  const std::string name = options.name.empty() ? HostName() : options.name;
  const std::string key = Cat("capbroker/", Hex(Sha256(name + "\n", options.database)));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  key.copy(address.sun_path + 1, sizeof address.sun_path - 1);
  static const int held = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + key.size());
  const bool is_taken =
      bind(held, reinterpret_cast<const sockaddr*>(&address), size) != 0 && errno == EADDRINUSE;
  return is_taken ? Cat(name, "#", getpid()) : name;
}

// Blocks the signals before any other thread starts, so that only Next receives them.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  // The next signal, or 0 if none came for a tenth of a second.
  int Next() const {
    const timespec wait{0, 100'000'000};
    const int signal = sigtimedwait(&set_, nullptr, &wait);
    return signal > 0 ? signal : 0;
  }

 private:
  sigset_t set_;
};

// The address of the API, and on a second line that of the admin port if it is open.
absl::Status WriteReadyFile(const std::string& file, const std::string& address,
                            const std::string& admin) {
  return ReplaceTextFile("--ready-file", file,
                         Cat(address, "\n", admin, admin.empty() ? "" : "\n"));
}

class Process {
 public:
  Process(const ServeOptions& options, const Signals& signals)
      : options_(options),
        signals_(signals),
        ledger_({.url = options.database,
                 .readers = static_cast<uint32_t>(options.server.read_threads)}),
        probe_({.url = options.database,
                .readers = 1,
                .connect = kProbePatience,
                .read = kProbePatience,
                .commit = kProbePatience}),
        sequencer_(ledger_, feed_, clock_,
                   {.holder = ReplicaName(options),
                    .address = options.server.listener.address,
                    .lease = options.lease,
                    .batch_bound = options.batch_bound,
                    .tap = telemetry_.tap()}),
        readiness_(
            probe_, [this] { return sequencer_.status(); }, [this] { return clock_.Now(); },
            BootMicros,
            [this] {
              return server_ == nullptr ? Edge::Reachability{} : server_->reachability();
            }) {}

  ~Process() { telemetry_.Stop(); }  // The admin pages use all other members.

  int Run() {
    if (absl::Status status = CheckDatabaseUrl("--database", options_.database); !status.ok())
      return Fail(kExitUsage, status);
    const absl::StatusOr<uint32_t> partitions = ledger_.Open();
    if (!partitions.ok()) return Fail(ExitCodeOfOpening(partitions.status()), partitions.status());
    if (absl::Status status = CheckDurability(); !status.ok()) {
      const bool is_unsafe = status.code() == absl::StatusCode::kFailedPrecondition;
      return Fail(is_unsafe ? int{kExitUnsafeDatabase} : ExitCodeOfOpening(status), status);
    }
    ServerOptions server_options = options_.server;
    server_options.witness = [this] { return telemetry_.MakeWitness(); };
    absl::StatusOr<std::unique_ptr<Server>> server =
        Server::Start(server_options, ledger_, sequencer_, feed_, clock_);
    if (!server.ok()) return FailToListen(server.status());
    server_ = *std::move(server);
    absl::StatusOr<std::unique_ptr<Delivery>> delivery =
        Delivery::Start(options_.delivery, ledger_, sequencer_, feed_, clock_);
    if (!delivery.ok()) return Fail(kExitUsage, delivery.status());
    delivery_ = *std::move(delivery);
    if (absl::Status status = OpenAdmin(); !status.ok()) return FailToListen(status);
    spdlog::info("listening on {}, admin {}, not serving yet", server_->address(), AdminAddress());
    sequencer_.Start(*partitions);
    return Follow();
  }

 private:
  static int FailToListen(const absl::Status& status) {
    const bool taken = status.code() == absl::StatusCode::kFailedPrecondition;
    return Fail(taken ? int{kExitPortTaken} : int{kExitUsage}, status);
  }

  absl::Status CheckDurability() {
    const absl::StatusOr<std::vector<std::string>> unsafe = UnsafeSettings(options_.database);
    if (!unsafe.ok()) return unsafe.status();
    if (unsafe->empty()) return absl::OkStatus();
    database_is_unsafe_ = true;
    std::string names;
    for (const std::string& name : *unsafe) names += Cat(names.empty() ? "" : ", ", name);
    const std::string message =
        Cat("the database may lose what it has acknowledged: got off for ", names, ", want on");
    if (!options_.allow_unsafe_database)
      return absl::FailedPreconditionError(Cat(message, ", or --allow-unsafe-database"));
    spdlog::warn(message);
    return absl::OkStatus();
  }

  absl::Status OpenAdmin() {
    if (options_.admin == "off") return absl::OkStatus();
    Sources sources;
    sources.sequencer = [this] { return sequencer_.status(); };
    sources.now = [this] { return clock_.Now(); };
    sources.readers = [this] { return ledger_.readers(); };
    sources.reads_waiting = [this] { return server_->reads_waiting(); };
    sources.feed = [this] { return feed_.counts(); };
    sources.delivery = [this] { return delivery_->counts(); };
    sources.sessions = &server_->sessions();
    sources.connections = &server_->connections();
    sources.changes_dropped = [this] { return telemetry_.changes_dropped(); };
    sources.database_is_unsafe = database_is_unsafe_;
    sources.certificate_file = options_.server.listener.tls_cert_file;
    std::vector<AdminPage> pages;
    // Tokens cross the admin port in plain text. An operator who names a host for the console
    // states that others reach it through something that speaks TLS.
    if (options_.console && (IsLocal(options_.admin) || !options_.console_host.empty())) {
      pages = ConsolePages(server_->InProcessChannel(), options_.console_host);
    }
    std::vector<std::string> hosts = options_.admin_hosts;
    hosts.push_back(options_.console_host);
    const absl::Status status =
        telemetry_.Listen(options_.admin, std::string(Version()), std::move(sources), readiness_,
                          std::move(pages), std::move(hosts));
    if (status.ok()) return status;
    return absl::Status(status.code(), Cat("--admin-listen: ", status.message()));
  }
  std::string AdminAddress() const {
    return telemetry_.address().empty() ? std::string("off") : telemetry_.address();
  }

  // Runs until a signal ends the process.
  int Follow() {
    std::string detail, aside;
    for (bool serving = false;;) {
      const int signal = signals_.Next();
      if (signal == SIGHUP) Reload();
      if (signal == SIGTERM || signal == SIGINT) {
        spdlog::info("{}: going down", strsignal(signal));
        return GoDown(kExitOk);
      }
      if (const Edge::Reachability reachability = server_->reachability();
          reachability.silent_micros >= kLostMicros) {
        // Who is connected may be served still. But a replica that can be reached serves everybody.
        spdlog::error(
            "no new connection has been answered for {}: {}; going down, to be started anew",
            Format(Span{reachability.silent_micros}), reachability.why);
        return GoDown(kExitUnreachable);
      }
      supervisor_.Watch(BootMicros(), [this] { return readiness_.Live().ok; });
      const SequencerStatus status = sequencer_.status();
      const bool serves = status.phase == SequencerStatus::Phase::kServing;
      if (serves && !serving) {
        for (const std::string& zone : status.unknown_zones)
          spdlog::error("this machine does not know the time zone of {}: all of its time counts",
                        zone);
      }
      if (serves && !serving && !ready_) {
        if (const int failed = Announce(status); failed != kExitOk) return failed;
      } else if (serves != serving) {
        if (serves) spdlog::info("serving again");
        if (!serves) spdlog::warn("not serving: {}", status.detail);
        supervisor_.Say(serves ? "serving" : "not serving: " + status.detail);
      } else if (!serves && status.detail != detail) {
        spdlog::info("not serving: {}", status.detail);
        supervisor_.Say("not serving: " + status.detail);
      }
      if (status.first_set_aside != aside && !status.first_set_aside.empty())
        spdlog::error("{} set aside: {}", status.set_aside, status.first_set_aside);
      aside = status.first_set_aside;
      serving = serves;
      detail = status.detail;
    }
  }

  int Announce(const SequencerStatus& status) {
    ready_ = true;
    spdlog::info("serving, {} requests unfinished, {} away", status.unfinished_requests,
                 Format(status.downtime));
    std::printf("ready listen=%s admin=%s\n", server_->address().c_str(), AdminAddress().c_str());
    std::fflush(stdout);
    if (!options_.ready_file.empty()) {
      const absl::Status written =
          WriteReadyFile(options_.ready_file, server_->address(), telemetry_.address());
      if (!written.ok()) return Fail(kExitUsage, written);
    }
    supervisor_.Ready();
    return kExitOk;
  }

  void Reload() {
    if (const absl::Status status = server_->ReloadPrincipals(); !status.ok()) {
      spdlog::error("the principals stay as they were: {}", View(status.message()));
    }
  }

  int GoDown(int exit_code) {
    readiness_.GoDown();
    supervisor_.Stopping();
    absl::Notification down;
    std::thread drain([&] {
      delivery_->Stop();
      server_->Drain(options_.drain);
      sequencer_.Drain();
      down.Notify();
    });
    const int64_t patience = BootMicros() + (options_.drain + kPatience).micros;
    while (!down.HasBeenNotified()) {
      const int again = signals_.Next();
      if (again == SIGHUP || (again == 0 && BootMicros() < patience)) continue;
      if (again != 0) {
        spdlog::error("{}: ending now, before everything was answered", strsignal(again));
      } else {
        spdlog::error("the ledger does not answer; ending with the partitions held");
      }
      EndLog();
      std::_Exit(kExitInterrupted);  // Destructors would wait for the same.
    }
    drain.join();
    telemetry_.Stop();  // Until now the admin port reported that this replica is shutting down.
    server_->Stop();
    spdlog::info("down");
    return exit_code;
  }

  const ServeOptions& options_;
  const Signals& signals_;
  Telemetry telemetry_{ServiceNames()};
  PostgresLedger ledger_, probe_;
  Feed feed_;
  Clock clock_;
  Sequencer sequencer_;
  Readiness readiness_;
  std::unique_ptr<Server> server_;
  Supervisor supervisor_;
  std::unique_ptr<Delivery> delivery_;
  bool database_is_unsafe_ = false;
  bool ready_ = false;
};

}  // namespace

int Serve(const ServeOptions& options) {
  const Signals signals;  // Before any other thread starts.
  if (absl::Status status = SetUpLog(options.log_format, options.log_level); !status.ok()) {
    return Fail(kExitUsage, status);
  }
  const int exit_code = Process(options, signals).Run();
  // A normal exit would wait for stderr.
  if (!EndLog()) std::_Exit(exit_code);
  return exit_code;
}

}  // namespace capbroker
