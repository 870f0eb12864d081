#include "broker/deciding/validate.h"

#include <algorithm>
#include <functional>

#include "broker/routing/fallback.h"
#include "broker/values/check.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr size_t kMostSegments = 32;
constexpr size_t kMostConditions = 32;
constexpr size_t kMostLabels = 64;
constexpr size_t kLongestText = 1024;
constexpr int64_t kMostFanOut = 100;
constexpr size_t kLongestCondition = 256;
constexpr size_t kLongestEndpoint = 256;
constexpr std::string_view kPriceWant = "an amount in a currency, not negative";

std::string Quoted(std::string_view text) { return Cat("\"", text.substr(0, 80), "\""); }

absl::Status CheckWord(std::string_view field, std::string_view got) {
  const bool good =
      !got.empty() && got.size() <= 63 && std::all_of(got.begin(), got.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
      });
  if (good) return absl::OkStatus();
  return Invalid(field, Quoted(got), "1 to 63 letters, digits, '-', '_' or '.'");
}

absl::Status CheckQuantity(std::string_view field, int64_t got, int64_t least) {
  if (got >= least && got <= kMostQuantity) return absl::OkStatus();
  return Invalid(field, Cat(got), Cat("a whole number from ", least, " to ", kMostQuantity));
}

absl::Status CheckLength(std::string_view field, std::string_view got, size_t longest) {
  if (got.size() <= longest) return absl::OkStatus();
  return Invalid(field, Cat(got.size(), " bytes"), Cat("at most ", longest, " bytes"));
}

absl::Status CheckCount(std::string_view field, size_t got, size_t least, size_t most) {
  if (got >= least && got <= most) return absl::OkStatus();
  return Invalid(field, Cat(got), Cat(least, " to ", most, " of them"));
}

absl::Status CheckAfter(std::string_view field, Instant got, Instant after) {
  if (got > after && got <= kLastInstant) return absl::OkStatus();
  return Invalid(field, got.IsSet() ? Format(got) : "none", Cat("a time after ", Format(after)));
}

