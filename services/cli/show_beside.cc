#include "services/cli/show_beside.h"

#include "broker/values/show.h"
#include "broker/values/text.h"
#include "services/cli/table.h"
#include "services/cli/typed_name.h"
#include "services/cli/wire.h"

namespace capbroker {
namespace {

std::string TimeOf(const google::protobuf::Timestamp& t) { return ShowTime(FromWire(t)); }
std::string AmountOf(const v1::Money& m) {
  return m.currency_code().empty() ? "" : ShowMoney(FromWire(m));
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
      {"drawn a day since " + TimeOf(statement.start_time()), AmountOf(statement.daily_pace())});
  if (ends) {
    table.Add({"drawn by " + TimeOf(statement.term_end_time()) + ", at this pace",
               AmountOf(statement.forecast_drawn())});
    table.Add({"shortfall then", AmountOf(statement.shortfall())});
  }
  return table.Text("") + (ends ? "" : "no end of the term is known, and so no shortfall\n");
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

}  // namespace capbroker
