// SPDX-License-Identifier: Apache-2.0
#include "source/kube_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "source/base64.h"
#include "source/field.h"
#include "source/kube_config_exec.h"
#include "source/server_url.h"
#include "source/small_file.h"
#include "source/tree.h"

namespace waggle {
namespace {

class Reader {
 public:
  Reader(const Value& root, std::string path) : tree_(root), root_(root, findings_), path_(std::move(path)) {}

  Result<KubeAccess> read() {
    out_.kubeconfig = path_;
    out_.origin = "kubeconfig " + path_;
    const Field current = root_.at("current-context");
    current.require("name one of `contexts`; kubectl config use-context does it");
    if (const auto context = named("contexts", current)) {
      read_cluster(context->at("context").at("cluster"));
      read_user(context->at("context").at("user"));
    }
    if (findings_.errors.empty()) return std::move(out_);
    return failure(fmt::format("{}", fmt::join(sentences(), "; ")));
  }

 private:
  [[nodiscard]] std::vector<std::string> sentences() const {
    std::vector<std::string> out;
    for (const Finding& finding : findings_.errors) {
      const std::string where = finding.path.empty() ? "" : finding.path + ": ";
      out.push_back(fmt::format("{}:{}: {}{}", path_, finding.line, where, finding.what));
    }
    return out;
  }

  // The item of a list that has the name which stands in `wanted`; nothing, and an error, if there is none.
  std::optional<Field> named(std::string_view list, const Field& wanted) {
    const std::string name = wanted.text_or_empty();
    if (name.empty()) return std::nullopt;
    std::vector<std::string> known;
    for (const Field& item : root_.at(list).items()) {
      known.push_back(item.at("name").text_or_empty());
      if (known.back() == name) return item;
    }
    const std::string there = known.empty() ? "it has none" : fmt::format("it has {}", fmt::join(known, ", "));
    wanted.error(fmt::format("\"{}\" is not in `{}`; {}", name, list, there));
    return std::nullopt;
  }

  void read_cluster(const Field& name) {
    name.require("name one of `clusters`");
    const auto item = named("clusters", name);
    if (!item) return;
    const Field cluster = item->at("cluster");
    read_server(cluster.at("server"));
    out_.tls_server_name = cluster.at("tls-server-name").text_or_empty();
    out_.authority = pem(cluster, "certificate-authority");
    read_proxy(cluster.at("proxy-url"));
    out_.insecure = cluster.at("insecure-skip-tls-verify").boolean().value_or(false);
    if (!out_.insecure) return;
    if (out_.authority.given())
      cluster.at("insecure-skip-tls-verify").error("is true and certificate-authority is given; remove one of them");
    out_.warnings.push_back(
        fmt::format("{}: insecure-skip-tls-verify is true: whoever stands between this node and {} can read its token "
                    "and tell it anything; use certificate-authority",
                    path_, out_.server));
  }

  void read_server(const Field& field) {
    const auto text = field.text();
    field.require("write https://HOST:PORT");
    if (!text || text->empty()) return;
    const auto url = parse_server_url(*text);
    if (!url) return field.error(url.error().message);
    out_.server = url->text();
  }

  void read_proxy(const Field& field) {
    out_.proxy_url = field.text_or_empty();
    if (out_.proxy_url.empty()) return;
    if (const auto checked = check_proxy_url(out_.proxy_url); !checked) field.error(checked.error().message);
  }

  void read_user(const Field& name) {
    if (name.text_or_empty().empty()) return;  // anonymous
    const auto item = named("users", name);
    if (!item) return;
    const Field user = item->at("user");
    refuse_unsupported(user);
    out_.token = user.at("token").text_or_empty();
    out_.token_file = absolute(user.at("tokenFile").text_or_empty());
    out_.username = user.at("username").text_or_empty();
    out_.password = user.at("password").text_or_empty();
    out_.client_certificate = pem(user, "client-certificate");
    out_.client_key = pem(user, "client-key");
    if (user.at("exec").present()) out_.exec = read_exec(user.at("exec"));
    check_together(user);
  }

  static void refuse_unsupported(const Field& user) {
    const Field provider = user.at("auth-provider");
    if (provider.present()) provider.error("is not supported any more, here as in kubectl; use `exec` or a token");
    for (const char* key : {"as", "as-uid", "as-groups", "as-user-extra"}) {
      const Field field = user.at(key);
      if (field.present()) field.error("impersonation is not supported; use the credentials of the user itself");
    }
  }

  void check_together(const Field& user) const {
    if (out_.client_certificate.given() && !out_.client_key.given())
      user.at("client-key").require("client-certificate is of no use without it");
    if (out_.client_key.given() && !out_.client_certificate.given())
      user.at("client-certificate").require("client-key is of no use without it");
    const bool token = !out_.token.empty() || !out_.token_file.empty();
    const int ways = int{token} + int{!out_.username.empty()} + int{out_.exec.has_value()};
    if (ways > 1) user.error("says more than once who the user is; keep one of token or tokenFile, username, exec");
    if (out_.exec && out_.client_certificate.given()) user.error("has exec and client-certificate; keep one of them");
  }

  // KEY-data goes before KEY, as for kubectl.
  KubePem pem(const Field& parent, const std::string& key) const {
    KubePem out;
    const Field data = parent.at(key + "-data");
    const auto text = data.text();
    out.file = absolute(parent.at(key).text_or_empty());
    out.field = key;
    if (!text || text->empty()) return out;
    out.field = key + "-data";
    out.file.clear();
    out.data = decode_base64(*text).value_or("");
    if (out.data.empty()) data.error("is not base64; write the PEM file's content as `base64 -w0 FILE` prints it");
    if (!out.data.empty() && out.data.find("-----BEGIN ") == std::string::npos)
      data.error("holds no PEM block; encode the PEM file, with its BEGIN and END lines, by `base64 -w0 FILE`");
    return out;
  }

  KubeExec read_exec(const Field& field) {
    KubeExec out = read_exec_section(field);
    // A name without a slash is looked for in PATH.
    if (out.command.find('/') != std::string::npos) out.command = absolute(out.command);
    if (out.provide_cluster_info) out.cluster_config = exec_cluster_config(tree_, context_cluster());
    return out;
  }

  [[nodiscard]] std::string context_cluster() {
    const auto context = named("contexts", root_.at("current-context"));
    return context ? context->at("context").at("cluster").text_or_empty() : "";
  }

  [[nodiscard]] std::string absolute(const std::string& path) const {
    if (path.empty()) return path;
    return (std::filesystem::path(path_).parent_path() / path).lexically_normal();
  }

  const Value& tree_;
  Findings findings_;
  Field root_;
  std::string path_;
  KubeAccess out_;
};

}  // namespace

Result<KubeAccess> parse_kubeconfig(const std::string& text, const std::string& path) {
  const auto documents = parse_yaml(text, path);
  if (!documents) return tl::unexpected(documents.error());
  if (documents->size() != 1)
    return failure(fmt::format("{}: has {} YAML documents; a kubeconfig is one", path, documents->size()));
  return Reader(documents->front(), path).read();
}

Result<KubeAccess> read_kubeconfig(const std::string& path) {
  auto text = read_small_file(path);
  if (!text) return tl::unexpected(std::move(text.error()).in("kubeconfig"));
  // Absolute, so that what it names is found from any folder.
  std::error_code ignored;
  const auto place = std::filesystem::absolute(path, ignored);
  return parse_kubeconfig(*text, place.empty() ? path : place.string());
}

}  // namespace waggle
