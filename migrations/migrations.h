// The numbered migrations of the database schema, compiled into the program.
#ifndef MIGRATIONS_MIGRATIONS_H_
#define MIGRATIONS_MIGRATIONS_H_

#include <span>
#include <string_view>

namespace cievents {

struct Migration {
  int version;            // 1, 2, 3, without gaps
  std::string_view name;  // verb_noun
  std::string_view up_sql;
  std::string_view down_sql;
};

// In the order of their versions.
std::span<const Migration> AllMigrations();

}  // namespace cievents

#endif  // MIGRATIONS_MIGRATIONS_H_
