// The recipes of docs/subscriptions.md, as they stand there: each YAML is pushed, each event fires
// it, and a neighbour of that event does not.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "absl/time/clock.h"
#include "services/lib/event_formats/event_json.h"
#include "tests/integration/project.h"

namespace cievents::integration {
namespace {

struct Recipe {
  std::string yaml;
  std::string event;
};

// The fenced block of `language` after `from`; moves `from` behind it.
std::string FencedBlock(const std::string& text, const std::string& language, size_t* from) {
  const std::string fence = "```" + language + "\n";
  const size_t begin = text.find(fence, *from);
  if (begin == std::string::npos) return "";
  const size_t end = text.find("\n```\n", begin);
  *from = end;
  return text.substr(begin + fence.size(), end + 1 - begin - fence.size());
}

// By heading. (ctest runs the tests in the source root.)
std::map<std::string, Recipe> ReadRecipes() {
  std::ifstream file("docs/subscriptions.md");
  std::stringstream stream;
  stream << file.rdbuf();
  const std::string text = stream.str();
  const size_t first = text.find("\n## Recipes\n");
  const size_t last = text.find("\n## ", first + 4);
  std::map<std::string, Recipe> recipes;
  for (size_t at = text.find("\n### ", first); at < last; at = text.find("\n### ", at)) {
    const std::string title = text.substr(at + 5, text.find('\n', at + 1) - at - 5);
    recipes[title].yaml = FencedBlock(text, "yaml", &at);
    recipes[title].event = FencedBlock(text, "json", &at);
  }
  return recipes;
}

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what << " is not in\n" << text;
  if (at != std::string::npos) text.replace(at, what.size(), with);
  return text;
}

// An event of the documentation, happening now in `project` unless it names one itself.
Event EventOf(const std::string& json, const Project& project) {
  const auto parsed = EventFromJson(json);
  EXPECT_TRUE(parsed.ok()) << parsed.status() << "\n" << json;
  if (!parsed.ok()) return {};
  Event event = MakeEvent("custom/x");
  event.clear_names();
  for (const std::string& name : parsed->names) event.add_names(name);
  event.set_data(parsed->data);
  event.mutable_actor()->set_user_id(parsed->actor.user_id);
  event.mutable_actor()->set_username(parsed->actor.username);
  if (parsed->actor.access_level.has_value()) {
    event.mutable_actor()->set_access_level(*parsed->actor.access_level);
  }
  event.set_project_id(parsed->project_id != 0 ? parsed->project_id : project.id());
  event.add_namespace_ids(project.root_id());
  return event;
}

struct RecipeCase {
  const char* title;
  const char* inputs;  // of the request
  const char* what;    // replaced in the event...
  const char* with;    // ...so that it does not fire
};

constexpr RecipeCase kCases[] = {
    {"A comment commands", R"({"iid":17})", "/deploy please", "please /deploy"},
    {"A label is added", "{}", R"("previous": [{"title": "bug"}])",
     R"("previous": [{"title": "deploy"}])"},
    {"Ready for review, or opened ready", "{}", R"("draft": false)", R"("draft": true)"},
    {"A package or an image is published", R"({"what":"@acme/ui@1.2.0"})", "npm", "maven"},
    {"A pipeline of another project has finished", R"({"status":"success"})", R"("ref": "main")",
     R"("ref": "next")"},
    {"Merged to main, touching a folder", "{}", "manual/index.md", "src/manual/index.md"},
    {"A member is added to the group", R"({"username":"mia"})", "Maintainer", "Developer"},
    {"An issue is opened with a template", R"({"iid":3,"title":"Checkout is down"})", "incident",
     "accident"},
    {"A release is published", R"({"tag":"v1.2.0"})", "v1.2.0", "v1.2.0-rc1"},
    {"Clean up when a branch is deleted", R"({"ref":"refs/heads/review-17"})", "review-17",
     "feature-17"},
};

TEST(RecipesTest, EveryRecipeOfThePageIsTried) {
  std::vector<std::string> titles;
  for (const RecipeCase& one : kCases) titles.push_back(one.title);
  std::vector<std::string> found;
  for (const auto& [title, recipe] : ReadRecipes()) found.push_back(title);
  EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(titles));
}

TEST(RecipesTest, TheEventFiresItAndItsNeighbourDoesNot) {
  const std::map<std::string, Recipe> recipes = ReadRecipes();
  for (const RecipeCase& one : kCases) {
    SCOPED_TRACE(one.title);
    ASSERT_TRUE(recipes.contains(one.title));
    Recipe recipe = recipes.at(one.title);
    Project project;
    const Project other;  // stands for the project 42 of the page
    const std::string other_id = fmt::format("{}", other.id());
    PushConfigRequest request;
    if (recipe.yaml.find("project: 42") != std::string::npos) {
      recipe.yaml = Replaced(recipe.yaml, "project: 42", "project: " + other_id);
      recipe.event = Replaced(recipe.event, "\"project_id\": 42", "\"project_id\": " + other_id);
    }
    project.Set(".gitlab/ci/events/recipe.yml", recipe.yaml);
    request = project.Request();
    request.mutable_permissions()->set_group_scope(true);
    request.mutable_permissions()->add_project_ids(other.id());
    const PushConfigResponse pushed = project.Push(request);
    EXPECT_EQ(pushed.result(), config::v1::PUSH_RESULT_APPLIED) << pushed.DebugString();
    EXPECT_THAT(IssueCodes(pushed), ::testing::IsEmpty());

    EXPECT_EQ(project.Fires(EventOf(recipe.event, project)), 1);
    const std::vector<PipelineRequest> requests = project.Requests();
    ASSERT_EQ(requests.size(), 1u);
    EXPECT_EQ(requests[0].state(), "ready") << requests[0].reason();
    EXPECT_EQ(requests[0].inputs_json(), one.inputs);

    EXPECT_EQ(project.Fires(EventOf(Replaced(recipe.event, one.what, one.with), project)), 0);
  }
}

TEST(RecipesTest, ACommandNeedsTheAccessLevel) {
  const Recipe recipe = ReadRecipes().at("A comment commands");
  Project project;
  project.Set(".gitlab/ci/events/recipe.yml", recipe.yaml).Push();
  Event event = EventOf(recipe.event, project);
  event.mutable_actor()->set_access_level(20);
  EXPECT_EQ(project.Fires(event), 0);
  event.set_id("again");
  event.mutable_actor()->clear_access_level();
  EXPECT_EQ(project.Fires(event), 0);
}

TEST(RecipesTest, BecomingReadyFiresWithoutACondition) {
  const Recipe recipe = ReadRecipes().at("Ready for review, or opened ready");
  Project project;
  project.Set(".gitlab/ci/events/recipe.yml", recipe.yaml).Push();
  EXPECT_EQ(project.Fires("merge_request/ready"), 1);
}

}  // namespace
}  // namespace cievents::integration
