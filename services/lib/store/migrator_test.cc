#include "services/lib/store/migrator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>

#include "matcher/base/status.h"
#include "matcher/event_identity.h"
#include "migrations/migrations.h"
#include "services/lib/store/postgres_programs.h"
#include "services/lib/store/testing/test_database.h"

namespace cievents::store {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kSchemaFile[] = "migrations/schema.sql";  // tests run in the root of the source

int Head() { return AllMigrations().back().version; }

int VersionOf(const std::string& dsn) {
  const auto status = GetMigrationStatus(dsn);
  return status.ok() ? status->version : -1;
}

std::string Dump(const std::string& dsn) {
  const auto programs = FindPostgresPrograms("");
  if (!programs.ok()) return programs.status().ToString();
  const std::string base = fmt::format(
      "'{}/pg_dump' --schema-only --schema=cievents"
      " --schema=cievents_admin '{}' 2>&1",
      *programs, dsn);
  // The key is random without the option, which older programs do not know.
  const std::string help = fmt::format("'{}/pg_dump' --help | grep -q restrict-key", *programs);
  const std::string command = std::system(help.c_str()) == 0 ? base + " --restrict-key=x" : base;
  FILE* output = popen(command.c_str(), "re");
  std::string text;
  char buffer[4096];
  for (size_t read = 0; (read = std::fread(buffer, 1, sizeof(buffer), output)) > 0;) {
    text.append(buffer, read);
  }
  return pclose(output) == 0 ? text : "pg_dump failed: " + text;
}

// Without the lines that name versions or keys.
std::string Normalised(const std::string& dump) {
  std::istringstream lines(dump);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("-- Dumped", 0) == 0 || line.rfind("\\restrict", 0) == 0 ||
        line.rfind("\\unrestrict", 0) == 0) {
      continue;
    }
    result += line + "\n";
  }
  return result;
}

std::string DumpedMajor(const std::string& dump) {
  constexpr std::string_view kVersion = "-- Dumped by pg_dump version ";
  const size_t at = dump.find(kVersion);
  return at == std::string::npos ? "" : dump.substr(at + kVersion.size(), 2);
}

TEST(MigratorTest, GoesFromNothingToTheHead) {
  const std::string dsn = NewEmptyDatabase();
  auto status = GetMigrationStatus(dsn);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->version, 0);
  EXPECT_THAT(status->pending, SizeIs(AllMigrations().size()));
  EXPECT_EQ(status->pending.front(), "0001_create_schemas");
  EXPECT_EQ(VerifyMigrations(dsn).code(), absl::StatusCode::kFailedPrecondition);

  ASSERT_TRUE(MigrateUp(dsn).ok());
  status = GetMigrationStatus(dsn);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->version, Head());
  EXPECT_THAT(status->pending, IsEmpty());
  EXPECT_TRUE(VerifyMigrations(dsn).ok());
  EXPECT_TRUE(MigrateUp(dsn).ok()) << "twice is fine";
}

