// What several messages carry, read by one function each; parse.h has the messages.
#pragma once

#include "broker/agreements/agreement.h"
#include "broker/values/request.h"
#include "capbroker/v1/agreement.pb.h"
#include "capbroker/v1/capacity_request.pb.h"
#include "services/messages/fields.h"

namespace capbroker {

inline constexpr size_t kLongestReason = 1024;  // Bytes of a party's own words.

// `least` quantity: 0 where the message may leave it to the sum of segments.
Terms ReadTerms(Fields& fields, const Path& at, const v1::Terms& in, int64_t least);
Request ReadRequest(Fields& fields, const Path& at, const v1::CapacityRequest& in);
Clause ReadClause(Fields& fields, const Path& at, const v1::Clause& in);
// effective_from is unset where the message has none; agreement, version and holder are the
// caller's to fill in.
AgreementVersion ReadVersion(Fields& fields, const Path& at, const v1::AgreementVersion& in);

}  // namespace capbroker
