// Structured logs: one record a line to stderr, JSON for machines, a short form on a terminal. Keys
// are constant; never a payload, a token or an input value. Behind it stands spdlog.
#ifndef SERVICES_LIB_BASE_LOG_H_
#define SERVICES_LIB_BASE_LOG_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace cievents {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat { kAuto, kJson, kHuman };  // kAuto: human on a terminal

struct LogField {
  LogField(std::string_view name, std::string_view text) : key(name), value(std::string(text)) {}
  LogField(std::string_view name, const std::string& text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(std::string(text)) {}
  LogField(std::string_view name, int64_t number) : key(name), value(number) {}
  LogField(std::string_view name, int number) : key(name), value(static_cast<int64_t>(number)) {}
  LogField(std::string_view name, size_t number) : key(name), value(static_cast<int64_t>(number)) {}
  LogField(std::string_view name, double number) : key(name), value(number) {}

  std::string_view key;
  std::variant<std::string, int64_t, double> value;
};

// Call once, before threads start. Without it, info and above go out in the kAuto format.
void InitLogging(LogLevel level, LogFormat format);

// `msg` is a constant sentence; what varies goes into fields. Thread-safe.
void Log(LogLevel level, std::string_view msg, std::initializer_list<LogField> fields = {});

inline void LogInfo(std::string_view msg, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kInfo, msg, fields);
}
inline void LogWarning(std::string_view msg, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kWarning, msg, fields);
}
inline void LogError(std::string_view msg, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kError, msg, fields);
}

}  // namespace cievents

#endif  // SERVICES_LIB_BASE_LOG_H_
