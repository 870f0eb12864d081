// What an exported trail proves by itself, and how tampering shows.
#include "storage/evidence.h"

#include <gtest/gtest.h>

#include "broker/trail/canonical.h"

namespace capbroker {
namespace {

RequestId One() {
  RequestId request;
  request.bytes[15] = 1;
  return request;
}

// A whole trail of `count` acts about one request, after its header.
std::vector<std::string> Lines(uint64_t count) {
  std::vector<std::string> lines = {EvidenceHeader({"openai"}, {})};
  Hash hash{};
  for (uint64_t i = 1; i <= count; ++i) {
    Act act;
    act.owner = {"openai"};
    act.sequence = i;
    act.time = {static_cast<int64_t>(1'738'573'200'000'000 + i)};
    act.actor = {Role::kOwner, "openai"};
    act.request = One();
    Decision decision{.kind = Kind::REQUEST_CANCELLED};
    decision.text = "with \"quotes\", {braces} and a \\ in \"body\":";
    act.decisions = {decision};
    const std::string body = Encode(act);
    hash = Chain(hash, body);
    lines.push_back(EvidenceLine({.sequence = i, .text = body, .hash = hash}));
  }
  return lines;
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

TEST(Evidence, AWholeTrailVerifies) {
  const EvidenceReport report = VerifyEvidence(Joined(Lines(3)));
  EXPECT_EQ(report.findings, std::vector<std::string>{});
  EXPECT_TRUE(report.IsWhole());
  EXPECT_EQ(report.acts, 3u);
  EXPECT_EQ(report.decisions, 3u);
  EXPECT_EQ(report.links_checked, 3u);
  EXPECT_EQ(report.owner.value, "openai");
  EXPECT_FALSE(report.request.IsSet());
}

TEST(Evidence, ARequestsFileSaysWhatItCannotProve) {
  std::vector<std::string> lines = Lines(5);
  lines[0] = EvidenceHeader({"openai"}, One());
  lines.erase(lines.begin() + 3);
  lines.erase(lines.begin() + 1);
  const EvidenceReport report = VerifyEvidence(Joined(lines));  // Lines 2, 4 and 5.
  EXPECT_EQ(report.findings, std::vector<std::string>{});
  EXPECT_FALSE(report.IsWhole());
  EXPECT_EQ(report.links_checked, 1u);
  EXPECT_EQ(report.links_unchecked, 2u);
  EXPECT_EQ(report.request, One());

  lines[0] = EvidenceHeader({"openai"}, {});  // The trail of one owner has gaps.
  EXPECT_EQ(VerifyEvidence(Joined(lines)).findings,
            (std::vector<std::string>{"line 2: acts 1 to 1 are missing",
                                      "line 3: acts 3 to 3 are missing"}));
  RequestId other = One();
  other.bytes[0] = 1;
  lines[0] = EvidenceHeader({"openai"}, other);
  EXPECT_EQ(VerifyEvidence(Joined(lines)).findings.size(), 3u);
}

TEST(Evidence, TheBodyMayComeAsText) {
  std::vector<std::string> lines = Lines(1);
  const size_t from = lines[1].find("\"body\":") + 7, to = lines[1].size() - 2;
  std::string quoted = "\"";
  for (const char c : lines[1].substr(from, to - from))
    quoted += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
  lines[1] = lines[1].substr(0, from) + quoted + "\"}\n";
  const EvidenceReport report = VerifyEvidence(Joined(lines));
  EXPECT_EQ(report.findings, std::vector<std::string>{});
  EXPECT_EQ(report.links_checked, 1u);
}

TEST(Evidence, TamperingShows) {
  struct Case {
    const char* name;
    void (*tamper)(std::vector<std::string>&);
    const char* finding;  // A part of the first finding.
  };
  const auto swap_text = [](std::string& line, const std::string& from, const std::string& to) {
    line.replace(line.find(from), from.size(), to);
  };
  static const auto change = swap_text;
  for (const Case& c : std::initializer_list<Case>{
           {"text", [](auto& l) { change(l[2], "braces", "BRACES"); },
            "line 3: act 2: the hash does not follow"},
           {"left out", [](auto& l) { l.erase(l.begin() + 2); }, "line 3: acts 2 to 2 are missing"},
           {"beginning left out", [](auto& l) { l.erase(l.begin() + 1); },
            "line 2: acts 1 to 1 are missing"},
           {"order", [](auto& l) { std::swap(l[2], l[3]); }, "line 3: acts 2 to 2 are missing"},
           {"sequence", [](auto& l) { change(l[3], "\"sequence\":3,", "\"sequence\":4,"); },
            "line 4: acts 3 to 3 are missing"},
           {"cut", [](auto& l) { l[3].resize(l[3].size() - 10); }, "line 4: is not ended"},
           {"twice", [](auto& l) { l.insert(l.begin() + 1, l[1]); },
            "line 3: act 1 stands after act 1"},
           {"space", [](auto& l) { change(l[1], "\"actor\":", "\"actor\": "); },
            "line 2: act 1: the hash does not follow"},
           {"not json", [](auto& l) { l[1] = "hello\n"; }, "line 2: is not a JSON object"},
           {"no hash", [](auto& l) { change(l[1], "\"hash\":", "\"hush\":"); },
            "line 2: has an unknown or second member hush"},
           {"without a hash", [](auto& l) { l[1] = "{\"sequence\":1,\"body\":{}}\n"; },
            "line 2: lacks hash"},
           {"a second body", [](auto& l) { change(l[1], "}\n", ",\"body\":{}}\n"); },
            "line 2: has an unknown or second member body"},
           {"a member more", [](auto& l) { change(l[1], "}\n", ",\"note\":1}\n"); },
            "line 2: has an unknown or second member note"},
           {"a second owner", [](auto& l) { change(l[0], "}\n", ",\"owner\":\"other\"}\n"); },
            "line 1: has an unknown or second member owner"},
           {"bytes behind", [](auto& l) { change(l[1], "}\n", "} {}\n"); },
            "line 2: is not a JSON object"},
           {"brackets", [](auto& l) { l = {std::string(1'000'000, '[')}; }, "line 1: is not ended"},
           {"brackets that close",
            [](auto& l) { l = {std::string(500'000, '[') + std::string(500'000, ']') + "\n"}; },
            "line 1: does not say whose evidence"},
           {"objects",
            [](auto& l) {
              l = {""};
              for (int i = 0; i < 200'000; ++i) l[0] += "{\"body\":";
            },
            "line 1: is not ended"},
           {"a body that is deep",
            [](auto& l) {
              l[1] = "{\"sequence\":1,\"hash\":\"" + std::string(64, '0') +
                     "\",\"body\":" + std::string(500'000, '[') + std::string(500'000, ']') + "}\n";
            },
            "line 2: act 1: the hash does not follow"},
           {"no header", [](auto& l) { l.erase(l.begin()); },
            "line 1: does not say whose evidence"},
           {"another owner's", [](auto& l) { change(l[0], "openai", "other"); },
            "line 2: act 1 is of openai"},
           {"another format", [](auto& l) { change(l[0], ":1,", ":2,"); },
            "line 1: evidence: want format 1"},
           {"header only", [](auto& l) { l.resize(1); }, "there is no act"},
           {"empty", [](auto& l) { l.clear(); }, "there is no act"},
       }) {
    std::vector<std::string> lines = Lines(3);
    c.tamper(lines);
    const EvidenceReport report = VerifyEvidence(Joined(lines));
    ASSERT_FALSE(report.findings.empty()) << c.name;
    EXPECT_NE(report.findings[0].find(c.finding), std::string::npos)
        << c.name << ": " << report.findings[0];
  }
}

TEST(Evidence, AForgedChainIsConsistentButNotCanonical) {
  const std::string line = Lines(1)[1];
  const size_t from = line.find("\"body\":") + 7;
  std::string body = line.substr(from, line.size() - 2 - from);
  body.insert(body.find(":") + 1, " ");
  const EvidenceReport report =
      VerifyEvidence(EvidenceHeader({"openai"}, {}) +
                     EvidenceLine({.sequence = 1, .text = body, .hash = Chain(Hash{}, body)}));
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_NE(report.findings[0].find("not in canonical form"), std::string::npos)
      << report.findings[0];
}

}  // namespace
}  // namespace capbroker
