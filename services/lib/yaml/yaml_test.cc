#include "services/lib/yaml/yaml.h"

#include <fmt/format.h>

#include <chrono>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cievents::yaml {
namespace {

using ::testing::HasSubstr;

std::string Repeat(std::string_view text, int count) {
  std::string repeated;
  repeated.reserve(text.size() * count);
  for (int i = 0; i < count; ++i) repeated.append(text);
  return repeated;
}

NodePtr MustParse(std::string_view text, const ParseOptions& options = {}) {
  auto parsed = Parse(text, options);
  if (const auto* error = std::get_if<ParseError>(&parsed)) {
    ADD_FAILURE() << error->mark.line << ":" << error->mark.column << " " << error->code << ": "
                  << error->message;
    return std::make_shared<Node>();
  }
  return std::get<NodePtr>(parsed);
}

ParseError MustFail(std::string_view text, const ParseOptions& options = {}) {
  auto parsed = Parse(text, options);
  if (auto* error = std::get_if<ParseError>(&parsed)) return *std::move(error);
  ADD_FAILURE() << "parsed: " << ToCanonicalJson(*std::get<NodePtr>(parsed)).substr(0, 200);
  return {};
}

std::string Json(std::string_view text) { return ToCanonicalJson(*MustParse(text)); }

// LINE:COLUMN CODE, the part of an error that programs read.
std::string Place(const ParseError& error) {
  return fmt::format("{}:{} {}", error.mark.line, error.mark.column, error.code);
}

TEST(YamlTest, KeepsTheShapeOfTheText) {
  EXPECT_EQ(Json("a: 1\nb: [x, 'y', ~]\nc: {d: true}\n"),
            R"({"a":1,"b":["x","y",null],"c":{"d":true}})");
  EXPECT_EQ(Json("z: 1\na: |\n  two\n  lines\nm: >-\n  one\n  line\n"),
            R"({"a":"two\nlines\n","m":"one line","z":1})");
  EXPECT_EQ(Json("- \"q\\\"\\\\\\t\\u0001\"\n- é\n"), R"(["q\"\\\t\u0001","é"])");
}

TEST(YamlTest, AnEmptyTextIsANullNode) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---", "~"}) {
    const NodePtr node = MustParse(text);
    EXPECT_TRUE(node->is_null()) << text;
    EXPECT_EQ(node->mark.line, 1) << text;
  }
}

TEST(YamlTest, MarksAreOneBasedAndShifted) {
  const NodePtr node = MustParse("a: 1\nb:\n  - x\n  - {c: d}\n", {.limits = {}, .first_line = 10});
  EXPECT_EQ(node->mark, (Mark{10, 1}));
  EXPECT_EQ(node->FindItem("b")->key->mark, (Mark{11, 1}));
  const Node& list = *node->Find("b");
  EXPECT_EQ(list.items[0]->mark, (Mark{12, 5}));
  EXPECT_EQ(list.items[1]->Find("c")->mark, (Mark{13, 9}));
}

TEST(YamlTest, ColumnsCountBytesAndAByteOrderMarkCountsNothing) {
  EXPECT_EQ(MustParse("é: x")->map[0].value->mark, (Mark{1, 5}));
  EXPECT_EQ(MustParse("\xEF\xBB\xBF"
                      "a: x")
                ->map[0]
                .value->mark,
            (Mark{1, 4}));
}

TEST(YamlTest, CarriageReturnsDoNotChangeLines) {
  const NodePtr node = MustParse("a: 1\r\nb: two\r\n");
  EXPECT_EQ(node->Find("b")->mark, (Mark{2, 4}));
  EXPECT_EQ(node->Find("b")->scalar, "two");
}

TEST(YamlTest, ANullValueKeepsItsSpellingAndALeftOutOneTheMarkOfItsKey) {
  const NodePtr node = MustParse("a: ~\nb:\nc: null\nnull-safe:\nnull: x\n");
  EXPECT_EQ(node->Find("a")->scalar, "~");
  EXPECT_EQ(node->Find("a")->mark, (Mark{1, 4}));
  EXPECT_EQ(node->Find("b")->scalar, "");
  EXPECT_EQ(node->Find("b")->mark, (Mark{2, 1}));
  EXPECT_EQ(node->Find("c")->scalar, "null");
  EXPECT_TRUE(node->Find("null-safe")->is_null());
  EXPECT_EQ(node->Find("null-safe")->scalar, "");
  EXPECT_TRUE(node->map[4].key->is_null());
  EXPECT_EQ(node->map[4].key->scalar, "null");
}

