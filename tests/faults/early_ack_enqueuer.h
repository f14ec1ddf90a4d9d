// The negative control's enqueuer: acknowledges before the commit. What is on its way when the
// process is killed is lost although the emitter was told otherwise.
#ifndef TESTS_FAULTS_EARLY_ACK_ENQUEUER_H_
#define TESTS_FAULTS_EARLY_ACK_ENQUEUER_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "services/event_matcher/group_commit_enqueuer.h"

namespace cievents::faults {

class EarlyAckEnqueuer final : public event_matcher::Enqueuer {
 public:
  // Stands in every binary that holds this class: a test looks for it.
  static constexpr char kMark[] = "this enqueuer acknowledges before the commit";

  explicit EarlyAckEnqueuer(std::unique_ptr<event_matcher::GroupCommitEnqueuer> real);

  absl::Status Submit(event_matcher::SharedWrites writes, Done done) override;
  bool is_store_away() const override { return real_->is_store_away(); }
  void Stop() override;

 private:
  const std::unique_ptr<event_matcher::GroupCommitEnqueuer> real_;
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_EARLY_ACK_ENQUEUER_H_
