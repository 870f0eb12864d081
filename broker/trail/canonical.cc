#include "broker/trail/canonical.h"

#include <rapidjson/document.h>

#include <charconv>
#include <concepts>
#include <variant>

#include "absl/status/status.h"
#include "broker/trail/json_flags.h"
#include "broker/values/record.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

template <class T>
concept Named = std::is_enum_v<T>;

// ---------------------------------------------------------------- writing

bool IsDefault(bool v) { return !v; }
bool IsDefault(std::integral auto v) { return v == 0; }
bool IsDefault(Named auto v) { return NameOf(v).empty(); }
bool IsDefault(const std::string& v) { return v.empty(); }
template <class Tag>
bool IsDefault(const Id<Tag>& v) {
  return v.empty();
}
template <class T>
bool IsDefault(const std::vector<T>& v) {
  return v.empty();
}
template <class T>
bool IsDefault(const std::shared_ptr<const T>& v) {
  return v == nullptr;
}
template <class... T>
bool IsDefault(const std::variant<T...>&) {
  return false;  // Which it is tells something.
}
bool IsDefault(const Money& v) { return !v.IsSet(); }
template <class T>
requires std::equality_comparable<T> &&(!std::integral<T>)&&(!Named<T>)bool IsDefault(const T& v) {
  static const T unset{};
  return v == unset;
}

void Write(std::string& out, std::string_view text) {
  static constexpr char kHexDigits[] = "0123456789abcdef";
  out += '"';
  size_t from = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, from, i - from);
    from = i + 1;
    out += '\\';
    switch (c) {
      case '"':
        out += '"';
        break;
      case '\\':
        out += '\\';
        break;
      case '\b':
        out += 'b';
        break;
      case '\t':
        out += 't';
        break;
      case '\n':
        out += 'n';
        break;
      case '\f':
        out += 'f';
        break;
      case '\r':
        out += 'r';
        break;
      default:
        out += "u00";
        out += kHexDigits[c >> 4];
        out += kHexDigits[c & 15];
    }
  }
  out.append(text, from, text.size() - from);
  out += '"';
}
void Write(std::string& out, const std::string& v) { Write(out, std::string_view(v)); }
void Write(std::string& out, bool v) { out += v ? "true" : "false"; }
void Write(std::string& out, std::integral auto v) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, v).ptr);
}
void Write(std::string& out, Named auto v) { Write(out, NameOf(v)); }
template <class Tag>
void Write(std::string& out, const Id<Tag>& v) {
  Write(out, v.value);
}
// Texts that need no escapes.
template <class T>
void WritePlain(std::string& out, const T& v) {
  out += '"';
  AppendTo(out, v);
  out += '"';
}
void Write(std::string& out, const Hash& v) { WritePlain(out, v); }
void Write(std::string& out, const Instant& v) { WritePlain(out, v); }
void Write(std::string& out, const RequestId& v) { WritePlain(out, v); }
void Write(std::string& out, const Share& v) { Write(out, v.ppm); }
template <class T>
requires requires(const T& v) {
  { Format(v) } -> std::same_as<std::string>;
}
void Write(std::string& out, const T& v) { Write(out, Format(v)); }
template <Record T>
void Write(std::string& out, const T& v);
// An object with one member, named as what it is.
template <class... T>
void Write(std::string& out, const std::variant<T...>& v) {
  std::visit(
      [&](const auto& content) {
        out += Cat("{\"", content.kName, "\":");
        Write(out, content);
        out += '}';
      },
      v);
}
template <class T>
void Write(std::string& out, const std::shared_ptr<const T>& v) {
  Write(out, *v);
}
template <class T>
void Write(std::string& out, const std::vector<T>& v) {
  char separator = '[';
  for (const T& element : v) {
    out += separator;
    Write(out, element);
    separator = ',';
  }
  out += ']';
}
template <Record T>
void Write(std::string& out, const T& v) {
  char separator = '{';
  T::Fields(v, [&](std::string_view name, const auto& field) {
    if (IsDefault(field)) return;
    out += separator;
    out += '"';
    out += name;
    out += "\":";
    Write(out, field);
    separator = ',';
  });
  if (separator == '{') out += '{';
  out += '}';
}

template <class T>
std::string EncodeRecord(const T& v) {
  std::string out;
  out.reserve(1024);
  Write(out, v);
  return out;
}

// ---------------------------------------------------------------- reading

using Json = rapidjson::Value;

absl::Status Unexpected(std::string_view want) { return absl::DataLossError(Cat("want ", want)); }

