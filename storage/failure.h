// Database failure and the status that it becomes: the only such mapping.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace capbroker {

// SQLSTATEs of this program, raised by the functions in migrations/.
inline constexpr std::string_view kFencedState = "CB001";
inline constexpr std::string_view kHeldState = "CB002";
inline constexpr std::string_view kNoPartitionState = "CB003";

// Why a statement failed.
struct Failure {
  bool lost = false;       // The connection is lost; the statement's effect is unknown.
  std::string sqlstate;    // Of an error that the server reported; the statement had no effect.
  std::string constraint;  // If the server names one.
  std::string message;     // One line.
};

// Maps a failure to the status of the ledger's callers.
//
// UNAVAILABLE          the database cannot be reached, shuts down, is overloaded or read-only, or
//                      did not answer in time.
// FAILED_PRECONDITION  fenced, or another holder is alive.
// DATA_LOSS            the database found its own files corrupted.
// INTERNAL             anything else: the program and the schema disagree.
absl::Status ToStatus(const Failure& failure);

// A statement was committed, but a synchronous standby did not confirm it.
inline constexpr char kUnconfirmed[] = "database: a synchronous standby did not confirm";
// The server's function that warns of it: the warning's text is translated, this name is not.
inline constexpr std::string_view kUnconfirmedBy = "SyncRepWaitForLSN";

// A text of libpq's on one line.
std::string OneLine(std::string_view text);

}  // namespace capbroker
