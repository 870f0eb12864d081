// Protobuf messages as JSON and as bytes, by their descriptors.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace capbroker {

std::string ToJson(const google::protobuf::Message& message);

// INVALID_ARGUMENT names the field, or "body" where the text is no JSON.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> FromJson(
    const std::string& json, const google::protobuf::Descriptor& type);

grpc::ByteBuffer ToBytes(const google::protobuf::Message& message);
// INTERNAL if the bytes are not a message of this type.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> FromBytes(
    grpc::ByteBuffer bytes, const google::protobuf::Descriptor& type);

}  // namespace capbroker
