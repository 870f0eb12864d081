// Parsed scenario file: stories with given, when and then.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/agreements/agreement.h"
#include "services/simulation/stage.h"

namespace capbroker {

// Loads an agreement file; `path` is as in the story.
struct OwnedAgreement {
  OwnerId owner{};
  AgreementVersion version{};
};
using LoadAgreementVersion = std::function<absl::StatusOr<OwnedAgreement>(const std::string& path)>;

// An expected decision: its kind, and facts that it must have.
struct ExpectedDecision {
  using Fact = std::function<bool(const Decision&, const Act&, const Stage&)>;
  Kind kind{};
  std::vector<Fact> facts{};
};
// An expected state after the act: "state request" is "FULFILLED".
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
  std::string text{};                   // As in the file, without comments.
  std::vector<std::string> comments{};  // Whole lines before it, and the comment on its line.
  std::string remark{};
  ExpectedDecision decision{};
  // A reason, a field, the name of a status code, or fact=value.
  std::vector<std::string> refusal{};
  ExpectedState state{};
};

// Makes the command of an act in the present state. INVALID_ARGUMENT, in words, if something it
// names does not exist.
using MakeCommand = std::function<absl::StatusOr<Command>(Stage&)>;

// A `when` with its `then`.
struct Step {
  int line = 0;       // Of `when`.
  int last_line = 0;  // Of `when`, including continuation lines.
  // How the clock moves before the act. At most one is set.
  Span after{};
  Instant until{};
  bool to_next_deadline = false;  // To the first instant after the next deadline.
  Instant away_from{}, away_to{};
  MakeCommand command{};  // Null: only the time passes.
  std::vector<Expected> then{};
  int then_first = 0, then_last = 0;  // Lines; 0: there is no `then`.
};

// A `given` that acts before the first `when`.
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

// INVALID_ARGUMENT "FILE:LINE: got ..., want ..." for the first error.
absl::StatusOr<Scenario> ReadScenario(std::string_view file, std::string_view text,
                                      const LoadAgreementVersion& load);

}  // namespace capbroker
