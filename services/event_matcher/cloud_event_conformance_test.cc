// Goal: what others send is read. Method: the protobuf vectors of a CloudEvents SDK, GitLab's own
// events in the protobuf format, and the documented facts of the format.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "io/cloudevents/v1/cloudevents.pb.h"
#include "services/event_matcher/cloud_event_codec.h"
#include "simdjson.h"

namespace cievents::event_matcher {
namespace {

namespace dom = simdjson::dom;
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Message = io::cloudevents::v1::CloudEvent;

fs::path DataFolder() {
  const char* folder = std::getenv("CIEVENTS_SHARED_DATA");
  return fs::path(folder != nullptr ? folder : "../shared/data");
}

class CloudEventConformanceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(DataFolder() / "cloudevents")) {
      GTEST_SKIP() << "no conformance data at " << DataFolder()
                   << "; say where it is with CIEVENTS_SHARED_DATA";
    }
  }
  static std::string ReadFile(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  static absl::StatusOr<Event> Decode(const Message& message) {
    CloudEventDecoder decoder;
    return decoder.DecodeOne(message.SerializeAsString(), *Catalogue::BuiltIn());
  }
};

TEST_F(CloudEventConformanceTest, TheProtoIsTheDocumentedFormat) {
  dom::parser parser;
  const dom::element facts =
      parser.load((DataFolder() / "cloudevents/protobuf_format_facts.json").string()).value();
  const auto* file = Message::descriptor()->file();
  EXPECT_EQ(file->package(), std::string_view(facts["package"]));
  size_t fields = 0;
  for (const auto& [name, described] : dom::object(facts["messages"])) {
    const auto* message =
        file->pool()->FindMessageTypeByName("io.cloudevents.v1." + std::string(name));
    ASSERT_NE(message, nullptr) << name;
    EXPECT_EQ(static_cast<size_t>(message->field_count()), dom::array(described).size()) << name;
    for (const dom::element fact : dom::array(described)) {
      const auto* field = message->FindFieldByName(std::string(std::string_view(fact.at(0))));
      ASSERT_NE(field, nullptr) << fact.at(0);
      EXPECT_EQ(field->number(), int64_t(fact.at(1))) << field->full_name();
      const std::string_view type = fact.at(2);
      const std::string own_type = field->is_map()        ? "map"
                                   : field->is_repeated() ? "repeated"
                                   : field->message_type() != nullptr
                                       ? field->message_type()->full_name()
                                       : field->type_name();
      EXPECT_TRUE(type.starts_with(own_type)) << field->full_name() << ": " << type;
      ++fields;
    }
  }
  EXPECT_EQ(fields, 16u);
}

TEST_F(CloudEventConformanceTest, TheVectorsOfAnSdkAreReadOrRefusedForAReason) {
  struct Expected {
    std::string data;
    std::string extensions;
    std::string refusal;  // empty: it is read
  };
  const std::map<std::string, Expected> expected = {
      {"min", {}},
      {"binary_ext", {"", R"({"binary":"4P8ARKo="})", ""}},
      {"json_data", {"{}", "", ""}},
      {"json_data_with_ext", {"{}", "astring", ""}},
      {"text_data", {"", "", "datacontenttype: \"text/plain\" is not JSON"}},
      {"xml_data", {"", "", "datacontenttype: \"application/xml\" is not JSON"}},
  };
  size_t read = 0;
  for (const auto& entry : fs::directory_iterator(DataFolder() / "cloudevents/protobuf_vectors")) {
    const std::string name = entry.path().stem().stem().string();
    Message message;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(ReadFile(entry), &message).ok())
        << name;
    ASSERT_TRUE(expected.contains(name)) << "say what becomes of " << name;
    const Expected& want = expected.at(name);
    const auto event = Decode(message);
    ++read;
    if (!want.refusal.empty()) {
      EXPECT_THAT(std::string(event.status().message()), HasSubstr(want.refusal)) << name;
      continue;
    }
    ASSERT_TRUE(event.ok()) << name << ": " << event.status();
    EXPECT_THAT(event->names, ::testing::ElementsAre("cloudevent/mock/test"));
    EXPECT_EQ(event->id, "1");
    EXPECT_EQ(event->source, "http://localhost/source");
    EXPECT_EQ(event->data, want.data) << name;
    EXPECT_THAT(event->extensions_json, HasSubstr(want.extensions)) << name;
    if (message.attributes().contains("time")) {
      EXPECT_EQ(event->time_ms, 1'524'746'889'000) << name;
      EXPECT_EQ(event->subject, "sub");
      EXPECT_EQ(event->data_schema, "http://localhost/schema");
    }
  }
  EXPECT_EQ(read, expected.size());
}

// As GitLab's adapter makes the message: texts and integers, the payload as text.
Message MessageOf(const dom::element& json) {
  Message message;
  for (const auto& [key, value] : dom::object(json)) {
    const std::string text = value.is_string() ? std::string(std::string_view(value)) : "";
    if (key == "id") {
      message.set_id(text);
    } else if (key == "source") {
      message.set_source(text);
    } else if (key == "specversion") {
      message.set_spec_version(text);
    } else if (key == "type") {
      message.set_type(text);
    } else if (key == "data") {
      message.set_text_data(simdjson::minify(value));
    } else if (value.is_int64()) {
      (*message.mutable_attributes())[std::string(key)].set_ce_integer(
          static_cast<int32_t>(int64_t(value)));
    } else {
      (*message.mutable_attributes())[std::string(key)].set_ce_string(text);
    }
  }
  return message;
}

TEST_F(CloudEventConformanceTest, GitlabsOwnEventsAreRead) {
  const std::map<std::string, std::string> names = {
      {"com.gitlab.issues.created", "issue/created"},
      {"com.gitlab.merge_requests.approved", "merge_request/approved"},
      {"com.gitlab.merge_requests.code_conflict", "merge_request/conflicted"},
      {"com.gitlab.merge_requests.created", "merge_request/created"},
      {"com.gitlab.merge_requests.merged", "merge_request/merged"},
      {"com.gitlab.merge_requests.ready", "merge_request/ready"},
  };
  size_t read = 0;
  for (const auto& entry : fs::directory_iterator(DataFolder() / "gitlab/cloudevents")) {
    dom::parser parser;
    const Message message = MessageOf(parser.load(entry.path().string()).value());
    const auto event = Decode(message);
    ASSERT_TRUE(event.ok()) << entry << ": " << event.status();
    ASSERT_TRUE(names.contains(message.type())) << message.type();
    EXPECT_EQ(event->names.front(), names.at(message.type()));
    EXPECT_EQ(event->type, message.type());
    EXPECT_EQ(event->project_id, 14);
    EXPECT_EQ(event->organization_id, 1);
    EXPECT_EQ(event->actor.user_id, 1);
    EXPECT_EQ(event->actor.username, "root");
    EXPECT_EQ(event->time_ms, 1'780'308'000'000);
    EXPECT_EQ(event->subject, message.attributes().at("subject").ce_string());
    EXPECT_EQ(event->data_schema, message.attributes().at("dataschema").ce_string());
    EXPECT_EQ(event->data, message.text_data());
    EXPECT_EQ(event->extensions_json, "");
    ++read;
  }
  EXPECT_EQ(read, names.size());
}

}  // namespace
}  // namespace cievents::event_matcher
