// SPDX-License-Identifier: Apache-2.0
// Parses the agent's command line as tests write it: words, and what the file of --config holds. Owned by each test.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "daemon/options.h"

namespace waggle {

inline constexpr char kKubeProxyHead[] = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
inline constexpr char kWaggleHead[] = "apiVersion: waggle.dev/v1alpha1\nkind: WaggleConfiguration\n";

inline ParseSurroundings surroundings(const std::string& file = "") {
  return {.read_file = [file](const std::filesystem::path&) -> Result<std::string> { return file; },
          .host_name = [] { return std::string("Host-1"); }};
}

inline Result<AgentOptions> parse_words(std::vector<std::string> words, const std::string& file = "") {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  return parse_agent_options(pointers, surroundings(file));
}

// With --config c.yaml.
inline Result<AgentOptions> parse_file(const std::string& file, std::vector<std::string> words = {}) {
  words.insert(words.begin(), "--config=c.yaml");
  return parse_words(std::move(words), file);
}

// The error's sentence, or what the test should not have got.
inline std::string complaint(const Result<AgentOptions>& options) {
  return options ? "(no complaint)" : options.error().message;
}

}  // namespace waggle
