// SPDX-License-Identifier: Apache-2.0
#include "packet_case.h"

#include <fmt/format.h>

#include <algorithm>

namespace waggle {
namespace {

bool is_local(const std::string& endpoint) {
  return endpoint.starts_with("10.244.1.") || endpoint.starts_with("2001:db8:f1:");
}

Endpoint endpoint_at(const std::string& address) { return endpoint(address, is_local(address) ? "node1" : "node2"); }

std::vector<Endpoint> endpoints_of(const TestService& service) {
  std::vector<Endpoint> all;
  for (const std::string& address : service.endpoints) all.push_back(endpoint_at(address));
  for (const std::string& address : service.terminating_endpoints) {
    all.push_back(endpoint_at(address));
    all.back().ready = false;
    all.back().terminating = true;
  }
  return all;
}

uint64_t field_value(const Bytes& packet, const std::string& end) {
  for (const Field& field : fields_of(packet)) {
    if (!field.name.ends_with(end) || field.name.starts_with("quoted")) continue;
    uint64_t value = 0;
    for (size_t i = 0; i < field.size; ++i) value = value << 8 | packet[field.offset + i];
    return value;
  }
  ADD_FAILURE() << "the packet has no " << end;
  return 0;
}

std::string address_text(const Bytes& packet, const std::string& end) {
  for (const Field& field : fields_of(packet)) {
    if (!field.name.ends_with(end) || !field.name.starts_with("IP")) continue;
    IpAddress address{.family = field.size == 4 ? Family::kIpv4 : Family::kIpv6};
    std::copy_n(packet.begin() + static_cast<ptrdiff_t>(field.offset), field.size, address.bytes.begin());
    return address.text();
  }
  return "";
}

std::string text_of(const Reasons& reasons) {
  std::string text;
  for (const auto& [name, count] : reasons) text += fmt::format("{}={} ", name, count);
  return text.empty() ? "none" : text;
}

}  // namespace

std::string variant_name(const testing::TestParamInfo<Variant>& info) {
  const char* protocol = info.param.sctp() ? "Sctp" : info.param.udp() ? "Udp" : "Tcp";
  return fmt::format("{}{}", protocol, info.param.ipv6() ? 6 : 4);
}

const Places& places(Family family) {
  static const Places ipv4{.pod = "10.244.1.10",
                           .local_backend = "10.244.1.20",
                           .local_backend2 = "10.244.1.21",
                           .remote_backend = "10.244.2.20",
                           .remote_backend2 = "10.244.2.21",
                           .far_backend = "10.244.3.20",
                           .silent_backend = "10.244.4.20",
                           .narrow_backend = "10.244.5.20",
                           .outside = "203.0.113.7",
                           .cluster_ip = "10.96.0.10",
                           .cluster_ip2 = "10.96.0.11",
                           .load_balancer_ip = "198.18.0.1",
                           .node = kNodeAddress4,
                           .node2 = kNodeSecondAddress4};
  static const Places ipv6{.pod = "2001:db8:f1::10",
                           .local_backend = "2001:db8:f1::20",
                           .local_backend2 = "2001:db8:f1::21",
                           .remote_backend = "2001:db8:f2::20",
                           .remote_backend2 = "2001:db8:f2::21",
                           .far_backend = "2001:db8:f3::20",
                           .silent_backend = "2001:db8:f4::20",
                           .narrow_backend = "2001:db8:f5::20",
                           .outside = "2001:db8:cc::7",
                           .cluster_ip = "fd00:96::10",
                           .cluster_ip2 = "fd00:96::11",
                           .load_balancer_ip = "2001:db8:80::1",
                           .node = kNodeAddress6,
                           .node2 = kNodeSecondAddress6};
  return family == Family::kIpv4 ? ipv4 : ipv6;
}

std::vector<Event> events_of(const TestService& service) {
  const Protocol protocol = service.variant.protocol;
  Service object = service_object(service.name, service.cluster_ips, {{"", protocol, service.port, 0}});
  if (!service.load_balancer_ips.empty()) object.type = "LoadBalancer";
  for (const std::string& address : service.load_balancer_ips) object.load_balancer_ingress.push_back(ingress(address));
  object.internal_policy = service.internal_policy;
  object.external_policy = service.external_policy;
  object.affinity_timeout_s = service.affinity_timeout_s;
  EndpointSlice slice = slice_object(service.name, "-1", endpoints_of(service), {{"", protocol, service.target_port}});
  slice.family = service.variant.family;
  return {std::move(object), std::move(slice)};
}

ProgramRig& PacketTest::rig() {
  static std::map<uint32_t, std::unique_ptr<ProgramRig>> rigs;
  auto& rig = rigs[policy_];
  if (rig != nullptr) return *rig;
  auto opened = ProgramRig::open({.policy = policy_});
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    std::abort();  // nothing else in this executable makes sense
  }
  rig = std::move(*opened);
  return *rig;
}

