#include "services/lib/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <memory>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "services/lib/base/json_writer.h"

namespace cievents {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    default:
      return "error";
  }
}

struct Logger {
  std::shared_ptr<spdlog::logger> sink;
  bool json = false;
};

Logger MakeLogger(LogLevel level, LogFormat format) {
  Logger logger;
  logger.json =
      format == LogFormat::kJson || (format == LogFormat::kAuto && !isatty(STDERR_FILENO));
  logger.sink = std::make_shared<spdlog::logger>("cievents",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  // The record is formatted here: spdlog's own JSON patterns do not escape.
  logger.sink->set_pattern("%v");
  logger.sink->set_level(ToSpdlog(level));
  logger.sink->flush_on(spdlog::level::info);
  return logger;
}

Logger& GlobalLogger() {
  static Logger* logger = new Logger(MakeLogger(LogLevel::kInfo, LogFormat::kAuto));
  return *logger;
}

std::string FormatJson(LogLevel level, std::string_view msg,
                       std::initializer_list<LogField> fields) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("time");
  writer.String(absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()));
  writer.Key("severity");
  writer.String(LevelName(level));
  writer.Key("msg");
  writer.String(msg);
  for (const LogField& field : fields) {
    writer.Key(field.key);
    if (const auto* text = std::get_if<std::string>(&field.value)) {
      writer.String(*text);
    } else if (const auto* number = std::get_if<int64_t>(&field.value)) {
      writer.Int(*number);
    } else {
      writer.Raw(fmt::format("{:.6f}", std::get<double>(field.value)));
    }
  }
  writer.EndObject();
  return writer.Take();
}

std::string FormatHuman(LogLevel level, std::string_view msg,
                        std::initializer_list<LogField> fields) {
  std::string line =
      fmt::format("{} {:<7} {}", absl::FormatTime("%H:%M:%E3S", absl::Now(), absl::LocalTimeZone()),
                  LevelName(level), msg);
  for (const LogField& field : fields) {
    line += fmt::format("  {}=", field.key);
    std::visit([&line](const auto& value) { line += fmt::format("{}", value); }, field.value);
  }
  return line;
}

}  // namespace

void InitLogging(LogLevel level, LogFormat format) { GlobalLogger() = MakeLogger(level, format); }

void Log(LogLevel level, std::string_view msg, std::initializer_list<LogField> fields) {
  Logger& logger = GlobalLogger();
  const auto spdlog_level = ToSpdlog(level);
  if (!logger.sink->should_log(spdlog_level)) return;
  const std::string line =
      logger.json ? FormatJson(level, msg, fields) : FormatHuman(level, msg, fields);
  logger.sink->log(spdlog_level, spdlog::string_view_t(line));
}

}  // namespace cievents