TEST(MigratorTest, GoesDownStepByStepAndUpAgain) {
  const std::string dsn = NewEmptyDatabase();
  ASSERT_TRUE(MigrateUp(dsn).ok());
  const std::string before = Normalised(Dump(dsn));
  ASSERT_THAT(before, HasSubstr("CREATE TABLE cievents.projects"));
  for (int version = Head() - 1; version >= 0; --version) {
    const absl::Status down = MigrateDown(dsn, version);
    ASSERT_TRUE(down.ok()) << down;
    EXPECT_EQ(VersionOf(dsn), version);
  }
  EXPECT_EQ(Sql(dsn, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'cievents%'"), "0");
  ASSERT_TRUE(MigrateUp(dsn).ok());
  EXPECT_EQ(Normalised(Dump(dsn)), before);
}

TEST(MigratorTest, GoesDownWithPartitionsAndRows) {
  const std::string dsn = NewDatabase();
  Sql(dsn, "INSERT INTO cievents.projects (project_id) VALUES (1)");
  const absl::Status down = MigrateDown(dsn, 0);
  EXPECT_TRUE(down.ok()) << down;
  EXPECT_EQ(VersionOf(dsn), 0);
}

TEST(MigratorTest, SubscriptionsThatAreThereGetTheDeclaredInputsOfTheirFile) {
  const std::string dsn = NewDatabase();
  ASSERT_TRUE(MigrateDown(dsn, 6).ok());
  ASSERT_EQ(
      Sql(dsn,
          "INSERT INTO cievents.projects (project_id) VALUES (1);"
          "INSERT INTO cievents.config_files VALUES"
          R"( (1, 'a.yml', 'header_only', 'x', '', 'x', '{"spec_inputs":{"n":{"default":1.50}}}'),)"
          R"( (1, 'b.yml', 'header_only', 'x', '', 'x', '{"spec_inputs":{}}'),)"
          R"( (1, 'c.yml', 'header_only', 'x', 'not JSON', '', '');)"
          "INSERT INTO cievents.subscriptions (project_id, root_namespace_id, path, inputs_digest,"
          " workflow_id, entries, inputs, owner_user_id)"
          " SELECT 1, 0, p, 'd', 'w', '[]', '{}', 1 FROM unnest("
          " ARRAY['a.yml', 'b.yml', 'c.yml', 'd.yml']) AS p"),
      "");
  ASSERT_TRUE(MigrateUp(dsn).ok());
  EXPECT_EQ(Sql(dsn,
                "SELECT string_agg(path || spec_inputs, ' ' ORDER BY path)"
                " FROM cievents.subscriptions"),
            R"(a.yml{"n":{"default":1.50}} b.yml{} c.yml{} d.yml{})");
}

TEST(MigratorTest, AVersionThatIsNotThereIsRefused) {
  const std::string dsn = NewEmptyDatabase();
  EXPECT_EQ(MigrateDown(dsn, -1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MigrateDown(dsn, Head() + 1).code(), absl::StatusCode::kInvalidArgument);
}

TEST(MigratorTest, AMigrationThatWasChangedAfterwardsIsNamed) {
  const std::string dsn = NewDatabase();
  Sql(dsn, "UPDATE cievents.schema_migrations SET checksum = repeat('0', 64) WHERE version = 2");
  for (const absl::Status& status : {VerifyMigrations(dsn), MigrateUp(dsn), MigrateDown(dsn, 0)}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("0002_create_projects"));
  }
}

TEST(MigratorTest, ANewerDatabaseIsRefused) {
  const std::string dsn = NewDatabase();
  Sql(dsn, fmt::format("INSERT INTO cievents.schema_migrations (version, name, checksum)"
                       " VALUES ({}, 'from_tomorrow', repeat('0', 64))",
                       Head() + 1));
  for (const absl::Status& status : {VerifyMigrations(dsn), MigrateUp(dsn), MigrateDown(dsn, 0)}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("from_tomorrow"));
  }
}

TEST(MigratorTest, AMissingRowIsNoticed) {
  const std::string dsn = NewDatabase();
  Sql(dsn, "DELETE FROM cievents.schema_migrations WHERE version = 2");
  EXPECT_EQ(VerifyMigrations(dsn).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(MigratorTest, AMigrationThatFailsLeavesNothing) {
  const std::string dsn = NewEmptyDatabase();
  Sql(dsn, "CREATE SCHEMA cievents_admin");  // the first migration's second statement collides
  const absl::Status status = MigrateUp(dsn);
  EXPECT_THAT(std::string(status.message()), HasSubstr("0001_create_schemas"));
  EXPECT_EQ(VersionOf(dsn), 0);
  EXPECT_EQ(Sql(dsn, "SELECT count(*) FROM pg_namespace WHERE nspname = 'cievents'"), "0");
}

TEST(MigratorTest, SeveralProcessesMayMigrateAtOnce) {
  const std::string dsn = NewEmptyDatabase();
  std::vector<absl::Status> statuses(4);
  std::vector<std::thread> threads;
  for (absl::Status& status : statuses) {
    threads.emplace_back([&status, &dsn] { status = MigrateUp(dsn); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(VersionOf(dsn), Head());
}

TEST(MigratorTest, NoServerIsUnavailable) {
  const std::string dsn = "postgresql://nobody@%2Fnowhere/x";
  EXPECT_EQ(MigrateUp(dsn).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(GetMigrationStatus(dsn).status().code(), absl::StatusCode::kUnavailable);
}

TEST(SchemaTest, TheFileIsWhatTheMigrationsMake) {
  const std::string dsn = NewEmptyDatabase();
  ASSERT_TRUE(MigrateUp(dsn).ok());
  const std::string dump = Dump(dsn);
  ASSERT_THAT(dump, HasSubstr("CREATE TABLE cievents.projects"));
  if (std::getenv("CIEVENTS_UPDATE_SCHEMA") != nullptr) std::ofstream(kSchemaFile) << dump;
  std::ifstream file(kSchemaFile);
  ASSERT_TRUE(file.is_open()) << kSchemaFile;
  const std::string schema{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (DumpedMajor(schema) != DumpedMajor(dump)) {
    GTEST_SKIP() << "the file is by pg_dump " << DumpedMajor(schema) << ", here is "
                 << DumpedMajor(dump) << ": their outputs differ";
  }
  EXPECT_EQ(Normalised(schema), Normalised(dump))
      << "run this test with CIEVENTS_UPDATE_SCHEMA=1 and look at the difference";
}

TEST(SchemaTest, EveryTableViewColumnAndFunctionHasAComment) {
  const std::string dsn = NewEmptyDatabase();
  ASSERT_TRUE(MigrateUp(dsn).ok());
  EXPECT_EQ(Sql(dsn,
                "SELECT c.oid::regclass, a.attname FROM pg_class c"
                " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname LIKE 'cievents%'"
                " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
                " WHERE c.relkind IN ('r', 'p', 'v') AND (col_description(c.oid, a.attnum) IS NULL"
                " OR obj_description(c.oid, 'pg_class') IS NULL)"),
            "");
  EXPECT_EQ(Sql(dsn,
                "SELECT p.oid::regprocedure FROM pg_proc p"
                " JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname LIKE 'cievents%'"
                " WHERE obj_description(p.oid, 'pg_proc') IS NULL"),
            "");
}

TEST(SchemaTest, NoViewShowsPayloadsOrInputs) {
  EXPECT_EQ(Sql(NewDatabase(),
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_schema = 'cievents_admin' AND column_name IN ('data', 'inputs')"),
            "");
}

TEST(SchemaTest, EveryTableOfATenantHasItsKey) {
  EXPECT_EQ(Sql(NewDatabase(),
                "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = 'cievents' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
                " AND c.relname NOT IN ('schema_migrations', 'config_files', 'topology', 'shards',"
                " 'partition_totals')"
                " AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid"
                "   AND a.attname = 'root_namespace_id')"),
            "");
}

TEST(SchemaTest, TheFloorOfATimeIsTheSmallestUidOfItsMillisecond) {
  const int64_t ms = 1'700'000'000'123;
  EXPECT_EQ(Sql(NewDatabase(), "SELECT cievents.uuid7_floor('2023-11-14 22:13:20.123+00')"),
            (matcher::EventUid{static_cast<uint64_t>(ms) << 16, 0}).ToString());
}

}  // namespace
}  // namespace cievents::store
