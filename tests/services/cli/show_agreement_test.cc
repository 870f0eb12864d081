// What the tables show of waivers, triggers, commitments and findings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/cli/show.h"

namespace capbroker {
namespace {

using ::testing::HasSubstr;

void Usd(int64_t units, v1::Money* out) {
  out->set_currency_code("USD");
  out->set_units(units);
}

TEST(CliShowAgreement, AWaiverShowsWhatItLiftsAndWhatIsDrawn) {
  Items<v1::GrantedWaiver> waivers;
  EXPECT_THAT(ShowWaivers(waivers), HasSubstr("no waivers"));
  v1::GrantedWaiver& waiver = *waivers.Add();
  waiver.set_name("owners/openai/agreements/azure/waivers/W1");
  waiver.mutable_clause()->mutable_waiver()->add_lifted_clause_ids("C1");
  waiver.mutable_clause()->mutable_waiver()->add_lifted_clause_ids("C2");
  waiver.mutable_clause()->mutable_waiver()->set_cap_quantity(10'000);
  waiver.set_drawn_quantity(2500);
  const std::string text = ShowWaivers(waivers);
  for (const char* part : {"openai/azure/W1", "C1, C2", "all requests", "10,000", "2,500"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(CliShowAgreement, ATriggerShowsItsSignatures) {
  Items<v1::TriggerAssertion> triggers;
  v1::TriggerAssertion& trigger = *triggers.Add();
  trigger.set_name("owners/openai/agreements/azure/triggers/C7");
  trigger.set_state(v1::TriggerAssertion::STATE_DISPUTED);
  trigger.set_asserted_by("owner/openai");
  trigger.set_disputed_by("provider/azure");
  trigger.add_signatures()->set_party("auditor/kpmg");
  Usd(120, trigger.mutable_signatures(0)->mutable_measure());
  const std::string text = ShowTriggers(triggers);
  for (const char* part : {"openai/azure/C7", "DISPUTED", "owner/openai", "provider/azure",
                           "auditor/kpmg with 120 USD"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(CliShowAgreement, AStatementShowsTheShortfallWhereTheTermEnds) {
  v1::CommitmentStatement statement;
  statement.set_name("owners/openai/agreements/azure/commitments/C4");
  Usd(250'000'000'000, statement.mutable_committed());
  Usd(-5, statement.mutable_left());
  EXPECT_THAT(ShowStatement(statement), HasSubstr("no known end"));
  statement.mutable_term_end_time()->set_seconds(1'950'000'000);
  Usd(7000, statement.mutable_shortfall());
  const std::string text = ShowStatement(statement);
  for (const char* part :
       {"COMMITMENT openai/azure/C4", "250,000,000,000 USD", "-5 USD", "7,000 USD"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(CliShowAgreement, EntriesAndFindingsAreRows) {
  Items<v1::CommitmentEntry> entries;
  entries.Add()->set_kind("COMMITMENT_DRAWN");
  Usd(3, entries.Mutable(0)->mutable_amount());
  EXPECT_THAT(ShowEntries(entries), HasSubstr("COMMITMENT_DRAWN"));
  Items<v1::Finding> findings;
  EXPECT_THAT(ShowFindings(findings), HasSubstr("nothing found"));
  v1::Finding& finding = *findings.Add();
  finding.set_severity(v1::Finding::SEVERITY_WARNING);
  finding.set_code("UNUSED_CALENDAR");
  finding.set_field("calendars[0]");
  EXPECT_THAT(ShowFindings(findings), HasSubstr("WARNING   UNUSED_CALENDAR  calendars[0]"));
}

}  // namespace
}  // namespace capbroker
