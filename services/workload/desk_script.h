// Script of a simulated desk: steps with probabilities and latencies, drawn from a seeded
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

// What a desk intends to do with one offer, before it looks at its inventory.
struct DeskStep {
  enum class Action { kAccept, kPartial, kDecline, kSilent };
  Action action = Action::kAccept;
  int64_t share_ppm = 0;  // kPartial: of the offer's quantity; 0: use `quantity`.
  int64_t quantity = 0;   // kPartial.
  DeclineReason reason = DeclineReason::kNone;  // kDecline.
  Span cool_down{};                             // kDecline.
  Span latency_from{}, latency_to{};            // Uniformly distributed, both ends inclusive.
  int64_t probability_ppm = 0;
};

struct DeskScript {
  std::vector<DeskStep> steps;  // Probabilities add up to 1,000,000.
};

// The grammar of --script and --always, for --help.
extern const char kScriptHelp[];

// INVALID_ARGUMENT names the column of the script, what was got and what was wanted.
absl::StatusOr<DeskScript> ParseScript(std::string_view text);
// Parses accept | decline | silent | slow | partial:QUANTITY | partial:SHARE%.
absl::StatusOr<DeskScript> ParseAlways(std::string_view text);

// Draws steps. The same script and seed give the same draws on every machine.
class StepSampler {
 public:
  StepSampler(DeskScript script, uint64_t seed) : script_(std::move(script)), generator_(seed) {}

  struct Draw {
    DeskStep step;
    Span latency;
  };
  Draw Next();

 private:
  DeskScript script_;
  std::mt19937_64
      // The standard fixes this generator's sequence, but not that of its distributions.
      generator_;
};

}  // namespace capbroker
