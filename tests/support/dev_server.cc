#include "tests/support/dev_server.h"

#include <signal.h>

#include <utility>

#include "tests/support/json.h"

namespace cievents::support {

std::optional<Ready> WaitForReadyFile(const std::string& path, Process& process) {
  Ready ready;
  const auto is_ours = [&] {
    ready.text = ReadWholeFile(path);
    ready.pid = Json(ready.text)["pid"].number();
    return ready.pid == process.pid();  // else of an earlier one, which was killed
  };
  WaitUntil([&] { return is_ours() || !process.Running(); });
  if (ready.pid != process.pid()) return std::nullopt;
  const Json json(ready.text);
  ready.grpc = json["grpc"].string();
  ready.postgres = json["postgres"].string();
  return ready;
}

DevServer::~DevServer() { Stop(); }

bool DevServer::Start() {
  ProcessOptions options;
  options.arguments = {CieventsBinary(), "dev", "--data", data_dir(), "--log-format", "json"};
  options.stdout_file = folder_ / "dev.out";
  options.stderr_file = folder_ / "dev.log";
  process_ = Process::Start(options);
  std::optional<Ready> ready = WaitForReadyFile(ready_path(), *process_);
  if (!ready.has_value()) return false;
  ready_ = *std::move(ready);
  return true;
}

std::optional<int> DevServer::Stop() {
  if (process_ == nullptr) return std::nullopt;
  process_->Signal(SIGTERM);
  const std::optional<int> exit_code = process_->Wait();
  process_.reset();
  return exit_code;
}

void DevServer::Kill() {
  process_->Signal(SIGKILL);
  process_->Wait();
  process_.reset();
}

Finished DevServer::Cli(std::vector<std::string> arguments, const std::string& input) const {
  ProcessOptions options;
  options.arguments = std::move(arguments);
  options.arguments.insert(options.arguments.begin(), CieventsBinary());
  options.environment["CIEVENTS_ENDPOINT"] = endpoint();
  options.folder = folder_.path();
  options.input = input;
  return Run(std::move(options));
}

}  // namespace cievents::support
