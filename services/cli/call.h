// One call of the broker from a verb: connect, ask, page through; and how the answer is printed as
// JSON.
#pragma once

#include <google/protobuf/message.h>

#include <cstdio>
#include <memory>
#include <string>

#include "services/cli/app.h"

namespace capbroker {

// A stub of the service, or nothing after an error was printed; then session.exit_code says which.
template <class Service>
std::unique_ptr<typename Service::Stub> Reach(Session& session) {
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Connect(session.client);
  if (!channel.ok()) {
    session.exit_code = session.Fail(channel.status());
    return nullptr;
  }
  return Service::NewStub(*channel);
}

// Calls `stub.*method(request)`; the answer, or the status.
template <class Stub, class Request, class Response>
grpc::Status Call(const Session& session, Stub& stub,
                  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request, Response& response) {
  const std::unique_ptr<grpc::ClientContext> context = NewContext(session.client);
  return (stub.*method)(context.get(), request, &response);
}

// All pages, or as many as give `limit` items, merged into one response.
template <class Stub, class Request, class Response>
grpc::Status CallPages(const Session& session, Stub& stub,
                       grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                    Response*),
                       Request request, int limit, Response& all) {
  request.set_page_size(limit > 0 && limit < 1000 ? limit : 1000);
  for (int got = 0;;) {
    Response page;
    if (grpc::Status status = Call(session, stub, method, request, page); !status.ok())
      return status;
    const auto* field = page.GetDescriptor()->field(0);  // The items: first in every list response.
    got += page.GetReflection()->FieldSize(page, field);
    request.set_page_token(page.next_page_token());
    all.MergeFrom(page);
    all.set_next_page_token(
        page.next_page_token());  // Merging leaves a token standing where the last is empty.
    if (request.page_token().empty() || (limit > 0 && got >= limit)) return grpc::Status::OK;
  }
}

// Protobuf's JSON: indented for one answer, on one line where many follow each other.
std::string Json(const google::protobuf::Message& message, bool one_line = false);

void Print(const std::string& text);

// Where a list ended before all was shown.
template <class Response>
void NoteMore(const Response& response) {
  if (!response.next_page_token().empty())
    std::fputs("capbroker: there are more; --limit 0 shows all\n", stderr);
}

// Waits a second; says on stderr that a watch broke, once until it is there again.
void NoteBreak(const grpc::Status& status, bool& said);

// Follows a stream until `take` says false or it ends with an error that trying again does not
// mend. After a break it is opened anew, with a note on stderr: what is present comes again.
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

// A key for one intention: `given`, or a random UUID.
std::string RequestKey(const std::string& given);

// As Session::Fail, and where the outcome is not known the key with which the same call may be
// repeated.
int FailChange(const Session& session, const grpc::Status& status, const std::string& request_key);

}  // namespace capbroker
