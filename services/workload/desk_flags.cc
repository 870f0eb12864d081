#include "services/workload/desk_flags.h"

#include <CLI/CLI.hpp>

#include "broker/values/text.h"

namespace capbroker {

void AddDeskFlags(CLI::App& verb, DeskFlags& flags) {
  CLI::Option* script = verb.add_option("--script", flags.script, kScriptHelp)
                            ->option_text("STEPS")
                            ->group("What a desk answers");
  verb.add_option("--always", flags.always,
                  "accept | decline | silent | slow | partial:QUANTITY | partial:SHARE%")
      ->option_text("STEP [accept]")
      ->excludes(script)
      ->group("What a desk answers");
  verb.add_option("--seed", flags.seed, "Of the script's draws, which repeat with it")
      ->capture_default_str()
      ->group("What a desk answers");
}

absl::StatusOr<DeskScript> ScriptOf(const DeskFlags& flags) {
  if (!flags.script.empty()) return ParseScript(flags.script);
  return ParseAlways(flags.always.empty() ? "accept" : flags.always);
}

}  // namespace capbroker
