// Whether two requests say the same, whatever they share.
#pragma once

#include "broker/trail/book.h"

namespace capbroker {

template <class T>
bool Unite(std::shared_ptr<const T>& mine, const std::shared_ptr<const T>& other) {
  if ((mine == nullptr) != (other == nullptr) || (mine != nullptr && *mine != *other)) return false;
  mine = other;
  return true;
}

inline bool IsSame(RequestBook mine, const RequestBook& other) {
  if (mine.versions.size() != other.versions.size() || mine.offers.size() != other.offers.size())
    return false;
  bool is_same = Unite(mine.request, other.request);
  for (size_t i = 0; i < mine.versions.size(); ++i)
    is_same &= Unite(mine.versions[i], other.versions[i]);
  for (size_t i = 0; i < mine.offers.size(); ++i) {
    is_same &= Unite(mine.offers[i].terms, other.offers[i].terms);
    is_same &= Unite(mine.offers[i].answer, other.offers[i].answer);
  }
  return is_same && mine == other;
}

}  // namespace capbroker
