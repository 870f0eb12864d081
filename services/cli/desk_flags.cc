#include "services/cli/desk_flags.h"

#include <CLI/CLI.hpp>

#include "broker/values/text.h"

namespace capbroker {

void AddDeskFlags(CLI::App& verb, DeskFlags& flags) {
  CLI::Option* script = verb.add_option("--script", flags.script, kScriptHelp)
                            ->option_text("STEPS")
                            ->group("Answers of a desk");
  verb.add_option("--always", flags.always,
                  "accept | decline | silent | slow | partial:QUANTITY | partial:SHARE%")
      ->option_text("STEP [accept]")
      ->excludes(script)
      ->group("Answers of a desk");
  verb.add_option("--seed", flags.seed, "Seed of the script's draws")
      ->capture_default_str()
      ->group("Answers of a desk");
}

absl::StatusOr<DeskScript> ScriptOf(const DeskFlags& flags) {
  if (!flags.script.empty()) return ParseScript(flags.script);
  return ParseAlways(flags.always.empty() ? "accept" : flags.always);
}

}  // namespace capbroker
