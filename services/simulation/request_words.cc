#include "services/simulation/request_words.h"

#include <algorithm>
#include <memory>

#include "broker/values/text.h"
#include "services/notation/fields.h"

namespace capbroker {
namespace {

// Words that stand for more than one field, or for one that is not written by its name.
constexpr std::string_view kOtherWords[] = {"class",   "condition", "drop",  "label", "no-fallback",
                                            "purpose", "segment",   "whole", "as",    "of"};

constexpr Span kStepWindow = Hours(1);  // The API's default.

// "fan-out" of FAN_OUT. To wait is "no-fallback".
std::string WordOf(FallbackKind kind) {
  if (kind == FallbackKind::kNone) return "no-fallback";
  std::string word = Lowered(NameOf(kind));
  std::replace(word.begin(), word.end(), '_', '-');
  return word;
}

// The policy that the word begins; nullopt if it begins none.
std::optional<FallbackKind> PolicyOf(std::string_view word) {
  for (size_t i = 0; i < Names<FallbackKind>::values.size(); ++i) {
    if (WordOf(static_cast<FallbackKind>(i)) == word) return static_cast<FallbackKind>(i);
  }
  return std::nullopt;
}

// Takes the policy and its providers: "sequential a, b", "fan-out 2 a, b", "cheapest any",
// "no-fallback".
bool ReadPolicy(WordReader& words, std::vector<Edit>& out) {
  const std::optional<FallbackKind> kind = PolicyOf(words.Peek());
  if (!kind) return false;
  words.Take("");
  int64_t fan_out = 0;
  if (*kind == FallbackKind::kFanOut) fan_out = words.ReadQuantity("how many are asked at once");
  std::vector<ProviderId> providers;
  if (*kind != FallbackKind::kNone && !words.Skip("any")) {
    for (std::string& name : words.ReadList("providers in rank order, such as a, b, or any"))
      providers.push_back({std::move(name)});
  }
  out.push_back([=, kind = *kind](Request& r) {
    r.fallback.kind = kind;
    if (kind == FallbackKind::kNone) return;
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

// Takes one field by its name, if the next word is one, and its value.
template <class R>
bool ReadEdit(WordReader& words, std::vector<std::function<void(R&)>>& out) {
  const std::string written(words.Peek());
  R scratch;  // Read once, so that what is wrong is said with its line.
  return FindField(scratch, written, [&]<class Value>(const WrittenName& as, Value& value) {
    words.Take("");
    const int line = words.line();
    std::vector<std::string> texts = TakeTexts<Value>(words);
    if (words.ok()) words.FailAt(line, ReadTexts(as, texts, value));
    out.push_back([written, texts = std::move(texts)](R& record) {
      SetField(record, written, texts).IgnoreError();
    });
  });
}

// Every word that may begin a field, for an error.
std::string AllWords() {
  std::string all;
  const auto add = [&](std::string_view word) { all += Cat(all.empty() ? "" : ", ", word); };
  Request request;
  ForEachField(request, "", [&](const std::string& path, auto&) { add(path); });
  for (size_t i = 0; i < Names<FallbackKind>::values.size(); ++i)
    add(WordOf(static_cast<FallbackKind>(i)));
  for (std::string_view word : kOtherWords) add(word);
  return all;
}

}  // namespace

bool IsRequestWord(std::string_view word) {
  Request request;
  return PolicyOf(word) ||
         std::find(std::begin(kOtherWords), std::end(kOtherWords), word) != std::end(kOtherWords) ||
         FindField(request, word, [](const WrittenName&, auto&) {});
}

bool ReadTermsWord(WordReader& words, std::vector<TermsEdit>& out) {
  if (words.Skip("condition")) {
    out.push_back(
        [text = words.Take("a condition in quotes")](Terms& t) { t.conditions.push_back(text); });
  } else if (words.Skip("drop")) {
    out.push_back(
        [text = words.Take("a condition in quotes")](Terms& t) { std::erase(t.conditions, text); });
  } else {
    return ReadEdit(words, out);
  }
  return true;
}

void ReadRequestWords(WordReader& words, std::vector<Edit>& out, std::string* name,
                      std::string* of) {
  const auto add = [&](Edit edit) { out.push_back(std::move(edit)); };
  bool segments_said = false;
  while (!words.done()) {
    std::vector<TermsEdit> terms;
    if (ReadPolicy(words, out)) {
    } else if (ReadTermsWord(words, terms)) {
      add([edit = terms.front()](Request& r) { edit(r.terms); });
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
    } else if (words.Skip("whole")) {
      add([](Request& r) { r.splittable = false; });
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
    } else if (!ReadEdit(words, out)) {
      words.Fail(Cat("a field of a request: ", AllWords()));
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
