// Records: structs that list their fields once, in `Fields`, by name in byte order. The name is the
// field's everywhere: in the record's canonical text, in messages, files, stories and flags. All of
// them, and differences in words, follow that list and convert by type.
#pragma once

#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace capbroker {

template <class T>
concept Record = requires(T& value) {
  T::Fields(value, [](std::string_view, auto&) {});
};

template <class T>
inline constexpr bool kIsVariant = false;
template <class... T>
inline constexpr bool kIsVariant<std::variant<T...>> = true;
// One of several records, each of which has a name, T::kName.
template <class T>
concept OneOfRecords = kIsVariant<std::remove_const_t<T>>;

template <class T>
inline constexpr bool kIsList = false;
template <class T>
inline constexpr bool kIsList<std::vector<T>> = true;
template <class T>
concept ListField = kIsList<std::remove_const_t<T>>;

// Makes `out` the alternative called `name`, with every default. False, and unchanged, if none is.
template <OneOfRecords V>
bool MakeAlternative(std::string_view name, V& out) {
  return [&]<class... T>(std::type_identity<std::variant<T...>>) {
    const auto try_one = [&]<class One>(std::type_identity<One>) {
      if (One::kName != name) return false;
      out.template emplace<One>();
      return true;
    };
    return (try_one(std::type_identity<T>{}) || ...);
  }(std::type_identity<V>{});
}

}  // namespace capbroker
