// A scenario file taken apart: stories of what was given, what was done and what has to follow.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/agreements/agreement.h"
#include "services/simulation/stage.h"

namespace capbroker {

// Reads an agreement file; `path` is as the story has it.
struct OwnedAgreement {
  OwnerId owner{};
  AgreementVersion version{};
};
using LoadAgreementVersion = std::function<absl::StatusOr<OwnedAgreement>(const std::string& path)>;

// What `then` says of one decision: its kind, and facts that must be found in it.
struct ExpectedDecision {
  using Fact = std::function<bool(const Decision&, const Act&, const Stage&)>;
  Kind kind{};
  std::vector<Fact> facts{};
};
// What `then` says of how things stand after the act: "state request" is "FULFILLED".
struct ExpectedState {
  std::string subject{};
  std::string want{};
  std::function<absl::StatusOr<std::string>(const Stage&)> got{};
};

// One item of `then`.
struct Expected {
  enum class What { kDecision, kAnything, kNothing, kRefusal, kState };
  What what = What::kDecision;
  int line = 0;
  std::string text{};                   // As it stands in the file, without comments.
  std::vector<std::string> comments{};  // Whole lines before it, and what follows it on its line.
  std::string remark{};
  ExpectedDecision decision{};
  std::vector<std::string> refusal{};  // A reason, a field, a status code's name, or fact=value.
  ExpectedState state{};
};

// Makes the command of an act, as things stand. INVALID_ARGUMENT, in words, where something it
// names is not there.
using MakeCommand = std::function<absl::StatusOr<Command>(Stage&)>;

// One `when` and its `then`.
struct Step {
  int line = 0;       // Of `when`.
  int last_line = 0;  // Of `when`, with what continues it.
  // How time moves before the act. One at most is set.
  Span after{};
  Instant until{};
  bool to_next_deadline = false;  // To the first instant after the next deadline.
  Instant away_from{}, away_to{};
  MakeCommand command{};  // Null: time alone passes.
  std::vector<Expected> then{};
  int then_first = 0, then_last = 0;  // Lines; 0: there is no `then`.
};

// A `given` that acts: what sets the stage before the first `when`.
struct Setting {
  int line = 0;
  MakeCommand command{};
};

struct Story {
  std::string name{};
  int line = 0;
  Instant clock{};
  std::vector<Setting> settings{};
  std::vector<Step> steps{};
};

struct Scenario {
  std::string file{};
  std::vector<std::string> lines{};
  std::vector<Story> stories{};
};

// INVALID_ARGUMENT "FILE:LINE: got ..., want ...": the first error.
absl::StatusOr<Scenario> ReadScenario(std::string_view file, std::string_view text,
                                      const LoadAgreementVersion& load);

}  // namespace capbroker
