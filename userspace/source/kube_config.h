// SPDX-License-Identifier: Apache-2.0
// How to reach the Kubernetes API server and as whom: from a kubeconfig, or from what a pod finds in its cluster. Read
// by the daemon at the start and by KubeHttp again when the server cannot be reached any more; a plain value.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace waggle {

// PEM text that stands in the kubeconfig itself, or else a file that is read again when it changes. Both empty: none.
struct KubePem {
  std::string data;
  std::string file;
  std::string field;  // where it was named, for messages: "users[0].user.client-key"

  [[nodiscard]] bool given() const { return !data.empty() || !file.empty(); }
};

// A program that prints credentials (client authentication protocol v1 and v1beta1).
struct KubeExec {
  std::string command;  // a path, or a name to look for in PATH
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  // beside the agent's own
  std::string api_version;                                       // "client.authentication.k8s.io/v1"
  std::string install_hint;
  bool provide_cluster_info = false;
  std::string cluster_config;  // JSON, for the program only; "" if there is none
};

struct KubeAccess {
  std::string origin;           // for messages: "kubeconfig /etc/waggle/kubeconfig"
  std::string kubeconfig;       // its path; "" in a cluster
  std::string server;           // "https://10.0.0.1:6443", perhaps with a path; no '/' at the end
  std::string tls_server_name;  // the name the server's certificate must have; "": that of `server`
  std::string proxy_url;
  bool insecure = false;  // the server's certificate is not checked
  KubePem authority;      // of the server's certificate; none: those the system trusts
  KubePem client_certificate;
  KubePem client_key;
  std::string token;
  std::string token_file;  // goes before `token`
  std::string username;    // with `password`: basic authentication
  std::string password;
  std::optional<KubeExec> exec;
  std::vector<std::string> warnings;  // to be said at each start, whole sentences
};

// The cluster and the user of the current context. Errors name file, line and field.
Result<KubeAccess> read_kubeconfig(const std::string& path);
// The same of a text. `path` is for messages, and relative paths start at its folder.
Result<KubeAccess> parse_kubeconfig(const std::string& text, const std::string& path);

// What kubelet gives a pod: the environment variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, and the
// folder of its service account with ca.crt and token.
struct InClusterPlace {
  std::string host;
  std::string port;
  std::string folder = "/var/run/secrets/kubernetes.io/serviceaccount";
};
InClusterPlace in_cluster_place_of_environment();
Result<KubeAccess> in_cluster_access(const InClusterPlace& place);

}  // namespace waggle
