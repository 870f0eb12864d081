#include "services/messages/fields.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr size_t kShown = 120;      // Bytes of a malformed text that are sent back.
constexpr size_t kViolations = 20;  // All of them must fit into a few kilobytes of metadata.
constexpr size_t kLongestName = 63;
constexpr size_t kLongestKey = 128;
constexpr int64_t kMostUnits = 9'223'372'036'854;
constexpr int64_t kNanos = 1'000'000'000;

// The UTF-8 character that `text` begins with, and its number of bytes; 0 if there is none.
// Over-long forms, surrogates and numbers past U+10FFFF are invalid.
std::pair<size_t, uint32_t> FirstCharacter(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, lead};
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {0, 0};
  uint32_t character = lead & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {0, 0};
    character = character << 6 | (byte(i) & 0x3f);
  }
  const bool over_long = (length == 3 && character < 0x800) || (length == 4 && character < 0x10000);
  const bool surrogate = character >= 0xd800 && character <= 0xdfff;
  if (over_long || surrogate || character > 0x10ffff) return {0, 0};
  return {length, character};
}

// Also what makes a text look like another one: line separators and bidirectional controls.
bool IsControl(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

bool IsCleanText(std::string_view text) {
  while (!text.empty()) {
    const auto [length, character] = FirstCharacter(text);
    if (length == 0 || IsControl(character)) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool IsWord(std::string_view text) {
  if (text.empty() || text.size() > kLongestName || text[0] < 'A' || text[0] > 'Z') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string Shown(int64_t seconds, int64_t nanos) {
  return Cat(seconds, " seconds and ", nanos, " nanos");
}

}  // namespace

std::string Path::Text() const {
  std::string text = up_ == nullptr ? std::string(name_) : Cat(up_->Text(), ".", name_);
  if (index_ >= 0) text += Cat("[", index_, "]");
  return text;
}

std::string Quoted(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  while (!text.empty() && out.size() < kShown) {
    const auto [length, character] = FirstCharacter(text);
    const std::string_view taken = text.substr(0, std::max<size_t>(length, 1));
    if (length > 0 && !IsControl(character)) {
      out += taken;
    } else {
      for (const char c : taken)
        out += Cat("\\x", std::string{kDigits[(c >> 4) & 15], kDigits[c & 15]});
    }
    text.remove_prefix(taken.size());
  }
  out += '"';
  if (!text.empty()) out += Cat(" and ", text.size(), " bytes more");
  return out;
}

void Fields::Complain(const Path& path, std::string_view got, std::string_view want) {
  if (violations_.size() < kViolations) {
    violations_.push_back({path.Text(), Cat("got ", got, ", want ", want)});
  } else {
    ++left_out_;
  }
}

absl::Status Fields::status() const {
  if (violations_.empty()) return absl::OkStatus();
  if (left_out_ == 0) return InvalidFields(violations_);
  std::vector<Violation> all = violations_;
  all.back().description += Cat(" (and ", left_out_, " fields more)");
  return InvalidFields(all);
}

std::string Fields::Text(const Path& path, const std::string& got, size_t least, size_t most) {
  if (got.size() < least || got.size() > most) {
    Complain(path, got.empty() ? "nothing" : Cat(got.size(), " bytes"),
             Cat(least, " to ", most, " bytes"));
  } else if (!IsCleanText(got)) {
    Complain(path, Quoted(got), "UTF-8 without control characters, bidirectional ones included");
  }
  return got;
}

std::string Fields::Name(const Path& path, const std::string& got) {
  if (!IsName(got)) {
    Complain(path, Quoted(got),
             "an id: 1 to 63 of a-z, 0-9 and '-', a letter first and no '-' last");
  }
  return got;
}

std::string Fields::Word(const Path& path, const std::string& got) {
  if (!IsWord(got)) Complain(path, Quoted(got), "1 to 63 of A-Z, 0-9 and '_', a letter first");
  return got;
}

ClauseId Fields::Clause(const Path& path, const std::string& got) {
  if (!IsClauseName(got))
    Complain(path, Quoted(got), "1 to 63 letters, digits, '-' and '_', a letter first");
  return ClauseId{got};
}

std::string Fields::Party(const Path& path, const std::string& got, std::string_view roles) {
  const std::vector<std::string_view> parts = Split(got, '/');
  const std::vector<std::string_view> known = Split(roles, '|');
  const bool is_role = parts.size() == 2 && std::ranges::find(known, parts[0]) != known.end();
  if (!is_role || !IsName(parts[1])) Complain(path, Quoted(got), Cat("{", roles, "}/{name}"));
  return got;
}

void Fields::Key(const std::string& got) {
  const bool good =
      !got.empty() && got.size() <= kLongestKey &&
      std::all_of(got.begin(), got.end(), [](char c) { return c >= 0x21 && c <= 0x7e; });
  if (!good) {
    Complain("request_id", got.empty() ? "nothing" : Quoted(got),
             "1 to 128 printable ASCII characters without spaces");
  }
}

int64_t Fields::Number(const Path& path, int64_t got, int64_t least, int64_t most) {
  if (got < least || got > most) Complain(path, Cat(got), Cat(least, " to ", most));
  return got;
}

uint32_t Fields::PageSize(int32_t got) {
  if (got < 0) Complain("page_size", Cat(got), "0 (which is 50) or more");
  return got <= 0 ? 50 : std::min<uint32_t>(static_cast<uint32_t>(got), 1000);
}

bool Fields::Count(const Path& path, int got, int least, int most) {
  if (got >= least && got <= most) return true;
  Complain(path, Cat(got, " of them"), Cat(least, " to ", most));
  return false;
}

Instant Fields::Time(const Path& path, const google::protobuf::Timestamp& got) {
  const bool whole = got.nanos() >= 0 && got.nanos() < kNanos && got.seconds() >= 0 &&
                     got.seconds() <= kLastInstant.micros / 1'000'000;
  const Instant t = whole ? Instant{got.seconds() * 1'000'000 + got.nanos() / 1000} : Instant{};
  if (!t.IsSet()) {
    Complain(path, Shown(got.seconds(), got.nanos()),
             "a time after 1970-01-01T00:00:00Z and before the year 10000, nanos 0 to 999999999");
  }
  return t;
}

capbroker::Span Fields::Span(const Path& path, const google::protobuf::Duration& got) {
  const bool whole = got.nanos() >= 0 && got.nanos() < kNanos && got.seconds() >= 0 &&
                     got.seconds() <= kLongestSpan.micros / 1'000'000;
  const capbroker::Span d{whole ? got.seconds() * 1'000'000 + got.nanos() / 1000 : 0};
  if (!whole || d > kLongestSpan) {
    Complain(path, Shown(got.seconds(), got.nanos()),
             Cat("a duration from 0s to ", Format(kLongestSpan)));
    return {};
  }
  return d;
}

capbroker::Money Fields::Money(const Path& path, const v1::Money& got) {
  const absl::StatusOr<Currency> currency = ParseCurrency(got.currency_code());
  if (!currency.ok()) {
    Complain(Path(path, "currency_code"), Quoted(got.currency_code()),
             "three capital letters such as USD");
  }
  if (got.units() < -kMostUnits || got.units() > kMostUnits) {
    Complain(Path(path, "units"), Cat(got.units()), Cat(-kMostUnits, " to ", kMostUnits));
    return {};
  }
  const bool opposite =
      (got.units() > 0 && got.nanos() < 0) || (got.units() < 0 && got.nanos() > 0);
  if (got.nanos() <= -kNanos || got.nanos() >= kNanos || got.nanos() % 1000 != 0 || opposite) {
    Complain(Path(path, "nanos"), Cat(got.nanos()),
             "a multiple of 1000 from -999999000 to 999999000, of the same sign as units");
    return {};
  }
  // The largest number of units leaves room for 0.775807 of one more.
  int64_t micros = 0;
  if (__builtin_add_overflow(got.units() * 1'000'000, int64_t{got.nanos() / 1000}, &micros)) {
    Complain(path, Cat(got.units(), " units and ", got.nanos(), " nanos"),
             "an amount below 9223372036854.775808");
    return {};
  }
  return {micros, currency.ok() ? *currency : Currency{}};
}

Hash Fields::Sha256(const Path& path, const std::string& got) {
  Hash hash{};
  if (got.size() == hash.size()) {
    std::memcpy(hash.data(), got.data(), hash.size());
  } else {
    Complain(path, Cat(got.size(), " bytes"), "32 bytes, a SHA-256");
  }
  return hash;
}

OwnerId Fields::Owner(const Path& path, const std::string& got) {
  const std::vector<std::string_view> parts = Split(got, '/');
  if (parts.size() == 2 && parts[0] == "owners" && IsName(parts[1]))
    return OwnerId{std::string(parts[1])};
  Complain(path, Quoted(got), "owners/{owner}");
  return {};
}

ProviderId Fields::Provider(const Path& path, const std::string& got) {
  const std::vector<std::string_view> parts = Split(got, '/');
  if (parts.size() == 2 && parts[0] == "providers" && IsName(parts[1]))
    return ProviderId{std::string(parts[1])};
  Complain(path, Quoted(got), "providers/{provider}");
  return {};
}

}  // namespace capbroker
