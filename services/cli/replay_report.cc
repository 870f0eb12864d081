#include "services/cli/replay_report.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

#include "broker/values/refusal.h"
#include "broker/values/show.h"
#include "broker/values/text.h"
#include "services/cli/table.h"

namespace capbroker {
namespace {

using Json = rapidjson::Writer<rapidjson::StringBuffer>;

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

void Put(Json& json, std::string_view key, std::string_view value) {
  json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}
void Put(Json& json, std::string_view key, int64_t value) {
  json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  json.Int64(value);
}
void Put(Json& json, std::string_view key, const std::vector<std::string>& texts) {
  json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  json.StartArray();
  for (const std::string& text : texts)
    json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  json.EndArray();
}
void Put(Json& json, std::string_view key, const std::vector<Money>& amounts) {
  std::vector<std::string> texts;
  for (const Money& amount : amounts) texts.push_back(Format(amount));
  Put(json, key, texts);
}

void Put(Json& json, std::string_view key, const Placement& placement) {
  json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  json.StartObject();
  Put(json, "state", placement.refused.ok() ? NameOf(placement.state) : "REFUSED");
  if (!placement.refused.ok()) Put(json, "refusal", View(placement.refused.message()));
  json.Key("asked");
  json.StartArray();
  for (const Placement::Asked& asked : placement.asked) {
    json.StartObject();
    Put(json, "provider", asked.provider.value);
    Put(json, "kind", NameOf(asked.kind));
    Put(json, "ending", NameOf(asked.ending));
    json.EndObject();
  }
  json.EndArray();
  json.Key("won");
  json.StartArray();
  for (const Placement::Won& won : placement.won) {
    json.StartObject();
    Put(json, "provider", won.provider.value);
    Put(json, "quantity", won.quantity);
    json.EndObject();
  }
  json.EndArray();
  Put(json, "placed", placement.placed);
  if (placement.placed > 0) Put(json, "timeToPlacement", Format(placement.to_placement));
  Put(json, "spend", placement.spend);
  json.EndObject();
}

void Put(Json& json, std::string_view key, const ReplayTotals& totals,
         const std::vector<CommitmentBalance>& commitments) {
  json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  json.StartObject();
  Put(json, "fulfilled", static_cast<int64_t>(totals.fulfilled));
  Put(json, "partly", static_cast<int64_t>(totals.partly));
  Put(json, "unplaced", static_cast<int64_t>(totals.unplaced));
  Put(json, "placed", totals.placed);
  if (totals.placed > 0) Put(json, "meanTimeToPlacement", Format(totals.mean_to_placement));
  Put(json, "spend", totals.spend);
  json.Key("commitments");
  json.StartArray();
  for (const CommitmentBalance& c : commitments) {
    json.StartObject();
    Put(json, "agreement", c.agreement.value);
    Put(json, "clause", c.clause.value);
    Put(json, "committed", Format(c.committed));
    Put(json, "drawn", Format(Money{c.drawn.micros, c.committed.currency}));
    Put(json, "shortfall", Format(c.Left()));
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
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
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  Put(json, "owner", report.owner.value);
  Put(json, "agreement", report.agreement.value);
  json.Key("requests");
  json.StartArray();
  for (const ReplayedRequest& request : report.requests) {
    json.StartObject();
    Put(json, "id", Format(request.id));
    Put(json, "receiveTime", Format(request.received));
    Put(json, "quantity", request.quantity);
    Put(json, "recorded", request.recorded);
    Put(json, "draft", request.drafted);
    Put(json, "assumed", request.assumed);
    json.EndObject();
  }
  json.EndArray();
  Put(json, "recorded", report.recorded, report.recorded_commitments);
  Put(json, "draft", report.drafted, report.drafted_commitments);
  Put(json, "assumed", report.assumed);
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace capbroker
