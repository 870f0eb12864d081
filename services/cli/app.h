// Command line: the flags that every verb has, the table of verbs, and what verbs are built from.
//
// To add a verb: write `void AddThing(CLI::App& app, Session& session)` in a file of its own, and
// add the line VERB(AddThing) to verbs.inc. It adds a subcommand to `app`, with a function that
// runs after parsing and returns the exit code:
//
//   struct ThingFlags { int count = 1; };
//   int DoThing(Session& session, const ThingFlags& flags);
//
//   void AddThing(CLI::App& app, Session& session) {
//     auto [verb, flags] = AddVerbTo(app, session, "thing", "Do the thing",
//                                    "capbroker thing --count 3", DoThing);
//     verb->add_option("--count", flags->count, "How many times");
//   }
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/client/client.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace capbroker {

// One run of the program.
struct Session {
  ClientOptions client{};
  // --output json: stdout has protobuf JSON or canonical bodies, and nothing else.
  bool json = false;
  int exit_code = kExitOk;

  // One line on stderr; returns the exit code, so that a verb ends with `return
  // session.Fail(status)`.
  int Fail(const absl::Status& status) const;
  int Fail(const grpc::Status& status) const;
};

using AddVerb = void (*)(CLI::App& app, Session& session);

// A subcommand. `example` is one or more whole lines, shown below the flags; a verb without one is
// a family, such as `request`, whose members do the work.
CLI::App* AddVerbTo(CLI::App& parent, const std::string& name, const std::string& what,
                    const std::string& example);
void OnRun(CLI::App& verb, std::function<void()> run);

// A subcommand that calls `run` after parsing. The flags live as long as the subcommand.
template <class Flags>
std::pair<CLI::App*, std::shared_ptr<Flags>> AddVerbTo(CLI::App& parent, Session& session,
                                                       const std::string& name,
                                                       const std::string& what,
                                                       const std::string& example,
                                                       int (*run)(Session&, const Flags&)) {
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerbTo(parent, name, what, example);
  OnRun(*verb, [&session, flags, run] { session.exit_code = run(session, *flags); });
  return {verb, flags};
}

// A flag with a value of `type`, such as "WHEN"; without dashes, a positional argument.
CLI::Option* AddText(CLI::App& verb, const std::string& name, std::string& value,
                     const std::string& type, const std::string& what);

// A flag with a duration: 90s, 2h, 3d, 1d12h, 250ms. Shows its default.
CLI::Option* AddSpan(CLI::App& verb, const std::string& name, Span& value, const std::string& what);

// A flag that may be repeated, with one value each time.
CLI::Option* AddList(CLI::App& verb, const std::string& name, std::vector<std::string>& values,
                     const std::string& type, const std::string& what);

// Flags that several verbs have: --limit of a list, --owner, and --request-id, the idempotency key.
CLI::Option* AddLimit(CLI::App& verb, int& value, const std::string& what);
void AddOwner(CLI::App& verb, std::string& value, const std::string& what = "Whose: openai");
void AddRequestKey(CLI::App& verb, std::string& value);

// Parses values of flags one after the other; keeps the first error.
class FlagReader {
 public:
  // If `text` is not empty, passes parse(text) to `set`.
  template <class Parse, class Set>
  FlagReader& Read(std::string_view flag, const std::string& text, Parse parse, Set set) {
    if (text.empty() || !status_.ok()) return *this;
    auto value = parse(std::string_view(text));
    if (value.ok()) {
      set(*std::move(value));
    } else {
      status_ = WithFlag(flag, value.status());
    }
    return *this;
  }
  const absl::Status& status() const { return status_; }

 private:
  static absl::Status WithFlag(std::string_view flag, const absl::Status& status);

  absl::Status status_;
};

// Parses the command line, runs one verb and returns the process's exit code.
int RunCommandLine(int argc, char** argv);

}  // namespace capbroker
