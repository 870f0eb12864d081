// `capbroker decisions`: reading, exporting and verifying the trail.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>

#include "broker/values/refusal.h"
#include "broker/values/show.h"
#include "broker/values/text.h"
#include "capbroker/v1/decision_service.grpc.pb.h"
#include "services/cli/call.h"
#include "services/cli/name_arguments.h"
#include "services/cli/show.h"
#include "services/cli/table.h"
#include "services/cli/yaml.h"
#include "services/client/client.h"
#include "services/client/proto_values.h"
#include "services/files/text_file.h"
#include "storage/database_url.h"
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
  const auto ask = MakeRequest<v1::ListDecisionsRequest>(ParentOf(flags));
  if (!ask.ok()) return session.Fail(ask.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  v1::ListDecisionsRequest request = *ask;
  if (flags.newest) request.set_order(v1::DECISION_ORDER_NEWEST_FIRST);
  v1::ListDecisionsResponse response;
  const grpc::Status status =
      CallPages(session, *stub, &Stub::ListDecisions, request, flags.limit, response);
  if (!status.ok()) return session.Fail(status);
  if (session.json) {
    std::string lines;  // The canonical bodies, which the hashes cover.
    for (const v1::Act& act : response.acts()) lines += act.body() + "\n";
    Print(lines);
  } else {
    Print(ShowTrail(response.acts()));
  }
  NoteMore(response);
  return kExitOk;
}

int Export(Session& session, const TrailFlags& flags) {
  const auto ask = MakeRequest<v1::ExportEvidenceRequest>(ParentOf(flags));
  if (!ask.ok()) return session.Fail(ask.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  const bool to_file = !flags.out.empty() && flags.out != "-";
  const std::string unfinished = flags.out + ".part";  // Renamed when it is complete.
  std::ofstream file;
  if (to_file) {
    file.open(unfinished, std::ios::binary | std::ios::trunc);
    if (!file) return session.Fail(Invalid("--out", flags.out, "a file that can be written"));
  }
  const std::unique_ptr<grpc::ClientContext> context = NewStream(session.client);
  const auto reader = stub->ExportEvidence(context.get(), *ask);
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
      if (status.ok())
        return session.Fail(Invalid("--out", flags.out, "a file that can be written"));
    }
  }
  return status.ok() ? kExitOk : session.Fail(status);
}

std::string ShowCheckpoint(const v1::Checkpoint& checkpoint) {
  Hash hash{};
  std::copy_n(checkpoint.hash().begin(), std::min(hash.size(), checkpoint.hash().size()),
              hash.begin());
  return Cat("act   ", checkpoint.sequence(), "\ntime  ", ShowTime(FromProto(checkpoint.time())),
             "\nhash  ", Hex(hash), "\n");
}

int Checkpoint(Session& session, const TrailFlags& flags) {
  const absl::StatusOr<std::string> owner =
      flags.registry ? absl::StatusOr<std::string>("providers") : ReadOwnerName(flags.owner);
  if (!owner.ok()) return session.Fail(owner.status());
  v1::GetCheckpointRequest ask;
  ask.set_owner(*owner);
  return CallAndPrint<Service>(session, &Stub::GetCheckpoint, ask, ShowCheckpoint);
}

// What a verification of the database found, for Prometheus: it runs as a job, which cannot be
// scraped.
struct VerifyFigures {
  uint64_t trails = 0, decisions = 0;  // Read.
  uint64_t findings = 0;
  Span took{};
  Instant ended{};
};

// Writes the figures in the format of the node exporter's textfile collector.
absl::Status WriteVerifyMetrics(const std::string& path, const VerifyFigures& figures) {
  std::string text;
  const auto gauge = [&](const char* name, const char* help, const std::string& value) {
    text += Cat("# HELP capbroker_verify_", name, " ", help, "\n# TYPE capbroker_verify_", name,
                " gauge\ncapbroker_verify_", name, " ", value, "\n");
  };
  const auto seconds = [](Span span) {
    std::string formatted = Format(span);  // "1.5s".
    formatted.pop_back();
    return formatted;
  };
  gauge("findings", "Differences found by the last verification of the database.",
        Cat(figures.findings));
  gauge("trails", "Trails read by the last verification.", Cat(figures.trails));
  gauge("decisions", "Decisions read by the last verification.", Cat(figures.decisions));
  gauge("duration_seconds", "Duration of the last verification.", seconds(figures.took));
  gauge("completed_timestamp_seconds", "End of the last verification, since 1970.",
        seconds(figures.ended - Instant{}));
  return ReplaceTextFile("--metrics-file", path, text);
}

