#include "tests/oracle/naive_json.h"

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cievents::oracle {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    *out += static_cast<char>(code);
  } else if (code < 0x800) {
    *out += static_cast<char>(0xC0 | (code >> 6));
    *out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *out += static_cast<char>(0xE0 | (code >> 12));
    *out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    *out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    *out += static_cast<char>(0xF0 | (code >> 18));
    *out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    *out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    *out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// Well-formed UTF-8: no surrogates, nothing longer than needed, nothing over U+10FFFF.
bool IsUtf8(const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    const uint32_t first = byte(i);
    size_t more = 0;
    uint32_t code = first;
    uint32_t least = 0;
    if (first >= 0xF0 && first < 0xF8) {
      more = 3, code = first & 0x07, least = 0x10000;
    } else if (first >= 0xE0 && first < 0xF0) {
      more = 2, code = first & 0x0F, least = 0x800;
    } else if (first >= 0xC0 && first < 0xE0) {
      more = 1, code = first & 0x1F, least = 0x80;
    } else if (first >= 0x80) {
      return false;
    }
    for (size_t k = 1; k <= more; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
      code = code << 6 | (byte(i + k) & 0x3F);
    }
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    i += more + 1;
  }
  return true;
}

// Every function returns false where the text is malformed; `at` then means nothing.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  void SkipSpace() {
    while (at < text_.size() && IsSpace(text_[at])) ++at;
  }
  bool AtEnd() const { return at >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at]; }
  bool Take(char wanted) {
    SkipSpace();
    if (AtEnd() || text_[at] != wanted) return false;
    ++at;
    return true;
  }

  bool ReadValue(NaiveJson* value) {
    SkipSpace();
    if (AtEnd()) return false;
    const char c = Peek();
    if (c == '{') return ReadObject(value);
    if (c == '[') return ReadArray(value);
    if (c == '"') {
      const size_t begin = at;
      value->kind = NaiveJson::Kind::kString;
      if (!ReadString(&value->text)) return false;
      value->compact = text_.substr(begin, at - begin);
      return true;
    }
    return ReadScalar(value);
  }

  enum class Utf8 { kChecked, kUnchecked };
  bool ReadString(std::string* out, Utf8 utf8 = Utf8::kChecked) {
    out->clear();
    if (!Take('"')) return false;
    while (!AtEnd()) {
      const char c = text_[at++];
      if (c == '"') return utf8 == Utf8::kUnchecked || IsUtf8(*out);
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        *out += c;
      } else if (!ReadEscape(out)) {
        return false;
      }
    }
    return false;
  }

  // Passes a value without reading it: only brackets and the ends of strings count.
  bool SkipValue() {
    SkipSpace();
    if (AtEnd()) return false;
    if (Peek() == '"') return SkipString();
    if (Peek() != '{' && Peek() != '[') {
      const size_t begin = at;
      while (!AtEnd() && !IsSpace(Peek()) &&
             std::string_view(",]}").find(Peek()) == std::string_view::npos) {
        if (std::string_view("\\\"{[:").find(Peek()) != std::string_view::npos) return false;
        ++at;
      }
      return at > begin && !AtEnd();
    }
    std::string open;  // the brackets that must close
    while (!AtEnd()) {
      const char c = Peek();
      if (c == '"') {
        if (!SkipString()) return false;
        continue;
      }
      ++at;
      if (c == '\\') return false;  // stands in strings only
      if (c == '{') open += '}';
      if (c == '[') open += ']';
      if (c == '}' || c == ']') {
        if (open.back() != c) return false;
        open.pop_back();
        if (open.empty()) return true;
      }
    }
    return false;
  }

  // A key on the way: the bytes of a key are not looked at as text.
  bool PassKey(const std::string& wanted, bool* found) {
    SkipSpace();
    std::string key;
    if (Peek() != '"' || !ReadString(&key, Utf8::kUnchecked)) return false;
    *found = key == wanted;
    return Take(':');
  }

  size_t at = 0;

 private:
  bool SkipString() {
    ++at;
    for (; !AtEnd(); ++at) {
      if (Peek() == '\\') {
        ++at;
      } else if (Peek() == '"') {
        ++at;
        return true;
      }
    }
    return false;
  }

  bool ReadHex(uint32_t* code) {
    *code = 0;
    for (int i = 0; i < 4; ++i, ++at) {
      const char c = Peek();
      if (IsDigit(c)) {
        *code = *code * 16 + static_cast<uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        *code = *code * 16 + static_cast<uint32_t>(c - 'a' + 10);
      } else if (c >= 'A' && c <= 'F') {
        *code = *code * 16 + static_cast<uint32_t>(c - 'A' + 10);
      } else {
        return false;
      }
    }
    return true;
  }

  bool ReadEscape(std::string* out) {
    if (AtEnd()) return false;
    const char c = text_[at++];
    const std::string_view letters = "\"\\/bfnrt";
    const std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (const size_t found = letters.find(c); found != std::string_view::npos) {
      *out += meanings[found];
      return true;
    }
    uint32_t code = 0;
    if (c != 'u' || !ReadHex(&code)) return false;
    if (code >= 0xDC00 && code < 0xE000) return false;
    if (code >= 0xD800 && code < 0xDC00) {
      uint32_t low = 0;
      if (text_.substr(at, 2) != "\\u") return false;
      at += 2;
      if (!ReadHex(&low) || low < 0xDC00 || low >= 0xE000) return false;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    AppendUtf8(code, out);
    return true;
  }

  bool ReadObject(NaiveJson* value) {
    value->kind = NaiveJson::Kind::kObject;
    value->compact = "{";
    Take('{');
    if (Take('}')) {
      value->compact += "}";
      return true;
    }
    do {
      SkipSpace();
      const size_t begin = at;
      std::string key;
      if (!ReadString(&key)) return false;
      value->compact += std::string(text_.substr(begin, at - begin)) + ":";
      NaiveJson member;
      if (!Take(':') || !ReadValue(&member)) return false;
      value->compact += member.compact;
      value->members.emplace_back(std::move(key), std::move(member));
      if (Take('}')) {
        value->compact += "}";
        return true;
      }
      value->compact += ",";
    } while (Take(','));
    return false;
  }

  bool ReadArray(NaiveJson* value) {
    value->kind = NaiveJson::Kind::kArray;
    value->compact = "[";
    Take('[');
    if (Take(']')) {
      value->compact += "]";
      return true;
    }
    do {
      NaiveJson element;
      if (!ReadValue(&element)) return false;
      value->compact += element.compact;
      value->elements.push_back(std::move(element));
      if (Take(']')) {
        value->compact += "]";
        return true;
      }
      value->compact += ",";
    } while (Take(','));
    return false;
  }

  // A number or a bare word: up to what may stand behind one.
  bool ReadScalar(NaiveJson* value) {
    const size_t begin = at;
    while (!AtEnd() && !IsSpace(Peek()) &&
           std::string_view(",]}").find(Peek()) == std::string_view::npos) {
      ++at;
    }
    value->compact = text_.substr(begin, at - begin);
    const std::string& word = value->compact;
    if (word == "null") return true;
    if (word == "true" || word == "false") {
      value->kind = NaiveJson::Kind::kBoolean;
      value->boolean = word == "true";
      return true;
    }
    value->kind = NaiveJson::Kind::kNumber;
    value->text = word;
    return IsNumber(word);
  }

  static bool IsNumber(const std::string& word) {
    size_t i = 0;
    const auto digits = [&] {
      const size_t begin = i;
      while (i < word.size() && IsDigit(word[i])) ++i;
      return i > begin;
    };
    if (i < word.size() && word[i] == '-') ++i;
    const bool zero = i < word.size() && word[i] == '0';
    const size_t begin = i;
    if (!digits() || (zero && i > begin + 1)) return false;
    if (i < word.size() && word[i] == '.') {
      ++i;
      if (!digits()) return false;
    }
    if (i < word.size() && (word[i] == 'e' || word[i] == 'E')) {
      ++i;
      if (i < word.size() && (word[i] == '+' || word[i] == '-')) ++i;
      if (!digits()) return false;
    }
    return i == word.size();
  }

  std::string_view text_;
};

