// Records as messages, field by field: the names that a record lists (Fields) are the names of the
// message's fields, and types say how they are translated.
//
//   bool, number, text         the same. A Share is an optional int32: absent is all.
//   an enum                    PREFIX_ and the value's name. UNSPECIFIED is the default.
//   ProviderId                 "providers/{provider}".
//   Span, Instant, Money       Duration, Timestamp, Money. Unset is absent.
//   Window                     Window. Unset is absent.
//   a record, a list of them   a message, repeated. A record with every default is absent.
//   one of several records     the field of a oneof that is called as the record is.
//
// A field that the message has not is left to the caller, and so is one that the record has not.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/values/names.h"
#include "broker/values/record.h"
#include "broker/values/share.h"
#include "broker/values/window.h"
#include "services/messages/fields.h"

namespace capbroker {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// ---- Single values.

// One field of one message, to be written.
struct FieldOut {
  Message& message;
  const FieldDescriptor& field;
  Message* Mutable() const { return message.GetReflection()->MutableMessage(&message, &field); }
  Message* Add() const { return message.GetReflection()->AddMessage(&message, &field); }
};
void Put(const FieldOut& out, bool value);
void Put(const FieldOut& out, int64_t value);
void Put(const FieldOut& out, uint32_t value);
void Put(const FieldOut& out, Share value);
void Put(const FieldOut& out, Span value);
void Put(const FieldOut& out, Instant value);
void Put(const FieldOut& out, const Money& value);
void Put(const FieldOut& out, const Window& value);
void Put(const FieldOut& out, const std::string& value);
void Put(const FieldOut& out, const ProviderId& value);
template <class Tag>
void Put(const FieldOut& out, const Id<Tag>& value) {
  Put(out, value.value);
}
void Add(const FieldOut& out, const std::string& value);
void Add(const FieldOut& out, const ProviderId& value);
void Add(const FieldOut& out, const ClauseId& value);
void PutEnum(const FieldOut& out, std::string_view name);

// One field of one message, to be read: complains where it is malformed, or out of the range that
// all of its type have.
struct FieldIn {
  Fields& fields;
  const Path& at;
  const Message& message;
  const FieldDescriptor& field;
  bool Has() const { return message.GetReflection()->HasField(message, &field); }
  const Message& Get() const { return message.GetReflection()->GetMessage(message, &field); }
  // How many elements the list has; 0 after a complaint about their number.
  int Count() const;
};
void Take(const FieldIn& in, bool& out);
void Take(const FieldIn& in, int64_t& out);
void Take(const FieldIn& in, uint32_t& out);
void Take(const FieldIn& in, Share& out);
void Take(const FieldIn& in, Span& out);
void Take(const FieldIn& in, Instant& out);
void Take(const FieldIn& in, Money& out);
void Take(const FieldIn& in, Window& out);
void Take(const FieldIn& in, std::string& out);
void Take(const FieldIn& in, ProviderId& out);
template <class Tag>
void Take(const FieldIn& in, Id<Tag>& out) {
  Take(in, out.value);
}
void TakeElement(const FieldIn& in, int index, std::string& out);
void TakeElement(const FieldIn& in, int index, ProviderId& out);
void TakeElement(const FieldIn& in, int index, ClauseId& out);
// The value's name without its prefix; nullopt where it is UNSPECIFIED or unknown.
std::optional<std::string_view> TakeEnum(const FieldIn& in);
// The name of the field of the oneof that is set. After a complaint, empty.
std::string_view TakeAlternative(Fields& fields, const Path& at, const Message& message,
                                 const char* oneof);

// ---------------------------------------------------------------- records

// The fields of the message in the order of the record's; null where it has none.
template <Record T>
const std::vector<const FieldDescriptor*>& DescriptorsOf(const Message& message) {
  static const std::vector<const FieldDescriptor*> all = [&] {
    std::vector<const FieldDescriptor*> out;
    const T record{};
    T::Fields(record, [&](std::string_view name, const auto&) {
      out.push_back(message.GetDescriptor()->FindFieldByName(std::string(name)));
    });
    return out;
  }();
  return all;
}

template <Record T>
void PutRecord(const T& record, Message& out);
template <class T>
void PutAny(const FieldOut& out, const T& value) {
  if constexpr (Record<T>) {
    if (!(value == T{})) PutRecord(value, *out.Mutable());
  } else if constexpr (std::is_enum_v<T>) {
    PutEnum(out, NameOf(value));
  } else if constexpr (ListField<T>) {
    for (const auto& element : value) {
      if constexpr (Record<typename T::value_type>) {
        PutRecord(element, *out.Add());
      } else {
        Add(out, element);
      }
    }
  } else {
    Put(out, value);
  }
}
template <Record T>
void PutRecord(const T& record, Message& out) {
  auto descriptor = DescriptorsOf<T>(out).begin();
  T::Fields(record, [&]<class Value>(std::string_view, const Value& value) {
    const FieldDescriptor* field = *descriptor++;
    if constexpr (OneOfRecords<Value>) {
      std::visit(
          [&](const auto& content) {
            const FieldDescriptor* which =
                out.GetDescriptor()->FindFieldByName(std::string(content.kName));
            PutRecord(content, *FieldOut{out, *which}.Mutable());
          },
          value);
    } else if (field != nullptr) {
      PutAny(FieldOut{out, *field}, value);
    }
  });
}

template <Record T>
void TakeRecord(Fields& fields, const Path& at, const Message& in, T& out);
template <class T>
void TakeAny(const FieldIn& in, T& out) {
  if constexpr (Record<T>) {
    if (in.Has()) TakeRecord(in.fields, in.at, in.Get(), out);
  } else if constexpr (std::is_enum_v<T>) {
    if (const auto name = TakeEnum(in); name) out = ValueOf<T>(*name).value_or(T{});
  } else if constexpr (ListField<T>) {
    out.resize(static_cast<size_t>(in.Count()));
    for (int i = 0; i < static_cast<int>(out.size()); ++i) {
      if constexpr (Record<typename T::value_type>) {
        const Message& element =
            in.message.GetReflection()->GetRepeatedMessage(in.message, &in.field, i);
        TakeRecord(in.fields, in.at.Element(i), element, out[static_cast<size_t>(i)]);
      } else {
        TakeElement(in, i, out[static_cast<size_t>(i)]);
      }
    }
  } else {
    Take(in, out);
  }
}
template <Record T>
void TakeRecord(Fields& fields, const Path& at, const Message& in, T& out) {
  auto descriptor = DescriptorsOf<T>(in).begin();
  T::Fields(out, [&]<class Value>(std::string_view name, Value& value) {
    const FieldDescriptor* field = *descriptor++;
    if constexpr (OneOfRecords<Value>) {
      const std::string_view which = TakeAlternative(fields, at, in, name.data());
      if (which.empty() || !MakeAlternative(which, value)) return;
      const FieldDescriptor* content = in.GetDescriptor()->FindFieldByName(std::string(which));
      const Message& message = in.GetReflection()->GetMessage(in, content);
      std::visit([&](auto& one) { TakeRecord(fields, Path(at, one.kName.data()), message, one); },
                 value);
    } else if (field != nullptr) {
      const Path path(at, name.data());
      TakeAny(FieldIn{fields, path, in, *field}, value);
    }
  });
}

}  // namespace capbroker
