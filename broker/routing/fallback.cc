#include "broker/routing/fallback.h"

#include <algorithm>

#include "broker/routing/compare.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// The rate or limit that fits the terms best: one for the region before one for any.
template <class Stated>
const Stated* StatedFor(const std::vector<Stated>& all, const Terms& terms) {
  const Stated* any = nullptr;
  for (const Stated& stated : all) {
    if (stated.resource_type != terms.resource_type) continue;
    if (stated.region == terms.region) return &stated;
    if (stated.region.empty()) any = &stated;
  }
  return any;
}

// What the provider has, or is asked for, of the request.
int64_t TakenBy(const RequestBook& book, const ProviderId& provider) {
  int64_t sum = 0;
  for (const Offer& offer : book.offers) {
    if (offer.provider != provider) continue;
    if (offer.allocation.IsStanding()) {
      sum += offer.allocation.quantity;
    } else if (offer.IsUnanswered()) {
      sum += offer.quantity;
    }
  }
  return sum;
}

// An offer that others ended was no answer, unless its provider had promised something.
bool WasAnswered(const Offer& offer) {
  if (offer.promised != 0) return true;
  return offer.state != OfferState::kRescinded && offer.state != OfferState::kSuperseded &&
         offer.state != OfferState::kVoided;
}

// It refused nothing of what it was asked.
bool TookAll(const Offer& offer) {
  return offer.state == OfferState::kAccepted &&
         offer.allocation.state != AllocationState::kExpired &&
         offer.allocation.state != AllocationState::kWithdrawn;
}

// Whether the provider has had its turn. Who took all that it was asked may be asked for what comes
// back from others.
bool IsDone(const RequestBook& book, const Lineage& lineage, const ProviderId& provider) {
  return std::any_of(
             lineage.skipped.begin(), lineage.skipped.end(),
             [&](const Passed& p) { return p.provider == provider && !p.clause.IsSet(); }) ||
         std::any_of(book.offers.begin(), book.offers.end(), [&](const Offer& offer) {
           return offer.lineage == lineage.number && offer.provider == provider &&
                  offer.kind == OfferKind::kAlternative && WasAnswered(offer) &&
                  !(TookAll(offer) && offer.allocation.IsStanding());
         });
}

// An offer over this lineage to this party that ended without its taking all, at this price: those
// terms it has refused. R11: affiliates are one party.
const Offer* RefusedBy(const RequestBook& book, const Lineage& lineage, const Directory& directory,
                       const ProviderId& provider, const Money& unit_price) {
  for (const Offer& offer : book.offers) {
    if (offer.lineage == lineage.number && offer.unit_price == unit_price &&
        offer.state != OfferState::kOpen && !TookAll(offer) && WasAnswered(offer) &&
        directory.IsSameParty(offer.provider, provider)) {
      return &offer;
    }
  }
  return nullptr;
}

// R9, R12: how long an alternative has to answer. A step that is longer than a right stays waived
// would never end: the right's revival would always come first.
Span StepWindowOf(const Request& request, const Lineage& lineage, const Account& account) {
  Span window = request.fallback.step_window;
  for (const Right& right : lineage.rights) {
    if (right.close_by.IsSet() && !account.HasEnded(right.clause, right.close_by))
      window = std::min(window, MatchingOf(*account.Find(right.clause)).close_within);
  }
  return window;
}

// R23: one request in eight still tries an unhealthy provider, to see whether it is well again.
bool IsProbe(const RequestId& request) { return request.bytes.back() % 8 == 0; }

