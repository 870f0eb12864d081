// `capbroker provider-sim`: a provider's desk as a process of its own.
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>

#include "absl/synchronization/notification.h"
#include "broker/values/ids.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/cli/app.h"
#include "services/log/log.h"
#include "services/rpc/listener.h"
#include "services/workload/desk.h"
#include "services/workload/desk_door.h"
#include "services/workload/desk_flags.h"
#include "services/workload/desk_signal.h"
#include "services/workload/trace.h"

namespace capbroker {
namespace {

struct SimFlags {
  std::string provider, serve;
  std::string inventory, inventory_file, share, journal;
  bool session = false;
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
  if (!text.ok())
    return absl::InvalidArgumentError(Cat("--inventory-file: ", text.status().message()));
  const absl::StatusOr<std::vector<TraceNode>> nodes = ParseNodes(flags.inventory_file, *text);
  if (!nodes.ok()) return nodes.status();
  const absl::StatusOr<NodeShare> share =
      flags.share.empty() ? NodeShare() : ParseNodeShare(flags.share);
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
    return Cat("{\"offer\":\"", event.offer, "\",\"answer\":\"", Word(event),
               "\",\"asked\":", event.asked, ",\"quantity\":", event.quantity, ",\"reason\":\"",
               reason, "\",\"error\":\"", event.error, "\",\"micros\":", event.micros, "}\n");
  }
  std::string line = Cat(Word(event), " ", event.offer, " ");
  if (event.quantity > 0 && event.quantity != event.asked) line += Cat(event.quantity, " of ");
  line += Cat(event.asked);
  if (!reason.empty()) line += Cat(" ", reason);
  if (!event.error.empty()) line += Cat(" ", event.error);
  return line + "\n";
}

void Tell(const DeskEvent& event, bool json) {
  std::fputs(Line(event, json).c_str(), stdout);
  std::fflush(stdout);  // Whoever waits for an answer reads it through a pipe.
}

std::string Totals(const DeskTotals& t, const std::optional<Inventory>& inventory, bool json) {
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
    if (inventory) {
      line += Cat(",\"inventory\":", inventory->Total(), ",\"in_use\":", inventory->InUse(),
                  ",\"peak_in_use\":", inventory->PeakInUse());
    }
    return line + "}\n";
  }
  std::string text =
      Cat(t.offers, " offers: ", t.accepted, " accepted, ", t.partial, " in part, ", t.declined,
          " declined, ", t.silent, " left unanswered, ", errors, " refused; ", t.quantity,
          " accepted in all, ", t.standing, " placed before, ", t.returned, " given back; ",
          t.repeats, " answers repeated, ", t.resumed, " watches resumed\n");
  if (inventory) {
    text += Cat("inventory ", inventory->Total(), ", in use ", inventory->InUse(), ", at most ",
                inventory->PeakInUse(), "\n");
  }
  return text + codes;
}

// Until a signal.
int Serve(Session& session, const SimFlags& flags, DeskOptions options) {
  if (!flags.journal.empty())
    return session.Fail(Invalid("--journal", flags.journal, "no --serve beside it"));
  const ClientOptions& tls = session.client;
  ListenerOptions listener{.address = flags.serve,
                           .tls_cert_file = tls.tls_cert_file,
                           .tls_key_file = tls.tls_key_file,
                           .tls_client_ca_file = tls.tls_ca_file};
  listener.insecure_loopback = listener.tls_cert_file.empty();
  const auto credentials = MakeCredentials(listener);
  if (!credentials.ok()) return session.Fail(credentials.status());

  Loop loop;
  DeskDoor door(loop, std::move(options.script), options.seed, std::move(options.inventory));
  door.on_event = [&](const DeskEvent& event) { Tell(event, session.json); };
  std::unique_ptr<grpc::Server> server;
  absl::Notification started;
  StopSignal signals([&] {
    started.WaitForNotification();
    if (server != nullptr) server->Shutdown(std::chrono::system_clock::now());
    loop.Stop();
  });
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  int port = 0;
  builder.AddListeningPort(flags.serve, *credentials, &port);
  builder.RegisterService(&door);
  {
    const QuietGrpc quiet;
    server = builder.BuildAndStart();
  }
  started.Notify();
  if (server == nullptr || port == 0) {
    return session.Fail(absl::FailedPreconditionError(
        Cat("--serve: cannot listen on ", flags.serve, ": ", WhyNotBound(flags.serve))));
  }
  std::fprintf(stderr, "capbroker: provider %s is called at %s:%d\n", flags.provider.c_str(),
               flags.serve.substr(0, flags.serve.rfind(':')).c_str(), port);
  loop.Run();
  std::fputs(Totals(door.totals(), door.inventory(), session.json).c_str(), stdout);
  return kExitOk;
}

