// How a provider's desk behaves: steps with probabilities and latencies, drawn from a seeded
// generator.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/trail/decision.h"
#include "broker/values/time.h"

namespace capbroker {

// What a desk means to do with one offer, before it looks at what it has.
struct DeskStep {
  enum class Action { kAccept, kPartial, kDecline, kSilent };
  Action action = Action::kAccept;
  int64_t share_ppm = 0;  // kPartial: of the offer's quantity; 0: `quantity` counts.
  int64_t quantity = 0;   // kPartial.
  DeclineReason reason = DeclineReason::kNone;  // kDecline.
  Span cool_down{};                             // kDecline.
  Span latency_from{}, latency_to{};            // Uniform between them, both inclusive.
  int64_t probability_ppm = 0;
};

struct DeskScript {
  std::vector<DeskStep> steps;  // Probabilities add up to 1,000,000.
};

// The grammar of --script and --always, for --help.
extern const char kScriptHelp[];

// INVALID_ARGUMENT says at which column of the script it is wrong, what was got and what was
// wanted.
absl::StatusOr<DeskScript> ParseScript(std::string_view text);
// accept | decline | silent | slow | partial:QUANTITY | partial:SHARE%
absl::StatusOr<DeskScript> ParseAlways(std::string_view text);

// Draws steps. The same script and seed give the same draws, on every machine.
class DeskDice {
 public:
  DeskDice(DeskScript script, uint64_t seed) : script_(std::move(script)), generator_(seed) {}

  struct Throw {
    DeskStep step;
    Span latency;
  };
  Throw Next();

 private:
  DeskScript script_;
  std::mt19937_64
      generator_;  // Its sequence is fixed by the standard; the standard's distributions are not.
};

}  // namespace capbroker
