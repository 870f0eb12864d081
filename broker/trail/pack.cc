#include "broker/trail/pack.h"

#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

namespace capbroker {
namespace {

// The members of each struct, in its order, by a binding: one that is missing does not compile.
// What the trail has tells its own (Fields).
template <class Self>
void Members(Self& self, auto&& each) {
  using T = std::remove_const_t<Self>;
  if constexpr (std::is_same_v<T, ClauseRef>) {
    auto& [agreement, version, clause] = self;
    each(agreement, version, clause);
  } else if constexpr (std::is_same_v<T, Money>) {
    auto& [micros, currency] = self;
    each(micros, currency);
  } else if constexpr (std::is_same_v<T, Share>) {
    each(self.ppm);
  } else if constexpr (std::is_same_v<T, WaiverDraw>) {
    auto& [waiver, segments] = self;
    each(waiver, segments);
  } else if constexpr (std::is_same_v<T, Draw>) {
    auto& [commitment, amount] = self;
    each(commitment, amount);
  } else if constexpr (std::is_same_v<T, Units>) {
    Units::Members(self, each);
  } else if constexpr (std::is_same_v<T, Right>) {
    auto& [clause, state, reoffered, revived, close_by] = self;
    each(clause, state, reoffered, revived, close_by);
  } else if constexpr (std::is_same_v<T, Lineage>) {
    auto& [number, version, route, stage, segments, units, unplaced, rights, waivers, drawn, absent,
           waivers_tested, skipped] = self;
    each(number, version, route, stage, segments, units, unplaced, rights, waivers, drawn, absent,
         waivers_tested, skipped);
  } else if constexpr (std::is_same_v<T, Allocation>) {
    auto& [state, notice, quantity, segments, draws, confirm_by, ends, confirmed, ended] = self;
    each(state, notice, quantity, segments, draws, confirm_by, ends, confirmed, ended);
  } else if constexpr (std::is_same_v<T, Offer>) {
    auto& [number, lineage, version, replaces, successor, matches, rights_passed, kind, state,
           promise, decline, rejection_recorded, sealed, continues, outmatched, provider, clause,
           quantity, min_quantity, quantity_step, promised, unit_price, terms, answer, contingent,
           terms_hash, opened, deadline, answered, take_by, allocation, ending, text] = self;
    each(number, lineage, version, replaces, successor, matches, rights_passed, kind, state,
         promise, decline, rejection_recorded, sealed, continues, outmatched, provider, clause,
         quantity, min_quantity, quantity_step, promised, unit_price, terms, answer, contingent,
         terms_hash, opened, deadline, answered, take_by, allocation, ending, text);
  } else {
    static_assert(std::is_same_v<T, RequestBook>);
    auto& [request, versions, state, sequence, created, updated, tolled, lineages, offers,
           reasons] = self;
    each(versions, state, sequence, created, updated, tolled, lineages, offers,
         reasons);  // The latest version is the last.
  }
}

template <class T>
concept HasFields = requires(T& value) {
  T::Fields(value, [](const char*, auto&) {});
};
// Their bytes are copied as they are.
template <class T>
concept IsRaw =
    std::is_same_v<T, Hash> || std::is_same_v<T, RequestId> || std::is_same_v<T, Currency>;
template <class T>
concept IsNumber = std::is_integral_v<T> || std::is_enum_v<T>;
template <class T>
concept IsTime = std::is_same_v<T, Instant> || std::is_same_v<T, Span>;

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  template <class... T>
  void operator()(const T&... values) {
    (Put(values), ...);
  }

 private:
  // Small numbers of either sign take few bytes.
  void PutNumber(int64_t number) {
    auto rest = (static_cast<uint64_t>(number) << 1) ^ static_cast<uint64_t>(number >> 63);
    for (; rest >= 0x80; rest >>= 7) out_.push_back(static_cast<char>(rest | 0x80));
    out_.push_back(static_cast<char>(rest));
  }
  void Put(const std::string& text) {
    PutNumber(static_cast<int64_t>(text.size()));
    out_.append(text);
  }
  template <class Tag>
  void Put(const Id<Tag>& id) {
    Put(id.value);
  }
  template <class T>
  void Put(const std::vector<T>& list) {
    PutNumber(static_cast<int64_t>(list.size()));
    for (const T& element : list) Put(element);
  }
  template <size_t n>
  void Put(const std::array<int64_t, n>& list) {
    for (const int64_t element : list) PutNumber(element);
  }
  template <class T>
  void Put(const std::shared_ptr<const T>& shared) {
    PutNumber(shared != nullptr);
    if (shared != nullptr) Put(*shared);
  }
  template <class T>
  void Put(const T& value) {
    if constexpr (IsNumber<T>) {
      PutNumber(static_cast<int64_t>(value));
    } else if constexpr (IsTime<T>) {
      PutNumber(value.micros);
    } else if constexpr (IsRaw<T>) {
      out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    } else if constexpr (HasFields<T>) {
      T::Fields(value, [this](const char*, const auto& field) { this->Put(field); });
    } else {
      Members(value, *this);
    }
  }

  std::string& out_;
};

class Reader {
 public:
  explicit Reader(const char* at) : at_(at) {}

  template <class... T>
  void operator()(T&... values) {
    (Get(values), ...);
  }

 private:
  int64_t GetNumber() {
    uint64_t number = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      number |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return static_cast<int64_t>(number >> 1) ^ -static_cast<int64_t>(number & 1);
  }
  void Get(std::string& text) {
    const auto size = static_cast<size_t>(GetNumber());
    text.assign(at_, size);
    at_ += size;
  }
  template <class Tag>
  void Get(Id<Tag>& id) {
    Get(id.value);
  }
  template <class T>
  void Get(std::vector<T>& list) {
    list.resize(static_cast<size_t>(GetNumber()));
    for (T& element : list) Get(element);
  }
  template <size_t n>
  void Get(std::array<int64_t, n>& list) {
    for (int64_t& element : list) element = GetNumber();
  }
  template <class T>
  void Get(std::shared_ptr<const T>& shared) {
    if (GetNumber() == 0) return;
    auto value = std::make_shared<T>();
    Get(*value);
    shared = std::move(value);
  }
  template <class T>
  void Get(T& value) {
    if constexpr (IsNumber<T>) {
      value = static_cast<T>(GetNumber());
    } else if constexpr (IsTime<T>) {
      value.micros = GetNumber();
    } else if constexpr (IsRaw<T>) {
      std::memcpy(&value, at_, sizeof value);
      at_ += sizeof value;
    } else if constexpr (HasFields<T>) {
      T::Fields(value, [this](const char*, auto& field) { this->Get(field); });
    } else {
      Members(value, *this);
    }
  }

  const char* at_;
};

}  // namespace

PackedRequest Pack(const RequestBook& request) {
  std::string bytes;
  bytes.reserve(1024);
  Writer{bytes}(request);
  auto packed = std::make_shared_for_overwrite<char[]>(bytes.size());
  std::memcpy(packed.get(), bytes.data(), bytes.size());
  return packed;
}

std::shared_ptr<const RequestBook> Unpack(const PackedRequest& packed) {
  auto request = std::make_shared<RequestBook>();
  Reader{packed.get()}(*request);
  if (!request->versions.empty()) request->request = request->versions.back();
  return request;
}

}  // namespace capbroker
