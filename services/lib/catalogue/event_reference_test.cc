#include "services/lib/catalogue/event_reference.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <variant>

namespace cievents {
namespace {

// Tests run in the source root.
constexpr char kPage[] = "docs/events.md";

TEST(EventReferenceTest, ThePageInDocsIsWhatTheBuiltInCataloguePrints) {
  const std::string printed = EventReferenceMarkdown(*Catalogue::BuiltIn());
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(kPage, std::ios::binary) << printed;
  }
  std::ifstream file(kPage, std::ios::binary);
  ASSERT_TRUE(file.is_open()) << kPage << " is missing: run this test with UPDATE_GOLDEN=1";
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_EQ(page.str(), printed) << kPage << " is old: run this test with UPDATE_GOLDEN=1";
}

TEST(EventReferenceTest, ARowShowsWhatTheEntrySays) {
  auto parsed = Catalogue::Parse(
      "- name: a/b\n"
      "  summary: This | that.\n"
      "  webhook:\n"
      "    - {kind: k, when: {x: \"!1\", y.z: present, w: true}, also: [c/d]}\n"
      "    - {kind: l}\n"
      "  also: [e/f, c/d]\n"
      "  aliases: [g/h]\n"
      "  payload: [x, y.z]\n",
      "f.yaml");
  ASSERT_TRUE(std::holds_alternative<std::shared_ptr<const Catalogue>>(parsed));
  const std::string page = EventReferenceMarkdown(*std::get<0>(parsed));
  EXPECT_NE(page.find("| `a/b` | This \\| that. | `k`: `x` not `1`, `y.z` present, `w` = `true`<br>"
                      "`l` | `c/d`, `e/f` |\n"),
            std::string::npos)
      << page;
  EXPECT_NE(page.find("| `a/b` | `g/h` | - | - |\n"), std::string::npos) << page;
  EXPECT_NE(page.find("| `a/b` | `x`, `y.z` |\n"), std::string::npos) << page;
}

}  // namespace
}  // namespace cievents
