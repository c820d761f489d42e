// SPDX-License-Identifier: Apache-2.0
#include "source/kube_config_exec.h"

#include <fmt/format.h>

#include <charconv>

#include "base/json_writer.h"

namespace waggle {
namespace {

constexpr std::string_view kGroup = "client.authentication.k8s.io";
constexpr std::string_view kExtension = "client.authentication.k8s.io/exec";

std::string read_api_version(const Field& field) {
  std::string version = field.text_or_empty();
  field.require(fmt::format("write {}/v1", kGroup));
  const bool known = version == fmt::format("{}/v1", kGroup) || version == fmt::format("{}/v1beta1", kGroup);
  if (!version.empty() && !known)
    field.error(fmt::format("\"{}\" is not supported; update the program and write {}/v1", version, kGroup));
  return version;
}

void write_number(JsonWriter& json, const Value& value) {
  const char* end = value.text.data() + value.text.size();
  int64_t whole = 0;
  double number = 0;
  if (std::from_chars(value.text.data(), end, whole).ptr == end) {
    json.value(whole);
  } else if (std::from_chars(value.text.data(), end, number).ptr == end) {
    json.value(number);
  } else {
    json.value(value.text);  // YAML's own ways to write numbers
  }
}

void write(JsonWriter& json, const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      json.null();
      return;
    case Value::Kind::kBoolean:
      json.value(value.text == "true");
      return;
    case Value::Kind::kInteger:
    case Value::Kind::kNumber:
      write_number(json, value);
      return;
    case Value::Kind::kString:
      json.value(value.text);
      return;
    case Value::Kind::kList:
      json.begin_array();
      for (const Value& item : value.items) write(json, item);
      json.end_array();
      return;
    case Value::Kind::kMap:
      json.begin_object();
      for (size_t i = 0; i < value.items.size(); ++i) write(json.key(value.keys[i]), value.items[i]);
      json.end_object();
      return;
  }
}

const Value* item_named(const Value* list, std::string_view name) {
  if (list == nullptr || list->kind != Value::Kind::kList) return nullptr;
  for (const Value& item : list->items) {
    const Value* found = item.find("name");
    if (found != nullptr && found->text == name) return &item;
  }
  return nullptr;
}

const Value* child(const Value* value, std::string_view key) { return value == nullptr ? nullptr : value->find(key); }

}  // namespace

KubeExec read_exec_section(const Field& exec) {
  KubeExec out;
  out.command = exec.at("command").text_or_empty();
  exec.at("command").require("name the program that prints the credentials");
  out.api_version = read_api_version(exec.at("apiVersion"));
  for (const Field& argument : exec.at("args").items()) out.arguments.push_back(argument.text_or_empty());
  for (const Field& variable : exec.at("env").items()) {
    variable.at("name").require("name the environment variable");
    out.environment.emplace_back(variable.at("name").text_or_empty(), variable.at("value").text_or_empty());
  }
  out.install_hint = exec.at("installHint").text_or_empty();
  out.provide_cluster_info = exec.at("provideClusterInfo").boolean().value_or(false);
  if (exec.at("interactiveMode").choice({"IfAvailable", "Never", "Always"}) == "Always")
    exec.at("interactiveMode").error("\"Always\" needs a person at a terminal, which an agent has not; use Never");
  return out;
}

std::string exec_cluster_config(const Value& kubeconfig, const std::string& cluster) {
  const Value* content = child(item_named(kubeconfig.find("clusters"), cluster), "cluster");
  const Value* extension = child(item_named(child(content, "extensions"), kExtension), "extension");
  if (extension == nullptr) return "";
  JsonWriter json(JsonWriter::Style::kCompact);
  write(json, *extension);
  return json.text();
}

}  // namespace waggle
