#include "services/cli/request_input.h"

#include <algorithm>

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/cli/name_arguments.h"
#include "services/cli/yaml.h"
#include "services/client/proto_values.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

// Each field by the name it has in a file, which with "--" before it is the flag's.
void ForEachField(auto& input, auto&& one, auto&& list) {
  one("resource", input.resource);
  one("region", input.region);
  one("quantity", input.quantity);
  one("unit", input.unit);
  one("start", input.start);
  one("end", input.end);
  one("price", input.price);
  one("cap", input.price_cap);
  one("availability", input.availability);
  one("class", input.workload_class);
  one("purpose", input.purpose);
  one("smallest", input.smallest);
  one("step_window", input.step_window);
  one("needed_by", input.needed_by);
  one("expire", input.expire);
  one("splittable", input.splittable);
  one("renewal", input.renewal);
  one("accept_late", input.accept_late);
  one("fallback", input.fallback);
  one("fan_out", input.fan_out);
  one("confirm_within", input.confirm_within);
  one("withdraw_notice", input.withdraw_notice);
  list("providers", input.providers);
  list("conditions", input.conditions);
}

Written At(const Yaml& node, std::string_view file, std::string_view field, std::string text) {
  return {std::move(text), Cat(file, ":", node.line, ":", node.column, ": ", field)};
}

// Reads the fields one after the other; the first error stays.
class Builder {
 public:
  absl::Status status;

  // Calls parse(text) and hands the value to `set`, if something is written.
  template <class Parse, class Set>
  void Read(const Written& in, Parse parse, Set set) {
    if (in.text.empty() || !status.ok()) return;
    auto value = parse(std::string_view(in.text));
    if (value.ok()) {
      set(*std::move(value));
    } else {
      status = absl::InvalidArgumentError(Cat(in.origin, ": ", value.status().message()));
    }
  }
  void Require(const Written& in, std::string_view flag, std::string_view want) {
    if (in.text.empty() && status.ok()) status = Invalid(flag, "nothing", want);
  }
};

absl::StatusOr<bool> ReadBool(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  return absl::InvalidArgumentError(Cat("got \"", text, "\", want true or false"));
}

absl::StatusOr<v1::Segment> ReadSegment(std::string_view text) {
  const std::vector<std::string_view> words = Split(text, ':');
  const absl::Status error = absl::InvalidArgumentError(
      Cat("got \"", text, "\", want CLASS:PURPOSE:QUANTITY or CLASS:QUANTITY"));
  if (words.size() < 2 || words.size() > 3 || words[0].empty()) return error;
  const absl::StatusOr<int64_t> quantity = ParseQuantity(words.back());
  if (!quantity.ok()) return error;
  v1::Segment segment;
  segment.set_workload_class(std::string(words[0]));
  if (words.size() == 3) segment.set_purpose(std::string(words[1]));
  segment.set_quantity(*quantity);
  return segment;
}

void ReadSegments(const RequestInput& in, Builder& build, v1::CapacityRequest& out) {
  for (const Written& text : in.segments) {
    build.Read(text, ReadSegment,
               [&](v1::Segment segment) { *out.add_segments() = std::move(segment); });
  }
  if (!in.segments.empty()) {
    const Written& odd = in.workload_class.text.empty() ? in.purpose : in.workload_class;
    if (!odd.text.empty() && build.status.ok()) {
      build.status = Invalid(odd.origin, odd.text, "nothing: the segments say it");
    }
    return;
  }
  build.Require(in.workload_class, "--class",
                "a class of workload such as PRODUCT_INFERENCE, or --segment");
  build.Require(in.quantity, "--quantity", "how much, such as 8000");
  v1::Segment& segment = *out.add_segments();
  segment.set_workload_class(in.workload_class.text);
  segment.set_purpose(in.purpose.text);
  segment.set_quantity(out.terms().quantity());
}

