// PostgreSQL for tests: one private durable cluster per process, one empty database per test.
#pragma once

#include <memory>
#include <string>

#include "storage/connection.h"

namespace capbroker {

// The connection string of a new database that is dropped with the process: migrated (with
// kTestPartitions), or empty.
std::string NewDatabase(bool migrated = true);

// A session on `url` for statements that no ledger would run. TryAsk returns the first value of the
// answer, as text; for Ask, a failed statement fails the test.
std::unique_ptr<Connection> Session(const std::string& url);
absl::StatusOr<std::string> TryAsk(Connection& session, const std::string& sql);
std::string Ask(Connection& session, const std::string& sql);

// Whether the cluster can be stopped here. It cannot if it was given by CAPBROKER_TEST_DATABASE.
bool ClusterIsOurs();
void KillCluster();
void StartCluster();

}  // namespace capbroker
