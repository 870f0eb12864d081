// Admission of a command: from a message to a submission for the sequencer, and from a refusal of
// Decide to an error in the terms of the message. Unary calls and sessions share it.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "services/access/guard.h"
#include "services/messages/parse.h"
#include "services/sequencing/sequencer.h"

namespace capbroker {

// Checks whether the caller may access what the parsed message names; `name` is the name in the
// message.
template <class Value>
absl::Status CheckTargetOf(const Actor& caller, Method method, const Value& value,
                           const std::string& name) {
  absl::Status status;
  if constexpr (requires { value.owner; }) {
    status = CheckTarget(caller, method, value.owner);
  } else if constexpr (requires { value.provider; }) {
    status = CheckTarget(caller, method, value.provider);
  }
  return status.code() == absl::StatusCode::kNotFound ? NoSuch(name) : status;
}

// The name of the resource that a message is about.
template <class In>
const std::string& SubjectOf(const In& in) {
  static const std::string none;
  if constexpr (requires { in.name(); }) {
    return in.name();
  } else if constexpr (requires { in.parent(); }) {
    return in.parent();
  } else if constexpr (requires { in.owner(); }) {
    return in.owner();
  } else if constexpr (requires { in.provider().name(); }) {
    return in.provider().name();
  } else {
    return none;
  }
}

// Parses the message, and checks that the caller may access what it names. The caller's role must
// have been checked before. INVALID_ARGUMENT, PERMISSION_DENIED or NOT_FOUND.
template <class In>
auto Admit(const Actor& caller, Method method, const In& in) -> decltype(Parse(in)) {
  auto value = Parse(in);
  if (!value.ok()) return value.status();
  if (absl::Status status = CheckTargetOf(caller, method, *value, SubjectOf(in)); !status.ok())
    return status;
  return value;
}

RequestId NewRequestId(Instant now);

// The number of the command's offer, or of its allocation's offer; 0 without one.
uint32_t NumberOf(const Command& command);

// The idempotency key (R27) belongs to the caller, the method and the owner; `payload` is the
// message without it.
Repeat RepeatOf(const Actor& caller, Method method, const OwnerId& owner,
                const std::string& request_id, const google::protobuf::Message& payload);

// The message as a submission of its caller with its idempotency key; a new request gets its id.
// `in` is unchanged when it returns.
template <class In>
Submission SubmissionOf(const Actor& caller, Method method, Command command, In& in, Instant now) {
  std::string request_id;
  in.mutable_request_id()->swap(request_id);
  Submission submission;
  submission.repeat = RepeatOf(caller, method, command.owner, request_id, in);
  in.mutable_request_id()->swap(request_id);
  if (auto* create = std::get_if<CreateRequest>(&command.what))
    create->request.id = NewRequestId(now);
  command.actor = caller;
  submission.command = std::move(command);
  return submission;
}

// A refusal of Decide in the terms of the message: fields have their place in the message, and a
// missing resource the name that the message uses.
absl::Status AsSaid(Method method, const std::string& subject, const absl::Status& status);

// Replaces only the resource's name.
absl::Status Named(const std::string& subject, const absl::Status& status);

}  // namespace capbroker
