// How the smallest values become messages.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "broker/values/ids.h"
#include "broker/values/money.h"
#include "broker/values/time.h"
#include "capbroker/v1/clause.pb.h"
#include "capbroker/v1/money.pb.h"

namespace capbroker {

void Render(Instant t, google::protobuf::Timestamp* out);
void Render(Span d, google::protobuf::Duration* out);
void Render(const Money& amount, v1::Money* out);
void Render(const OwnerId& owner, const ClauseRef& ref, v1::ClauseRef* out);
std::string Bytes(const Hash& hash);

}  // namespace capbroker
