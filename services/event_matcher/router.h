// Takes every batch of events to where its slots are loaded: to the intake here, or to the matcher
// that owns them; what cannot be taken there now waits in the spool as it came
// (docs/delivery.md, "Shards").
//
//   each event -> its slot is loaded here?  --yes--> intake
//                    |no
//                    v
//                 came from another matcher? --yes--> NOT_OWNER
//                    |no
//                    v
//                 the owner answers in time? --yes--> its outcome, unchanged
//                    |no, or it is not its owner any more
//                    v
//                 spool: DURABLE_LOCAL, sent on by PublishSpooled; without one: NOT_OWNER
//
// Only who has loaded a slot says that nothing matched.
#ifndef SERVICES_EVENT_MATCHER_ROUTER_H_
#define SERVICES_EVENT_MATCHER_ROUTER_H_

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "services/event_matcher/encoded_event.h"
#include "services/event_matcher/enqueuer.h"
#include "services/event_matcher/event_forwarder.h"
#include "services/event_matcher/intake.h"
#include "services/event_matcher/project_roots.h"
#include "services/event_matcher/shard_map.h"
#include "services/lib/spool/spool.h"

namespace cievents::event_matcher {

// How a batch came.
struct Delivery {
  AckLevel ack = AckLevel::kDurable;
  EventFormat format = EventFormat::kNative;
  bool forwarded = false;  // by another matcher
};

// Thread-safe.
class Router {
 public:
  // What a door made of the event when it came.
  using Decode = std::function<absl::StatusOr<Event>(EventFormat, const std::string& bytes)>;

  // All must outlive the router; `spool` may be null. Stop `forwarder` before it.
  Router(const Intake& intake, const ShardMap& shards, const ProjectRoots& roots,
         EventForwarder& forwarder, spool::Spool* spool, Decode decode);

  // `encoded` are the events as they came, in delivery.format, `events` what was made of them, in
  // the same order; both are used until it returns. `done` as of Intake::Publish.
  void Publish(std::span<const std::string* const> encoded, std::span<DecodedEvent> events,
               const Delivery& delivery, const Intake::Done& done) const;

  // Publishes raw records of a spool, and waits for what becomes of them; kUnavailable: not now.
  // Never spools them anew.
  std::vector<EventWriteResult> PublishSpooled(std::span<const spool::StoredRecord> records) const;

  std::shared_ptr<const ShardView> view() const { return shards_.view(); }

 private:
  struct Batch;
  struct SpooledPart;

  // The root namespace that says where the event belongs; absent: it names a project alone, which
  // is none of other shards.
  std::optional<int64_t> RootOf(const Event& event) const;
  // The shard that has the event; -1 = this one.
  int ShardOf(const ShardView& view, const DecodedEvent& event) const;
  static Intake::Done NotOfUnknownProjects(int64_t topology_version, Intake::Done done);
  void PublishSplit(const std::shared_ptr<const ShardView>& view,
                    std::span<const std::string* const> encoded, std::span<DecodedEvent> events,
                    const Delivery& delivery, const Intake::Done& done) const;
  void PublishHere(const std::shared_ptr<Batch>& batch, std::span<DecodedEvent> events,
                   const std::vector<size_t>& positions) const;
  void SendOn(const std::shared_ptr<Batch>& batch, const ShardView& view, int shard,
              const std::vector<size_t>& positions) const;
  // What the owner did not take.
  void Keep(const std::shared_ptr<Batch>& batch, const std::vector<size_t>& positions) const;
  static void FinishOne(Batch* batch);
  // `done` gets an outcome for each event of the part, or none if its owner is not reached.
  void StartSpooled(const ShardView& view, int shard, SpooledPart* part,
                    const std::function<void(std::vector<Outcome>)>& done) const;

  const Intake& intake_;
  const ShardMap& shards_;
  const ProjectRoots& roots_;
  EventForwarder& forwarder_;
  spool::Spool* const spool_;  // null: none
  const Decode decode_;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_ROUTER_H_
