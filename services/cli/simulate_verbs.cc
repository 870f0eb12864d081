// `capbroker simulate`: plays stories and replays trails without a broker.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iterator>

#include "broker/trail/canonical.h"
#include "broker/trail/describe.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/cli/agreement_file.h"
#include "services/cli/app.h"
#include "services/cli/call.h"
#include "services/cli/replay_report.h"
#include "services/cli/yaml.h"
#include "services/files/text_file.h"
#include "services/notation/json_text.h"
#include "services/simulation/run_story.h"
#include "storage/evidence.h"

namespace capbroker {
namespace {

struct SimulateFlags {
  std::vector<std::string> files{};
  bool update = false, verbose = false;
  std::vector<std::string> evidence{};  // Trails to replay
  std::string agreement{};              // under this draft,
  std::string assume = "silent";        // with this answer where the record has none.
};

struct FileResult {
  std::string file{};
  absl::Status error{};  // If the file could not be read.
  std::vector<StoryResult> stories{};
};

size_t CountDecisions(const StoryResult& story) {
  size_t count = 0;
  for (const Act& act : story.acts) count += act.decisions.size();
  return count;
}

std::string AsJson(const StoryResult& story, bool with_trail) {
  std::vector<std::string> differences, trail;
  for (const Difference& difference : story.differences) {
    differences.push_back(
        JsonObject().Add("line", difference.line).Add("text", difference.text).text());
  }
  JsonObject out;
  out.Add("name", story.name)
      .Add("line", story.line)
      .Add("passed", story.passed())
      .Add("acts", story.steps)
      .Add("decisions", CountDecisions(story))
      .AddJson("differences", JsonArray(differences));
  if (with_trail) {
    for (const Act& act : story.acts) trail.push_back(Encode(act));
    out.AddJson("trail", JsonArray(trail));
  }
  return out.text();
}

std::string AsJson(const std::vector<FileResult>& results, size_t passed, size_t failed,
                   bool with_trails) {
  std::vector<std::string> files;
  for (const FileResult& result : results) {
    JsonObject file;
    file.Add("file", result.file);
    if (!result.error.ok()) file.Add("error", View(result.error.message()));
    std::vector<std::string> stories;
    for (const StoryResult& story : result.stories) stories.push_back(AsJson(story, with_trails));
    files.push_back(file.AddJson("stories", JsonArray(stories)).text());
  }
  return JsonObject()
             .AddJson("files", JsonArray(files))
             .Add("passed", passed)
             .Add("failed", failed)
             .text() +
         "\n";
}

int Simulate(const Session& session, const SimulateFlags& flags) {
  std::vector<FileResult> results;
  size_t passed = 0, failed = 0, rewritten = 0;
  bool unreadable = false;
  const auto say = [&](const std::string& text) {
    if (!session.json) Print(text);
  };
  for (const std::string& path : flags.files) {
    FileResult result{.file = path};
    const absl::StatusOr<std::string> text = ReadInput(path);
    absl::StatusOr<Scenario> scenario = text.ok()
                                            ? ReadScenario(path, *text, AgreementsBeside(path))
                                            : absl::StatusOr<Scenario>(text.status());
    if (!scenario.ok()) {
      unreadable = true;
      result.error = scenario.status();
      if (!session.json) (void)session.Fail(scenario.status());
      results.push_back(std::move(result));
      continue;
    }
    for (const Story& story : scenario->stories) {
      StoryResult played =
          RunStory(path, story, flags.update ? AfterDifference::kGoOn : AfterDifference::kStop);
      say(Cat(played.passed() ? "ok      " : "FAILED  ", path, ":", played.line, "  ", played.name,
              "\n"));
      if (flags.verbose) say(TellTrail(played.acts));
      for (const Difference& difference : played.differences) say(difference.text);
      // Rewritten expectations are now met; a story that could not be played still fails.
      const bool settled = flags.update && played.differences.size() == played.rewrites.size();
      (played.passed() || settled ? passed : failed) += 1;
      result.stories.push_back(std::move(played));
    }
    if (flags.update) {
      const std::string right = Rewritten(*scenario, result.stories);
      if (right != *text) {
        if (absl::Status status = ReplaceTextFile("--update", path, right); !status.ok())
          return session.Fail(status);
        ++rewritten;
      }
    }
    results.push_back(std::move(result));
  }
  if (session.json) {
    Print(AsJson(results, passed, failed, flags.verbose));
  } else {
    Print(Cat(passed, " passed, ", failed, " failed",
              rewritten == 0 ? "" : Cat("; ", rewritten, " files rewritten"), "\n"));
  }
  if (unreadable) return kExitUsage;
  return failed == 0 ? kExitOk : kExitUnverified;
}

int ReplayEvidence(const Session& session, const SimulateFlags& flags) {
  if (flags.agreement.empty())
    return session.Fail(Invalid("--agreement", "nothing", "a draft's file"));
  if (!flags.files.empty())
    return session.Fail(Invalid("FILE", flags.files.front(), "no stories with --replay"));
  const absl::StatusOr<OwnedAgreement> draft = AgreementsBeside("")(flags.agreement);
  if (!draft.ok()) return session.Fail(draft.status());
  std::vector<Act> acts;
  for (const std::string& path : flags.evidence) {
    const absl::StatusOr<std::string> text = ReadInput(path);
    if (!text.ok()) return session.Fail(text.status());
    absl::StatusOr<std::vector<Act>> read = ReadEvidence(*text);
    if (!read.ok())
      return session.Fail(
          absl::InvalidArgumentError(Cat(path, ": ", View(read.status().message()))));
    acts.insert(acts.end(), std::make_move_iterator(read->begin()),
                std::make_move_iterator(read->end()));
  }
  const Assume assume = flags.assume == "accept"    ? Assume::kAccept
                        : flags.assume == "decline" ? Assume::kDecline
                                                    : Assume::kSilent;
  const absl::StatusOr<ReplayReport> report = Replay(acts, *draft, assume);
  if (!report.ok()) return session.Fail(report.status());
  Print(session.json ? ReplayAsJson(*report) : ShowReplay(*report));
  return kExitOk;
}

int RunSimulate(Session& session, const SimulateFlags& flags) {
  if (!flags.evidence.empty()) return ReplayEvidence(session, flags);
  if (flags.files.empty()) return session.Fail(Invalid("FILE", "nothing", "scenario files"));
  return Simulate(session, flags);
}

}  // namespace

void AddSimulate(CLI::App& app, Session& session) {
  auto [verb, flags] = AddVerbTo(
      app, session, "simulate", "Play stories against agreements, without a broker",
      "capbroker simulate stories/*.txt\n"
      "capbroker simulate --verbose stories/first-refusal.txt\n"
      "capbroker simulate --update stories/new.txt   # writes what was decided into the file\n"
      "capbroker simulate --replay trail.jsonl --agreement draft.yaml",
      RunSimulate);
  verb->add_option("FILE", flags->files, "Scenario files: given, when, then")->type_name("FILE");
  verb->add_flag("--update", flags->update, "Rewrite the files to expect what was decided");
  verb->add_flag("--verbose", flags->verbose, "Print every story's trail in words");
  AddList(*verb, "--replay", flags->evidence, "FILE",
          "An owner's exported trail: replays its requests under --agreement, beside the record");
  AddText(*verb, "--agreement", flags->agreement, "FILE",
          "The draft, in place of every version of its agreement");
  verb->add_option("--assume", flags->assume,
                   "What a provider does where the record has no answer of it")
      ->check(CLI::IsMember({"silent", "accept", "decline"}))
      ->option_text("silent|accept|decline [silent]");
}

}  // namespace capbroker