Alternative Judge(const RequestBook& book, const Lineage& lineage, const ProviderId& id,
                  const Account& account, const Directory& directory, Instant now) {
  const Request& request = *book.request;
  Alternative out{.provider = id,
                  .unit_price = request.terms.unit_price,
                  .window = StepWindowOf(request, lineage, account)};
  const auto skip = [&](std::string_view reason, std::string text) {
    out.skip = Passed{id, {}, std::string(reason), std::move(text)};
    return out;
  };
  const Provider* provider = directory.Find(id);
  if (provider == nullptr || provider->suspended) return skip("SUSPENDED", "");
  if (provider->unhealthy && !IsProbe(request.id)) return skip("UNHEALTHY", "");
  for (const ClauseRef& waiver : lineage.waivers) {  // R20: it may be for one provider alone.
    const GrantedWaiver* granted = account.FindGrant(waiver.agreement, waiver.clause);
    if (granted == nullptr || granted->grant->provider.empty()) continue;
    if (!directory.IsSameParty(granted->grant->provider, id))
      return skip("NOT_WAIVED", Cat("the waiver is for ", granted->grant->provider.value));
  }
  if (!provider->rates.empty()) {
    const Rate* rate = StatedFor(provider->rates, request.terms);
    if (rate == nullptr) {
      return skip("NOT_OFFERED",
                  Cat("no rate for ", request.terms.resource_type, " in ", request.terms.region));
    }
    if (rate->unit_price.IsSet()) out.unit_price = rate->unit_price;
  }
  if (const Money cap = PriceCapOf(request);
      out.unit_price.currency != cap.currency || out.unit_price.micros > cap.micros) {
    return skip("PRICE_CAP", Cat("asks ", Format(out.unit_price), ", the cap is ", Format(cap)));
  }
  if (const Limit* limit = StatedFor(provider->limits, request.terms); limit != nullptr) {
    const int64_t taken = TakenBy(book, id);
    if (taken + lineage.units.Unplaced() > limit->quantity) {
      return skip("LIMIT", Cat("takes ", limit->quantity, " of a request, and has ", taken));
    }
  }
  Terms terms = request.terms;
  terms.unit_price = out.unit_price;
  terms.quantity = lineage.units.Unplaced();
  if (IsBelowFloor(book, account, lineage.number, terms))
    return skip("FLOOR", "the holder's counter was better");
  if (account.IsCoolingDown(id, request.terms, now)) return skip("COOL_DOWN", "");
  if (GaveBack(book, lineage, id)) return skip("WITHDREW", "");
  if (std::find(lineage.absent.begin(), lineage.absent.end(), id) != lineage.absent.end())
    return skip("ALREADY_ASKED", "it did not take what was waived for it");
  if (const Offer* refused = RefusedBy(book, lineage, directory, id, out.unit_price);
      refused != nullptr) {
    return skip("ALREADY_ASKED", Cat("offer ", refused->number, " was on these terms"));
  }
  if (now + out.window > request.expiry) {
    return skip("TOO_LATE",
                Cat("its window of ", Format(out.window), " ends after ", Format(request.expiry)));
  }
  return out;
}

}  // namespace

std::vector<Alternative> NextAlternatives(const RequestBook& book, const Lineage& lineage,
                                          const Account& account, const Directory& directory,
                                          Instant now) {
  std::vector<Alternative> out;
  const auto consider = [&](const ProviderId& id) {
    if (!IsDone(book, lineage, id))
      out.push_back(Judge(book, lineage, id, account, directory, now));
  };
  if (book.request->fallback.providers.empty()) {
    for (const Provider& provider : directory.providers()) consider(provider.id);
  } else {
    for (const ProviderId& id : book.request->fallback.providers) consider(id);
  }
  return out;
}

bool GaveBack(const RequestBook& book, const Lineage& lineage, const ProviderId& provider) {
  const bool is_absent =
      std::find(lineage.absent.begin(), lineage.absent.end(), provider) != lineage.absent.end();
  return is_absent && std::any_of(book.offers.begin(), book.offers.end(), [&](const Offer& offer) {
           return offer.provider == provider &&
                  offer.allocation.state == AllocationState::kWithdrawn &&
                  offer.allocation.confirmed.IsSet();
         });
}

Money PriceCapOf(const Request& request) {
  return request.price_cap.IsSet() ? request.price_cap : request.terms.unit_price;
}

bool IsWithinCap(const RequestBook& book, const Offer& offer, const Money& unit_price) {
  return std::any_of(
      book.versions.begin() + offer.version - 1, book.versions.end(), [&](const auto& version) {
        const Money cap = PriceCapOf(*version);
        return unit_price.currency == cap.currency && unit_price.micros <= cap.micros;
      });
}

Parts PartsOf(const Request& request, int64_t lot, const Clause* right) {
  const PartialAcceptance* taken = right == nullptr ? nullptr : &AskingOf(*right)->parts;
  if (!request.splittable || (taken != nullptr && !taken->allowed)) return {};
  Parts parts{std::max<int64_t>(request.smallest_useful, 1), 1};
  if (taken != nullptr) {
    parts.min_quantity = std::max(parts.min_quantity, taken->min_quantity);
    parts.step = std::max<int64_t>(taken->quantity_step, 1);
  }
  return parts.min_quantity < lot ? parts : Parts{};
}

}  // namespace capbroker
