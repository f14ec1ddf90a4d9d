// A random history of one project, played to the ingest and checked after every step: the set must
// be what the final state gives from scratch, ids must stay with their keys, and the change feed
// must say the same.
#ifndef TESTS_INGEST_HISTORY_H_
#define TESTS_INGEST_HISTORY_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/lib/store/subscription_feed.h"
#include "tests/ingest/ingest_client.h"
#include "tests/ingest/random_checkout.h"

namespace cievents::ingest_test {

// What is expected of ids, in the contract's own words: a key keeps its id, and gets it back when
// it returns; a path with exactly one variant before and after keeps its id; else it is a new one.
class IdModel {
 public:
  // Empty, or what is wrong with the ids of a push that led from the last set to `now`.
  std::string Check(const LiveSet& now);

 private:
  std::map<Key, int64_t> live_;
  std::map<Key, int64_t> owners_;  // also of keys that are gone
  int64_t newest_ = 0;
};

class History {
 public:
  // `client` plays; `honest` computes from scratch, in projects of its own.
  History(IngestClient& client, IngestClient& honest, store::SubscriptionFeed& feed,
          int64_t project_id, uint64_t seed);

  // Plays `steps` steps. Returns what was wrong first, or nothing.
  std::optional<std::string> Play(int steps);

  int pushes() const { return pushes_; }
  int calls() const { return calls_; }

 private:
  std::string Step();
  std::string PushNow();
  std::string PushOldAgain();
  std::string PushOtherRef();
  std::string PushHint();
  std::string CallNow();
  std::string Check();
  std::string CheckFeed(const LiveSet& set);
  config_ingest::Push Make(int64_t sequence) const;

  IngestClient& client_;
  IngestClient& honest_;
  store::SubscriptionFeed& feed_;
  const int64_t project_id_;
  Random random_;
  RandomCheckout checkout_;

  // The model.
  int64_t sequence_ = 0;  // of the last call or push
  int64_t next_scratch_id_;
  Place place_;
  Place pushed_place_;
  Files pushed_;  // of the last applied push
  Files good_;
  Files effective_;
  bool archived_ = false;
  bool ci_disabled_ = false;
  bool deleted_ = false;
  IdModel ids_;
  std::optional<store::FeedProject> seen_;  // what the feed said last
  std::vector<std::pair<config_ingest::Push, Files>> old_;
  int pushes_ = 0;
  int calls_ = 0;
};

}  // namespace cievents::ingest_test

#endif  // TESTS_INGEST_HISTORY_H_
