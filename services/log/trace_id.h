// The trace that a call is part of, as its caller says it: W3C Trace Context, level 1, in the
// call's metadata.
#pragma once

#include <grpcpp/support/string_ref.h>

#include <map>
#include <string>
#include <string_view>

namespace capbroker {

// The trace id of a `traceparent`: "0af7651916cd43dd8448eb211c80319c" of
// "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01". Empty if it is not one.
std::string_view ParseTraceParent(std::string_view header);

// Empty if there is no traceparent, or a malformed one: the standard has it ignored.
std::string TraceIdOf(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata);

}  // namespace capbroker
