#include "services/workload/load_report.h"

#include <algorithm>
#include <cstdio>

#include "broker/values/text.h"
#include "services/notation/json_text.h"

namespace capbroker {
namespace {

std::string Decimal(double value, int places) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", places, value);
  return text;
}

std::string Millis(int64_t micros) { return Decimal(static_cast<double>(micros) / 1000, 2); }

double Rate(const LoadReport& report) {
  return report.seconds > 0 ? static_cast<double>(report.requests) / report.seconds : 0;
}

std::vector<std::pair<std::string, int64_t>> MostFirst(
    const std::map<std::string, int64_t>& counts) {
  std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

// Pads columns to their widest cell; the first is left-aligned, the others are right-aligned.
std::string Columns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - row[i].size(), ' ');
      out += i == 0 ? row[i] + space : "  " + space + row[i];
    }
    out += '\n';
  }
  return out;
}

constexpr int64_t kRanks[] = {500, 900, 990, 1000};

}  // namespace

std::string RenderTable(const LoadReport& r) {
  std::string out;
  for (const std::string& note : r.notes) out += Cat(note, "\n");
  out += Cat(r.requests, " requests in ", Decimal(r.seconds, 2), " s, ", Decimal(Rate(r), 0),
             " requests/s: ", r.placed, " placed, ", r.partly, " partly placed, ", r.unplaced,
             " not placed, ", r.failed, " failed; ", r.placed_quantity, " of ", r.asked_quantity,
             " placed\n");
  out += Cat(r.released, " allocations released, ", r.cancelled, " requests cancelled, ", r.repeats,
             " commands repeated, ", r.resumed, " watches resumed\n");
  for (const auto& [reason, count] : MostFirst(r.reasons))
    out += Cat("  not placed: ", reason, ": ", count, "\n");

  std::vector<std::vector<std::string>> rows = {
      {"\nmilliseconds", "p50", "p90", "p99", "max", "count"}};
  for (const auto& [name, samples] :
       {std::pair("create to answer", &r.answer), std::pair("create to end", &r.finish)}) {
    rows.push_back({name});
    for (int64_t rank : kRanks) rows.back().push_back(Millis(samples->Percentile(rank)));
    rows.back().push_back(std::to_string(samples->count()));
  }
  out += Columns(rows);

  rows = {{"\nprovider", "inventory", "peak", "allocations", "quantity", "left", "offers",
           "accepted", "partly", "declined", "silent"}};
  for (const LoadReport::Provider& p : r.providers) {
    rows.push_back({p.name, p.inventory < 0 ? "-" : std::to_string(p.inventory),
                    std::to_string(p.peak), std::to_string(p.allocations),
                    std::to_string(p.quantity), std::to_string(p.left_in_use)});
    for (int64_t count : {p.offers, p.accepted, p.partial, p.declined, p.silent}) {
      rows.back().push_back(p.is_desk ? std::to_string(count) : "-");
    }
  }
  out += Columns(rows);

  out += '\n';
  for (const auto& [code, count] : r.errors) out += Cat("error: ", code, ": ", count, "\n");
  if (r.errors.empty()) out += "no errors\n";
  if (r.trail_read) {
    out += Cat("trail: ", r.acts, " acts, ", r.decisions, " decisions; ", r.acknowledged,
               " acknowledged commands checked; ",
               r.fault_count == 0 ? "no faults" : Cat(r.fault_count, " faults"), "\n");
  } else {
    out += "trail: not read\n";
  }
  for (const std::string& fault : r.faults) out += Cat("  ", fault, "\n");
  return out;
}

namespace {

std::string AsJson(const std::map<std::string, int64_t>& counts) {
  JsonObject out;
  for (const auto& [name, count] : counts) out.Add(name, count);
  return out.text();
}

std::string AsJson(const Samples& samples) {
  return JsonObject()
      .Add("count", samples.count())
      .Add("p50", samples.Percentile(500))
      .Add("p90", samples.Percentile(900))
      .Add("p99", samples.Percentile(990))
      .Add("max", samples.Percentile(1000))
      .text();
}

std::string AsJson(const LoadReport::Provider& p) {
  JsonObject out;
  out.Add("provider", p.name);
  if (p.inventory >= 0) out.Add("inventory", p.inventory);
  out.Add("peak_in_use", p.peak)
      .Add("allocations", p.allocations)
      .Add("quantity", p.quantity)
      .Add("left_in_use", p.left_in_use);
  if (p.is_desk) {
    out.Add("offers", p.offers)
        .Add("accepted", p.accepted)
        .Add("partly_accepted", p.partial)
        .Add("declined", p.declined)
        .Add("silent", p.silent)
        .Add("desk_peak_in_use", p.desk_peak)
        .Add("desk_in_use", p.desk_in_use);
  }
  return out.text();
}

}  // namespace

std::string RenderJson(const LoadReport& r) {
  std::vector<std::string> providers;
  for (const LoadReport::Provider& p : r.providers) providers.push_back(AsJson(p));
  return JsonObject()
             .AddJson("notes", JsonStrings(r.notes))
             .Add("requests", r.requests)
             .Add("placed", r.placed)
             .Add("partly_placed", r.partly)
             .Add("unplaced", r.unplaced)
             .Add("failed", r.failed)
             .Add("asked_quantity", r.asked_quantity)
             .Add("placed_quantity", r.placed_quantity)
             .AddJson("reasons", AsJson(r.reasons))
             .Add("seconds", r.seconds)
             .Add("requests_per_second", Rate(r))
             .AddJson("create_to_answer_micros", AsJson(r.answer))
             .AddJson("create_to_end_micros", AsJson(r.finish))
             .Add("released", r.released)
             .Add("cancelled", r.cancelled)
             .Add("repeats", r.repeats)
             .Add("resumed_watches", r.resumed)
             .AddJson("providers", JsonArray(providers))
             .AddJson("errors", AsJson(r.errors))
             .AddJson("trail", JsonObject()
                                   .Add("read", r.trail_read)
                                   .Add("acts", r.acts)
                                   .Add("decisions", r.decisions)
                                   .Add("acknowledged_commands", r.acknowledged)
                                   .Add("faults", r.fault_count)
                                   .AddJson("first_faults", JsonStrings(r.faults))
                                   .text())
             .Add("good", r.Good())
             .text() +
         "\n";
}

}  // namespace capbroker
