#include "services/simulation/request_words.h"

#include <algorithm>
#include <memory>

#include "broker/values/text.h"
#include "services/notation/parse.h"

namespace capbroker {
namespace {

// Words that begin a field, in the order in which errors list them.
constexpr std::string_view kFieldWords[] = {"quantity",
                                            "resource",
                                            "in",
                                            "unit",
                                            "from",
                                            "to",
                                            "price",
                                            "cap",
                                            "availability",
                                            "condition",
                                            "drop",
                                            "class",
                                            "purpose",
                                            "segment",
                                            "splittable",
                                            "whole",
                                            "smallest",
                                            "renewal",
                                            "accept-late",
                                            "sequential",
                                            "fan-out",
                                            "cheapest",
                                            "no-fallback",
                                            "step",
                                            "confirm-within",
                                            "withdraw-notice",
                                            "needed",
                                            "expires",
                                            "label"};

constexpr Span kStepWindow = Hours(1);  // The API's default.

// Reads the policy and its providers: "sequential a, b", "fan-out 2 a, b", "cheapest any",
// "no-fallback".
bool ReadFallback(WordReader& words, std::vector<Edit>& out) {
  FallbackKind kind = FallbackKind::kSequential;
  int64_t fan_out = 0;
  if (words.Skip("no-fallback")) {
    out.push_back([](Request& r) { r.fallback.kind = FallbackKind::kNone; });
    return true;
  }
  if (words.Skip("fan-out")) {
    kind = FallbackKind::kFanOut;
    fan_out = words.ReadQuantity("how many are asked at once");
  } else if (words.Skip("cheapest")) {
    kind = FallbackKind::kCheapest;
  } else if (!words.Skip("sequential")) {
    return false;
  }
  std::vector<ProviderId> providers;
  if (!words.Skip("any")) {
    for (std::string& name : words.ReadList("providers in rank order, such as a, b, or any")) {
      providers.push_back({std::move(name)});
    }
  }
  out.push_back([=](Request& r) {
    r.fallback.kind = kind;
    r.fallback.fan_out = fan_out;
    r.fallback.providers = providers;
  });
  return true;
}

// "PRODUCT_INFERENCE:2000", "MODEL_DEVELOPMENT:TRAINING:2000".
absl::StatusOr<Segment> ReadSegment(std::string_view text) {
  const std::vector<std::string_view> parts = Split(text, ':');
  const absl::StatusOr<int64_t> quantity = ParseQuantity(parts.back());
  if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() || !quantity.ok()) {
    return absl::InvalidArgumentError(
        Cat("got \"", text, "\", want CLASS:QUANTITY or CLASS:PURPOSE:QUANTITY"));
  }
  return Segment{std::string(parts[0]), parts.size() == 3 ? std::string(parts[1]) : "", *quantity};
}

absl::StatusOr<Label> ReadLabel(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos) {
    return absl::InvalidArgumentError(Cat("got \"", text, "\", want key=value"));
  }
  return Label{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Segment& OnlySegment(Request& r) {
  if (r.segments.empty()) r.segments.emplace_back();
  return r.segments.front();
}

}  // namespace

bool IsRequestWord(std::string_view word) {
  return word == "as" || word == "of" ||
         std::find(std::begin(kFieldWords), std::end(kFieldWords), word) != std::end(kFieldWords);
}

bool ReadTermsWord(WordReader& words, std::vector<TermsEdit>& out) {
  const auto add = [&](TermsEdit edit) { out.push_back(std::move(edit)); };
  if (words.Skip("quantity")) {
    add([n = words.ReadQuantity()](Terms& t) { t.quantity = n; });
  } else if (words.Skip("resource")) {
    add([name = words.Take("a resource type such as h100")](Terms& t) { t.resource_type = name; });
  } else if (words.Skip("in")) {
    add([name = words.Take("a region such as us-east")](Terms& t) { t.region = name; });
  } else if (words.Skip("unit")) {
    add([name = words.Take("a unit such as gpu")](Terms& t) { t.unit = name; });
  } else if (words.Skip("from")) {
    add([at = words.ReadInstant()](Terms& t) { t.start = at; });
  } else if (words.Skip("to")) {
    add([at = words.ReadInstant()](Terms& t) { t.end = at; });
  } else if (words.Skip("price")) {
    add([price = words.ReadMoney()](Terms& t) { t.unit_price = price; });
  } else if (words.Skip("availability")) {
    const auto share = [](std::string_view text) { return ParseShare(text); };
    add([ppm = words.Read(share, "a share such as 99.9%")](Terms& t) { t.availability_ppm = ppm; });
  } else if (words.Skip("condition")) {
    add([text = words.Take("a condition in quotes")](Terms& t) { t.conditions.push_back(text); });
  } else if (words.Skip("drop")) {
    add([text = words.Take("a condition in quotes")](Terms& t) { std::erase(t.conditions, text); });
  } else {
    return false;
  }
  return true;
}

void ReadRequestWords(WordReader& words, std::vector<Edit>& out, std::string* name,
                      std::string* of) {
  const auto add = [&](Edit edit) { out.push_back(std::move(edit)); };
  bool segments_said = false;
  while (!words.done()) {
    std::vector<TermsEdit> terms;
    if (ReadTermsWord(words, terms)) {
      add([edit = terms.front()](Request& r) { edit(r.terms); });
    } else if (ReadFallback(words, out)) {
    } else if (words.Skip("class")) {
      add([text = words.Take("a class of workload")](Request& r) {
        OnlySegment(r).workload_class = text;
      });
    } else if (words.Skip("purpose")) {
      add([text = words.Take("a purpose")](Request& r) { OnlySegment(r).purpose = text; });
    } else if (words.Skip("segment")) {
      const Segment segment = words.Read(ReadSegment, "CLASS:QUANTITY or CLASS:PURPOSE:QUANTITY");
      add([segment, first = !segments_said](Request& r) {
        if (first) r.segments.clear();
        r.segments.push_back(segment);
      });
      segments_said = true;
    } else if (words.Skip("cap")) {
      add([cap = words.ReadMoney()](Request& r) { r.price_cap = cap; });
    } else if (words.Skip("splittable")) {
      add([](Request& r) { r.splittable = true; });
    } else if (words.Skip("whole")) {
      add([](Request& r) { r.splittable = false; });
    } else if (words.Skip("smallest")) {
      add([n = words.ReadQuantity()](Request& r) { r.smallest_useful = n; });
    } else if (words.Skip("renewal")) {
      add([](Request& r) { r.renewal = true; });
    } else if (words.Skip("accept-late")) {
      add([](Request& r) { r.accept_late = true; });
    } else if (words.Skip("step")) {
      add([d = words.ReadSpan()](Request& r) { r.fallback.step_window = d; });
    } else if (words.Skip("confirm-within")) {
      add([d = words.ReadSpan()](Request& r) { r.fallback.confirm_within = d; });
    } else if (words.Skip("withdraw-notice")) {
      add([d = words.ReadSpan()](Request& r) { r.fallback.withdraw_notice = d; });
    } else if (words.Skip("needed")) {
      add([t = words.ReadInstant()](Request& r) { r.needed_by = t; });
    } else if (words.Skip("expires")) {
      add([t = words.ReadInstant()](Request& r) { r.expiry = t; });
    } else if (words.Skip("label")) {
      add([label = words.Read(ReadLabel, "key=value")](Request& r) {
        std::erase_if(r.labels, [&](const Label& other) { return other.key == label.key; });
        const auto at = std::find_if(r.labels.begin(), r.labels.end(),
                                     [&](const Label& other) { return other.key > label.key; });
        r.labels.insert(at, label);
      });
    } else if (name != nullptr && words.Skip("as")) {
      *name = words.Take("a name for the request");
    } else if (of != nullptr && words.Skip("of")) {
      *of = words.Take("the name of a request");
    } else {
      std::string fields;
      for (std::string_view field : kFieldWords) fields += Cat(fields.empty() ? "" : ", ", field);
      words.Fail(Cat("a field of a request: ", fields));
      return;
    }
  }
}

void Apply(const std::vector<Edit>& edits, Request& request) {
  for (const Edit& edit : edits) edit(request);
  if (request.segments.size() == 1) request.segments.front().quantity = request.terms.quantity;
  if (request.terms.unit.empty()) request.terms.unit = "gpu";
  if (!request.needed_by.IsSet()) request.needed_by = request.terms.start;
  if (!request.expiry.IsSet()) request.expiry = request.needed_by;
  if (request.fallback.step_window == Span{}) request.fallback.step_window = kStepWindow;
}

}  // namespace capbroker
