#include "tests/oracle/random_inputs.h"

#include <string>
#include <vector>

#include "tests/oracle/naive_json.h"
#include "tests/oracle/random_condition.h"

namespace cievents::oracle {

RandomInputs::RandomInputs(Random& random) : random_(random) {
  constexpr const char* kNames[] = {"branch", "count", "flag-1", "list_2"};
  constexpr const char* kTypes[] = {"string", "string", "number", "boolean", "array"};
  if (random_.OneIn(2)) return;
  for (const char* name : kNames) {
    if (random_.OneIn(2)) continue;
    Declared declared;
    declared.name = name;
    declared.type = random_.Pick(kTypes);
    declared.has_default = random_.OneIn(2);
    declared.included = random_.OneIn(4);
    std::string members;
    const auto add = [&](const std::string& key, const std::string& json) {
      members += (members.empty() ? "" : ",") + QuoteJson(key) + ":" + json;
    };
    if (declared.has_default) add("default", FittingValue(declared.type));
    if (declared.type == "string" && random_.OneIn(6)) {
      add("options", R"(["main","release/1.0","42","true","abc",""])");
    } else if (declared.type == "number" && random_.OneIn(6)) {
      add("options", R"([1,2,3,42])");
    } else if (declared.type == "string" && random_.OneIn(6)) {
      add("regex", R"("main|abc|^[0-9]+$")");
    }
    if (declared.type != "string" || random_.OneIn(2)) add("type", QuoteJson(declared.type));
    declared.spec_json = members.empty() && random_.OneIn(2) ? "null" : "{" + members + "}";
    names_.push_back(declared.name);
    declared_.push_back(std::move(declared));
  }
}

std::string RandomInputs::spec_json() const {
  std::string json;
  for (const Declared& declared : declared_) {
    json += (json.empty() ? "{" : ",") + QuoteJson(declared.name) + ":" + declared.spec_json;
  }
  return json.empty() ? "{}" : json + "}";
}

std::vector<NaiveBinding> RandomInputs::Include() {
  std::vector<NaiveBinding> bindings;
  for (const Declared& declared : declared_) {
    if (declared.included) bindings.push_back({declared.name, FittingValue(declared.type)});
  }
  return bindings;
}

std::vector<NaiveBinding> RandomInputs::Entry() {
  std::vector<NaiveBinding> bindings;
  for (const Declared& declared : declared_) {
    const bool needed = !declared.has_default && !declared.included;
    if (needed ? random_.OneIn(60) : random_.OneIn(2)) continue;
    bindings.push_back({declared.name, random_.OneIn(6) ? FittingValue(declared.type)
                                                        : EventValue(declared.type)});
  }
  if (random_.OneIn(60)) bindings.push_back({"unknown", "1"});
  return bindings;
}

std::string RandomInputs::FittingValue(const std::string& type) {
  constexpr const char* kNumbers[] = {"1", "2", "3", "42"};
  constexpr const char* kTexts[] = {R"("main")", R"("abc")", R"("42")"};
  constexpr const char* kArrays[] = {R"([])", R"(["main",1])", R"([true,[1],{"a":"b"}])"};
  if (type == "number") return random_.Pick(kNumbers);
  if (type == "boolean") return random_.OneIn(2) ? "true" : "false";
  return type == "array" ? random_.Pick(kArrays) : random_.Pick(kTexts);
}

std::string RandomInputs::EventValue(const std::string& type) {
  constexpr const char* kNumberPaths[] = {"event.n", "event.project_id", "event.actor.access_level",
                                          "event.issue.iid", "event.labels.0.id"};
  constexpr const char* kBooleanPaths[] = {"event.ok", "event.replay", "event.actor.bot"};
  constexpr const char* kArrayPaths[] = {"event.labels.title", "event.names", "event.tags"};
  const auto block = [&](const std::string& path) { return "$[[ " + path + " ]]"; };
  if (type == "number" && !random_.OneIn(10)) {
    return QuoteJson(block(random_.Pick(kNumberPaths)));
  }
  if (type == "boolean" && !random_.OneIn(10)) {
    return QuoteJson(block(random_.Pick(kBooleanPaths)));
  }
  if (type == "array" && !random_.OneIn(10)) {
    return QuoteJson(block(random_.Pick(kArrayPaths)));
  }
  const std::string path = RandomPath(random_);
  switch (random_.Between(0, 5)) {
    case 0:
      return QuoteJson("branch " + block(path) + "!");
    case 1:
      return QuoteJson(block(path) + "/" + block(RandomPath(random_)));
    case 2:
      return QuoteJson(block(path + " | truncate(0,3)"));
    case 3:
      return QuoteJson(block(path + " | truncate(1,4) | posix_escape"));
    default:
      return QuoteJson(block(path));
  }
}

}  // namespace cievents::oracle
