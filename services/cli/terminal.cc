#include "services/cli/terminal.h"

#include <fcntl.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <variant>

#include "matcher/base/status.h"
#include "services/lib/base/issue.h"
#include "services/lib/base/log.h"

namespace cievents::cli {
namespace {

constexpr std::string_view kReadyFile = "./.cievents/ready.json";

absl::StatusCode CodeOfErrno(int error) {
  if (error == ENOENT) return absl::StatusCode::kNotFound;
  if (error == EACCES || error == EPERM) return absl::StatusCode::kPermissionDenied;
  return absl::StatusCode::kInternal;
}

absl::Status WriteAll(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error(CodeOfErrno(errno), "{}", std::strerror(errno));
    content.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "cievents: %s\n", std::string(status.message()).c_str());
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnreachable;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
      return kExitUsage;
    default:
      return kExitFindings;
  }
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max) {
  const bool standard_input = path == "-";
  const int fd = standard_input ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error(CodeOfErrno(errno), "{}: {}", path, std::strerror(errno));
  std::string content;
  char buffer[65536];
  absl::Status status;
  while (true) {
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) status = Error(CodeOfErrno(errno), "{}: {}", path, std::strerror(errno));
    if (count <= 0) break;
    content.append(buffer, static_cast<size_t>(count));
    if (content.size() > bytes_max) {
      status = Error(absl::StatusCode::kResourceExhausted, "{}: over the limit of {} bytes", path,
                     bytes_max);
      break;
    }
  }
  if (!standard_input) close(fd);
  if (!status.ok()) return status;
  return content;
}

absl::Status WriteFileAtomically(const std::string& path, std::string_view content) {
  struct stat existing {};
  if (lstat(path.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode)) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "cannot write {}: it is there and is not a regular file", path);
  }
  const std::string temporary = fmt::format("{}.{}.tmp", path, getpid());
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Error(CodeOfErrno(errno), "cannot write {}: {}", path, std::strerror(errno));
  absl::Status status = WriteAll(fd, content);
  close(fd);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = Error(CodeOfErrno(errno), "{}", std::strerror(errno));
  }
  if (status.ok()) return status;
  unlink(temporary.c_str());
  return Error(status.code(), "cannot write {}: {}", path, std::string(status.message()));
}

absl::StatusOr<std::string> FindEndpoint(const ClientOptions& options) {
  if (!options.endpoint.empty()) return options.endpoint;
  const absl::StatusOr<std::string> ready = ReadFile(std::string(kReadyFile), 64 * 1024);
  if (!ready.ok()) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "no server: give --endpoint HOST:PORT or CIEVENTS_ENDPOINT, or run `cievents dev` "
                 "in this folder ({} is not there)",
                 kReadyFile);
  }
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  std::string_view grpc;
  if (parser.parse(*ready).get(document) != simdjson::SUCCESS ||
      document["grpc"].get(grpc) != simdjson::SUCCESS) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "{} cannot be read: restart `cievents dev`, or give --endpoint", kReadyFile);
  }
  return std::string(grpc);
}

absl::StatusOr<std::unique_ptr<client::Client>> MakeClient(const ClientOptions& options) {
  client::Client::Options client_options;
  CIEVENTS_ASSIGN_OR_RETURN(client_options.endpoint, FindEndpoint(options));
  client_options.retry_for = absl::Seconds(options.timeout_seconds);
  return std::make_unique<client::Client>(client_options);
}

absl::StatusOr<std::shared_ptr<const Catalogue>> LoadCatalogue(const std::string& file) {
  if (file.empty()) return Catalogue::BuiltIn();
  CIEVENTS_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, 16 * 1024 * 1024));
  auto parsed = Catalogue::Parse(text, file);
  if (auto* catalogue = std::get_if<std::shared_ptr<const Catalogue>>(&parsed)) return *catalogue;
  std::string message = "the event catalogue is not valid:";
  for (const Issue& issue : std::get<std::vector<Issue>>(parsed)) {
    message += "\n  " + FormatIssue(issue);
  }
  return absl::InvalidArgumentError(message);
}

void InitLogging(const LogOptions& options) {
  LogLevel level = LogLevel::kInfo;
  if (options.level == "debug") level = LogLevel::kDebug;
  if (options.level == "warning") level = LogLevel::kWarning;
  if (options.level == "error") level = LogLevel::kError;
  LogFormat format = LogFormat::kAuto;
  if (options.format == "json") format = LogFormat::kJson;
  if (options.format == "human") format = LogFormat::kHuman;
  cievents::InitLogging(level, format);
}

std::string Printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return text;
}

void PrintTable(const std::vector<std::vector<std::string>>& given) {
  std::vector<std::vector<std::string>> rows = given;
  for (auto& row : rows) {
    for (std::string& cell : row) cell = Printable(std::move(cell));
  }
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    std::printf("%s\n", line.c_str());
  }
}

}  // namespace cievents::cli
