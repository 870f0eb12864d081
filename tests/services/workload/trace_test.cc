#include "services/workload/trace.h"

#include <gtest/gtest.h>

#include "services/files/text_file.h"
#include "services/workload/load_request.h"

namespace capbroker {
namespace {

using Quantities = std::map<std::string, int64_t>;

constexpr char kColumns[] = "name,num_gpu,gpu_milli,gpu_spec,qos,creation_time,deletion_time\n";

TEST(ParseTrace, ReadsTheFileOfTasks) {
  const auto text = ReadTextFile("FILE", "tests/data/trace_tasks.csv");
  ASSERT_TRUE(text.ok()) << text.status();
  const auto trace = ParseTrace("tasks", *text);
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_EQ(trace->without_gpu, 1);
  EXPECT_EQ(trace->lengthened, 1);
  ASSERT_EQ(trace->tasks.size(), 9u);
  EXPECT_EQ(trace->tasks[1].name, "task-2");
  EXPECT_EQ(trace->tasks[1].Quantity(), 460);
  EXPECT_EQ(trace->tasks[2].Quantity(), 2000);
  EXPECT_EQ(trace->tasks[2].models, (std::vector<std::string>{"A10", "T4"}));
  EXPECT_EQ(trace->tasks[3].models, (std::vector<std::string>{"T4"}));  // The file names it twice.
  EXPECT_EQ(trace->tasks[3].deletion, 41);
}

TEST(ParseTrace, TakesCarriageReturnsAndSortsByCreation) {
  const auto trace =
      ParseTrace("t",
                 "deletion_time,name,num_gpu,gpu_milli,gpu_spec,qos,creation_time\r\n9,b,1,1,,"
                 "LS,7\r\n9,a,1,1000,,BE,3\r\n\r\n");
  ASSERT_TRUE(trace.ok()) << trace.status();
  ASSERT_EQ(trace->tasks.size(), 2u);
  EXPECT_EQ(trace->tasks[0].name, "a");
  EXPECT_EQ(trace->tasks[1].creation, 7);
}

TEST(ParseTrace, TakesWhatSpreadsheetsWrite) {
  const std::string columns(kColumns);
  for (const std::string& text : {"\xef\xbb\xbf" + columns + "a,1,1000,,LS,0,5\n",
                                  columns.substr(0, columns.size() - 1) + "\ra,1,1000,,LS,0,5\r",
                                  columns.substr(0, columns.size() - 1) + "\ra,1,1000,,LS,0,5"}) {
    const auto trace = ParseTrace("t", text);
    ASSERT_TRUE(trace.ok()) << trace.status();
    ASSERT_EQ(trace->tasks.size(), 1u);
    EXPECT_EQ(trace->tasks[0].name, "a");
    EXPECT_EQ(trace->tasks[0].deletion, 5);
  }
  const auto nodes = ParseNodes("n", "\xef\xbb\xbfsn,gpu,model\rnode-0,4,G2\r");
  ASSERT_TRUE(nodes.ok()) << nodes.status();
  EXPECT_EQ(nodes->size(), 1u);
}

TEST(ParseTrace, SaysWhereTheFileIsWrong) {
  const struct {
    std::string text, error;
  } cases[] = {
      {"", "t, line 1: got an empty file, want a first line with the names of the columns"},
      {"name,num_gpu\n", "t, line 1: got 'name,num_gpu', want a column 'gpu_milli'"},
      {"name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,1,1000\n",
       "t, line 1: got 'name,cpu_milli,memory_mib,num_gpu,gpu_milli', want a column 'gpu_spec'"},
      {kColumns, "got 0 tasks without a GPU and none with one, want at least one task"},
      {std::string(kColumns) + "a,0,0,,LS,0,5\n", "got 1 tasks without a GPU and none with one"},
      {std::string("name,") + kColumns, "want one column 'name'"},
      {std::string(kColumns) + "a,1,1000,,LS,0\n",
       "t, line 2: got 6 values, want 7, as in the first line"},
      {std::string(kColumns) + "a,1,1000,,LS,0,5\n\nb,x,1000,,LS,0,5\n",
       "t, line 4, column num_gpu: got 'x', want a whole number from 0 to 1000000"},
      {std::string(kColumns) + "a,1,1001,,LS,0,5\n",
       "column gpu_milli: got '1001', want a whole number from 1 to 1000"},
      {std::string(kColumns) + "a,1,0,,LS,0,5\n", "column gpu_milli: got '0'"},
      {std::string(kColumns) + "a,1,1,,LS,-1,5\n", "column creation_time: got '-1'"},
      {std::string(kColumns) + "a,1,1,,LS,6,5\n",
       "column deletion_time: got '5', want at least creation_time, 6"},
      {std::string(kColumns) + "a,1,1,,LS,6,\n",
       "column deletion_time: got '', want a whole number"},
      {std::string(kColumns) + "a,1,1,T4||A10,LS,6,7\n",
       "column gpu_spec: got 'T4||A10', want models between '|'"},
      {std::string(kColumns) + ",1,1,,LS,6,7\n",
       "column name: got '', want 1 to 63 printable characters"},
      {std::string(kColumns) + "\"a\",1,1,,LS,6,7\n",
       "t, line 2: got a quotation mark, want plain values"},
  };
  for (const auto& c : cases) {
    const auto trace = ParseTrace("t", c.text);
    ASSERT_FALSE(trace.ok()) << c.text;
    EXPECT_NE(std::string(trace.status().message()).find(c.error), std::string::npos)
        << trace.status();
  }
}

TEST(ParseNodes, SharesThemByIndex) {
  const auto text = ReadTextFile("FILE", "tests/data/trace_nodes.csv");
  ASSERT_TRUE(text.ok()) << text.status();
  const auto nodes = ParseNodes("nodes", *text);
  ASSERT_TRUE(nodes.ok()) << nodes.status();
  EXPECT_EQ(nodes->size(), 4u);
  EXPECT_EQ(Stock(*nodes, {}), (Quantities{{"A10", 12000}, {"T4", 4000}}));
  EXPECT_EQ(Stock(*nodes, {2, {0}}), (Quantities{{"A10", 8000}, {"T4", 2000}}));
  EXPECT_EQ(Stock(*nodes, {4, {1}}), (Quantities{{"T4", 2000}}));
  EXPECT_EQ(Stock(*nodes, {4, {3}}), (Quantities{{"A10", 4000}}));
}

TEST(ParseNodes, SaysWhereTheFileIsWrong) {
  EXPECT_EQ(ParseNodes("n", "sn,gpu,model\na,2,\n").status().message(),
            "n, line 2, column model: got '', want letters, digits, '-' and '_'");
  EXPECT_EQ(ParseNodes("n", "sn,gpu\n").status().message(),
            "n, line 1: got 'sn,gpu', want a column 'model'");
}

TEST(ParseNodeShare, TakesRemaindersAndDivisor) {
  const auto share = ParseNodeShare("0,2/4");
  ASSERT_TRUE(share.ok()) << share.status();
  EXPECT_TRUE(share->Has(6));
  EXPECT_FALSE(share->Has(7));
  for (const char* bad : {"", "1", "/4", "4/4", "-1/4", "1/0", "1,/4", "a/b"}) {
    EXPECT_FALSE(ParseNodeShare(bad).ok()) << bad;
  }
}

TEST(RequestFor, MapsATaskToTheApi) {
  TraceTask task{.name = "t",
                 .num_gpu = 2,
                 .gpu_milli = 1000,
                 .models = {"A10", "T4"},
                 .qos = "BE",
                 .creation = 5,
                 .deletion = 8};
  LoadShape shape{.owner = "openai",
                  .alternatives = {"coreweave"},
                  .run = "r",
                  .zero = Instant{1'000'000'000'000'000},
                  .unit_price = *ParseMoney("0.0025 USD"),
                  .step_window = Seconds(90)};
  const v1::CreateCapacityRequestRequest out = RequestFor(task, 7, shape);
  EXPECT_EQ(out.parent(), "owners/openai");
  EXPECT_EQ(out.request_id(), "load-r-7");
  const v1::CapacityRequest& request = out.capacity_request();
  EXPECT_EQ(request.labels().at(kTaskLabel), "7");
  EXPECT_EQ(request.terms().quantity(), 2000);
  EXPECT_EQ(request.terms().unit(), "gpu-milli");
  EXPECT_EQ(request.terms().conditions(0), "model=A10|T4");
  EXPECT_EQ(request.terms().start_time().seconds(), 1'000'000'005);
  EXPECT_EQ(request.terms().end_time().seconds(), 1'000'000'008);
  EXPECT_EQ(request.terms().unit_price().nanos(), 2'500'000);
  EXPECT_EQ(request.segments(0).workload_class(), "INTERNAL_BATCH");
  EXPECT_EQ(request.segments(0).purpose(), "RESEARCH");
  EXPECT_TRUE(request.splittable());
  EXPECT_EQ(request.smallest_useful_quantity(), 1000);
  EXPECT_EQ(request.fallback_policy().providers(0), "providers/coreweave");
  EXPECT_EQ(request.fallback_policy().step_window().seconds(), 90);

  task = {.name = "t", .num_gpu = 1, .gpu_milli = 460, .qos = "Burstable", .deletion = 1};
  const v1::CapacityRequest small = RequestFor(task, 0, shape).capacity_request();
  EXPECT_EQ(small.segments(0).workload_class(), "PRODUCT_INFERENCE");
  EXPECT_EQ(small.segments(0).purpose(), "");
  EXPECT_FALSE(small.splittable());
  EXPECT_EQ(small.terms().conditions_size(), 0);
}

}  // namespace
}  // namespace capbroker
