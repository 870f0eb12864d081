#include "services/cli/app.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "broker/values/show.h"
#include "broker/values/text.h"
#include "services/notation/parse.h"

namespace capbroker {

#define VERB(add) void add(CLI::App& app, Session& session);
#include "services/cli/verbs.inc"
#undef VERB

namespace {

constexpr AddVerb kVerbs[] = {
#define VERB(add) add,
#include "services/cli/verbs.inc"
#undef VERB
};

constexpr char kFooter[] =
    R"(Flags come first from the command line, then from the environment (CAPBROKER_TARGET for --target,
CAPBROKER_SERVE_NAME for serve --name), then from the file of --config:
  target = "broker.example:7420"
  [request.create]
  region = "us-east"

Exit codes: 0 done; 1 refused by the broker; 2 bad flags, file or field; 3 broker not reached, overloaded or
too slow (repeat with the same --request-id); 4 verification failed, or a story came out otherwise; 5 a
fault; 6 --wait ended otherwise than FULFILLED. Times are UTC; lengths of time are written 90s, 2h, 3d, 1d12h.

Start with:  capbroker migrate --help,  capbroker serve --help,  capbroker request create --help)";

// CAPBROKER_REQUEST_CREATE_STEP_WINDOW for --step-window of `request create`; flags of all verbs
// have no verb in it. A prefix for the verb keeps clear of what Kubernetes sets for a service
// called capbroker (CAPBROKER_PORT, CAPBROKER_SERVICE_HOST).
std::string EnvironmentName(const CLI::App* verb, const CLI::Option* option) {
  std::string name = option->get_lnames().front();
  for (; verb->get_parent() != nullptr; verb = verb->get_parent())
    name = Cat(verb->get_name(), "_", name);
  name = "capbroker_" + name;
  for (char& c : name)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

void NameEnvironment(CLI::App& verb) {
  for (CLI::Option* option : verb.get_options()) {
    if (option->get_lnames().empty() || !option->get_configurable() ||
        !option->get_envname().empty())
      continue;
    option->envname(EnvironmentName(&verb, option));
  }
  for (CLI::App* sub : verb.get_subcommands({})) NameEnvironment(*sub);
}

// CLI11 lets the file win over the environment; here the environment wins, so the file's items that
// it also gives are left out.
class EnvironmentFirst : public CLI::ConfigTOML {
 public:
  explicit EnvironmentFirst(const CLI::App* app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& in) const override {
    std::vector<CLI::ConfigItem> kept;
    for (CLI::ConfigItem& item : CLI::ConfigTOML::from_config(in)) {
      if (!IsInEnvironment(item)) kept.push_back(std::move(item));
    }
    return kept;
  }

 private:
  bool IsInEnvironment(const CLI::ConfigItem& item) const {
    const CLI::App* verb = app_;
    for (const std::string& parent : item.parents) {
      const auto subs =
          verb->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == parent; });
      if (subs.empty()) return false;
      verb = subs.front();
    }
    const CLI::Option* option = verb->get_option_no_throw("--" + item.name);
    if (option == nullptr || option->get_envname().empty()) return false;
    const char* value = std::getenv(option->get_envname().c_str());
    return value != nullptr && *value != 0;
  }

  const CLI::App* app_;
};

// The house's help: the example stays with the verb; environment names follow one rule and are not
// repeated.
class HouseFormatter : public CLI::Formatter {
 public:
  HouseFormatter() { column_width(34); }

  std::string make_option_opts(const CLI::Option* option) const override {
    if (!option->get_option_text().empty()) return " " + option->get_option_text();
    std::string out;
    if (option->get_expected_max() == 0) return out;  // A switch takes no value.
    const bool named = option->get_positional();      // Its own name says enough.
    const std::string type =
        option->get_type_name();  // With what is checked, after a colon: "INT:POSITIVE".
    if (!named) out += " " + (type.empty() ? "TEXT" : type.substr(0, type.find(':')));
    if (!option->get_default_str().empty()) out += " [" + option->get_default_str() + "]";
    if (option->get_required()) out += " (required)";
    return out;
  }
  std::string make_description(const CLI::App* app) const override {
    return app->get_description().empty() ? "" : app->get_description() + "\n";
  }
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    std::string out = CLI::Formatter::make_help(app, std::move(name), mode);
    for (size_t at; (at = out.find("\n\n\n")) != std::string::npos;) out.erase(at, 1);
    while (out.ends_with("\n\n")) out.pop_back();
    return out;
  }
};

void AddSharedFlags(CLI::App& app, Session& session) {
  ClientOptions& client = session.client;
  app.add_option("--target", client.target, "The broker: host:port")
      ->capture_default_str()
      ->group("Connection");
  app.add_option("--token", client.token, "Bearer token; a file keeps it out of `ps`")
      ->group("Connection");
  app.add_option("--token-file", client.token_file, "File with the bearer token")
      ->type_name("FILE")
      ->group("Connection");
  app.add_option("--tls-ca", client.tls_ca_file, "CA certificates, PEM; else the system's")
      ->type_name("FILE")
      ->group("Connection");
  app.add_option("--tls-cert", client.tls_cert_file, "Client certificate, PEM")
      ->type_name("FILE")
      ->group("Connection");
  app.add_option("--tls-key", client.tls_key_file, "Its private key, PEM")
      ->type_name("FILE")
      ->group("Connection");
  app.add_flag("--insecure-loopback", client.insecure_loopback,
               "Plain text to this machine, even where TLS files are named")
      ->group("Connection");
  AddSpan(app, "--deadline", client.deadline, "How long one call may take")->group("Connection");
  app.add_option_function<std::string>(
         "--output", [&session](const std::string& value) { session.json = value == "json"; },
         "table, or json: protobuf JSON, or the trail's own")
      ->check(CLI::IsMember({"table", "json"}))
      ->default_str("table")
      ->option_text("table|json");
}

}  // namespace

