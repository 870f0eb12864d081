// Messages as protobuf's JSON, by their descriptors.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace capbroker {

std::string ToJson(const google::protobuf::Message& message);

// INVALID_ARGUMENT naming the field, or "body" where it is no JSON at all.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> FromJson(
    const std::string& json, const google::protobuf::Descriptor& type);

grpc::ByteBuffer ToBytes(const google::protobuf::Message& message);
// INTERNAL where they are not of this type.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> FromBytes(
    grpc::ByteBuffer bytes, const google::protobuf::Descriptor& type);

}  // namespace capbroker
