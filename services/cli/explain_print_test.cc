// Explanations of subscriptions that the CI file's own rules hold back, as people and programs see
// them.
#include "services/cli/explain_print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cievents::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

void AddClause(admin::v1::RuleListVerdict* list, const char* condition, const char* when,
               admin::v1::Verdict verdict) {
  admin::v1::ClauseVerdict* clause = list->add_clauses();
  clause->set_condition(condition);
  clause->set_when(when);
  clause->set_verdict(verdict);
}

admin::v1::ExplainEventResponse Filtered() {
  admin::v1::ExplainEventResponse response;
  response.mutable_event()->set_id("e1");
  response.mutable_event()->add_names("issue/created");
  admin::v1::SubscriptionVerdict* verdict = response.add_verdicts();
  verdict->set_subscription_id(7);
  verdict->set_project_id(10);
  verdict->set_path(".gitlab-ci.yml");
  verdict->set_outcome(admin::v1::SUBSCRIPTION_OUTCOME_FILTERED_BY_RULES);
  verdict->set_reason("no job could run");
  admin::v1::HoistedRulesVerdict* rules = verdict->mutable_hoisted_rules();
  rules->mutable_workflow()->set_lets_run(true);
  AddClause(rules->mutable_workflow(), "$CI_COMMIT_BRANCH", "on_success",
            admin::v1::VERDICT_UNDECIDED);
  rules->mutable_workflow()->mutable_clauses(0)->set_has_undecidable_part(true);
  admin::v1::JobVerdict* job = rules->add_jobs();
  job->set_name("deploy\x1b");
  AddClause(job->add_lists(), "$[[ event.actor.bot ]]", "never", admin::v1::VERDICT_TRUE);
  job->add_lists();
  rules->set_jobs_left_out_count(2);
  return response;
}

TEST(ExplainPrintTest, TheTextSaysWhichRulesLetNothingRun) {
  const std::string text = ExplanationToText(Filtered());
  EXPECT_THAT(text,
              HasSubstr("FILTERED (an entry decides, but the rules of the CI file let nothing "
                        "run): subscription 7 of project 10, .gitlab-ci.yml\n"
                        "  why: no job could run\n"));
  EXPECT_THAT(text, HasSubstr("  rules of `workflow`\n    they let the event through\n"
                              "      if: $CI_COMMIT_BRANCH; a part that is known at pipeline "
                              "creation only  -> undecided\n"));
  EXPECT_THAT(text, HasSubstr("    it cannot run\n"
                              "      if: $[[ event.actor.bot ]]; when: never  -> true\n"
                              "      (no clause: nothing is let through)\n"
                              "  2 jobs more cannot run\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b"))) << "names come from people";
}

TEST(ExplainPrintTest, TheJsonHasTheRulesOfWorkflowAndJobs) {
  EXPECT_THAT(
      ExplanationToJson(Filtered()),
      HasSubstr(R"("hoisted_rules":{"workflow":{"lets_run":true,"clauses":[{"if":)"
                R"("$CI_COMMIT_BRANCH","events":[],"when":"on_success","verdict":"undecided",)"
                R"("has_undecidable_part":true,"operands":[]}]},"jobs":[{"name":"deploy\u001b",)"
                R"("could_run":false,"lists":[{"lets_run":false,"clauses":[{"if":)"
                R"("$[[ event.actor.bot ]]","events":[],"when":"never","verdict":"true",)"
                R"("operands":[]}]},{"lets_run":false,"clauses":[]}]}],"jobs_left_out":2})"));
}

TEST(ExplainPrintTest, WithoutHoistedRulesTheJsonSaysNull) {
  admin::v1::ExplainEventResponse response = Filtered();
  response.mutable_verdicts(0)->clear_hoisted_rules();
  EXPECT_THAT(ExplanationToJson(response), HasSubstr(R"("hoisted_rules":null)"));
  EXPECT_THAT(ExplanationToText(response), Not(HasSubstr("rules of `workflow`")));
}

}  // namespace
}  // namespace cievents::cli
