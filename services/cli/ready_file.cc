#include "services/cli/ready_file.h"

#include <unistd.h>

#include "services/cli/terminal.h"
#include "services/lib/base/json_writer.h"

namespace cievents::cli {
namespace {

void StringOrNull(const std::string& text, JsonWriter* writer) {
  if (text.empty()) {
    writer->Null();
  } else {
    writer->String(text);
  }
}

}  // namespace

absl::Status WriteReadyFile(const std::string& path, const ReadyInfo& info) {
  if (path.empty()) return absl::OkStatus();
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("grpc");
  writer.String(info.grpc);
  writer.Key("http");
  writer.Null();
  writer.Key("metrics");
  StringOrNull(info.metrics, &writer);
  writer.Key("postgres");
  StringOrNull(info.postgres, &writer);
  writer.Key("pid");
  writer.Int(getpid());
  writer.EndObject();
  return WriteFileAtomically(path, writer.text() + "\n");
}

}  // namespace cievents::cli
