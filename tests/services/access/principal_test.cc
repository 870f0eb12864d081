// Identification of callers, and what does not identify one.
#include "services/access/principal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "services/access/principals_file.h"

namespace capbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Actor kAzure{Role::kProvider, "azure"};
const Actor kOpenai{Role::kOwner, "openai"};

Principals Known() {
  return Principals("example.org",
                    {{Sha256("azure-token"), kAzure}, {Sha256("openai-token"), kOpenai}});
}

TEST(Principals, AreKnownByTokenOrCertificate) {
  struct {
    const char* name;
    Credentials credentials;
    std::optional<Actor> want;
  } table[] = {
      {"a token", {"", "Bearer azure-token"}, kAzure},
      {"the scheme in any case", {"", "bEARER openai-token"}, kOpenai},
      {"a certificate", {"spiffe://example.org/provider/azure", ""}, kAzure},
      {"both, the same", {"spiffe://example.org/provider/azure", "Bearer azure-token"}, kAzure},
      {"a certificate of a mesh, and a token",
       {"spiffe://example.org/ns/default/sa/app", "Bearer azure-token"},
       kAzure},
      {"nothing", {"", ""}, {}},
      {"an unknown token", {"", "Bearer guess"}, {}},
      {"a hash for a token", {"", "Bearer " + Hex(Sha256("azure-token"))}, {}},
      {"no scheme", {"", "azure-token"}, {}},
      {"another scheme", {"", "Basic azure-token"}, {}},
      {"an empty token", {"", "Bearer "}, {}},
      {"a space too many", {"", "Bearer  azure-token"}, {}},
      {"both, different", {"spiffe://example.org/owner/openai", "Bearer azure-token"}, {}},
      {"a certificate, and an unknown token",
       {"spiffe://example.org/provider/azure", "Bearer guess"},
       {}},
      {"another trust domain", {"spiffe://evil.org/provider/azure", ""}, {}},
      {"an unknown role", {"spiffe://example.org/root/azure", ""}, {}},
      {"the broker's own role", {"spiffe://example.org/broker/azure", ""}, {}},
      {"no role", {"spiffe://example.org/none/azure", ""}, {}},
      {"a bad name", {"spiffe://example.org/provider/Azure", ""}, {}},
      {"a longer path", {"spiffe://example.org/provider/azure/x", ""}, {}},
      {"a shorter path", {"spiffe://example.org/provider", ""}, {}},
      {"no SPIFFE id", {"https://example.org/provider/azure", ""}, {}},
  };
  const Principals known = Known();
  for (const auto& row : table) {
    SCOPED_TRACE(row.name);
    const absl::StatusOr<Actor> got = known.Identify(row.credentials);
    if (row.want) {
      ASSERT_TRUE(got.ok()) << got.status();
      EXPECT_EQ(*got, *row.want);
    } else {
      EXPECT_EQ(got.status().code(), absl::StatusCode::kUnauthenticated);
      EXPECT_THAT(std::string(got.status().message().data(), got.status().message().size()),
                  Not(HasSubstr("guess")));
    }
  }
}

TEST(Principals, CertificatesCountOnlyWithATrustDomain) {
  const Principals tokens_only("", {{Sha256("azure-token"), kAzure}});
  EXPECT_FALSE(tokens_only.Identify({"spiffe:///provider/azure", ""}).ok());
  EXPECT_FALSE(tokens_only.Identify({"spiffe://example.org/provider/azure", ""}).ok());
}

TEST(Principals, AreReplacedWhole) {
  Principals known = Known();
  known.Replace({{Sha256("new-token"), kAzure}});
  EXPECT_TRUE(known.Identify({"", "Bearer new-token"}).ok());
  EXPECT_FALSE(known.Identify({"", "Bearer azure-token"}).ok());
}

TEST(Principals, ExpireAtTheirTime) {
  Principals known("example.org", {{Sha256("short"), {kAzure, Instant{200}}}});
  const Credentials certificate{"spiffe://example.org/owner/openai", "", Instant{300}};
  known.Advance(Instant{199});
  EXPECT_TRUE(known.Identify({"", "Bearer short"}).ok());
  known.Advance(Instant{200});
  EXPECT_FALSE(known.Identify({"", "Bearer short"}).ok());
  EXPECT_TRUE(known.Identify(certificate).ok());
  known.Advance(Instant{300});
  EXPECT_FALSE(known.Identify(certificate).ok());
}

