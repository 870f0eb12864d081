#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "broker/values/text.h"
#include "services/workload/desk_choice.h"
#include "services/workload/desk_script.h"
#include "services/workload/inventory.h"

namespace capbroker {
namespace {

using Action = DeskStep::Action;
using Answer = DeskChoice::Answer;
using Reservation = Inventory::Reservation;

TEST(ParseScript, ReadsEverySort) {
  const auto script = ParseScript(
      " accept 0.7 after 50ms..2s; decline PRICE 0.2 cool-down 1h ;partial 50% 0.05 after 1s; "
      "partial 5000 "
      "0.04;slow 0.01; silent ");
  ASSERT_TRUE(script.ok()) << script.status();
  ASSERT_EQ(script->steps.size(), 6u);
  EXPECT_EQ(script->steps[0].action, Action::kAccept);
  EXPECT_EQ(script->steps[0].probability_ppm, 700'000);
  EXPECT_EQ(script->steps[0].latency_from, Span{50'000});
  EXPECT_EQ(script->steps[0].latency_to, Seconds(2));
  EXPECT_EQ(script->steps[1].reason, DeclineReason::kPrice);
  EXPECT_EQ(script->steps[1].cool_down, Hours(1));
  EXPECT_EQ(script->steps[2].share_ppm, 500'000);
  EXPECT_EQ(script->steps[2].latency_from, Seconds(1));
  EXPECT_EQ(script->steps[2].latency_to, Seconds(1));
  EXPECT_EQ(script->steps[3].quantity, 5000);
  EXPECT_EQ(script->steps[4].latency_to, Seconds(30));
  EXPECT_EQ(script->steps[5].action, Action::kSilent);
  EXPECT_EQ(script->steps[5].probability_ppm, 0);  // The rest of the probability, which is none.
}

TEST(ParseScript, OneStepTakesTheRest) {
  const auto script = ParseScript("accept; decline OTHER 0.25");
  ASSERT_TRUE(script.ok()) << script.status();
  EXPECT_EQ(script->steps[0].probability_ppm, 750'000);
}

TEST(ParseScript, SaysWhereItIsWrong) {
  const struct {
    const char *text, *error;
  } cases[] = {
      {"", "script, column 1: got nothing, want a step"},
      {"accept 1;", "script, column 10: got nothing, want a step"},
      {"accept 0.5; agree 0.5", "script, column 13: got 'agree', want accept, decline"},
      {"decline 0.5; accept", "script, column 9: got '0.5', want a reason"},
      {"decline", "script, column 8: got nothing, want a reason"},
      {"partial 0% 1", "script, column 9: got '0%', want a quantity"},
      {"accept 1.5", "script, column 8: got '1.5', want a probability"},
      {"accept 1 0", "script, column 10: got '0', want after"},
      {"accept 1 after", "script, column 15: got nothing, want a length"},
      {"accept 1 after 2s..1s", "script, column 16: got '2s..1s', want a length"},
      {"accept 1 after soon", "script, column 16: got 'soon', want a length"},
      {"accept 1 cool-down 1h", "script, column 10: got 'cool-down', want after"},
      {"accept 0.5; silent 0.4",
       "script: the probabilities add up to 900000 millionths, want 1000000"},
      {"accept 0.5; silent 0.6", "script: the probabilities add up to 1100000"},
      {"accept; silent", "script, column 9: got 'silent', want a probability here"},
  };
  for (const auto& c : cases) {
    const auto script = ParseScript(c.text);
    ASSERT_FALSE(script.ok()) << c.text;
    EXPECT_EQ(std::string(script.status().message()).rfind(c.error, 0), 0u) << script.status();
  }
}

TEST(ParseAlways, TakesTheSimpleForms) {
  EXPECT_EQ(ParseAlways("accept")->steps[0].action, Action::kAccept);
  EXPECT_EQ(ParseAlways("decline")->steps[0].reason, DeclineReason::kNoCapacity);
  EXPECT_EQ(ParseAlways("silent")->steps[0].action, Action::kSilent);
  EXPECT_EQ(ParseAlways("slow")->steps[0].latency_from, Seconds(5));
  EXPECT_EQ(ParseAlways("partial:5000")->steps[0].quantity, 5000);
  EXPECT_EQ(ParseAlways("partial:25%")->steps[0].share_ppm, 250'000);
  for (const char* bad : {"", "maybe", "partial", "partial:", "partial:-1", "partial:101%"}) {
    EXPECT_FALSE(ParseAlways(bad).ok()) << bad;
  }
}

TEST(StepSampler, RepeatsWithItsSeedAndKeepsTheProbabilities) {
  const auto script = ParseScript("accept 0.7 after 50ms..2s; decline NO_CAPACITY 0.2; silent 0.1");
  ASSERT_TRUE(script.ok()) << script.status();
  StepSampler one(*script, 7), same(*script, 7), other(*script, 8);
  int accepted = 0, differ = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto a = one.Next(), b = same.Next(), c = other.Next();
    ASSERT_EQ(a.step.action, b.step.action);
    ASSERT_EQ(a.latency, b.latency);
    differ += a.step.action != c.step.action;
    if (a.step.action != Action::kAccept) continue;
    ++accepted;
    ASSERT_GE(a.latency, Span{50'000});
    ASSERT_LE(a.latency, Seconds(2));
  }
  EXPECT_NEAR(accepted, 7000, 200);
  EXPECT_GT(differ, 0);
}

TEST(Inventory, TakesFromTheFullestThatSuffices) {
  Inventory inventory({{"A10", 2000}, {"G2", 9000}, {"T4", 4000}});
  EXPECT_EQ(inventory.Reserve(std::nullopt, 3000), (Reservation{{"G2", 3000}}));
  EXPECT_EQ(inventory.Reserve({{"A10", "T4"}}, 5000), (Reservation{{"A10", 1000}, {"T4", 4000}}));
  EXPECT_EQ(inventory.Reserve({{"A10", "T4"}}, 1001), std::nullopt);
  EXPECT_EQ(inventory.Reserve({{"V100"}}, 1), std::nullopt);
  EXPECT_EQ(inventory.Reserve(std::nullopt, 0), std::nullopt);
  EXPECT_EQ(inventory.InUse(), 8000);
  inventory.Release({{"G2", 3000}});
  EXPECT_EQ(inventory.InUse(), 5000);
  EXPECT_EQ(inventory.PeakInUse(), 8000);
  EXPECT_EQ(inventory.Total(), 15000);
}

TEST(Inventory, StopsAtWhatIsGivenBackTwice) {
  Inventory inventory({{"A10", 2000}});
  EXPECT_DEATH(inventory.Release({{"A10", 1}}), "inventory of A10 is 2001 of 2000");
}

RC_GTEST_PROP(Inventory, NeverGivesMoreThanItHas, ()) {
  const std::map<std::string, int64_t> total = {{"A", *rc::gen::inRange(0, 5000)},
                                                {"B", *rc::gen::inRange(0, 5000)},
                                                {"C", *rc::gen::inRange(0, 5000)}};
  Inventory inventory(total);
  std::vector<Reservation> out;
  for (int step = 0; step < 200; ++step) {
    if (!out.empty() && *rc::gen::inRange(0, 3) == 0) {
      const size_t which = *rc::gen::inRange<size_t>(0, out.size());
      inventory.Release(out[which]);
      out.erase(out.begin() + static_cast<std::ptrdiff_t>(which));
    } else {
      const auto models = *rc::gen::element<Inventory::Models>(
          std::nullopt, std::vector<std::string>{"A"}, std::vector<std::string>{"B", "C"},
          std::vector<std::string>{"D"});
      const int64_t wanted = *rc::gen::inRange(1, 3000);
      const int64_t free = inventory.Free(models);
      const auto reservation = inventory.Reserve(models, wanted);
      RC_ASSERT(reservation.has_value() == (wanted <= free));
      if (reservation) out.push_back(*reservation);
    }
    std::map<std::string, int64_t> taken;
    int64_t sum = 0;
    for (const Reservation& reservation : out) {
      for (const auto& [model, quantity] : reservation) {
        RC_ASSERT(quantity > 0);
        taken[model] += quantity;
        sum += quantity;
      }
    }
    for (const auto& [model, quantity] : taken) RC_ASSERT(quantity <= total.at(model));
    RC_ASSERT(inventory.InUse() == sum);
  }
}

TEST(ModelsAdmitted, ReadsConditions) {
  EXPECT_EQ(ModelsAdmitted({}), std::nullopt);
  EXPECT_EQ(ModelsAdmitted({"liquid-cooled"}), std::nullopt);
  EXPECT_EQ(ModelsAdmitted({"x", "model=A|B"}), (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(ModelsAdmitted({"model=A|B", "model=B|C"}), (std::vector<std::string>{"B"}));
  EXPECT_EQ(ModelsAdmitted({"model=A", "model=C"}), (std::vector<std::string>{}));
}

TEST(ParseQuantities, TakesModelsAndRefusesTheRest) {
  EXPECT_EQ(*ParseQuantities("A=5,B=0"), (std::map<std::string, int64_t>{{"A", 5}, {"B", 0}}));
  for (const char* bad : {"", "A", "=5", "A=", "A=-1", "A=1,A=2", "A=1,,B=2", "A=1000000000001"}) {
    EXPECT_FALSE(ParseQuantities(bad).ok()) << bad;
  }
}

TEST(Choose, AnswersWithinScriptInventoryAndOffer) {
  const DeskQuestion whole{8000, 0, 0, {}}, parts{8000, 1000, 8, {}},
      a_only{8000, 1000, 8, {"model=A"}};
  const struct {
    const char* name;
    const char* always;
    DeskQuestion question;
    std::map<std::string, int64_t> stock;
    Answer answer;
    int64_t quantity;
  } cases[] = {
      {"accepts what fits", "accept", whole, {{"A", 9000}}, Answer::kAccept, 8000},
      {"all or nothing that does not fit", "accept", whole, {{"A", 7999}}, Answer::kDecline, 0},
      {"the largest part on the step", "accept", parts, {{"A", 7999}}, Answer::kAccept, 7992},
      {"the smallest part", "accept", parts, {{"A", 1000}}, Answer::kAccept, 1000},
      {"less than the smallest part", "accept", parts, {{"A", 999}}, Answer::kDecline, 0},
      {"only models admitted", "accept", a_only, {{"A", 2000}, {"B", 9000}}, Answer::kAccept, 2000},
      {"any models together", "accept", whole, {{"A", 4000}, {"B", 4000}}, Answer::kAccept, 8000},
      {"a part by share", "partial:50%", parts, {{"A", 9000}}, Answer::kAccept, 4000},
      {"a part by quantity, down to the step",
       "partial:5001",
       parts,
       {{"A", 9000}},
       Answer::kAccept,
       5000},
      {"a part below the least is raised to it",
       "partial:10",
       parts,
       {{"A", 9000}},
       Answer::kAccept,
       1000},
      {"a part that is the whole", "partial:9000", parts, {{"A", 9000}}, Answer::kAccept, 8000},
      {"a part where none is allowed", "partial:50%", whole, {{"A", 9000}}, Answer::kAccept, 8000},
      {"a part that does not fit", "partial:50%", parts, {{"A", 900}}, Answer::kDecline, 0},
      {"declines", "decline", parts, {{"A", 9000}}, Answer::kDecline, 0},
      {"silence", "silent", parts, {{"A", 9000}}, Answer::kSilence, 0},
  };
  for (const auto& c : cases) {
    Inventory inventory(c.stock);
    const DeskChoice choice = Choose(ParseAlways(c.always)->steps[0], c.question, &inventory);
    EXPECT_EQ(choice.answer, c.answer) << c.name;
    EXPECT_EQ(choice.quantity, c.quantity) << c.name;
    EXPECT_EQ(inventory.InUse(), c.quantity) << c.name;
    EXPECT_EQ(choice.answer == Answer::kDecline, choice.reason == DeclineReason::kNoCapacity)
        << c.name;
  }
  EXPECT_EQ(Choose(ParseAlways("accept")->steps[0], whole, nullptr).quantity, 8000);
}

}  // namespace
}  // namespace capbroker
