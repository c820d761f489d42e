// SPDX-License-Identifier: Apache-2.0
// Decodes rtnetlink messages into changes of NodeInterfaces. Pure: no sockets. Called by the netlink watch for dumped
// and for announced messages alike.
#pragma once

#include <linux/netlink.h>

#include "node/node_watch.h"

namespace waggle {

// Applies one message to `interfaces` and notes in `changes` what it did. Messages that concern neither are left alone.
void apply_netlink_message(const nlmsghdr* message, NodeInterfaces& interfaces, NodeChanges& changes);

}  // namespace waggle
