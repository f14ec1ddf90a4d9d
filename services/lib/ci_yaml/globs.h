// Patterns of paths: the wildcards of `include: local`, and the globs of `exists`. They differ, as
// they do in GitLab. Compiled to RE2, so that matching is linear.
#ifndef SERVICES_LIB_CI_YAML_GLOBS_H_
#define SERVICES_LIB_CI_YAML_GLOBS_H_

#include <memory>
#include <string>
#include <string_view>

namespace cievents::ci_yaml {

class PathGlob {
 public:
  // `*` is any text without a '/', `**` any text at all: `a/**.yml` is in `a` and below it,
  // `a/**/*.yml` below it only. Everything else is itself.
  static PathGlob OfInclude(std::string_view wildcard);
  // File.fnmatch with FNM_PATHNAME, FNM_DOTMATCH and FNM_EXTGLOB: `*`, `**/`, `?`, `[..]`, `{a,b}`,
  // `\x`.
  static PathGlob OfExists(std::string_view glob);
  ~PathGlob();
  PathGlob(PathGlob&&) noexcept;
  PathGlob& operator=(PathGlob&&) noexcept;

  // False: it cannot be compiled, and matches nothing.
  bool is_valid() const;
  bool Matches(std::string_view path) const;
  // What every match begins with: the text before the first special character.
  const std::string& literal_prefix() const { return literal_prefix_; }
  // Nothing in it is special: it matches the path that it spells alone.
  bool is_literal() const { return is_literal_; }
  // Only paths that end in .yml or .yaml match.
  bool is_yaml_only() const { return is_yaml_only_; }

 private:
  struct Compiled;
  PathGlob();

  std::string literal_prefix_;
  bool is_literal_ = true;
  bool is_yaml_only_ = false;
  std::unique_ptr<const Compiled> compiled_;  // null: literal
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_GLOBS_H_
