#include "services/messages/records.h"

#include <algorithm>

#include "broker/values/text.h"
#include "capbroker/v1/clause.pb.h"
#include "services/messages/render_values.h"
#include "services/messages/resource_name.h"

namespace capbroker {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;

// ---------------------------------------------------------------- what texts and lists may be

enum class Grammar { kText, kName, kWord, kClause, kAttester, kResolver };
struct TextRule {
  std::string_view field;
  Grammar grammar;
  size_t least = 0, most = 63;
};
// By the name of the field. Of any other: text.
constexpr TextRule kTextRules[] = {
    {"address", Grammar::kText, 0, 256},
    {"attesters", Grammar::kAttester, 1},
    {"calendar", Grammar::kClause},
    {"holidays", Grammar::kText, 10, 10},
    {"id", Grammar::kClause, 1},
    {"purposes", Grammar::kWord, 1},
    {"region", Grammar::kName},
    {"regions", Grammar::kName, 1},
    {"resolvers", Grammar::kResolver, 1},
    {"resource_type", Grammar::kName, 1},
    {"resource_types", Grammar::kName, 1},
    {"server_name", Grammar::kText, 0, 256},
    {"time_zone", Grammar::kText, 1, 64},
    {"workload_classes", Grammar::kWord, 1},
};
constexpr size_t kLongestText = 4096;

struct ListRule {
  std::string_view field;
  int least, most;
};
constexpr ListRule kListRules[] = {
    {"calendars", 0, 64}, {"clauses", 1, 256}, {"holidays", 0, 1000}, {"hours", 1, 64}};
constexpr int kMostOfAList = 256;

std::string ReadByRule(Fields& fields, const Path& at, std::string_view field,
                       const std::string& got) {
  const auto rule = std::ranges::find(kTextRules, field, &TextRule::field);
  if (rule == std::end(kTextRules)) return fields.Text(at, got, 0, kLongestText);
  if (got.empty() && rule->least == 0) return got;
  switch (rule->grammar) {
    case Grammar::kText:
      return fields.Text(at, got, rule->least, rule->most);
    case Grammar::kName:
      return fields.Name(at, got);
    case Grammar::kWord:
      return fields.Word(at, got);
    case Grammar::kClause:
      return fields.Clause(at, got).value;
    case Grammar::kAttester:
      return fields.Party(at, got, "owner|provider|auditor");
    case Grammar::kResolver:
      return fields.Party(at, got, "owner|provider|auditor|operator");
  }
  return got;
}

// "MODE_" of an enum whose first value is MODE_UNSPECIFIED.
std::string_view PrefixOf(const EnumDescriptor& type) {
  constexpr std::string_view kNone = "UNSPECIFIED";
  const std::string_view first = type.value(0)->name();
  return first.substr(0, first.size() - kNone.size());
}

int64_t NumberIn(const FieldIn& in) {
  const auto* reflection = in.message.GetReflection();
  return in.field.cpp_type() == FieldDescriptor::CPPTYPE_INT64
             ? reflection->GetInt64(in.message, &in.field)
             : reflection->GetInt32(in.message, &in.field);
}

}  // namespace

// ---------------------------------------------------------------- writing

void Put(const FieldOut& out, bool value) {
  out.message.GetReflection()->SetBool(&out.message, &out.field, value);
}
void Put(const FieldOut& out, int64_t value) {
  if (out.field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
    out.message.GetReflection()->SetInt64(&out.message, &out.field, value);
  } else {
    out.message.GetReflection()->SetInt32(&out.message, &out.field, static_cast<int32_t>(value));
  }
}
void Put(const FieldOut& out, uint32_t value) { Put(out, int64_t{value}); }
void Put(const FieldOut& out, Share value) {
  if (value != Share{}) Put(out, value.ppm);
}
void Put(const FieldOut& out, Span value) {
  if (value != Span{}) Render(value, static_cast<google::protobuf::Duration*>(out.Mutable()));
}
void Put(const FieldOut& out, Instant value) {
  if (value.IsSet()) Render(value, static_cast<google::protobuf::Timestamp*>(out.Mutable()));
}
void Put(const FieldOut& out, const Money& value) {
  if (value.IsSet()) Render(value, static_cast<v1::Money*>(out.Mutable()));
}
void Put(const FieldOut& out, const Window& value) {
  if (!value.IsSet()) return;
  auto* window = static_cast<v1::Window*>(out.Mutable());
  if (value.days == 0) {
    Render(value.span, window->mutable_duration());
    return;
  }
  window->set_business_days(static_cast<int32_t>(value.days));
  window->set_closing_minute(static_cast<int32_t>(value.closing_minute));
}
void Put(const FieldOut& out, const std::string& value) {
  out.message.GetReflection()->SetString(&out.message, &out.field, value);
}
void Put(const FieldOut& out, const ProviderId& value) {
  if (!value.empty()) Put(out, FullName(value));
}
void Add(const FieldOut& out, const std::string& value) {
  out.message.GetReflection()->AddString(&out.message, &out.field, value);
}
void Add(const FieldOut& out, const ProviderId& value) { Add(out, FullName(value)); }
void Add(const FieldOut& out, const ClauseId& value) { Add(out, value.value); }
void PutEnum(const FieldOut& out, std::string_view name) {
  const EnumDescriptor& type = *out.field.enum_type();
  const EnumValueDescriptor* value = type.FindValueByName(Cat(PrefixOf(type), name));
  if (value != nullptr) out.message.GetReflection()->SetEnum(&out.message, &out.field, value);
}

