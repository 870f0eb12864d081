// Tables as a terminal shows them, and names as people type them.
#include "services/cli/table.h"

#include <gtest/gtest.h>

#include "services/cli/name_arguments.h"

namespace capbroker {
namespace {

TEST(CliTable, AlignsTextLeftAndFiguresRight) {
  Table table({"OFFER", ">QUANTITY", "WHY"});
  table.Add({"openai/1", "8,000", "first"});
  table.Add({"a", "50", ""});
  EXPECT_EQ(table.Text("no offers"),
            "OFFER     QUANTITY  WHY\n"
            "openai/1     8,000  first\n"
            "a               50  -\n");
}

TEST(CliTable, SaysWhenThereIsNothing) {
  EXPECT_EQ(Table({"OFFER"}).Text("no offers"), "no offers\n");
  EXPECT_EQ(Table({"OFFER"}).Text("no offers", "  "), "  no offers\n");
}

TEST(CliTable, CountsCharactersNotBytes) {
  Table table({"NAME", "STATE"});
  table.Add({"Zürich", "ACTIVE"});
  table.Add({"Berlin", "ACTIVE"});
  EXPECT_EQ(table.Text(""), "NAME    STATE\nZürich  ACTIVE\nBerlin  ACTIVE\n");
}

TEST(CliTable, TextOfOthersCannotForgeRowsOrMoveTheCursor) {
  Table table({"WHY"});
  table.Add(
      {"fine\nopenai/2  ACCEPTED\x1b[2A\xc2\x9b"
       "31m"});
  EXPECT_EQ(table.Text(""), "WHY\nfine openai/2  ACCEPTED [2A  31m\n");
}

TEST(CliNames, ShortAndFullFormsAreRead) {
  const std::string id = "0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f";
  const std::string request = "owners/openai/capacityRequests/" + id;
  EXPECT_EQ(ReadRequestName(request, "").value(), request);
  EXPECT_EQ(ReadRequestName("openai/" + id, "").value(), request);
  EXPECT_EQ(ReadRequestName(id, "openai").value(), request);
  EXPECT_EQ(ReadOfferName("openai/" + id + "/1", "").value(), request + "/offers/1");
  EXPECT_EQ(ReadOfferName(id + "/1", "openai").value(), request + "/offers/1");
  EXPECT_EQ(ReadAllocationName(request + "/allocations/2", "").value(), request + "/allocations/2");
  EXPECT_EQ(ReadAgreementName("azure", "openai").value(), "owners/openai/agreements/azure");
  EXPECT_EQ(ShortName(request + "/offers/1"), "openai/" + id + "/1");
  EXPECT_EQ(ShortName("providers/azure"), "azure");
  EXPECT_EQ(ParentOwner(request), "owners/openai");
}

TEST(CliNames, OtherTextIsRefusedWithWhatWasWanted) {
  const std::string id = "0194cba0-5e1c-7b2a-8f00-6a3b2c1d0e9f";
  EXPECT_EQ(ReadRequestName(id, "").status().message(),
            "REQUEST: got " + id +
                ", want OWNER/REQUEST with the request's UUID; or name the owner with --owner");
  for (const std::string& text : {std::string("openai/1"), "Openai/" + id, "openai/" + id + "/1",
                                  std::string(), "owners/openai/requests/" + id}) {
    EXPECT_FALSE(ReadRequestName(text, "openai").ok()) << text;
  }
  for (const char* number : {"0", "-1", "x", ""}) {
    EXPECT_FALSE(ReadOfferName("openai/" + id + "/" + number, "").ok()) << number;
  }
  EXPECT_FALSE(ReadOwnerName("").ok());
  EXPECT_FALSE(ReadProviderName("Azure").ok());
}

}  // namespace
}  // namespace capbroker
