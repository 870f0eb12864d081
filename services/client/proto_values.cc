#include "services/client/proto_values.h"

#include <string>

namespace capbroker {
namespace {

// Seconds and nanos have the same sign, as protobuf demands; fractions of a microsecond are
// dropped.
template <class T>
int64_t MicrosOf(const T& t) {
  return t.seconds() * 1'000'000 + t.nanos() / 1'000;
}
template <class T>
void SetMicros(int64_t micros, T* out) {
  out->set_seconds(micros / 1'000'000);
  out->set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1'000));
}

}  // namespace

Instant FromProto(const google::protobuf::Timestamp& t) { return {MicrosOf(t)}; }
Span FromProto(const google::protobuf::Duration& d) { return {MicrosOf(d)}; }
Money FromProto(const v1::Money& m) {
  const absl::StatusOr<Currency> currency = ParseCurrency(m.currency_code());
  return {m.units() * 1'000'000 + m.nanos() / 1'000, currency.ok() ? *currency : Currency{}};
}
void ToProto(Instant t, google::protobuf::Timestamp* out) { SetMicros(t.micros, out); }
void ToProto(Span d, google::protobuf::Duration* out) { SetMicros(d.micros, out); }
void ToProto(const Money& m, v1::Money* out) {
  out->set_currency_code(std::string(m.currency.view()));
  out->set_units(m.micros / 1'000'000);
  out->set_nanos(static_cast<int32_t>(m.micros % 1'000'000 * 1'000));
}

}  // namespace capbroker
