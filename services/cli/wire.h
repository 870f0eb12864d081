// The small values of the wire, to and from the broker's own: money, instants, lengths of time,
// names of enums.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>
#include <string_view>

#include "broker/values/money.h"
#include "broker/values/time.h"
#include "capbroker/v1/clause.pb.h"
#include "capbroker/v1/money.pb.h"

namespace capbroker {

Instant FromWire(const google::protobuf::Timestamp& t);
Span FromWire(const google::protobuf::Duration& d);
Money FromWire(const v1::Money& m);
void ToWire(Instant t, google::protobuf::Timestamp* out);
void ToWire(Span d, google::protobuf::Duration* out);
void ToWire(const Money& m, v1::Money* out);

// "azure/2/C2"; empty if unset.
std::string Show(const v1::ClauseRef& ref);

// "OPEN" of STATE_OPEN, "FIRST_OFFER" of KIND_FIRST_OFFER, "-" of ..._UNSPECIFIED: without the
// enum's own prefix, which is up to and with the word `prefix` and '_'.
std::string ShowEnum(std::string_view name, std::string_view prefix);

}  // namespace capbroker
