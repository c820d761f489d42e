// SPDX-License-Identifier: Apache-2.0
#include "source/kube_json.h"

#include <algorithm>

#include "source/kube_json_fields.h"
#include "source/kube_kinds.h"

namespace waggle {

using kube_json::error_code;
using kube_json::read_array;
using kube_json::read_integer;
using kube_json::read_map;
using kube_json::read_text;
using simdjson::SUCCESS;
namespace ondemand = simdjson::ondemand;

struct KubeJson::Parser {
  ondemand::parser parser;
};

namespace {

tl::unexpected<Error> no_json(std::string_view what, error_code error) {
  return failure(std::string("is not the JSON of ") + std::string(what) + ": " + simdjson::error_message(error));
}

// What is wrong with a Status or the head of a list is nobody's business: it is read as far as it goes.
error_code read_list_meta(ondemand::value in, ObjectView& scratch, ListMeta& out) {
  return read_map(in, scratch, {}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "resourceVersion") return read_text(value, scratch, {}, out.version);
    if (key == "continue") return read_text(value, scratch, {}, out.next_page);
    return SUCCESS;
  });
}

error_code read_cause(ondemand::value in, ObjectView& scratch, KubeStatus& out) {
  return read_map(in, scratch, {}, [&](std::string_view key, ondemand::value value) -> error_code {
    std::string_view reason;
    if (key != "reason") return SUCCESS;
    const auto error = read_text(value, scratch, {}, reason);
    if (reason == kVersionTooLarge) out.version_too_large = true;
    return error;
  });
}

error_code read_details(ondemand::value in, ObjectView& scratch, KubeStatus& out) {
  return read_map(in, scratch, {}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "retryAfterSeconds") {
      int64_t seconds = 0;
      const auto error = read_integer(value, scratch, {}, seconds);
      out.retry_after = seconds_to_wait(seconds);
      return error;
    }
    if (key != "causes") return SUCCESS;
    return read_array(value, scratch, {},
                      [&](ondemand::value cause, size_t) { return read_cause(cause, scratch, out); });
  });
}

error_code read_status_object(ondemand::value in, KubeStatus& out, bool& is_status) {
  ObjectView scratch;
  int64_t code = 0;
  std::string_view kind;
  const auto error = read_map(in, scratch, {}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "kind") return read_text(value, scratch, {}, kind);
    if (key == "message") return read_text(value, scratch, {}, out.message);
    if (key == "reason") return read_text(value, scratch, {}, out.reason);
    if (key == "code") return read_integer(value, scratch, {}, code);
    if (key == "details") return read_details(value, scratch, out);
    return SUCCESS;
  });
  out.code = static_cast<int>(std::clamp<int64_t>(code, 0, 999));
  is_status = kind == "Status";
  return error;
}

}  // namespace

KubeJson::KubeJson() : parser_(std::make_unique<Parser>()) {}
KubeJson::~KubeJson() = default;

size_t KubeJson::padding() { return simdjson::SIMDJSON_PADDING; }

Result<ListMeta> KubeJson::read_list(ObjectKind kind, std::string_view text, ObjectView& view,
                                     const std::function<void()>& on_item) {
  const std::string wanted = kube_kind(kind).list_name();
  ondemand::document document;
  auto error = parser_->parser.iterate(text.data(), text.size(), text.size() + padding()).get(document);
  ondemand::value root;
  if (!error) error = document.get_value().get(root);
  if (error) return no_json(wanted, error);

  ListMeta meta;
  ObjectView head;
  std::string_view given;
  const auto read_item = [&](ondemand::value item, size_t) -> error_code {
    view.clear();
    const error_code problem = kube_json::read_object(kind, item, view);
    if (!problem) on_item();
    return problem;
  };
  error = read_map(root, head, {"the answer"}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "kind") return read_text(value, head, {"kind"}, given);
    if (key == "metadata") return read_list_meta(value, head, meta);
    if (key == "items" && (given.empty() || given == wanted)) return read_array(value, head, {"items"}, read_item);
    return SUCCESS;
  });
  const char* behind = nullptr;
  if (!error && document.current_location().get(behind) == SUCCESS) error = simdjson::TRAILING_CONTENT;
  if (error) return no_json(wanted, error);
  if (given != wanted) return failure("is not a " + wanted + " but a " + quoted(given));
  if (head.malformed) return failure("is not a " + wanted + ": " + head.malformed->field + " " + head.malformed->what);
  return meta;
}

Result<std::string_view> KubeJson::read_event(ObjectKind kind, std::string_view text, ObjectView& view,
                                              KubeStatus& status) {
  constexpr std::string_view kWhat = "a watch event";
  view.clear();
  ondemand::document document;
  auto error = parser_->parser.iterate(text.data(), text.size(), text.size() + padding()).get(document);
  std::string_view type;
  if (!error) error = document.find_field_unordered("type").get_string().get(type);
  ondemand::value object;
  if (!error) error = document.find_field_unordered("object").get(object);
  if (error) return no_json(kWhat, error);
  bool is_status = true;
  error = type == "ERROR" ? read_status_object(object, status, is_status) : kube_json::read_object(kind, object, view);
  if (error) return no_json(kWhat, error);
  return type;
}

std::optional<KubeStatus> KubeJson::read_status(std::string text) {
  text.reserve(text.size() + padding());
  ondemand::document document;
  ondemand::value root;
  if (parser_->parser.iterate(text.data(), text.size(), text.capacity()).get(document)) return std::nullopt;
  if (document.get_value().get(root)) return std::nullopt;
  KubeStatus out;
  bool is_status = false;
  if (read_status_object(root, out, is_status) || !is_status) return std::nullopt;
  return out;
}

}  // namespace waggle
