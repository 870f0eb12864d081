// `capbroker load`: replays a trace of requests, or plain load, and reports the outcome.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "services/cli/app.h"
#include "services/cli/desk_flags.h"
#include "services/workload/load_plan.h"

namespace capbroker {
namespace {

struct LoadVerbFlags {
  LoadFlags load{};
  DeskFlags desk{};
};

int RunLoadVerb(Session& session, const LoadVerbFlags& given) {
  LoadFlags flags = given.load;
  flags.client = session.client;
  flags.seed = given.desk.seed;
  absl::StatusOr<DeskScript> script = ScriptOf(given.desk);
  if (!script.ok()) return session.Fail(script.status());
  flags.script = *std::move(script);
  absl::StatusOr<LoadPlan> plan = PlanLoad(flags);
  if (!plan.ok()) return session.Fail(plan.status());
  const absl::StatusOr<LoadReport> report = RunLoad(*std::move(plan));
  if (!report.ok()) return session.Fail(report.status());
  std::fputs((session.json ? RenderJson(*report) : RenderTable(*report)).c_str(), stdout);
  if (!report->trail_read || report->fault_count > 0) return kExitUnverified;
  return report->Good() ? kExitOk : kExitRefused;
}

void AddWhat(CLI::App& verb, LoadFlags& flags) {
  const std::string group = "Requests";
  CLI::Option* trace =
      verb.add_option("--trace", flags.trace,
                      "CSV of tasks, in the columns of Alibaba's cluster-trace-gpu-v2023")
          ->option_text("FILE")
          ->group(group);
  verb.add_option("--nodes", flags.nodes,
                  "CSV of machines: even ones are the holder's, odd ones the alternatives' in turn")
      ->option_text("FILE")
      ->group(group);
  verb.add_flag("--keep", flags.keep, "Release nothing of the trace before the last task has come")
      ->group(group);
  verb.add_option("--limit", flags.limit, "Only this many first tasks; 0: all")->group(group);
  verb.add_option(
          "--speedup", flags.speedup,
          "Seconds of the trace per second; max: as fast as its order of requests and releases "
          "allows")
      ->capture_default_str()
      ->option_text("N|max [max]")
      ->group(group);
  verb.add_option("--requests", flags.requests,
                  "This many equal requests instead, each released once it has ended")
      ->excludes(trace)
      ->group(group);
  verb.add_option("--quantity", flags.quantity, "Quantity of each of --requests")
      ->capture_default_str()
      ->group(group);
  verb.add_option("--qos", flags.qos,
                  "Class of each of --requests: LS, or BE, which a waiver may cover")
      ->check(CLI::IsMember({"LS", "BE"}))
      ->option_text("LS|BE [LS]")
      ->group(group);
  verb.add_option("--region", flags.region, "Region of every request")
      ->capture_default_str()
      ->group(group);
  verb.add_option("--price", flags.price, "Price per unit-hour")
      ->capture_default_str()
      ->group(group);
  AddSpan(verb, "--ahead", flags.ahead,
          "How far in the future the trace's zero is; every window must fit before")
      ->group(group);
  AddSpan(verb, "--step-window", flags.step_window,
          "How long an alternative may take to answer; default the broker's")
      ->group(group);
}

}  // namespace

void AddLoad(CLI::App& app, Session& session) {
  auto [verb, verb_flags] = AddVerbTo(
      app, session, "load", "Replay a trace of requests, or plain load, and check its trail",
      "capbroker load --trace pods.csv --nodes nodes.csv --tokens tokens/ --output json\n"
      "capbroker load --requests 1000 --concurrency 64 --tokens tokens/\n"
      "capbroker load --requests 1000 --concurrency 64 --tokens tokens/ --session",
      RunLoadVerb);
  LoadFlags* const flags = &verb_flags->load;
  AddWhat(*verb, *flags);
  verb->add_option("--owner", flags->owner, "The owner")->capture_default_str();
  verb->add_option("--holder", flags->holder, "The provider with rights")->capture_default_str();
  verb->add_option("--alternatives", flags->alternatives,
                   "The other providers, in the order in which they are asked")
      ->delimiter(',')
      ->option_text("ID,... [stargate-oracle,coreweave]");
  verb->add_flag("--holder-last", flags->holder_last,
                 "Ask the holder as an alternative too, after the others");
  verb->add_option("--tokens", flags->tokens,
                   "Directory of token files: owner-openai, provider-azure, ...")
      ->option_text("DIR");
  verb->add_option("--desks", flags->desks,
                   "own: providers are simulated in this process; external: by provider-sim")
      ->check(CLI::IsMember({"own", "external"}))
      ->option_text("own|external [own]");
  verb->add_flag("--session", flags->session,
                 "Owner and own desks each use one session instead of single calls and a watch");
  verb->add_option("--concurrency", flags->concurrency, "Requests and releases in flight")
      ->capture_default_str();
  verb->add_flag("--retry", flags->retry, "Repeat a command whose outcome is unknown,");
  AddSpan(*verb, "--retry-for", flags->retry_for, "for this long");
  AddSpan(*verb, "--patience", flags->patience,
          "Cancel a request that has not ended after this long");
  verb->add_option("--journal", flags->journal,
                   "Every command sent and answer received, as JSON lines")
      ->option_text("FILE");
  AddDeskFlags(*verb, verb_flags->desk);
}

}  // namespace capbroker
