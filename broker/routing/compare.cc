#include "broker/routing/compare.h"

#include <algorithm>

#include "broker/values/text.h"

namespace capbroker {
namespace {

// `amount` x (1 + ppm / 1,000,000), rounded down.
int64_t Raised(int64_t amount, int64_t ppm) {
  return static_cast<int64_t>(static_cast<__int128>(amount) * (1'000'000 + ppm) / 1'000'000);
}

// The change from a to b in percent with two decimals, rounded toward zero: "+0", "+3.25", "-10".
std::string Percent(int64_t a, int64_t b) {
  if (a == 0) return b == 0 ? "+0" : "from zero";
  const auto hundredths = static_cast<int64_t>((static_cast<__int128>(b) - a) * 10'000 / a);
  const int64_t size = hundredths < 0 ? -hundredths : hundredths;
  std::string out = Cat(hundredths < 0 ? "-" : "+", size / 100);
  if (size % 100 != 0) out += Cat(".", size % 100 / 10, size % 10 == 0 ? "" : Cat(size % 10));
  return out;
}

}  // namespace

std::vector<TermDifference> CompareTerms(const Terms& refused, const Terms& bid,
                                         const Tolerance& allowed) {
  std::vector<TermDifference> out;
  const auto add = [&](std::string name, std::string got, std::string bound, bool material,
                       bool differs = true) {
    out.push_back({{std::move(name), std::move(got), std::move(bound)}, differs, material});
  };
  const Money most{Raised(refused.unit_price.micros, allowed.price_ppm),
                   refused.unit_price.currency};
  add("unit_price",
      Cat(Format(bid.unit_price), " (", Percent(refused.unit_price.micros, bid.unit_price.micros),
          " %)"),
      Cat("at most ", Format(most)), bid.unit_price.micros > most.micros,
      bid.unit_price != refused.unit_price);
  if (bid.availability_ppm != refused.availability_ppm) {
    add("availability_ppm", Cat(bid.availability_ppm), Cat("at least ", refused.availability_ppm),
        bid.availability_ppm < refused.availability_ppm);
  }
  if (bid.start != refused.start) {
    const Instant latest = refused.start + allowed.start;
    add("start", Format(bid.start), Cat("at most ", Format(latest)), bid.start > latest);
  }
  if (const Span asked = refused.end - refused.start, got = bid.end - bid.start; asked != got) {
    add("duration", Format(got), Format(asked), true);
  }
  for (const std::string& condition : refused.conditions) {
    if (std::find(bid.conditions.begin(), bid.conditions.end(), condition) ==
        bid.conditions.end()) {
      add("conditions", "dropped", condition, true);
    }
  }
  return out;
}

std::optional<Figure> CompareParts(const Offer& refused, const Offer& bid) {
  const int64_t least = refused.min_quantity == 0 ? refused.quantity : refused.min_quantity;
  if (bid.promised >= std::min(bid.quantity, least)) return std::nullopt;
  return Figure{"quantity", Cat(bid.promised), Cat("at least ", least)};
}

namespace {

bool AnyMaterial(const std::vector<TermDifference>& differences) {
  return std::any_of(differences.begin(), differences.end(),
                     [](const TermDifference& d) { return d.material; });
}

}  // namespace

bool IsBelowFloor(const RequestBook& book, const Account& account, uint32_t lineage,
                  const Terms& terms) {
  return std::any_of(book.offers.begin(), book.offers.end(), [&](const Offer& offer) {
    const bool was_left = offer.lineage == lineage && offer.state == OfferState::kCountered &&
                          offer.clause.IsSet() && offer.promise == Promise::kNone &&
                          offer.allocation.state == AllocationState::kNone;
    if (!was_left) return false;
    const FirstRefusal* right = As<FirstRefusal>(*account.Find(offer.clause));
    const Tolerance allowed = right == nullptr
                                  ? Tolerance{}
                                  : Tolerance{right->price_tolerance_ppm, right->start_tolerance};
    const Terms counter = AgreedTermsOf(book, offer);
    const bool is_worse =
        counter.quantity < terms.quantity || AnyMaterial(CompareTerms(terms, counter, Tolerance{}));
    return !is_worse && AnyMaterial(CompareTerms(counter, terms, allowed));
  });
}

}  // namespace capbroker
