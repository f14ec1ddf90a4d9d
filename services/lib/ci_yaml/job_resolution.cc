#include "services/lib/ci_yaml/job_resolution.h"

#include <utility>

namespace cievents::ci_yaml {

using Kind = BodyValue::Kind;

bool JobResolver::Spend(size_t steps) {
  steps_ += steps;
  return steps_ <= kResolutionStepsMax;
}

JobResolver::Resolved JobResolver::Job(std::string_view name) {
  const std::vector<BodyLayer>* own = bodies_.Find(name);
  if (own == nullptr) return {std::nullopt, false};
  if (knowledge_ == Knowledge::kLastBodyAlone) return {MergedValue::Of(*own), true};
  const Extended& job = Extend(name, 0);
  Spend(job.layers.size());
  return {MergedValue::Of(job.layers), job.is_whole};
}

// REQUIRES: the bodies have the name. The reference is valid until the next call.
const JobResolver::Extended& JobResolver::Extend(std::string_view name, int level) {
  const auto known = extended_.find(name);
  if (known != extended_.end()) return known->second;
  extended_[name].is_open = true;
  const std::vector<BodyLayer>& own = *bodies_.Find(name);
  Extended job;
  if (const auto extends = MergedValue::Of(own).Find("extends")) AddBases(*extends, level, &job);
  job.layers.insert(job.layers.end(), own.begin(), own.end());
  if (!Spend(job.layers.size())) {  // each of many may have many
    job.layers = own;
    job.is_whole = false;
  }
  Extended& stored = extended_[name];
  stored = std::move(job);
  return stored;
}

void JobResolver::AddBases(const MergedValue& extends, int level, Extended* job) {
  if (extends.kind() == Kind::kNull) return;
  if (extends.kind() == Kind::kText) return AddBase(extends.text(), level, job);
  if (extends.kind() != Kind::kList) job->is_whole = false;
  for (const BodyValue& base : extends.items()) {
    if (base.kind == Kind::kText && extends.kind() == Kind::kList) {
      AddBase(base.text, level, job);
    } else {
      job->is_whole = false;
    }
  }
}

void JobResolver::AddBase(std::string_view name, int level, Extended* job) {
  const std::vector<BodyLayer>* own = bodies_.Find(name);
  if (own == nullptr || own->back().value->kind != Kind::kMap || level >= kExtendsLevelsMax ||
      bodies_.has_interpolated_names()) {
    job->is_whole = false;
  }
  if (own == nullptr || level >= kExtendsLevelsMax) return;
  const Extended& base = Extend(name, level + 1);
  if (base.is_open || !base.is_whole) job->is_whole = false;
  if (!Spend(base.layers.size())) {
    job->is_whole = false;
    return;
  }
  job->layers.insert(job->layers.end(), base.layers.begin(), base.layers.end());
}

// One step along a reference; the value may be another one.
JobResolver::Resolved JobResolver::Follow(const MergedValue& reference) {
  const std::vector<BodyValue>& path = reference.items();
  if (path.empty() || path[0].kind != Kind::kText || !Spend(1)) return {std::nullopt, false};
  Resolved found = Job(path[0].text);
  if (bodies_.has_interpolated_names()) found.is_whole = false;
  for (size_t i = 1; i < path.size() && found.value.has_value(); ++i) {
    if (path[i].kind != Kind::kText || !Spend(found.value->size())) return {std::nullopt, false};
    found.value = found.value->Find(path[i].text);
  }
  // To GitLab null is not there.
  if (!found.value.has_value() || found.value->kind() == Kind::kNull) return {std::nullopt, false};
  if (found.value->is_map() && knowledge_ == Knowledge::kLastBodyAlone) found.is_whole = false;
  return found;
}

JobResolver::Resolved JobResolver::ResolveFrom(MergedValue value, int* depth) {
  Resolved resolved{std::move(value), true};
  while (resolved.value.has_value() && resolved.value->kind() == Kind::kReference) {
    if (++*depth > kReferenceDepthMax) return {std::nullopt, false};
    Resolved next = Follow(*resolved.value);
    next.is_whole = next.is_whole && resolved.is_whole;
    resolved = std::move(next);
  }
  return resolved;
}

JobResolver::Resolved JobResolver::Resolve(const MergedValue& value) {
  int depth = 0;
  return ResolveFrom(value, &depth);
}

JobResolver::Resolved JobResolver::Get(const MergedValue& map, std::string_view key) {
  if (!Spend(map.size())) return {std::nullopt, false};
  const std::optional<MergedValue> value = map.Find(key);
  return value.has_value() ? Resolve(*value) : Resolved();
}

void JobResolver::Splice(const MergedValue& value, int depth, Items* items) {
  Resolved resolved = ResolveFrom(value, &depth);
  if (!resolved.is_whole) items->is_whole = false;
  if (!resolved.value.has_value()) return;
  if (!Spend(1)) {
    items->is_whole = false;
    return;
  }
  if (resolved.value->kind() != Kind::kList) {
    items->items.push_back(*std::move(resolved.value));
    return;
  }
  for (const BodyValue& item : resolved.value->items()) {
    Splice(MergedValue({&item, resolved.value->file()}), depth, items);
  }
}

JobResolver::Items JobResolver::ResolveList(const MergedValue& value) {
  Items items;
  Splice(value, 0, &items);
  return items;
}

}  // namespace cievents::ci_yaml
