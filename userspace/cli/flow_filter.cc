// SPDX-License-Identifier: Apache-2.0
// The filters of `waggle flow list`.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "cli/flow_rows.h"
#include "cli/similar.h"

namespace waggle::cli {
namespace {

std::vector<std::string_view> state_names() {
  std::vector<std::string_view> names;
  for (uint32_t state = WG_FLOW_HALF_OPEN; state <= WG_FLOW_CLOSED; ++state) names.push_back(flow_state_name(state));
  names.push_back(kSpilledState);
  return names;
}

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || stop != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

Outcome<std::optional<AddressFilter>> address_option(const Invocation& invocation, std::string_view name) {
  const auto text = invocation.option(name);
  if (!text) return std::nullopt;
  const auto filter = AddressFilter::parse(*text);
  if (!filter) return usage(fmt::format("--{} takes ADDR or ADDR:PORT ([ADDR]:PORT for IPv6), not '{}'", name, *text));
  return filter;
}

Outcome<std::optional<Protocol>> protocol_option(const Invocation& invocation) {
  const auto text = invocation.option("protocol");
  if (!text) return std::nullopt;
  std::string upper = *text;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const auto protocol = parse_protocol(upper);
  if (!protocol) return usage(fmt::format("--protocol takes tcp, udp or sctp, not '{}'", *text));
  return protocol;
}

Outcome<std::optional<std::string>> state_option(const Invocation& invocation) {
  const auto text = invocation.option("state");
  if (!text) return std::nullopt;
  const auto names = state_names();
  if (std::ranges::find(names, *text) == names.end())
    return usage(
        fmt::format("--state takes {}, not '{}'{}", fmt::join(names, ", "), *text, did_you_mean(*text, names)));
  return text;
}

Outcome<std::optional<ServiceSelector>> service_option(const Invocation& invocation) {
  const auto text = invocation.option("service");
  if (!text) return std::nullopt;
  auto selector = ServiceSelector::parse(*text);
  if (!selector) return tl::unexpected(selector.error());
  return std::optional(std::move(*selector));
}

}  // namespace

std::optional<AddressFilter> AddressFilter::parse(std::string_view text) {
  if (const auto whole = IpAddress::parse(text)) return AddressFilter{.address = *whole};
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view address = text.substr(0, colon);
  const bool bracketed = address.starts_with('[') && address.ends_with(']');
  if (bracketed) address = address.substr(1, address.size() - 2);
  const auto parsed = IpAddress::parse(address);
  const auto port = parse_port(text.substr(colon + 1));
  if (!parsed || !port || bracketed != (parsed->family == Family::kIpv6)) return std::nullopt;
  return AddressFilter{.address = *parsed, .port = *port};
}

bool AddressFilter::matches(const IpAddress& other, uint16_t other_port) const {
  return address == other && (port == 0 || port == other_port);
}

Outcome<FlowFilter> FlowFilter::from(const Invocation& invocation) {
  auto service = service_option(invocation);
  if (!service) return tl::unexpected(service.error());
  const auto client = address_option(invocation, "client");
  if (!client) return tl::unexpected(client.error());
  const auto backend = address_option(invocation, "backend");
  if (!backend) return tl::unexpected(backend.error());
  const auto frontend = address_option(invocation, "frontend");
  if (!frontend) return tl::unexpected(frontend.error());
  const auto protocol = protocol_option(invocation);
  if (!protocol) return tl::unexpected(protocol.error());
  const auto state = state_option(invocation);
  if (!state) return tl::unexpected(state.error());
  return FlowFilter{.service = std::move(*service),
                    .client = *client,
                    .backend = *backend,
                    .frontend = *frontend,
                    .protocol = *protocol,
                    .state = *state};
}

bool FlowFilter::matches(const FlowRecord& flow, const Catalog& catalog) const {
  if (protocol && *protocol != flow.protocol) return false;
  if (state && *state != flow.state) return false;
  if (client && !client->matches(flow.client, flow.client_port)) return false;
  if (backend && !backend->matches(flow.backend, flow.backend_port)) return false;
  if (frontend && !(flow.frontend && frontend->matches(*flow.frontend, flow.frontend_port))) return false;
  if (!service) return true;
  const ServiceView* owner = flow.service ? catalog.service(*flow.service) : nullptr;
  return owner != nullptr && service->matches(*owner);
}

}  // namespace waggle::cli
