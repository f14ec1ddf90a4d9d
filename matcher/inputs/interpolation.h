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
#include <memory>
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
  // Sets `blocks` to what stands in the text, in its order; the template keeps only what it needs
  // of them, since there are as many as there are subscriptions. kInvalidArgument: `json` is not
  // JSON, or a block in it is wrong. `valid_pattern`: see ParseBlock.
  static absl::StatusOr<Template> Compile(std::string_view json, std::string_view valid_pattern,
                                          std::vector<Block>* blocks);

  // What it is if there are no blocks, else null.
  const InputValue* constant() const { return constant_.get(); }
  // True if the value is exactly block 0 and nothing is done with it.
  bool is_plain_block() const { return shape_ == Shape::kBlock && functions_.front().empty(); }

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
  using Functions = std::vector<FunctionCall>;
  // A literal, then a block. kBlock needs none.
  struct Segment {
    enum class Form : uint8_t {
      kEnd,         // no block
      kText,        // text within a string
      kJson,        // a value
      kSplicedJson  // a value; of an array its items
    };
    std::string literal;
    Form form = Form::kEnd;
    uint32_t block = 0;
  };

  // The value of a block behind its functions.
  Outcome EvaluateBlock(size_t block, BlockValues values, const FunctionContext& context,
                        InputValue* value, std::string* reason) const;
  void AppendPart(const Segment& segment, const InputValue& part, std::string* out) const;

  Shape shape_ = Shape::kConstant;
  std::unique_ptr<const InputValue> constant_;
  std::vector<Functions> functions_;  // of each block
  std::vector<Segment> segments_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_INPUTS_INTERPOLATION_H_
