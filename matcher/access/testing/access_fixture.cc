#include "matcher/access/testing/access_fixture.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "matcher/access/access_index.h"
#include "matcher/base/check.h"
#include "matcher/condition/condition.h"
#include "matcher/event/event_view.h"
#include "matcher/event/value.h"
#include "re2/re2.h"
#include "re2/stringpiece.h"

namespace cievents::matcher {
namespace {

bool TermHoldsForText(const AccessTerm& term, std::string_view text) {
  switch (term.kind) {
    case AccessTerm::Kind::kEquals:
      return text == term.literal;
    case AccessTerm::Kind::kPrefix:
      return text.starts_with(term.literal);
    case AccessTerm::Kind::kRegex:
      return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), RE2(term.literal));
  }
  return false;
}

bool TermHolds(const AccessTerm& term, const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return false;
    case Value::Kind::kFailed:
      return true;
    case Value::Kind::kBoolean:
      return TermHoldsForText(term, value.boolean ? "true" : "false");
    case Value::Kind::kText:
      return TermHoldsForText(term, value.text);
    case Value::Kind::kList:
      return std::any_of(value.list.begin(), value.list.end(),
                         [&term](const Value& element) { return TermHolds(term, element); });
  }
  return false;
}

}  // namespace

AccessFixture::AccessFixture() { SetPayload("{}"); }
AccessFixture::~AccessFixture() = default;

AccessTerm AccessFixture::Equals(std::string_view path, std::string_view literal) {
  return MakeTerm(AccessTerm::Kind::kEquals, path, literal);
}
AccessTerm AccessFixture::Prefix(std::string_view path, std::string_view literal) {
  return MakeTerm(AccessTerm::Kind::kPrefix, path, literal);
}
AccessTerm AccessFixture::Regex(std::string_view path, std::string_view pattern) {
  return MakeTerm(AccessTerm::Kind::kRegex, path, pattern);
}

AccessTerm AccessFixture::MakeTerm(AccessTerm::Kind kind, std::string_view path,
                                   std::string_view literal) {
  auto interned = paths_.Intern("event." + std::string(path));
  CIEVENTS_CHECK(interned.ok());
  return {kind, *std::move(interned), std::string(literal)};
}

void AccessFixture::SetPayload(std::string payload) {
  payload_ = std::move(payload);
  view_.names = names_;
  view_.project_id = 1;
  view_.payload = payload_;
  event_.Reset(view_);
}

std::vector<uint32_t> AccessFixture::Collect(const AccessIndex& index) {
  std::vector<uint32_t> candidates;
  index.Collect(event_, scratch_, &candidates);
  certain_.clear();
  for (uint32_t& candidate : candidates) {
    if ((candidate & AccessIndex::kCertain) == 0) continue;
    candidate &= ~AccessIndex::kCertain;
    certain_.push_back(candidate);
  }
  std::sort(candidates.begin(), candidates.end());
  CIEVENTS_CHECK(std::adjacent_find(candidates.begin(), candidates.end()) == candidates.end());
  return candidates;
}

std::unique_ptr<const AccessIndex> BuildIndex(const std::vector<AccessGroups>& items,
                                              const RegexLimits& limits) {
  std::vector<const AccessGroups*> pointers;
  pointers.reserve(items.size());
  for (const AccessGroups& groups : items) pointers.push_back(&groups);
  return AccessIndex::Build(pointers, {}, limits);
}

bool GroupHolds(const AccessGroup& group, EventFields& event) {
  return std::any_of(group.begin(), group.end(), [&event](const AccessTerm& term) {
    return TermHolds(term, event.Get(*term.path));
  });
}

}  // namespace cievents::matcher