TEST(YamlTest, ScalarsAreTypedByTheCoreSchemaAndOnStaysText) {
  struct Case {
    const char* text;
    std::optional<bool> boolean;
    std::optional<int64_t> integer;
    bool number;
  };
  const Case cases[] = {
      {"true", true, {}, false},
      {"FALSE", false, {}, false},
      {"'true'", {}, {}, false},
      {"on", {}, {}, false},
      {"yes", {}, {}, false},
      {"0", {}, 0, true},
      {"-7", {}, -7, true},
      {"+7", {}, 7, false},
      {"007", {}, 7, false},
      {"1.5e3", {}, {}, true},
      {"1.", {}, {}, false},
      {".5", {}, {}, false},
      {"-", {}, {}, false},
      {"+-1", {}, {}, false},
      {"'7'", {}, {}, false},
      {"!!str 7", {}, {}, false},
      {"1e", {}, {}, false},
      {"9223372036854775807", {}, INT64_MAX, true},
      {"9223372036854775808", {}, {}, true},
  };
  for (const Case& c : cases) {
    const NodePtr list = MustParse(std::string("[") + c.text + "]");
    const Node& node = *list->items.at(0);
    EXPECT_EQ(node.AsBool(), c.boolean) << c.text;
    EXPECT_EQ(node.AsInteger(), c.integer) << c.text;
    EXPECT_EQ(node.IsNumber(), c.number) << c.text;
  }
}

TEST(YamlTest, TagsAreKeptAsWritten) {
  const NodePtr node = MustParse("a: !reference [.x, script]\nb: !x 'y'\nc: plain\n");
  EXPECT_EQ(node->Find("a")->tag, "!reference");
  EXPECT_EQ(node->Find("b")->tag, "!x");
  EXPECT_EQ(node->Find("c")->tag, "");
}

TEST(YamlTest, AnAliasSharesTheNodeThatItNames) {
  const NodePtr node = MustParse("a: &x [1, 2]\nb: *x\n");
  EXPECT_EQ(node->Find("a"), node->Find("b"));
  EXPECT_EQ(ToCanonicalJson(*node), R"({"a":[1,2],"b":[1,2]})");
}

TEST(YamlTest, MergeKeysYieldToOwnKeysAndEarlierMapsOfAListWin) {
  const NodePtr node =
      MustParse("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  a: own\n");
  const Node& merged = *node->Find("z");
  EXPECT_EQ(merged.Find("a")->scalar, "own");
  EXPECT_EQ(merged.Find("b")->scalar, "2");
  EXPECT_EQ(merged.Find("c")->scalar, "4");
  EXPECT_EQ(merged.FindItem("c"), nullptr);
  EXPECT_EQ(ToCanonicalJson(merged), R"({"a":"own","b":2,"c":4})");
}

TEST(YamlTest, SeveralMergeKeysAreAllowedAndTheLaterWins) {
  const NodePtr node =
      MustParse("x: &x {a: 1, b: 2}\ny: &y {b: 3}\nz:\n  <<: *x\n  <<: *y\n  q: {<<: 5}\n");
  EXPECT_EQ(ToCanonicalJson(*node->Find("z")), R"({"a":1,"b":3,"q":{}})");
  EXPECT_EQ(node->Find("z")->Find("b")->scalar, "3");
}

TEST(YamlTest, OnlyTheFirstDocumentIsRead) {
  EXPECT_EQ(Json("a: 1\n---\n@ broken"), R"({"a":1})");
  EXPECT_EQ(Json("- a\n...\n# c\n\nb\n"), R"(["a"])");
}

