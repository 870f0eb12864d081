// From a message to what the sequencer gets, and from what Decide refuses to the words of the
// message: the same for a call of its own and for a command of a session.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "services/access/guard.h"
#include "services/messages/parse.h"
#include "services/sequencing/sequencer.h"

namespace capbroker {

// Whether the caller may have what the parsed message asks for; `name` is what the message calls
// it.
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

// What a message calls the resource that it is about.
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

// What the message says, if the caller may have it; that its role may call the method was looked
// at. INVALID_ARGUMENT, PERMISSION_DENIED or NOT_FOUND.
template <class In>
auto Admit(const Actor& caller, Method method, const In& in) -> decltype(Parse(in)) {
  auto value = Parse(in);
  if (!value.ok()) return value.status();
  if (absl::Status status = CheckTargetOf(caller, method, *value, SubjectOf(in)); !status.ok())
    return status;
  return value;
}

RequestId NewRequestId(Instant now);

// Of the offer that the command is about, or whose allocation; 0: none.
uint32_t NumberOf(const Command& command);

// R27. The key belongs to the caller, the method and the owner; `payload` is the message without
// it.
Repeat RepeatOf(const Actor& caller, Method method, const OwnerId& owner,
                const std::string& request_id, const google::protobuf::Message& payload);

// What the message says, as its caller's command under its key; a new request gets its id. `in` is
// as before when it returns.
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

// What Decide refused, as the caller said it: fields stand where the message has them, and what is
// not there has the name that the message gives it.
absl::Status AsSaid(Method method, const std::string& subject, const absl::Status& status);

// The latter alone.
absl::Status Named(const std::string& subject, const absl::Status& status);

}  // namespace capbroker
