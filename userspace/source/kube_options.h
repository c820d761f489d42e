// SPDX-License-Identifier: Apache-2.0
// What the Kubernetes source is told: by the daemon, and by tests that have less time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace waggle {

struct KubeTimings {
  std::chrono::milliseconds first_retry{200};
  std::chrono::milliseconds longest_retry{30'000};
  std::chrono::seconds shortest_watch{300};  // what the server is asked for, at random between these two
  std::chrono::seconds longest_watch{600};
  std::chrono::milliseconds first_lists{2'000};      // not there by then: said
  std::chrono::milliseconds list_idle{30'000};       // no byte of a list for so long: it hangs
  std::chrono::milliseconds watch_idle{150'000};     // servers send a bookmark about every minute
  std::chrono::milliseconds settled{5'000};          // a watch that lived so long was no failure
  std::chrono::milliseconds missing_retry{600'000};  // for a resource that the server may lack
};

struct KubeSourceOptions {
  std::string node_name;                  // the node whose object is read
  std::string server = "the API server";  // for messages; with its address: "the API server https://192.0.2.10:6443"
  KubeTimings timings;
};

// A request whose answer began, or that ended without one.
struct KubeRequest {
  std::string method;
  int status = 0;                    // 0: no answer
  std::chrono::nanoseconds took{0};  // until the answer began
};

// What rest_client_requests_total and its like count.
struct KubeRequestCounts {
  std::map<std::pair<std::string, std::string>, uint64_t> requests;  // method and code ("<error>": no answer)
  std::vector<KubeRequest> news;                                     // since they were last taken
  uint64_t watch_events = 0;
  uint64_t lists = 0;  // complete ones, streaming lists too

  static constexpr size_t kMostNews = 1024;  // whoever takes none must not run out of memory

  void count(const std::string& method, int status, std::chrono::nanoseconds took) {
    if (news.size() < kMostNews) news.push_back({method, status, took});
    ++requests[{method, status == 0 ? "<error>" : std::to_string(status)}];
  }
};

}  // namespace waggle
