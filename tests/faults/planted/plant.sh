#!/bin/sh
# Writes a copy of a product's source with a planted bug:  plant.sh NAME SOURCE COPY
# The copy holds the text "planted bug: NAME" if the bug is in it. Where the lines that it changes
# are not there any more the copy is the source as it is, so that the build goes on, and the test
# that looks for the text says what happened.
set -eu

name="$1"
source="$2"
copy="$3"

case "$name" in
  # An unknown outcome is taken for a good one: the batch is not sent again.
  dropped_retry)
    edit='s|CIEVENTS_ASSIGN_OR_RETURN(const Result rows,$|auto answer =|
          s|connection_->libpq->ExecPrepared(kStatementName, columns, kDeadline));|connection_->libpq->ExecPrepared(kStatementName, columns, kDeadline);\n  if (answer.status().code() == absl::StatusCode::kUnavailable) {\n    EnqueueResult believed;\n    believed.inserted_requests.assign(batch.events.size(), 1);\n    for (const EventRow\& event : batch.events) believed.stored_uids.push_back(event.uid);\n    return believed;\n  }\n  CIEVENTS_ASSIGN_OR_RETURN(const Result rows, std::move(answer));|'
    lines=2 ;;
  # Rows are taken in the order in which they came.
  unsorted)
    edit='s|^  Sort(batch);$|  if (batch.events.empty()) Sort(batch);|'
    lines=1 ;;
  # The change feed asks for what is higher than the highest id that it has seen.
  maximal_xid)
    edit='s|AND NOT pg_visible_in_snapshot(p.changed_xid, \$1::pg_snapshot)|AND p.changed_xid >= pg_snapshot_xmax($1::pg_snapshot)|'
    lines=1 ;;
  # The position of the change feed outlives its connection: no full load follows a loss.
  carried_snapshot)
    edit='s|^struct SubscriptionFeed::Connection {$|namespace {\n// One feed a process.\nstd::string carried;\nstd::map<int64_t, FeedProject> known;\n}\n\nstruct SubscriptionFeed::Connection {|
          s|^#include <optional>$|#include <map>\n#include <optional>|
          s|^    // One snapshot for the position and the rows.$|    if (!carried.empty()) {\n      snapshot = carried;\n      SetPollSql(in_slots);\n      for (const auto\& [id, project] : known) on_project(project);\n      return absl::OkStatus();\n    }|
          s|snapshot = Field(rows.get(), 0, kSnapshot);|carried = snapshot = Field(rows.get(), 0, kSnapshot);|
          s|= connection_->Load(slots, on_project);|= connection_->Load(slots, [\&](FeedProject project) {\n    known[project.project_id] = project;\n    on_project(std::move(project));\n  });|
          s|^  if (!projects.ok()) return connection_->End(projects.status());$|&\n  for (const FeedProject\& project : *projects) known[project.project_id] = project;|'
    lines=3 ;;
  # After a loss the change feed goes on from where it is now; what came meanwhile is never seen.
  no_second_load)
    edit='s|CIEVENTS_RETURN_IF_ERROR(feed.Load(slots, \[&load|if (loaded_once_) return feed.Load(slots, [](const store::FeedProject\&) {});\n  CIEVENTS_RETURN_IF_ERROR((feed).Load(slots, [\&load|'
    lines=1 ;;
  # A matcher that has loaded nothing yet says that nothing matches.
  unloaded_no_match)
    edit='s|if (view.loaded.none()) return shards_.shard_index();|if (view.loaded.none()) return kHere;|'
    lines=1 ;;
  # What the owner of a slot does not take is acknowledged and forgotten.
  dropped_forward)
    edit='s|^  if (spool_ == nullptr) {$|  if (batch != nullptr) {\n    answer(KeptRaw());\n    return;\n  }\n  if (nullptr == spool_) {|'
    lines=1 ;;
  # An event that is kept for another shard is answered as one that matches nothing.
  raw_is_no_match)
    edit='s|return outcome;  // what matches is not known yet|outcome.matched_count = 0;\n  return outcome;|'
    lines=1 ;;
  # The outcomes of a batch that is split come in another order.
  mixed_outcomes)
    edit='s|batch->outcomes\[positions\[i\]\] = std::move(outcomes\[i\]);|batch->outcomes[positions[i]] = std::move(outcomes[positions.size() - 1 - i]);|'
    lines=1 ;;
  # A spooled event leaves the spool although Postgres did not take it.
  removed_undecided)
    edit='s|^      case EventWriteResult::Kind::kCommitted:$|&\n      case EventWriteResult::Kind::kUnavailable:|
          /^      case EventWriteResult::Kind::kUnavailable:$/d'
    lines=1 ;;
  # A spooled event is answered as if it were on the disk, and is not.
  unwritten_spool)
    edit='s|return writer_->connection->Execute("COMMIT");|return writer_->connection->Execute("ROLLBACK");|'
    lines=1 ;;
  # The spool is never synced.
  unsynced_spool)
    edit='s#return options.unsynced_for_test [?]#return !options.unsynced_for_test ?#
          s#if (options_.unsynced_for_test [|][|]#if (!options_.unsynced_for_test ||#'
    lines=2 ;;
  # A failed sync of the spool is taken for a good one.
  believed_sync)
    edit='s|return writer_->connection->Execute("COMMIT");|writer_->connection->Execute("COMMIT").IgnoreError();\n  return absl::OkStatus();|'
    lines=1 ;;
  # What a full disk does not take is acknowledged.
  believed_full_disk)
    edit='s|work.group\[i\].done(AsWriteError(status));|if (status.code() == absl::StatusCode::kResourceExhausted) {\n        work.group[i].done(std::vector<RecordId>(work.group[i].records.size()));\n      } else {\n        work.group[i].done(AsWriteError(status));\n      }|'
    lines=1 ;;
  # A damaged record of the spool ends the replay of its segment.
  replay_to_damage)
    edit='s|^        waiting.push_back(|        if (found_stats.damaged == 0) waiting.push_back(|'
    lines=1 ;;
  # Nobody looks at the checksum of a spooled record.
  unchecked_record)
    edit='s|if (checksum.value() != row.Int(12)) return Mismatch(id);|if (checksum.value() == id \&\& id < 0) return Mismatch(id);|'
    lines=1 ;;
  # The identity of an event hangs on when it came, so that a retry is another event.
  identity_by_arrival)
    edit='s|matcher::MakeEventUid(event.time_ms, |matcher::MakeEventUid(event.received_time_ms, |'
    lines=1 ;;
  *)
    echo "plant.sh: there is no bug $name" >&2
    exit 2 ;;
esac

sed "$edit" "$source" > "$copy.new"
changed=$(diff "$source" "$copy.new" | grep -c '^<' || true)
if [ "$changed" -eq "$lines" ]; then  # never 0
  printf '\nextern "C" {\nextern const char cievents_planted_bug[];\nconst char cievents_planted_bug[] = "planted bug: %s";\n}\n' \
    "$name" >> "$copy.new"
else
  echo "plant.sh: $name changes $changed lines of $source instead of $lines: not planted" >&2
  cp "$source" "$copy.new"
fi
mv "$copy.new" "$copy"
