#include "services/workload/load_plan.h"

#include <algorithm>
#include <map>

#include "broker/values/ids.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/client/client.h"
#include "services/files/text_file.h"
#include "services/workload/trace.h"

namespace capbroker {
namespace {

absl::Status ReadTasks(const LoadFlags& flags, LoadPlan& plan) {
  if (flags.requests < 0 || flags.trace.empty() == (flags.requests == 0)) {
    return Invalid("--trace", flags.trace.empty() ? "nothing" : flags.trace,
                   "a file, or --requests of 1 or more");
  }
  if (flags.requests > 0) {
    // In whole GPUs where possible, so that it may be split.
    const int64_t gpus = flags.quantity % 1000 == 0 ? flags.quantity / 1000 : 1;
    const TraceTask task{.name = "load",
                         .num_gpu = gpus,
                         .gpu_milli = flags.quantity / std::max<int64_t>(gpus, 1),
                         .qos = flags.qos,
                         .deletion = 3600};
    plan.tasks.assign(static_cast<size_t>(flags.requests), task);
    // Closed loop: each request is due at once, and released as soon as it has ended.
    plan.spans.assign(plan.tasks.size(), TaskTimes{});
    plan.rule = LoadSchedule::Rule::kPaced;
    plan.speedup = 0;
    return absl::OkStatus();
  }
  const absl::StatusOr<std::string> text = ReadTextFile("--trace", flags.trace);
  if (!text.ok()) return text.status();
  absl::StatusOr<Trace> trace = ParseTrace(flags.trace, *text);
  if (!trace.ok()) return trace.status();
  plan.tasks = std::move(trace->tasks);
  plan.notes.push_back(Cat(plan.tasks.size() + static_cast<size_t>(trace->without_gpu),
                           " tasks in ", flags.trace, "; ", trace->without_gpu,
                           " without a GPU are skipped"));
  if (trace->lengthened > 0) {
    plan.notes.push_back(Cat(trace->lengthened, " of no length are treated as one second long"));
  }
  if (flags.limit > 0 && static_cast<size_t>(flags.limit) < plan.tasks.size()) {
    plan.notes.push_back(Cat("only the first ", flags.limit, " are requested"));
    plan.tasks.resize(static_cast<size_t>(flags.limit));
  }
  // With --keep the tasks fill the machines as they come, and the last ones find what is left.
  const int64_t end = plan.tasks.empty() ? 0 : plan.tasks.back().creation + 1;
  for (const TraceTask& task : plan.tasks)
    plan.spans.push_back({task.creation, flags.keep ? end : task.deletion});
  if (flags.speedup == "max") return absl::OkStatus();
  const auto speedup = ParseNumber<int64_t>(flags.speedup);
  if (!speedup || *speedup < 1)
    return Invalid("--speedup", flags.speedup, "max, or a whole number of 1 or more");
  plan.rule = LoadSchedule::Rule::kPaced;
  plan.speedup = static_cast<double>(*speedup);
  return absl::OkStatus();
}

// Distributes the machines: even ones belong to the holder, odd ones to the alternatives in turn.
absl::Status ShareNodes(const LoadFlags& flags, LoadPlan& plan,
                        std::map<std::string, std::map<std::string, int64_t>>& stock) {
  if (flags.nodes.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> text = ReadTextFile("--nodes", flags.nodes);
  if (!text.ok()) return text.status();
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

// Without --tokens all use the connection's own token, for brokers at which one caller may be
// everybody.
ClientOptions ClientFor(const LoadFlags& flags, const std::string& principal) {
  ClientOptions client = flags.client;
  if (!flags.tokens.empty()) {
    client.token.clear();
    client.token_file = Cat(flags.tokens, "/", principal);
  }
  return client;
}

}  // namespace

absl::StatusOr<LoadPlan> PlanLoad(const LoadFlags& flags) {
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
                .client = ClientFor(flags, "owner-" + flags.owner),
                .session = flags.session,
                .run = plan.shape.run,
                .repeat = flags.retry,
                .repeat_for = flags.retry_for,
                .patience = flags.patience};
  if (flags.desks == "external") return plan;
  for (const std::string& provider : providers) {
    DeskOptions desk;
    desk.provider = provider;
    desk.client = ClientFor(flags, "provider-" + provider);
    desk.session = flags.session;
    desk.script = flags.script;
    desk.seed = flags.seed + plan.desks.size();  // Equal seeds would decline alike.
    if (stock.contains(provider)) desk.inventory = Inventory(stock[provider]);
    plan.desks.push_back(std::move(desk));
  }
  return plan;
}

}  // namespace capbroker