void PacketTest::SetUp() { use_policy(0); }

void PacketTest::use_policy(uint32_t policy) {
  policy_ = policy;
  const auto done = rig().reset();
  ASSERT_TRUE(done) << done.error().message;
  rig().set_detector(WG_DETECT_NONE);
  rig().set_service_cidrs({});
}

ServiceView PacketTest::view_of(const std::string& service) {
  const auto views = services_view(rig().tables());
  for (const ServiceView& view : views.value()) {
    if (view.name == object_name(service)) return view;
  }
  ADD_FAILURE() << "no service " << service;
  return {};
}

void PacketTest::edit_service(const std::string& service, const std::function<void(wg_service&)>& change) {
  rig().edit<wg_service>("services", view_of(service).index, change);
}

void PacketTest::edit_backend(uint32_t index, const std::function<void(wg_backend&)>& change) {
  rig().edit<wg_backend>("backends", index, change);
}

void PacketTest::set_frontend_flags(const std::string& service, const std::string& address, uint32_t flags) {
  const ServiceView view = view_of(service);
  for (const FrontendView& frontend : view.frontends) {
    if (frontend.address != address_of(address)) continue;
    const uint32_t bucket = frontend.position / WG_FRONTEND_WAYS;
    const auto change = [&](auto& entries) { entries.way[frontend.position % WG_FRONTEND_WAYS].flags = flags; };
    if (frontend.address.family == Family::kIpv4) {
      rig().edit<wg_frontend_bucket4>("frontends4", bucket, change);
    } else {
      rig().edit<wg_frontend_bucket6>("frontends6", bucket, change);
    }
    return;
  }
  ADD_FAILURE() << service << " has no frontend " << address;
}

void PacketTest::serve(const TestService& service) {
  const auto applied = rig().apply(events_of(service));
  ASSERT_TRUE(applied) << applied.error().message;
}

void PacketTest::forget(const std::string& service) {
  const auto applied =
      rig().apply({without(ObjectKind::kService, service), without(ObjectKind::kEndpointSlice, service + "-1")});
  ASSERT_TRUE(applied) << applied.error().message;
}

RunOutput PacketTest::run(const RunInput& input) {
  const auto output = rig().run(input);
  EXPECT_TRUE(output) << output.error().message;
  return output.value_or(RunOutput{});
}

void PacketTest::expect(const std::string& what, const RunInput& input, const Expected& expected) {
  const RunOutput output = run(input);
  EXPECT_EQ(output.verdict, expected.verdict) << what;
  const std::string difference = packet_difference(expected.packet, output.packet);
  if (!difference.empty()) ADD_FAILURE() << what << ":\n" << difference;
  if (input.hook != RunHook::kXdp) {
    EXPECT_EQ(output.mark, expected.mark) << what;
  }
  EXPECT_EQ(text_of(output.reasons), text_of(expected.reasons)) << what;
  if (wrong_checksums(input.packet).empty()) {
    EXPECT_EQ(wrong_checksums(output.packet), "") << what;
  }
  if (wrong_quoted_checksums(input.packet).empty()) {
    EXPECT_EQ(wrong_quoted_checksums(output.packet), "") << what;
  }
}

std::string PacketTest::backend_of(const RunInput& input) { return destination_of(run(input).packet); }

PacketSpec VariantTest::request(const std::string& source, const std::string& destination) const {
  PacketSpec spec;
  spec.source = source;
  spec.destination = destination;
  spec.protocol = GetParam().protocol;
  spec.source_port = kClientPort;
  spec.destination_port = kServicePort;
  spec.tcp_flags = kSyn;
  return spec;
}

PacketSpec VariantTest::reply_to(const PacketSpec& request) {
  PacketSpec spec = request;
  std::swap(spec.source, spec.destination);
  std::swap(spec.source_port, spec.destination_port);
  std::swap(spec.source_mac, spec.destination_mac);
  spec.tcp_flags = kSyn | kAck;
  return spec;
}

std::string destination_of(const Bytes& packet) { return address_text(packet, "destination address"); }
std::string source_of(const Bytes& packet) { return address_text(packet, "source address"); }
uint16_t port_of(const Bytes& packet, const char* which) { return static_cast<uint16_t>(field_value(packet, which)); }

}  // namespace waggle
