// SPDX-License-Identifier: Apache-2.0
// The NodeWatch over rtnetlink. Subscribes first and dumps second, so that nothing falls between; an announcement that
// the dump already contained changes nothing. When the kernel had to drop announcements (ENOBUFS) everything is dumped
// anew.
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <vector>

#include "node/netlink_message.h"
#include "node/netlink_socket.h"
#include "node/node_watch.h"

namespace waggle {
namespace {

constexpr int kReceiveQueueBytes = 4 << 20;  // a burst of some thousand new pods
constexpr int kDumpAttempts = 16;            // a dump that was interrupted by changes is repeated
constexpr std::array kGroups{RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                             RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,  RTNLGRP_NEIGH};

Result<NetlinkSocket> subscribe() {
  auto socket = open_route_socket(SOCK_NONBLOCK);
  if (!socket) return socket;
  const int fd = mnl_socket_get_fd(socket->get());
  // Best effort: the smaller default only makes a full dump after a burst more likely.
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveQueueBytes, sizeof kReceiveQueueBytes);
  for (int group : kGroups) {
    if (mnl_socket_setsockopt(socket->get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
      return netlink_failure("subscribe to changes of links, addresses, routes and neighbours");
  }
  return socket;
}

struct Sink {
  NodeInterfaces& interfaces;
  NodeChanges& changes;
};

int on_message(const nlmsghdr* message, void* data) {
  auto* sink = static_cast<Sink*>(data);
  apply_netlink_message(message, sink->interfaces, sink->changes);
  return MNL_CB_OK;
}

enum class Dump : uint8_t { kDone, kInterrupted };

// One dump request (RTM_GETLINK or RTM_GETADDR) and all its answers.
Result<Dump> dump(mnl_socket* socket, uint16_t type, NodeInterfaces& interfaces) {
  std::array<char, MNL_NLMSG_HDRLEN + sizeof(ifinfomsg)> request{};
  nlmsghdr* header = mnl_nlmsg_put_header(request.data());
  header->nlmsg_type = type;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  mnl_nlmsg_put_extra_header(header, type == RTM_GETLINK ? sizeof(ifinfomsg) : sizeof(ifaddrmsg));
  if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0) return netlink_failure("ask for a dump");
  NodeChanges ignored;
  Sink sink{interfaces, ignored};
  std::vector<char> buffer(kNetlinkBufferBytes);
  for (;;) {
    const ssize_t received = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
    if (received < 0) return netlink_failure("read a dump");
    const int answer =
        mnl_cb_run(buffer.data(), static_cast<size_t>(received), 0, mnl_socket_get_portid(socket), on_message, &sink);
    if (answer < 0 && errno == EINTR) return Dump::kInterrupted;
    if (answer < 0) return netlink_failure("read a dump");
    if (answer == MNL_CB_STOP) return Dump::kDone;
  }
}

// Each attempt has its own socket: what is left of an interrupted dump goes with it.
Result<NodeInterfaces> dump_all() {
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    auto socket = open_route_socket(0);
    if (!socket) return tl::unexpected(socket.error());
    NodeInterfaces interfaces;
    auto links = dump(socket->get(), RTM_GETLINK, interfaces);
    if (!links) return tl::unexpected(links.error());
    if (*links == Dump::kInterrupted) continue;
    auto addresses = dump(socket->get(), RTM_GETADDR, interfaces);
    if (!addresses) return tl::unexpected(addresses.error());
    if (*addresses == Dump::kDone) return interfaces;
  }
  return failure("netlink: links and addresses change too fast to be listed; trying again", EAGAIN);
}

// After lost announcements an index may name another link than before: whatever differs counts as gone and come.
NodeChanges difference(const NodeInterfaces& before, const NodeInterfaces& after) {
  NodeChanges changes;
  changes.next_hops = changes.routes = true;
  for (const auto& [index, link] : before.all()) {
    const Interface* now = after.find(index);
    if (now == nullptr || now->name != link.name || now->kind != link.kind) changes.vanished.insert(index);
  }
  for (const auto& [index, link] : after.all()) changes.changed.insert(index);
  return changes;
}

class NetlinkWatch final : public NodeWatch {
 public:
  explicit NetlinkWatch(NetlinkSocket socket) : socket_(std::move(socket)), buffer_(kNetlinkBufferBytes) {}

  [[nodiscard]] int fd() const override { return mnl_socket_get_fd(socket_.get()); }
  [[nodiscard]] const NodeInterfaces& interfaces() const override { return interfaces_; }

  Result<RouteMtus> route_mtus() override { return read_route_mtus(); }

  Result<NodeChanges> take() override {
    NodeChanges changes;
    if (!dump_needed_) {
      if (auto read = read_announcements(changes); !read) return tl::unexpected(read.error());
    }
    if (!dump_needed_) return changes;
    return dump_again();
  }

 private:
  Result<void> read_announcements(NodeChanges& changes) {
    Sink sink{interfaces_, changes};
    for (;;) {
      const ssize_t received = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
      if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
      if (received < 0 && errno == EINTR) continue;
      if (received < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
        dump_needed_ = true;
        return {};
      }
      if (received < 0) return netlink_failure("read changes of links and addresses");
      if (mnl_cb_run(buffer_.data(), static_cast<size_t>(received), 0, 0, on_message, &sink) < 0) dump_needed_ = true;
    }
  }

  // What is still queued is older than the dump or already in it, so it is read before: else an old announcement would
  // undo newer facts.
  Result<NodeChanges> dump_again() {
    NodeChanges drained;
    dump_needed_ = true;
    while (dump_needed_) {
      dump_needed_ = false;
      if (auto read = read_announcements(drained); !read) return tl::unexpected(read.error());
    }
    dump_needed_ = true;
    auto fresh = dump_all();
    if (!fresh) return tl::unexpected(fresh.error());
    NodeChanges changes = difference(interfaces_, *fresh);
    changes.vanished.merge(drained.vanished);
    interfaces_ = std::move(*fresh);
    dump_needed_ = false;
    return changes;
  }

  NetlinkSocket socket_;
  std::vector<char> buffer_;
  NodeInterfaces interfaces_;
  bool dump_needed_ = true;
};

}  // namespace

Result<std::unique_ptr<NodeWatch>> watch_netlink() {
  auto socket = subscribe();
  if (!socket) return tl::unexpected(socket.error());
  return std::make_unique<NetlinkWatch>(std::move(*socket));
}

}  // namespace waggle
