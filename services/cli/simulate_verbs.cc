// Stories without a broker: `capbroker simulate`.
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "broker/trail/canonical.h"
#include "broker/trail/describe.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/cli/agreement_values.h"
#include "services/cli/app.h"
#include "services/cli/call.h"
#include "services/cli/replay_report.h"
#include "services/cli/yaml.h"
#include "services/simulation/run_story.h"
#include "storage/evidence.h"

namespace capbroker {
namespace {

using Json = rapidjson::Writer<rapidjson::StringBuffer>;

struct SimulateFlags {
  std::vector<std::string> files{};
  bool update = false, verbose = false;
  std::vector<std::string> evidence{};  // To be replayed,
  std::string agreement{};              //   under this draft,
  std::string assume = "silent";        //   where the record has no answer.
};

struct FileResult {
  std::string file{};
  absl::Status error{};  // Where it could not be read.
  std::vector<StoryResult> stories{};
};

void Put(Json& json, std::string_view key, std::string_view value) {
  json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

size_t CountDecisions(const StoryResult& story) {
  size_t count = 0;
  for (const Act& act : story.acts) count += act.decisions.size();
  return count;
}

std::string AsJson(const std::vector<FileResult>& files, size_t passed, size_t failed,
                   bool with_trails) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  json.Key("files");
  json.StartArray();
  for (const FileResult& file : files) {
    json.StartObject();
    Put(json, "file", file.file);
    if (!file.error.ok()) Put(json, "error", View(file.error.message()));
    json.Key("stories");
    json.StartArray();
    for (const StoryResult& story : file.stories) {
      json.StartObject();
      Put(json, "name", story.name);
      json.Key("line");
      json.Int(story.line);
      json.Key("passed");
      json.Bool(story.passed());
      json.Key("acts");
      json.Uint64(story.steps);
      json.Key("decisions");
      json.Uint64(CountDecisions(story));
      json.Key("differences");
      json.StartArray();
      for (const Difference& difference : story.differences) {
        json.StartObject();
        json.Key("line");
        json.Int(difference.line);
        Put(json, "text", difference.text);
        json.EndObject();
      }
      json.EndArray();
      if (with_trails) {
        json.Key("trail");
        json.StartArray();
        for (const Act& act : story.acts) {
          const std::string text = Encode(act);
          json.RawValue(text.data(), text.size(), rapidjson::kObjectType);
        }
        json.EndArray();
      }
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  json.Key("passed");
  json.Uint64(passed);
  json.Key("failed");
  json.Uint64(failed);
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

// Under its name a file is whole.
absl::Status Replace(const std::string& path, const std::string& text) {
  const std::string unfinished = path + ".part";
  std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file.fail() && std::rename(unfinished.c_str(), path.c_str()) == 0) return absl::OkStatus();
  std::remove(unfinished.c_str());
  return Invalid("--update", path, "a file that can be written");
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
    const absl::StatusOr<std::string> text = ReadFile(path);
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
      // What could be rewritten is right from now on; what could not be played still is not.
      const bool settled = flags.update && played.differences.size() == played.rewrites.size();
      (played.passed() || settled ? passed : failed) += 1;
      result.stories.push_back(std::move(played));
    }
    if (flags.update) {
      const std::string right = Rewritten(*scenario, result.stories);
      if (right != *text) {
        if (absl::Status status = Replace(path, right); !status.ok()) return session.Fail(status);
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
  const absl::StatusOr<OwnedAgreement> draft = LoadAgreementValues(flags.agreement);
  if (!draft.ok()) return session.Fail(draft.status());
  std::vector<Act> acts;
  for (const std::string& path : flags.evidence) {
    const absl::StatusOr<std::string> text = ReadFile(path);
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

}  // namespace

void AddSimulate(CLI::App& app, Session& session) {
  auto flags = std::make_shared<SimulateFlags>();
  CLI::App* verb =
      AddVerbTo(app, "simulate", "Plays stories against agreements, without a broker",
                "capbroker simulate stories/*.txt\n"
                "capbroker simulate --verbose stories/first-refusal.txt\n"
                "capbroker simulate --update stories/new.txt   # writes down what was decided\n"
                "capbroker simulate --replay trail.jsonl --agreement draft.yaml");
  verb->add_option("FILE", flags->files, "Scenario files: given, when, then")->type_name("FILE");
  verb->add_flag("--update", flags->update, "Rewrite what the files expect to what was decided");
  verb->add_flag("--verbose", flags->verbose, "Tell every story's trail in words");
  AddList(*verb, "--replay", flags->evidence, "FILE",
          "An owner's exported trail: its requests under --agreement, beside what was recorded");
  verb->add_option("--agreement", flags->agreement,
                   "The draft, in place of every version of its agreement")
      ->type_name("FILE");
  verb->add_option("--assume", flags->assume,
                   "What a provider does that the record has no answer of")
      ->check(CLI::IsMember({"silent", "accept", "decline"}))
      ->option_text("silent|accept|decline [silent]");
  verb->callback([&session, flags] {
    if (!flags->evidence.empty()) {
      session.exit_code = ReplayEvidence(session, *flags);
      return;
    }
    if (flags->files.empty()) {
      session.exit_code = session.Fail(Invalid("FILE", "nothing", "scenario files"));
      return;
    }
    session.exit_code = Simulate(session, *flags);
  });
}

}  // namespace capbroker
