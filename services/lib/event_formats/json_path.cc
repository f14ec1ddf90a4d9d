#include "services/lib/event_formats/json_path.h"

namespace cievents {

std::optional<simdjson::dom::element> FindPath(simdjson::dom::element root, std::string_view path) {
  simdjson::dom::element here = root;
  while (true) {
    const size_t dot = path.find('.');
    simdjson::dom::object object;
    if (here.get_object().get(object) != simdjson::SUCCESS) return std::nullopt;
    if (object.at_key(path.substr(0, dot)).get(here) != simdjson::SUCCESS) return std::nullopt;
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  if (here.is_null()) return std::nullopt;
  return here;
}

std::string_view TextAt(simdjson::dom::element root, std::string_view path) {
  const auto value = FindPath(root, path);
  std::string_view text;
  if (!value.has_value() || value->get_string().get(text) != simdjson::SUCCESS) return {};
  return text;
}

std::optional<bool> BoolAt(simdjson::dom::element root, std::string_view path) {
  const auto value = FindPath(root, path);
  bool result = false;
  if (!value.has_value() || value->get_bool().get(result) != simdjson::SUCCESS) return std::nullopt;
  return result;
}

int64_t IdAt(simdjson::dom::element root, std::string_view path) {
  const auto value = FindPath(root, path);
  int64_t id = 0;
  if (!value.has_value() || !value->is_int64()) return 0;
  if (value->get_int64().get(id) != simdjson::SUCCESS || id < 0) return 0;
  return id;
}

}  // namespace cievents
