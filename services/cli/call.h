// Calls of the broker from a verb: connect, send, read all pages, and print the answer.
#pragma once

#include <google/protobuf/message.h>

#include <cstdio>
#include <memory>
#include <string>
#include <type_traits>

#include "services/cli/app.h"

namespace capbroker {

// A stub of the service; null after an error, which is printed and stands in session.exit_code.
template <class Service>
std::unique_ptr<typename Service::Stub> Reach(Session& session) {
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Connect(session.client);
  if (!channel.ok()) {
    session.exit_code = session.Fail(channel.status());
    return nullptr;
  }
  return Service::NewStub(*channel);
}

template <class Stub, class Request, class Response>
using SyncMethod = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);

template <class Stub, class Request, class Response>
grpc::Status Call(const Session& session, Stub& stub, SyncMethod<Stub, Request, Response> method,
                  const Request& request, Response& response) {
  const std::unique_ptr<grpc::ClientContext> context = NewContext(session.client);
  return (stub.*method)(context.get(), request, &response);
}

// Reads all pages, or as many as have `limit` items (0: all), into one response.
template <class Stub, class Request, class Response>
grpc::Status CallPages(const Session& session, Stub& stub,
                       SyncMethod<Stub, Request, Response> method, Request request, int limit,
                       Response& all) {
  request.set_page_size(limit > 0 && limit < 1000 ? limit : 1000);
  for (int got = 0;;) {
    Response page;
    if (grpc::Status status = Call(session, stub, method, request, page); !status.ok())
      return status;
    const auto* field =
        page.GetDescriptor()->field(0);  // Every list response begins with its items.
    got += page.GetReflection()->FieldSize(page, field);
    request.set_page_token(page.next_page_token());
    all.MergeFrom(page);
    // MergeFrom keeps the earlier token if the last one is empty.
    all.set_next_page_token(page.next_page_token());
    if (request.page_token().empty() || (limit > 0 && got >= limit)) return grpc::Status::OK;
  }
}

// Protobuf's JSON: indented, or on one line where many follow each other.
std::string Json(const google::protobuf::Message& message, bool one_line = false);

void Print(const std::string& text);

// Says on stderr that a list was cut off.
template <class Response>
void NoteMore(const Response& response) {
  if (!response.next_page_token().empty())
    std::fputs("capbroker: there are more; --limit 0 shows all\n", stderr);
}

// An idempotency key: `given`, or a random UUID.
std::string RequestKey(const std::string& given);

// As Session::Fail. If the outcome is unknown, also prints the key with which the call may be
// repeated.
int FailChange(const Session& session, const grpc::Status& status, const std::string& request_key);

// A request about a resource, with an idempotency key if it has one; or the error of the name.
template <class Request>
absl::StatusOr<Request> MakeRequest(const absl::StatusOr<std::string>& name,
                                    const std::string& key = "") {
  if (!name.ok()) return name.status();
  Request request;
  if constexpr (requires { request.set_name(*name); }) {
    request.set_name(*name);
  } else {
    request.set_parent(*name);
  }
  if constexpr (requires { request.set_request_id(key); }) request.set_request_id(RequestKey(key));
  return request;
}

// Sends `request`, unless it is the error of a flag, and prints the answer: as JSON, or as the text
// that `show` makes of it. Returns the exit code.
template <class Service, class Request, class Response, class Show>
int CallAndPrint(Session& session, SyncMethod<typename Service::Stub, Request, Response> method,
                 const absl::StatusOr<std::type_identity_t<Request>>& request, Show show) {
  if (!request.ok()) return session.Fail(request.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  Response response;
  if (const grpc::Status status = Call(session, *stub, method, *request, response); !status.ok()) {
    if constexpr (requires { request->request_id(); }) {
      return FailChange(session, status, request->request_id());
    }
    return session.Fail(status);
  }
  Print(session.json ? Json(response) : show(response));
  return kExitOk;
}

// The same for a list of up to `limit` items (0: all).
template <class Service, class Request, class Response, class Show>
int ListAndPrint(Session& session, SyncMethod<typename Service::Stub, Request, Response> method,
                 const absl::StatusOr<std::type_identity_t<Request>>& request, int limit,
                 Show show) {
  if (!request.ok()) return session.Fail(request.status());
  const auto stub = Reach<Service>(session);
  if (stub == nullptr) return session.exit_code;
  Response all;
  const grpc::Status status = CallPages(session, *stub, method, *request, limit, all);
  if (!status.ok()) return session.Fail(status);
  Print(session.json ? Json(all) : show(all));
  NoteMore(all);
  return kExitOk;
}

// Waits a second, and says on stderr that a watch broke; `said` suppresses repetitions.
void NoteBreak(const grpc::Status& status, bool& said);

// Follows a stream until `take` returns false, or the stream ends with an error that a retry does
// not mend. A broken stream is opened again, with a note on stderr; it begins with the present
// state.
template <class Response, class Open, class Take>
grpc::Status Follow(const Session& session, Open open, Take take) {
  for (bool reached = false, said = false;;) {
    const std::unique_ptr<grpc::ClientContext> context = NewStream(session.client);
    const auto reader = open(context.get());
    for (Response response; reader->Read(&response);) {
      reached = true;
      said = false;
      if (take(response)) continue;
      context->TryCancel();
      (void)reader->Finish();
      return grpc::Status::OK;
    }
    const grpc::Status status = reader->Finish();
    if (!reached || (!status.ok() && Explain(status).exit_code != kExitUnavailable)) return status;
    NoteBreak(status, said);
  }
}

}  // namespace capbroker
