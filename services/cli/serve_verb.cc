// `capbroker serve`: the flags of the broker itself.
#include <CLI/CLI.hpp>
#include <memory>

#include "services/cli/app.h"
#include "services/server/serve.h"

namespace capbroker {

void AddServe(CLI::App& app, Session& session) {
  auto options = std::make_shared<ServeOptions>();
  ServerOptions& server = options->server;
  ListenerOptions& listener = server.listener;
  CLI::App* verb = AddVerbTo(app, "serve", "Run the broker",
                             "capbroker serve --database \"$DATABASE_URL\" --principals "
                             "principals.yaml --insecure-loopback\n"
                             "capbroker serve --database \"$DATABASE_URL\" --listen 0.0.0.0:7420 "
                             "--tls-cert tls.crt --tls-key "
                             "tls.key \\\n"
                             "    --tls-client-ca ca.crt --trust-domain example.org");
  verb->add_option("--database", options->database, "PostgreSQL: a connection string or URI")
      ->required();
  verb->add_option("--listen", listener.address, "host:port, or unix:/path; port 0: any free one")
      ->capture_default_str();
  verb->add_option("--admin-listen", options->admin,
                   "host:port for /metrics, /livez, /readyz, /version and /loglevel, to whoever "
                   "reaches it; or off")
      ->capture_default_str();
  verb->add_flag("!--no-console", options->console, "Do not serve the console at the admin port");
  verb->add_option("--console-host", options->console_host,
                   "Serve it under this name too, and where --admin-listen is no address of this "
                   "machine's own: "
                   "behind what speaks TLS")
      ->option_text("NAME");
  verb->add_option("--name", options->name,
                   "Of this replica: the same after a restart, another for each")
      ->default_str("the host's name");
  verb->add_option("--ready-file", options->ready_file,
                   "Gets both addresses, a line each, once the broker serves")
      ->option_text("FILE");

  verb->add_option("--principals", server.principals_file,
                   "Tokens and whose they are, YAML; again on SIGHUP")
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
  verb->add_option("--tls-client-ca", listener.tls_client_ca_file,
                   "Who signs callers' certificates, PEM")
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
  calling(verb->add_option("--provider-key", delivery.caller.key_file,
                           "Its private key, PEM; default --tls-key")
              ->option_text("FILE"));
  calling(AddSpan(*verb, "--call-timeout", delivery.timeout,
                  "How long a provider may take to answer a call"));
  calling(AddSpan(*verb, "--call-pause", delivery.courier.first_pause,
                  "At most so long after a call that failed; doubles with each"));
  calling(
      AddSpan(*verb, "--call-pause-max", delivery.courier.longest_pause, "Never longer than this"));
  calling(verb->add_option("--calls", delivery.courier.in_flight, "Calls out at once, in all")
              ->capture_default_str()
              ->check(CLI::Range(1, 10'000)));
  calling(
      verb->add_option("--calls-each", delivery.courier.in_flight_each, "The same, to one provider")
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
  verb->add_flag("--channelz", server.channelz, "Show connections, to whoever asks")
      ->group("Working");
  verb->add_option("--read-threads", server.read_threads, "Sessions for reading")
      ->capture_default_str()
      ->check(CLI::Range(1, 64))
      ->group("Working");
  AddSpan(*verb, "--drain", options->drain, "How long calls under way may take at the end")
      ->group("Working");
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