absl::Status CheckTerms(const Terms& terms, const std::string& at) {
  for (absl::Status status :
       {CheckWord(at + ".resource_type", terms.resource_type),
        CheckWord(at + ".region", terms.region), CheckWord(at + ".unit", terms.unit),
        CheckQuantity(at + ".quantity", terms.quantity, 1),
        CheckAfter(at + ".start_time", terms.start, Instant{}),
        CheckAfter(at + ".end_time", terms.end, terms.start),
        CheckCount(at + ".conditions", terms.conditions.size(), 0, kMostConditions)}) {
    if (!status.ok()) return status;
  }
  if (terms.end - terms.start > kLongestSpan) {
    return Invalid(at + ".end_time", Format(terms.end),
                   Cat("at most ", Format(kLongestSpan), " after the start"));
  }
  if (!terms.unit_price.IsSet() || terms.unit_price.micros < 0) {
    return Invalid(at + ".unit_price", terms.unit_price.IsSet() ? Format(terms.unit_price) : "none",
                   kPriceWant);
  }
  if (terms.availability_ppm < 0 || terms.availability_ppm > 1'000'000) {
    return Invalid(at + ".availability_ppm", Cat(terms.availability_ppm),
                   "a whole number from 0 to 1000000");
  }
  for (size_t i = 0; i < terms.conditions.size(); ++i) {
    const std::string field = Cat(at, ".conditions[", i, "]");
    if (terms.conditions[i].empty()) return Invalid(field, "nothing", "a condition in words");
    if (absl::Status status = CheckLength(field, terms.conditions[i], kLongestCondition);
        !status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::Status CheckSegments(const Request& request) {
  if (absl::Status status = CheckCount("segments", request.segments.size(), 1, kMostSegments);
      !status.ok()) {
    return status;
  }
  int64_t sum = 0;
  for (size_t i = 0; i < request.segments.size(); ++i) {
    const Segment& segment = request.segments[i];
    const std::string at = Cat("segments[", i, "]");
    for (absl::Status status :
         {CheckWord(at + ".workload_class", segment.workload_class),
          segment.purpose.empty() ? absl::OkStatus() : CheckWord(at + ".purpose", segment.purpose),
          CheckQuantity(at + ".quantity", segment.quantity, 1)}) {
      if (!status.ok()) return status;
    }
    sum += segment.quantity;  // 32 x 10^12 at most.
  }
  if (sum == request.terms.quantity) return absl::OkStatus();
  return Invalid("segments", Cat("quantities that add up to ", sum),
                 Cat(request.terms.quantity, ", terms.quantity"));
}

absl::Status CheckPriceCap(const Request& request) {
  const Money& cap = request.price_cap;
  const Money& price = request.terms.unit_price;
  if (cap.IsSet() && (cap.currency != price.currency || cap.micros < price.micros)) {
    return Invalid("price_cap", Format(cap), Cat("at least terms.unit_price, ", Format(price)));
  }
  const absl::StatusOr<Money> cost =
      Cost(PriceCapOf(request), request.terms.quantity, request.terms.end - request.terms.start);
  if (cost.ok()) return absl::OkStatus();
  return Invalid(cap.IsSet() ? "price_cap" : "terms.unit_price", Format(PriceCapOf(request)),
                 Cat("a price at which ", cost.status().message(), " is not so"));
}

absl::Status CheckFallback(const Fallback& fallback, const Directory& directory) {
  const bool fans_out = fallback.kind == FallbackKind::kFanOut;
  if (fans_out ? fallback.fan_out < 2 || fallback.fan_out > kMostFanOut : fallback.fan_out != 0) {
    return Invalid("fallback_policy.fan_out", Cat(fallback.fan_out),
                   fans_out ? Cat("how many are asked at once, 2 to ", kMostFanOut)
                            : "nothing but with FAN_OUT");
  }
  if (absl::Status status = CheckRanges("fallback_policy", fallback); !status.ok()) return status;
  if (fallback.kind == FallbackKind::kNone && fallback.step_window == Span{})
    return absl::OkStatus();
  if (fallback.step_window <= Span{} || fallback.step_window > kLongestSpan) {
    return Invalid("fallback_policy.step_window", Format(fallback.step_window),
                   Cat("a duration over zero, to ", Format(kLongestSpan)));
  }
  for (size_t i = 0; i < fallback.providers.size(); ++i) {
    const std::string field = Cat("fallback_policy.providers[", i, "]");
    const ProviderId& id = fallback.providers[i];
    if (directory.Find(id) == nullptr)
      return Invalid(field, Quoted(id.value), "a registered provider");
    if (std::find(fallback.providers.begin(),
                  fallback.providers.begin() + static_cast<ptrdiff_t>(i),
                  id) != fallback.providers.begin() + static_cast<ptrdiff_t>(i)) {
      return Invalid(field, Quoted(id.value), "each provider once");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLabels(const std::vector<Label>& labels) {
  if (absl::Status status = CheckCount("labels", labels.size(), 0, kMostLabels); !status.ok())
    return status;
  for (const Label& label : labels) {
    if (absl::Status status = CheckWord("labels", label.key); !status.ok()) return status;
    if (absl::Status status = CheckText(Cat("labels[", label.key, "]"), label.value); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const Request& request, const Directory& directory, Instant now) {
  for (const std::function<absl::Status()>& check :
       std::initializer_list<std::function<absl::Status()>>{
           [&] { return CheckTerms(request.terms, "terms"); },
           [&] { return CheckSegments(request); },
           [&] { return CheckPriceCap(request); },
           [&] { return CheckQuantity("smallest_useful_quantity", request.smallest_useful, 0); },
           [&] { return CheckFallback(request.fallback, directory); },
           [&] { return CheckAfter("needed_by_time", request.needed_by, now); },
           [&] { return CheckAfter("expire_time", request.expiry, now); },
           [&] { return CheckLabels(request.labels); },
       }) {
    if (absl::Status status = check(); !status.ok()) return status;
  }
  if (request.smallest_useful > request.terms.quantity) {
    return Invalid("smallest_useful_quantity", Cat(request.smallest_useful),
                   Cat("at most terms.quantity, ", request.terms.quantity));
  }
  return absl::OkStatus();
}

absl::Status CheckEndpoint(const Endpoint& endpoint) {
  const std::string_view address = endpoint.address;
  const size_t colon = address.rfind(':');
  const std::string_view host = address.substr(0, colon == std::string_view::npos ? 0 : colon);
  const std::optional<int> port = ParseNumber<int>(address.substr(colon + 1));
  // Left to itself, gRPC would take "unix:" and other schemes.
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const bool good = !host.empty() && address.size() <= kLongestEndpoint && port && *port >= 1 &&
                    *port <= 65535 && std::all_of(host.begin(), host.end(), [&](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                             (bracketed && (c == ':' || c == '[' || c == ']'));
                    });
  if (!good)
    return Invalid("endpoint.address", Quoted(address), "host:port, such as desk.example.org:7430");
  const std::string_view name = endpoint.server_name;
  const bool fits =
      name.size() <= kLongestEndpoint && std::all_of(name.begin(), name.end(), [](char c) {
        return c > 0x20 && c < 0x7f && c != '"' && c != '\\';
      });
  if (fits) return absl::OkStatus();
  return Invalid("endpoint.server_name", Quoted(name),
                 "a DNS name or a SPIFFE id, at most 256 bytes");
}

absl::Status Validate(const Provider& provider) {
  if (!IsName(provider.id.value)) {
    return Invalid("provider_id", Quoted(provider.id.value),
                   "1 to 63 of a-z, 0-9 and '-', a letter first");
  }
  for (absl::Status status : {CheckText("display_name", provider.display_name),
                              CheckCount("members", provider.members.size(), 0, 256),
                              CheckCount("affiliates", provider.affiliates.size(), 0, 256),
                              CheckCount("rates", provider.rates.size(), 0, 1024),
                              CheckCount("limits", provider.limits.size(), 0, 1024)}) {
    if (!status.ok()) return status;
  }
  if (provider.endpoint != Endpoint{}) {
    if (absl::Status s = CheckEndpoint(provider.endpoint); !s.ok()) return s;
  }
  for (size_t i = 0; i < provider.members.size(); ++i) {
    if (absl::Status s = CheckText(Cat("members[", i, "]"), provider.members[i]); !s.ok()) return s;
  }
  for (size_t i = 0; i < provider.affiliates.size(); ++i) {
    if (!IsName(provider.affiliates[i].value) || provider.affiliates[i] == provider.id) {
      return Invalid(Cat("affiliates[", i, "]"), Quoted(provider.affiliates[i].value),
                     "another provider's name");
    }
  }
  for (size_t i = 0; i < provider.rates.size(); ++i) {
    const Rate& rate = provider.rates[i];
    const std::string at = Cat("rates[", i, "]");
    if (absl::Status s = CheckWord(at + ".resource_type", rate.resource_type); !s.ok()) return s;
    if (!rate.region.empty()) {
      if (absl::Status s = CheckWord(at + ".region", rate.region); !s.ok()) return s;
    }
    if (rate.unit_price.IsSet() && rate.unit_price.micros < 0) {
      return Invalid(at + ".unit_price", Format(rate.unit_price), kPriceWant);
    }
  }
  for (size_t i = 0; i < provider.limits.size(); ++i) {  // R23.
    const Limit& limit = provider.limits[i];
    const std::string at = Cat("limits[", i, "]");
    for (absl::Status status :
         {CheckWord(at + ".resource_type", limit.resource_type),
          limit.region.empty() ? absl::OkStatus() : CheckWord(at + ".region", limit.region),
          CheckRanges(at, limit)}) {
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateAnswer(const Terms& terms, const Terms& offered, const std::string& at) {
  if (absl::Status status = CheckTerms(terms, at); !status.ok()) return status;
  const auto same = [&](const char* name, const std::string& got, const std::string& want) {
    return got == want ? absl::OkStatus() : Invalid(Cat(at, ".", name), Quoted(got), Quoted(want));
  };
  for (absl::Status status :
       {same("resource_type", terms.resource_type, offered.resource_type),
        same("region", terms.region, offered.region), same("unit", terms.unit, offered.unit)}) {
    if (!status.ok()) return status;
  }
  if (terms.unit_price.currency != offered.unit_price.currency) {
    return Invalid(at + ".unit_price", Format(terms.unit_price),
                   Cat("an amount in ", offered.unit_price.currency.view()));
  }
  if (terms.quantity > offered.quantity) {
    return Invalid(at + ".quantity", Cat(terms.quantity),
                   Cat("at most the ", offered.quantity, " that were offered"));
  }
  const absl::StatusOr<Money> cost =
      Cost(terms.unit_price, terms.quantity, terms.end - terms.start);
  if (cost.ok()) return absl::OkStatus();
  return Invalid(at + ".unit_price", Format(terms.unit_price),
                 Cat("a price at which ", cost.status().message(), " is not so"));
}

absl::Status CheckText(std::string_view field, std::string_view got) {
  return CheckLength(field, got, kLongestText);
}

absl::Status CheckReason(std::string_view text) {
  if (text.empty()) return Invalid("text", "nothing", "the reason, in words");
  return CheckText("text", text);
}

}  // namespace capbroker
