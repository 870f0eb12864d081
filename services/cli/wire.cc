#include "services/cli/wire.h"

#include "broker/values/text.h"
#include "services/cli/typed_name.h"

namespace capbroker {
namespace {

// Seconds and nanos of the same sign, as protobuf wants them; finer than a micro is dropped.
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

Instant FromWire(const google::protobuf::Timestamp& t) { return {MicrosOf(t)}; }
Span FromWire(const google::protobuf::Duration& d) { return {MicrosOf(d)}; }
Money FromWire(const v1::Money& m) {
  const absl::StatusOr<Currency> currency = ParseCurrency(m.currency_code());
  return {m.units() * 1'000'000 + m.nanos() / 1'000, currency.ok() ? *currency : Currency{}};
}
void ToWire(Instant t, google::protobuf::Timestamp* out) { SetMicros(t.micros, out); }
void ToWire(Span d, google::protobuf::Duration* out) { SetMicros(d.micros, out); }
void ToWire(const Money& m, v1::Money* out) {
  out->set_currency_code(std::string(m.currency.view()));
  out->set_units(m.micros / 1'000'000);
  out->set_nanos(static_cast<int32_t>(m.micros % 1'000'000 * 1'000));
}

std::string Show(const v1::ClauseRef& ref) {
  if (ref.agreement().empty()) return "";
  const std::string agreement =
      ShortName(ref.agreement());  // "openai/azure"; the owner is plain from the rest.
  return Cat(std::string_view(agreement).substr(agreement.find('/') + 1), "/", ref.version(), "/",
             ref.clause_id());
}

std::string ShowEnum(std::string_view name, std::string_view prefix) {
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  if (name.starts_with('_')) name.remove_prefix(1);
  return name.empty() ? "?" : name == "UNSPECIFIED" ? "-" : std::string(name);
}

}  // namespace capbroker
