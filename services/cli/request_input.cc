#include "services/cli/request_input.h"

#include <algorithm>

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/cli/yaml_fields.h"
#include "services/messages/render.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

// In the order of `--help`. A field without a row is described by its type.
constexpr FlagHelp kHelp[] = {
    {"resource_type", "TYPE", "Resource type: h100"},
    {"region", "REGION", "Region: us-east"},
    {"quantity", "N", "Quantity: 8000 or 8,000; default the sum of the segments"},
    {"unit", "UNIT", "Unit of the quantity; default gpu"},
    {"start_time", "WHEN", "First instant: RFC 3339, a date, or +30d"},
    {"end_time", "WHEN", "End, exclusive"},
    {"unit_price", "AMOUNT", "Price per unit-hour: \"2.5 USD\""},
    {"price_cap", "AMOUNT", "Price cap; default the price"},
    {"availability_ppm", "SHARE", "Service level: 99.9%"},
    {"conditions", "TEXT", "A further condition, in words"},
    {"workload_class", "CLASS", "Workload class: PRODUCT_INFERENCE, API_SERVING"},
    {"purpose", "PURPOSE", "Purpose: RESEARCH, TRAINING"},
    {"segments", "SEGMENT", "Instead of --workload-class: CLASS:PURPOSE:N or CLASS:N"},
    {"splittable", "", "May be split among routes and providers"},
    {"smallest_useful_quantity", "N", "Smallest useful part"},
    {"renewal", "", "Extends capacity already in use"},
    {"fallback_policy", "KIND", "How alternatives are asked (default SEQUENTIAL)"},
    {"providers", "PROVIDER", "Alternatives in rank order; default all registered"},
    {"step_window", "DURATION", "How long each alternative may take to answer: 2h"},
    {"fan_out", "N", "How many are asked at once, with FAN_OUT"},
    {"confirm_within", "DURATION",
     "How long an alternative may take to confirm; default: confirmed at once"},
    {"withdraw_notice", "DURATION",
     "Notice with which an alternative may withdraw; default: it may not"},
    {"release_notice", "DURATION",
     "Notice with which you may release what an alternative confirmed; default: at once"},
    {"release_share_ppm", "SHARE",
     "Share of the commitment for the unused time that a release restores; default all"},
    {"accept_late", "", "Keep late acceptances in reserve"},
    {"needed_by_time", "WHEN",
     "When the capacity is needed; the windows of rights must fit before it; default the start"},
    {"expire_time", "WHEN", "When the request expires; default --needed-by-time"},
    {"labels", "K=V", "A label of your own, key=value"},
};

absl::StatusOr<Segment> ReadSegment(std::string_view text) {
  const std::vector<std::string_view> words = Split(text, ':');
  const absl::StatusOr<int64_t> quantity = ParseQuantity(words.back());
  if (words.size() < 2 || words.size() > 3 || words[0].empty() || !quantity.ok())
    return Unreadable(text, "CLASS:PURPOSE:QUANTITY or CLASS:QUANTITY");
  return Segment{std::string(words[0]), words.size() == 3 ? std::string(words[1]) : "", *quantity};
}

