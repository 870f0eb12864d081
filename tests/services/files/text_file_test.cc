#include "services/files/text_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace capbroker {
namespace {

using testing::HasSubstr;

TEST(TextFile, WhatWasWrittenIsRead) {
  const std::string path = testing::TempDir() + "/text_file_test";
  ASSERT_TRUE(ReplaceTextFile("--out", path, "one\n").ok());
  ASSERT_TRUE(ReplaceTextFile("--out", path, std::string("two\0three", 9)).ok());
  EXPECT_EQ(ReadTextFile("FILE", path).value(), std::string("two\0three", 9));
  ASSERT_TRUE(ReplaceTextFile("--out", path, "").ok());
  EXPECT_EQ(ReadTextFile("FILE", path).value(), "");
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));
  std::filesystem::remove(path);
}

TEST(TextFile, ErrorsNameTheOptionAndTheFile) {
  const auto message = [](const absl::Status& status) { return std::string(status.message()); };
  EXPECT_THAT(message(ReadTextFile("--trace", "tests/data/none.csv").status()),
              HasSubstr("--trace: got tests/data/none.csv, want a file that can be read"));
  EXPECT_THAT(message(ReadTextFile("FILE", "tests/data").status()), HasSubstr("Is a directory"));
  EXPECT_THAT(message(ReplaceTextFile("--out", "/nowhere/file", "text")),
              HasSubstr("--out: got /nowhere/file, want a file that can be written"));
}

}  // namespace
}  // namespace capbroker
