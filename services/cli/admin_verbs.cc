// Verbs of operation: `capbroker migrate`, `token`, `health`, `version`.
#include <openssl/rand.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "broker/values/ids.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "services/cli/app.h"
#include "services/cli/call.h"
#include "services/notation/json_text.h"
#include "services/server/version.h"
#include "storage/database_url.h"
#include "storage/migrate.h"

namespace capbroker {

namespace {

struct MigrateFlags {
  std::string database{};
  uint32_t partitions = 0;
};

int RunMigrate(Session& session, const MigrateFlags& flags) {
  if (absl::Status status = CheckDatabaseUrl("--database", flags.database); !status.ok())
    return session.Fail(status);
  const absl::StatusOr<std::vector<std::string>> applied =
      Migrate(flags.database, flags.partitions);
  if (!applied.ok()) return session.Fail(applied.status());
  for (const std::string& step : *applied) Print(step + "\n");
  if (applied->empty()) Print(Cat("schema ", Migrations().size(), " is present, nothing to do\n"));
  return kExitOk;
}

struct TokenFlags {
  std::string role{}, name{};
};

int MakeToken(Session& session, const TokenFlags& flags) {
  if (!IsName(flags.name)) {
    return session.Fail(
        Invalid("--name", flags.name, "1 to 63 of a-z, 0-9 and '-', beginning with a letter"));
  }
  Hash random{};  // 256 bits cannot be guessed, so that even an unsalted hash reveals nothing.
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return session.Fail(absl::InternalError("the random generator failed"));
  }
  const std::string token = Cat("cb_", Hex(random));
  const std::string hash = Hex(Sha256(token));
  if (session.json) {
    Print(JsonObject()
              .Add("token", token)
              .Add("role", flags.role)
              .Add("name", flags.name)
              .Add("token_sha256", hash)
              .text() +
          "\n");
    return kExitOk;
  }
  // On stderr, so that a script gets two lines to take apart.
  std::fputs(
      "The token, for its bearer; it is stored nowhere and not shown again. Below it, the line "
      "for\n"
      "the principals file, from which the token cannot be computed.\n",
      stderr);
  Print(Cat(token, "\n- {role: ", flags.role, ", name: ", flags.name, ", token_sha256: ", hash,
            "}\n"));
  return kExitOk;
}

struct HealthFlags {
  std::string service{};
};

int CheckHealth(Session& session, const HealthFlags& flags) {
  using grpc::health::v1::Health;
  using Response = grpc::health::v1::HealthCheckResponse;
  const auto stub = Reach<Health>(session);
  if (stub == nullptr) return session.exit_code;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(flags.service);
  Response response;
  const grpc::Status status = Call(session, *stub, &Health::Stub::Check, request, response);
  if (!status.ok()) return session.Fail(status);
  Print(session.json ? Json(response) : Response::ServingStatus_Name(response.status()) + "\n");
  return response.status() == Response::SERVING ? kExitOk : kExitRefused;
}

struct NoFlags {};

int PrintVersion(Session& session, const NoFlags&) {
  const std::string version(Version());
  const size_t schema = Migrations().size();
  Print(session.json
            ? JsonObject()
                      .Add("version", version)
                      .Add("api", "capbroker.v1")
                      .Add("schema", schema)
                      .text() +
                  "\n"
            : Cat("capbroker ", version, "\nAPI       capbroker.v1\nschema    ", schema, "\n"));
  return kExitOk;
}

}  // namespace

void AddMigrate(CLI::App& app, Session& session) {
  auto [verb, flags] = AddVerbTo(
      app, session, "migrate", "Bring a database to this program's schema",
      "capbroker migrate --database postgresql://capbroker@db.example/capbroker", RunMigrate);
  AddText(*verb, "--database", flags->database, "URL",
          "PostgreSQL: a URL or a libpq connection string")
      ->required()
      ->envname("CAPBROKER_DATABASE");
  verb->add_option("--partitions", flags->partitions,
                   "Number of partitions, fixed by the first migration; default 64")
      ->check(CLI::Range(1, 32767))
      ->type_name("N");
}

void AddToken(CLI::App& app, Session& session) {
  auto [verb, flags] =
      AddVerbTo(app, session, "token", "Make a bearer token, and its line for the principals file",
                "capbroker token --role owner --name openai", MakeToken);
  AddText(*verb, "--role", flags->role, "ROLE", "owner, provider, operator or auditor")
      ->required()
      ->check(CLI::IsMember({"owner", "provider", "operator", "auditor"}))
      ->type_name("ROLE");
  AddText(*verb, "--name", flags->name, "NAME", "Whose: openai")->required();
}

void AddHealth(CLI::App& app, Session& session) {
  auto [verb, flags] = AddVerbTo(
      app, session, "health",
      "Ask whether the broker serves: exit code 0 if so, 1 if not, 3 if it cannot be reached",
      "capbroker health --deadline 2s\n"
      "capbroker health --target broker.example:7420 --tls-ca ca.crt",
      CheckHealth);
  AddText(*verb, "--service", flags->service, "NAME",
          "One of its services, such as capbroker.v1.OfferService; default all");
}

void AddVersion(CLI::App& app, Session& session) {
  AddVerbTo(app, session, "version", "Print the version of this build",
            "capbroker version --output json", PrintVersion);
}

}  // namespace capbroker
