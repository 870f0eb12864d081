#include "broker/trail/describe.h"

#include "broker/values/show.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return out + "\"";
}

// " (azure/2/C2)", or nothing.
std::string Under(const ClauseRef& clause) {
  return clause.IsSet() ? Cat(" (", Format(clause), ")") : "";
}

std::string VersionOf(const ClauseRef& ref) {
  return Cat("version ", ref.version, " of ", ref.agreement.value);
}

std::string Listed(const std::vector<ClauseRef>& clauses) {
  std::string out;
  for (const ClauseRef& clause : clauses) out += Cat(out.empty() ? "" : ", then ", Format(clause));
  return out;
}

// ": stargate-oracle LAPSED, coreweave PRICE_CAP (asks 4 USD, the cap is 3 USD)".
std::string Listed(std::string_view lead, const std::vector<Passed>& passed) {
  std::string out;
  for (const Passed& p : passed) {
    const std::string who = p.clause.IsSet() && (p.provider.empty() || lead == "; aside: ")
                                ? Format(p.clause)
                                : p.provider.value;
    out += Cat(out.empty() ? lead : ", ", who, " ", p.reason);
    if (!p.text.empty()) out += Cat(" (", p.text, ")");
  }
  return out;
}

std::string ShowFigure(std::string_view name, std::string_view value) {
  if (!name.ends_with("_ppm")) return std::string(value);
  const auto ppm = ParseNumber<int64_t>(value);
  return ppm ? ShowShare(*ppm) : std::string(value);
}

std::string Listed(const std::vector<Figure>& figures) {
  std::string out;
  for (const Figure& f : figures) {
    std::string_view name = f.name;
    if (name.ends_with("_ppm")) name.remove_suffix(4);
    out += Cat(out.empty() ? ": " : ", ", name, " ", ShowFigure(f.name, f.got), " against ",
               ShowFigure(f.name, f.bound));
  }
  return out;
}

std::string Because(const Decision& d) {
  return Cat(d.reason.empty() ? "" : Cat(" (", d.reason, ")"),
             d.text.empty() ? "" : Cat(": ", Quoted(d.text)));
}

std::string Received(const Decision& d) {
  if (d.request == nullptr) return Cat(ShowQuantity(d.quantity), " asked for");
  const Request& request = *d.request;
  const Terms& terms = request.terms;
  std::string out = Cat(ShowQuantity(terms.quantity), " ", terms.unit, " of ", terms.resource_type,
                        " in ", terms.region, " at ", ShowMoney(terms.unit_price), ", ",
                        ShowTime(terms.start), " to ", ShowTime(terms.end));
  for (size_t i = 0; i < request.segments.size(); ++i) {
    const Segment& segment = request.segments[i];
    out += Cat(i == 0 ? ", for " : " and ", segment.workload_class,
               segment.purpose.empty() ? "" : "/", segment.purpose);
    if (request.segments.size() > 1) out += Cat(" ", ShowQuantity(segment.quantity));
  }
  return out;
}

std::string Routed(std::string_view what, const Decision& d) {
  return Cat(ShowQuantity(d.quantity), " ", what, d.clauses.empty() ? "" : " ", Listed(d.clauses),
             Listed("; aside: ", d.passed));
}

std::string Opened(const Decision& d) {
  std::string out = d.provider.value;
  switch (d.offer_kind) {
    case OfferKind::kExclusiveAsk:
      out += " alone is asked for ";
      break;
    case OfferKind::kFirstOffer:
      out += " is asked first for ";
      break;
    case OfferKind::kMatch:
      out += " may match for ";
      break;
    case OfferKind::kReoffer:
      out += " is asked once more for ";
      break;
    case OfferKind::kAlternative:
    case OfferKind::kNone:
      out += " is asked for ";
      break;
  }
  out += ShowQuantity(d.quantity);
  if (d.min_quantity > 0) {
    out += Cat(", or ", ShowQuantity(d.min_quantity), " and more");
    if (d.quantity_step > 1) out += Cat(" in steps of ", ShowQuantity(d.quantity_step));
  }
  out += Under(d.clause);
  if (d.unit_price.IsSet()) out += Cat(", at ", ShowMoney(d.unit_price));
  return Cat(out, ", until ", ShowTime(d.deadline));
}

