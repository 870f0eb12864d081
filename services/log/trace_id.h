// Trace id of a call, from its metadata: W3C Trace Context, level 1.
#pragma once

#include <grpcpp/support/string_ref.h>

#include <map>
#include <string>
#include <string_view>

namespace capbroker {

// The trace id of a `traceparent` header: "0af7651916cd43dd8448eb211c80319c" of
// "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01". Empty if the header is malformed.
std::string_view ParseTraceParent(std::string_view header);

// Empty if there is no traceparent, or a malformed one, which the standard says to ignore.
std::string TraceIdOf(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata);

}  // namespace capbroker
