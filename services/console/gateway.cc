#include "services/console/gateway.h"

#include <google/protobuf/descriptor.h>
#include <google/rpc/status.pb.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/console/call_stream.h"
#include "services/console/json.h"
#include "services/messages/errors.h"
#include "services/rpc/server.h"

namespace capbroker {
namespace {

using google::protobuf::MethodDescriptor;

constexpr auto kCallDeadline = std::chrono::seconds(30);
constexpr absl::Duration kFirstPatience = absl::Seconds(5);  // For a refusal to come as one.
constexpr absl::Duration kPatience = absl::Milliseconds(200);
// A reader that hears nothing for longer may take the line for dead.
constexpr absl::Duration kSilence = absl::Seconds(10);

// The method of "/api/OfferService/AcceptOffer"; null if there is none, or it does not stream as
// `streams` says.
const MethodDescriptor* MethodOf(const std::string& path, bool streams) {
  const std::vector<std::string_view> parts = Split(path, '/');
  if (parts.size() != 4) return nullptr;
  const std::string service = Cat("capbroker.v1.", parts[2]);
  const std::vector<std::string>& served = ServiceNames();
  if (std::find(served.begin(), served.end(), service) == served.end()) return nullptr;
  const auto* known =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
  const auto* method = known == nullptr ? nullptr : known->FindMethodByName(std::string(parts[3]));
  if (method == nullptr || method->client_streaming() || method->server_streaming() != streams)
    return nullptr;
  return method;
}

std::string WireName(const MethodDescriptor& method) {
  return Cat("/", method.service()->full_name(), "/", method.name());
}

AdminReply Refused(const absl::Status& status) { return ReplyOf(ToGrpc(status)); }

AdminReply NoMethod(const std::string& path) {
  return Refused(Refuse(absl::StatusCode::kNotFound, "RESOURCE_NOT_FOUND",
                        Cat("no method is called ", path.substr(0, 120)),
                        {{"name", path.substr(0, 120)}}));
}

// gRPC takes a call with any other metadata for a mistake of the program's, and ends it.
bool IsFitForMetadata(const std::string& value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::unique_ptr<grpc::ClientContext> ContextOf(const AdminRequest& in) {
  auto context = std::make_unique<grpc::ClientContext>();
  for (const char* name : {"authorization", "traceparent"}) {
    const std::string value = in.header(name);
    if (!value.empty() && IsFitForMetadata(value)) context->AddMetadata(name, value);
  }
  return context;
}

// As an event's data, which stands on one line: so does the JSON.
std::string Event(std::string_view type, const std::string& json) {
  return Cat(type.empty() ? "" : "event: ", type, type.empty() ? "" : "\n", "data: ", json, "\n\n");
}

std::string JsonOf(const grpc::Status& status) {
  google::rpc::Status message;
  if (status.error_details().empty() || !message.ParseFromString(status.error_details())) {
    message.set_code(status.error_code());
    message.set_message(status.error_message());
  }
  return ToJson(message);
}

// One of the streams that may be open at a time; given back with the last copy.
using Place = std::shared_ptr<void>;

Place TakePlace(const std::shared_ptr<std::atomic<size_t>>& taken) {
  if (taken->fetch_add(1) >= kMostAdminStreams) {
    taken->fetch_sub(1);
    return nullptr;
  }
  return {taken.get(), [taken](void*) { taken->fetch_sub(1); }};
}

class Events final : public AdminStream {
 public:
  Events(Place place, std::shared_ptr<CallStream> call, const google::protobuf::Descriptor& type)
      : place_(std::move(place)), call_(std::move(call)), type_(type) {}
  ~Events() override { call_->Close(); }

  // Waits for the first event; the status, where the call ended without one.
  grpc::Status Begin() {
    first_ = After(kFirstPatience);
    return ended_ ? call_->status() : grpc::Status::OK;
  }

  std::optional<std::string> Next() override {
    if (first_) return *std::exchange(first_, std::nullopt);
    if (ended_) return std::nullopt;
    return After(kPatience);
  }

 private:
  std::string After(absl::Duration patience) {
    grpc::ByteBuffer bytes;
    switch (call_->Next(patience, &bytes)) {
      case CallStream::Step::kNothing:
        if (absl::Now() - said_ < kSilence) return "";
        said_ = absl::Now();
        return ": nothing new\n\n";
      case CallStream::Step::kMessage:
        break;
      case CallStream::Step::kEnd:
        ended_ = true;
        return Event("end", JsonOf(call_->status()));
    }
    said_ = absl::Now();
    const auto message = FromBytes(std::move(bytes), type_);
    if (message.ok()) return Event("", ToJson(**message));
    ended_ = true;
    return Event("end", JsonOf(ToGrpc(message.status())));
  }

  const Place place_;
  const std::shared_ptr<CallStream> call_;
  const google::protobuf::Descriptor& type_;
  std::optional<std::string> first_;
  bool ended_ = false;
  absl::Time said_ = absl::Now();
};

}  // namespace

int HttpCodeOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return 200;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE:
      return 400;
    case grpc::StatusCode::UNAUTHENTICATED:
      return 401;
    case grpc::StatusCode::PERMISSION_DENIED:
      return 403;
    case grpc::StatusCode::NOT_FOUND:
      return 404;
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::ABORTED:
      return 409;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return 429;
    case grpc::StatusCode::CANCELLED:
      return 499;
    case grpc::StatusCode::UNIMPLEMENTED:
      return 501;
    case grpc::StatusCode::UNAVAILABLE:
      return 503;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return 504;
    default:
      return 500;
  }
}

