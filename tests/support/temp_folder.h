// A folder for one test, removed with all that is in it.
#ifndef TESTS_SUPPORT_TEMP_FOLDER_H_
#define TESTS_SUPPORT_TEMP_FOLDER_H_

#include <string>
#include <string_view>

namespace cievents::support {

class TempFolder {
 public:
  // The path is short: a Unix socket below it must stay under 107 bytes.
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view relative) const;

  // Makes the folders above it too. Returns the file's path.
  std::string Write(std::string_view relative, std::string_view content) const;

 private:
  std::string path_;
};

// The whole file; empty if it is not there.
std::string ReadWholeFile(const std::string& path);
bool FileExists(const std::string& path);

}  // namespace cievents::support

#endif  // TESTS_SUPPORT_TEMP_FOLDER_H_
