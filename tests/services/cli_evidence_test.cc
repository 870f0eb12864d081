// What an exported trail proves by itself, and how tampering with it shows.
#include <gtest/gtest.h>

#include "broker/canonical.h"
#include "services/cli/evidence.h"

namespace capbroker {
namespace {

std::vector<std::string> Lines(uint64_t count) {
  std::vector<std::string> lines;
  Hash hash{};
  for (uint64_t i = 1; i <= count; ++i) {
    Act act;
    act.owner = {"openai"};
    act.sequence = i;
    act.time = {static_cast<int64_t>(1'738'573'200'000'000 + i)};
    act.actor = {Role::kOwner, "openai"};
    act.request.bytes[15] = 1;
    Decision decision{.kind = Kind::REQUEST_CANCELLED};
    decision.text = "with \"quotes\", {braces} and a \\ in \"body\":";
    act.decisions = {decision};
    const std::string body = Encode(act);
    hash = Chain(hash, body);
    lines.push_back(EvidenceLine(i, hash, body));
  }
  return lines;
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

TEST(CliEvidence, AWholeTrailVerifies) {
  const EvidenceReport report = VerifyEvidence(Joined(Lines(3)));
  EXPECT_EQ(report.findings, std::vector<std::string>{});
  EXPECT_TRUE(report.IsWhole());
  EXPECT_EQ(report.acts, 3u);
  EXPECT_EQ(report.decisions, 3u);
  EXPECT_EQ(report.links_checked, 3u);
  EXPECT_EQ(report.owner.value, "openai");
  EXPECT_TRUE(report.request.IsSet());
}

TEST(CliEvidence, ARequestsFileSaysWhatItCannotProve) {
  std::vector<std::string> lines = Lines(5);
  lines.erase(lines.begin() + 2);
  lines.erase(lines.begin());
  const EvidenceReport report = VerifyEvidence(Joined(lines));  // 2, 4, 5.
  EXPECT_EQ(report.findings, std::vector<std::string>{});
  EXPECT_FALSE(report.IsWhole());
  EXPECT_EQ(report.links_checked, 1u);
  EXPECT_EQ(report.links_unchecked, 2u);
}

TEST(CliEvidence, TheBodyMayComeAsText) {
  std::vector<std::string> lines = Lines(1);
  const size_t from = lines[0].find("{", 1), to = lines[0].find(",\"hash\"");
  std::string quoted = "\"";
  for (const char c : lines[0].substr(from, to - from))
    quoted += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
  lines[0] = lines[0].substr(0, from) + quoted + "\"" + lines[0].substr(to);
  const EvidenceReport report = VerifyEvidence(lines[0]);
  EXPECT_EQ(report.findings, std::vector<std::string>{});
  EXPECT_EQ(report.links_checked, 1u);
}

TEST(CliEvidence, TamperingShows) {
  struct Case {
    const char* name;
    void (*tamper)(std::vector<std::string>&);
    const char* finding;  // Within the first one.
  };
  const auto swap_text = [](std::string& line, const std::string& from, const std::string& to) {
    line.replace(line.find(from), from.size(), to);
  };
  static const auto change = swap_text;
  for (const Case& c : std::initializer_list<Case>{
           {"text", [](auto& l) { change(l[1], "braces", "BRACES"); },
            "line 2: act 2: the hash does not follow"},
           {"order", [](auto& l) { std::swap(l[1], l[2]); }, "line 3: act 2 stands after act 3"},
           {"sequence", [](auto& l) { change(l[2], "\"sequence\":3}", "\"sequence\":4}"); },
            "line 3: act 4: its body says 3"},
           {"cut", [](auto& l) { l[2].resize(l[2].size() - 10); }, "line 3: is not ended"},
           {"twice", [](auto& l) { l.insert(l.begin(), l[0]); }, "line 2: act 1 stands after act 1"},
           {"space", [](auto& l) { change(l[0], "\"actor\":", "\"actor\": "); },
            "line 1: act 1: the hash does not follow"},
           {"not json", [](auto& l) { l[0] = "hello\n"; }, "line 1: is not a JSON object"},
           {"no hash", [](auto& l) { change(l[0], "\"hash\":", "\"hush\":"); }, "line 1: lacks hash"},
           {"empty", [](auto& l) { l.clear(); }, "the file is empty"},
       }) {
    std::vector<std::string> lines = Lines(3);
    c.tamper(lines);
    const EvidenceReport report = VerifyEvidence(Joined(lines));
    ASSERT_FALSE(report.findings.empty()) << c.name;
    EXPECT_NE(report.findings[0].find(c.finding), std::string::npos) << c.name << ": " << report.findings[0];
  }
}

TEST(CliEvidence, AForgedChainIsConsistentButNotCanonical) {
  std::string body = Encode(*DecodeAct(Lines(1)[0].substr(8, Lines(1)[0].find(",\"hash\"") - 8)));
  body.insert(body.find(":") + 1, " ");
  const EvidenceReport report = VerifyEvidence(EvidenceLine(1, Chain(Hash{}, body), body));
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_NE(report.findings[0].find("not in canonical form"), std::string::npos) << report.findings[0];
}

}  // namespace
}  // namespace capbroker
