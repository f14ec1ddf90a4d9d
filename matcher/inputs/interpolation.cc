#include "matcher/inputs/interpolation.h"

#include <utility>

#include "matcher/base/json_escape.h"
#include "matcher/base/status.h"

namespace cievents::matcher {

// Walks the JSON tree once and leaves segments behind.
class TemplateCompiler {
 public:
  TemplateCompiler(std::string_view valid_pattern, std::vector<Block>* blocks)
      : valid_pattern_(valid_pattern), blocks_(*blocks) {
    blocks_.clear();
  }

  absl::StatusOr<Template> Compile(const JsonNode& root) {
    using Shape = Template::Shape;
    Shape shape = Shape::kConstant;
    if (root.kind == JsonNode::Kind::kString) {
      const std::vector<BlockPlace> places = FindBlocks(root.text);
      if (IsWholeBlock(root.text, places)) {
        shape = Shape::kBlock;
        CIEVENTS_RETURN_IF_ERROR(AddBlock(places.front(), Form::kJson));
      } else {
        shape = Shape::kText;
        CIEVENTS_RETURN_IF_ERROR(AddText(root.text, places, Literals::kText));
      }
    } else {
      shape = root.kind == JsonNode::Kind::kArray ? Shape::kArray : Shape::kObject;
      CIEVENTS_RETURN_IF_ERROR(AddJson(root, Form::kJson));
    }
    if (blocks_.empty()) {
      template_.constant_ = std::make_unique<const InputValue>(InputValue::Of(root));
      return std::move(template_);
    }
    template_.shape_ = shape;
    template_.functions_.reserve(blocks_.size());
    for (const Block& block : blocks_) template_.functions_.push_back(block.functions);
    if (shape == Shape::kBlock) template_.segments_.clear();
    if (!literal_.empty()) template_.segments_.push_back({std::move(literal_), Form::kEnd, 0});
    return std::move(template_);
  }

 private:
  using Form = Template::Segment::Form;
  enum class Literals : uint8_t { kText, kJson };

  static bool IsWholeBlock(std::string_view text, const std::vector<BlockPlace>& places) {
    return places.size() == 1 && places.front().begin == 0 && places.front().end == text.size();
  }

  void AddLiteral(std::string_view text, Literals literals) {
    if (literals == Literals::kText) {
      literal_.append(text);
    } else {
      AppendJsonEscaped(text, &literal_);
    }
  }

  absl::Status AddBlock(const BlockPlace& place, Form form) {
    if (blocks_.size() == kBlocksMax) {
      return Error(absl::StatusCode::kInvalidArgument,
                   "too many interpolation blocks; the value of an input has at most {}",
                   kBlocksMax);
    }
    CIEVENTS_ASSIGN_OR_RETURN(Block block, ParseBlock(place.data, valid_pattern_));
    template_.segments_.push_back(
        {std::exchange(literal_, std::string()), form, static_cast<uint32_t>(blocks_.size())});
    blocks_.push_back(std::move(block));
    return absl::OkStatus();
  }

  absl::Status AddText(std::string_view text, const std::vector<BlockPlace>& places,
                       Literals literals) {
    size_t at = 0;
    for (const BlockPlace& place : places) {
      AddLiteral(text.substr(at, place.begin - at), literals);
      CIEVENTS_RETURN_IF_ERROR(AddBlock(place, Form::kText));
      at = place.end;
    }
    AddLiteral(text.substr(at), literals);
    return absl::OkStatus();
  }

  absl::Status AddString(std::string_view text, Form whole_block_form) {
    const std::vector<BlockPlace> places = FindBlocks(text);
    if (IsWholeBlock(text, places)) return AddBlock(places.front(), whole_block_form);
    literal_.push_back('"');
    CIEVENTS_RETURN_IF_ERROR(AddText(text, places, Literals::kJson));
    literal_.push_back('"');
    return absl::OkStatus();
  }

  absl::Status AddArray(const JsonNode& node) {
    literal_.push_back('[');
    for (size_t i = 0; i < node.items.size(); ++i) {
      if (i > 0) literal_.push_back(',');
      CIEVENTS_RETURN_IF_ERROR(AddJson(node.items[i], Form::kSplicedJson));
    }
    literal_.push_back(']');
    return absl::OkStatus();
  }

