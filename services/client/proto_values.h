// Conversions between protobuf's small values and the broker's own: instants, durations, money.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "broker/values/money.h"
#include "broker/values/time.h"
#include "capbroker/v1/money.pb.h"

namespace capbroker {

Instant FromProto(const google::protobuf::Timestamp& t);
Span FromProto(const google::protobuf::Duration& d);
Money FromProto(const v1::Money& m);
void ToProto(Instant t, google::protobuf::Timestamp* out);
void ToProto(Span d, google::protobuf::Duration* out);
void ToProto(const Money& m, v1::Money* out);

}  // namespace capbroker