void ReadTerms(const RequestInput& in, Instant now, Builder& build, v1::Terms& terms) {
  const auto when = [now](std::string_view text) { return ParseWhen(text, now); };
  build.Require(in.resource, "--resource", "a resource type such as h100");
  build.Require(in.region, "--region", "a region such as us-east");
  build.Require(in.start, "--start", "when delivery begins, such as 2025-03-01T00:00:00Z or +30d");
  build.Require(in.end, "--end", "when delivery ends, such as 2026-03-01T00:00:00Z or +395d");
  build.Require(in.price, "--price", "what one unit may cost for one hour, such as \"2.5 USD\"");
  terms.set_resource_type(in.resource.text);
  terms.set_region(in.region.text);
  terms.set_unit(in.unit.text.empty() ? "gpu" : in.unit.text);
  build.Read(in.quantity, ParseQuantity, [&](int64_t n) { terms.set_quantity(n); });
  build.Read(in.start, when, [&](Instant t) { ToProto(t, terms.mutable_start_time()); });
  build.Read(in.end, when, [&](Instant t) { ToProto(t, terms.mutable_end_time()); });
  build.Read(in.price, ParseAmount,
             [&](const Money& m) { ToProto(m, terms.mutable_unit_price()); });
  build.Read(
      in.availability, [](std::string_view text) { return ParseShare(text); },
      [&](int64_t ppm) { terms.set_availability_ppm(static_cast<int32_t>(ppm)); });
  for (const Written& condition : in.conditions) terms.add_conditions(condition.text);
}

absl::StatusOr<v1::FallbackPolicy::Kind> ReadFallbackKind(std::string_view text) {
  v1::FallbackPolicy::Kind kind;
  if (v1::FallbackPolicy::Kind_Parse(Cat("KIND_", text), &kind) &&
      kind != v1::FallbackPolicy::KIND_UNSPECIFIED)
    return kind;
  return absl::InvalidArgumentError(
      Cat("got \"", text, "\", want one of SEQUENTIAL, FAN_OUT, CHEAPEST, NONE"));
}

void ReadPolicy(const RequestInput& in, Builder& build, v1::CapacityRequest& out) {
  const auto policy = [&] { return out.mutable_fallback_policy(); };
  build.Read(in.fallback, ReadFallbackKind,
             [&](v1::FallbackPolicy::Kind kind) { policy()->set_kind(kind); });
  build.Read(in.fan_out, ParseQuantity, [&](int64_t n) {
    policy()->set_fan_out(static_cast<int32_t>(std::min<int64_t>(n, INT32_MAX)));
  });
  build.Read(in.step_window, ParseDuration,
             [&](Span d) { ToProto(d, policy()->mutable_step_window()); });
  build.Read(in.confirm_within, ParseDuration,
             [&](Span d) { ToProto(d, policy()->mutable_confirm_within()); });
  build.Read(in.withdraw_notice, ParseDuration,
             [&](Span d) { ToProto(d, policy()->mutable_withdraw_notice()); });
  for (const Written& provider : in.providers) {
    build.Read(provider, ReadProviderName,
               [&](std::string name) { policy()->add_providers(name); });
  }
}

}  // namespace

RequestInput Merge(RequestInput flags, const RequestInput& file) {
  std::vector<const Written*> ones;
  std::vector<const std::vector<Written>*> lists;
  ForEachField(
      file, [&](std::string_view, const Written& field) { ones.push_back(&field); },
      [&](std::string_view, const std::vector<Written>& field) { lists.push_back(&field); });
  size_t one = 0, list = 0;
  // A use given by flags stands against all that the file says of uses.
  const bool other_use = !flags.segments.empty() || !flags.workload_class.text.empty();
  if (!other_use) flags.segments = file.segments;
  ForEachField(
      flags,
      [&](std::string_view name, Written& field) {
        const Written& from = *ones[one++];
        if (field.text.empty() && !(other_use && (name == "class" || name == "purpose")))
          field = from;
      },
      [&](std::string_view, std::vector<Written>& field) {
        const std::vector<Written>& from = *lists[list++];
        if (field.empty()) field = from;
      });
  if (flags.labels.empty()) flags.labels = file.labels;
  return flags;
}

