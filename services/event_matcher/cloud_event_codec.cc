#include "services/event_matcher/cloud_event_codec.h"

#include <algorithm>
#include <utility>

namespace cievents::event_matcher {
namespace {

namespace wire = cievents::cloudevents::wire;

// google.protobuf.Timestamp's own range: years 1 to 9999.
constexpr int64_t kSecondsMin = -62135596800;
constexpr int64_t kSecondsMax = 253402300799;

CloudEventView::Timestamp ViewOf(const google::protobuf::Timestamp& time) {
  const bool exists = time.seconds() >= kSecondsMin && time.seconds() <= kSecondsMax &&
                      time.nanos() >= 0 && time.nanos() <= 999'999'999;
  if (!exists) return {};
  return {time.seconds() * 1000 + time.nanos() / 1'000'000};
}

CloudEventView::Attribute ViewOf(const wire::CloudEvent::AttributesEntry& entry) {
  using Value = wire::CloudEvent::CloudEventAttributeValue;
  CloudEventView::Attribute attribute;
  attribute.name = entry.key();
  const Value& value = entry.value();
  switch (value.attr_case()) {
    case Value::kCeBoolean:
      attribute.value = value.ce_boolean();
      break;
    case Value::kCeInteger:
      attribute.value = value.ce_integer();
      break;
    case Value::kCeString:
      attribute.value = std::string_view(value.ce_string());
      break;
    case Value::kCeBytes:
      attribute.value = CloudEventView::Binary{value.ce_bytes()};
      break;
    case Value::kCeUri:
      attribute.value = std::string_view(value.ce_uri());
      break;
    case Value::kCeUriRef:
      attribute.value = std::string_view(value.ce_uri_ref());
      break;
    case Value::kCeTimestamp:
      attribute.value = ViewOf(value.ce_timestamp());
      break;
    case Value::ATTR_NOT_SET:
      break;
  }
  return attribute;
}

void ReadInto(const wire::CloudEvent& message, CloudEventView* view) {
  view->id = message.id();
  view->source = message.source();
  view->spec_version = message.spec_version();
  view->type = message.type();
  view->attributes.clear();
  for (const auto& entry : message.attributes()) view->attributes.push_back(ViewOf(entry));
  view->data = {};
  switch (message.data_case()) {
    case wire::CloudEvent::kBinaryData:
      view->data_form = CloudEventView::DataForm::kBytes;
      view->data = message.binary_data();
      break;
    case wire::CloudEvent::kTextData:
      view->data_form = CloudEventView::DataForm::kBytes;
      view->data = message.text_data();
      break;
    case wire::CloudEvent::kProtoData:
      view->data_form = CloudEventView::DataForm::kProtobuf;
      break;
    case wire::CloudEvent::DATA_NOT_SET:
      view->data_form = CloudEventView::DataForm::kNone;
      break;
  }
}

}  // namespace

absl::StatusOr<Event> CloudEventDecoder::DecodeOne(const std::string& bytes,
                                                   const Catalogue& catalogue) {
  if (!message_.ParseFromString(bytes)) {
    return absl::InvalidArgumentError("the bytes are not an io.cloudevents.v1.CloudEvent");
  }
  ReadInto(message_, &view_);
  return EventFromCloudEvent(view_, catalogue);
}

std::span<DecodedEvent> CloudEventDecoder::Decode(
    const google::protobuf::RepeatedPtrField<std::string>& events, const Catalogue& catalogue) {
  const auto count = static_cast<size_t>(events.size());
  if (decoded_.size() < count) decoded_.resize(count);
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string& given = events[static_cast<int>(i)];
    bytes += given.size();
    absl::StatusOr<Event> event = DecodeOne(given, catalogue);
    decoded_[i].status = event.status();
    if (event.ok()) decoded_[i].event = *std::move(event);
  }
  capacity_bytes_ = std::max(capacity_bytes_, bytes);
  return std::span(decoded_).first(count);
}

}  // namespace cievents::event_matcher
