#include "tests/storage/database.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <cstdio>

#include "broker/values/text.h"
#include "storage/migrate.h"
#include "tests/storage/ledger_conformance.h"

namespace capbroker {
namespace {

std::string Output(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string out;
  std::array<char, 256> chunk;
  while (pipe != nullptr && fgets(chunk.data(), chunk.size(), pipe) != nullptr) out += chunk.data();
  if (pipe == nullptr || pclose(pipe) != 0) ADD_FAILURE() << command << " failed: " << out;
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

// The cluster of this process. Tests run in the root of the repository, where deploy/postgres is.
class Cluster {
 public:
  static Cluster& Get() {
    static Cluster cluster;
    return cluster;
  }
  bool ours() const { return ours_; }
  // The connection string of another database of the cluster.
  std::string Url(const std::string& database) const { return Cat(url_, " dbname=", database); }
  void Do(const std::string& verb) { Output(Cat("deploy/postgres ", verb, " ", directory_)); }
  std::string Create(bool migrated) {
    const std::string name = Cat("test_", getpid(), "_", ++created_);
    auto admin = Session(url_);
    if (migrated && template_.empty()) {
      template_ = Cat("test_", getpid(), "_template");
      Ask(*admin, Cat("CREATE DATABASE ", template_));
      const auto applied = Migrate(Url(template_), kTestPartitions);
      EXPECT_TRUE(applied.ok()) << applied.status();
    }
    Ask(*admin, Cat("CREATE DATABASE ", name, migrated ? Cat(" TEMPLATE ", template_) : ""));
    return Url(name);
  }

 private:
  Cluster() {
    const char* given = getenv("CAPBROKER_TEST_DATABASE");
    ours_ = given == nullptr;
    if (!ours_) {
      url_ = given;
      return;
    }
    char name[] = "/tmp/capbroker-test-XXXXXX";
    directory_ = mkdtemp(name);
    url_ = Output(Cat("deploy/postgres start ", directory_));
  }
  ~Cluster() {
    if (ours_) Output(Cat("deploy/postgres kill ", directory_, " && rm -rf ", directory_));
  }

  bool ours_ = false;
  std::string directory_, url_, template_;
  int created_ = 0;
};

}  // namespace

std::string NewDatabase(bool migrated) { return Cluster::Get().Create(migrated); }
bool ClusterIsOurs() { return Cluster::Get().ours(); }
void KillCluster() { Cluster::Get().Do("kill"); }
void StartCluster() { Cluster::Get().Do("start"); }

std::unique_ptr<Connection> Session(const std::string& url) {
  auto session = Connection::Connect({.url = url});
  EXPECT_TRUE(session.ok()) << session.status();
  return session.ok() ? *std::move(session) : nullptr;
}

absl::StatusOr<std::string> TryAsk(Connection& session, const std::string& sql) {
  std::string answer;
  const absl::Status status = session.Do([&](pqxx::connection& connection) {
    const pqxx::result rows = pqxx::nontransaction(connection).exec(sql);
    if (!rows.empty()) answer = TextOf(rows[0][0]);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return answer;
}

std::string Ask(Connection& session, const std::string& sql) {
  const absl::StatusOr<std::string> answer = TryAsk(session, sql);
  EXPECT_TRUE(answer.ok()) << sql << ": " << answer.status();
  return answer.value_or("");
}

}  // namespace capbroker
