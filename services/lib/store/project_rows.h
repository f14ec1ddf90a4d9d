// A project's row, and the records of what was done to it: what pushes and life cycle share. Behind
// config_store.h.
#ifndef SERVICES_LIB_STORE_PROJECT_ROWS_H_
#define SERVICES_LIB_STORE_PROJECT_ROWS_H_

#include <cstdint>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/lib/base/issue.h"
#include "services/lib/store/config_store.h"

namespace cievents::store {

// `{1,2}`, for a bigint[] parameter.
std::string IdArray(const std::vector<int64_t>& ids);
// For a text[] parameter that SQL splits: `coalesce(string_to_array(nullif($N, ''), E'\n'), '{}')`.
std::string ScopeLines(const StoredProject& project);

int64_t RootOf(const StoredProject& project);

// What libpqxx would cut off at a NUL, and scopes that their list cannot hold: kInvalidArgument.
absl::Status CheckTexts(const StoredProject& project);

enum class Lock { kNone, kForUpdate };

// False if there is no such row; `project.project_id` is set all the same.
bool ReadProject(pqxx::transaction_base& transaction, int64_t project_id, Lock lock,
                 StoredProject& project);

// Takes the lock of a project's pushes and life cycle, making its row if there is none. Returns
// whether it was there.
bool LockProjectRow(pqxx::transaction_base& transaction, int64_t project_id,
                    StoredProject& project);

// Writes the row, which is locked; if the root has changed, its subscriptions' too.
void WriteProject(pqxx::transaction_base& transaction, const StoredProject& before,
                  const StoredProject& after);

// Every matcher reads the project's set again.
void MarkProjectChanged(pqxx::transaction_base& transaction, int64_t project_id);

// A row of config_pushes.
struct PushRecord {
  int64_t sequence = 0;
  std::string commit_sha;
  std::string result;
  int added = 0;
  int updated = 0;
  int removed = 0;
  const std::vector<Issue>* issues = nullptr;  // null = none
};

// Writes the record, and removes all but the project's last 20.
void WriteRecord(pqxx::transaction_base& transaction, const StoredProject& project,
                 const PushRecord& record);

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_PROJECT_ROWS_H_