void AddFlat(const NaiveJson& value, NaiveLookup* lookup) {
  if (value.kind == NaiveJson::Kind::kNull) return;
  if (value.kind != NaiveJson::Kind::kArray) {
    lookup->values.push_back(value);
    return;
  }
  lookup->is_list = true;
  for (const NaiveJson& element : value.elements) AddFlat(element, lookup);
}

bool AllDigits(const std::string& key) {
  for (const char c : key) {
    if (!IsDigit(c)) return false;
  }
  return true;
}

bool Find(Reader* reader, const std::vector<std::string>& keys, size_t depth, NaiveLookup* lookup);

bool FindInObject(Reader* reader, const std::vector<std::string>& keys, size_t depth,
                  NaiveLookup* lookup) {
  reader->Take('{');
  if (reader->Take('}')) return true;
  do {
    bool found = false;
    if (!reader->PassKey(keys[depth], &found)) return false;
    if (found) {
      if (depth == 0) lookup->has_first_key = true;
      return Find(reader, keys, depth + 1, lookup);
    }
    if (!reader->SkipValue()) return false;
    if (reader->Take('}')) return true;
  } while (reader->Take(','));
  return false;
}

// "A digit key indexes an array"; any other key is asked of each element.
bool FindInArray(Reader* reader, const std::vector<std::string>& keys, size_t depth,
                 NaiveLookup* lookup) {
  const bool index = AllDigits(keys[depth]);
  if (!index) lookup->is_list = true;
  reader->Take('[');
  if (reader->Take(']')) return true;
  size_t number = 0;
  do {
    if (index && std::to_string(number) == keys[depth]) {
      return Find(reader, keys, depth + 1, lookup);
    }
    if (!index) {
      Reader element = *reader;
      if (!Find(&element, keys, depth, lookup)) return false;
    }
    if (!reader->SkipValue()) return false;
    ++number;
    if (reader->Take(']')) return true;
  } while (reader->Take(','));
  return false;
}

