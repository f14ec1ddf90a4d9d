#include <re2/re2.h>
#include <re2/set.h>

#include "loadtest/baselines/baseline.h"
#include "matcher/base/check.h"

namespace cievents::loadtest {
namespace {

std::string_view RefOf(std::string_view payload) {
  static constexpr std::string_view kKey = "\"ref\":\"";
  const size_t begin = payload.find(kKey);
  CIEVENTS_CHECK(begin != std::string_view::npos);
  payload.remove_prefix(begin + kKey.size());
  return payload.substr(0, payload.find('"'));
}

RE2::Options SetOptions() {
  RE2::Options options;
  options.set_max_mem(512 << 20);  // the automaton is built as it is used: 10,000 patterns need it
  return options;
}

class RegexSet : public Baseline {
 public:
  RegexSet(const std::vector<std::string>& patterns, RegexAnchor anchor, const EventPool& events)
      : set_(SetOptions(), anchor == RegexAnchor::kBoth ? RE2::ANCHOR_BOTH : RE2::UNANCHORED) {
    for (const std::string& pattern : patterns) CIEVENTS_CHECK(set_.Add(pattern, nullptr) >= 0);
    CIEVENTS_CHECK(set_.Compile());
    refs_.reserve(events.size());
    for (const matcher::EventView& event : events.views()) {
      refs_.emplace_back(RefOf(event.payload));
    }
  }

  std::string name() const override { return "RE2::Set alone"; }
  bool answers() const override { return true; }

  MatchTally Run(std::span<const matcher::EventView> events) override {
    MatchTally tally;
    for (size_t i = 0; i < events.size(); ++i) {
      found_.clear();
      set_.Match(refs_[next_], &found_);
      for (const int pattern : found_) tally.Add(pattern + 1);
      next_ = next_ + 1 == refs_.size() ? 0 : next_ + 1;
    }
    return tally;
  }

 private:
  RE2::Set set_;
  std::vector<std::string> refs_;
  size_t next_ = 0;
  std::vector<int> found_;
};

}  // namespace

std::unique_ptr<Baseline> MakeRegexSet(const std::vector<std::string>& patterns, RegexAnchor anchor,
                                       const EventPool& events) {
  return std::make_unique<RegexSet>(patterns, anchor, events);
}

}  // namespace cievents::loadtest
