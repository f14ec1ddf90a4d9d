// The event reference, docs/events.md, printed from a catalogue.
#ifndef SERVICES_LIB_CATALOGUE_EVENT_REFERENCE_H_
#define SERVICES_LIB_CATALOGUE_EVENT_REFERENCE_H_

#include <string>

#include "services/lib/catalogue/catalogue.h"

namespace cievents {

// The whole page, GitHub-flavoured Markdown.
std::string EventReferenceMarkdown(const Catalogue& catalogue);

}  // namespace cievents

#endif  // SERVICES_LIB_CATALOGUE_EVENT_REFERENCE_H_
