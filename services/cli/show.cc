#include "services/cli/show.h"

#include "broker/trail/canonical.h"
#include "broker/trail/describe.h"
#include "broker/values/show.h"
#include "broker/values/text.h"
#include "services/cli/name_arguments.h"
#include "services/cli/table.h"
#include "services/client/proto_values.h"

namespace capbroker {
namespace {

std::string TimeOf(const google::protobuf::Timestamp& t) { return ShowTime(FromProto(t)); }

std::string PriceOf(const v1::Terms& terms) {
  return terms.has_unit_price() ? ShowMoney(FromProto(terms.unit_price())) : "";
}

// "PRODUCT_INFERENCE/TRAINING", "API_SERVING".
std::string UseOf(const v1::Segment& segment) {
  return Cat(segment.workload_class(), segment.purpose().empty() ? "" : "/", segment.purpose());
}

std::string UsesOf(const Items<v1::Segment>& segments) {
  std::string out;
  for (const v1::Segment& segment : segments) {
    out += Cat(out.empty() ? "" : " + ", UseOf(segment), " ", ShowQuantity(segment.quantity()));
  }
  return out;
}

std::string ClausesOf(const Items<v1::ClauseRef>& clauses) {
  std::string out;
  for (const v1::ClauseRef& clause : clauses)
    out += Cat(out.empty() ? "" : ", then ", Show(clause));
  return out;
}

std::string KindOf(v1::Offer::Kind kind) { return ShowEnum(v1::Offer::Kind_Name(kind), "KIND"); }

// "took 5,000", "PRICE: too low", or nothing.
std::string EndingOf(const v1::Offer& offer) {
  if (offer.accepted_quantity() > 0) return Cat("took ", ShowQuantity(offer.accepted_quantity()));
  if (offer.has_decline()) {
    const v1::Decline& decline = offer.decline();
    return Cat(ShowEnum(v1::DeclineReason_Name(decline.reason()), "DECLINE_REASON"),
               decline.text().empty() ? "" : ": ", decline.text());
  }
  if (offer.has_counter()) {
    return Cat("countered with ", ShowQuantity(offer.counter().terms().quantity()), " at ",
               PriceOf(offer.counter().terms()),
               offer.counter().has_take_by_time() ? ", to be taken by " : "",
               TimeOf(offer.counter().take_by_time()));
  }
  if (offer.standby()) return "in reserve";
  return offer.superseded_by().empty() ? "" : "by offer " + ShortName(offer.superseded_by());
}

// "CONFIRMED"; nothing if the offer led to no allocation.
std::string AllocationOf(const v1::Offer& offer) {
  return offer.allocation_state() == v1::Allocation::STATE_UNSPECIFIED
             ? ""
             : ShowEnum(v1::Allocation::State_Name(offer.allocation_state()), "STATE");
}

std::string ShowPassedOver(const Items<v1::PassedOver>& passed, std::string_view title) {
  if (passed.empty()) return "";
  Table table({"PROVIDER", "CLAUSE", "REASON", "WHY"});
  for (const v1::PassedOver& p : passed)
    table.Add({ShortName(p.provider()), Show(p.clause()), p.reason(), p.text()});
  return Cat("  ", title, "\n", table.Text("", "    "));
}

void ShowTerms(const v1::Terms& terms, std::string& out) {
  out += Cat("  what      ", ShowQuantity(terms.quantity()), " ", terms.unit(), " of ",
             terms.resource_type(), " in ", terms.region(), "\n  when      ",
             TimeOf(terms.start_time()), " to ", TimeOf(terms.end_time()), "\n  price     ",
             PriceOf(terms), " per ", terms.unit(), "-hour\n");
  if (terms.availability_ppm() > 0)
    out += Cat("  service   ", ShowShare(terms.availability_ppm()), " available\n");
  for (const std::string& condition : terms.conditions())
    out += Cat("  condition ", Printable(condition), "\n");
}

std::string AmountOf(const v1::Money& m) {
  return m.currency_code().empty() ? "" : ShowMoney(FromProto(m));
}

template <class List>
std::string Joined(const List& texts) {
  std::string out;
  for (const std::string& text : texts) out += Cat(out.empty() ? "" : ", ", text);
  return out;
}

// "auditor/kpmg, provider/azure with 120,000,000,000 USD".
std::string SignaturesOf(const v1::TriggerAssertion& trigger) {
  std::string out;
  for (const v1::TriggerAssertion::Signature& signature : trigger.signatures()) {
    out += Cat(out.empty() ? "" : ", ", signature.party(), signature.has_measure() ? " with " : "",
               AmountOf(signature.measure()));
  }
  return out;
}

}  // namespace

std::string ShowState(v1::CapacityRequest::State state) {
  return ShowEnum(v1::CapacityRequest::State_Name(state), "STATE");
}
std::string ShowState(v1::Offer::State state) {
  return ShowEnum(v1::Offer::State_Name(state), "STATE");
}

bool IsFinished(v1::CapacityRequest::State state) {
  return state == v1::CapacityRequest::STATE_FULFILLED ||
         state == v1::CapacityRequest::STATE_PARTIALLY_FULFILLED ||
         state == v1::CapacityRequest::STATE_UNFILLED ||
         state == v1::CapacityRequest::STATE_CANCELLED ||
         state == v1::CapacityRequest::STATE_EXPIRED;
}

std::string ShowRequests(const Items<v1::CapacityRequest>& requests) {
  Table table({"REQUEST", "STATE", ">QUANTITY", ">PLACED", "RESOURCE", "REGION", "USE", "CREATED"});
  for (const v1::CapacityRequest& request : requests) {
    std::string use;
    for (const v1::Segment& segment : request.segments())
      use += Cat(use.empty() ? "" : " + ", UseOf(segment));
    table.Add({ShortName(request.name()), ShowState(request.state()),
               ShowQuantity(request.terms().quantity()), ShowQuantity(request.placed_quantity()),
               request.terms().resource_type(), request.terms().region(), use,
               TimeOf(request.create_time())});
  }
  return table.Text("no requests");
}

std::string ShowOffers(const Items<v1::Offer>& offers) {
  Table table({"OFFER", "PROVIDER", "KIND", "STATE", ">QUANTITY", "RESOURCE", "REGION", "PRICE",
               "DEADLINE", "ENDING", "ALLOCATION"});
  for (const v1::Offer& offer : offers) {
    table.Add({ShortName(offer.name()), ShortName(offer.provider()), KindOf(offer.kind()),
               ShowState(offer.state()), ShowQuantity(offer.quantity()),
               offer.terms().resource_type(), offer.terms().region(), PriceOf(offer.terms()),
               TimeOf(offer.deadline()), EndingOf(offer), AllocationOf(offer)});
  }
  return table.Text("no offers");
}

std::string ShowProviders(const Items<v1::Provider>& providers) {
  Table table({"PROVIDER", "STATE", "SELLS", "NAME"});
  for (const v1::Provider& provider : providers) {
    const auto what = [](const auto& stated) {
      return Cat(stated.resource_type(), stated.region().empty() ? "" : "@", stated.region());
    };
    std::string sells;
    for (const v1::Rate& rate : provider.rates()) {
      sells += Cat(sells.empty() ? "" : ", ", what(rate),
                   rate.has_unit_price() ? " at " + ShowMoney(FromProto(rate.unit_price())) : "");
    }
    if (sells.empty()) sells = "anything, at the owner's price";
    for (const v1::Limit& limit : provider.limits())
      sells += Cat("; at most ", ShowQuantity(limit.quantity()), " ", what(limit));
    table.Add({ShortName(provider.name()),
               Cat(ShowEnum(v1::Provider::State_Name(provider.state()), "STATE"),
                   provider.unhealthy() ? ", unhealthy" : ""),
               sells, provider.display_name()});
  }
  return table.Text("no providers");
}

std::string ShowAgreements(const Items<v1::Agreement>& agreements) {
  Table table({"AGREEMENT", "HOLDER", ">VERSION", "STATE", "FROM", "TO", "CLAUSES"});
  for (const v1::Agreement& agreement : agreements) {
    const v1::AgreementVersion& version = agreement.latest_version();
    std::string clauses;
    for (const v1::Clause& clause : version.clauses())
      clauses += Cat(clauses.empty() ? "" : ", ", clause.id());
    table.Add({ShortName(agreement.name()), ShortName(agreement.holder()), Cat(version.version()),
               ShowEnum(v1::AgreementVersion::State_Name(version.state()), "STATE"),
               TimeOf(version.effective_from()), TimeOf(version.effective_to()), clauses});
  }
  return table.Text("no agreements");
}

std::string ShowRequest(const v1::CapacityRequest& request) {
  std::string out = Cat("request   ", ShortName(request.name()), "\n  state     ",
                        ShowState(request.state()), ", ", ShowQuantity(request.placed_quantity()),
                        " of ", ShowQuantity(request.terms().quantity()), " placed, ",
                        ShowQuantity(request.confirmed_quantity()), " confirmed\n");
  ShowTerms(request.terms(), out);
  if (request.has_price_cap())
    out += Cat("  cap       ", ShowMoney(FromProto(request.price_cap())), "\n");
  out += Cat("  use       ", UsesOf(request.segments()), "\n  needed by ",
             TimeOf(request.needed_by_time()), "\n  expires   ", TimeOf(request.expire_time()),
             "\n  created   ", TimeOf(request.create_time()), "\n");
  for (const v1::Lineage& lineage : request.lineages()) {
    out += Cat("  lineage ", lineage.number(), " ", ShowQuantity(lineage.quantity()), ", ",
               ShowEnum(v1::Route_Name(lineage.route()), "ROUTE"),
               lineage.clauses().empty() ? "" : " under ", ClausesOf(lineage.clauses()), "\n");
  }
  Table offers({">OFFER", "PROVIDER", "KIND", "STATE", ">QUANTITY", "PRICE", "CLAUSE", "DEADLINE",
                "ENDING"});
  for (const v1::Offer& offer : request.offers()) {
    offers.Add({std::string(offer.name().substr(offer.name().rfind('/') + 1)),
                ShortName(offer.provider()), KindOf(offer.kind()), ShowState(offer.state()),
                ShowQuantity(offer.quantity()), PriceOf(offer.terms()), Show(offer.clause()),
                TimeOf(offer.deadline()), EndingOf(offer)});
  }
  out += offers.Text("no offers", "  ");
  Table allocations(
      {">ALLOCATION", "PROVIDER", "STATE", ">QUANTITY", "HELD", "CONFIRMED", "ENDED"});
  for (const v1::Allocation& allocation : request.allocations()) {
    allocations.Add({std::string(allocation.name().substr(allocation.name().rfind('/') + 1)),
                     ShortName(allocation.provider()),
                     ShowEnum(v1::Allocation::State_Name(allocation.state()), "STATE"),
                     ShowQuantity(allocation.quantity()), TimeOf(allocation.hold_time()),
                     TimeOf(allocation.confirm_time()), TimeOf(allocation.end_time())});
  }
  return out + allocations.Text("no allocations", "  ") +
         ShowPassedOver(request.unfilled_reasons(), "not placed:");
}

std::string ShowOffer(const v1::Offer& offer) {
  std::string out =
      Cat("offer     ", ShortName(offer.name()), "\n  to        ", ShortName(offer.provider()),
          ", ", KindOf(offer.kind()), offer.has_clause() ? " under " : "", Show(offer.clause()),
          "\n  state     ", ShowState(offer.state()), offer.accepted_quantity() > 0 ? ", " : "",
          offer.accepted_quantity() > 0 ? EndingOf(offer) : "",
          AllocationOf(offer).empty() ? "" : ", ", AllocationOf(offer), "\n");
  ShowTerms(offer.terms(), out);
  out += Cat("  use       ", UsesOf(offer.segments()), "\n  parts     ");
  if (offer.min_quantity() == 0) {
    out += "all or nothing\n";
  } else {
    out += Cat(
        ShowQuantity(offer.min_quantity()), " or more",
        offer.quantity_step() > 1 ? Cat(" in steps of ", ShowQuantity(offer.quantity_step())) : "",
        "\n");
  }
  out += Cat("  deadline  ", TimeOf(offer.deadline()));
  if (offer.has_remaining())
    out +=
        Cat(", ", ShowSpan({FromProto(offer.remaining()).micros / 1'000'000 * 1'000'000}), " left");
  out += "\n";
  const auto line = [&](std::string_view title, std::string text) {
    if (!text.empty()) out += Cat("  ", title, Printable(text), "\n");
  };
  line("replaces  ", ShortName(offer.replaces()));
  if (offer.sealed()) line("answer by ", "sealed bid");
  if (offer.has_bid()) {
    const std::string& on = offer.bid().contingent_on();
    line("bid       ",
         Cat(ShowQuantity(offer.bid().terms().quantity()), " at ", PriceOf(offer.bid().terms()),
             on.empty() ? ", firm" : ", contingent on ", on));
  }
  if (offer.has_counter()) line("counter   ", EndingOf(offer));
  if (offer.standby()) line("standby   ", "in reserve");
  if (offer.has_confirm_by_time()) line("confirm by ", TimeOf(offer.confirm_by_time()));
  if (offer.has_withdraw_time()) line("withdrawn ", TimeOf(offer.withdraw_time()));
  return out;
}

std::string ShowAllocation(const v1::Allocation& allocation) {
  return Cat("allocation ", ShortName(allocation.name()), "\n  with      ",
             ShortName(allocation.provider()), "\n  state     ",
             ShowEnum(v1::Allocation::State_Name(allocation.state()), "STATE"), "\n  quantity  ",
             ShowQuantity(allocation.quantity()), "\n",
             allocation.has_confirm_by_time()
                 ? "  confirm by " + TimeOf(allocation.confirm_by_time()) + "\n"
                 : "",
             allocation.has_withdraw_time()
                 ? "  withdrawn " + TimeOf(allocation.withdraw_time()) + "\n"
                 : "");
}

std::string ShowPlan(const v1::Plan& plan) {
  std::string out =
      Cat("Plan as of ", TimeOf(plan.plan_time()), "; nothing is recorded or promised.\n");
  if (plan.has_latest_submit_time()) {
    out += Cat("Submit by ", TimeOf(plan.latest_submit_time()),
               ": later, the windows of the rights-holders no longer fit before the capacity is "
               "needed.\n");
  }
  for (const v1::PlannedLineage& planned : plan.lineages()) {
    const v1::Lineage& lineage = planned.lineage();
    out += Cat("\nLineage ", lineage.number(), ": ", ShowQuantity(lineage.quantity()), " ",
               ShowEnum(v1::Route_Name(lineage.route()), "ROUTE"),
               lineage.clauses().empty() ? "" : " under ", ClausesOf(lineage.clauses()), "\n  for ",
               UsesOf(lineage.segments()), "\n");
    Table steps({">STEP", "PROVIDER", "KIND", "CLAUSE", ">QUANTITY", "PRICE",
                 "ASKED AT THE EARLIEST", "LATEST DEADLINE"});
    int number = 0;
    for (const v1::PlannedStep& step : planned.steps()) {
      steps.Add({Cat(++number), ShortName(step.provider()), KindOf(step.kind()),
                 Show(step.clause()), ShowQuantity(step.terms().quantity()), PriceOf(step.terms()),
                 TimeOf(step.earliest_open_time()), TimeOf(step.latest_deadline())});
    }
    out += steps.Text("nobody would be asked", "  ") +
           ShowPassedOver(lineage.passed_over(), "passed over:");
  }
  return out;
}

std::string ShowTrail(const Items<v1::Act>& acts) {
  Table table({">#", "TIME", "ACTOR", "DECISION", "DETAILS"});
  for (const v1::Act& act : acts) {
    const auto add = [&](const std::string& kind, std::string details) {
      table.Add({Cat(act.sequence()), TimeOf(act.time()), act.actor(), kind, std::move(details)});
    };
    const absl::StatusOr<Act> decoded = DecodeAct(act.body());
    if (decoded.ok()) {
      for (const Decision& decision : decoded->decisions)
        add(std::string(NameOf(decision.kind)), Describe(decision));
    } else {  // Written by a newer broker: shows its own text.
      for (const v1::Decision& decision : act.decisions()) add(decision.kind(), decision.body());
    }
  }
  return table.Text("no decisions");
}

std::string ShowWaivers(const Items<v1::GrantedWaiver>& waivers) {
  Table table({"WAIVER", "LIFTS", "PURPOSES", "FOR", ">CAP", ">DRAWN", "GRANTED", "REVOKED"});
  for (const v1::GrantedWaiver& waiver : waivers) {
    const v1::Waiver& content = waiver.clause().waiver();
    table.Add(
        {ShortName(waiver.name()), Joined(content.lifted_clause_ids()),
         Joined(waiver.clause().scope().purposes()),
         waiver.capacity_request().empty() ? "all requests" : ShortName(waiver.capacity_request()),
         content.cap_quantity() == 0 ? "none" : ShowQuantity(content.cap_quantity()),
         ShowQuantity(waiver.drawn_quantity()), TimeOf(waiver.grant_time()),
         TimeOf(waiver.revoke_time())});
  }
  return table.Text("no waivers");
}

std::string ShowTriggers(const Items<v1::TriggerAssertion>& triggers) {
  Table table({"TRIGGER", ">VERSION", "STATE", "ASSERTED BY", "AT", "DISPUTABLE UNTIL",
               "DISPUTED BY", "SIGNED BY"});
  for (const v1::TriggerAssertion& trigger : triggers) {
    table.Add({ShortName(trigger.name()), Cat(trigger.clause().version()),
               ShowEnum(v1::TriggerAssertion::State_Name(trigger.state()), "STATE"),
               trigger.asserted_by(), TimeOf(trigger.assert_time()),
               TimeOf(trigger.dispute_by_time()), trigger.disputed_by(), SignaturesOf(trigger)});
  }
  return table.Text("no triggers");
}

std::string ShowStatement(const v1::CommitmentStatement& statement) {
  const bool ends = statement.has_term_end_time();
  Table table({"COMMITMENT " + ShortName(statement.name()), ">AMOUNT"});
  table.Add({"committed", AmountOf(statement.committed())});
  table.Add({"reserved", AmountOf(statement.reserved())});
  table.Add({"drawn", AmountOf(statement.drawn())});
  table.Add({"left", AmountOf(statement.left())});
  table.Add(
      {"drawn per day since " + TimeOf(statement.start_time()), AmountOf(statement.daily_pace())});
  if (ends) {
    table.Add({"projected to be drawn by " + TimeOf(statement.term_end_time()),
               AmountOf(statement.forecast_drawn())});
    table.Add({"projected shortfall", AmountOf(statement.shortfall())});
  }
  return table.Text("") + (ends ? "" : "the term has no known end, so no shortfall is projected\n");
}

std::string ShowEntries(const Items<v1::CommitmentEntry>& entries) {
  Table table({">#", "TIME", "ENTRY", ">AMOUNT", "REQUEST"});
  for (const v1::CommitmentEntry& entry : entries) {
    table.Add({Cat(entry.sequence()), TimeOf(entry.time()), entry.kind(), AmountOf(entry.amount()),
               ShortName(entry.capacity_request())});
  }
  return table.Text("no entries");
}

std::string ShowFindings(const Items<v1::Finding>& findings) {
  Table table({"SEVERITY", "CODE", "FIELD", "WHAT"});
  for (const v1::Finding& finding : findings) {
    table.Add({ShowEnum(v1::Finding::Severity_Name(finding.severity()), "SEVERITY"), finding.code(),
               finding.field(), finding.text()});
  }
  return table.Text("nothing found");
}

std::string Show(const v1::ClauseRef& ref) {
  if (ref.agreement().empty()) return "";
  const std::string agreement =
      ShortName(ref.agreement());  // "openai/azure"; the context names the owner.
  std::string out = agreement.substr(agreement.find('/') + 1);
  if (ref.version() != 0) out += Cat("/", ref.version());
  if (!ref.clause_id().empty()) out += "/" + ref.clause_id();
  return out;
}

std::string ShowEnum(std::string_view name, std::string_view prefix) {
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  if (name.starts_with('_')) name.remove_prefix(1);
  return name.empty() ? "?" : name == "UNSPECIFIED" ? "-" : std::string(name);
}

std::string ShowChange(const v1::CapacityRequest& request) {
  int open = 0;
  for (const v1::Offer& offer : request.offers())
    open += offer.state() == v1::Offer::STATE_OPEN ? 1 : 0;
  return Cat(TimeOf(request.update_time()), "  ", ShortName(request.name()), "  ",
             ShowState(request.state()), "  ", ShowQuantity(request.placed_quantity()), " of ",
             ShowQuantity(request.terms().quantity()), " placed, ", open,
             open == 1 ? " offer" : " offers", " open\n");
}

std::string ShowChange(const v1::Offer& offer) {
  const bool open = offer.state() == v1::Offer::STATE_OPEN;
  return Cat(TimeOf(open                      ? offer.open_time()
                    : offer.has_answer_time() ? offer.answer_time()
                                              : offer.deadline()),
             "  ", ShortName(offer.name()), "  ", ShowState(offer.state()), "  ",
             KindOf(offer.kind()), "  ", ShowQuantity(offer.quantity()), " ", offer.terms().unit(),
             " of ", offer.terms().resource_type(), " in ", offer.terms().region(),
             open ? " until " + TimeOf(offer.deadline()) : "", EndingOf(offer).empty() ? "" : "  ",
             Printable(EndingOf(offer)), AllocationOf(offer).empty() ? "" : "  ",
             AllocationOf(offer), "\n");
}

}  // namespace capbroker
