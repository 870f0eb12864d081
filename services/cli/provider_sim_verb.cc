// `capbroker provider-sim`: a simulated provider's desk as a process.
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
#include "services/cli/call.h"
#include "services/cli/desk_flags.h"
#include "services/edge/address.h"
#include "services/files/text_file.h"
#include "services/log/log.h"
#include "services/notation/json_text.h"
#include "services/rpc/listener.h"
#include "services/workload/capacity_provider_service.h"
#include "services/workload/desk.h"
#include "services/workload/stop_signal.h"
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
  const absl::StatusOr<std::string> text = ReadTextFile("--inventory-file", flags.inventory_file);
  if (!text.ok()) return text.status();
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

void PrintEvent(const DeskEvent& event, bool json) {
  const std::string_view reason = NameOf(event.reason);
  if (json) {
    Print(JsonObject()
              .Add("offer", event.offer)
              .Add("answer", Word(event))
              .Add("asked", event.asked)
              .Add("quantity", event.quantity)
              .Add("reason", reason)
              .Add("error", event.error)
              .Add("micros", event.micros)
              .text() +
          "\n");
    return;
  }
  std::string line = Cat(Word(event), " ", event.offer, " ");
  if (event.quantity > 0 && event.quantity != event.asked) line += Cat(event.quantity, " of ");
  line += Cat(event.asked);
  if (!reason.empty()) line += Cat(" ", reason);
  if (!event.error.empty()) line += Cat(" ", event.error);
  Print(line + "\n");
}

std::string Totals(const DeskTotals& t, const std::optional<Inventory>& inventory, bool json) {
  int64_t errors = 0;
  std::string codes;
  JsonObject by_code;
  for (const auto& [code, count] : t.errors) {
    errors += count;
    codes += Cat("error: ", code, ": ", count, "\n");
    by_code.Add(code, count);
  }
  if (json) {
    JsonObject out;
    out.Add("offers", t.offers)
        .Add("accepted", t.accepted)
        .Add("partial", t.partial)
        .Add("declined", t.declined)
        .Add("silent", t.silent)
        .Add("quantity", t.quantity)
        .Add("standing", t.standing)
        .Add("returned", t.returned)
        .Add("repeats", t.repeats)
        .Add("resumed", t.resumed)
        .AddJson("errors", by_code.text());
    if (inventory) {
      out.Add("inventory", inventory->Total())
          .Add("in_use", inventory->InUse())
          .Add("peak_in_use", inventory->PeakInUse());
    }
    return out.text() + "\n";
  }
  std::string text =
      Cat(t.offers, " offers: ", t.accepted, " accepted, ", t.partial, " partly accepted, ",
          t.declined, " declined, ", t.silent, " unanswered, ", errors, " refused; ", t.quantity,
          " accepted in total, ", t.standing, " placed before, ", t.returned, " released; ",
          t.repeats, " answers repeated, ", t.resumed, " watches resumed\n");
  if (inventory) {
    text += Cat("inventory ", inventory->Total(), ", in use ", inventory->InUse(), ", peak ",
                inventory->PeakInUse(), "\n");
  }
  return text + codes;
}

// Runs a desk that the broker calls, until a signal.
int ServeDesk(Session& session, const SimFlags& flags, DeskOptions options) {
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

  EventLoop loop;
  CapacityProviderService service(loop, std::move(options.script), options.seed,
                                  std::move(options.inventory));
  service.on_event = [&](const DeskEvent& event) { PrintEvent(event, session.json); };
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
  builder.RegisterService(&service);
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
  std::fputs(Totals(service.totals(), service.inventory(), session.json).c_str(), stdout);
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
  if (!flags.serve.empty()) return ServeDesk(session, flags, std::move(options));
  options.count_standing = true;
  Journal journal;
  if (!flags.journal.empty()) {
    if (absl::Status s = journal.Create(flags.journal); !s.ok()) return session.Fail(s);
  }

  EventLoop loop;
  Desk* running = nullptr;  // Used on the loop.
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
  desk.on_event = [&](const DeskEvent& event) { PrintEvent(event, session.json); };
  desk.OnFailure([&] { loop.Stop(); });
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
  auto [verb, flags] = AddVerbTo(
      app, session, "provider-sim",
      "Answer a provider's offers according to a script, within an inventory",
      "capbroker provider-sim --provider azure --inventory h100=8000 --always accept\n"
      "capbroker provider-sim --provider azure --session --always decline\n"
      "capbroker provider-sim --provider azure --serve 127.0.0.1:7430 --always partial:50%\n"
      "capbroker provider-sim --provider coreweave --inventory-file nodes.csv --share 1/4 \\\n"
      "  --script 'accept 0.7 after 50ms..2s; decline NO_CAPACITY 0.2; silent 0.1'",
      RunProviderSim);
  verb->add_option("--provider", flags->provider, "Whose offers")
      ->option_text("ID (required)")
      ->required();
  CLI::Option* serve =
      verb->add_option("--serve", flags->serve,
                       "Serve CapacityProvider at this address instead of watching. "
                       "--tls-cert and --tls-key are then its own, and --tls-ca "
                       "signs the broker's; without them plain text, on loopback")
          ->option_text("HOST:PORT");
  verb->add_flag("--session", flags->session, "Use one session instead of single calls and a watch")
      ->excludes(serve);
  CLI::Option* quantities =
      verb->add_option("--inventory", flags->inventory, "The inventory; default unlimited")
          ->option_text("MODEL=QUANTITY,...");
  verb->add_option("--inventory-file", flags->inventory_file,
                   "CSV of machines: sn, gpu, model; a GPU counts 1000")
      ->option_text("FILE")
      ->excludes(quantities);
  verb->add_option("--share", flags->share, "Only machines whose index, from 0, is K modulo N")
      ->option_text("K[,K...]/N");
  verb->add_option("--journal", flags->journal,
                   "Every command sent and answer received, as JSON lines")
      ->option_text("FILE");
  AddDeskFlags(*verb, flags->desk);
}

}  // namespace capbroker
