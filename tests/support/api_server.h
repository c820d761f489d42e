// SPDX-License-Identifier: Apache-2.0
// The test API server (tests/support/api_server/README.md) as a value: started by start(), ended by its destructor.
// Commands and answers are the JSON lines that README.md describes. For one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace waggle {

struct ApiServerOptions {
  std::vector<std::string> addresses;          // to listen on; none: 127.0.0.1 and ::1
  std::vector<std::filesystem::path> load;     // recorded lists to begin with
  std::vector<std::string> prefix;             // a command to run it with, such as {"ip", "netns", "exec", NAME}
  std::vector<std::string> further_arguments;  // passed on as they are
};

// Where a client finds what it needs. `port` and `url` change with a restart on another port.
struct ApiServerPlaces {
  uint16_t port = 0;
  std::string url;
  std::string ca_file;
  std::string token_file;
  std::string client_certificate;
  std::string client_key;
  std::string kubeconfig;
  std::string service_account;  // the folder a pod has at /var/run/secrets/kubernetes.io/serviceaccount
};

class ApiServer {
 public:
  // Returns when the server listens.
  static Result<std::unique_ptr<ApiServer>> start(const ApiServerOptions& options = {});

  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;
  ~ApiServer();

  [[nodiscard]] const ApiServerPlaces& places() const { return places_; }
  [[nodiscard]] pid_t pid() const { return pid_; }

  // One command, such as {"command": "compact"}; answers the line of the answer. A refusal is an Error in its words.
  Result<std::string> command(std::string_view json);

  // Creates or replaces an object, given as JSON. Answers the store's version.
  Result<int64_t> put(std::string_view object);
  Result<int64_t> remove(std::string_view resource, std::string_view name_space, std::string_view name);

 private:
  ApiServer() = default;
  Result<void> spawn(const ApiServerOptions& options);
  Result<void> read_places(std::string_view json);
  Result<std::string> read_line();

  pid_t pid_ = -1;
  UniqueFd commands_;
  UniqueFd answers_;
  std::string unread_;
  ApiServerPlaces places_;
};

// A value of an answer, by JSON pointer: "/version", "/requests/0/path".
Result<std::string> text_at(std::string_view json, std::string_view pointer);
Result<int64_t> number_at(std::string_view json, std::string_view pointer);

}  // namespace waggle
