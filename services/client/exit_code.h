// The exit codes of the command line.
#pragma once

namespace capbroker {

// What scripts go by. Listed in `capbroker --help`.
enum ExitCode {
  kExitOk = 0,
  kExitRefused = 1,  // The broker said no: not permitted, not found, too late, already so.
  kExitUsage = 2,    // Bad flags, a bad file, or a field that the broker refuses.
  kExitUnavailable =
      3,  // Not reached, overloaded, or no answer in time; the same request_id may be repeated.
  kExitUnverified = 4,    // `decisions verify` found a difference.
  kExitFault = 5,         // The broker, or this program, is at fault.
  kExitNotFulfilled = 6,  // `request create --wait`: the request ended otherwise than FULFILLED.
};

}  // namespace capbroker
