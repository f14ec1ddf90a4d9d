#include "matcher/inputs/interpolation.h"

#include <utility>

#include "matcher/base/status.h"

namespace cievents::matcher {

// Walks the JSON tree once and leaves segments behind.
class TemplateCompiler {
 public:
  explicit TemplateCompiler(std::string_view valid_pattern) : valid_pattern_(valid_pattern) {}

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
    if (template_.blocks_.empty()) {
      template_.constant_ = InputValue::Of(root);
      return std::move(template_);
    }
    template_.shape_ = shape;
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
      AppendEscaped(text, &literal_);
    }
  }

  absl::Status AddBlock(const BlockPlace& place, Form form) {
    if (template_.blocks_.size() == kBlocksMax) {
      return Error(absl::StatusCode::kInvalidArgument,
                   "too many interpolation blocks; the value of an input has at most {}",
                   kBlocksMax);
    }
    CIEVENTS_ASSIGN_OR_RETURN(Block block, ParseBlock(place.data, valid_pattern_));
    template_.segments_.push_back(
        {std::exchange(literal_, std::string()), form, template_.blocks_.size()});
    template_.blocks_.push_back(std::move(block));
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
  std::string literal_;  // of the segment that is not finished
  Template template_;
};

absl::StatusOr<Template> Template::Compile(std::string_view json, std::string_view valid_pattern) {
  CIEVENTS_ASSIGN_OR_RETURN(const JsonNode root, ParseJson(json));
  return TemplateCompiler(valid_pattern).Compile(root);
}

namespace {

// Runs the functions of `block`; without any the value stays what it is.
absl::Status ApplyFunctions(const Block& block, const FunctionContext& context, InputValue* value) {
  for (const FunctionCall& call : block.functions) {
    CIEVENTS_RETURN_IF_ERROR(ApplyFunction(call, context, value));
  }
  return absl::OkStatus();
}

// The items of a JSON array; it has at least one, an empty list is no value.
std::string_view WithoutBrackets(std::string_view array) {
  return array.substr(1, array.size() - 2);
}

Template::Outcome TooLarge(std::string* reason) {
  *reason = fmt::format("the value has more than {} bytes", kInputValueBytesMax);
  return Template::Outcome::kFailed;
}

}  // namespace

Template::Outcome Template::Fill(const Block& block, const Segment& segment, const Value& value,
                                 const FunctionContext& context, std::string* out,
                                 std::string* reason) const {
  InputValue input = InputValue::Of(value);
  const absl::Status applied = ApplyFunctions(block, context, &input);
  if (!applied.ok()) {
    *reason = std::string(applied.message());
    return Outcome::kFailed;
  }
  if (segment.form == Segment::Form::kText) {
    if (shape_ == Shape::kText) {
      out->append(input.AsText());
    } else {
      AppendEscaped(input.AsText(), out);
    }
  } else if (segment.form == Segment::Form::kSplicedJson &&
             input.kind == InputValue::Kind::kArray) {
    AppendRawJson(WithoutBrackets(input.text), out);
  } else {
    input.AppendJson(out);
  }
  return Outcome::kValue;
}

Template::Outcome Template::Evaluate(BlockValues values, const FunctionContext& context,
                                     InputValue* value, std::string* reason) const {
  *value = InputValue();
  if (shape_ == Shape::kConstant) {
    *value = constant_;
    return value->kind == InputValue::Kind::kNull ? Outcome::kAbsent : Outcome::kValue;
  }
  for (const Segment& segment : segments_) {
    value->text.append(segment.literal);
    if (segment.form == Segment::Form::kEnd) break;
    const Block& block = blocks_[segment.block];
    const Value part = values(segment.block);
    if (part.kind == Value::Kind::kNull) return Outcome::kAbsent;
    if (part.kind == Value::Kind::kFailed) {
      *reason = std::string(part.text);
      return Outcome::kFailed;
    }
    // Before it is copied: a payload is larger than any input may be.
    if (value->text.size() + part.text.size() > kInputValueBytesMax) return TooLarge(reason);
    if (shape_ == Shape::kBlock) {
      *value = InputValue::Of(part);
      const absl::Status applied = ApplyFunctions(block, context, value);
      if (applied.ok()) continue;
      *reason = std::string(applied.message());
      return Outcome::kFailed;
    }
    const Outcome outcome = Fill(block, segment, part, context, &value->text, reason);
    if (outcome != Outcome::kValue) return outcome;
  }
  if (value->text.size() > kInputValueBytesMax) return TooLarge(reason);
  if (shape_ == Shape::kText) value->kind = InputValue::Kind::kString;
  if (shape_ == Shape::kArray) value->kind = InputValue::Kind::kArray;
  if (shape_ == Shape::kObject) value->kind = InputValue::Kind::kObject;
  return Outcome::kValue;
}

}  // namespace cievents::matcher
