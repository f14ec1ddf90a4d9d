// Goal: real payloads get the names that the table of hook fields says. Method: a second, naive
// implementation of the table's rule reads the JSON table itself, not our catalogue file, and our
// names must begin with what it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "services/lib/event_formats/gitlab_webhook.h"
#include "simdjson.h"

namespace cievents {
namespace {

namespace fs = std::filesystem;
namespace dom = simdjson::dom;

// Payloads that fit no row, and why that is right.
const std::map<std::string, std::string>& FitsNoRow() {
  static const std::map<std::string, std::string> kReasons = {
      {"system-hooks/merge_request.json",
       "a sample without object_attributes.action: nobody can say what happened"},
  };
  return kReasons;
}

fs::path DataFolder() {
  const char* folder = std::getenv("CIEVENTS_SHARED_DATA");
  return fs::path(folder != nullptr ? folder : "../shared/data") / "gitlab";
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct TableRow {
  std::string kind;                         // without "object_kind=" or "event_name="
  std::map<std::string, std::string> when;  // path to JSON text
  std::vector<std::string> names;           // event, then also
};

// The rows of the table that a hook carries; the others (EventStore, audit) have no payload here.
std::vector<TableRow> ReadTable(const fs::path& path, size_t* rows_in_file) {
  std::vector<TableRow> rows;
  dom::parser parser;
  const dom::element table = parser.load(path.string()).value();
  for (const dom::element item : table["rows"].get_array()) {
    ++*rows_in_file;
    TableRow row;
    row.names.emplace_back(item["event"].get_string().value());
    dom::array also;
    if (item["also"].get(also) == simdjson::SUCCESS) {
      for (const dom::element name : also) row.names.emplace_back(name.get_string().value());
    }
    for (const dom::key_value_pair condition : item["when"].get_object()) {
      row.when[std::string(condition.key)] = simdjson::minify(condition.value);
    }
    row.kind = std::string(item["kind"].get_string().value());
    const bool hook = row.kind.starts_with("object_kind=") || row.kind.starts_with("event_name=");
    if (hook) row.kind.erase(0, row.kind.find('=') + 1);
    rows.push_back(std::move(row));
  }
  return rows;
}

// The JSON text of a field, "" if it is absent.
std::string FieldText(const dom::element& payload, const std::string& path) {
  dom::element here = payload;
  std::stringstream keys(path);
  for (std::string key; std::getline(keys, key, '.');) {
    if (!here.is_object() || here[key].get(here) != simdjson::SUCCESS) return "";
  }
  return simdjson::minify(here);
}

bool RowHolds(const TableRow& row, const dom::element& payload) {
  for (const auto& item : row.when) {
    std::string seen = FieldText(payload, item.first);
    if (row.kind == "note" && item.first == "object_attributes.action" && seen.empty()) {
      seen = "\"create\"";
    }
    const std::string& wanted = item.second;
    if (wanted == "\"present\"") {
      if (seen.empty() || seen == "null") return false;
    } else if (wanted.starts_with("\"!")) {
      if (seen == "\"" + wanted.substr(2)) return false;
    } else if (seen != wanted) {
      return false;
    }
  }
  return true;
}

std::vector<std::string> ExpectedNames(const std::vector<TableRow>& table,
                                       const dom::element& payload) {
  std::string kind = FieldText(payload, "object_kind");
  if (kind.empty()) kind = FieldText(payload, "event_name");
  size_t most = 0;
  for (const TableRow& row : table) {
    if ("\"" + row.kind + "\"" == kind && RowHolds(row, payload)) {
      most = std::max(most, row.when.size());
    }
  }
  std::vector<std::string> names;
  for (const TableRow& row : table) {
    if ("\"" + row.kind + "\"" != kind || row.when.size() != most || !RowHolds(row, payload)) {
      continue;
    }
    for (const std::string& name : row.names) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::vector<fs::path> PayloadFiles() {
  std::vector<fs::path> files;
  for (const char* folder : {"webhooks", "webhooks/derived", "system-hooks"}) {
    for (const auto& entry : fs::directory_iterator(DataFolder() / folder)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// A condition of ours as the table writes it.
std::string TableText(const WebhookCondition& condition) {
  switch (condition.kind) {
    case WebhookCondition::Kind::kPresent:
      return "\"present\"";
    case WebhookCondition::Kind::kNotEquals:
      return "\"!" + condition.literal + "\"";
    case WebhookCondition::Kind::kEquals:
      break;
  }
  if (condition.literal_type == WebhookCondition::LiteralType::kJson) return condition.literal;
  return "\"" + condition.literal + "\"";
}

std::vector<std::string> FirstNames(std::vector<std::string> names, size_t count) {
  if (names.size() > count) names.resize(count);
  return names;
}

class WebhookConformanceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path table = DataFolder() / "event_catalogue.json";
    if (!fs::exists(table)) {
      GTEST_SKIP() << table << " is not here: set CIEVENTS_SHARED_DATA to the folder of samples";
    }
    table_ = ReadTable(table, &rows_in_file_);
  }

  size_t rows_in_file_ = 0;
  std::vector<TableRow> table_;
};

TEST_F(WebhookConformanceTest, EveryPayloadGetsTheNamesOfTheTable) {
  int read = 0;
  int without_row = 0;
  for (const fs::path& file : PayloadFiles()) {
    const std::string name = file.lexically_relative(DataFolder()).string();
    const std::string text = ReadFile(file);
    dom::parser parser;
    const std::vector<std::string> expected = ExpectedNames(table_, parser.parse(text).value());
    auto event = EventFromGitlabWebhook(text, *Catalogue::BuiltIn());
    ++read;
    if (FitsNoRow().contains(name)) {
      ++without_row;
      EXPECT_THAT(expected, ::testing::IsEmpty()) << name;
      EXPECT_EQ(event.status().code(), absl::StatusCode::kInvalidArgument) << name;
      continue;
    }
    ASSERT_FALSE(expected.empty()) << name << " fits no row: say why in FitsNoRow";
    ASSERT_TRUE(event.ok()) << name << ": " << event.status();
    ASSERT_GE(event->names.size(), expected.size()) << name;
    const std::vector<std::string> first(
        event->names.begin(), event->names.begin() + static_cast<ptrdiff_t>(expected.size()));
    EXPECT_EQ(first, expected) << name;
    EXPECT_EQ(event->data, text) << name;
  }
  std::printf("%d payloads read, %d of them fit no row\n", read, without_row);
  EXPECT_GT(read, 100);
  EXPECT_EQ(without_row, static_cast<int>(FitsNoRow().size()));
}

TEST_F(WebhookConformanceTest, TheCatalogueHasEveryRowOfTheTable) {
  const auto catalogue = Catalogue::BuiltIn();
  for (const TableRow& row : table_) {
    const EventType* event = catalogue->Find(row.names[0]);
    ASSERT_NE(event, nullptr) << row.names[0];
    for (const std::string& name : row.names) {
      EXPECT_NE(catalogue->Find(name), nullptr) << name;
    }
    if (row.kind.find(' ') != std::string::npos) continue;  // no hook carries it
    const bool found =
        std::any_of(event->webhooks.begin(), event->webhooks.end(), [&](const WebhookRow& ours) {
          if (ours.kind != row.kind || ours.when.size() != row.when.size()) return false;
          const bool same_also =
              FirstNames(ours.also.empty() ? event->also : ours.also, row.names.size() - 1) ==
              std::vector<std::string>(row.names.begin() + 1, row.names.end());
          return same_also && std::all_of(ours.when.begin(), ours.when.end(), [&](const auto& c) {
                   const auto theirs = row.when.find(c.path);
                   return theirs != row.when.end() && theirs->second == TableText(c);
                 });
        });
    EXPECT_TRUE(found) << row.names[0] << " of kind " << row.kind;
  }
  std::printf("%zu rows compared\n", rows_in_file_);
  EXPECT_EQ(rows_in_file_, table_.size());
  EXPECT_GT(rows_in_file_, 100u);
}

// The samples tell where an event happened in a dozen ways: all but the named ones must be found.
TEST_F(WebhookConformanceTest, EveryPayloadOfAProjectOrGroupSaysWhereItHappened) {
  const std::map<std::string, std::string> kNowhere = {
      {"webhooks/merge_request.group_hook.json", "its project has no id"},
      {"webhooks/derived/work_item.close.json", "a sample without its project"},
      {"webhooks/derived/work_item.open.json", "a sample without its project"},
      {"webhooks/derived/work_item.reopen.json", "a sample without its project"},
      {"system-hooks/key_create.json", "an instance event"},
      {"system-hooks/key_destroy.json", "an instance event"},
      {"system-hooks/user_create.json", "an instance event"},
      {"system-hooks/user_destroy.json", "an instance event"},
      {"system-hooks/user_failed_login.json", "an instance event"},
      {"system-hooks/user_rename.json", "an instance event"},
  };
  for (const fs::path& file : PayloadFiles()) {
    const std::string name = file.lexically_relative(DataFolder()).string();
    if (FitsNoRow().contains(name)) continue;
    auto event = EventFromGitlabWebhook(ReadFile(file), *Catalogue::BuiltIn());
    ASSERT_TRUE(event.ok()) << name << ": " << event.status();
    const bool nowhere = event->project_id == 0 && event->namespace_ids.empty();
    EXPECT_EQ(nowhere, kNowhere.contains(name)) << name;
    EXPECT_EQ(event->confidential, name == "webhooks/note.confidential.json") << name;
  }
}

}  // namespace
}  // namespace cievents