std::string Declined(const Decision& d) {
  std::string out = Cat(d.provider.value, " declines: ", NameOf(d.decline));
  if (!d.text.empty()) out += Cat(" ", Quoted(d.text));
  if (d.cool_down != nullptr) {
    out += Cat("; not asked for ", d.cool_down->resource_type, " in ", d.cool_down->region,
               " before ", ShowTime(d.cool_down->until));
  }
  return out;
}

std::string ForCommitment(std::string_view what, const Decision& d) {
  return Cat(ShowMoney(d.amount), " ", what, " the commitment", Under(d.clause));
}

// No default: a kind without its sentence is a warning, and the test that asks for each one fails.
std::string Sentence(const Decision& d) {
  const std::string& who = d.provider.value;
  const std::string quantity = ShowQuantity(d.quantity);
  switch (d.kind) {
    case Kind::REQUEST_RECEIVED:
      return Received(d);
    case Kind::REQUEST_AMENDED:
      return Cat("the owner amends: ", Received(d));
    case Kind::MATERIAL_CHANGE:
      return Cat("that is another thing, routed and asked anew", Listed(d.figures));
    case Kind::IMMATERIAL_CHANGE:
      return Cat("that changes nothing material", Because(d), Listed(d.figures));
    case Kind::REQUEST_CANCELLED:
      return Cat("the owner cancels", Because(d));
    case Kind::REQUEST_EXPIRED:
      return Cat("the request's time is over, nothing placed", Listed(": ", d.passed));
    case Kind::REQUEST_BLOCKED:
      return Cat(quantity, " blocked: only ", who, " may supply", Under(d.clause), ", and does not",
                 Because(d));
    case Kind::REQUEST_FULFILLED:
      return Cat("all ", quantity, " confirmed");
    case Kind::REQUEST_PARTIALLY_FULFILLED:
      return Cat(quantity, " confirmed, the rest not placed", Because(d), Listed(": ", d.passed));
    case Kind::REQUEST_UNFILLED:
      return Cat("nobody took it", Listed(": ", d.passed));
    case Kind::ROUTE_EXCLUSIVE:
      return Routed("exclusive under", d);
    case Kind::ROUTE_FIRST_REFUSAL:
      return Routed("under the first refusal", d);
    case Kind::ROUTE_WAIVED:
      return Routed("free to place by the waiver", d);
    case Kind::ROUTE_OPEN:
      return Routed("free to place, no right in the way", d);
    case Kind::WAIVER_TESTED:
      return Cat("waiver ", Format(d.clause),
                 d.reason == "MET" ? " holds" : Cat(" does not hold, ", d.reason),
                 Listed(d.figures));
    case Kind::WAIVER_DRAWN:
      return Cat(quantity, " drawn on the waiver ", Format(d.clause));
    case Kind::AGGREGATION_APPLIED:
      return Cat("counted with requests alike", Under(d.clause), ", ", d.reason, Listed(d.figures));
    case Kind::PROVIDER_SKIPPED:
      return Cat(who, " passed over, ", d.reason, Under(d.clause), d.text.empty() ? "" : ": ",
                 d.text);
    case Kind::OFFER_OPENED:
      return Opened(d);
    case Kind::OFFER_ACCEPTED:
      return Cat(who, " takes all", d.quantity > 0 ? " " + quantity : "");
    case Kind::OFFER_PARTIALLY_ACCEPTED:
      return Cat(who, " takes ", quantity);
    case Kind::OFFER_COUNTERED:
      return Cat(who, " counters with ", quantity, " at ", ShowMoney(d.unit_price),
                 "; the owner may take it until ", ShowTime(d.until));
    case Kind::COUNTER_TAKEN:
      return Cat("the owner takes the counter of ", who, ", ", quantity, " at ",
                 ShowMoney(d.unit_price));
    case Kind::OFFER_DECLINED:
      return Declined(d);
    case Kind::OFFER_LAPSED:
      return Cat("no answer from ", who, " by ", ShowTime(d.deadline));
    case Kind::OFFER_RESCINDED:
      return Cat("the offer to ", who, " is taken back", Because(d));
    case Kind::OFFER_SUPERSEDED:
      return Cat("the offer to ", who, " is superseded", Because(d));
    case Kind::OFFER_VOIDED:
      return Cat("the offer to ", who, " is void", Under(d.clause), Because(d));
    case Kind::NOTICE_ATTEMPTED:
      return Cat("notice to ", who, ": ", d.reason, d.text.empty() ? "" : " ",
                 d.text.empty() ? "" : Quoted(d.text));
    case Kind::RESPONSE_REJECTED:
      return Cat("an answer of ", who, " is refused, ", d.reason, "; it could answer until ",
                 ShowTime(d.deadline));
    case Kind::STANDBY_RECORDED:
      return Cat(who, " is kept in reserve for ", quantity, Because(d));
    case Kind::STANDBY_PROMOTED:
      return Cat(who, ", in reserve, is to have ", quantity);
    case Kind::DEADLINE_EXTENDED:
      return Cat(who, " has until ", ShowTime(d.deadline));
    case Kind::DEADLINE_TOLLED:
      if (d.downtime == Span{}) return Cat(who, " has until ", ShowTime(d.deadline), Because(d));
      return Cat(who, " has until ", ShowTime(d.deadline), ": the broker was away for ",
                 ShowSpan(d.downtime), Under(d.clause));
    case Kind::RIGHT_WAIVED:
      return Cat("the right of ", who, " over ", quantity, " is waived", Under(d.clause), ", ",
                 d.reason, d.until.IsSet() ? Cat("; it revives after ", ShowTime(d.until)) : "");
    case Kind::RIGHT_REVIVED:
      return Cat("the right of ", who, " over ", quantity, " revives", Under(d.clause), Because(d));
    case Kind::FALLBACK_STARTED:
      return Cat("alternatives are asked for ", quantity, ", ", d.reason);
    case Kind::FALLBACK_EXHAUSTED:
      return Cat("no alternative left for ", quantity);
    case Kind::BID_RECEIVED:
      return Cat(who, " bids ", ShowMoney(d.unit_price), " for ", quantity,
                 d.contingent.empty() ? "" : ", contingent on ",
                 d.contingent.empty() ? "" : Quoted(d.contingent));
    case Kind::BID_DISQUALIFIED:
      return Cat("the bid of ", who, " does not count", Because(d));
    case Kind::BEST_BID_SELECTED:
      return Cat("the bid of ", who, " is best, ", quantity, " at ", ShowMoney(d.unit_price));
    case Kind::BID_LOST:
      return Cat(who, " is told that it lost", Because(d));
    case Kind::MATCH_REQUIRED:
      return Cat("what ", who, " would get has to be offered first", Under(d.clause), ", ",
                 d.reason, Listed(d.figures));
    case Kind::MATCH_SKIPPED:
      return Cat("the match of ", who, "'s terms is skipped", Under(d.clause), ", ", d.reason);
    case Kind::MATCH_NOT_REQUIRED:
      return Cat(who, " need not be matched", Under(d.clause), ", ", d.reason, Listed(d.figures));
    case Kind::ALLOCATION_HELD:
      return Cat(quantity, " held with ", who,
                 d.until.IsSet() ? Cat(", to be confirmed by ", ShowTime(d.until)) : "");
    case Kind::ALLOCATION_CONFIRMED:
      return Cat(quantity, " confirmed with ", who);
    case Kind::ALLOCATION_EXPIRED:
      return Cat(quantity, " with ", who, " not confirmed", Because(d));
    case Kind::ALLOCATION_RELEASED:
      return Cat(quantity, " with ", who, " given back", Because(d));
    case Kind::WITHDRAWAL_NOTICED:
      return Cat(who, " withdraws ", quantity, " from ", ShowTime(d.until), Because(d));
    case Kind::ALLOCATION_WITHDRAWN:
      return Cat(quantity, " withdrawn by ", who, Because(d));
    case Kind::COMMITMENT_RESERVED:
      return ForCommitment("reserved of", d);
    case Kind::COMMITMENT_DRAWN:
      return ForCommitment("drawn of", d);
    case Kind::COMMITMENT_RELEASED:
      return ForCommitment("no longer reserved of", d);
    case Kind::COMMITMENT_RESTORED:
      return ForCommitment("restored to", d);
    case Kind::COMMITMENT_INCREASED:
      return ForCommitment("added to", d);
    case Kind::AGREEMENT_ACTIVATED:
      return Cat(VersionOf(d.clause), ", held by ", who, ", recorded",
                 d.agreement == nullptr
                     ? ""
                     : Cat(", in force from ", ShowTime(d.agreement->effective_from)));
    case Kind::AGREEMENT_SUPERSEDED:
      return Cat(VersionOf(d.clause), " ends at ", ShowTime(d.until), ", replaced by the next");
    case Kind::CLAUSE_ENDED:
      return Cat(Format(d.clause), " has ended at ", ShowTime(d.until), Because(d));
    case Kind::WAIVER_GRANTED:
      return Cat(who, " writes the waiver ", Format(d.clause),
                 d.grant != nullptr && d.grant->request.IsSet()
                     ? Cat(" for request ", Format(d.grant->request))
                     : "");
    case Kind::WAIVER_REVOKED:
      return Cat(who, " revokes the waiver ", Format(d.clause), Because(d));
    case Kind::TRIGGER_ASSERTED:
      return Cat(d.party, " asserts ", Format(d.clause), Because(d),
                 d.until.IsSet() ? Cat("; disputable until ", ShowTime(d.until)) : "");
    case Kind::TRIGGER_DISPUTED:
      return Cat(d.party, " disputes ", Format(d.clause), Because(d));
    case Kind::DISPUTE_RESOLVED:
      return Cat("the dispute over ", Format(d.clause), " is settled", Because(d));
    case Kind::TRIGGER_ATTESTED:
      return Cat(d.party, " attests ", Format(d.clause), Listed(d.figures));
    case Kind::TRIGGER_REJECTED:
      return Cat(Format(d.clause), " is rejected", Because(d));
    case Kind::TRIGGER_WITHDRAWN:
      return Cat(d.party, " withdraws ", Format(d.clause), Because(d));
    case Kind::TRIGGER_EFFECTIVE:
      return Cat(Format(d.clause), " takes effect", Listed(d.figures));
    case Kind::PROVIDER_REGISTERED:
      return Cat(who, " is registered");
    case Kind::PROVIDER_UPDATED:
      return Cat(who, " has new particulars");
    case Kind::PROVIDER_SUSPENDED:
      return Cat(who, " is suspended", Because(d));
    case Kind::PROVIDER_RESUMED:
      return Cat(who, " is active again", Because(d));
    case Kind::PROVIDER_TRIPPED:
      return Cat(who, " is unhealthy, and tried only now and then", Because(d));
    case Kind::PROVIDER_HEALED:
      return Cat(who, " is well again", Because(d));
    case Kind::RECOVERY_RESUMED:
      return Cat("the broker resumes after ", ShowSpan(d.downtime), " with ", quantity,
                 " unfinished");
  }
  return "";
}

}  // namespace

std::string Describe(const Decision& decision) {
  std::string out = Sentence(decision);
  if (decision.offer != 0) out += Cat(" [offer ", decision.offer, "]");
  return out;
}

}  // namespace capbroker
