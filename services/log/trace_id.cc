#include "services/log/trace_id.h"

#include <algorithm>

namespace capbroker {
namespace {

constexpr size_t kVersion = 2, kTraceId = 32, kParentId = 16, kFlags = 2;
constexpr size_t kLength = kVersion + 1 + kTraceId + 1 + kParentId + 1 + kFlags;

// Lower case only, as the standard demands.
bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsZero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

}  // namespace

std::string_view ParseTraceParent(std::string_view header) {
  // A later version may have more fields, after another dash.
  if (header.size() < kLength || (header.size() > kLength && header[kLength] != '-')) return {};
  if (header[2] != '-' || header[35] != '-' || header[52] != '-') return {};
  const std::string_view version = header.substr(0, 2), trace = header.substr(3, kTraceId);
  const std::string_view parent = header.substr(36, kParentId), flags = header.substr(53, kFlags);
  if (!IsHex(version) || !IsHex(trace) || !IsHex(parent) || !IsHex(flags)) return {};
  if (version == "ff" || (version == "00" && header.size() != kLength)) return {};
  return IsZero(trace) || IsZero(parent) ? std::string_view() : trace;
}

std::string TraceIdOf(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  const auto [first, last] = metadata.equal_range("traceparent");
  if (first == last || std::next(first) != last) return {};
  return std::string(ParseTraceParent({first->second.data(), first->second.size()}));
}

}  // namespace capbroker
