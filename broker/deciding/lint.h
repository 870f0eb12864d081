// What is wrong or odd about an agreement version in its surroundings, before anybody relies on it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "broker/agreements/agreement.h"
#include "broker/trail/book.h"
#include "broker/values/provider.h"

namespace capbroker {

enum class Severity { kError, kWarning };
template <>
struct Names<Severity> {
  static constexpr std::array<std::string_view, 2> values = {"ERROR", "WARNING"};
};

// One thing found. The codes, and when each is given:
//
// Errors: the version cannot be carried out, and is not activated.
//   EXCLUSIVITY_CONFLICT    another holder has an exclusivity over some of the same scope and time.
//   QUORUM_UNREACHABLE      a trigger wants more signatures than it has attesters, or has none.
//   TRIGGER_ENDS_NOTHING    a trigger lists no clause, or one that the version does not have.
//   UNKNOWN_ATTESTER        an attester is not "role/name", or is an owner or a provider that the
//   broker does not know. UNKNOWN_CALENDAR        a clause names a calendar that the version does
//   not have. UNKNOWN_HOLDER          the holder is not registered.
//
// Warnings: it can, but hardly says what was meant.
//   CLAUSE_PAST_TERM        a waiver's dates or the TERM outlast the version, which cuts them
//   short. COMMITMENT_NEVER_DRAWN  no placement with the holder can be in the commitment's scope:
//   all delivery is past, or the
//                           holder has no right there and sells nothing there.
//   COMMITMENT_DROPPED, TERM_DROPPED  the version before has the commitment, or a TERM, and this
//   one does not.
//   EQUAL_PRIORITY          two first refusals over some of the same scope and time have one
//   priority: then the
//                           earlier effective_from is asked first, then the lesser agreement and
//                           clause id.
//   EXCLUSIVITY_OVERLAP     two exclusivities of the version share some scope, where the lesser id
//   alone is asked. NOTHING_GOVERNS         the version has no exclusivity, first refusal or
//   commitment. NO_TERM_FOR_COMMITMENT  a commitment in a version without a TERM: no date at which
//   a shortfall is due. UNUSED_CALENDAR         no clause names the calendar. WAIVER_NEVER_APPLIES
//   a waiver and a clause it lifts share no scope, or its dates are outside the version's life.
//   WINDOW_TOO_LONG         a window cannot end before the version, or before all delivery in the
//   clause's scope, does.
struct Finding {
  Severity severity = Severity::kWarning;
  std::string code{};
  std::string field{};     // As Validate names it: "clauses[2].term.end_time".
  std::string text{};      // In words.
  absl::Status refusal{};  // Of an error: what activation is refused with, INVALID_ARGUMENT naming
                           // the field or, for EXCLUSIVITY_CONFLICT, FAILED_PRECONDITION with the
                           // facts clause and conflicts_with.
};

// Everything found about `version`, were it activated now on this owner's account: in the order of
// its fields. Pure. It is for versions that Validate takes; of others it says less. The version
// that it would supersede does not count.
std::vector<Finding> Lint(const AgreementVersion& version, const OwnerId& owner,
                          const Account& account, const Directory& directory);

// The first error's refusal; OK if there is none.
absl::Status RefusalOf(const std::vector<Finding>& findings);

}  // namespace capbroker
