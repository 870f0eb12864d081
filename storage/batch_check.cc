#include "storage/batch_check.h"

#include <algorithm>

#include "broker/values/text.h"

namespace capbroker {

std::string FlawOf(const Batch& batch, InternedNames& names) {
  if (batch.fences.empty()) return "a batch without a fence";
  for (size_t i = 0; i < batch.fences.size(); ++i) {
    const uint32_t partition = batch.fences[i].partition;
    if (partition >= names.partitions())
      return Cat("fence: got partition ", partition, ", want less than ", names.partitions());
    if (i > 0 && batch.fences[i - 1].partition >= partition)
      return "fences: got them twice or out of order, want each once, ascending";
  }
  std::string flaw;
  const auto check = [&](std::string_view what, const auto& rows) {
    for (const auto& row : rows) {
      if (!flaw.empty()) return;
      const uint32_t partition = names.PartitionOf(row.owner);
      const auto at = std::lower_bound(
          batch.fences.begin(), batch.fences.end(), partition,
          [](const Batch::Fence& fence, uint32_t p) { return fence.partition < p; });
      if (at == batch.fences.end() || at->partition != partition) {
        flaw = Cat(what, " of ", row.owner.value, ": partition ", partition,
                   " has no fence in the batch");
      }
    }
  };
  check("act", batch.acts);
  check("request", batch.new_requests);
  check("request", batch.requests);
  check("offer", batch.new_offers);
  check("offer", batch.offers);
  check("book", batch.books);
  if (!flaw.empty()) return flaw;
  for (const SealedAct& act : batch.acts) {
    if (act.sequence == 0 || act.decisions == 0)
      return Cat("act of ", act.owner.value, ": its sequence and decisions are more than zero");
  }
  for (const auto* rows : {&batch.new_offers, &batch.offers}) {
    for (const OfferRow& row : *rows) {
      if (row.offer == 0 || row.accepted < 0 ||
          (row.allocation != AllocationState::kNone && row.accepted == 0)) {
        return Cat("offer ", row.offer, " of ", Format(row.request),
                   ": number, accepted or allocation");
      }
    }
  }
  for (const BookRow& row : batch.books) {
    if (row.sequence == 0)
      return Cat("book of ", row.owner.value, ": its sequence is more than zero");
  }
  return flaw;
}

}  // namespace capbroker
