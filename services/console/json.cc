#include "services/console/json.h"

#include <google/protobuf/util/json_util.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <utility>

#include "broker/values/text.h"
#include "services/messages/errors.h"

namespace capbroker {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;

std::unique_ptr<Message> New(const Descriptor& type) {
  // All descriptors are of generated messages.
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

// Turns a complaint of the converter, "(terms.quantity): invalid value ..." or "(terms) nme: Cannot
// find field.", into a violation of that field.
Violation Taken(std::string_view complaint) {
  std::string_view field, rest = complaint;
  if (rest.starts_with('(')) {
    const size_t end = rest.find(')');
    field = rest.substr(1, end - 1);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  std::string path(field);
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == ':')) rest.remove_prefix(1);
  constexpr std::string_view kNoField = ": Cannot find field.";
  if (rest.ends_with(kNoField)) {
    path += Cat(path.empty() ? "" : ".", rest.substr(0, rest.size() - kNoField.size()));
    rest = "no such field";
  }
  // One line: the converter shows a syntax error's place on further lines.
  std::string description;
  for (const char c : rest.substr(0, 200))
    description += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return {path.empty() ? "body" : path, description};
}

}  // namespace

std::string ToJson(const Message& message) {
  std::string json;
  // Fails only for an Any of an unknown type, which no message of ours contains.
  if (!google::protobuf::util::MessageToJsonString(message, &json).ok()) return "{}";
  return json;
}

absl::StatusOr<std::unique_ptr<Message>> FromJson(const std::string& json, const Descriptor& type) {
  std::unique_ptr<Message> message = New(type);
  const auto status = google::protobuf::util::JsonStringToMessage(json, message.get());
  if (status.ok()) return message;
  const auto complaint = status.message();
  return InvalidFields({Taken({complaint.data(), complaint.size()})});
}

grpc::ByteBuffer ToBytes(const Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

absl::StatusOr<std::unique_ptr<Message>> FromBytes(grpc::ByteBuffer bytes, const Descriptor& type) {
  std::unique_ptr<Message> message = New(type);
  grpc::ProtoBufferReader reader(&bytes);
  if (!message->ParseFromZeroCopyStream(&reader)) {
    return absl::InternalError(Cat("the answer is not a ", type.full_name()));
  }
  return message;
}

}  // namespace capbroker
