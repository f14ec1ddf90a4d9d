#include "services/lib/base/nearest.h"

#include <algorithm>
#include <utility>

namespace cievents {
namespace {

// A longer text gets no suggestions: it is no typing error, and the cost is the product of the
// lengths.
constexpr size_t kTextBytesMax = 256;

// The distance of `a` and `b`; a swap of neighbours counts one.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({replaced, previous[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

std::vector<std::string> NearestTexts(std::string_view text,
                                      const std::vector<std::string>& candidates, size_t count) {
  if (text.size() > kTextBytesMax) return {};
  const size_t distance_max = std::max<size_t>(2, text.size() / 3);
  std::vector<std::pair<size_t, const std::string*>> near;
  for (const std::string& candidate : candidates) {
    const size_t longer = std::max(candidate.size(), text.size());
    const size_t shorter = std::min(candidate.size(), text.size());
    if (longer - shorter > distance_max) continue;
    const size_t distance = Distance(text, candidate);
    // `on` is as near to `if` as to anything else: nothing in common is no suggestion.
    if (distance <= distance_max && distance < longer) near.emplace_back(distance, &candidate);
  }
  std::stable_sort(near.begin(), near.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  if (near.size() > count) near.resize(count);
  std::vector<std::string> texts;
  texts.reserve(near.size());
  for (const auto& [distance, candidate] : near) texts.push_back(*candidate);
  return texts;
}

}  // namespace cievents
