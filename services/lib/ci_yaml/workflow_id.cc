#include "services/lib/base/json_writer.h"
#include "services/lib/base/sha256.h"
#include "services/lib/ci_yaml/assemble.h"
#include "services/lib/ci_yaml/entry_json.h"

namespace cievents::ci_yaml {
namespace {

// Raise it when the canonical form changes: all workflow ids change then, as they must.
constexpr char kFormatVersion = '\x01';

}  // namespace

std::string WorkflowId(const std::vector<matcher::Entry>& entries,
                       const matcher::HoistedRules& hoisted_rules,
                       std::string_view spec_inputs_json) {
  JsonWriter writer;
  WriteEntries(entries, Positions::kWithout, &writer);
  std::string bytes(1, kFormatVersion);
  bytes.append(writer.text());
  bytes.push_back('\0');
  bytes.append(spec_inputs_json);
  if (!hoisted_rules.empty()) {
    bytes.push_back('\0');
    bytes.append(HoistedRulesToJson(hoisted_rules));
  }
  return Sha256Hex(bytes);
}

}  // namespace cievents::ci_yaml
