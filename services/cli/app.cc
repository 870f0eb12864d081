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
    R"(A flag's value comes from the command line, else from the environment (CAPBROKER_TARGET for --target,
CAPBROKER_SERVE_NAME for serve --name), else from the file of --config:
  target = "broker.example:7420"
  [request.create]
  region = "us-east"

Exit codes: 0 done; 1 refused by the broker; 2 wrong flags, file or field; 3 broker unreachable, overloaded or
too slow (repeat with the same --request-id); 4 verification failed, or a story did not match; 5 a fault;
6 --wait ended in another state than FULFILLED. Times are UTC; durations are written 90s, 2h, 3d, 1d12h.

Start with:  capbroker migrate --help,  capbroker serve --help,  capbroker request create --help)";

// CAPBROKER_REQUEST_CREATE_STEP_WINDOW for --step-window of `request create`; shared flags have no
// verb in the name. The verb keeps clear of variables that Kubernetes sets for a service called
// capbroker (CAPBROKER_PORT, CAPBROKER_SERVICE_HOST).
std::string EnvironmentName(const CLI::App* verb, const CLI::Option* option) {
  std::string name = option->get_lnames().front();
  for (; verb->get_parent() != nullptr; verb = verb->get_parent())
    name = Cat(verb->get_name(), "_", name);
  name = "capbroker_" + name;
  for (char& c : name)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

// Without the line breaks that a file or a Kubernetes secret leaves at the end; nothing that is
// given here ends with one.
std::string WithoutLineEnd(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

void TrimEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value != nullptr) setenv(name.c_str(), WithoutLineEnd(value).c_str(), 1);
}

void NameEnvironment(CLI::App& verb) {
  for (CLI::Option* option : verb.get_options()) {
    const bool is_named = !option->get_envname().empty();
    if (!is_named && (option->get_lnames().empty() || !option->get_configurable())) continue;
    if (!is_named) option->envname(EnvironmentName(&verb, option));
    TrimEnvironment(option->get_envname());
  }
  for (CLI::App* sub : verb.get_subcommands({})) NameEnvironment(*sub);
}

// In CLI11 the configuration file wins over the environment. Here the environment wins: items of
// the file that the environment also gives are left out.
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

// Formats help: the example stands with the verb; names of environment variables follow one rule
// and are not repeated.
class HouseFormatter : public CLI::Formatter {
 public:
  HouseFormatter() { column_width(34); }

  std::string make_option_opts(const CLI::Option* option) const override {
    if (!option->get_option_text().empty()) return " " + option->get_option_text();
    std::string out;
    if (option->get_expected_max() == 0) return out;  // A switch takes no value.
    const bool named = option->get_positional();      // Its name says enough.
    const std::string type =
        option->get_type_name();  // Followed by the check, if any: "INT:POSITIVE".
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
  const std::string group = "Connection";
  app.add_option("--target", client.target, "Address of the broker: host:port")
      ->capture_default_str()
      ->group(group);
  AddText(app, "--token", client.token, "TEXT", "Bearer token; --token-file keeps it out of `ps`")
      ->group(group);
  AddText(app, "--token-file", client.token_file, "FILE", "File with the bearer token")
      ->group(group);
  AddText(app, "--tls-ca", client.tls_ca_file, "FILE", "CA certificates, PEM; default the system's")
      ->group(group);
  AddText(app, "--tls-cert", client.tls_cert_file, "FILE", "Client certificate, PEM")->group(group);
  AddText(app, "--tls-key", client.tls_key_file, "FILE", "Its private key, PEM")->group(group);
  app.add_flag("--insecure-loopback", client.insecure_loopback,
               "Plain text to this machine, although TLS files are named")
      ->group(group);
  AddSpan(app, "--deadline", client.deadline, "How long one call may take")->group(group);
  app.add_option_function<std::string>(
         "--output", [&session](const std::string& value) { session.json = value == "json"; },
         "table, or json: protobuf JSON, or the trail's canonical text")
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
  if (example.empty()) {  // A family, such as `request`.
    verb->require_subcommand(1);
    verb->footer("More: capbroker " + name + " SUBCOMMAND --help");
    return verb;
  }
  std::string footer = "Example:\n";
  for (std::string_view line : Split(example, '\n')) footer += Cat("  ", line, "\n");
  verb->footer(footer + "\nFlags for connection and output: capbroker --help");
  return verb;
}

void OnRun(CLI::App& verb, std::function<void()> run) { verb.callback(std::move(run)); }

CLI::Option* AddText(CLI::App& verb, const std::string& name, std::string& value,
                     const std::string& type, const std::string& what) {
  return verb.add_option(name, value, what)->type_name(type);
}

void AddOwner(CLI::App& verb, std::string& value, const std::string& what) {
  AddText(verb, "--owner", value, "OWNER", what)->envname("CAPBROKER_OWNER");
}

void AddRequestKey(CLI::App& verb, std::string& value) {
  AddText(verb, "--request-id", value, "KEY",
          "Idempotency key, to repeat a call safely; default random");
}

absl::Status FlagReader::WithFlag(std::string_view flag, const absl::Status& status) {
  return absl::InvalidArgumentError(Cat(flag, ": ", View(status.message())));
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
  // Otherwise CLI11 would let the flag take every word after it, positional arguments included.
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
  app.fallthrough();          // Shared flags may also stand after the verb.
  app.require_subcommand(1);  // Subcommands inherit the formatter and both of these.
  app.set_help_flag("-h,--help", "This help");

  Session session;
  AddSharedFlags(app, session);
  for (const AddVerb add : kVerbs) add(app, session);

  const char* file = std::getenv("CAPBROKER_CONFIG");
  const bool file_named = file != nullptr && *file != 0;
  app.set_config("--config", file_named ? file : "", "TOML file with flags")->type_name("FILE");
  app.allow_config_extras(CLI::config_extras_mode::error);
  NameEnvironment(app);
  app.config_formatter(std::make_shared<EnvironmentFirst>(&app));
  // CLI11 ignores a missing default file; one that was named must exist.
  if (file_named && !std::ifstream(file)) {
    std::fprintf(stderr, "capbroker: CAPBROKER_CONFIG: got %s, want a file that can be read\n",
                 file);
    return kExitUsage;
  }
  std::vector<std::string> arguments;  // The last one first, as CLI11 wants them.
  for (int i = argc - 1; i > 0; --i) arguments.push_back(WithoutLineEnd(argv[i]));
  try {
    app.parse(std::move(arguments));
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
    // CLI11 reports an unknown verb as a missing one.
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
