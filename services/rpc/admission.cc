#include "services/rpc/admission.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/messages/errors.h"

namespace capbroker {
namespace {

// Serializes deterministically: equal messages give equal bytes, with map entries in the order of
// their keys. The bytes are valid until the next call.
const std::string& Deterministic(const google::protobuf::Message& message) {
  thread_local std::string bytes;
  bytes.resize(message.ByteSizeLong());
  google::protobuf::io::ArrayOutputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&coded);
  return bytes;
}

// The field of the method's message that contains what Decide checks.
const char* PlaceOf(Method method) {
  switch (method) {
    case Method::kCreateCapacityRequest:
    case Method::kAmendCapacityRequest:
      return "capacity_request";
    case Method::kSubmitBid:
      return "bid";
    default:
      return nullptr;
  }
}

}  // namespace

RequestId NewRequestId(Instant now) {
  std::array<uint64_t, 2> random{};
  RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), sizeof random);
  return MakeRequestId(now, random);
}

uint32_t NumberOf(const Command& command) {
  return std::visit(
      [](const auto& what) -> uint32_t {
        if constexpr (requires { what.offer; }) return what.offer;
        return 0;
      },
      command.what);
}

Repeat RepeatOf(const Actor& caller, Method method, const OwnerId& owner,
                const std::string& request_id, const google::protobuf::Message& payload) {
  // None of the parts contains a line feed.
  const Hash key = Sha256(
      Cat(Format(caller), "\n", PermissionOf(method).name, "\n", owner.value, "\n", request_id));
  Repeat repeat;
  std::copy_n(key.begin(), repeat.key.size(), repeat.key.begin());
  // A UUIDv7 starts with its time in 48 bits. The key starts with them too, so that keys are
  // inserted next to each other in the database's index; the other 80 bits are of the hash.
  if (const absl::StatusOr<RequestId> id = ParseRequestId(request_id);
      id.ok() && id->bytes[6] >> 4 == 7) {
    std::copy_n(id->bytes.begin(), 6, repeat.key.begin());
  }
  repeat.payload = Sha256(Deterministic(payload));
  return repeat;
}

absl::Status AsSaid(Method method, const std::string& subject, const absl::Status& status) {
  const char* place = PlaceOf(method);
  return Named(subject, place == nullptr ? status : Under(place, status));
}

absl::Status Named(const std::string& subject, const absl::Status& status) {
  const bool nameless =
      status.code() == absl::StatusCode::kNotFound && ReasonOf(status) != "RESOURCE_NOT_FOUND";
  return nameless && !subject.empty() ? NoSuch(subject) : status;
}

}  // namespace capbroker
