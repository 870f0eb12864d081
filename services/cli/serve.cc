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
#include "services/rpc/log.h"
#include "storage/postgres_ledger.h"

namespace capbroker {
namespace {

constexpr Span kKeysKept = Hours(24 * 7);
constexpr Span kPruneEvery = Seconds(60);
constexpr uint32_t kPrunedAtOnce = 100'000;
constexpr Span kPatience = Seconds(10);  // For the ledger, after the calls have ended.

int Fail(int exit_code, const absl::Status& status) {
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

// Whole or not at all: a script that waits for it must not read half an address.
absl::Status WriteReadyFile(const std::string& file, const std::string& address) {
  const std::string draft = file + ".new";
  std::ofstream out(draft);
  out << address << "\n";
  out.close();
  if (out && std::rename(draft.c_str(), file.c_str()) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(Cat("--ready-file: ", file, ": ", std::strerror(errno)));
}

class Process {
 public:
  explicit Process(const ServeOptions& options)
      : options_(options),
        ledger_({.url = options.database, .readers = static_cast<uint32_t>(options.server.read_threads)}),
        sequencer_(ledger_, feed_, clock_,
                   {.holder = options.name.empty() ? HostName() : options.name,
                    .address = options.server.listener.address,
                    .lease = options.lease}) {}

  int Run() {
    const absl::StatusOr<uint32_t> partitions = ledger_.Open();
    if (!partitions.ok()) return Fail(ExitCodeOfOpening(partitions.status()), partitions.status());
    absl::StatusOr<std::unique_ptr<Server>> server =
        Server::Start(options_.server, ledger_, sequencer_, feed_, clock_);
    if (!server.ok()) {
      const bool taken = server.status().code() == absl::StatusCode::kFailedPrecondition;
      return Fail(taken ? int{kExitPortTaken} : int{kExitUsage}, server.status());
    }
    server_ = *std::move(server);
    spdlog::info("listening on {}, not serving yet", server_->address());
    sequencer_.Start(*partitions);
    return Follow();
  }

 private:
  // Until a signal ends it.
  int Follow() {
    std::string detail;
    for (bool serving = false;;) {
      const int signal = signals_.Next();
      if (signal == SIGHUP) Reload();
      if (signal == SIGTERM || signal == SIGINT) return GoDown(signal);
      const SequencerStatus status = sequencer_.status();
      const bool serves = status.phase == SequencerStatus::Phase::kServing;
      if (serves && !serving && !ready_) {
        if (const int failed = Announce(status); failed != kExitOk) return failed;
      } else if (serves != serving) {
        if (serves) spdlog::info("serving again");
        if (!serves) spdlog::warn("not serving: {}", status.detail);
      } else if (!serves && status.detail != detail) {
        spdlog::info("not serving: {}", status.detail);
      }
      serving = serves;
      detail = status.detail;
      if (serves) Prune();
    }
  }

  // Keys of repeats that nobody will send any more.
  void Prune() {
    if (BootMicros() < prune_at_) return;
    prune_at_ = BootMicros() + kPruneEvery.micros;
    const absl::StatusOr<uint32_t> pruned = ledger_.PruneKeys(kKeysKept, kPrunedAtOnce);
    if (!pruned.ok()) spdlog::warn("idempotency keys were not pruned: {}", View(pruned.status().message()));
    if (pruned.ok() && *pruned > 0) spdlog::info("pruned {} idempotency keys", *pruned);
  }

  int Announce(const SequencerStatus& status) {
    ready_ = true;
    spdlog::info("serving, {} requests unfinished, {} away", status.unfinished_requests,
                 Format(status.downtime));
    std::printf("ready listen=%s\n", server_->address().c_str());
    std::fflush(stdout);
    if (options_.ready_file.empty()) return kExitOk;
    const absl::Status written = WriteReadyFile(options_.ready_file, server_->address());
    return written.ok() ? kExitOk : Fail(kExitUsage, written);
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
    absl::Notification down;
    std::thread drain([&] {
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
      spdlog::shutdown();
      std::_Exit(kExitInterrupted);  // Whatever waits would wait on.
    }
    drain.join();
    server_->Stop();
    spdlog::info("down");
    return kExitOk;
  }

  const ServeOptions& options_;
  const Signals signals_;
  PostgresLedger ledger_;
  Feed feed_;
  Clock clock_;
  Sequencer sequencer_;
  std::unique_ptr<Server> server_;
  bool ready_ = false;
  int64_t prune_at_ = 0;  // By BootMicros.
};

}  // namespace

int Serve(const ServeOptions& options) {
  if (absl::Status status = SetUpLog(options.log_format, options.log_level); !status.ok()) {
    return Fail(kExitUsage, status);
  }
  return Process(options).Run();
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
  verb->add_option("--name", options->name, "Of this replica: the same after a restart, another for each")
      ->default_str("the host's name");
  verb->add_option("--ready-file", options->ready_file, "Gets the address once the broker serves")
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
  verb->add_option("--log-format", options->log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->option_text("text|json")
      ->group("Working");
  verb->add_option("--log-level", options->log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->option_text("LEVEL")
      ->group("Working");
  verb->callback([&session, options] {
    // Where callers may come with a token, they need no certificate.
    options->server.listener.client_certificate_optional = !options->server.principals_file.empty();
    session.exit_code = Serve(*options);
  });
}

}  // namespace capbroker
