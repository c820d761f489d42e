// SPDX-License-Identifier: Apache-2.0
// YAML text to a tree. yaml-cpp's events are used rather than its nodes: they are a tenth of the memory, and they tell
// a quoted "80" from the number 80, which the API server tells apart too.
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "source/tree.h"

namespace waggle {
namespace {

// Aliases copy what they name, so that a few lines can ask for more values than memory holds.
constexpr size_t kMaxCopies = 200'000;

struct Refusal {
  int line = 1;
  std::string what;
};

bool is_one_of(const std::string& text, const std::array<std::string_view, 12>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// The words of YAML 1.1, which kubectl reads.
constexpr std::array<std::string_view, 12> kTrue = {"true", "True", "TRUE", "yes", "Yes", "YES",
                                                    "on",   "On",   "ON",   "y",   "Y",   "true"};
constexpr std::array<std::string_view, 12> kFalse = {"false", "False", "FALSE", "no", "No", "NO",
                                                     "off",   "Off",   "OFF",   "n",  "N",  "false"};

bool is_integer(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_other_number(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.starts_with("0x")) return text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool numeric_start = !text.empty() && text.find_first_of("0123456789.") == 0;
  return numeric_start && end == text.data() + text.size();
}

Value text_scalar(const std::string& text) {
  Value out;
  out.kind = Value::Kind::kString;
  out.text = text;
  return out;
}

Value plain_scalar(const std::string& text) {
  Value out = text_scalar(text);
  if (is_one_of(text, kTrue) || is_one_of(text, kFalse)) {
    out.kind = Value::Kind::kBoolean;
    out.text = is_one_of(text, kTrue) ? "true" : "false";
  } else if (is_integer(text)) {
    out.kind = Value::Kind::kInteger;
  } else if (is_other_number(text)) {
    out.kind = Value::Kind::kNumber;
  }
  return out;
}

// Builds the tree of one document. What it refuses, it remembers, and passes over the rest of the document.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(RepeatedKeys repeated) : repeated_(repeated) {}

  Value document;
  YAML::Mark start;
  std::optional<Refusal> refusal;

  void OnDocumentStart(const YAML::Mark& mark) override { start = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(Value{}, mark, anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool plain = tag == "?";
    add(plain ? plain_scalar(value) : text_scalar(value), mark, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (refusal) return;
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) return refuse(mark.line + 1, "an alias may not stand inside the value it names");
    if (!may_copy(found->second.nodes, mark.line + 1)) return;
    nodes_ += found->second.nodes;
    add(found->second.value, mark, YAML::NullAnchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Value::Kind::kList, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Value::Kind::kMap, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override {
    if (refusal) return;
    const Value& map = open_.back().value;
    const std::string* key = repeated_ == RepeatedKeys::kRefused ? repeated_key(map) : nullptr;
    if (key != nullptr) return refuse(map.line, repeated_key_words(*key));
    close();
  }

 private:
  struct Open {
    Value value;
    YAML::anchor_t anchor = YAML::NullAnchor;
    size_t nodes_before = 0;
    bool has_key = false;  // maps: a key was read and waits for its value
  };
  struct Anchored {
    Value value;
    size_t nodes = 0;
  };

  void refuse(int line, std::string what) { refusal = Refusal{line, std::move(what)}; }

  // Counts values that are about to be copied; false, and a refusal, beyond the limit.
  bool may_copy(size_t nodes, int line) {
    copies_ += nodes;
    if (copies_ > kMaxCopies) refuse(line, "anchors and aliases make more copies than are read; write them out");
    return !refusal;
  }

  bool wants_key() const {
    return !open_.empty() && open_.back().value.kind == Value::Kind::kMap && !open_.back().has_key;
  }

  void open(Value::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (refusal) return;
    if (wants_key()) return refuse(mark.line + 1, "a list or a map cannot be a key");
    Value value;
    value.kind = kind;
    value.line = mark.line + 1;
    open_.push_back(Open{std::move(value), anchor, nodes_, false});
  }

  void close() {
    if (refusal) return;
    Open done = std::move(open_.back());
    open_.pop_back();
    remember(done.anchor, done.value, nodes_ - done.nodes_before);
    place(std::move(done.value));
  }

  void add(Value value, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (refusal) return;
    value.line = mark.line + 1;
    if (wants_key()) return add_key(value);
    remember(anchor, value, 1);
    place(std::move(value));
  }

  void add_key(const Value& key) {
    if (key.text == "<<") return refuse(key.line, "merge keys (<<) are not read; write the fields out");
    open_.back().value.keys.push_back(key.text);
    open_.back().has_key = true;
  }

  void remember(YAML::anchor_t anchor, const Value& value, size_t nodes) {
    if (anchor != YAML::NullAnchor && may_copy(nodes, value.line)) anchored_[anchor] = Anchored{value, nodes};
  }

  void place(Value value) {
    ++nodes_;
    if (open_.empty()) {
      document = std::move(value);
      return;
    }
    open_.back().has_key = false;
    open_.back().value.items.push_back(std::move(value));
  }

  RepeatedKeys repeated_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchored_;
  size_t nodes_ = 0;   // in the document so far
  size_t copies_ = 0;  // of them and of what is remembered, made for anchors and aliases
};

std::string reason_of(const YAML::Exception& problem) {
  if (dynamic_cast<const YAML::DeepRecursion*>(&problem) != nullptr) return "lists and maps are nested too deeply";
  return problem.msg;
}

Result<std::vector<Value>> parse_documents(const std::string& text, const std::string& file, RepeatedKeys repeated) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  std::vector<Value> documents;
  int last_start = -1;
  while (true) {
    TreeBuilder builder(repeated);
    if (!parser.HandleNextDocument(builder)) return documents;
    // At a stray comma or the like, yaml-cpp finds an empty document again and again.
    const bool stuck = builder.start.pos == std::exchange(last_start, builder.start.pos);
    if (stuck) return syntax_failure(file, builder.start.line + 1, "this is not YAML: nothing can begin like this");
    if (builder.refusal) return syntax_failure(file, builder.refusal->line, builder.refusal->what);
    if (builder.document.kind != Value::Kind::kNull) documents.push_back(std::move(builder.document));
  }
}

}  // namespace

Result<std::vector<Value>> parse_yaml(const std::string& text, const std::string& file, RepeatedKeys repeated) {
  if (const int line = first_line_not_utf8(text)) return syntax_failure(file, line, "this is not UTF-8 text");
  try {
    return parse_documents(text, file, repeated);
  } catch (const YAML::Exception& problem) {
    return syntax_failure(file, std::max(problem.mark.line, 0) + 1, "this is not YAML: " + reason_of(problem));
  } catch (const std::exception& problem) {
    return syntax_failure(file, 1, std::string("this could not be read as YAML: ") + problem.what());
  }
}

}  // namespace waggle
