// SPDX-License-Identifier: Apache-2.0
// What became of the backend that a socket hook gave a socket. Used by Dataplane.
#pragma once

#include "base/result.h"
#include "dataplane/dataplane.h"
#include "dataplane/pinned_maps.h"
#include "waggle/abi/sock.h"

namespace waggle {

Result<SockBackend> read_sock_backend(const PinnedMaps& maps, const wg_sock_key& key);

}  // namespace waggle
