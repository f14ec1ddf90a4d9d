#include "services/cli/checkout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "services/lib/base/sha256.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::cli {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CheckoutTest : public ::testing::Test {
 protected:
  CheckoutTest() {
    char name[] = "/tmp/cie-checkout-XXXXXX";
    dir_ = mkdtemp(name);
  }
  ~CheckoutTest() override { fs::remove_all(dir_); }

  void Write(const std::string& path, const std::string& content) {
    const fs::path file = fs::path(dir_) / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }
  std::vector<std::string> Paths() {
    const auto files = ListYamlFiles(dir_);
    EXPECT_TRUE(files.ok()) << files.status();
    std::vector<std::string> paths;
    if (files.ok()) {
      for (const CheckoutFile& file : *files) paths.push_back(file.path);
    }
    return paths;
  }

  std::string dir_;
};

TEST_F(CheckoutTest, YamlFilesAreListedByPathAndNothingElseIs) {
  Write(".gitlab-ci.yml", "a");
  Write(".gitlab/ci/events/z.yaml", "b");
  Write("deep/er/a.yml", "c");
  Write("README.md", "d");
  Write("yml", "e");
  Write("a.yml.bak", "f");
  Write(".yml", "g");  // a hidden file without an extension
  EXPECT_THAT(Paths(), ElementsAre(".gitlab-ci.yml", ".gitlab/ci/events/z.yaml", "deep/er/a.yml"));
}

TEST_F(CheckoutTest, GitsOwnFolderIsLeftOut) {
  Write(".git/config.yml", "a");
  Write("module/.git/b.yml", "b");
  Write(".github/c.yml", "c");
  EXPECT_THAT(Paths(), ElementsAre(".github/c.yml"));
}

TEST_F(CheckoutTest, SymbolicLinksAreNotFollowed) {
  Write("a.yml", "a");
  fs::create_symlink("a.yml", dir_ + "/link.yml");
  fs::create_symlink("/no/such/file.yml", dir_ + "/dangling.yml");
  fs::create_directory_symlink(dir_, dir_ + "/loop");
  fs::create_directory(dir_ + "/folder.yml");
  EXPECT_THAT(Paths(), ElementsAre("a.yml"));
}

TEST_F(CheckoutTest, ABlobIdChangesWithTheContentAndWithNothingElse) {
  Write("a.yml", "one");
  Write("b.yml", "one");
  const auto before = *ListYamlFiles(dir_);
  EXPECT_EQ(before.at(0).blob_id, Sha256Hex("one"));
  EXPECT_EQ(before.at(0).blob_id, before.at(1).blob_id);
  Write("a.yml", "two");
  const auto after = *ListYamlFiles(dir_);
  EXPECT_NE(after.at(0).blob_id, before.at(0).blob_id);
  EXPECT_NE(DigestOfFiles(after), DigestOfFiles(before));
  Write("a.yml", "one");
  EXPECT_EQ(DigestOfFiles(*ListYamlFiles(dir_)), DigestOfFiles(before));
}

TEST_F(CheckoutTest, TheDigestTellsARenameFromNothing) {
  EXPECT_NE(DigestOfFiles({{"a.yml", "b"}}), DigestOfFiles({{"c.yml", "b"}}));
  EXPECT_EQ(DigestOfFiles({}).size(), 40u) << "like a commit id";
}

TEST_F(CheckoutTest, AFileOverTheLimitIsCutOneByteBeyondIt) {
  Write("at.yml", std::string(ci_yaml::kFileBytesMax, 'x'));
  Write("over.yml", std::string(ci_yaml::kFileBytesMax + 1000, 'x'));
  EXPECT_EQ(ReadCheckoutFile(dir_, "at.yml")->size(), ci_yaml::kFileBytesMax);
  EXPECT_EQ(ReadCheckoutFile(dir_, "over.yml")->size(), ci_yaml::kFileBytesMax + 1);
}

TEST_F(CheckoutTest, AnEmptyFileAndAnEmptyFolderAreFine) {
  EXPECT_THAT(Paths(), IsEmpty());
  Write("empty.yml", "");
  EXPECT_THAT(Paths(), ElementsAre("empty.yml"));
  EXPECT_EQ(*ReadCheckoutFile(dir_, "empty.yml"), "");
}

TEST_F(CheckoutTest, WhatCannotBeReadIsNamed) {
  const auto file = ReadCheckoutFile(dir_, "missing.yml");
  EXPECT_EQ(file.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(file.status().message()), HasSubstr("missing.yml"));
  const auto files = ListYamlFiles(dir_ + "/missing");
  EXPECT_EQ(files.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(files.status().message()), HasSubstr("/missing"));
}

}  // namespace
}  // namespace cievents::cli