  absl::Status AddObject(const JsonNode& node) {
    literal_.push_back('{');
    for (size_t i = 0; i < node.members.size(); ++i) {
      const JsonMember& member = node.members[i];
      // GitLab would take one here, too; but then the event could name keys.
      if (!FindBlocks(member.key).empty()) {
        return Error(absl::StatusCode::kInvalidArgument,
                     "the key `{}` holds a block; write blocks into values only", member.key);
      }
      if (i > 0) literal_.push_back(',');
      AppendJsonString(member.key, &literal_);
      literal_.push_back(':');
      CIEVENTS_RETURN_IF_ERROR(AddJson(member.value, Form::kJson));
    }
    literal_.push_back('}');
    return absl::OkStatus();
  }

  absl::Status AddJson(const JsonNode& node, Form whole_block_form) {
    switch (node.kind) {
      case JsonNode::Kind::kString:
        return AddString(node.text, whole_block_form);
      case JsonNode::Kind::kArray:
        return AddArray(node);
      case JsonNode::Kind::kObject:
        return AddObject(node);
      default:
        AppendJson(node, &literal_);
        return absl::OkStatus();
    }
  }

  std::string_view valid_pattern_;
  std::vector<Block>& blocks_;
  std::string literal_;  // of the segment that is not finished
  Template template_;
};

absl::StatusOr<Template> Template::Compile(std::string_view json, std::string_view valid_pattern,
                                           std::vector<Block>* blocks) {
  CIEVENTS_ASSIGN_OR_RETURN(const JsonNode root, ParseJson(json));
  return TemplateCompiler(valid_pattern, blocks).Compile(root);
}

namespace {

// The items of a JSON array; it has at least one, an empty list is no value.
std::string_view WithoutBrackets(std::string_view array) {
  return array.substr(1, array.size() - 2);
}

Template::Outcome TooLarge(std::string* reason) {
  *reason = fmt::format("the value has more than {} bytes", kInputValueBytesMax);
  return Template::Outcome::kFailed;
}

}  // namespace

Template::Outcome Template::EvaluateBlock(size_t block, BlockValues values,
                                          const FunctionContext& context, InputValue* value,
                                          std::string* reason) const {
  const Value found = values(block);
  if (found.kind == Value::Kind::kNull) return Outcome::kAbsent;
  if (found.kind == Value::Kind::kFailed) {
    *reason = std::string(found.text);
    return Outcome::kFailed;
  }
  // Before it is copied: a payload is larger than any input may be.
  if (found.text.size() > kInputValueBytesMax) return TooLarge(reason);
  *value = InputValue::Of(found);
  for (const FunctionCall& call : functions_[block]) {
    const absl::Status applied = ApplyFunction(call, context, value);
    if (applied.ok()) continue;
    *reason = std::string(applied.message());
    return Outcome::kFailed;
  }
  return value->text.size() > kInputValueBytesMax ? TooLarge(reason) : Outcome::kValue;
}

void Template::AppendPart(const Segment& segment, const InputValue& part, std::string* out) const {
  if (segment.form == Segment::Form::kText) {
    if (shape_ == Shape::kText) {
      out->append(part.AsText());
    } else {
      AppendJsonEscaped(part.AsText(), out);
    }
  } else if (segment.form == Segment::Form::kSplicedJson && part.kind == InputValue::Kind::kArray) {
    AppendRawJson(WithoutBrackets(part.text), out);
  } else {
    part.AppendJson(out);
  }
}

Template::Outcome Template::Evaluate(BlockValues values, const FunctionContext& context,
                                     InputValue* value, std::string* reason) const {
  *value = InputValue();
  switch (shape_) {
    case Shape::kConstant:
      *value = *constant_;
      return value->kind == InputValue::Kind::kNull ? Outcome::kAbsent : Outcome::kValue;
    case Shape::kBlock:
      return EvaluateBlock(0, values, context, value, reason);
    case Shape::kText:
      value->kind = InputValue::Kind::kString;
      break;
    case Shape::kArray:
      value->kind = InputValue::Kind::kArray;
      break;
    case Shape::kObject:
      value->kind = InputValue::Kind::kObject;
      break;
  }
  InputValue part;
  for (const Segment& segment : segments_) {
    value->text.append(segment.literal);
    if (segment.form == Segment::Form::kEnd) break;
    const Outcome outcome = EvaluateBlock(segment.block, values, context, &part, reason);
    if (outcome != Outcome::kValue) return outcome;
    AppendPart(segment, part, &value->text);
    if (value->text.size() > kInputValueBytesMax) return TooLarge(reason);
  }
  return value->text.size() > kInputValueBytesMax ? TooLarge(reason) : Outcome::kValue;
}

}  // namespace cievents::matcher
