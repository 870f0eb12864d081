// The trail: `capbroker decisions ...`.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>

#include "broker/values/refusal.h"
#include "broker/values/show.h"
#include "broker/values/text.h"
#include "capbroker/v1/decision_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/show.h"
#include "services/cli/table.h"
#include "services/cli/typed_name.h"
#include "services/cli/verify_metrics.h"
#include "services/cli/wire.h"
#include "services/cli/yaml.h"
#include "services/client/local_clock.h"
#include "storage/evidence.h"
#include "storage/postgres_ledger.h"
#include "storage/verify.h"

namespace capbroker {
namespace {

using Service = v1::DecisionService;
using Stub = Service::Stub;

struct TrailFlags {
  std::string owner{}, request{}, out{}, file{}, database{}, head{}, metrics{};
  bool registry = false, newest = false;
  int limit = 1000;
};

absl::StatusOr<std::string> ParentOf(const TrailFlags& flags) {
  if (flags.registry) return std::string("providers");
  return flags.request.empty() ? ReadOwnerName(flags.owner)
                               : ReadRequestName(flags.request, flags.owner);
}

int List(Session& session, const TrailFlags& flags) {
  const absl::StatusOr<std::string> parent = ParentOf(flags);
  if (!parent.ok()) return session.Fail(parent.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::ListDecisionsRequest ask;
  ask.set_parent(*parent);
  if (flags.newest) ask.set_order(v1::DECISION_ORDER_NEWEST_FIRST);
  v1::ListDecisionsResponse response;
  const grpc::Status status =
      CallPages(session, *stub, &Stub::ListDecisions, ask, flags.limit, response);
  if (!status.ok()) return session.Fail(status);
  if (session.json) {
    std::string lines;  // The canonical bodies themselves: what the hashes cover.
    for (const v1::Act& act : response.acts()) lines += act.body() + "\n";
    Print(lines);
  } else {
    Print(ShowTrail(response.acts()));
  }
  NoteMore(response);
  return kExitOk;
}

int Export(Session& session, const TrailFlags& flags) {
  const absl::StatusOr<std::string> parent = ParentOf(flags);
  if (!parent.ok()) return session.Fail(parent.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  const bool to_file = !flags.out.empty() && flags.out != "-";
  const std::string unfinished = flags.out + ".part";  // Under its name a file is whole.
  std::ofstream file;
  if (to_file) {
    file.open(unfinished, std::ios::binary | std::ios::trunc);
    if (!file) return session.Fail(Invalid("--out", flags.out, "a file that can be written"));
  }
  v1::ExportEvidenceRequest ask;
  ask.set_parent(*parent);
  const std::unique_ptr<grpc::ClientContext> context = NewStream(session.client);
  const auto reader = stub->ExportEvidence(context.get(), ask);
  for (v1::ExportEvidenceResponse piece; reader->Read(&piece);) {
    if (to_file) {
      file << piece.chunk();
    } else {
      Print(piece.chunk());
    }
  }
  const grpc::Status status = reader->Finish();
  if (to_file) {
    file.close();
    const bool written = !file.fail();
    if (!status.ok() || !written || std::rename(unfinished.c_str(), flags.out.c_str()) != 0) {
      std::remove(unfinished.c_str());
      if (status.ok()) return session.Fail(Invalid("--out", flags.out, "a disk that takes it"));
    }
  }
  return status.ok() ? kExitOk : session.Fail(status);
}

int Checkpoint(Session& session, const TrailFlags& flags) {
  const absl::StatusOr<std::string> owner =
      flags.registry ? absl::StatusOr<std::string>("providers") : ReadOwnerName(flags.owner);
  if (!owner.ok()) return session.Fail(owner.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::GetCheckpointRequest ask;
  ask.set_owner(*owner);
  v1::Checkpoint checkpoint;
  const grpc::Status status = Call(session, *stub, &Stub::GetCheckpoint, ask, checkpoint);
  if (!status.ok()) return session.Fail(status);
  Hash hash{};
  std::copy_n(checkpoint.hash().begin(), std::min(hash.size(), checkpoint.hash().size()),
              hash.begin());
  Print(session.json ? Json(checkpoint)
                     : Cat("act   ", checkpoint.sequence(), "\ntime  ",
                           ShowTime(FromWire(checkpoint.time())), "\nhash  ", Hex(hash), "\n"));
  return kExitOk;
}

int VerifyFile(const Session& session, const TrailFlags& flags) {
  const absl::StatusOr<std::string> text = ReadFile(flags.file);
  if (!text.ok()) return session.Fail(text.status());
  EvidenceReport report = VerifyEvidence(*text);
  if (!flags.head.empty()) {
    const absl::StatusOr<Hash> head = ParseHash(flags.head);
    if (!head.ok()) return session.Fail(Invalid("--head", flags.head, "64 hexadecimal digits"));
    if (*head != report.head)
      report.findings.push_back(Cat("the last hash is not that of --head, ", flags.head));
  }
  std::string out =
      Cat(ShowQuantity(static_cast<int64_t>(report.acts)), report.acts == 1 ? " act, " : " acts, ",
          ShowQuantity(static_cast<int64_t>(report.decisions)), " decisions",
          report.owner.empty() ? "" : Cat(" of ", report.owner.value),
          report.request.IsSet() ? Cat(", request ", Format(report.request)) : "", "\n");
  out += Cat("  acts         ", report.first, " to ", report.last, "\n  last hash    ",
             Hex(report.head), "\n");
  out += Cat("  checked      form, order and owner of every act; ", report.links_checked, " of ",
             report.links_checked + report.links_unchecked, " links of the chain\n");
  if (report.links_unchecked > 0) {
    out += Cat("  not checked  ", report.links_unchecked,
               report.links_unchecked == 1 ? " link: the act before it is"
                                           : " links: the acts before them are",
               " not in the file,\n               so that an act left out, or these texts changed, "
               "would not show;"
               "\n               the owner's whole export, or verify --database, shows it\n");
  } else if (!report.IsWhole()) {
    out += "  not checked  what came before the first act\n";
  }
  if (flags.head.empty()) {
    out +=
        "  not checked  that this is the chain the broker holds, to its end; --head HASH from a "
        "checkpoint "
        "does\n";
  }
  for (const std::string& finding : report.findings)
    out += Cat("  FOUND        ", Printable(finding), "\n");
  Print(out + (report.findings.empty() ? "verified\n" : "NOT verified\n"));
  return report.findings.empty() ? kExitOk : kExitUnverified;
}

int VerifyDatabase(const Session& session, const TrailFlags& flags) {
  const Instant began = LocalNow();
  PostgresLedger ledger({.url = flags.database});
  const absl::StatusOr<uint32_t> partitions = ledger.Open();
  if (!partitions.ok()) return session.Fail(partitions.status());
  const absl::StatusOr<Hash> head = flags.head.empty() ? Hash{} : ParseHash(flags.head);
  if (!head.ok()) return session.Fail(Invalid("--head", flags.head, "64 hexadecimal digits"));
  if (!flags.head.empty() && flags.owner.empty()) {
    return session.Fail(Invalid("--head", "no --owner", "the owner whose last hash it is"));
  }
  Table table({"OWNER", ">ACTS", ">DECISIONS", ">REQUESTS", ">OFFERS", ">FINDINGS", "LAST HASH"});
  std::string findings;
  uint64_t unsettled = 0;
  VerifyFigures figures;
  const auto verify = [&](const OwnerId& owner) -> absl::Status {
    const absl::StatusOr<Verification> v = VerifyOwner(ledger, owner);
    if (!v.ok()) return v.status();
    if (!flags.head.empty() && v->head != *head)
      findings +=
          Cat("FOUND  ", owner.value, ": the last hash is not that of --head, ", flags.head, "\n");
    const auto show = [](uint64_t n) { return ShowQuantity(static_cast<int64_t>(n)); };
    table.Add({owner == kDirectory ? "(providers)" : owner.value, show(v->acts), show(v->decisions),
               show(v->requests), show(v->offers), show(v->findings.size()), Hex(v->head)});
    for (const std::string& finding : v->findings)
      findings += Cat("FOUND  ", owner.value, ": ", Printable(finding), "\n");
    ++figures.trails;
    figures.decisions += v->decisions;
    figures.findings += v->findings.size();
    unsettled += v->unsettled;
    return absl::OkStatus();
  };
  if (!flags.owner.empty()) {
    if (!IsName(flags.owner))
      return session.Fail(Invalid("--owner", flags.owner, "an owner's id, such as openai"));
    const absl::StatusOr<std::optional<BookRow>> known = ledger.ReadBook({flags.owner});
    if (!known.ok()) return session.Fail(known.status());
    if (!known->has_value())
      return session.Fail(absl::NotFoundError(Cat("no trail of ", flags.owner, " is there")));
    if (absl::Status status = verify({flags.owner}); !status.ok()) return session.Fail(status);
  } else {
    for (OwnerId after;;) {
      const absl::StatusOr<std::vector<OwnerId>> page = ledger.Owners(after, 100);
      if (!page.ok()) return session.Fail(page.status());
      if (page->empty()) break;
      for (const OwnerId& owner : *page) {
        if (absl::Status status = verify(owner); !status.ok()) return session.Fail(status);
      }
      after = page->back();
    }
  }
  std::string out = table.Text("no trail") + findings;
  if (unsettled > 0)
    out += Cat(unsettled, " requests changed meanwhile; their rows were not compared\n");
  Print(out + (findings.empty() ? Cat("verified ", figures.trails,
                                      figures.trails == 1 ? " trail\n" : " trails\n")
                                : "NOT verified\n"));
  if (!flags.metrics.empty()) {
    figures.ended = LocalNow();
    figures.took = figures.ended - began;
    if (absl::Status status = WriteVerifyMetrics(flags.metrics, figures); !status.ok())
      return session.Fail(status);
  }
  return findings.empty() ? kExitOk : kExitUnverified;
}

int Verify(Session& session, const TrailFlags& flags) {
  if (flags.file.empty() == flags.database.empty()) {
    return session.Fail(
        Invalid("verify", flags.file.empty() ? "neither" : "both", "either FILE or --database"));
  }
  // A file about a part would be read as one about the whole.
  if (!flags.metrics.empty() && (flags.database.empty() || !flags.owner.empty())) {
    return session.Fail(
        Invalid("--metrics-file", flags.metrics, "--database beside it, and no FILE or --owner"));
  }
  return flags.file.empty() ? VerifyDatabase(session, flags) : VerifyFile(session, flags);
}

}  // namespace

void AddDecisions(CLI::App& app, Session& session) {
  CLI::App* family = AddVerbTo(app, "decisions", "Read, take away and verify the trail", "");
  auto flags = std::make_shared<TrailFlags>();
  const auto add = [&](const char* name, const char* what, const char* example,
                       int (*run)(Session&, const TrailFlags&)) {
    CLI::App* verb = AddVerbTo(*family, name, what, example);
    verb->callback([&session, flags, run] { session.exit_code = run(session, *flags); });
    return verb;
  };
  const auto add_parent = [&](CLI::App* verb) {
    verb->add_option("--request", flags->request, "Only about this one: OWNER/REQUEST")
        ->type_name("REQUEST");
    verb->add_flag("--registry", flags->registry,
                   "The registry's of providers, instead of an owner's");
  };
  CLI::App* list = add("list", "Show decisions in words, oldest first",
                       "capbroker decisions list --owner openai --newest --limit 20", List);
  add_parent(list);
  list->add_flag("--newest", flags->newest, "Newest first");
  AddLimit(*list, flags->limit, "At most so many acts");
  CLI::App* exports = add("export", "Write the trail as evidence, one act a line",
                          "capbroker decisions export --owner openai --out openai.jsonl", Export);
  add_parent(exports);
  exports->add_option("--out", flags->out, "Where to; default standard output")->type_name("FILE");
  CLI::App* checkpoint =
      add("checkpoint", "Show where a chain stands, to keep elsewhere and verify against",
          "capbroker decisions checkpoint --owner openai", Checkpoint);
  checkpoint->add_flag("--registry", flags->registry,
                       "The registry's of providers, instead of an owner's");
  CLI::App* verify =
      add("verify", "Check an exported file, or a whole database, against its own hashes and rules",
          "capbroker decisions verify openai.jsonl\n"
          "capbroker decisions verify --database postgresql:///capbroker",
          Verify);
  verify->add_option("FILE", flags->file, "As exported; - is stdin");
  verify->add_option("--database", flags->database, "PostgreSQL to read: chains, folds and rows")
      ->type_name("URL")
      ->envname("CAPBROKER_DATABASE");
  verify
      ->add_option(
          "--metrics-file", flags->metrics,
          "Gets what came of --database, for the textfile collector of Prometheus' node exporter")
      ->option_text("FILE");
  verify->add_option("--head", flags->head, "What the last hash must be, from a checkpoint")
      ->type_name("HASH");
  for (CLI::App* verb : {list, exports, checkpoint, verify}) {
    verb->add_option("--owner", flags->owner, "Whose: openai")
        ->type_name("OWNER")
        ->envname("CAPBROKER_OWNER");
  }
}

}  // namespace capbroker
