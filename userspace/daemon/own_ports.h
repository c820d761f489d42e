// SPDX-License-Identifier: Apache-2.0
// Ports of the node that are Waggle's own, and services that have one of them as node port: what comes from outside to
// that port reaches the service, and never whom it was for. Pure. Used by the agent's judge of objects.
#pragma once

#include <string>
#include <vector>

#include "model/objects.h"
#include "node/kernel_settings.h"
#include "server/servers.h"

namespace waggle {

struct OwnPort {
  PortRange ports;
  bool tcp_only = true;
  std::string harm;    // stands after the node port: "is the port of Waggle's health server, which ..."
  std::string remedy;  // what else can be chosen
};

// Of the servers, unless they listen on loopback only, where no node port is served, and those that SNAT takes.
std::vector<OwnPort> own_ports(const ServersConfig& servers, PortRange snat);

// What is to be said of the service's node ports that are among them.
std::vector<std::string> own_port_words(const Service& service, const std::vector<OwnPort>& own);

}  // namespace waggle
