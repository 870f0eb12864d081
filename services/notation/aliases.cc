#include "services/notation/aliases.h"

namespace capbroker {
namespace {

constexpr Alias kAliases[] = {
    // Scopes
    {"scope.classes", "scope.workload_classes"},
    {"scope.delivery_from", "scope.delivery_start_time"},
    {"scope.delivery_to", "scope.delivery_end_time"},
    {"class", "scope.workload_classes"},
    {"purpose", "scope.purposes"},
    {"region", "scope.regions"},
    {"resource", "scope.resource_types"},
    // Exclusivities and first refusals
    {"contingent", "contingent_bids"},
    {"open_offers_at_end", "void_on_end", "VOID", "RUN_OFF"},
    {"partial", "parts.allowed"},
    {"partial.min", "parts.min_quantity"},
    {"partial.step", "parts.quantity_step"},
    {"price_tolerance", "price_tolerance_ppm"},
    {"release_share", "release_share_ppm"},
    // Waivers, terms, triggers
    {"cap", "cap_quantity"},
    {"ends", "ended_clause_ids"},
    {"from", "start_time"},
    {"lift", "lifted_clause_ids"},
    {"lifts", "lifted_clause_ids"},
    {"min_share", "min_share_ppm"},
    {"term_end", "end_time"},
    {"to", "end_time"},
    {"until", "end_time"},
    // Requests
    {"availability", "availability_ppm"},
    {"cap", "price_cap"},
    {"class", "workload_class"},
    {"condition", "conditions"},
    {"end", "end_time"},
    {"expire", "expire_time"},
    {"expires", "expire_time"},
    {"expiry", "expire_time"},
    {"fallback", "fallback_policy"},
    {"in", "region"},
    {"label", "labels"},
    {"needed", "needed_by_time"},
    {"needed_by", "needed_by_time"},
    {"price", "unit_price"},
    {"provider", "providers"},
    {"resource", "resource_type"},
    {"segment", "segments"},
    {"smallest", "smallest_useful_quantity"},
    {"smallest_useful", "smallest_useful_quantity"},
    {"start", "start_time"},
    {"step", "step_window"},
};

}  // namespace

std::span<const Alias> Aliases() { return kAliases; }

}  // namespace capbroker
