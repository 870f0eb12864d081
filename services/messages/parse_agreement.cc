// Messages of operators about agreements.
#include <limits>
#include <utility>

#include "broker/values/refusal.h"
#include "broker/values/text.h"
#include "services/messages/errors.h"
#include "services/messages/fields.h"
#include "services/messages/parse.h"
#include "services/messages/parse_values.h"

namespace capbroker {
namespace {

constexpr int kMostClauses = 256;
constexpr int kMostOfAList = 256;  // Words of a scope, clauses lifted by a waiver.
constexpr int kMostCalendars = 64;
constexpr int kMostHours = 64;
constexpr int kMostHolidays = 1000;
constexpr size_t kLongestText = 4096;

// A list whose elements `read` takes one by one.
template <class Element, class Read>
auto ReadList(Fields& fields, const Path& up, const char* name, const Element& in, Read read) {
  std::vector<decltype(read(Path(up, name, 0), in[0]))> out;
  if (!fields.Count(Path(up, name), in.size(), 0, kMostOfAList)) return out;
  for (int i = 0; i < in.size(); ++i) out.push_back(read(Path(up, name, i), in[i]));
  return out;
}

Scope ReadScope(Fields& fields, const Path& at, const v1::Scope& in) {
  const auto word = [&](const Path& path, const std::string& got) {
    return fields.Word(path, got);
  };
  const auto name = [&](const Path& path, const std::string& got) {
    return fields.Name(path, got);
  };
  Scope scope;
  scope.workload_classes = ReadList(fields, at, "workload_classes", in.workload_classes(), word);
  scope.purposes = ReadList(fields, at, "purposes", in.purposes(), word);
  scope.resource_types = ReadList(fields, at, "resource_types", in.resource_types(), name);
  scope.regions = ReadList(fields, at, "regions", in.regions(), name);
  scope.new_capacity_only = in.new_capacity_only();
  scope.min_quantity = fields.Quantity(Path(at, "min_quantity"), in.min_quantity(), 0);
  if (in.has_delivery_start_time()) {
    scope.delivery_start_time =
        fields.Time(Path(at, "delivery_start_time"), in.delivery_start_time());
  }
  if (in.has_delivery_end_time()) {
    scope.delivery_end_time = fields.Time(Path(at, "delivery_end_time"), in.delivery_end_time());
  }
  return scope;
}

// What exclusivities and first refusals share: how the holder is asked.
template <class Right>
void ReadAsking(Fields& fields, const Path& at, const Right& in, Asking& clause) {
  clause.window = fields.Span(Path(at, "window"), in.window());
  if (in.has_partial_acceptance()) {
    const Path part(at, "partial_acceptance");
    clause.parts.allowed = true;
    clause.parts.min_quantity =
        fields.Quantity(Path(part, "min_quantity"), in.partial_acceptance().min_quantity(), 0);
    clause.parts.quantity_step =
        fields.Quantity(Path(part, "quantity_step"), in.partial_acceptance().quantity_step(), 0);
  }
  if (!v1::OpenOffersAtEnd_IsValid(in.open_offers_at_end())) {
    fields.Complain(Path(at, "open_offers_at_end"), Cat(static_cast<int>(in.open_offers_at_end())),
                    "a known value, 0 to 2");
  }
  clause.void_on_end = in.open_offers_at_end() == v1::OPEN_OFFERS_AT_END_VOID;
  clause.toll_over = fields.Span(Path(at, "toll_over"), in.toll_over());
  if (!in.calendar().empty())
    clause.calendar = fields.Clause(Path(at, "calendar"), in.calendar()).value;
  clause.min_remaining = fields.Span(Path(at, "min_remaining"), in.min_remaining());
  clause.counter_window = fields.Span(Path(at, "counter_window"), in.counter_window());
  clause.confirm_within = fields.Span(Path(at, "confirm_within"), in.confirm_within());
  clause.withdraw_notice = fields.Span(Path(at, "withdraw_notice"), in.withdraw_notice());
  clause.aggregation_window = fields.Span(Path(at, "aggregation_window"), in.aggregation_window());
}

void ReadFirstRefusal(Fields& fields, const Path& at, const v1::FirstRefusal& in,
                      FirstRefusal& clause) {
  switch (in.mode()) {
    case v1::FirstRefusal::MODE_FIRST_OFFER:
      clause.mode = Mode::kFirstOffer;
      break;
    case v1::FirstRefusal::MODE_MATCH:
      clause.mode = Mode::kMatch;
      break;
    case v1::FirstRefusal::MODE_FIRST_OFFER_THEN_MATCH:
      clause.mode = Mode::kFirstOfferThenMatch;
      break;
    default:
      fields.Complain(Path(at, "mode"), Cat(static_cast<int>(in.mode())), "a known mode, 1 to 3");
  }
  ReadAsking(fields, at, in, clause.asking);
  clause.priority = in.priority();
  clause.price_tolerance_ppm =
      fields.Number(Path(at, "price_tolerance_ppm"), in.price_tolerance_ppm(), 0, 1'000'000);
  clause.start_tolerance = fields.Span(Path(at, "start_tolerance"), in.start_tolerance());
  clause.match_window = fields.Span(Path(at, "match_window"), in.match_window());
  clause.match_always = in.match_always();
  clause.contingent_bids = in.contingent_bids();
  clause.close_within = fields.Span(Path(at, "close_within"), in.close_within());
  clause.reoffer = in.reoffer();
}

void ReadWaiver(Fields& fields, const Path& at, const v1::Waiver& in, Waiver& clause) {
  clause.lifts =
      ReadList(fields, at, "lifted_clause_ids", in.lifted_clause_ids(),
               [&](const Path& path, const std::string& got) { return fields.Clause(path, got); });
  clause.min_share_ppm = fields.Number(Path(at, "min_share_ppm"), in.min_share_ppm(), 0, 1'000'000);
  clause.cap_quantity = fields.Quantity(Path(at, "cap_quantity"), in.cap_quantity(), 0);
  if (in.has_start_time()) clause.start_time = fields.Time(Path(at, "start_time"), in.start_time());
  if (in.has_end_time()) clause.end_time = fields.Time(Path(at, "end_time"), in.end_time());
}

void ReadTrigger(Fields& fields, const Path& at, const v1::Trigger& in, TriggerClause& clause) {
  clause.ends =
      ReadList(fields, at, "ended_clause_ids", in.ended_clause_ids(),
               [&](const Path& path, const std::string& got) { return fields.Clause(path, got); });
  clause.attesters =
      ReadList(fields, at, "attesters", in.attesters(),
               [&](const Path& path, const std::string& got) { return fields.Party(path, got); });
  clause.quorum = fields.Number(Path(at, "quorum"), in.quorum(), 0, kMostOfAList);
  if (in.has_threshold()) clause.threshold = fields.Money(Path(at, "threshold"), in.threshold());
  clause.dispute_window = fields.Span(Path(at, "dispute_window"), in.dispute_window());
}

Calendar ReadCalendar(Fields& fields, const Path& at, const v1::Calendar& in) {
  Calendar calendar;
  calendar.id = fields.Clause(Path(at, "id"), in.id()).value;
  calendar.time_zone = fields.Text(Path(at, "time_zone"), in.time_zone(), 1, 64);
  if (fields.Count(Path(at, "hours"), in.hours_size(), 1, kMostHours)) {
    for (int i = 0; i < in.hours_size(); ++i) {
      const Path hours(at, "hours", i);
      WeeklyHours& added = calendar.hours.emplace_back();
      added.weekday = fields.Number(Path(hours, "weekday"), in.hours(i).weekday(), 1, 7);
      added.start_minute =
          fields.Number(Path(hours, "start_minute"), in.hours(i).start_minute(), 0, 1439);
      added.end_minute =
          fields.Number(Path(hours, "end_minute"), in.hours(i).end_minute(), 1, 1440);
    }
  }
  if (fields.Count(Path(at, "holidays"), in.holidays_size(), 0, kMostHolidays)) {
    for (int i = 0; i < in.holidays_size(); ++i) {
      calendar.holidays.push_back(fields.Text(Path(at, "holidays", i), in.holidays(i), 10, 10));
    }
  }
  return calendar;
}

// A field as its message has it. TODO: the message still spreads what is asked.
std::string FieldInMessage(std::string field) {
  for (const auto& [from, to] : {std::pair<std::string_view, std::string_view>{".asking", ""},
                                 {".parts.allowed", ".partial_acceptance"},
                                 {".parts", ".partial_acceptance"},
                                 {".void_on_end", ".open_offers_at_end"}}) {
    if (const size_t at = field.find(from); at != std::string::npos)
      field.replace(at, from.size(), to);
  }
  return field;
}

}  // namespace

Clause ReadClause(Fields& fields, const Path& at, const v1::Clause& in) {
  Clause clause;
  clause.id = fields.Clause(Path(at, "id"), in.id());
  clause.text = fields.Text(Path(at, "text"), in.text(), in.has_noted() || in.has_trigger() ? 1 : 0,
                            kLongestText);
  // Of a term, a trigger and a note the scope means nothing.
  if (!in.has_term() && !in.has_trigger() && !in.has_noted())
    clause.scope = ReadScope(fields, Path(at, "scope"), in.scope());
  switch (in.content_case()) {
    case v1::Clause::kExclusivity:
      ReadAsking(fields, Path(at, "exclusivity"), in.exclusivity(),
                 clause.content.emplace<Exclusivity>().asking);
      break;
    case v1::Clause::kFirstRefusal:
      ReadFirstRefusal(fields, Path(at, "first_refusal"), in.first_refusal(),
                       clause.content.emplace<FirstRefusal>());
      break;
    case v1::Clause::kWaiver:
      ReadWaiver(fields, Path(at, "waiver"), in.waiver(), clause.content.emplace<Waiver>());
      break;
    case v1::Clause::kCommitment: {
      const Path commitment(at, "commitment");
      clause.content.emplace<CommitmentClause>().amount =
          fields.Money(Path(commitment, "amount"), in.commitment().amount());
      break;
    }
    case v1::Clause::kTerm: {
      const Path term(at, "term");
      clause.content.emplace<Term>().end_time =
          fields.Time(Path(term, "end_time"), in.term().end_time());
      break;
    }
    case v1::Clause::kNoted:
      clause.content = Noted{};
      break;
    case v1::Clause::kTrigger:
      ReadTrigger(fields, Path(at, "trigger"), in.trigger(),
                  clause.content.emplace<TriggerClause>());
      break;
    case v1::Clause::CONTENT_NOT_SET:
      fields.Complain(
          at, "no content",
          "one of exclusivity, first_refusal, waiver, commitment, term, trigger and noted");
  }
  return clause;
}

AgreementVersion ReadVersion(Fields& fields, const Path& at, const v1::AgreementVersion& in) {
  AgreementVersion version;
  if (in.has_effective_from())
    version.effective_from = fields.Time(Path(at, "effective_from"), in.effective_from());
  if (fields.Count(Path(at, "clauses"), in.clauses_size(), 1, kMostClauses)) {
    for (int i = 0; i < in.clauses_size(); ++i) {
      version.clauses.push_back(ReadClause(fields, Path(at, "clauses", i), in.clauses(i)));
    }
  }
  if (fields.Count(Path(at, "calendars"), in.calendars_size(), 0, kMostCalendars)) {
    for (int i = 0; i < in.calendars_size(); ++i) {
      version.calendars.push_back(ReadCalendar(fields, Path(at, "calendars", i), in.calendars(i)));
    }
  }
  version.text = fields.Text(Path(at, "text"), in.text(), 0, kLongestText);
  return version;
}

absl::StatusOr<Command> Parse(const v1::CreateAgreementRequest& in) {
  Fields fields;
  const OwnerId owner = fields.Owner("parent", in.parent());
  AgreementVersion version = ReadVersion(fields, "first_version", in.first_version());
  version.agreement.value = fields.Name("agreement_id", in.agreement_id());
  version.version = 1;
  version.holder = fields.Provider(Path(Path("agreement"), "provider"), in.agreement().provider());
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{owner, {}, ActivateAgreement{std::move(version)}};
}

absl::StatusOr<Command> Parse(const v1::AmendAgreementRequest& in) {
  Fields fields;
  const AgreementName name = ParseAgreementName(fields, "name", in.name());
  AgreementVersion version = ReadVersion(fields, "next_version", in.next_version());
  version.agreement = name.agreement;
  const int64_t base = fields.Number("base_version", in.base_version(), 0, 1'000'000'000);
  version.version = base > 0 ? static_cast<uint32_t>(base) + 1 : 0;
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, ActivateAgreement{std::move(version)}};
}

absl::StatusOr<Command> Parse(const v1::TerminateAgreementRequest& in) {
  Fields fields;
  const AgreementName name = ParseAgreementName(fields, "name", in.name());
  TerminateAgreement terminate{name.agreement};
  terminate.version =
      static_cast<uint32_t>(fields.Number("version", in.version(), 0, 1'000'000'000));
  terminate.end_time = fields.Time("end_time", in.end_time());
  terminate.text = fields.Text("text", in.text(), 1, kLongestReason);
  fields.Key(in.request_id());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return Command{name.owner, {}, std::move(terminate)};
}

absl::Status AsInMessage(const AgreementVersion&, const absl::Status& status) {
  std::vector<Violation> violations = ViolationsOf(status);
  if (violations.empty()) return status;
  for (Violation& violation : violations) violation.field = FieldInMessage(violation.field);
  return InvalidFields(violations);
}

absl::Status AsInMessage(const Clause&, const absl::Status& status) {
  std::vector<Violation> violations = ViolationsOf(status);
  if (violations.empty()) return status;
  for (Violation& violation : violations) {
    std::string& field = violation.field;
    if (field.starts_with("waiver.")) field.erase(0, 7);  // Decide says which of a grant's parts.
    field = FieldInMessage(field);
  }
  return InvalidFields(violations);
}

absl::StatusOr<LintQuery> Parse(const v1::LintAgreementRequest& in) {
  Fields fields;
  LintQuery query;
  query.owner = fields.Owner("parent", in.parent());
  query.version = ReadVersion(fields, "version", in.version());
  query.version.agreement.value = fields.Name("agreement_id", in.agreement_id());
  if (!in.provider().empty()) query.version.holder = fields.Provider("provider", in.provider());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

absl::StatusOr<AgreementName> Parse(const v1::GetAgreementRequest& in) {
  Fields fields;
  AgreementName name = ParseAgreementName(fields, "name", in.name());
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return name;
}

absl::StatusOr<AgreementsQuery> Parse(const v1::ListAgreementsRequest& in) {
  Fields fields;
  AgreementsQuery query;
  query.owner = fields.Owner("parent", in.parent());
  query.page = {fields.PageSize(in.page_size()), in.page_token()};
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

absl::StatusOr<VersionsQuery> Parse(const v1::ListAgreementVersionsRequest& in) {
  Fields fields;
  const AgreementName name = ParseAgreementName(fields, "parent", in.parent());
  VersionsQuery query{
      name.owner, name.agreement, {fields.PageSize(in.page_size()), in.page_token()}};
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

absl::StatusOr<ComparisonQuery> Parse(const v1::CompareAgreementVersionsRequest& in) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  Fields fields;
  const AgreementName name = ParseAgreementName(fields, "name", in.name());
  ComparisonQuery query{
      name.owner, name.agreement,
      static_cast<uint32_t>(fields.Number("base_version", in.base_version(), 1, kMost)),
      static_cast<uint32_t>(fields.Number("version", in.version(), 1, kMost))};
  if (absl::Status status = fields.status(); !status.ok()) return status;
  return query;
}

}  // namespace capbroker
