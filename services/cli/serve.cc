#include "services/cli/serve.h"

#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "broker/text.h"
#include "services/cli/app.h"
#include "services/cli/supervisor.h"
#include "services/cli/version.h"
#include "services/console/console.h"
#include "services/observability/telemetry.h"
#include "services/rpc/log.h"
#include "storage/postgres_ledger.h"

namespace capbroker {
namespace {

constexpr Span kProbePatience =
    Seconds(2);                          // For the database, when somebody asks whether the broker is ready.
constexpr Span kPatience = Seconds(10);  // For the ledger, after the calls have ended.

int Fail(int exit_code, const absl::Status& status) {
  EndLog();  // So that this is the last line.
  std::fprintf(stderr, "capbroker serve: %s\n", std::string(View(status.message())).c_str());
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

// Blocked from the first thread on, so that only Next takes them.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  // The next signal, or 0 when none came for a tenth of a second.
  int Next() const {
    const timespec wait{0, 100'000'000};
    const int signal = sigtimedwait(&set_, nullptr, &wait);
    return signal > 0 ? signal : 0;
  }

 private:
  sigset_t set_;
};

// The address of the API, and on a second line that of the admin port, if it is open. Whole or not at all: a
// script that waits for it must not read half an address.
absl::Status WriteReadyFile(const std::string& file, const std::string& address, const std::string& admin) {
  const std::string draft = file + ".new";
  std::ofstream out(draft);
  out << address << "\n";
  if (!admin.empty()) out << admin << "\n";
  out.close();
  if (out && std::rename(draft.c_str(), file.c_str()) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(Cat("--ready-file: ", file, ": ", std::strerror(errno)));
}

class Process {
 public:
  Process(const ServeOptions& options, const Signals& signals)
      : options_(options),
        signals_(signals),
        ledger_({.url = options.database, .readers = static_cast<uint32_t>(options.server.read_threads)}),
        probe_({.url = options.database,
                .readers = 1,
                .connect = kProbePatience,
                .read = kProbePatience,
                .commit = kProbePatience}),
        sequencer_(ledger_, feed_, clock_,
                   {.holder = options.name.empty() ? HostName() : options.name,
                    .address = options.server.listener.address,
                    .lease = options.lease,
                    .batch_bound = options.batch_bound,
                    .tap = telemetry_.tap()}),
        readiness_(
            probe_, [this] { return sequencer_.status(); }, [this] { return clock_.Now(); }, BootMicros) {}

  ~Process() { telemetry_.Stop(); }  // Its pages ask all the rest.

  int Run() {
    const absl::StatusOr<uint32_t> partitions = ledger_.Open();
    if (!partitions.ok()) return Fail(ExitCodeOfOpening(partitions.status()), partitions.status());
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
    sources.changes_dropped = [this] { return telemetry_.changes_dropped(); };
    sources.certificate_file = options_.server.listener.tls_cert_file;
    std::vector<AdminPage> pages;
    // Tokens go over the admin port in plain text. Whoever names a host for it says that others may reach it, and that
    // something in front of it speaks TLS.
    if (options_.console && (IsLocal(options_.admin) || !options_.console_host.empty())) {
      pages = ConsolePages(server_->InProcessChannel(), options_.console_host);
    }
    const absl::Status status = telemetry_.Listen(options_.admin, std::string(Version()), std::move(sources),
                                                  readiness_, std::move(pages));
    if (status.ok()) return status;
    return absl::Status(status.code(), Cat("--admin-listen: ", status.message()));
  }
  std::string AdminAddress() const {
    return telemetry_.address().empty() ? std::string("off") : telemetry_.address();
  }

  // Until a signal ends it.
  int Follow() {
    std::string detail;
    for (bool serving = false;;) {
      const int signal = signals_.Next();
      if (signal == SIGHUP) Reload();
      if (signal == SIGTERM || signal == SIGINT) return GoDown(signal);
      supervisor_.Watch(BootMicros(), [this] { return readiness_.Live().ok; });
      const SequencerStatus status = sequencer_.status();
      const bool serves = status.phase == SequencerStatus::Phase::kServing;
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
    if (const absl::Status status = server_->ReloadPrincipals(); status.ok()) {
      spdlog::info("read the principals again");
    } else {
      spdlog::error("the principals stay as they were: {}", View(status.message()));
    }
  }

  int GoDown(int signal) {
    spdlog::info("{}: going down", strsignal(signal));
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
      std::_Exit(kExitInterrupted);  // Whatever waits would wait on.
    }
    drain.join();
    telemetry_.Stop();  // Until here it said that this replica goes down.
    server_->Stop();
    spdlog::info("down");
    return kExitOk;
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
  bool ready_ = false;
};

}  // namespace

int Serve(const ServeOptions& options) {
  const Signals signals;  // Before any other thread starts.
  if (absl::Status status = SetUpLog(options.log_format, options.log_level); !status.ok()) {
    return Fail(kExitUsage, status);
  }
  const int exit_code = Process(options, signals).Run();
  EndLog();
  return exit_code;
}

void AddServe(CLI::App& app, Session& session) {
  auto options = std::make_shared<ServeOptions>();
  ServerOptions& server = options->server;
  ListenerOptions& listener = server.listener;
  CLI::App* verb = AddVerbTo(
      app, "serve", "Run the broker",
      "capbroker serve --database \"$DATABASE_URL\" --principals principals.yaml --insecure-loopback\n"
      "capbroker serve --database \"$DATABASE_URL\" --listen 0.0.0.0:7420 --tls-cert tls.crt --tls-key "
      "tls.key \\\n"
      "    --tls-client-ca ca.crt --trust-domain example.org");
  verb->add_option("--database", options->database, "PostgreSQL: a connection string or URI")->required();
  verb->add_option("--listen", listener.address, "host:port, or unix:/path; port 0: any free one")
      ->capture_default_str();
  verb->add_option(
          "--admin-listen", options->admin,
          "host:port for /metrics, /livez, /readyz, /version and /loglevel, to whoever reaches it; or off")
      ->capture_default_str();
  verb->add_flag("!--no-console", options->console, "Do not serve the console at the admin port");
  verb->add_option(
          "--console-host", options->console_host,
          "Serve it under this name too, and where --admin-listen is no address of this machine's own: "
          "behind what speaks TLS")
      ->option_text("NAME");
  verb->add_option("--name", options->name, "Of this replica: the same after a restart, another for each")
      ->default_str("the host's name");
  verb->add_option("--ready-file", options->ready_file,
                   "Gets both addresses, a line each, once the broker serves")
      ->option_text("FILE");

  verb->add_option("--principals", server.principals_file, "Tokens and whose they are, YAML; again on SIGHUP")
      ->option_text("FILE")
      ->group("Callers");
  verb->add_option("--trust-domain", server.trust_domain,
                   "Client certificates of spiffe://DOMAIN/{role}/{name}")
      ->option_text("DOMAIN")
      ->group("Callers");
  verb->add_option("--tls-cert", listener.tls_cert_file,
                   "The broker's certificate, PEM; again when it changes")
      ->option_text("FILE")
      ->group("Callers");
  verb->add_option("--tls-key", listener.tls_key_file, "Its private key, PEM")
      ->option_text("FILE")
      ->group("Callers");
  verb->add_option("--tls-client-ca", listener.tls_client_ca_file, "Who signs callers' certificates, PEM")
      ->option_text("FILE")
      ->group("Callers");
  verb->add_flag("--insecure-loopback", listener.insecure_loopback,
                 "Plain text, for callers on this machine alone")
      ->group("Callers");

  DeliveryOptions& delivery = options->delivery;
  const auto calling = [](CLI::Option* option) { option->group("Calling providers"); };
  calling(verb->add_option("--provider-ca", delivery.caller.ca_file,
                           "Who signs the certificates of providers that are called, PEM")
              ->option_text("FILE"));
  calling(verb->add_option("--provider-cert", delivery.caller.cert_file,
                           "The broker's certificate when it calls, PEM; default --tls-cert")
              ->option_text("FILE"));
  calling(
      verb->add_option("--provider-key", delivery.caller.key_file, "Its private key, PEM; default --tls-key")
          ->option_text("FILE"));
  calling(
      AddSpan(*verb, "--call-timeout", delivery.timeout, "How long a provider may take to answer a call"));
  calling(AddSpan(*verb, "--call-pause", delivery.courier.first_pause,
                  "At most so long after a call that failed; doubles with each"));
  calling(AddSpan(*verb, "--call-pause-max", delivery.courier.longest_pause, "Never longer than this"));
  calling(verb->add_option("--calls", delivery.courier.in_flight, "Calls out at once, in all")
              ->capture_default_str()
              ->check(CLI::Range(1, 10'000)));
  calling(verb->add_option("--calls-each", delivery.courier.in_flight_each, "The same, to one provider")
              ->capture_default_str()
              ->check(CLI::Range(1, 1'000)));
  calling(verb->add_option("--breaker-failures", delivery.courier.breaker_failures,
                           "Calls in a row that fail before a provider counts as unhealthy")
              ->capture_default_str()
              ->check(CLI::Range(1, 1'000)));
  calling(AddSpan(*verb, "--breaker-pause", delivery.courier.breaker_pause,
                  "How long an unhealthy alternative is not called, before a probe"));

  verb->add_flag("!--no-reflection", server.reflection, "Do not describe the API to callers")
      ->group("Working");
  verb->add_flag("--channelz", server.channelz, "Show connections, to whoever asks")->group("Working");
  verb->add_option("--read-threads", server.read_threads, "Sessions for reading")
      ->capture_default_str()
      ->check(CLI::Range(1, 64))
      ->group("Working");
  AddSpan(*verb, "--drain", options->drain, "How long calls under way may take at the end")->group("Working");
  AddSpan(*verb, "--lease", options->lease, "How long a silent replica keeps its partitions")
      ->group("Working");
  verb->add_option("--batch-bound", options->batch_bound,
                   "Commands in one transaction at most; 1 shows what sharing them is worth")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000))
      ->group("Working");
  verb->add_option("--log-format", options->log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->default_str("text")
      ->option_text("text|json")
      ->group("Working");
  verb->add_option("--log-level", options->log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->default_str("info")
      ->option_text("LEVEL")
      ->group("Working");
  verb->callback([&session, options] {
    // Where callers may come with a token, they need no certificate.
    options->server.listener.client_certificate_optional = !options->server.principals_file.empty();
    CallerOptions& caller = options->delivery.caller;
    const ListenerOptions& ours = options->server.listener;
    if (caller.cert_file.empty() && caller.key_file.empty()) {
      caller.cert_file = ours.tls_cert_file;
      caller.key_file = ours.tls_key_file;
    }
    caller.insecure_loopback = ours.insecure_loopback;
    session.exit_code = Serve(*options);
  });
}

}  // namespace capbroker
