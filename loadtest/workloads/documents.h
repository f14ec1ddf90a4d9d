// The JSON texts of the workloads' events: what a forge tells about a package, 620 to 670 bytes.
#ifndef LOADTEST_WORKLOADS_DOCUMENTS_H_
#define LOADTEST_WORKLOADS_DOCUMENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "loadtest/workloads/event_pool.h"

namespace cievents::loadtest {

// The forty names of the workloads: name(k), k in 0..39.
const std::string& NameOf(int64_t k);

struct DocumentDraft {
  int64_t number = 0;  // of the event, for ids and time
  std::string name;
  std::vector<std::string> levels;  // given: as members `l1`, `l2`, ... too
  // Of the event; written as one string or a list: "p" + project, "g" + each namespace (the
  // nearest first), "i" for the instance.
  int64_t project_id = 0;
  std::vector<int64_t> namespace_ids;
  enum class ScopeForm { kProject, kList, kInstance } scope_form = ScopeForm::kProject;
  std::string package_name = "pkg-1";
  std::string ref = "refs/heads/main";
};

EventPool::Draft MakeDocument(const DocumentDraft& draft);

}  // namespace cievents::loadtest

#endif  // LOADTEST_WORKLOADS_DOCUMENTS_H_
