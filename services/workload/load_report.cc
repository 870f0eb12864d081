#include "services/workload/load_report.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cstdio>

#include "broker/values/text.h"

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

// Columns wide enough for their longest cell; the first to the left, the others to the right.
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
             " requests/s: ", r.placed, " placed, ", r.partly, " in part, ", r.unplaced, " not, ",
             r.failed, " failed; ", r.placed_quantity, " of ", r.asked_quantity, " placed\n");
  out += Cat(r.released, " allocations given back, ", r.cancelled, " requests cancelled, ",
             r.repeats, " commands repeated, ", r.resumed, " watches resumed\n");
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
           "accepted", "in part", "declined", "silent"}};
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
               " answered commands looked up; ",
               r.fault_count == 0 ? "all right" : Cat(r.fault_count, " faults"), "\n");
  } else {
    out += "trail: not read\n";
  }
  for (const std::string& fault : r.faults) out += Cat("  ", fault, "\n");
  return out;
}

std::string RenderJson(const LoadReport& r) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
  const auto number = [&](const char* key, int64_t value) {
    json.Key(key);
    json.Int64(value);
  };
  const auto counts = [&](const char* key, const std::map<std::string, int64_t>& values) {
    json.Key(key);
    json.StartObject();
    for (const auto& [name, count] : values) number(name.c_str(), count);
    json.EndObject();
  };
  const auto lines = [&](const char* key, const std::vector<std::string>& values) {
    json.Key(key);
    json.StartArray();
    for (const std::string& value : values) json.String(value.c_str());
    json.EndArray();
  };
  const auto latency = [&](const char* key, const Samples& samples) {
    json.Key(key);
    json.StartObject();
    number("count", static_cast<int64_t>(samples.count()));
    number("p50", samples.Percentile(500));
    number("p90", samples.Percentile(900));
    number("p99", samples.Percentile(990));
    number("max", samples.Percentile(1000));
    json.EndObject();
  };
  json.StartObject();
  lines("notes", r.notes);
  number("requests", r.requests);
  number("placed", r.placed);
  number("partly_placed", r.partly);
  number("unplaced", r.unplaced);
  number("failed", r.failed);
  number("asked_quantity", r.asked_quantity);
  number("placed_quantity", r.placed_quantity);
  counts("reasons", r.reasons);
  json.Key("seconds");
  json.Double(r.seconds);
  json.Key("requests_per_second");
  json.Double(Rate(r));
  latency("create_to_answer_micros", r.answer);
  latency("create_to_end_micros", r.finish);
  number("released", r.released);
  number("cancelled", r.cancelled);
  number("repeats", r.repeats);
  number("resumed_watches", r.resumed);
  json.Key("providers");
  json.StartArray();
  for (const LoadReport::Provider& p : r.providers) {
    json.StartObject();
    json.Key("provider");
    json.String(p.name.c_str());
    if (p.inventory >= 0) number("inventory", p.inventory);
    number("peak_in_use", p.peak);
    number("allocations", p.allocations);
    number("quantity", p.quantity);
    number("left_in_use", p.left_in_use);
    if (p.is_desk) {
      number("offers", p.offers);
      number("accepted", p.accepted);
      number("partly_accepted", p.partial);
      number("declined", p.declined);
      number("silent", p.silent);
      number("desk_peak_in_use", p.desk_peak);
      number("desk_in_use", p.desk_in_use);
    }
    json.EndObject();
  }
  json.EndArray();
  counts("errors", r.errors);
  json.Key("trail");
  json.StartObject();
  json.Key("read");
  json.Bool(r.trail_read);
  number("acts", r.acts);
  number("decisions", r.decisions);
  number("acknowledged_commands", r.acknowledged);
  number("faults", r.fault_count);
  lines("first_faults", r.faults);
  json.EndObject();
  json.Key("good");
  json.Bool(r.Good());
  json.EndObject();
  return Cat(View(absl::string_view(buffer.GetString(), buffer.GetSize())), "\n");
}

}  // namespace capbroker
