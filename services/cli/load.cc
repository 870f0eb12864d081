// `capbroker load`: replays a trace of real requests, or plain load, through the API, and reports
// what came of it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "broker/values/ids.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/cli/app.h"
#include "services/client/local_clock.h"
#include "services/workload/desk_flags.h"
#include "services/workload/load_run.h"
#include "services/workload/trace.h"

namespace capbroker {
namespace {

struct LoadFlags {
  std::string trace, nodes;
  std::string owner = "openai", holder = "azure";
  std::vector<std::string> alternatives = {"stargate-oracle", "coreweave"};
  bool holder_last = false, keep = false;
  std::string tokens, desks = "own", speedup = "max", journal, price = "0.0025 USD", qos = "LS";
  std::string region = "us-east";
  int64_t concurrency = 32, limit = 0, requests = 0, quantity = 1000;
  bool retry = false, session = false;
  Span retry_for = Seconds(60), patience = Seconds(60), ahead = Hours(7 * 24), step_window{};
  DeskFlags desk;
};

absl::Status ReadTasks(const LoadFlags& flags, LoadPlan& plan) {
  if (flags.requests < 0 || flags.trace.empty() == (flags.requests == 0)) {
    return Invalid("--trace", flags.trace.empty() ? "nothing" : flags.trace,
                   "a file, or --requests of 1 or more");
  }
  if (flags.requests > 0) {
    // Of whole GPUs where it can be, so that it may be divided.
    const int64_t gpus = flags.quantity % 1000 == 0 ? flags.quantity / 1000 : 1;
    const TraceTask task{.name = "load",
                         .num_gpu = gpus,
                         .gpu_milli = flags.quantity / std::max<int64_t>(gpus, 1),
                         .qos = flags.qos,
                         .deletion = 3600};
    plan.tasks.assign(static_cast<size_t>(flags.requests), task);
    // Closed loop: each is due at once, and given back as soon as it has ended.
    plan.spans.assign(plan.tasks.size(), LoadSpan{});
    plan.rule = LoadOrder::Rule::kPaced;
    plan.speedup = 0;
    return absl::OkStatus();
  }
  const absl::StatusOr<std::string> text = ReadTextFile(flags.trace);
  if (!text.ok()) return absl::InvalidArgumentError(Cat("--trace: ", text.status().message()));
  absl::StatusOr<Trace> trace = ParseTrace(flags.trace, *text);
  if (!trace.ok()) return trace.status();
  plan.tasks = std::move(trace->tasks);
  plan.notes.push_back(Cat(plan.tasks.size() + static_cast<size_t>(trace->without_gpu),
                           " tasks in ", flags.trace, "; ", trace->without_gpu,
                           " without a GPU are skipped"));
  if (trace->lengthened > 0) {
    plan.notes.push_back(Cat(trace->lengthened, " of no length are taken as one second long"));
  }
  if (flags.limit > 0 && static_cast<size_t>(flags.limit) < plan.tasks.size()) {
    plan.notes.push_back(Cat("only the first ", flags.limit, " are asked for"));
    plan.tasks.resize(static_cast<size_t>(flags.limit));
  }
  // Kept, the tasks fill the machines as they come, and the last ones find what is left.
  const int64_t end = plan.tasks.empty() ? 0 : plan.tasks.back().creation + 1;
  for (const TraceTask& task : plan.tasks)
    plan.spans.push_back({task.creation, flags.keep ? end : task.deletion});
  if (flags.speedup == "max") return absl::OkStatus();
  const auto speedup = ParseNumber<int64_t>(flags.speedup);
  if (!speedup || *speedup < 1)
    return Invalid("--speedup", flags.speedup, "max, or a whole number of 1 or more");
  plan.rule = LoadOrder::Rule::kPaced;
  plan.speedup = static_cast<double>(*speedup);
  return absl::OkStatus();
}

// What each provider has: even nodes are the holder's; of the odd ones each alternative has its
// turn.
absl::Status ShareNodes(const LoadFlags& flags, LoadPlan& plan,
                        std::map<std::string, std::map<std::string, int64_t>>& stock) {
  if (flags.nodes.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> text = ReadTextFile(flags.nodes);
  if (!text.ok()) return absl::InvalidArgumentError(Cat("--nodes: ", text.status().message()));
  const absl::StatusOr<std::vector<TraceNode>> nodes = ParseNodes(flags.nodes, *text);
  if (!nodes.ok()) return nodes.status();
  stock[flags.holder] = Stock(*nodes, {2, {0}});
  const int64_t count = static_cast<int64_t>(flags.alternatives.size());
  for (int64_t i = 0; i < count; ++i) {
    stock[flags.alternatives[static_cast<size_t>(i)]] = Stock(*nodes, {2 * count, {2 * i + 1}});
  }
  for (const auto& [provider, models] : stock) plan.inventory[provider] = Inventory(models).Total();
  return absl::OkStatus();
}

// Without --tokens everybody uses the connection's own token, for brokers that let one caller be
// all.
ClientOptions ClientFor(const Session& session, const LoadFlags& flags,
                        const std::string& principal) {
  ClientOptions client = session.client;
  if (!flags.tokens.empty()) {
    client.token.clear();
    client.token_file = Cat(flags.tokens, "/", principal);
  }
  return client;
}

absl::StatusOr<LoadPlan> PlanOf(const Session& session, const LoadFlags& flags) {
  LoadPlan plan;
  if (!IsName(flags.owner)) return Invalid("--owner", flags.owner, "an id such as openai");
  std::vector<std::string> providers = {flags.holder};
  providers.insert(providers.end(), flags.alternatives.begin(), flags.alternatives.end());
  for (const std::string& provider : providers) {
    if (!IsName(provider))
      return Invalid("--holder or --alternatives", provider, "ids such as azure");
    if (std::count(providers.begin(), providers.end(), provider) > 1) {
      return Invalid("--alternatives", provider, "each provider once");
    }
  }
  if (flags.quantity < 1) return Invalid("--quantity", std::to_string(flags.quantity), "1 or more");
  if (flags.concurrency < 1)
    return Invalid("--concurrency", std::to_string(flags.concurrency), "1 or more");
  if (absl::Status s = ReadTasks(flags, plan); !s.ok()) return s;
  std::map<std::string, std::map<std::string, int64_t>> stock;
  if (absl::Status s = ShareNodes(flags, plan, stock); !s.ok()) return s;
  const absl::StatusOr<Money> price = ParseMoney(flags.price);
  if (!price.ok())
    return Invalid("--price", flags.price, "an amount and a currency, such as '0.0025 USD'");
  absl::StatusOr<DeskScript> script = ScriptOf(flags.desk);
  if (!script.ok()) return script.status();

  const Instant now = LocalNow();
  plan.concurrency = static_cast<size_t>(flags.concurrency);
  plan.journal = flags.journal;
  plan.shape = {.owner = flags.owner,
                .alternatives = flags.alternatives,
                .run = std::to_string(now.micros),
                .zero = now + flags.ahead,
                .region = flags.region,
                .unit_price = *price,
                .step_window = flags.step_window};
  if (flags.holder_last) plan.shape.alternatives.push_back(flags.holder);
  plan.owner = {.owner = flags.owner,
                .client = ClientFor(session, flags, "owner-" + flags.owner),
                .session = flags.session,
                .run = plan.shape.run,
                .repeat = flags.retry,
                .repeat_for = flags.retry_for,
                .patience = flags.patience};
  if (flags.desks == "external") return plan;
  for (const std::string& provider : providers) {
    DeskOptions desk;
    desk.provider = provider;
    desk.client = ClientFor(session, flags, "provider-" + provider);
    desk.session = flags.session;
    desk.script = *script;
    desk.seed = flags.desk.seed + plan.desks.size();  // Desks that draw alike would decline alike.
    if (stock.contains(provider)) desk.inventory = Inventory(stock[provider]);
    plan.desks.push_back(std::move(desk));
  }
  return plan;
}

int RunLoadVerb(Session& session, const LoadFlags& flags) {
  absl::StatusOr<LoadPlan> plan = PlanOf(session, flags);
  if (!plan.ok()) return session.Fail(plan.status());
  const absl::StatusOr<LoadReport> report = RunLoad(*std::move(plan));
  if (!report.ok()) return session.Fail(report.status());
  std::fputs((session.json ? RenderJson(*report) : RenderTable(*report)).c_str(), stdout);
  if (!report->trail_read || report->fault_count > 0) return kExitUnverified;
  return report->Good() ? kExitOk : kExitRefused;
}

void AddWhat(CLI::App& verb, LoadFlags& flags) {
  const std::string group = "What is asked for";
  CLI::Option* trace =
      verb.add_option("--trace", flags.trace,
                      "CSV of tasks, in the columns of Alibaba's cluster-trace-gpu-v2023")
          ->option_text("FILE")
          ->group(group);
  verb.add_option(
          "--nodes", flags.nodes,
          "CSV of machines; even lines are the holder's, the others the alternatives' in turn")
      ->option_text("FILE")
      ->group(group);
  verb.add_flag("--keep", flags.keep,
                "Give nothing of the trace back before the last task has come")
      ->group(group);
  verb.add_option("--limit", flags.limit, "Only the first so many tasks; 0: all")->group(group);
  verb.add_option("--speedup", flags.speedup,
                  "Seconds of the trace in one second; max: as fast as its order of taking and "
                  "giving back allows")
      ->capture_default_str()
      ->option_text("N|max [max]")
      ->group(group);
  verb.add_option("--requests", flags.requests,
                  "So many equal requests instead, each given back once it has ended")
      ->excludes(trace)
      ->group(group);
  verb.add_option("--quantity", flags.quantity, "Of each of --requests")
      ->capture_default_str()
      ->group(group);
  verb.add_option("--qos", flags.qos, "Of each of --requests: LS, or BE for the way of a waiver")
      ->check(CLI::IsMember({"LS", "BE"}))
      ->option_text("LS|BE [LS]")
      ->group(group);
  verb.add_option("--region", flags.region, "Of every request")
      ->capture_default_str()
      ->group(group);
  verb.add_option("--price", flags.price, "Of a unit and hour")
      ->capture_default_str()
      ->group(group);
  AddSpan(verb, "--ahead", flags.ahead,
          "The trace's zero is so long from now: every window must fit before")
      ->group(group);
  AddSpan(verb, "--step-window", flags.step_window,
          "How long an alternative may think; else the broker's default")
      ->group(group);
}

}  // namespace

void AddLoad(CLI::App& app, Session& session) {
  auto flags = std::make_shared<LoadFlags>();
  CLI::App* verb = AddVerbTo(
      app, "load", "Replay a trace of requests, or plain load, and check the trail it leaves",
      "capbroker load --trace pods.csv --nodes nodes.csv --tokens tokens/ --output json\n"
      "capbroker load --requests 1000 --concurrency 64 --tokens tokens/\n"
      "capbroker load --requests 1000 --concurrency 64 --tokens tokens/ --session");
  AddWhat(*verb, *flags);
  verb->add_option("--owner", flags->owner, "Who asks")->capture_default_str();
  verb->add_option("--holder", flags->holder, "The provider with rights")->capture_default_str();
  verb->add_option("--alternatives", flags->alternatives,
                   "The other providers, in the order they are asked")
      ->delimiter(',')
      ->option_text("ID,... [stargate-oracle,coreweave]");
  verb->add_flag("--holder-last", flags->holder_last,
                 "Ask the holder as an alternative too, after the others");
  verb->add_option("--tokens", flags->tokens,
                   "Directory of token files: owner-openai, provider-azure, ...")
      ->option_text("DIR");
  verb->add_option("--desks", flags->desks,
                   "own: the providers answer from this process; external: provider-sim does")
      ->check(CLI::IsMember({"own", "external"}))
      ->option_text("own|external [own]");
  verb->add_flag(
      "--session", flags->session,
      "Owner and own desks each speak in one session, not in calls of their own and a watch");
  verb->add_option("--concurrency", flags->concurrency, "Requests and releases in flight")
      ->capture_default_str();
  verb->add_flag("--retry", flags->retry, "After an unknown outcome send the same command again,");
  AddSpan(*verb, "--retry-for", flags->retry_for, "for so long");
  AddSpan(*verb, "--patience", flags->patience,
          "A request that has not ended after so long is cancelled");
  verb->add_option("--journal", flags->journal,
                   "Every command sent and answer received, as JSON lines")
      ->option_text("FILE");
  AddDeskFlags(*verb, flags->desk);
  verb->callback([&session, flags] { session.exit_code = RunLoadVerb(session, *flags); });
}

}  // namespace capbroker
