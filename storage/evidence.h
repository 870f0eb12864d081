// The evidence file: a trail as it leaves the broker, and what can be checked of it with nothing
// but the file. Its first line says whose it is; every other is one act, oldest first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/trail/decision.h"
#include "broker/values/ids.h"
#include "storage/ledger.h"

namespace capbroker {

struct EvidenceReport {
  uint64_t acts = 0, decisions = 0;
  OwnerId owner{};
  RequestId request{};           // Unset: the owner's whole trail.
  uint64_t first = 0, last = 0;  // Sequence numbers.
  // Links of the chain: the hash of an act was computed from the hash of the act before it. Where
  // the act before is not in the file, it cannot be.
  uint64_t links_checked = 0, links_unchecked = 0;
  Hash head{};                          // Of the last act, as the file has it.
  std::vector<std::string> findings{};  // In words, with line numbers; empty: nothing is wrong.

  // The whole trail of the owner up to `last`: from the first act, without gaps.
  bool IsWhole() const { return first == 1 && links_unchecked == 0; }
};

EvidenceReport VerifyEvidence(std::string_view file);

// The acts of such a file, in its order. DATA_LOSS "line N: ..." at the first that cannot be read;
// the chain is not checked.
absl::StatusOr<std::vector<Act>> ReadEvidence(std::string_view file);

// {"evidence":1,"owner":"openai","request":"0194cb09-..."}: 1 is the version of the format; without
// a request, it is the owner's whole trail.
std::string EvidenceHeader(const OwnerId& owner, const RequestId& request);
// {"sequence":1,"hash":"...","body":{...}}, of the body the very bytes that the hash covers.
std::string EvidenceLine(const SealedAct& act);

}  // namespace capbroker