// ---------------------------------------------------------------- reading

int FieldIn::Count() const {
  const auto rule = std::ranges::find(kListRules, std::string_view(field.name()), &ListRule::field);
  const int got = message.GetReflection()->FieldSize(message, &field);
  const bool known = rule != std::end(kListRules);
  return fields.Count(at, got, known ? rule->least : 0, known ? rule->most : kMostOfAList) ? got
                                                                                           : 0;
}

void Take(const FieldIn& in, bool& out) {
  out = in.message.GetReflection()->GetBool(in.message, &in.field);
}
void Take(const FieldIn& in, int64_t& out) {
  const bool is_share = std::string_view(in.field.name()).ends_with("_ppm");
  out = in.fields.Number(in.at, NumberIn(in), 0, is_share ? 1'000'000 : kMostQuantity);
}
void Take(const FieldIn& in, uint32_t& out) {
  out = static_cast<uint32_t>(in.fields.Number(in.at, NumberIn(in), 0, INT32_MAX));
}
void Take(const FieldIn& in, Share& out) {
  if (in.Has()) Take(in, out.ppm);
}
void Take(const FieldIn& in, Span& out) {
  if (in.Has())
    out = in.fields.Span(in.at, static_cast<const google::protobuf::Duration&>(in.Get()));
}
void Take(const FieldIn& in, Instant& out) {
  if (in.Has())
    out = in.fields.Time(in.at, static_cast<const google::protobuf::Timestamp&>(in.Get()));
}
void Take(const FieldIn& in, Money& out) {
  if (in.Has()) out = in.fields.Money(in.at, static_cast<const v1::Money&>(in.Get()));
}
void Take(const FieldIn& in, Window& out) {
  if (!in.Has()) return;
  const auto& window = static_cast<const v1::Window&>(in.Get());
  if (window.length_case() == v1::Window::kBusinessDays) {
    out.days = in.fields.Number(Path(in.at, "business_days"), window.business_days(), 1,
                                kMostBusinessDays);
    out.closing_minute =
        in.fields.Number(Path(in.at, "closing_minute"), window.closing_minute(), 0, kMinutesADay);
    return;
  }
  if (window.closing_minute() != 0) {
    in.fields.Complain(Path(in.at, "closing_minute"), Cat(window.closing_minute()),
                       "none, where the length is no business days");
  }
  out = in.fields.Span(Path(in.at, "duration"), window.duration());
}
void Take(const FieldIn& in, std::string& out) {
  out = ReadByRule(in.fields, in.at, in.field.name(),
                   in.message.GetReflection()->GetString(in.message, &in.field));
}
void Take(const FieldIn& in, ProviderId& out) {
  std::string name;
  Take(in, name);
  if (!name.empty()) out = in.fields.Provider(in.at, name);
}
void TakeElement(const FieldIn& in, int index, std::string& out) {
  out = ReadByRule(in.fields, in.at.Element(index), in.field.name(),
                   in.message.GetReflection()->GetRepeatedString(in.message, &in.field, index));
}
void TakeElement(const FieldIn& in, int index, ProviderId& out) {
  out = in.fields.Provider(in.at.Element(index), in.message.GetReflection()->GetRepeatedString(
                                                     in.message, &in.field, index));
}
void TakeElement(const FieldIn& in, int index, ClauseId& out) {
  out = in.fields.Clause(in.at.Element(index), in.message.GetReflection()->GetRepeatedString(
                                                   in.message, &in.field, index));
}

std::optional<std::string_view> TakeEnum(const FieldIn& in) {
  const EnumDescriptor& type = *in.field.enum_type();
  const int number = in.message.GetReflection()->GetEnumValue(in.message, &in.field);
  if (number == 0) return std::nullopt;
  const EnumValueDescriptor* value = type.FindValueByNumber(number);
  if (value != nullptr) return std::string_view(value->name()).substr(PrefixOf(type).size());
  in.fields.Complain(in.at, Cat(number), Cat("a known value, 0 to ", type.value_count() - 1));
  return std::nullopt;
}

std::string_view TakeAlternative(Fields& fields, const Path& at, const Message& message,
                                 const char* oneof) {
  const auto* descriptor = message.GetDescriptor()->FindOneofByName(oneof);
  const FieldDescriptor* field =
      message.GetReflection()->GetOneofFieldDescriptor(message, descriptor);
  if (field != nullptr) return field->name();
  std::string names;
  for (int i = 0; i < descriptor->field_count(); ++i)
    names += Cat(i == 0 ? "" : ", ", descriptor->field(i)->name());
  fields.Complain(at, Cat("no ", oneof), Cat("one of ", names));
  return {};
}

}  // namespace capbroker
