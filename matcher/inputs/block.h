// Interpolation blocks in a text: `$[[ access | function | function ]]`, found and read as GitLab
// does.
#ifndef MATCHER_INPUTS_BLOCK_H_
#define MATCHER_INPUTS_BLOCK_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "matcher/inputs/functions.h"

namespace cievents::matcher {

inline constexpr size_t kBlockFunctionsMax = 3;
inline constexpr size_t kBlockAccessBytesMax = 1024;

// Where a block stands. Text that looks like a block and has fewer than two characters in it, as
// `$[[ a ]]`, is none: it stays as it is.
struct BlockPlace {
  size_t begin = 0;
  size_t end = 0;
  std::string_view data;  // between the brackets, without blanks around it
};
std::vector<BlockPlace> FindBlocks(std::string_view text);

struct Block {
  std::string access;  // `event.payload.ref`: at least one dot; what it means is the caller's
  std::vector<FunctionCall> functions;
};

// `valid_pattern` is what the message about a malformed access names: GitLab's is
// `$[[ inputs.input ]]`. kInvalidArgument: several messages are joined with ", ".
absl::StatusOr<Block> ParseBlock(std::string_view data, std::string_view valid_pattern);

}  // namespace cievents::matcher

#endif  // MATCHER_INPUTS_BLOCK_H_
