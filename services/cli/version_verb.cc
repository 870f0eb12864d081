// `capbroker version`.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "services/cli/app.h"
#include "services/cli/version.h"

namespace capbroker {

void AddVersion(CLI::App& app, Session& session) {
  AddVerbTo(app, "version", "Say which build this is", "capbroker version --output json")
      ->callback([&session] {
        const std::string version(Version());
        if (session.json) {
          std::printf("{\"version\":\"%s\",\"api\":\"capbroker.v1\"}\n", version.c_str());
        } else {
          std::printf("capbroker %s\nAPI       capbroker.v1\n", version.c_str());
        }
      });
}

}  // namespace capbroker
