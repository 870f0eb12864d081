#include "storage/book_state.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "broker/trail/json_flags.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

using Json = rapidjson::Value;
using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void Put(Writer& out, const char* name, const std::string& value) {
  out.Key(name);
  out.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}
void Put(Writer& out, const char* name, int64_t value) {
  out.Key(name);
  out.Int64(value);
}
template <class List, class Each>
void PutList(Writer& out, const char* name, const List& list, Each each) {
  if (list.empty()) return;
  out.Key(name);
  out.StartArray();
  for (const auto& element : list) {
    out.StartObject();
    each(element);
    out.EndObject();
  }
  out.EndArray();
}

// Reads the members of one object; the first that is missing or malformed makes it not ok.
class Reader {
 public:
  explicit Reader(const Json& object) : object_(object), ok_(object.IsObject()) {}
  bool ok() const { return ok_; }
  std::string Text(const char* name) {
    const Json* value = Find(name);
    if (value == nullptr || !value->IsString()) return Fail(), "";
    return {value->GetString(), value->GetStringLength()};
  }
  int64_t Number(const char* name) {
    const Json* value = Find(name);
    if (value == nullptr || !value->IsInt64()) return Fail(), 0;
    return value->GetInt64();
  }
  Instant Time(const char* name) {
    const absl::StatusOr<Instant> t = ParseInstant(Text(name));
    if (!t.ok()) return Fail(), Instant{};
    return *t;
  }
  RequestId Request(const char* name) {
    const absl::StatusOr<RequestId> id = ParseRequestId(Text(name));
    if (!id.ok()) return Fail(), RequestId{};
    return *id;
  }
  Currency CurrencyOf(const char* name) {
    const std::string text = Text(name);
    if (text.empty()) return Currency{};
    const absl::StatusOr<Currency> currency = ParseCurrency(text);
    if (!currency.ok()) return Fail(), Currency{};
    return *currency;
  }

 private:
  void Fail() { ok_ = false; }
  const Json* Find(const char* name) {
    if (!ok_) return nullptr;
    const auto member = object_.FindMember(name);
    return member == object_.MemberEnd() ? nullptr : &member->value;
  }
  const Json& object_;
  bool ok_;
};

template <class Each>
bool ReadList(const Json& object, const char* name, Each each) {
  const auto member = object.FindMember(name);
  if (member == object.MemberEnd()) return true;
  if (!member->value.IsArray()) return false;
  for (const Json& element : member->value.GetArray()) {
    Reader reader(element);
    each(reader);
    if (!reader.ok()) return false;
  }
  return true;
}

}  // namespace

std::string EncodeBookState(const BookRow& row) {
  rapidjson::StringBuffer buffer;
  Writer out(buffer);
  out.StartObject();
  PutList(out, "aggregates", row.aggregates, [&](const Aggregate& a) {
    Put(out, "agreement", a.agreement.value);
    Put(out, "clause", a.clause.value);
    Put(out, "purpose", a.purpose);
    Put(out, "quantity", a.quantity);
    Put(out, "region", a.region);
    Put(out, "request", Format(a.request));
    Put(out, "resource_type", a.resource_type);
    Put(out, "until", Format(a.until));
  });
  PutList(out, "commitments", row.commitments, [&](const CommitmentBalance& c) {
    Put(out, "agreement", c.agreement.value);
    Put(out, "clause", c.clause.value);
    Put(out, "committed", c.committed.micros);
    Put(out, "currency", std::string(c.committed.currency.view()));
    Put(out, "drawn", c.drawn.micros);
    Put(out, "reserved", c.reserved.micros);
  });
  PutList(out, "cool_downs", row.cool_downs, [&](const CoolDown& c) {
    Put(out, "provider", c.provider.value);
    Put(out, "region", c.region);
    Put(out, "resource_type", c.resource_type);
    Put(out, "until", Format(c.until));
  });
  PutList(out, "waivers", row.waivers, [&](const WaiverUse& w) {
    Put(out, "agreement", w.agreement.value);
    Put(out, "clause", w.clause.value);
    Put(out, "drawn", w.drawn);
  });
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

absl::Status DecodeBookState(std::string_view text, BookRow& row) {
  rapidjson::Document document;
  document.Parse<kJsonFlags>(text.data(), text.size());
  bool good = !document.HasParseError() && document.IsObject();
  good = good && ReadList(document, "aggregates", [&](Reader& in) {
           Aggregate a;
           a.agreement.value = in.Text("agreement");
           a.clause.value = in.Text("clause");
           a.purpose = in.Text("purpose");
           a.quantity = in.Number("quantity");
           a.region = in.Text("region");
           a.request = in.Request("request");
           a.resource_type = in.Text("resource_type");
           a.until = in.Time("until");
           row.aggregates.push_back(std::move(a));
         });
  good = good && ReadList(document, "commitments", [&](Reader& in) {
           CommitmentBalance c;
           c.agreement.value = in.Text("agreement");
           c.clause.value = in.Text("clause");
           const Currency currency = in.CurrencyOf("currency");  // A clause has one.
           c.committed = {in.Number("committed"), currency};
           c.drawn = {in.Number("drawn"), currency};
           c.reserved = {in.Number("reserved"), currency};
           row.commitments.push_back(std::move(c));
         });
  good = good && ReadList(document, "cool_downs", [&](Reader& in) {
           CoolDown c;
           c.provider.value = in.Text("provider");
           c.region = in.Text("region");
           c.resource_type = in.Text("resource_type");
           c.until = in.Time("until");
           row.cool_downs.push_back(std::move(c));
         });
  good = good && ReadList(document, "waivers", [&](Reader& in) {
           WaiverUse w;
           w.agreement.value = in.Text("agreement");
           w.clause.value = in.Text("clause");
           w.drawn = in.Number("drawn");
           row.waivers.push_back(std::move(w));
         });
  if (good) return absl::OkStatus();
  return absl::DataLossError(
      Cat("book of ", row.owner.value, ": its state is not what was written"));
}

}  // namespace capbroker
