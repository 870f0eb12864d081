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

// ": stargate-oracle LAPSED, coreweave PRICE_CAP (asks 4 USD, the cap is 3 USD)". `clauses`: they
// are about clauses, not providers.
std::string Listed(std::string_view lead, const std::vector<Passed>& passed, bool clauses) {
  std::string out;
  for (const Passed& p : passed) {
    const std::string who =
        p.clause.IsSet() && (p.provider.empty() || clauses) ? Format(p.clause) : p.provider.value;
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
  if (d.request == nullptr) return Cat(ShowQuantity(d.quantity), " requested");
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

std::string Tolled(const Decision& d) {
  std::string_view for_what;
  switch (d.clock) {
    case WindowKind::kOffer:
      for_what = " has until ";
      break;
    case WindowKind::kCounter:
      for_what = "'s counter may be taken until ";
      break;
    case WindowKind::kConfirm:
      for_what = " may confirm until ";
      break;
    case WindowKind::kClose:
      for_what = "'s right revives after ";
      break;
    case WindowKind::kDispute:
      for_what = "a dispute is possible until ";
      break;
    case WindowKind::kAttest:
      for_what = "it may be attested until ";
      break;
  }
  const std::string end = Cat(d.provider.value, for_what, ShowTime(d.deadline));
  if (d.downtime == Span{}) return Cat(end, Because(d));
  return Cat(end, ": the broker was away for ", ShowSpan(d.downtime), Under(d.clause));
}

std::string VersionOf(const ClauseRef& ref) {
  if (ref.version == 0) return Cat("the agreement ", ref.agreement.value);
  return Cat("version ", ref.version, " of ", ref.agreement.value);
}

std::string Counted(const Decision& d) {
  std::string out;
  for (const RequestId& request : d.counted)
    out += Cat(out.empty() ? "; with " : ", ", Format(request));
  return out;
}

// The words that sentences are made of.
std::string WordOf(std::string_view word, const Decision& d) {
  const auto if_set = [](Instant t, std::string_view lead) {
    return t.IsSet() ? Cat(lead, ShowTime(t)) : std::string();
  };
  const auto quoted = [](std::string_view lead, const std::string& text) {
    return text.empty() ? std::string() : Cat(lead, Quoted(text));
  };
  if (word == "activated") {
    return Cat(VersionOf(d.clause), ", held by ", d.provider.value, ", is recorded",
               d.agreement == nullptr
                   ? ""
                   : Cat(", in force from ", ShowTime(d.agreement->effective_from)));
  }
  if (word == "amount") return ShowMoney(d.amount);
  if (word == "aside") return Listed("; passed over: ", d.passed, /*clauses=*/true);
  if (word == "because") return Because(d);
  if (word == "clause") return Format(d.clause);
  if (word == "clauses") {
    std::string out;
    for (const ClauseRef& ref : d.clauses) out += Cat(out.empty() ? " " : ", then ", Format(ref));
    return out;
  }
  if (word == "confirm_by") return if_set(d.confirm_by, ", to be confirmed by ");
  if (word == "contingent") return quoted(", contingent on ", d.contingent);
  if (word == "counted") return Counted(d);
  if (word == "deadline") return ShowTime(d.deadline);
  if (word == "declined") return Declined(d);
  if (word == "disputable") return if_set(d.dispute_by, "; disputable until ");
  if (word == "downtime") return ShowSpan(d.downtime);
  if (word == "end_time") return ShowTime(d.end_time);
  if (word == "figures") return Listed(d.figures);
  if (word == "granted") {
    return d.grant != nullptr && d.grant->request.IsSet()
               ? Cat(" for request ", Format(d.grant->request))
               : std::string();
  }
  if (word == "holds") return d.reason == "MET" ? "applies" : Cat("does not apply, ", d.reason);
  if (word == "note") return d.text.empty() ? std::string() : Cat(": ", d.text);
  if (word == "opened") return Opened(d);
  if (word == "party") return d.party;
  if (word == "passed") return Listed(": ", d.passed, /*clauses=*/false);
  if (word == "price") return ShowMoney(d.unit_price);
  if (word == "provider") return d.provider.value;
  if (word == "quantity") return ShowQuantity(d.quantity);
  if (word == "reason") return d.reason;
  if (word == "request") return Received(d);
  if (word == "revives") return if_set(d.close_by, "; it revives after ");
  if (word == "take_by") return ShowTime(d.take_by);
  if (word == "takes_effect") return ShowTime(d.takes_effect);
  if (word == "tolled") return Tolled(d);
  if (word == "under") return Under(d.clause);
  if (word == "version") return VersionOf(d.clause);
  if (word == "words") return quoted(": ", d.text);
  return Cat("{", word, "}");  // A test holds every sentence against this list.
}

}  // namespace

std::string Describe(const Decision& decision) {
  std::string out;
  std::string_view rest = RowOf(decision.kind).sentence;
  for (size_t open; (open = rest.find('{')) != std::string_view::npos;) {
    const size_t close = rest.find('}', open);
    out += Cat(rest.substr(0, open), WordOf(rest.substr(open + 1, close - open - 1), decision));
    rest.remove_prefix(close + 1);
  }
  out += rest;
  if (decision.offer != 0) out += Cat(" [offer ", decision.offer, "]");
  return out;
}

}  // namespace capbroker
