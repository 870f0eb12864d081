#include "services/cli/replay_report.h"

#include <algorithm>

#include "broker/values/refusal.h"
#include "broker/values/show.h"
#include "broker/values/text.h"
#include "services/cli/table.h"
#include "services/notation/json_text.h"

namespace capbroker {
namespace {

std::string Listed(const std::vector<Money>& amounts) {
  std::string out;
  for (const Money& amount : amounts) out += Cat(out.empty() ? "" : " + ", ShowMoney(amount));
  return out.empty() ? "0" : out;
}

std::string Asked(const Placement& placement) {
  std::string out;
  for (const Placement::Asked& asked : placement.asked) {
    out += Cat(out.empty() ? "" : ", ", asked.provider.value,
               asked.ending == OfferState::kLapsed ? " (silent)" : "",
               asked.ending == OfferState::kDeclined ? " (no)" : "");
  }
  return out;
}

std::string Won(const Placement& placement) {
  std::string out;
  for (const Placement::Won& won : placement.won)
    out += Cat(out.empty() ? "" : ", ", won.provider.value, " ", ShowQuantity(won.quantity));
  return out.empty() ? "nobody" : out;
}

std::string StateOf(const Placement& placement) {
  if (placement.refused.ok()) return std::string(NameOf(placement.state));
  const std::string reason = ReasonOf(placement.refused);
  return Cat("refused: ", reason.empty() ? View(placement.refused.message()) : reason);
}

std::string Took(const Placement& placement) {
  return placement.placed == 0 ? "" : ShowSpan(placement.to_placement);
}

void AddRow(Table& table, const ReplayedRequest& request, std::string_view side,
            const Placement& placement) {
  table.Add({Format(request.id), ShowQuantity(request.quantity), std::string(side),
             StateOf(placement), Asked(placement), Won(placement), Took(placement),
             Listed(placement.spend)});
}

void AddTotals(Table& table, std::string_view side, const ReplayTotals& totals) {
  table.Add({std::string(side), Cat(totals.fulfilled), Cat(totals.partly), Cat(totals.unplaced),
             ShowQuantity(totals.placed),
             totals.placed == 0 ? "" : ShowSpan(totals.mean_to_placement), Listed(totals.spend)});
}

void AddCommitments(Table& table, std::string_view side,
                    const std::vector<CommitmentBalance>& commitments) {
  for (const CommitmentBalance& c : commitments) {
    table.Add({Cat(c.agreement.value, "/", c.clause.value), std::string(side),
               ShowMoney(c.committed), ShowMoney({c.drawn.micros, c.committed.currency}),
               ShowMoney(c.Left())});
  }
}

std::string AsJson(const std::vector<Money>& amounts) {
  std::vector<std::string> texts;
  for (const Money& amount : amounts) texts.push_back(Format(amount));
  return JsonStrings(texts);
}

std::string AsJson(const Placement& placement) {
  JsonObject out;
  out.Add("state", placement.refused.ok() ? NameOf(placement.state) : "REFUSED");
  if (!placement.refused.ok()) out.Add("refusal", View(placement.refused.message()));
  std::vector<std::string> asked, won;
  for (const Placement::Asked& one : placement.asked) {
    asked.push_back(JsonObject()
                        .Add("provider", one.provider.value)
                        .Add("kind", NameOf(one.kind))
                        .Add("ending", NameOf(one.ending))
                        .text());
  }
  for (const Placement::Won& one : placement.won) {
    won.push_back(
        JsonObject().Add("provider", one.provider.value).Add("quantity", one.quantity).text());
  }
  out.AddJson("asked", JsonArray(asked)).AddJson("won", JsonArray(won));
  out.Add("placed", placement.placed);
  if (placement.placed > 0) out.Add("timeToPlacement", Format(placement.to_placement));
  return out.AddJson("spend", AsJson(placement.spend)).text();
}

std::string AsJson(const ReplayTotals& totals, const std::vector<CommitmentBalance>& commitments) {
  JsonObject out;
  out.Add("fulfilled", totals.fulfilled)
      .Add("partly", totals.partly)
      .Add("unplaced", totals.unplaced)
      .Add("placed", totals.placed);
  if (totals.placed > 0) out.Add("meanTimeToPlacement", Format(totals.mean_to_placement));
  std::vector<std::string> balances;
  for (const CommitmentBalance& c : commitments) {
    balances.push_back(JsonObject()
                           .Add("agreement", c.agreement.value)
                           .Add("clause", c.clause.value)
                           .Add("committed", Format(c.committed))
                           .Add("drawn", Format(Money{c.drawn.micros, c.committed.currency}))
                           .Add("shortfall", Format(c.Left()))
                           .text());
  }
  return out.AddJson("spend", AsJson(totals.spend))
      .AddJson("commitments", JsonArray(balances))
      .text();
}

}  // namespace

std::string ShowReplay(const ReplayReport& report) {
  Table requests({"REQUEST", ">QUANTITY", "", "STATE", "ASKED", "WON", ">TOOK", ">COSTS"});
  for (const ReplayedRequest& request : report.requests) {
    AddRow(requests, request, "recorded", request.recorded);
    AddRow(requests, request, "draft", request.drafted);
  }
  Table totals({"IN ALL", ">FULFILLED", ">PARTLY", ">UNPLACED", ">PLACED", ">MEAN TIME", ">COSTS"});
  AddTotals(totals, "recorded", report.recorded);
  AddTotals(totals, "draft", report.drafted);
  Table commitments({"COMMITMENT", "", ">COMMITTED", ">DRAWN", ">SHORTFALL"});
  AddCommitments(commitments, "recorded", report.recorded_commitments);
  AddCommitments(commitments, "draft", report.drafted_commitments);
  std::string out = Cat(requests.Text("no requests"), "\n", totals.Text(""), "\n",
                        commitments.Text("no commitments"));
  std::string assumed;
  for (const ReplayedRequest& request : report.requests) {
    for (const std::string& words : request.assumed)
      assumed += Cat("  ", Format(request.id), "  ", Printable(words), "\n");
  }
  for (const std::string& words : report.assumed) assumed += Cat("  ", Printable(words), "\n");
  return Cat(out, "\n",
             assumed.empty() ? "nothing had to be assumed\n" : Cat("assumed:\n", assumed));
}

std::string ReplayAsJson(const ReplayReport& report) {
  std::vector<std::string> requests;
  for (const ReplayedRequest& request : report.requests) {
    requests.push_back(JsonObject()
                           .Add("id", Format(request.id))
                           .Add("receiveTime", Format(request.received))
                           .Add("quantity", request.quantity)
                           .AddJson("recorded", AsJson(request.recorded))
                           .AddJson("draft", AsJson(request.drafted))
                           .AddJson("assumed", JsonStrings(request.assumed))
                           .text());
  }
  return JsonObject()
             .Add("owner", report.owner.value)
             .Add("agreement", report.agreement.value)
             .AddJson("requests", JsonArray(requests))
             .AddJson("recorded", AsJson(report.recorded, report.recorded_commitments))
             .AddJson("draft", AsJson(report.drafted, report.drafted_commitments))
             .AddJson("assumed", JsonStrings(report.assumed))
             .text() +
         "\n";
}

}  // namespace capbroker
