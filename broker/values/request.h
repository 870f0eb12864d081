// What an owner asks for. A request is immutable; an amendment makes its next version.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "broker/values/ids.h"
#include "broker/values/share.h"
#include "broker/values/terms.h"

namespace capbroker {

// A part of the request with one use. Which rights govern it depends on both words.
struct Segment {
  std::string workload_class{};  // "API_SERVING", "PRODUCT_INFERENCE"; as the agreements spell it.
  std::string purpose{};  // "RESEARCH", "TRAINING"; empty is unstated, and never matches a waiver.
  int64_t quantity = 0;   // Segments add up to the terms' quantity.
  bool operator==(const Segment&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("purpose", self.purpose);
    field("quantity", self.quantity);
    field("workload_class", self.workload_class);
  }
};

// R9. How alternatives are asked once every right over a lot is dealt with.
enum class FallbackKind { kSequential, kFanOut, kCheapest, kNone };
template <>
struct Names<FallbackKind> {
  static constexpr std::array<std::string_view, 4> values = {"SEQUENTIAL", "FAN_OUT", "CHEAPEST",
                                                             "NONE"};
};

struct Fallback {
  FallbackKind kind = FallbackKind::kSequential;
  std::vector<ProviderId>
      providers{};      // In rank order; empty: every registered provider, in the order they came.
  Span step_window{};   // How long each may think. More than zero.
  int64_t fan_out = 0;  // FAN_OUT: how many are asked at once, from 2.
  Span
      confirm_within{};  // R14: from hold to confirmation by the provider; zero: confirmed at once.
  Span withdraw_notice{};  // R15: with which an alternative may withdraw what it confirmed; zero:
                           // it may not.
  Span release_notice{};   // R28: the owner's release of what it confirmed takes effect after it;
                           // zero: at once.
  Share release_share{};   // R28: of the unused drawn commitment, what a release restores.
  bool operator==(const Fallback&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("confirm_within", self.confirm_within);
    field("fan_out", self.fan_out);
    field("kind", self.kind);
    field("providers", self.providers);
    field("release_notice", self.release_notice);
    field("release_share_ppm", self.release_share);
    field("step_window", self.step_window);
    field("withdraw_notice", self.withdraw_notice);
  }
};

struct Label {
  std::string key{}, value{};
  bool operator==(const Label&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("key", self.key);
    field("value", self.value);
  }
};

struct Request {
  RequestId id{};
  uint32_t version = 1;
  std::vector<Label> labels{};  // The owner's own; change nothing. Ordered by key.
  std::vector<Segment> segments{};
  Terms terms{};
  Money price_cap{};        // No offer above it; unset: the terms' unit price.
  bool splittable = false;  // May be placed in parts, and per route.
  int64_t smallest_useful =
      0;                 // No part below it, unless it completes a lot; 0 and 1 are the same.
  bool renewal = false;  // Extends capacity already in use: outside scopes of new capacity only.
  bool accept_late = false;  // R16, R26: late acceptances are kept in reserve.
  Fallback fallback{};
  Instant needed_by{};  // Mandatory windows must fit before it (R25). Set.
  Instant expiry{};     // The last instant at which the request is live. Set.
  bool operator==(const Request&) const = default;
  static void Fields(auto& self, auto&& field) {
    field("accept_late", self.accept_late);
    field("expire_time", self.expiry);
    field("fallback_policy", self.fallback);
    field("id", self.id);
    field("labels", self.labels);
    field("needed_by_time", self.needed_by);
    field("price_cap", self.price_cap);
    field("renewal", self.renewal);
    field("segments", self.segments);
    field("smallest_useful_quantity", self.smallest_useful);
    field("splittable", self.splittable);
    field("terms", self.terms);
    field("version", self.version);
  }
};

}  // namespace capbroker
