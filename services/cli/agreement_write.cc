// The other half of agreement_file.h: an agreement version written as YAML.
#include <algorithm>

#include "broker/values/show.h"
#include "broker/values/text.h"
#include "services/cli/agreement_file.h"
#include "services/cli/show.h"
#include "services/cli/yaml.h"
#include "services/client/proto_values.h"

namespace capbroker {
namespace {

// To the microsecond, where the shorter form would lose something.
std::string Exact(const google::protobuf::Timestamp& time) {
  const Instant t = FromProto(time);
  return t.micros % 1'000 == 0 ? ShowTime(t) : Format(t);
}

// The lines of one clause, each "key: value" with the list's indent; values that are not set leave
// none.
class Lines {
 public:
  void Add(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    out_ += Cat(out_.empty() ? "  - " : "    ", key, ": ", value, "\n");
  }
  void AddTime(std::string_view key, bool is_set, const google::protobuf::Timestamp& t) {
    if (is_set) Add(key, Exact(t));
  }
  void AddSpan(std::string_view key, const google::protobuf::Duration& d) {
    if (const Span span = FromProto(d); span.micros != 0) Add(key, ShowSpan(span));
  }
  void AddShare(std::string_view key, int64_t ppm) {
    if (ppm != 0) Add(key, ShowShare(ppm));
  }
  const std::string& text() const { return out_; }

 private:
  std::string out_;
};

// "{a: 1, b: 2}" of its parts, or nothing.
class Braces {
 public:
  void Add(std::string_view key, std::string_view value) {
    if (!value.empty()) out_ += Cat(out_.empty() ? "" : ", ", key, ": ", value);
  }
  std::string text() const { return out_.empty() ? "" : Cat("{", out_, "}"); }

