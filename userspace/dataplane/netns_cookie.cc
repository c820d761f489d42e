// SPDX-License-Identifier: Apache-2.0
#include "dataplane/netns_cookie.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "dataplane/errors.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

namespace waggle {

Result<uint64_t> own_netns_cookie() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  uint64_t cookie = 0;
  socklen_t length = sizeof(cookie);
  if (!socket.valid() || ::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) != 0) {
    return system_failure("asking for the cookie of this network namespace (kernel 5.14 or newer)", errno);
  }
  return cookie;
}

}  // namespace waggle
