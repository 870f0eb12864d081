// What can be checked of an exported trail with nothing but the file: no broker, no database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/decision.h"
#include "broker/ids.h"

namespace capbroker {

struct EvidenceReport {
  uint64_t acts = 0, decisions = 0;
  OwnerId owner{};
  RequestId request{};           // Set if every act is about this one request.
  uint64_t first = 0, last = 0;  // Sequence numbers.
  // Links of the chain: the hash of an act was computed from the hash of the act before it. Where the act
  // before is not in the file, it cannot be.
  uint64_t links_checked = 0, links_unchecked = 0;
  Hash head{};                          // Of the last act, as the file has it.
  std::vector<std::string> findings{};  // In words, with line numbers; empty: nothing is wrong.

  // The whole trail of the owner up to `last`: from the first act, without gaps.
  bool IsWhole() const { return first == 1 && links_unchecked == 0; }
};

// The file as ExportEvidence writes it: one act a line, oldest first.
EvidenceReport VerifyEvidence(std::string_view file);

// The acts of such a file, in its order. DATA_LOSS "line N: ..." at the first that cannot be read; the chain is not
// checked.
absl::StatusOr<std::vector<Act>> ReadEvidence(std::string_view file);

// The line of one act.
std::string EvidenceLine(uint64_t sequence, const Hash& hash, std::string_view body);

}  // namespace capbroker