int RunProviderSim(Session& session, const SimFlags& flags) {
  if (!IsName(flags.provider))
    return session.Fail(Invalid("--provider", flags.provider, "an id such as azure"));
  if (!flags.share.empty() && flags.inventory_file.empty()) {
    return session.Fail(Invalid("--share", flags.share, "an --inventory-file to share"));
  }
  DeskOptions options;
  options.provider = flags.provider;
  options.session = flags.session;
  options.seed = flags.desk.seed;
  absl::StatusOr<DeskScript> script = ScriptOf(flags.desk);
  if (!script.ok()) return session.Fail(script.status());
  options.script = *std::move(script);
  absl::StatusOr<std::optional<Inventory>> inventory = InventoryOf(flags);
  if (!inventory.ok()) return session.Fail(inventory.status());
  options.inventory = *std::move(inventory);
  if (!flags.serve.empty()) return Serve(session, flags, std::move(options));
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
  desk.on_event = [&](const DeskEvent& event) { Tell(event, session.json); };
  desk.on_failure = [&] { loop.Stop(); };
  desk.Start([&] {
    std::fprintf(stderr, "capbroker: provider %s is watching\n", flags.provider.c_str());
  });
  loop.Run();
  if (!desk.failure().ok()) return session.Fail(desk.failure());
  std::fputs(Totals(desk.totals(), desk.inventory(), session.json).c_str(), stdout);
  if (!journal.Close())
    return session.Fail(absl::InternalError("--journal: not all of it was written"));
  return desk.totals().errors.empty() ? kExitOk : kExitRefused;
}

}  // namespace

void AddProviderSim(CLI::App& app, Session& session) {
  auto flags = std::make_shared<SimFlags>();
  CLI::App* verb = AddVerbTo(
      app, "provider-sim", "Answer a provider's offers by a script, within an inventory",
      "capbroker provider-sim --provider azure --inventory h100=8000 --always accept\n"
      "capbroker provider-sim --provider azure --session --always decline\n"
      "capbroker provider-sim --provider azure --serve 127.0.0.1:7430 --always partial:50%\n"
      "capbroker provider-sim --provider coreweave --inventory-file nodes.csv --share 1/4 \\\n"
      "  --script 'accept 0.7 after 50ms..2s; decline NO_CAPACITY 0.2; silent 0.1'");
  verb->add_option("--provider", flags->provider, "Whose offers")
      ->option_text("ID (required)")
      ->required();
  CLI::Option* serve = verb->add_option("--serve", flags->serve,
                                        "Be called there (CapacityProvider) instead of watching. "
                                        "--tls-cert and --tls-key are then "
                                        "its own, and --tls-ca says who signs the broker's; "
                                        "without them plain text, on this machine")
                           ->option_text("HOST:PORT");
  verb->add_flag("--session", flags->session,
                 "Answer in one session, not in calls of their own beside a watch")
      ->excludes(serve);
  CLI::Option* quantities = verb->add_option("--inventory", flags->inventory,
                                             "What there is; neither flag: always enough")
                                ->option_text("MODEL=QUANTITY,...");
  verb->add_option("--inventory-file", flags->inventory_file,
                   "CSV of machines: sn, gpu, model; counts 1000 for each GPU")
      ->option_text("FILE")
      ->excludes(quantities);
  verb->add_option("--share", flags->share,
                   "Only machines whose index, from 0, leaves K when divided by N")
      ->option_text("K[,K...]/N");
  verb->add_option("--journal", flags->journal,
                   "Every command sent and answer received, as JSON lines")
      ->option_text("FILE");
  AddDeskFlags(*verb, flags->desk);
  verb->callback([&session, flags] { session.exit_code = RunProviderSim(session, *flags); });
}

}  // namespace capbroker
