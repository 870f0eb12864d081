// `capbroker serve`: the flags of the server.
#include <CLI/CLI.hpp>

#include "services/cli/app.h"
#include "services/server/serve.h"

namespace capbroker {
namespace {

int RunServe(Session&, const ServeOptions& given) {
  ServeOptions options = given;
  ListenerOptions& listener = options.server.listener;
  // Callers that may use a token need no certificate.
  listener.client_certificate_optional = !options.server.principals_file.empty();
  CallerOptions& caller = options.delivery.caller;
  if (caller.cert_file.empty() && caller.key_file.empty()) {
    caller.cert_file = listener.tls_cert_file;
    caller.key_file = listener.tls_key_file;
  }
  caller.insecure_loopback = listener.insecure_loopback;
  return Serve(options);
}

}  // namespace

void AddServe(CLI::App& app, Session& session) {
  auto [verb, options] = AddVerbTo(
      app, session, "serve", "Run the broker",
      "capbroker serve --database \"$DATABASE_URL\" --principals principals.yaml "
      "--insecure-loopback\n"
      "capbroker serve --database \"$DATABASE_URL\" --listen 0.0.0.0:7420 --tls-cert tls.crt "
      "--tls-key tls.key \\\n"
      "    --tls-client-ca ca.crt --trust-domain example.org",
      RunServe);
  std::string group;
  const auto text = [&, verb = verb](const std::string& name, std::string& value,
                                     const std::string& type, const std::string& what) {
    CLI::Option* option = verb->add_option(name, value, what);
    if (!value.empty()) option->capture_default_str();
    if (!type.empty()) option->option_text(type);
    return group.empty() ? option : option->group(group);
  };
  const auto number = [&, verb = verb](const std::string& name, auto& value, int most,
                                       const std::string& what) {
    verb->add_option(name, value, what)
        ->capture_default_str()
        ->check(CLI::Range(1, most))
        ->group(group);
  };
  const auto span = [&, verb = verb](const std::string& name, Span& value,
                                     const std::string& what) {
    AddSpan(*verb, name, value, what)->group(group);
  };
  const auto choice = [&, verb = verb](const std::string& name, std::string& value,
                                       const std::vector<std::string>& values,
                                       const std::string& type, const std::string& what) {
    verb->add_option(name, value, what)
        ->check(CLI::IsMember(values))
        ->default_str(value)
        ->option_text(type)
        ->group(group);
  };
  text("--database", options->database, "", "PostgreSQL: a connection string or URI")->required();
  verb->add_flag(
      "--allow-unsafe-database", options->allow_unsafe_database,
      "Serve although fsync, full_page_writes or synchronous_commit is off: acknowledged "
      "decisions may be lost");
  text("--listen", options->server.listener.address, "",
       "host:port, or unix:/path; port 0 chooses a free one");
  text("--admin-listen", options->admin, "",
       "host:port of /metrics, /livez, /readyz, /version and /loglevel, open to all who reach it; "
       "or off");
  AddList(*verb, "--admin-host", options->admin_hosts, "NAME",
          "Name with a dot under which others reach that port; addresses and names without a dot "
          "are always good");
  number(
      "--max-connections", options->server.listener.max_connections, 100'000,
      "Most connections to the API; fewer if the process may not have three descriptors for each");
  number("--max-connections-per-address", options->server.listener.max_connections_per_address,
         100'000,
         "Most of one IPv4 address or IPv6 /64; behind a proxy, as many as --max-connections");
  span("--handshake-timeout", options->server.listener.handshake_timeout,
       "Limit for TLS and a client's first bytes of HTTP/2");
  verb->add_flag("!--no-console", options->console, "Do not serve the console on the admin port");
  text("--console-host", options->console_host, "NAME",
       "Host name under which users open the console, through something that speaks TLS; without "
       "it the console is served on a loopback address only");
  text("--name", options->name, "",
       "Name of this replica: unique among replicas, the same after a restart")
      ->default_str("the host's name");
  text("--ready-file", options->ready_file, "FILE",
       "Receives both addresses, one per line, once the broker serves");

  group = "Callers";
  text("--principals", options->server.principals_file, "FILE",
       "Callers and the hashes of their tokens, YAML; read again on SIGHUP");
  text("--trust-domain", options->server.trust_domain, "DOMAIN",
       "Accept client certificates of spiffe://DOMAIN/{role}/{name}");
  text("--tls-cert", options->server.listener.tls_cert_file, "FILE",
       "The broker's certificate, PEM; read again when it changes");
  text("--tls-key", options->server.listener.tls_key_file, "FILE", "Its private key, PEM");
  text("--tls-client-ca", options->server.listener.tls_client_ca_file, "FILE",
       "CA of callers' certificates, PEM");
  verb->add_flag("--insecure-loopback", options->server.listener.insecure_loopback,
                 "Plain text, for callers on this machine only")
      ->group(group);

  group = "Calling providers";
  DeliveryOptions& delivery = options->delivery;
  text("--provider-ca", delivery.caller.ca_file, "FILE",
       "CA of the certificates of called providers, PEM");
  text("--provider-cert", delivery.caller.cert_file, "FILE",
       "The broker's certificate for these calls, PEM; default --tls-cert");
  text("--provider-key", delivery.caller.key_file, "FILE",
       "Its private key, PEM; default --tls-key");
  span("--call-timeout", delivery.timeout, "How long a provider may take to answer a call");
  span("--call-pause", delivery.courier.first_pause,
       "Longest pause after a failed call; doubles with each failure in a row");
  span("--call-pause-max", delivery.courier.longest_pause, "Upper bound of that pause");
  number("--calls", delivery.courier.in_flight, 10'000, "Most calls in flight");
  number("--calls-each", delivery.courier.in_flight_each, 1'000,
         "Most calls in flight to one provider");
  number("--breaker-failures", delivery.courier.breaker_failures, 1'000,
         "Failed calls in a row after which a provider counts as unhealthy");
  span("--breaker-pause", delivery.courier.breaker_pause,
       "How long an unhealthy alternative is not called, before a probe");

  group = "Operation";
  verb->add_flag("!--no-reflection", options->server.reflection, "Do not serve gRPC reflection")
      ->group(group);
  verb->add_flag("--channelz", options->server.channelz, "Serve channelz, to every caller")
      ->group(group);
  number("--read-threads", options->server.read_threads, 64, "Database sessions for reads");
  span("--drain", options->drain, "How long calls in flight may take at shutdown");
  span("--lease", options->lease, "How long a silent replica keeps its partitions");
  number("--batch-bound", options->batch_bound, 10'000,
         "Most commands in one transaction; 1 shows what group commit gains");
  choice("--log-format", options->log_format, {"text", "json"}, "text|json", "text or json");
  choice("--log-level", options->log_level, {"debug", "info", "warn", "error"}, "LEVEL",
         "debug, info, warn or error");
}

}  // namespace capbroker
