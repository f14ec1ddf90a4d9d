// The text of an event catalogue to plain EventTypes: shape and spelling of one entry at a time.
// What concerns several entries (names given twice) is Catalogue's business.
#ifndef SERVICES_LIB_CATALOGUE_CATALOGUE_PARSER_H_
#define SERVICES_LIB_CATALOGUE_CATALOGUE_PARSER_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "services/lib/base/issue.h"
#include "services/lib/catalogue/catalogue.h"

namespace cievents {

inline constexpr size_t kCatalogueEntriesMax = 5000;
inline constexpr size_t kCatalogueListMax = 100;       // items of any list or map of an entry
inline constexpr size_t kCatalogueTextBytesMax = 500;  // any text of an entry

struct ParsedCatalogue {
  std::vector<EventType> event_types;
  std::vector<Issue> issues;  // all of the file's, in its order
};

ParsedCatalogue ParseCatalogue(std::string_view text, std::string_view file);

}  // namespace cievents

#endif  // SERVICES_LIB_CATALOGUE_CATALOGUE_PARSER_H_
