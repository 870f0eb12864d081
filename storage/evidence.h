// Evidence file: an exported trail, and its verification without a broker. The first line says
// whose trail it is; every other line is one act, oldest first.
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
  // Links of the hash chain, which can be checked only if the file has the act before.
  uint64_t links_checked = 0, links_unchecked = 0;
  Hash head{};                          // Of the last act, as recorded in the file.
  std::vector<std::string> findings{};  // With line numbers; empty: no fault was found.

  // Whether this is the owner's whole trail up to `last`, from the first act and without gaps.
  bool IsWhole() const { return first == 1 && links_unchecked == 0; }
};

EvidenceReport VerifyEvidence(std::string_view file);

// The acts of a file, in its order. DATA_LOSS "line N: ..." at the first unreadable one. Does not
// check the chain.
absl::StatusOr<std::vector<Act>> ReadEvidence(std::string_view file);

// {"evidence":1,"owner":"openai","request":"0194cb09-..."}: 1 is the version of the format; without
// a request the file is the owner's whole trail.
std::string EvidenceHeader(const OwnerId& owner, const RequestId& request);
// {"sequence":1,"hash":"...","body":{...}}, where the body is exactly the bytes that the hash
// covers.
std::string EvidenceLine(const SealedAct& act);

}  // namespace capbroker
