// Access groups and events written by hand, for tests.
#ifndef MATCHER_ACCESS_TESTING_ACCESS_FIXTURE_H_
#define MATCHER_ACCESS_TESTING_ACCESS_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/access/access_index.h"
#include "matcher/condition/condition.h"
#include "matcher/event/event_fields.h"
#include "matcher/event/event_path.h"

namespace cievents::matcher {

// Terms over one table of paths, and one event at a time.
class AccessFixture {
 public:
  AccessFixture();
  ~AccessFixture();

  // `path` is what follows `event.`; CHECK-fails if it is none.
  AccessTerm Equals(std::string_view path, std::string_view literal);
  AccessTerm Prefix(std::string_view path, std::string_view literal);
  AccessTerm Regex(std::string_view path, std::string_view pattern);

  // Makes `payload` (JSON) the event's payload.
  void SetPayload(std::string payload);
  EventFields& event() { return event_; }

  // The candidates for the current event, sorted. CHECK-fails if one comes twice.
  std::vector<uint32_t> Collect(const AccessIndex& index);
  // Those that the last Collect called certain.
  const std::vector<uint32_t>& certain() const { return certain_; }

 private:
  AccessTerm MakeTerm(AccessTerm::Kind kind, std::string_view path, std::string_view literal);

  EventPathTable paths_;
  std::vector<std::string> names_ = {"package/published"};
  std::string payload_;
  EventView view_;
  EventFields event_;
  AccessScratch scratch_;
  std::vector<uint32_t> certain_;
};

// Build from values.
std::unique_ptr<const AccessIndex> BuildIndex(const std::vector<AccessGroups>& items,
                                              const RegexLimits& limits = {});

// True if one of the terms holds for the event, found the slow and simple way; kFailed values make
// a term hold. The oracle of the index.
bool GroupHolds(const AccessGroup& group, EventFields& event);

}  // namespace cievents::matcher

#endif  // MATCHER_ACCESS_TESTING_ACCESS_FIXTURE_H_