absl::StatusOr<RequestInput> LoadRequest(const std::string& path) {
  absl::StatusOr<std::string> text = ReadInput(path);
  if (!text.ok()) return text.status();
  return ReadRequest(path, *text);
}

absl::StatusOr<RequestInput> ReadRequest(std::string_view file, std::string_view text) {
  const absl::StatusOr<Yaml> root = ReadYaml(file, text);
  if (!root.ok()) return root.status();
  YamlErrors errors{std::string(file)};
  YamlMap map(*root, "", errors);
  RequestInput out;
  ForEachField(
      out,
      [&](std::string_view name, Written& field) {
        if (const Yaml* node = map.FindText(name)) field = At(*node, file, name, node->text);
      },
      [&](std::string_view name, std::vector<Written>& field) {
        std::vector<std::string> texts;
        const Yaml* node = map.Find(name);
        if (!map.ReadTexts(name, texts)) return;
        for (std::string& item : texts) field.push_back(At(*node, file, name, std::move(item)));
      });
  if (const Yaml* segments = map.Find("segments"); segments != nullptr) {
    if (segments->kind != Yaml::Kind::kList) errors.Add(*segments, "segments", "want a list");
    for (size_t i = 0; i < segments->items.size(); ++i) {
      YamlMap segment(segments->items[i], Cat("segments[", i, "]"), errors);
      std::string workload_class, purpose, quantity;
      segment.Require("class", "a class of workload");
      segment.Require("quantity", "how much of the request");
      segment.ReadText("class", workload_class);
      segment.ReadText("purpose", purpose);
      segment.ReadText("quantity", quantity);
      segment.Done();
      out.segments.push_back(At(segments->items[i], file, Cat("segments[", i, "]"),
                                Cat(workload_class, ":", purpose, ":", quantity)));
    }
  }
  if (const Yaml* labels = map.Find("labels"); labels != nullptr) {
    YamlMap map_of_labels(*labels, "labels", errors);
    for (const auto& [key, value] : labels->fields) {
      out.labels.push_back(
          At(value, file, Cat("labels.", key.text), Cat(key.text, "=", value.text)));
    }
  }
  map.Done();
  if (!errors.ok()) return errors.status();
  return out;
}

absl::StatusOr<v1::CapacityRequest> BuildRequest(const RequestInput& in, Instant now) {
  const auto when = [now](std::string_view text) { return ParseWhen(text, now); };
  Builder build;
  v1::CapacityRequest out;
  ReadTerms(in, now, build, *out.mutable_terms());
  ReadSegments(in, build, out);
  build.Read(in.price_cap, ParseAmount,
             [&](const Money& m) { ToProto(m, out.mutable_price_cap()); });
  build.Read(in.splittable, ReadBool, [&](bool b) { out.set_splittable(b); });
  build.Read(in.renewal, ReadBool, [&](bool b) { out.set_renewal(b); });
  build.Read(in.smallest, ParseQuantity, [&](int64_t n) { out.set_smallest_useful_quantity(n); });
  build.Read(in.needed_by, when, [&](Instant t) { ToProto(t, out.mutable_needed_by_time()); });
  build.Read(in.expire, when, [&](Instant t) { ToProto(t, out.mutable_expire_time()); });
  build.Read(in.accept_late, ReadBool, [&](bool b) { out.set_accept_late(b); });
  ReadPolicy(in, build, out);
  for (const Written& label : in.labels) {
    const size_t equals = label.text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      if (build.status.ok()) build.status = Invalid(label.origin, label.text, "key=value");
    } else {
      (*out.mutable_labels())[label.text.substr(0, equals)] = label.text.substr(equals + 1);
    }
  }
  if (!build.status.ok()) return build.status;
  return out;
}

}  // namespace capbroker