TEST(YamlTest, WhatTheLibraryWouldDropSilentlyIsAnError) {
  EXPECT_EQ(Place(MustFail("- a\nb: c\n")), "2:1 yaml-syntax");
  EXPECT_EQ(Place(MustFail("  a: 1\n b: 2\n")), "2:2 yaml-syntax");
  EXPECT_EQ(Place(MustFail("[a],b")), "1:4 yaml-syntax");
  EXPECT_EQ(Place(MustFail(",")), "1:1 yaml-syntax");
  EXPECT_EQ(Place(MustFail("a: 'x\nb: 1\n")), "1:4 yaml-syntax");
  EXPECT_EQ(Place(MustFail("a: &x \"x\\\"\nb: 1\n")), "1:4 yaml-syntax");
  EXPECT_EQ(Json("a: 'it''s'"), R"({"a":"it's"})");
}

TEST(YamlTest, DuplicateKeysAreErrorsAtTheSecondKey) {
  const ParseError error = MustFail("a: 1\nb:\n  c: 1\n  'c': 2\n");
  EXPECT_EQ(Place(error), "4:3 yaml-duplicate-key");
  EXPECT_THAT(error.message, HasSubstr("`c`"));
}

TEST(YamlTest, MessagesShortenLongTextsBetweenCharacters) {
  EXPECT_EQ(Shorten("short"), "short");
  EXPECT_EQ(Shorten(Repeat("a", 80)), Repeat("a", 80));
  EXPECT_EQ(Shorten(Repeat("a", 81)), Repeat("a", 77) + "...");
  EXPECT_EQ(Shorten(Repeat("é", 41)), Repeat("é", 38) + "...");
  const std::string key = Repeat("é", 100'000);
  EXPECT_LT(MustFail(key + ": 1\n" + key + ": 2\n").message.size(), 200u);
  EXPECT_LT(MustFail("- *" + key).message.size(), 200u);
}

TEST(YamlTest, AKeyThatIsAListOrMapIsAnError) {
  EXPECT_EQ(Place(MustFail("? [a, b]\n: c\n")), "1:3 yaml-syntax");
  EXPECT_EQ(Place(MustFail("x: &x {a: 1}\n? *x\n: c\n")), "2:3 yaml-syntax");
}

TEST(YamlTest, TextMustBeUtf8WithoutNul) {
  EXPECT_EQ(Place(MustFail("a: 1\nb: \xC3\x28\n")), "2:4 yaml-not-utf8");
  EXPECT_EQ(Place(MustFail("ab\xED\xA0\x80")), "1:3 yaml-not-utf8");
  EXPECT_EQ(Place(MustFail("é\xE2\x82")), "1:3 yaml-not-utf8");
  EXPECT_EQ(Place(MustFail(std::string("a: \0", 4))), "1:4 yaml-not-utf8");
  EXPECT_EQ(Place(MustFail("a: \"\\0\"")), "1:4 yaml-not-utf8");
  EXPECT_EQ(Place(MustFail("a: x\x04y")), "1:5 yaml-syntax");
}

TEST(YamlTest, AWideEncodingIsCalledByItsName) {
  using std::string_view_literals::operator""sv;
  struct Case {
    std::string_view text;
    const char* name;
  };
  const Case cases[] = {
      {"\xFF\xFE"sv, "UTF-16 (little endian)"},
      {"\xFF\xFE-\0 \0a\0"sv, "UTF-16 (little endian)"},
      {"\xFE\xFF\0-\0 \0a"sv, "UTF-16 (big endian)"},
      {"-\0 \0a\0"sv, "UTF-16 (little endian)"},
      {"\0-\0 \0a"sv, "UTF-16 (big endian)"},
      {"\xFF\xFE\0\0-\0\0\0"sv, "UTF-32 (little endian)"},
      {"\0\0\xFE\xFF\0\0\0-"sv, "UTF-32 (big endian)"},
  };
  for (const Case& c : cases) {
    const ParseError error = MustFail(c.text, {.limits = {}, .first_line = 3});
    EXPECT_EQ(Place(error), "3:1 yaml-not-utf8") << c.name;
    EXPECT_THAT(error.message, HasSubstr(c.name));
    EXPECT_THAT(error.suggestion, HasSubstr("UTF-8"));
    EXPECT_EQ(CheckEncoding(c.text)->message, error.message);
  }
  for (const std::string_view text : {""sv, "a"sv, "a: \0"sv, "\xEF\xBB\xBF"sv, "\xC3\x28"sv}) {
    EXPECT_FALSE(CheckEncoding(text).has_value()) << text;
  }
}

TEST(YamlTest, AByteOrderMarkIsNoContent) {
  EXPECT_TRUE(MustParse("\xEF\xBB\xBF")->is_null());
  EXPECT_EQ(Json("\xEF\xBB\xBF# c\r\na: 1\r\n"), R"({"a":1})");
  // Within the text it is a character like others.
  EXPECT_EQ(Json("a: \xEF\xBB\xBF"
                 "b"),
            "{\"a\":\"\xEF\xBB\xBF"
            "b\"}");
}

TEST(YamlTest, EscapesMakeWholeCharacters) {
  EXPECT_EQ(MustParse(R"("a\Nb\_c\L\P\xe9é\N")")->scalar,
            "a\u0085b\u00A0c\u2028\u2029\u00E9\u00E9\u0085");
}

TEST(YamlTest, AnErrorStandsInTheText) {
  EXPECT_EQ(Place(MustFail("a: \"\\u0")), "1:8 yaml-syntax");
  EXPECT_EQ(Place(MustFail("a:\n  \"\\U0")), "2:7 yaml-syntax");
}

TEST(YamlTest, TabsSeparateAndNeverIndent) {
  EXPECT_EQ(Json("a:\t1\nb: [\t2,\t3]\t# c\n"), R"({"a":1,"b":[2,3]})");
  EXPECT_EQ(Json("a: |\n  \tx\n"), R"({"a":"\tx\n"})");
  EXPECT_THAT(MustFail("a:\n  b: 1\n\tc: 2\n").message, HasSubstr("tab"));
}

TEST(YamlTest, AQuoteThatIsNotClosedIsNamedWhereItBegins) {
  for (const char* quote : {"'", "\""}) {
    const std::string text = std::string("a: 1\nb: ") + quote + "x\nc: 2\n";
    EXPECT_EQ(Place(MustFail(text)), "2:4 yaml-syntax");
    EXPECT_THAT(MustFail(text).message, HasSubstr("never closed"));
  }
}

TEST(YamlTest, AComplexKeyIsReadIfItIsAText) {
  EXPECT_EQ(Json("? a\n: 1\n? b\n"), R"({"a":1,"b":null})");
  EXPECT_EQ(Json("? |\n  two\n  lines\n: 1\n"), R"({"two\nlines\n":1})");
  EXPECT_EQ(Json("{? a : 1, ? b}"), R"({"a":1,"b":null})");
  EXPECT_EQ(Place(MustFail("? - a\n: 1\n")), "1:3 yaml-syntax");
  EXPECT_EQ(Place(MustFail("{? {a: b} : 1}")), "1:4 yaml-syntax");
}

TEST(YamlTest, ANullKeyIsTheEmptyTextAndStandsOnce) {
  EXPECT_EQ(Json(": 1\n"), R"({"":1})");
  EXPECT_EQ(Json("~: 1\n"), R"({"":1})");
  for (const char* text : {"~: 1\nnull: 2\n", "~: 1\n'': 2\n", "{: 1, ~: 2}"}) {
    EXPECT_EQ(MustFail(text).code, "yaml-duplicate-key") << text;
  }
}

TEST(YamlTest, EmptyDocumentsAreNull) {
  for (const char* text :
       {"---\n", "---\n...\n", "...\n", "--- # c\n", "--- ~\n", "--- !!null\n"}) {
    EXPECT_EQ(Json(text), "null") << text;
  }
}

TEST(YamlTest, DirectivesBelongToADocument) {
  EXPECT_EQ(Json("%YAML 1.2\n---\na: 1\n"), R"({"a":1})");
  EXPECT_EQ(MustParse("%TAG !e! tag:e.org,2000:\n---\na: !e!x b\n")->Find("a")->tag,
            "tag:e.org,2000:x");
  EXPECT_EQ(Place(MustFail("%YAML 2.0\n---\na: 1\n")), "1:1 yaml-syntax");
  EXPECT_EQ(Place(MustFail("%YAML 1.2\n%YAML 1.2\n---\na: 1\n")), "2:1 yaml-syntax");
  // GitLab splits the file at `---` first.
  const ParseError alone = MustFail("# c\n\n%YAML 1.2\n");
  EXPECT_EQ(Place(alone), "3:1 yaml-syntax");
  EXPECT_THAT(alone.message, HasSubstr("directive"));
}

TEST(YamlTest, TagsOfTheStandardMakeTextsOfScalars) {
  const NodePtr node = MustParse("a: !!int 7\nb: !!str 7\nc: ! 7\nd: ! 'x'\ne: 'y'\nf: !<t> z\n");
  EXPECT_EQ(node->Find("a")->tag, "tag:yaml.org,2002:int");
  EXPECT_EQ(node->Find("b")->tag, "tag:yaml.org,2002:str");
  EXPECT_EQ(node->Find("c")->tag, "!");
  EXPECT_EQ(node->Find("d")->tag, "!");
  EXPECT_EQ(node->Find("e")->tag, "");
  EXPECT_EQ(node->Find("f")->tag, "t");
  EXPECT_EQ(ToCanonicalJson(*node), R"({"a":"7","b":"7","c":"7","d":"x","e":"y","f":"z"})");
}

TEST(YamlTest, LongLinesKeysAndScalarsAreReadWhole) {
  const std::string text = Repeat("x", 1'000'000);
  EXPECT_EQ(MustParse("a: " + text)->Find("a")->scalar, text);
  EXPECT_EQ(MustParse("a: '" + text + "'")->Find("a")->scalar, text);
  EXPECT_EQ(MustParse("a: |\n  " + text + "\n")->Find("a")->scalar, text + "\n");
  EXPECT_EQ(MustParse("? " + text + "\n: b\n")->map.at(0).key->scalar, text);
  EXPECT_EQ(MustParse("#" + text + "\na: b\n")->Find("a")->scalar, "b");
  // YAML: what stands before a `:` has at most 1024 characters.
  EXPECT_EQ(MustParse(Repeat("k", 1024) + ": b\n")->map.size(), 1u);
  EXPECT_EQ(MustFail(Repeat("k", 1025) + ": b\n").code, "yaml-syntax");
}

TEST(YamlTest, WhatPeopleReallyGetWrongHasTextsOfItsOwn) {
  struct Case {
    const char* text;
    const char* place;
    const char* message;
    const char* suggestion;
  };
  const Case cases[] = {
      {"- */published\n", "1:3 yaml-syntax", "alias", "\"*/published\""},
      {"events: [*/published, a]\n", "1:10 yaml-syntax", "`*/published`", "\"*/published\""},
      {"- a\n- **\n", "2:3 yaml-syntax", "alias", "\"**\""},
      {"- *\n", "1:4 yaml-syntax", "alias", "\"*\""},
      {"a: *base\n", "1:4 yaml-syntax", "anchor", "&base"},
      {"a:\n\t- b\n", "2:2 yaml-syntax", "tab", "spaces"},
      {"a:\n\tb: 1\n", "2:3 yaml-syntax", "tab", "spaces"},
      {"- {if: $[[ event.x ]] == \"a\"}\n", "1:9 yaml-syntax", "`$[[ .. ]]` is not quoted",
       "quote"},
      {"a: [$[[ event.x ]]]\n", "1:6 yaml-syntax", "`$[[ .. ]]` is not quoted", "quote"},
      {"- if: !$[[ event.x ]] == \"y\"\n", "1:7 yaml-syntax", "tag", "'!$[[ .. ]]'"},
      {"if: !$[[ event.x ]]\n", "1:5 yaml-syntax", "tag", "'!$[[ .. ]]'"},
      {"if: !($[[ event.x ]] == \"y\")\n", "1:5 yaml-syntax", "tag", "'!$[[ .. ]]'"},
      {"[{if: !$[[ event.x ]]}]\n", "1:7 yaml-syntax", "tag", "'!$[[ .. ]]'"},
      {"a: b: c\n", "1:5 yaml-syntax", "second `: `", "quote"},
      {"a: \"\\d+\"\n", "1:7 yaml-syntax", "escape", "single quotes"},
      {"a: \"\\\xEF\xBB\xBF\"\n", "1:7 yaml-syntax", "escape", "single quotes"},
      {"a: @x\n", "1:4 yaml-syntax", "`@x`", "quote"},
      {"a: {b: 1\n", "2:1 yaml-syntax", "`{` is not closed", ""},
      {"a: 'b' c\n", "1:8 yaml-syntax", "does not continue", "indentation"},
  };
  for (const Case& c : cases) {
    const ParseError error = MustFail(c.text);
    EXPECT_EQ(Place(error), c.place) << c.text;
    EXPECT_THAT(error.message, HasSubstr(c.message)) << c.text;
    EXPECT_THAT(error.suggestion, HasSubstr(c.suggestion)) << c.text;
  }
}

TEST(YamlTest, ACyclicAliasIsRefused) {
  EXPECT_EQ(Place(MustFail("a: &a [*a]")), "1:8 yaml-syntax");
  EXPECT_EQ(Place(MustFail("&a {b: {c: *a}}")), "1:12 yaml-syntax");
}

TEST(YamlLimitsTest, Bytes) {
  ParseOptions options;
  options.limits.bytes_max = 10;
  EXPECT_EQ(MustParse("a: 4567890", options)->Find("a")->scalar, "4567890");
  EXPECT_EQ(Place(MustFail("a: 45678901", options)), "1:1 file-too-large");
}

TEST(YamlLimitsTest, TwoMebibytesAreReadAndOneByteMoreIsNot) {
  const size_t most = 2 * 1024 * 1024;
  const std::string text = "a: " + std::string(most - 3, 'x');
  EXPECT_EQ(MustParse(text)->Find("a")->scalar.size(), most - 3);
  EXPECT_EQ(Place(MustFail(text + "x")), "1:1 file-too-large");
}

TEST(YamlLimitsTest, ATagCountsWithItsPrefix) {
  ParseOptions options;
  options.limits.bytes_max = 10'000;
  const std::string text = "%TAG !e! " + std::string(3'000, 'x') + "\n---\n- !e!a b\n- !e!a [c]\n";
  EXPECT_EQ(MustParse(text, options)->items.size(), 2u);
  EXPECT_EQ(Place(MustFail(text + "- !e!a d\n- !e!a e\n", options)), "6:3 file-too-large");
  const std::string aliased = "- &x !e!a [d]\n- *x\n- *x\n";
  EXPECT_EQ(MustFail(text + aliased, options).code, "file-too-large");
}

TEST(YamlLimitsTest, BracketsAndCommasAreCountedBeforeTheyAreRead) {
  ParseOptions options;
  options.limits.nodes_max = 5;
  EXPECT_EQ(MustParse("[[], {}, a]   # ,,,,[[[[]]]]", options)->items.size(), 3u);
  EXPECT_EQ(Place(MustFail("[[], {}, a]\n# ,,,,[[[[]]]],", options)), "2:15 yaml-too-many-nodes");
  // A list at the limit on nodes is below this one.
  const int most = ParseOptions().limits.nodes_max;
  EXPECT_EQ(MustParse("[" + Repeat("[],", most - 1) + "]")->items.size(), most - 1u);
}

TEST(YamlLimitsTest, Depth) {
  const auto nested = [](int depth) { return Repeat("[", depth) + Repeat("]", depth); };
  EXPECT_TRUE(MustParse(nested(64))->is_sequence());
  EXPECT_EQ(Place(MustFail(nested(65))), "1:65 yaml-too-deep");
  EXPECT_EQ(Place(MustFail(Repeat("- ", 65) + "a")), "1:129 yaml-too-deep");
}

TEST(YamlLimitsTest, DepthCountsThroughAliases) {
  const std::string anchor = "- &a " + Repeat("[", 60) + Repeat("]", 60) + "\n";
  EXPECT_TRUE(MustParse(anchor + "- [[[*a]]]\n")->is_sequence());
  EXPECT_EQ(Place(MustFail(anchor + "- [[[[*a]]]]\n")), "2:7 yaml-too-deep");
}

TEST(YamlLimitsTest, Nodes) {
  ParseOptions options;
  options.limits.nodes_max = 5;
  EXPECT_EQ(MustParse("[a, b, ~, []]", options)->items.size(), 4u);
  EXPECT_EQ(Place(MustFail("[a, b, ~, [], c]", options)), "1:15 yaml-too-many-nodes");
  EXPECT_EQ(Place(MustFail("{a: b, c: d, e: f}", options)), "1:14 yaml-too-many-nodes");
}

TEST(YamlLimitsTest, NodesCountWhatAnAliasNames) {
  ParseOptions options;
  options.limits.nodes_max = 7;
  EXPECT_TRUE(MustParse("[&a [x, y], *a]", options)->is_sequence());
  options.limits.nodes_max = 6;
  EXPECT_EQ(Place(MustFail("[&a [x, y], *a]", options)), "1:13 yaml-too-many-nodes");
}

TEST(YamlLimitsTest, Aliases) {
  const std::string anchor = "- &a x\n";
  EXPECT_EQ(MustParse(anchor + Repeat("- *a\n", 100))->items.size(), 101u);
  EXPECT_EQ(Place(MustFail(anchor + Repeat("- *a\n", 101))), "102:3 yaml-too-many-aliases");
}

TEST(YamlLimitsTest, AliasesDoNotExpandExponentially) {
  std::string bomb = "- &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i <= 9; ++i) {
    bomb += fmt::format("- &a{} [{}]\n", i, Repeat(fmt::format("*a{}, ", i - 1), 10));
  }
  EXPECT_EQ(MustFail(bomb).code, "yaml-too-many-nodes");
}

TEST(YamlLimitsTest, TheTextThatAliasesRepeatIsBounded) {
  const std::string text = "- &a " + std::string(30'000, 'x') + "\n";
  ParseOptions options;
  options.limits.bytes_max = 90'000;
  EXPECT_TRUE(MustParse(text + "- *a\n- *a\n", options)->is_sequence());
  EXPECT_EQ(Place(MustFail(text + "- *a\n- *a\n- *a\n", options)), "4:3 file-too-large");
}

// Texts that make scanners slow or endless. The bound is generous: the machine may be busy.
TEST(YamlLimitsTest, AdversarialTextsEndQuickly) {
  std::vector<std::string> texts;
  // An eighth of what is allowed: what is quadratic is slow there too.
  const size_t most = ParseOptions().limits.bytes_max / 8;
  const auto add = [&](std::string_view prefix, std::string_view repeated) {
    const size_t count = (most - prefix.size()) / repeated.size();
    texts.push_back(std::string(prefix) + Repeat(repeated, static_cast<int>(count)));
  };
  // Whole files of them.
  for (const std::string_view unit :
       {"[",   "{",   "- ",   "? ",       "? - ",  "&a",     "&a ",        "!",      "!a ",
        "*a ", "a: ", "a:\n", "\"a\":",   "''",    "%",      "%FOO bar\n", "---\n",  "...\n",
        ",",   ":",   "a",    "a ",       "a\n",   "\n",     "#",          "# x\n",  "\t",
        "\r",  "@",   "|\n",  "- &a a\n", "- |\n", "- {}\n", "~\n",        "<<: a\n"}) {
    add("", unit);
  }
  // Tokens that wait for the end of a flow collection.
  for (const std::string_view unit : {"a,", "a: ", "\"\":", "\"\":\"\",", "[", "[],", "? ", "! ",
                                      "&a ", ": ", "'' ", "\n", "a\n"}) {
    add("[", unit);
    add("a: {", unit);
  }
  add("\"", " \n");
  add("\"", "\\\n");
  add("'", "''");
  add("a: |\n", " \n");
  add("a: >\n", " a\n\n");
  add("a: b", "\n");
  add("a: b", "\n c");
  add("- a\n", "# x\n");
  add("- a\n---\n[", "a: ");
  add("- a\n...\n", "%A b\n");
  add("%TAG !a! " + std::string(100'000, 'x') + "\n---\n", "- !a!b c\n");
  texts.push_back(std::string(most, '\xFF'));
  for (const std::string& text : texts) {
    const auto start = std::chrono::steady_clock::now();
    const bool parsed = std::holds_alternative<NodePtr>(Parse(text));
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    EXPECT_LT(elapsed.count(), 5.0) << text.substr(0, 20) << " parsed=" << parsed;
  }
}

// Goal: no text ends the process or hangs. Method: random changes of a text that uses everything.
TEST(YamlLimitsTest, RandomChangesOfATextNeverCrash) {
  const std::string seed =
      "a: &x [1, 'two', \"th\\x41ree\", *x]\nb: {c: ~, ? d : e}\n<<: *x\nf: |\n  g\n  h\n"
      "i: >-\n  j\n--- # k\n- !reference [.l, m]\n- $[[ n ]]\n...\n%TAG ! x\n";
  const std::string alphabet = "[]{},:-?*&!|>'\"%@`#\\ \t\n\rax0$~<.\x7F\xC3\xA9\xFF";
  std::mt19937 random(20240229);
  int parsed = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seed;
    const int changes = 1 + static_cast<int>(random() % 6);
    for (int i = 0; i < changes; ++i) {
      const size_t at = random() % text.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        default:
          text.erase(at, 1 + random() % 8);
          if (text.empty()) text = "a";
      }
    }
    const auto result = Parse(text);
    if (const auto* node = std::get_if<NodePtr>(&result)) {
      ++parsed;
      EXPECT_FALSE(ToCanonicalJson(**node).empty());
    } else {
      const ParseError& error = std::get<ParseError>(result);
      EXPECT_FALSE(error.message.empty());
      EXPECT_GE(error.mark.line, 1);
      EXPECT_GE(error.mark.column, 1);
    }
  }
  EXPECT_GT(parsed, 0);
}

}  // namespace
}  // namespace cievents::yaml
