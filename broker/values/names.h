// One spelling for every value of an enum: what the trail, the API's JSON and the command line all
// show.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace capbroker {

// Specialised beside each enum: `static constexpr std::array<std::string_view, N> values`, in the
// enum's order.
template <class E>
struct Names;

template <class E>
constexpr std::string_view NameOf(E value) {
  return Names<E>::values[static_cast<size_t>(value)];
}

// The value spelled `name`, exactly.
template <class E>
constexpr std::optional<E> ValueOf(std::string_view name) {
  for (size_t i = 0; i < Names<E>::values.size(); ++i) {
    if (Names<E>::values[i] == name) return static_cast<E>(i);
  }
  return std::nullopt;
}

}  // namespace capbroker