absl::StatusOr<Label> ReadLabel(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos) return Unreadable(text, "key=value");
  return Label{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

// Each text as an element; an error names the flag.
template <class T, class Read>
absl::Status ReadAll(std::string_view flag, const std::vector<std::string>& texts, Read read,
                     std::vector<T>& out) {
  for (const std::string& text : texts) {
    absl::StatusOr<T> element = read(text);
    if (!element.ok())
      return absl::InvalidArgumentError(Cat(flag, ": ", View(element.status().message())));
    out.push_back(*std::move(element));
  }
  return absl::OkStatus();
}

// The segments of the flags, else those of the file, else one segment of the whole quantity.
absl::Status CompleteSegments(const RequestForm& form, Request& request) {
  if (form.segments.empty() && request.segments.empty()) {
    if (form.workload_class.empty()) {
      return Invalid("--workload-class", "nothing",
                     "a class of workload such as PRODUCT_INFERENCE, or --segments");
    }
    request.segments = {{form.workload_class, form.purpose, request.terms.quantity}};
    return absl::OkStatus();
  }
  if (const std::string& odd = form.workload_class.empty() ? form.purpose : form.workload_class;
      !odd.empty()) {
    return Invalid("segments", Cat(odd, " beside them"), "a class and a purpose, or segments");
  }
  if (form.segments.empty()) return absl::OkStatus();
  request.segments.clear();
  return ReadAll("--segments", form.segments, ReadSegment, request.segments);
}

absl::Status CheckComplete(const Request& request) {
  const auto want = [](bool is_there, std::string_view flag, std::string_view what) {
    return is_there ? absl::OkStatus() : Invalid(flag, "nothing", what);
  };
  const Terms& terms = request.terms;
  for (const absl::Status& status :
       {want(!terms.resource_type.empty(), "--resource-type", "a resource type such as h100"),
        want(!terms.region.empty(), "--region", "a region such as us-east"),
        want(terms.start.IsSet(), "--start-time",
             "when delivery begins, such as 2025-03-01T00:00:00Z or +30d"),
        want(terms.end.IsSet(), "--end-time",
             "when delivery ends, such as 2026-03-01T00:00:00Z or +395d"),
        want(terms.unit_price.IsSet(), "--unit-price",
             "what one unit may cost for one hour, such as \"2.5 USD\""),
        want(!request.segments.empty(), "--quantity", "how much, such as 8000")}) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

bool Says(const std::vector<Written>& flags, std::string_view field) {
  return std::any_of(flags.begin(), flags.end(),
                     [&](const Written& flag) { return flag.field == field; });
}

}  // namespace

void AddRequestFlags(CLI::App& verb, std::vector<Written>& out) {
  constexpr std::string_view kWithout[] = {"version"};
  AddFieldFlags(verb, RequestForm(), kHelp, kWithout, out);
}

absl::StatusOr<RequestForm> ReadRequest(std::string_view file, std::string_view text, Instant now) {
  const absl::StatusOr<Yaml> root = ReadYaml(file, text);
  if (!root.ok()) return root.status();
  YamlErrors errors{std::string(file)};
  RequestForm form;
  MapReader("", {"segments", "labels"}, errors, now).Read(*root, form);
  if (const auto* segments = FindList(*root, "segments", errors); segments != nullptr) {
    for (size_t i = 0; i < segments->size() && errors.ok(); ++i) {
      MapReader(Cat("segments[", i, "]"), {}, errors)
          .Read((*segments)[i], form.request.segments.emplace_back());
    }
  }
  if (const Yaml* labels = FindKey(*root, "labels"); labels != nullptr) {
    if (labels->kind != Yaml::Kind::kMap)
      errors.Add(*labels, "labels", View(NotOfKind(*labels, "a map").message()));
    for (const auto& [key, value] : labels->fields)
      form.labels.push_back(Cat(key.text, "=", value.text));
  }
  if (!errors.ok()) return errors.status();
  return form;
}

absl::StatusOr<RequestForm> LoadRequest(const std::string& path, Instant now) {
  const absl::StatusOr<std::string> text = ReadInput(path);
  if (!text.ok()) return text.status();
  return ReadRequest(path, *text, now);
}

absl::StatusOr<RequestForm> WithFlags(RequestForm form, const std::vector<Written>& flags,
                                      Instant now) {
  if (Says(flags, "segments") || Says(flags, "workload_class")) {  // Another use, altogether.
    form.request.segments.clear();
    form.workload_class.clear();
    form.purpose.clear();
  }
  if (absl::Status status = SetFields(form, flags, now); !status.ok()) return status;
  return form;
}

absl::StatusOr<v1::CapacityRequest> BuildRequest(const RequestForm& form) {
  Request request = form.request;
  if (request.terms.unit.empty()) request.terms.unit = "gpu";
  if (absl::Status status = CompleteSegments(form, request); !status.ok()) return status;
  if (absl::Status status = CheckComplete(request); !status.ok()) return status;
  if (absl::Status status = ReadAll("--labels", form.labels, ReadLabel, request.labels);
      !status.ok())
    return status;
  v1::CapacityRequest out;
  RenderAsked(request, &out);
  return out;
}

}  // namespace capbroker
