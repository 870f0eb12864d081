#include "services/delivery/attempt_log.h"

#include <algorithm>

#include "broker/values/text.h"

namespace capbroker {

std::optional<Notice> AttemptLog::Add(const std::string& outcome, const std::string& detail) {
  const bool first = attempts_ == 0;
  const bool changed = !first && outcome != outcome_;
  if (attempts_ > told_ && before_.empty()) before_ = outcome_;
  if (attempts_ > told_ && before_ != outcome_ && !before_.ends_with(" and others"))
    before_ += " and others";
  ++attempts_;
  outcome_ = outcome;
  detail_ = detail;
  const bool news = changed && (entries_ < kMostEntries || outcome == kDelivered);
  if (first || news || attempts_ >= 2 * told_) return Tell();
  return std::nullopt;
}

std::optional<Notice> AttemptLog::Flush() {
  if (attempts_ == told_) return std::nullopt;
  return Tell();
}

void AttemptLog::NotRecorded(const Notice& notice) {
  told_ = std::min(told_, notice.first - 1);
  before_ = notice.outcome;
}

Notice AttemptLog::Tell() {
  Notice notice{outcome_,
                Cat("attempt ", attempts_, " to ", where_, detail_.empty() ? "" : ": ", detail_),
                told_ + 1, attempts_};
  if (notice.last > notice.first) {
    notice.text += Cat("; attempt", notice.last - 1 > notice.first ? "s " : " ", notice.first);
    if (notice.last - 1 > notice.first) notice.text += Cat(" to ", notice.last - 1);
    notice.text += Cat(" before it: ", before_);
  }
  told_ = attempts_;
  ++entries_;
  before_.clear();
  return notice;
}

}  // namespace capbroker