AdminReply ReplyOf(const grpc::Status& status) {
  AdminReply reply{HttpCodeOf(status.error_code()), JsonOf(status), "application/json"};
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
    reply.headers.push_back({"WWW-Authenticate", "Bearer"});
  }
  return reply;
}

AdminReply Gateway::Call(const AdminRequest& in) {
  const MethodDescriptor* method = MethodOf(in.path, false);
  if (method == nullptr) return NoMethod(in.path);
  // A form on some other page cannot send this type.
  if (const std::string type = in.header("Content-Type"); !type.starts_with("application/json")) {
    AdminReply reply =
        Refused(InvalidFields({{"Content-Type", Cat("got ", type, ", want application/json")}}));
    reply.code = 415;
    return reply;
  }
  const auto message = FromJson(in.body, *method->input_type());
  if (!message.ok()) return Refused(message.status());
  const std::unique_ptr<grpc::ClientContext> context = ContextOf(in);
  context->set_deadline(std::chrono::system_clock::now() + kCallDeadline);
  const grpc::ByteBuffer asked = ToBytes(**message);
  grpc::ByteBuffer answered;
  grpc::Status status;
  absl::Notification done;
  stub_.UnaryCall(context.get(), WireName(*method), {}, &asked, &answered, [&](grpc::Status ended) {
    status = std::move(ended);
    done.Notify();
  });
  done.WaitForNotification();
  if (!status.ok()) return ReplyOf(status);
  const auto answer = FromBytes(std::move(answered), *method->output_type());
  if (!answer.ok()) return Refused(answer.status());
  return {200, ToJson(**answer), "application/json"};
}

AdminReply Gateway::Follow(const AdminRequest& in) {
  const MethodDescriptor* method = MethodOf(in.path, true);
  if (method == nullptr) return NoMethod(in.path);
  const std::string body = in.parameter("body");
  const auto message = FromJson(body.empty() ? "{}" : body, *method->input_type());
  if (!message.ok()) return Refused(message.status());
  Place place = TakePlace(streams_);
  if (place == nullptr) {
    return Refused(
        Refuse(absl::StatusCode::kResourceExhausted, "OVERLOADED",
               Cat(kMostAdminStreams, " streams of the console are open, and no more may be")));
  }
  auto events = std::make_unique<Events>(
      std::move(place),
      CallStream::Open(stub_, WireName(*method), ContextOf(in), ToBytes(**message)),
      *method->output_type());
  if (const grpc::Status status = events->Begin(); !status.ok()) return ReplyOf(status);
  AdminReply reply{200, "", "text/event-stream"};
  reply.stream = std::move(events);
  return reply;
}

}  // namespace capbroker