int Session::Fail(const absl::Status& status) const {
  const CallError error = Explain(status);
  std::fprintf(stderr, "capbroker: %s\n", error.line.c_str());
  return error.exit_code;
}

int Session::Fail(const grpc::Status& status) const {
  CallError error = Explain(status);
  if (error.exit_code == kExitUnavailable && error.reason.empty())
    error.line = client.target + ": " + error.line;
  std::fprintf(stderr, "capbroker: %s\n", error.line.c_str());
  return error.exit_code;
}

CLI::App* AddVerbTo(CLI::App& parent, const std::string& name, const std::string& what,
                    const std::string& example) {
  CLI::App* verb = parent.add_subcommand(name, what);
  if (example.empty()) {  // A family, such as `request`: its members do the work.
    verb->require_subcommand(1);
    verb->footer("More: capbroker " + name + " SUBCOMMAND --help");
    return verb;
  }
  std::string footer = "Example:\n";
  for (std::string_view line : Split(example, '\n')) footer += Cat("  ", line, "\n");
  verb->footer(footer + "\nFlags for connection and output: capbroker --help");
  return verb;
}

CLI::Option* AddSpan(CLI::App& verb, const std::string& name, Span& value,
                     const std::string& what) {
  CLI::Option* option = verb.add_option_function<std::string>(
      name,
      [&value, name](const std::string& text) {
        absl::StatusOr<Span> span = ParseDuration(text);
        if (!span.ok()) throw CLI::ValidationError(name, Cat(span.status().message()));
        value = *span;
      },
      what);
  option->type_name("DURATION");
  if (value > Span{}) option->default_str(ShowSpan(value));
  return option;
}

CLI::Option* AddLimit(CLI::App& verb, int& value, const std::string& what) {
  return verb
      .add_option_function<std::string>(
          "--limit",
          [&value](const std::string& text) {
            const auto number = ParseNumber<int>(text);
            if (!number || *number < 0) {
              throw CLI::ValidationError("--limit",
                                         "got \"" + text + "\", want a whole number, 0 or more");
            }
            value = *number;
          },
          what + "; 0: all")
      ->type_name("N")
      ->default_str(Cat(value));
}

CLI::Option* AddList(CLI::App& verb, const std::string& name, std::vector<std::string>& values,
                     const std::string& type, const std::string& what) {
  // CLI11 would let the flag swallow every word after it, a positional's among them.
  return verb.add_option(name, values, what + "; repeat for more")
      ->type_name(type)
      ->allow_extra_args(false);
}

int RunCommandLine(int argc, char** argv) {
  CLI::App app(
      "Capacity Broker: places requests for compute capacity as the agreements demand, and records "
      "why.");
  app.name("capbroker");
  app.footer(kFooter);
  app.formatter(std::make_shared<HouseFormatter>());
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  app.fallthrough();          // Connection flags may stand after the verb too.
  app.require_subcommand(1);  // Verbs inherit the formatter and both of these.
  app.set_help_flag("-h,--help", "This help");

  Session session;
  AddSharedFlags(app, session);
  for (const AddVerb add : kVerbs) add(app, session);

  const char* file = std::getenv("CAPBROKER_CONFIG");
  const bool file_named = file != nullptr && *file != 0;
  app.set_config("--config", file_named ? file : "", "Flags in a TOML file")->type_name("FILE");
  app.allow_config_extras(CLI::config_extras_mode::error);
  NameEnvironment(app);
  app.config_formatter(std::make_shared<EnvironmentFirst>(&app));
  // CLI11 passes in silence over a default file that is missing; one that was named has to be
  // there.
  if (file_named && !std::ifstream(file)) {
    std::fprintf(stderr, "capbroker: CAPBROKER_CONFIG: got %s, want a file that can be read\n",
                 file);
    return kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& call) {
    return app.exit(call);
  } catch (const CLI::CallForAllHelp& call) {
    return app.exit(call);
  } catch (const CLI::ConfigError& error) {
    std::fprintf(stderr, "capbroker: --config: %s\n", error.what());
    return kExitUsage;
  } catch (const CLI::ParseError& error) {
    const CLI::App* verb = &app;
    std::string name = "capbroker";
    while (!verb->get_subcommands().empty()) {
      verb = verb->get_subcommands().front();
      name += " " + verb->get_name();
    }
    // An unknown verb shows as a missing one.
    const std::vector<std::string> left = app.remaining(true);
    const bool unknown =
        dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !left.empty();
    const std::string what =
        unknown ? "got \"" + left.front() + "\", want a subcommand" : error.what();
    std::fprintf(stderr, "%s: %s (see %s --help)\n", name.c_str(), what.c_str(), name.c_str());
    return kExitUsage;
  }
  return session.exit_code;
}

}  // namespace capbroker
