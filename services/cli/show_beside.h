// What stands beside agreements, as text for people: waivers, triggers, commitments; and what lint
// found.
#pragma once

#include <string>

#include "capbroker/v1/agreement_service.pb.h"
#include "services/cli/show.h"

namespace capbroker {

std::string ShowWaivers(const Items<v1::GrantedWaiver>& waivers);
std::string ShowTriggers(const Items<v1::TriggerAssertion>& triggers);
std::string ShowStatement(const v1::CommitmentStatement& statement);
std::string ShowEntries(const Items<v1::CommitmentEntry>& entries);
std::string ShowFindings(const Items<v1::Finding>& findings);

}  // namespace capbroker
