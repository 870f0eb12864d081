// `capbroker provider-sim`: a provider's desk as a process of its own.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "broker/ids.h"
#include "broker/refusal.h"
#include "broker/text.h"
#include "services/cli/app.h"
#include "services/cli/desk.h"
#include "services/cli/desk_flags.h"
#include "services/cli/desk_signal.h"
#include "services/cli/trace.h"

namespace capbroker {
namespace {

struct SimFlags {
  std::string provider;
  std::string inventory, inventory_file, share, journal;
  DeskFlags desk;
};

absl::StatusOr<std::optional<Inventory>> InventoryOf(const SimFlags& flags) {
  if (!flags.inventory.empty()) {
    const auto quantities = ParseQuantities(flags.inventory);
    if (!quantities.ok()) return quantities.status();
    return Inventory(*quantities);
  }
  if (flags.inventory_file.empty()) return std::optional<Inventory>();
  const absl::StatusOr<std::string> text = ReadTextFile(flags.inventory_file);
  if (!text.ok()) return absl::InvalidArgumentError(Cat("--inventory-file: ", text.status().message()));
  const absl::StatusOr<std::vector<TraceNode>> nodes = ParseNodes(flags.inventory_file, *text);
  if (!nodes.ok()) return nodes.status();
  const absl::StatusOr<NodeShare> share = flags.share.empty() ? NodeShare() : ParseNodeShare(flags.share);
  if (!share.ok()) return share.status();
  return Inventory(Stock(*nodes, *share));
}

std::string_view Word(const DeskEvent& event) {
  if (!event.error.empty()) return "refused";
  switch (event.answer) {
    case DeskChoice::Answer::kSilence:
      return "silent";
    case DeskChoice::Answer::kDecline:
      return "declined";
    case DeskChoice::Answer::kAccept:
      return event.quantity == event.asked ? "accepted" : "partial";
  }
  return "";
}

std::string Line(const DeskEvent& event, bool json) {
  const std::string_view reason = NameOf(event.reason);
  if (json) {  // Names and codes need no escaping.
    return Cat("{\"offer\":\"", event.offer, "\",\"answer\":\"", Word(event), "\",\"asked\":", event.asked,
               ",\"quantity\":", event.quantity, ",\"reason\":\"", reason, "\",\"error\":\"", event.error,
               "\",\"micros\":", event.micros, "}\n");
  }
  std::string line = Cat(Word(event), " ", event.offer, " ");
  if (event.quantity > 0 && event.quantity != event.asked) line += Cat(event.quantity, " of ");
  line += Cat(event.asked);
  if (!reason.empty()) line += Cat(" ", reason);
  if (!event.error.empty()) line += Cat(" ", event.error);
  return line + "\n";
}

std::string Totals(const Desk& desk, bool json) {
  const DeskTotals& t = desk.totals();
  int64_t errors = 0;
  std::string codes;
  for (const auto& [code, count] : t.errors) {
    errors += count;
    codes += json ? Cat(codes.empty() ? "" : ",", "\"", code, "\":", count)
                  : Cat("error: ", code, ": ", count, "\n");
  }
  if (json) {
    std::string line =
        Cat("{\"offers\":", t.offers, ",\"accepted\":", t.accepted, ",\"partial\":", t.partial,
            ",\"declined\":", t.declined, ",\"silent\":", t.silent, ",\"quantity\":", t.quantity,
            ",\"standing\":", t.standing, ",\"returned\":", t.returned, ",\"repeats\":", t.repeats,
            ",\"resumed\":", t.resumed, ",\"errors\":{", codes, "}");
    if (desk.inventory()) {
      line += Cat(",\"inventory\":", desk.inventory()->Total(), ",\"in_use\":", desk.inventory()->InUse(),
                  ",\"peak_in_use\":", desk.inventory()->PeakInUse());
    }
    return line + "}\n";
  }
  std::string text = Cat(t.offers, " offers: ", t.accepted, " accepted, ", t.partial, " in part, ",
                         t.declined, " declined, ", t.silent, " left unanswered, ", errors, " refused; ",
                         t.quantity, " accepted in all, ", t.standing, " placed before, ", t.returned,
                         " given back; ", t.repeats, " answers repeated, ", t.resumed, " watches resumed\n");
  if (desk.inventory()) {
    text += Cat("inventory ", desk.inventory()->Total(), ", in use ", desk.inventory()->InUse(), ", at most ",
                desk.inventory()->PeakInUse(), "\n");
  }
  return text + codes;
}

int RunProviderSim(Session& session, const SimFlags& flags) {
  if (!IsName(flags.provider))
    return session.Fail(Invalid("--provider", flags.provider, "an id such as azure"));
  if (!flags.share.empty() && flags.inventory_file.empty()) {
    return session.Fail(Invalid("--share", flags.share, "an --inventory-file to share"));
  }
  DeskOptions options;
  options.provider = flags.provider;
  options.seed = flags.desk.seed;
  absl::StatusOr<DeskScript> script = ScriptOf(flags.desk);
  if (!script.ok()) return session.Fail(script.status());
  options.script = *std::move(script);
  absl::StatusOr<std::optional<Inventory>> inventory = InventoryOf(flags);
  if (!inventory.ok()) return session.Fail(inventory.status());
  options.inventory = *std::move(inventory);
  options.count_standing = true;
  Journal journal;
  if (!flags.journal.empty()) {
    if (absl::Status s = journal.Open(flags.journal); !s.ok()) return session.Fail(s);
  }

  Loop loop;
  Desk* running = nullptr;  // On the loop's thread only.
  StopSignal signals([&] {
    loop.Post([&] {
      if (running != nullptr) running->Stop();
      loop.Stop();
    });
  });
  options.client = session.client;
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Connect(options.client);
  if (!channel.ok()) return session.Fail(channel.status());
  Desk desk(loop, *channel, std::move(options), &journal);
  running = &desk;
  desk.on_event = [&](const DeskEvent& event) {
    std::fputs(Line(event, session.json).c_str(), stdout);
    std::fflush(stdout);  // Whoever waits for an answer reads it through a pipe.
  };
  desk.on_failure = [&] { loop.Stop(); };
  desk.Start([&] { std::fprintf(stderr, "capbroker: provider %s is watching\n", flags.provider.c_str()); });
  loop.Run();
  if (!desk.failure().ok()) return session.Fail(desk.failure());
  std::fputs(Totals(desk, session.json).c_str(), stdout);
  if (!journal.Close()) return session.Fail(absl::InternalError("--journal: not all of it was written"));
  return desk.totals().errors.empty() ? kExitOk : kExitRefused;
}

}  // namespace

void AddProviderSim(CLI::App& app, Session& session) {
  auto flags = std::make_shared<SimFlags>();
  CLI::App* verb =
      AddVerbTo(app, "provider-sim", "Answer a provider's offers by a script, within an inventory",
                "capbroker provider-sim --provider azure --inventory h100=8000 --always accept\n"
                "capbroker provider-sim --provider coreweave --inventory-file nodes.csv --share 1/4 \\\n"
                "  --script 'accept 0.7 after 50ms..2s; decline NO_CAPACITY 0.2; silent 0.1'");
  verb->add_option("--provider", flags->provider, "Whose offers")->option_text("ID (required)")->required();
  CLI::Option* quantities =
      verb->add_option("--inventory", flags->inventory, "What there is; neither flag: always enough")
          ->option_text("MODEL=QUANTITY,...");
  verb->add_option("--inventory-file", flags->inventory_file,
                   "CSV of machines: sn, gpu, model; counts 1000 for each GPU")
      ->option_text("FILE")
      ->excludes(quantities);
  verb->add_option("--share", flags->share, "Only machines whose index, from 0, leaves K when divided by N")
      ->option_text("K[,K...]/N");
  verb->add_option("--journal", flags->journal, "Every command sent and answer received, as JSON lines")
      ->option_text("FILE");
  AddDeskFlags(*verb, flags->desk);
  verb->callback([&session, flags] { session.exit_code = RunProviderSim(session, *flags); });
}

}  // namespace capbroker
