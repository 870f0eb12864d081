// A PostgreSQL for tests: one private durable cluster a process, one empty database a test.
#pragma once

#include <memory>
#include <string>

#include "storage/connection.h"

namespace capbroker {

// The connection string of a new database, gone with the process: migrated (kTestPartitions), or
// bare.
std::string NewDatabase(bool migrated = true);

// A session of its own on `url`, for what no ledger would do. Statements fail the test that runs
// them.
std::unique_ptr<Connection> Session(const std::string& url);
std::string Ask(Connection& session,
                const std::string& sql);  // The first value of the answer, as text.

// The cluster crashes, or comes back. False if it is not ours to stop (CAPBROKER_TEST_DATABASE).
bool ClusterIsOurs();
void KillCluster();
void StartCluster();

}  // namespace capbroker
