// A JSON value whose strings hold interpolation blocks, compiled once and filled in for an event.
//
//   a string that is exactly one block   keeps the JSON type of the block's value
//   ... and is an item of an array       an array value is spliced into that array
//   a block in longer text               becomes text
//   any block has no value               the whole value is absent
//
// What a block's access means is the caller's; what is filled in is never looked at for blocks.
#ifndef MATCHER_INPUTS_INTERPOLATION_H_
#define MATCHER_INPUTS_INTERPOLATION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "matcher/event/value.h"
#include "matcher/inputs/block.h"
#include "matcher/inputs/input_value.h"

namespace cievents::matcher {

// Of one value. GitLab's 10,000 are for a whole configuration.
inline constexpr size_t kBlocksMax = 100;

// Gives the value of the block with this index. The value must live until Evaluate returns.
using BlockValues = absl::FunctionRef<Value(size_t block)>;

// Immutable; any number of threads may evaluate.
class Template {
 public:
  // kInvalidArgument: `json` is not JSON, or a block in it is wrong. `valid_pattern`: see
  // ParseBlock.
  static absl::StatusOr<Template> Compile(std::string_view json, std::string_view valid_pattern);

  // In the order of the text; empty = constant.
  const std::vector<Block>& blocks() const { return blocks_; }
  // REQUIRES: blocks() is empty.
  const InputValue& constant() const { return constant_; }
  // True if the value is exactly block 0 and nothing is done with it.
  bool is_plain_block() const {
    return shape_ == Shape::kBlock && blocks_.front().functions.empty();
  }

  enum class Outcome : uint8_t {
    kValue,
    kAbsent,  // JSON null counts as absent
    kFailed,  // `reason` says why
  };
  Outcome Evaluate(BlockValues values, const FunctionContext& context, InputValue* value,
                   std::string* reason) const;

 private:
  friend class TemplateCompiler;
  enum class Shape : uint8_t {
    kConstant,
    kBlock,   // exactly one block
    kText,    // a string with blocks in it: literals are text
    kArray,   // literals are JSON
    kObject,  // literals are JSON
  };
  // A literal, then a block.
  struct Segment {
    enum class Form : uint8_t {
      kEnd,         // no block
      kText,        // text within a string
      kJson,        // a value
      kSplicedJson  // a value; of an array its items
    };
    std::string literal;
    Form form = Form::kEnd;
    size_t block = 0;
  };

  Outcome Fill(const Block& block, const Segment& segment, const Value& value,
               const FunctionContext& context, std::string* out, std::string* reason) const;

  Shape shape_ = Shape::kConstant;
  InputValue constant_;
  std::vector<Block> blocks_;
  std::vector<Segment> segments_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_INPUTS_INTERPOLATION_H_
