// SPDX-License-Identifier: Apache-2.0
// Posts Event objects to the API server, as well as it can: few at a time, no second try. Owned by KubeSource.
#pragma once

#include <list>
#include <string>

#include "base/backoff.h"
#include "source/http_transport.h"
#include "source/kube_options.h"

namespace waggle {

class KubeEventPoster {
 public:
  KubeEventPoster(std::string server, HttpTransport& transport, KubeRequestCounts& counts)
      : server_(std::move(server)), transport_(transport), counts_(counts) {}
  ~KubeEventPoster();
  KubeEventPoster(const KubeEventPoster&) = delete;
  KubeEventPoster& operator=(const KubeEventPoster&) = delete;

  void post(const std::string& name_space, std::string body, TimePoint now);
  // Forgets what ended. Answers a complaint the first time that something goes wrong, and again after a success.
  std::string advance(TimePoint now);

 private:
  struct Post : ApiHandler {
    HttpTransport::Id id = 0;
    TimePoint started;
    HttpHead head;
    std::string answer;
    bool ended = false;
    std::string problem;

    void on_head(const HttpHead& given) override { head = given; }
    void on_body(std::string_view bytes) override;
    void on_end(const HttpEnd& end) override;
  };

  [[nodiscard]] std::string problem_of(const Post& post) const;

  std::string server_;
  HttpTransport& transport_;
  KubeRequestCounts& counts_;
  std::list<Post> posts_;
  bool complained_ = false;
  bool dropped_ = false;  // there were too many at once
};

}  // namespace waggle
