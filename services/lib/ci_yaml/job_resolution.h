// What `extends` and `!reference` make of merged bodies, in GitLab's order: first the one, then the
// other.
#ifndef SERVICES_LIB_CI_YAML_JOB_RESOLUTION_H_
#define SERVICES_LIB_CI_YAML_JOB_RESOLUTION_H_

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "matcher/base/string_map.h"
#include "services/lib/ci_yaml/body_merge.h"

namespace cievents::ci_yaml {

inline constexpr int kExtendsLevelsMax = 11;
inline constexpr int kReferenceDepthMax = 10;
// Looked-up keys and list items of one body together. What is not resolved by then stays so.
inline constexpr size_t kResolutionStepsMax = 2'000'000;

// What the bodies at hand are.
enum class Knowledge {
  kWhole,          // all that GitLab merges
  kLastBodyAlone,  // what others add to its maps is not known; its lists and texts are as they are
};

class JobResolver {
 public:
  // `bodies` must outlive the resolver.
  JobResolver(const MergedBodies& bodies, Knowledge knowledge)
      : bodies_(bodies), knowledge_(knowledge) {}

  // What is known of a value, and whether that is all: then no reference was followed that leads
  // nowhere, in circles, too deep or to a name that may be another's.
  struct Resolved {
    std::optional<MergedValue> value;
    bool is_whole = true;
  };
  struct Items {
    std::vector<MergedValue> items;
    bool is_whole = true;
  };

  // A top-level map with its bases merged below it.
  Resolved Job(std::string_view name);
  // What a value stands for: never a reference.
  Resolved Resolve(const MergedValue& value);
  // The value of a key, resolved; none if there is no such key.
  Resolved Get(const MergedValue& map, std::string_view key);
  // The items of a list, those of lists in it spliced in, each resolved. A value that is no list is
  // its only item.
  Items ResolveList(const MergedValue& value);

 private:
  struct Extended {
    std::vector<BodyLayer> layers;  // bases first
    bool is_whole = true;
    bool is_open = false;  // being made: whoever needs it is its own base
  };

  const Extended& Extend(std::string_view name, int level);
  void AddBases(const MergedValue& extends, int level, Extended* job);
  void AddBase(std::string_view name, int level, Extended* job);
  Resolved Follow(const MergedValue& reference);
  Resolved ResolveFrom(MergedValue value, int* depth);
  void Splice(const MergedValue& value, int depth, Items* items);
  bool Spend(size_t steps);

  const MergedBodies& bodies_;
  const Knowledge knowledge_;
  StringMap<Extended> extended_;
  size_t steps_ = 0;
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_JOB_RESOLUTION_H_
