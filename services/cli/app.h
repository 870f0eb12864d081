// The command line as a whole: the flags that every verb has, and the table of verbs.
//
// To add a verb: write `void AddThing(CLI::App& app, Session& session)` in a file of its own, which
// adds a subcommand to `app` and gives it a callback, and add the line VERB(AddThing) to verbs.inc.
// The callback runs after parsing, does the work, and leaves its result in session.exit_code:
//
//   void AddThing(CLI::App& app, Session& session) {
//     auto flags = std::make_shared<ThingFlags>();  // Lives as long as the callback.
//     CLI::App* verb = AddVerbTo(app, "thing", "Does the thing", "capbroker thing --count 3");
//     verb->add_option("--count", flags->count, "How many times");
//     verb->callback([&session, flags] { session.exit_code = DoThing(session, *flags); });
//   }
#pragma once

#include <string>
#include <string_view>
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
  bool json =
      false;  // --output json: protobuf JSON or canonical bodies on stdout, nothing else there.
  int exit_code = kExitOk;

  // One line on stderr; returns the exit code, so that a verb ends with `return
  // session.Fail(status)`.
  int Fail(const absl::Status& status) const;
  int Fail(const grpc::Status& status) const;
};

using AddVerb = void (*)(CLI::App& app, Session& session);

// A subcommand with the house's help: `example` is one or more whole lines, shown below the flags.
CLI::App* AddVerbTo(CLI::App& parent, const std::string& name, const std::string& what,
                    const std::string& example);

// A flag whose text is a length of time: 90s, 2h, 3d, 1d12h, 250ms. Shows its default.
CLI::Option* AddSpan(CLI::App& verb, const std::string& name, Span& value, const std::string& what);

// A flag that may be given several times, one value each.
CLI::Option* AddList(CLI::App& verb, const std::string& name, std::vector<std::string>& values,
                     const std::string& type, const std::string& what);

// --limit of a list.
CLI::Option* AddLimit(CLI::App& verb, int& value, const std::string& what);

// Parses, runs one verb, returns the process's exit code.
int RunCommandLine(int argc, char** argv);

}  // namespace capbroker
