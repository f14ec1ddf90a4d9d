// Which rows of the catalogue a webhook payload fits, and the names that follow.
#ifndef SERVICES_LIB_EVENT_FORMATS_WEBHOOK_ROWS_H_
#define SERVICES_LIB_EVENT_FORMATS_WEBHOOK_ROWS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/lib/catalogue/catalogue.h"
#include "simdjson.h"

namespace cievents {

// The names of the row with the most conditions that hold: its event, the row's own `also`, the
// event's `also`; on a tie those of all tied rows in file order; each once, at most kEventNamesMax.
// kInvalidArgument if no row fits; the message says which kind and fields were seen.
absl::StatusOr<std::vector<std::string>> NamesOfWebhook(simdjson::dom::element payload,
                                                        std::string_view kind,
                                                        const Catalogue& catalogue);

}  // namespace cievents

#endif  // SERVICES_LIB_EVENT_FORMATS_WEBHOOK_ROWS_H_
