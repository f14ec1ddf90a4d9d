#include "tests/ingest/random_checkout.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace cievents::ingest_test {
namespace {

constexpr int kEventsFiles = 5;
constexpr int kIncludedFiles = 4;
constexpr int kNestedFiles = 2;
constexpr size_t kHistoryMax = 12;
constexpr std::string_view kBroken = "# broken\nspec: {events: [custom/a\n---\n";
constexpr std::string_view kBrokenCiFile = "# broken\ninclude: [ci/one.yml\n";
constexpr char kCiFile[] = ".gitlab-ci.yml";

std::string EventsPath(int i) { return fmt::format(".gitlab/ci/events/e{}.yml", i); }
std::string IncludedPath(int i) { return fmt::format("ci/i{}.yml", i); }
std::string NestedPath(int i) { return fmt::format("ci/nested/n{}.yml", i); }
bool IsBroken(const std::string& content) { return content.rfind("# broken\n", 0) == 0; }

}  // namespace

RandomCheckout::RandomCheckout(Random& random) : random_(random) {
  SetEventsFile(0);
  SetIncluded(0);
  SetCiFile();
}

std::string RandomCheckout::Events() {
  std::string list;
  for (int i = 0; i <= random_.Below(3); ++i) {
    const char name = static_cast<char>('a' + random_.Below(8));
    switch (random_.Below(4)) {
      case 0:
        list += fmt::format("    - custom/{}\n", name);
        break;
      case 1:
        list += fmt::format("    - {{name: [custom/{}, custom/{}/*]}}\n", name, name);
        break;
      case 2:
        list += fmt::format(
            "    - name: custom/{}\n      rules: [{{if: '$[[ event.id ]] == \"{}\"'}}]\n", name,
            random_.Below(3));
        break;
      default:
        list += fmt::format("    - {{name: custom/{}, scope: group}}\n", name);
    }
  }
  return list;
}

void RandomCheckout::SetEventsFile(int i) {
  files_[EventsPath(i)] =
      random_.Percent(15)
          ? std::string(kBroken)
          : fmt::format("{}spec:\n  events:\n{}---\njob: {{script: echo {}}}\n",
                        random_.Percent(30) ? "# a comment\n" : "", Events(), random_.Below(5));
}

void RandomCheckout::SetIncluded(int i) {
  files_[IncludedPath(i)] =
      fmt::format("spec:\n  inputs: {{env: {{default: {}}}}}\n  events:\n{}---\n",
                  static_cast<char>('p' + random_.Below(3)), Events());
}

std::string RandomCheckout::Include() {
  const std::string path = random_.Percent(75) ? IncludedPath(random_.Below(kIncludedFiles))
                                               : NestedPath(random_.Below(kNestedFiles));
  if (path.rfind("ci/nested/", 0) == 0 || random_.Percent(40)) {
    return fmt::format("  - local: {}\n", path);
  }
  return fmt::format("  - {{local: {}, inputs: {{env: {}}}}}\n", path,
                     static_cast<char>('x' + random_.Below(3)));
}

void RandomCheckout::SetNested(int i) {
  std::string text = "include:\n";
  for (int k = 0; k <= random_.Below(2); ++k) text += Include();
  files_[NestedPath(i)] = text;
}

void RandomCheckout::SetCiFile() {
  if (random_.Percent(10)) {
    files_[kCiFile] = kBrokenCiFile;
    return;
  }
  std::string text = "job: {script: echo}\n";
  if (random_.Percent(40)) {
    text += fmt::format("workflow: {{events: [custom/{}]}}\n",
                        static_cast<char>('a' + random_.Below(8)));
  }
  text += "include:\n";
  if (random_.Percent(15)) text += "  - local: ci/i*.yml\n";
  for (int k = 0; k <= random_.Below(3); ++k) text += Include();
  files_[kCiFile] = text;
}

void RandomCheckout::Rename() {
  const auto from = files_.find(EventsPath(random_.Below(kEventsFiles)));
  if (from == files_.end()) return;
  const std::string content = from->second;
  files_.erase(from);
  files_[EventsPath(random_.Below(kEventsFiles))] = content;
}

void RandomCheckout::ChangeOnce() {
  switch (random_.Below(12)) {
    case 0:
    case 1:
    case 2:
      return SetEventsFile(random_.Below(kEventsFiles));
    case 3:
      return SetIncluded(random_.Below(kIncludedFiles));
    case 4:
      return SetNested(random_.Below(kNestedFiles));
    case 5:
    case 6:
      return SetCiFile();
    case 7:
      return Rename();
    case 8:
      files_.erase(EventsPath(random_.Below(kEventsFiles)));
      return;
    case 9:
      files_.erase(random_.Percent(70) ? IncludedPath(random_.Below(kIncludedFiles))
                                       : NestedPath(random_.Below(kNestedFiles)));
      return;
    case 10:
      files_[fmt::format("docs/d{}.yml", random_.Below(3))] = fmt::format("{}", random_.Below(9));
      return;
    default:
      files_ = history_[static_cast<size_t>(random_.Below(static_cast<int>(history_.size())))];
  }
}

std::vector<std::string> RandomCheckout::Change() {
  const Files before = files_;
  history_.push_back(files_);
  if (history_.size() > kHistoryMax) history_.erase(history_.begin());
  for (int i = 0; i <= random_.Below(3); ++i) ChangeOnce();
  std::vector<std::string> changed;
  for (const auto& [path, content] : before) {
    const auto now = files_.find(path);
    if (now == files_.end() || now->second != content) changed.push_back(path);
  }
  for (const auto& [path, content] : files_) {
    if (before.count(path) == 0) changed.push_back(path);
  }
  return changed;
}

Files RandomCheckout::Effective(const Files& files, Files* good) {
  for (auto it = good->begin(); it != good->end();) {
    it = files.count(it->first) == 0 ? good->erase(it) : std::next(it);
  }
  Files effective = files;
  for (auto& [path, content] : effective) {
    if (!IsBroken(content)) {
      (*good)[path] = content;
    } else if (const auto last = good->find(path); last != good->end()) {
      content = last->second;
    }
  }
  return effective;
}

}  // namespace cievents::ingest_test
