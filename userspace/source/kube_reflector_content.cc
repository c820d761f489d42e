// SPDX-License-Identifier: Apache-2.0
// What a reflector makes of the answers as they arrive. Nothing here starts or ends a request.
#include <utility>

#include "source/kube_kinds.h"
#include "source/kube_reflector.h"
#include "source/kube_words.h"

namespace waggle {

void Reflector::on_head(const HttpHead& head) {
  exchange_->head = head;
  exchange_->heard = true;
  if (head.status != 200) return;
  const Asked asked{config_.server, phase_ == Phase::kPage ? "list" : "watch", kube_kind(config_.kind).plural};
  const auto format = format_of(head.content_type);
  connected_ = format.has_value();
  if (!format) {
    exchange_->broken = words_of_content_type(asked, head.content_type);
  } else if (phase_ == Phase::kPage) {
    exchange_->list = std::make_unique<KubeListReader>(
        config_.kind, *format, [this](KubeObject object) { known_.change(std::move(object), events_); });
  } else {
    exchange_->watch = std::make_unique<KubeWatchReader>(config_.kind, *format,
                                                         [this](WatchEvent event) { take_event(std::move(event)); });
  }
}

void Reflector::on_body(std::string_view bytes) {
  constexpr size_t kLargestError = 64 * 1024;
  Exchange& exchange = *exchange_;
  exchange.heard = true;
  if (!exchange.broken.empty() || exchange.error || exchange.went_back) return;  // ends in the next advance()
  if (!exchange.list && !exchange.watch) {
    exchange.error_body.append(bytes.substr(0, kLargestError - exchange.error_body.size()));
    return;
  }
  const auto fed = exchange.list ? exchange.list->feed(bytes) : exchange.watch->feed(bytes);
  if (!fed) exchange.broken = fed.error().message;
}

void Reflector::on_end(const HttpEnd& end) { exchange_->end = end; }

void Reflector::take_event(WatchEvent event) {
  if (exchange_->error || exchange_->went_back) return;
  ++counts_.watch_events;
  if (event.type == WatchEvent::Type::kError) {
    exchange_->error = std::move(event.status);
    return;
  }
  if (event.type == WatchEvent::Type::kBookmark) return take_bookmark(event);
  const std::string version = event.object.version;
  // Not this server's past: it was restored from a backup, or something in between repeats what is long gone.
  if (phase_ == Phase::kWatch && is_older(version, watched_from_)) {
    exchange_->went_back = true;
    return;
  }
  if (event.type == WatchEvent::Type::kDeleted) {
    known_.remove(event.object, events_);
  } else {
    known_.change(std::move(event.object), events_);
  }
  if (phase_ == Phase::kWatch) move_to(version);
}

void Reflector::take_bookmark(const WatchEvent& event) {
  const std::string& version = event.object.version;
  if (phase_ == Phase::kStreaming) {
    if (!event.initial_events_end || version.empty()) return;
    list_complete(version);
    phase_ = Phase::kWatch;
    return;
  }
  if (is_older(version, watched_from_)) {
    exchange_->went_back = true;
    return;
  }
  move_to(version);
}

void Reflector::move_to(const std::string& version) {
  if (version.empty() || version == version_) return;
  if (is_older(version, version_)) {
    in_order_ = false;  // where to go on is not known any more
    return;
  }
  version_ = version;
  exchange_->progress = true;
}

}  // namespace waggle