int VerifyFile(const Session& session, const TrailFlags& flags) {
  const absl::StatusOr<std::string> text = ReadInput(flags.file);
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
    out +=
        Cat("  not checked  ", report.links_unchecked,
            report.links_unchecked == 1 ? " link: the act before it is"
                                        : " links: the acts before them are",
            " not in the file,\n               so that a missing act or a changed text would not "
            "show; verify the\n               owner's whole export, or --database\n");
  } else if (!report.IsWhole()) {
    out += "  not checked  what came before the first act\n";
  }
  if (flags.head.empty()) {
    out +=
        "  not checked  that the broker holds this chain, and no longer one; --head, from a "
        "checkpoint, does\n";
  }
  for (const std::string& finding : report.findings)
    out += Cat("  FOUND        ", Printable(finding), "\n");
  Print(out + (report.findings.empty() ? "verified\n" : "NOT verified\n"));
  return report.findings.empty() ? kExitOk : kExitUnverified;
}

int VerifyDatabase(const Session& session, const TrailFlags& flags) {
  const Instant began = LocalNow();
  if (absl::Status status = CheckDatabaseUrl("--database", flags.database); !status.ok())
    return session.Fail(status);
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
  // Metrics of one owner would be read as those of the whole database.
  if (!flags.metrics.empty() && (flags.database.empty() || !flags.owner.empty())) {
    return session.Fail(
        Invalid("--metrics-file", flags.metrics, "--database beside it, and no FILE or --owner"));
  }
  return flags.file.empty() ? VerifyDatabase(session, flags) : VerifyFile(session, flags);
}

}  // namespace

void AddDecisions(CLI::App& app, Session& session) {
  CLI::App* family = AddVerbTo(app, "decisions", "Read, export and verify the trail", "");
  const auto add = [&](const std::string& name, const std::string& what, const std::string& example,
                       int (*run)(Session&, const TrailFlags&)) {
    auto [verb, flags] = AddVerbTo(*family, session, name, what, example, run);
    AddOwner(*verb, flags->owner);
    return std::pair(verb, flags);
  };
  const auto add_registry = [](CLI::App& verb, TrailFlags& flags) {
    verb.add_flag("--registry", flags.registry, "The registry of providers, instead of an owner");
  };
  const auto add_parent = [&](CLI::App& verb, TrailFlags& flags) {
    AddText(verb, "--request", flags.request, "REQUEST", "Only about this one: OWNER/REQUEST");
    add_registry(verb, flags);
  };
  {
    auto [verb, flags] = add("list", "Show decisions in words, oldest first",
                             "capbroker decisions list --owner openai --newest --limit 20", List);
    add_parent(*verb, *flags);
    verb->add_flag("--newest", flags->newest, "Newest first");
    AddLimit(*verb, flags->limit, "Show at most this many acts");
  }
  {
    auto [verb, flags] =
        add("export", "Export the trail as evidence, one act per line",
            "capbroker decisions export --owner openai --out openai.jsonl", Export);
    add_parent(*verb, *flags);
    AddText(*verb, "--out", flags->out, "FILE", "File to write; default standard output");
  }
  {
    auto [verb, flags] =
        add("checkpoint", "Show the head of a hash chain, to keep elsewhere and verify against",
            "capbroker decisions checkpoint --owner openai", Checkpoint);
    add_registry(*verb, *flags);
  }
  auto [verb, flags] =
      add("verify", "Verify an exported file, or a whole database, against its hashes and rules",
          "capbroker decisions verify openai.jsonl\n"
          "capbroker decisions verify --database postgresql:///capbroker",
          Verify);
  AddText(*verb, "FILE", flags->file, "", "An exported file; - is stdin");
  AddText(*verb, "--database", flags->database, "URL",
          "PostgreSQL to read: verifies chains, folds and rows")
      ->envname("CAPBROKER_DATABASE");
  AddText(*verb, "--metrics-file", flags->metrics, "FILE",
          "Write the result of --database for the textfile collector of Prometheus' node exporter");
  AddText(*verb, "--head", flags->head, "HASH", "What the last hash must be, from a checkpoint");
}

}  // namespace capbroker
