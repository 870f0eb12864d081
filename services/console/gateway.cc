#include "services/console/gateway.h"

#include <google/protobuf/descriptor.h>
#include <google/rpc/status.pb.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "broker/values/time.h"
#include "services/client/bidi_stream.h"
#include "services/console/json.h"
#include "services/messages/errors.h"
#include "services/rpc/server.h"

namespace capbroker {
namespace {

using google::protobuf::MethodDescriptor;

constexpr auto kCallDeadline = std::chrono::seconds(30);
// How long Begin waits: a refusal within it becomes the HTTP reply's own status.
constexpr Span kFirstPatience = Seconds(5);
constexpr Span kPatience{200'000};
// A client that receives nothing for longer may take the connection for dead.
constexpr Span kKeepalive = Seconds(10);

// The method of a path such as "/api/OfferService/AcceptOffer"; null if there is none, or if its
// streaming does not match `streams`.
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

// gRPC treats other metadata as a bug of the program and aborts the call.
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

// One event. Its data must stand on one line, and JSON does.
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

// One of the streams that may be open at a time; the last copy frees it.
using Slot = std::shared_ptr<void>;

Slot AcquireSlot(const std::shared_ptr<std::atomic<size_t>>& taken) {
  if (taken->fetch_add(1) >= kMostAdminStreams) {
    taken->fetch_sub(1);
    return nullptr;
  }
  return {taken.get(), [taken](void*) { taken->fetch_sub(1); }};
}

// Server-sent events from the messages of one stream of the API. The caller's thread runs the loop,
// so that a slow reader is slow to the broker too.
class Events final : public AdminStream {
 public:
  Events(Slot slot, const std::shared_ptr<grpc::Channel>& channel, const MethodDescriptor& method,
         std::unique_ptr<grpc::ClientContext> context, const google::protobuf::Message& request)
      : slot_(std::move(slot)), type_(*method.output_type()) {
    stream_ = BidiStream<grpc::ByteBuffer, grpc::ByteBuffer>::Start(
        loop_, channel, WireName(method), std::move(context),
        {.on_message = [this](grpc::ByteBuffer& bytes) { OnMessage(bytes); },
         .on_end =
             [this](const grpc::Status& status) {
               stream_ = nullptr;
               End(status);
             }});
    stream_->SendLast(ToBytes(request));
  }
  ~Events() override {
    if (stream_ != nullptr) stream_->Cancel();
    loop_.Stop();
    loop_.Run();  // gRPC still calls the stream until it has ended.
  }

  // Waits for the first event. Returns the status if the call ended without one.
  grpc::Status Begin() {
    const int64_t until = EventLoop::NowMicros() + kFirstPatience.micros;
    while (events_.empty() && EventLoop::NowMicros() < until) {
      loop_.RunOnce({until - EventLoop::NowMicros()});
    }
    return status_ ? *status_ : grpc::Status::OK;
  }

  std::optional<std::string> Next() override {
    if (events_.empty() && status_) return std::nullopt;
    if (events_.empty()) loop_.RunOnce(kPatience);
    if (!events_.empty()) {
      std::string event = std::move(events_.front());
      events_.pop_front();
      last_sent_micros_ = EventLoop::NowMicros();
      return event;
    }
    if (EventLoop::NowMicros() - last_sent_micros_ < kKeepalive.micros) return "";
    last_sent_micros_ = EventLoop::NowMicros();
    return ": nothing new\n\n";
  }

 private:
  void OnMessage(grpc::ByteBuffer& bytes) {
    if (status_) return;
    const auto message = FromBytes(std::move(bytes), type_);
    if (message.ok()) {
      events_.push_back(Event("", ToJson(**message)));
    } else {
      End(ToGrpc(message.status()));
    }
  }
  void End(const grpc::Status& status) {
    if (status_) return;
    status_ = status;
    events_.push_back(Event("end", JsonOf(status)));
  }

  const Slot slot_;
  const google::protobuf::Descriptor& type_;
  EventLoop loop_;
  // Null after the stream's end.
  std::shared_ptr<BidiStream<grpc::ByteBuffer, grpc::ByteBuffer>> stream_;
  std::deque<std::string> events_;      // Not sent yet.
  std::optional<grpc::Status> status_;  // The status with which the stream ended.
  int64_t last_sent_micros_ = EventLoop::NowMicros();
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
  // A form on another page cannot send this type.
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
  Slot slot = AcquireSlot(streams_);
  if (slot == nullptr) {
    return Refused(
        Refuse(absl::StatusCode::kResourceExhausted, "OVERLOADED",
               Cat(kMostAdminStreams, " streams of the console are open, and no more may be")));
  }
  auto events =
      std::make_unique<Events>(std::move(slot), channel_, *method, ContextOf(in), **message);
  if (const grpc::Status status = events->Begin(); !status.ok()) return ReplyOf(status);
  AdminReply reply{200, "", "text/event-stream"};
  reply.stream = std::move(events);
  return reply;
}

}  // namespace capbroker
