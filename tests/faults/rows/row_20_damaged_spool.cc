// Row 20: records of the spool are damaged while the matcher is down: a bit flips, or a part of a
// record is torn (zeros). Each is named in the log, and the rest is replayed.
//
// The damage lies in what records hold, in the database (not in its log), so that it is known which
// ones it hits; damage to SQLite's own structure, by which ranges of records go, is
// services/lib/spool/damage_test.cc. Not covered: a flipped bit in a log that was not copied into
// its database, which SQLite takes for the end of what was written (docs/decisions, the spool).
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"
#include "tests/faults/rows/spooled.h"

namespace cievents::faults {
namespace {

// Smaller bodies are on one page, with the other columns before them.
constexpr size_t kInOnePieceBytes = 3'000;

void WriteAt(const std::string& path, size_t offset, const std::string& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Where the record has its uid; npos: older copies of the record stand there too, or it is not in
// one piece.
size_t PlaceOf(const std::string& bytes, const spool::Record& record) {
  const size_t expected = 1 + CountOf(record.body, record.event_uid);
  if (record.body.size() > kInOnePieceBytes || CountOf(bytes, record.event_uid) != expected) {
    return std::string::npos;
  }
  return bytes.find(record.event_uid);
}

void Damage(Scene& scene, const std::string& path, const std::string& bytes, size_t place,
            size_t within) {
  const auto at = [&](size_t max) {
    return place + static_cast<size_t>(scene.random().Between(0, static_cast<int>(max)));
  };
  if (scene.random().Percent(50)) {
    const size_t offset = at(within - 1);
    const int bit = 1 << scene.random().Between(0, 7);
    WriteAt(path, offset, std::string(1, static_cast<char>(bytes[offset] ^ bit)));
  } else {
    // Of the uid at least a byte, which is not zero.
    WriteAt(path, place, std::string(at(within - 1) - place + 1, '\0'));
  }
}

// Damages `count` records whose event has no other record. Returns the events by record.
std::map<std::string, std::string> DamageSome(Scene& scene, const std::string& dir, int count) {
  const auto paths = CopyLogs(dir);
  if (!scene.Check(paths.status())) return {};
  std::map<int64_t, std::string> bytes;
  for (const auto& [number, path] : *paths) bytes[number] = BytesOf(path);
  const std::map<std::string, spool::Record> spooled = Spooled(dir);
  std::map<std::string, int> records_of_event;
  for (const auto& [id, record] : spooled) ++records_of_event[record.event_id];
  std::vector<std::string> ids;
  for (const auto& [id, record] : spooled) {
    if (records_of_event[record.event_id] == 1) ids.push_back(id);
  }
  std::map<std::string, std::string> damaged;
  for (int tries = 0; static_cast<int>(damaged.size()) < count && tries < 10 * count; ++tries) {
    if (ids.empty()) break;
    const std::string& id = scene.random().Of(ids);
    const spool::Record& record = spooled.at(id);
    const int64_t segment = std::stoll(id);
    const size_t place = PlaceOf(bytes[segment], record);
    if (place == std::string::npos || damaged.count(id) > 0) continue;
    Damage(scene, paths->at(segment), bytes[segment], place,
           record.event_uid.size() + record.body.size());
    damaged[id] = record.event_id;
  }
  if (static_cast<int>(damaged.size()) < count) {
    scene.Wrong(fmt::format("only {} records could be damaged", damaged.size()));
  }
  return damaged;
}

// The records that the log names as damaged: SEGMENT/ROW.
std::set<std::string> Named(const std::string& log) {
  static const std::regex line(
      R"(a record of the spool is damaged.*segment-(\d+)\.db  row=(\d+)(?:  row_last=(\d+))?)");
  std::set<std::string> named;
  for (std::sregex_iterator it(log.begin(), log.end(), line), end; it != end; ++it) {
    const std::string row = (*it)[2];
    const std::string last = (*it)[3].matched ? (*it)[3].str() : row;
    named.insert(fmt::format("{}/{}{}", std::stoll((*it)[1]), row, last == row ? "" : "-" + last));
  }
  return named;
}

std::string ListOf(const std::set<std::string>& ids) {
  std::string list;
  for (const std::string& id : ids) list += (list.empty() ? "" : " ") + id;
  return list;
}

Row DamagedSpool() {
  Row row;
  row.number = 20;
  row.name = "damaged records of the spool";
  row.with_spool = true;
  const auto events = std::make_shared<std::set<std::string>>();  // of what is named
  row.inject = [events](Scene& scene) {
    Roles& roles = scene.roles();
    scene.BeginFault();
    scene.Check(roles.StopPostgresInOrder());
    scene.Let(scene.By(std::chrono::seconds(2), std::chrono::seconds(15)));
    scene.Check(roles.KillMatcher());
    const size_t spooled = Spooled(roles.spool_dir()).size();
    const std::map<std::string, std::string> damaged =
        DamageSome(scene, roles.spool_dir(), scene.By(12, 80));
    const size_t log = roles.matcher().LogFrom(0).size();
    scene.BeginHealing();
    scene.Check(roles.StartPostgres());
    scene.Check(roles.StartMatcher());
    scene.EndFault();
    const std::set<std::string> named = Named(roles.matcher().LogFrom(log));
    std::set<std::string> hit;
    for (const auto& [id, event_id] : damaged) hit.insert(id);
    if (named != hit) {
      scene.Wrong(fmt::format("damaged are {}, and the log names {}", ListOf(hit), ListOf(named)));
    }
    // What is named may be missing, and nothing else.
    for (const std::string& id : named) {
      if (const auto found = damaged.find(id); found != damaged.end()) {
        events->insert(found->second);
      }
    }
    scene.ledger().Excuse(*events);
    scene.Note(fmt::format("{} of {} spooled records damaged, {} named", damaged.size(), spooled,
                           named.size()));
  };
  row.check = [events](Scene& scene) {
    int missing = 0;
    for (const std::string& event : *events) {
      missing +=
          scene.Sql("SELECT count(*) FROM cievents.events WHERE event_id = '" + event + "'") == "0";
    }
    scene.Note(fmt::format("{} of them are missing; the others were sent again", missing));
    if (missing == 0) scene.Wrong("nothing was damaged that was not in Postgres already");
  };
  return row;
}

TEST(Row20, DamagedRecordsAreNamedAndTheRestIsReplayed) { RunRow(DamagedSpool()); }

TEST(Row20, FindsTheReplayThatEndsAtADamagedRecord) {
  ExpectFound(DamagedSpool(), "replay_to_damage", Violation::Kind::kLost);
}

TEST(Row20, FindsTheChecksumThatNobodyLooksAt) {
  ExpectFound(DamagedSpool(), "unchecked_record", Violation::Kind::kWrong);
}

}  // namespace
}  // namespace cievents::faults
