#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "loadtest/baselines/baseline.h"
#include "matcher/base/check.h"

namespace cievents::loadtest {
namespace {

// simdjson's on-demand half is inlined for the processor that the build is for, here any x86-64,
// not for the one that it runs on.
class PayloadLookup : public Baseline {
 public:
  explicit PayloadLookup(std::string_view path) {
    while (!path.empty()) {
      const size_t end = std::min(path.find('.'), path.size());
      keys_.emplace_back(path.substr(0, end));
      path.remove_prefix(std::min(end + 1, path.size()));
    }
    CIEVENTS_CHECK(!keys_.empty());
  }

  std::string name() const override { return "memcpy and one on-demand look-up"; }
  bool answers() const override { return false; }

  MatchTally Run(std::span<const matcher::EventView> events) override {
    MatchTally tally;
    for (const matcher::EventView& event : events) {
      if (event.payload.size() + simdjson::SIMDJSON_PADDING > buffer_.size()) {
        buffer_.resize(event.payload.size() + simdjson::SIMDJSON_PADDING);
      }
      std::memcpy(buffer_.data(), event.payload.data(), event.payload.size());
      tally.Add(static_cast<int64_t>(FindBytes(event.payload.size())));
    }
    return tally;
  }

 private:
  // How many bytes the value has as JSON.
  size_t FindBytes(size_t bytes) {
    simdjson::ondemand::document document;
    auto error = parser_.iterate(buffer_.data(), bytes, buffer_.size()).get(document);
    simdjson::ondemand::value value;
    if (!error) error = document.find_field(keys_.front()).get(value);
    for (size_t i = 1; !error && i < keys_.size(); ++i) {
      error = value.find_field(keys_[i]).get(value);
    }
    CIEVENTS_CHECK(!error);
    return value.raw_json_token().size();
  }

  std::vector<std::string> keys_;
  std::string buffer_;
  simdjson::ondemand::parser parser_;
};

}  // namespace

std::unique_ptr<Baseline> MakePayloadLookup(std::string_view path) {
  return std::make_unique<PayloadLookup>(path);
}

}  // namespace cievents::loadtest
