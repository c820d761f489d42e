// SPDX-License-Identifier: Apache-2.0
#include "source/curl_loop.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace waggle {
namespace {

using namespace std::chrono_literals;

tl::unexpected<Error> cannot(std::string_view what) {
  const int code = errno;
  return failure(fmt::format("cannot {}: {}", what, std::generic_category().message(code)), code);
}

bool put(int epoll, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0) return true;
  return errno == ENOENT && ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

uint32_t events_of(int what) {
  uint32_t events = 0;
  if ((what & CURL_POLL_IN) != 0) events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) events |= EPOLLOUT;
  return events;
}

// An error or hangup is found by reading.
int what_of(uint32_t events) {
  int what = 0;
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) what |= CURL_CSELECT_IN;
  if ((events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
  if ((events & EPOLLERR) != 0) what |= CURL_CSELECT_ERR;
  return what;
}

}  // namespace

Result<std::unique_ptr<CurlLoop>> CurlLoop::open(CurlConnections& connections) {
  std::unique_ptr<CurlLoop> loop(new CurlLoop(connections));
  loop->epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  loop->timer_ = UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!loop->epoll_.valid() || !loop->timer_.valid()) return cannot("wait for an API server's answers");
  if (!put(loop->epoll_.get(), loop->timer_.get(), EPOLLIN)) return cannot("wait for an API server's answers");
  loop->multi_ = curl_multi_init();
  if (loop->multi_ == nullptr) return failure("libcurl cannot be used: no memory");
  curl_multi_setopt(loop->multi_, CURLMOPT_SOCKETFUNCTION, &CurlLoop::on_socket);
  curl_multi_setopt(loop->multi_, CURLMOPT_SOCKETDATA, loop.get());
  curl_multi_setopt(loop->multi_, CURLMOPT_TIMERFUNCTION, &CurlLoop::on_timer);
  curl_multi_setopt(loop->multi_, CURLMOPT_TIMERDATA, loop.get());
  curl_multi_setopt(loop->multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  return loop;
}

CurlLoop::~CurlLoop() {
  if (multi_ != nullptr) curl_multi_cleanup(multi_);
}

std::vector<CurlLoop::Finished> CurlLoop::run() {
  std::array<epoll_event, 16> ready{};
  const int count = ::epoll_wait(epoll_.get(), ready.data(), ready.size(), 0);
  for (int i = 0; i < count; ++i) {
    const int fd = ready[static_cast<size_t>(i)].data.fd;
    const uint32_t events = ready[static_cast<size_t>(i)].events;
    if (fd == timer_.get()) continue;
    if ((events & EPOLLIN) != 0) connections_.heard(fd);
    act(fd, what_of(events));
  }
  if (Clock::now() >= curl_wakes_) act(CURL_SOCKET_TIMEOUT, 0);
  // libcurl says its next time only when it changes, which it does not if this call came a moment too early.
  long ms = -1;
  curl_multi_timeout(multi_, &ms);
  on_timer(multi_, ms, this);
  std::vector<Finished> finished;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left))
    if (message->msg == CURLMSG_DONE) finished.push_back({message->easy_handle, message->data.result});
  return finished;
}

// Descriptors that are not libcurl's mean nothing to it.
void CurlLoop::act(int fd, int what) {
  int running = 0;
  curl_multi_socket_action(multi_, fd, what, &running);
}

bool CurlLoop::add(CURL* easy) { return curl_multi_add_handle(multi_, easy) == CURLM_OK; }

void CurlLoop::remove(CURL* easy) { curl_multi_remove_handle(multi_, easy); }

void CurlLoop::watch(int fd) { put(epoll_.get(), fd, EPOLLIN); }

void CurlLoop::wake_at(Clock::time_point time) {
  others_wake_ = time;
  set_timer();
}

// Setting the timer also takes back that it has expired.
void CurlLoop::set_timer() {
  const auto next = std::min(curl_wakes_, others_wake_);
  itimerspec spec{};
  if (next != Clock::time_point::max()) {
    const auto left = std::max<Clock::duration>(next - Clock::now(), 1ns);
    spec.it_value.tv_sec = static_cast<time_t>(left / 1s);
    spec.it_value.tv_nsec = static_cast<long>((left % 1s) / 1ns);
  }
  ::timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

int CurlLoop::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  const int epoll = static_cast<CurlLoop*>(self)->epoll_.get();
  if (what == CURL_POLL_REMOVE)
    ::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);  // fails where it is closed already
  else
    put(epoll, fd, events_of(what));
  return 0;
}

int CurlLoop::on_timer(CURLM*, long ms, void* self) {
  auto& loop = *static_cast<CurlLoop*>(self);
  loop.curl_wakes_ = ms < 0 ? Clock::time_point::max() : Clock::now() + std::chrono::milliseconds(ms);
  loop.set_timer();
  return 0;
}

}  // namespace waggle