bool Find(Reader* reader, const std::vector<std::string>& keys, size_t depth, NaiveLookup* lookup) {
  reader->SkipSpace();
  if (depth == keys.size()) {
    NaiveJson value;
    if (!reader->ReadValue(&value)) return false;
    const bool ends_itself = value.kind == NaiveJson::Kind::kString ||
                             value.kind == NaiveJson::Kind::kArray ||
                             value.kind == NaiveJson::Kind::kObject;
    // What is cut behind a digit may have had more digits.
    if (!ends_itself && depth > 0 && reader->AtEnd()) return false;
    AddFlat(value, lookup);
    return true;
  }
  if (reader->Peek() == '{') return FindInObject(reader, keys, depth, lookup);
  if (reader->Peek() == '[') return FindInArray(reader, keys, depth, lookup);
  NaiveJson scalar;  // has no keys
  if (!reader->ReadValue(&scalar)) return false;
  return scalar.kind == NaiveJson::Kind::kString || depth == 0 || !reader->AtEnd();
}

}  // namespace

const NaiveJson* NaiveJson::Member(const std::string& key) const {
  for (const auto& [name, value] : members) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::optional<NaiveJson> ParseNaiveJson(std::string_view text) {
  Reader reader(text);
  NaiveJson value;
  if (!reader.ReadValue(&value)) return std::nullopt;
  reader.SkipSpace();
  if (!reader.AtEnd()) return std::nullopt;
  return value;
}

std::string QuoteJson(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (const size_t found = std::string_view("\b\f\n\r\t").find(c);
               found != std::string_view::npos) {
      quoted += '\\';
      quoted += "bfnrt"[found];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

NaiveLookup FindInPayload(std::string_view payload, const std::vector<std::string>& keys) {
  NaiveLookup lookup;
  Reader reader(payload.empty() ? std::string_view("{}") : payload);
  if (!Find(&reader, keys, 0, &lookup)) {
    lookup.failed = true;
    lookup.values.clear();
  }
  return lookup;
}

}  // namespace cievents::oracle
