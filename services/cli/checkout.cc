#include "services/cli/checkout.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "matcher/base/status.h"
#include "services/cli/terminal.h"
#include "services/lib/base/sha256.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::cli {
namespace {

namespace fs = std::filesystem;

bool IsYaml(const fs::path& path) {
  return path.extension() == ".yml" || path.extension() == ".yaml";
}

}  // namespace

absl::StatusOr<std::string> ReadCheckoutFile(const std::string& dir, const std::string& path) {
  std::ifstream file(fs::path(dir) / path, std::ios::binary);
  if (!file) {
    return Error(absl::StatusCode::kNotFound, "{} cannot be read", (fs::path(dir) / path).string());
  }
  std::string content(ci_yaml::kFileBytesMax + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<size_t>(file.gcount()));
  return content;
}

absl::StatusOr<std::vector<CheckoutFile>> ListYamlFiles(const std::string& dir) {
  std::vector<CheckoutFile> files;
  std::error_code error;
  fs::recursive_directory_iterator it(dir, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (it->path().filename() == ".git") {
      it.disable_recursion_pending();
      continue;
    }
    std::error_code ignored;
    if (it->is_symlink(ignored) || !it->is_regular_file(ignored) || !IsYaml(it->path())) continue;
    const std::string name = it->path().lexically_relative(dir).generic_string();
    if (!simdjson::validate_utf8(name.data(), name.size())) {
      std::fprintf(stderr, "cievents: %s is left out: its name is not UTF-8\n",
                   Printable(name).c_str());
      continue;
    }
    CheckoutFile file;
    file.path = name;
    CIEVENTS_ASSIGN_OR_RETURN(const std::string content, ReadCheckoutFile(dir, file.path));
    file.blob_id = Sha256Hex(content);
    files.push_back(std::move(file));
  }
  if (error) {
    return Error(absl::StatusCode::kNotFound, "{} cannot be read: {}", dir, error.message());
  }
  std::sort(files.begin(), files.end(),
            [](const CheckoutFile& a, const CheckoutFile& b) { return a.path < b.path; });
  return files;
}

std::string DigestOfFiles(const std::vector<CheckoutFile>& files) {
  std::string text;
  for (const CheckoutFile& file : files) text += file.path + '\0' + file.blob_id + '\n';
  return Sha256Hex(text).substr(0, 40);
}

}  // namespace cievents::cli
