// What an operator does once, or before anything runs: `capbroker migrate`, `token`, `version`.
#include <openssl/rand.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "broker/values/ids.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/cli/app.h"
#include "services/cli/call.h"
#include "services/server/version.h"
#include "storage/migrate.h"

namespace capbroker {

void AddMigrate(CLI::App& app, Session& session) {
  struct Flags {
    std::string database{};
    uint32_t partitions = 0;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      AddVerbTo(app, "migrate", "Bring a database to this program's schema",
                "capbroker migrate --database postgresql://capbroker@db.example/capbroker");
  verb->add_option("--database", flags->database, "PostgreSQL: a URL or a libpq connection string")
      ->required()
      ->type_name("URL")
      ->envname("CAPBROKER_DATABASE");
  verb->add_option("--partitions", flags->partitions,
                   "How many, at the first migration; never changed after; default 64")
      ->check(CLI::Range(1, 32767))
      ->type_name("N");
  verb->callback([&session, flags] {
    const absl::StatusOr<std::vector<std::string>> applied =
        Migrate(flags->database, flags->partitions);
    if (!applied.ok()) {
      session.exit_code = session.Fail(applied.status());
      return;
    }
    for (const std::string& step : *applied) Print(step + "\n");
    if (applied->empty())
      Print(Cat("schema ", Migrations().size(), " is there already, nothing to do\n"));
  });
}

void AddToken(CLI::App& app, Session& session) {
  struct Flags {
    std::string role{}, name{};
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      AddVerbTo(app, "token", "Make a bearer token, and its line for the principals file",
                "capbroker token --role owner --name openai");
  verb->add_option("--role", flags->role, "owner, provider, operator or auditor")
      ->required()
      ->check(CLI::IsMember({"owner", "provider", "operator", "auditor"}))
      ->type_name("ROLE");
  verb->add_option("--name", flags->name, "Whose: openai")->required()->type_name("NAME");
  verb->callback([&session, flags] {
    if (!IsName(flags->name)) {
      session.exit_code = session.Fail(
          Invalid("--name", flags->name, "1 to 63 of a-z, 0-9 and '-', beginning with a letter"));
      return;
    }
    Hash random{};  // 256 bits: not to be guessed, and so its plain hash is no help either.
    if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
      session.exit_code = session.Fail(absl::InternalError("no randomness to be had"));
      return;
    }
    const std::string token = Cat("cb_", Hex(random));
    const std::string hash = Hex(Sha256(token));
    if (session.json) {
      Print(Cat("{\"token\":\"", token, "\",\"role\":\"", flags->role, "\",\"name\":\"",
                flags->name, "\",\"token_sha256\":\"", hash, "\"}\n"));
      return;
    }
    // Words to one side, so that a script gets two lines to take apart.
    std::fputs(
        "The token, for its bearer; it is kept nowhere and not shown again. Below it, the line for "
        "the "
        "principals\n"
        "file, which cannot be turned back into the token.\n",
        stderr);
    Print(Cat(token, "\n- {role: ", flags->role, ", name: ", flags->name, ", token_sha256: ", hash,
              "}\n"));
  });
}

void AddVersion(CLI::App& app, Session& session) {
  AddVerbTo(app, "version", "Say which build this is", "capbroker version --output json")
      ->callback([&session] {
        const std::string version(Version());
        const size_t schema = Migrations().size();
        if (session.json) {
          Print(Cat("{\"version\":\"", version, "\",\"api\":\"capbroker.v1\",\"schema\":", schema,
                    "}\n"));
        } else {
          Print(Cat("capbroker ", version, "\nAPI       capbroker.v1\nschema    ", schema, "\n"));
        }
      });
}

}  // namespace capbroker