TEST(Principals, TellWhoWatchesThatTheCallerIsRevoked) {
  Principals known("example.org", {{Sha256("azure-token"), kAzure},
                                   {Sha256("short"), {kAzure, Instant{200}}},
                                   {Sha256("openai-token"), kOpenai}});
  std::vector<std::string> told;
  const auto watch = [&](const std::string& name, Credentials credentials, const Actor& actor) {
    return known.Watch(std::move(credentials), actor, [&told, name](const absl::Status& status) {
      EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
      told.push_back(name);
    });
  };
  const auto azure = watch("azure", {"", "Bearer azure-token"}, kAzure);
  const auto brief = watch("brief", {"", "Bearer short"}, kAzure);
  const auto openai = watch("openai", {"", "Bearer openai-token"}, kOpenai);
  const auto certified =
      watch("certified", {"spiffe://example.org/owner/openai", "", Instant{300}}, kOpenai);
  auto dropped = watch("dropped", {"", "Bearer azure-token"}, kAzure);
  dropped.reset();
  EXPECT_THAT(told, ::testing::IsEmpty());
  known.Advance(Instant{199});
  EXPECT_THAT(told, ::testing::IsEmpty());
  known.Advance(Instant{250});
  EXPECT_THAT(told, ::testing::ElementsAre("brief"));
  told.clear();
  known.Advance(Instant{301});
  EXPECT_THAT(told, ::testing::Contains("certified"));
  told.clear();
  // azure's token is another's now, openai's is as it was.
  known.Replace({{Sha256("azure-token"), kOpenai}, {Sha256("openai-token"), kOpenai}});
  EXPECT_THAT(told,
              ::testing::AllOf(::testing::Contains("azure"), Not(::testing::Contains("openai")),
                               Not(::testing::Contains("dropped"))));
  told.clear();
  const auto late = watch("late", {"", "Bearer short"}, kAzure);
  EXPECT_THAT(told, ::testing::ElementsAre("late"));
}

TEST(PrincipalsFile, IsRead) {
  const absl::StatusOr<TokenTable> table =
      ParsePrincipals("- {role: provider, name: azure, token_sha256: " + Hex(Sha256("a")) +
                          "}\n"
                          "- role: operator\n"
                          "  name: ada\n"
                          "  token_sha256: " +
                          Hex(Sha256("b")) + "\n  expire_time: 2027-01-01T00:00:00Z\n",
                      "p.yaml");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->at(Sha256("a")).actor, kAzure);
  EXPECT_FALSE(table->at(Sha256("a")).expire_time.IsSet());
  EXPECT_EQ(table->at(Sha256("b")).actor, (Actor{Role::kOperator, "ada"}));
  EXPECT_EQ(Format(table->at(Sha256("b")).expire_time), "2027-01-01T00:00:00.000000Z");
}

TEST(PrincipalsFile, NamesFileLineAndField) {
  const std::string hash = Hex(Sha256("a"));
  const std::pair<std::string, std::string> table[] = {
      {"role: owner", "p.yaml:1: want a list"},
      {"- openai", "p.yaml:1: want an entry"},
      {"\n- {name: openai, token_sha256: " + hash + "}", "p.yaml:2: role: missing"},
      {"- {role: owner, token_sha256: " + hash + "}", "p.yaml:1: name: missing"},
      {"- {role: owner, name: openai}", "p.yaml:1: token_sha256: missing"},
      {"- role: king\n  name: openai",
       "p.yaml:1: role: got \"king\", want owner, provider, operator or auditor"},
      {"- role: broker\n  name: openai", "p.yaml:1: role: got \"broker\""},
      {"- role: owner\n  name: Open AI", "p.yaml:2: name: got \"Open AI\""},
      {"- role: owner\n  name: openai\n  token_sha256: s3cret",
       "p.yaml:3: token_sha256: got 6 characters, want 64"},
      {"- role: owner\n  name: [openai]", "p.yaml:2: name: want one word"},
      {"- role: owner\n  expire_time: tomorrow", "p.yaml:2: expire_time: got \"tomorrow\""},
      {"- role: owner\n  token: s3cret", "p.yaml:2: \"token\": unknown"},
      {"- {role: owner, name: a, token_sha256: " + hash +
           "}\n- {role: owner, name: b, token_sha256: " + hash + "}",
       "p.yaml:2: token_sha256: the same as of an entry before"},
      {"- {role: owner", "p.yaml:1: "},
      {"", "p.yaml:1: want a list"},
      {"- role: owner\n  name: a\n  role: operator", "p.yaml:3: role: given twice"},
      // What follows the list: an entry without its dash, and what is nothing at all.
      {"- {role: owner, name: a, token_sha256: " + hash + "}\n{role: owner, name: b}",
       "p.yaml:2: "},
      {"- {role: owner, name: a, token_sha256: " + hash + "}\nrole: owner\nname: b", "p.yaml:2: "},
      {"- role: owner\n  name: a\n  token_sha256: " + hash + "\nrole: owner", "p.yaml:4: "},
      {"- {role: owner, name: a, token_sha256: " + hash + "}\ngarbage", "p.yaml:2: "},
      {"- {role: owner, name: a, token_sha256: " + hash + "}\n]", "p.yaml:2: "},
      {"- {role: owner, name: a, token_sha256: " + hash + "}\n---\n- {role: owner}", "p.yaml:3: "},
      {"- " + std::string(100'000, '['), "p.yaml:1: "},
  };
  for (const auto& [text, want] : table) {
    const absl::Status status = ParsePrincipals(text, "p.yaml").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    const std::string message(status.message().data(), status.message().size());
    EXPECT_THAT(message, ::testing::StartsWith(want));
    EXPECT_THAT(message, Not(HasSubstr("s3cret")));
  }
  const absl::Status missing = ReadPrincipals("/nowhere/p.yaml").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(missing.message().data(), missing.message().size()),
              HasSubstr("/nowhere/p.yaml"));
}

}  // namespace
}  // namespace capbroker