absl::Status Read(const Json& in, bool& out) {
  if (!in.IsBool()) return Unexpected("true or false");
  out = in.GetBool();
  return absl::OkStatus();
}
template <std::integral T>
absl::Status Read(const Json& in, T& out) {
  if (!in.IsInt64() || !std::in_range<T>(in.GetInt64()))
    return Unexpected("a whole number in range");
  out = static_cast<T>(in.GetInt64());
  return absl::OkStatus();
}
absl::Status Read(const Json& in, std::string& out) {
  if (!in.IsString()) return Unexpected("a string");
  out.assign(in.GetString(), in.GetStringLength());
  return absl::OkStatus();
}
template <Named T>
absl::Status Read(const Json& in, T& out) {
  const std::optional<T> value =
      in.IsString() ? ValueOf<T>(std::string_view(in.GetString(), in.GetStringLength()))
                    : std::nullopt;
  if (!value) return Unexpected("a known name");
  out = *value;
  return absl::OkStatus();
}
template <class Tag>
absl::Status Read(const Json& in, Id<Tag>& out) {
  return Read(in, out.value);
}
template <class T, class Parse>
absl::Status ReadText(const Json& in, T& out, Parse parse) {
  if (!in.IsString()) return Unexpected("a string");
  absl::StatusOr<T> value = parse(std::string_view(in.GetString(), in.GetStringLength()));
  if (!value.ok()) return absl::DataLossError(value.status().message());
  out = *std::move(value);
  return absl::OkStatus();
}
absl::Status Read(const Json& in, Instant& out) { return ReadText(in, out, ParseInstant); }
absl::Status Read(const Json& in, Span& out) { return ReadText(in, out, ParseSpan); }
absl::Status Read(const Json& in, Window& out) { return ReadText(in, out, ParseWindow); }
absl::Status Read(const Json& in, Share& out) { return Read(in, out.ppm); }
absl::Status Read(const Json& in, Money& out) { return ReadText(in, out, ParseMoney); }
absl::Status Read(const Json& in, Hash& out) { return ReadText(in, out, ParseHash); }
absl::Status Read(const Json& in, RequestId& out) { return ReadText(in, out, ParseRequestId); }
absl::Status Read(const Json& in, ClauseRef& out) { return ReadText(in, out, ParseClauseRef); }
absl::Status Read(const Json& in, Actor& out) { return ReadText(in, out, ParseActor); }
template <Record T>
absl::Status Read(const Json& in, T& out);
template <class... T>
absl::Status Read(const Json& in, std::variant<T...>& out) {
  if (!in.IsObject() || in.MemberCount() != 1) return Unexpected("an object with one member");
  const std::string_view name(in.MemberBegin()->name.GetString(),
                              in.MemberBegin()->name.GetStringLength());
  if (!MakeAlternative(name, out)) return Unexpected("a known kind");
  return std::visit([&](auto& content) { return Read(in.MemberBegin()->value, content); }, out);
}
template <class T>
absl::Status Read(const Json& in, std::shared_ptr<const T>& out) {
  auto value = std::make_shared<T>();
  absl::Status status = Read(in, *value);
  out = std::move(value);
  return status;
}
template <class T>
absl::Status Read(const Json& in, std::vector<T>& out) {
  if (!in.IsArray()) return Unexpected("a list");
  out.resize(in.Size());
  for (rapidjson::SizeType i = 0; i < in.Size(); ++i) {
    if (absl::Status status = Read(in[i], out[i]); !status.ok()) {
      return absl::DataLossError(Cat("[", i, "]: ", status.message()));
    }
  }
  return absl::OkStatus();
}
template <Record T>
absl::Status Read(const Json& in, T& out) {
  if (!in.IsObject()) return Unexpected("an object");
  absl::Status status;
  auto member = in.MemberBegin();  // Canonical members stand in the order of Fields.
  T::Fields(out, [&](std::string_view name, auto& field) {
    if (!status.ok() || member == in.MemberEnd()) return;
    if (name != std::string_view(member->name.GetString(), member->name.GetStringLength())) return;
    if (absl::Status read = Read(member->value, field); !read.ok()) {
      status = absl::DataLossError(Cat(name, ": ", read.message()));
    }
    ++member;
  });
  if (status.ok() && member != in.MemberEnd()) {
    return absl::DataLossError(Cat(member->name.GetString(), ": unknown, or out of order"));
  }
  return status;
}

}  // namespace

std::string Encode(const Act& v) { return EncodeRecord(v); }
std::string Encode(const Decision& v) { return EncodeRecord(v); }
std::string Encode(const Request& v) { return EncodeRecord(v); }
std::string Encode(const Terms& v) { return EncodeRecord(v); }
std::string Encode(const AgreementVersion& v) { return EncodeRecord(v); }
std::string Encode(const Provider& v) { return EncodeRecord(v); }

absl::StatusOr<Act> DecodeAct(std::string_view text) {
  char pool[16 * 1024];  // Most acts fit; the rest spills to the heap.
  rapidjson::MemoryPoolAllocator<> memory(pool, sizeof pool);
  rapidjson::GenericDocument<rapidjson::UTF8<>, rapidjson::MemoryPoolAllocator<>> document(&memory);
  document.Parse<kJsonFlags>(text.data(), text.size());
  if (document.HasParseError()) return absl::DataLossError("an act is not JSON");
  Act act;
  if (absl::Status status = Read(document, act); !status.ok()) return status;
  return act;
}

Hash HashTerms(const Terms& terms) { return Sha256(Encode(terms)); }

Hash Chain(const Hash& previous, std::string_view act) {
  return Sha256(std::string_view(reinterpret_cast<const char*>(previous.data()), previous.size()),
                act);
}

}  // namespace capbroker