 private:
  std::string out_;
};

template <class List>
std::string Bracketed(const List& texts) {
  std::string out;
  for (const std::string& text : texts) out += Cat(out.empty() ? "[" : ", ", QuoteYaml(text));
  return out.empty() ? out : out + "]";
}

std::string NumberOr(int64_t number) { return number == 0 ? "" : Cat(number); }

std::string ScopeOf(const v1::Scope& scope) {
  Braces out;
  out.Add("classes", Bracketed(scope.workload_classes()));
  out.Add("purposes", Bracketed(scope.purposes()));
  out.Add("resource_types", Bracketed(scope.resource_types()));
  out.Add("regions", Bracketed(scope.regions()));
  out.Add("new_capacity_only", scope.new_capacity_only() ? "true" : "");
  out.Add("min_quantity", NumberOr(scope.min_quantity()));
  if (scope.has_delivery_start_time()) out.Add("delivery_from", Exact(scope.delivery_start_time()));
  if (scope.has_delivery_end_time()) out.Add("delivery_to", Exact(scope.delivery_end_time()));
  return out.text();
}

template <class Right>
void WriteRight(const Right& right, Lines& lines) {
  lines.AddSpan("window", right.window());
  if (right.has_partial_acceptance()) {
    const v1::PartialAcceptance& partial = right.partial_acceptance();
    Braces parts;
    parts.Add("min", Cat(std::max<int64_t>(partial.min_quantity(), 1)));
    parts.Add("step", partial.quantity_step() > 1 ? Cat(partial.quantity_step()) : "");
    lines.Add("partial", parts.text());
  }
}
template <class Right>
void WriteRightsEnd(const Right& right, Lines& lines) {
  if (right.open_offers_at_end() == v1::OPEN_OFFERS_AT_END_VOID)
    lines.Add("open_offers_at_end", "VOID");
  lines.AddSpan("toll_over", right.toll_over());
  if (!right.calendar().empty()) lines.Add("calendar", QuoteYaml(right.calendar()));
  lines.AddSpan("min_remaining", right.min_remaining());
  lines.AddSpan("counter_window", right.counter_window());
  lines.AddSpan("confirm_within", right.confirm_within());
  lines.AddSpan("withdraw_notice", right.withdraw_notice());
  lines.AddSpan("aggregation_window", right.aggregation_window());
}

std::string ClauseText(const v1::Clause& clause) {
  Lines lines;
  lines.Add("id", clause.id());
  const std::string scope = ScopeOf(clause.scope());
  switch (clause.content_case()) {
    case v1::Clause::kExclusivity:
      lines.Add("kind", "EXCLUSIVITY");
      lines.Add("scope", scope);
      WriteRight(clause.exclusivity(), lines);
      WriteRightsEnd(clause.exclusivity(), lines);
      break;
    case v1::Clause::kFirstRefusal: {
      const v1::FirstRefusal& right = clause.first_refusal();
      lines.Add("kind", "FIRST_REFUSAL");
      lines.Add("mode", ShowEnum(v1::FirstRefusal::Mode_Name(right.mode()), "MODE"));
      lines.Add("scope", scope);
      WriteRight(right, lines);
      lines.Add("priority", NumberOr(right.priority()));
      lines.AddShare("price_tolerance", right.price_tolerance_ppm());
      lines.AddSpan("start_tolerance", right.start_tolerance());
      WriteRightsEnd(right, lines);
      lines.AddSpan("match_window", right.match_window());
      lines.AddSpan("close_within", right.close_within());
      if (right.match_always()) lines.Add("match_always", "true");
      if (right.contingent_bids()) lines.Add("contingent_bids", "true");
      if (right.reoffer()) lines.Add("reoffer", "true");
      break;
    }
    case v1::Clause::kWaiver: {
      const v1::Waiver& waiver = clause.waiver();
      lines.Add("kind", "WAIVER");
      lines.Add("lifts", Bracketed(waiver.lifted_clause_ids()));
      lines.Add("scope", scope);
      lines.AddShare("min_share", waiver.min_share_ppm());
      lines.Add("cap", NumberOr(waiver.cap_quantity()));
      lines.AddTime("from", waiver.has_start_time(), waiver.start_time());
      lines.AddTime("to", waiver.has_end_time(), waiver.end_time());
      break;
    }
    case v1::Clause::kCommitment: {
      lines.Add("kind", "COMMITMENT");
      lines.Add("scope", scope);
      lines.Add("amount", ShowMoney(FromProto(clause.commitment().amount())));
      break;
    }
    case v1::Clause::kTerm:
      lines.Add("kind", "TERM");
      lines.AddTime("until", clause.term().has_end_time(), clause.term().end_time());
      break;
    case v1::Clause::kTrigger: {
      const v1::Trigger& trigger = clause.trigger();
      lines.Add("kind", "TRIGGER");
      lines.Add("ends", Bracketed(trigger.ended_clause_ids()));
      lines.Add("attesters", Bracketed(trigger.attesters()));
      lines.Add("quorum", NumberOr(trigger.quorum()));
      if (trigger.has_threshold())
        lines.Add("threshold", ShowMoney(FromProto(trigger.threshold())));
      lines.AddSpan("dispute_window", trigger.dispute_window());
      break;
    }
    case v1::Clause::kNoted:
    case v1::Clause::CONTENT_NOT_SET:
      lines.Add("kind", "NOTED");
      break;
  }
  if (!clause.text().empty()) lines.Add("text", QuoteYaml(clause.text()));
  return lines.text();
}

std::string ClockOf(int32_t minute) {
  const std::string hours = Cat(minute / 60), minutes = Cat(minute % 60);
  return Cat(hours.size() < 2 ? "0" : "", hours, ":", minutes.size() < 2 ? "0" : "", minutes);
}

std::string CalendarText(const v1::Calendar& calendar) {
  static constexpr std::string_view kDays[] = {"?",   "MON", "TUE", "WED",
                                               "THU", "FRI", "SAT", "SUN"};
  std::vector<std::string> hours;
  for (const v1::WeeklyHours& h : calendar.hours()) {
    const bool known = h.weekday() >= 1 && h.weekday() <= 7;
    hours.push_back(Cat(kDays[known ? h.weekday() : 0], " ", ClockOf(h.start_minute()), "-",
                        ClockOf(h.end_minute())));
  }
  Lines lines;
  lines.Add("id", QuoteYaml(calendar.id()));
  lines.Add("time_zone", QuoteYaml(calendar.time_zone()));
  lines.Add("hours", Bracketed(hours));
  lines.Add("holidays", Bracketed(calendar.holidays()));
  return lines.text();
}

}  // namespace

std::string WriteAgreement(const AgreementFile& agreement) {
  std::string out = Cat("agreement: ", agreement.agreement, "\nowner: ", agreement.owner,
                        "\nholder: ", agreement.holder, "\n");
  if (agreement.version != 0) out += Cat("version: ", agreement.version, "\n");
  if (agreement.body.has_effective_from()) {
    out += Cat("effective_from: ", Exact(agreement.body.effective_from()), "\n");
  }
  if (!agreement.body.text().empty()) out += Cat("text: ", QuoteYaml(agreement.body.text()), "\n");
  if (!agreement.body.calendars().empty()) out += "calendars:\n";
  for (const v1::Calendar& calendar : agreement.body.calendars()) out += CalendarText(calendar);
  out += "clauses:\n";
  for (const v1::Clause& clause : agreement.body.clauses()) out += ClauseText(clause);
  return out;
}

}  // namespace capbroker
