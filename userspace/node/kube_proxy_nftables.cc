// SPDX-License-Identifier: Apache-2.0
// The part of kube_proxy_rules.h that speaks nf_tables' netlink. No program is needed for it.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "node/kube_proxy_chains.h"
#include "node/kube_proxy_rules.h"

namespace waggle {
namespace {

constexpr size_t kDumpBytes = 32768;   // what the kernel fills at most in one dump datagram
constexpr size_t kMessageBytes = 512;  // more than any message here has: two names of at most 128 bytes

struct CloseSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Netlink = std::unique_ptr<mnl_socket, CloseSocket>;

struct Chain {
  std::string table;
  std::string name;
  bool base = false;  // the kernel calls it; else rules jump to it
};

struct Rule {
  uint64_t handle = 0;  // network byte order
  std::string target;   // the chain it ends in; empty: none
};

tl::unexpected<Error> nft_failure(std::string_view what, int code) {
  return failure(fmt::format("nf_tables: cannot {}: {}", what, std::strerror(code)), code);
}

// --- messages ---

nlmsghdr* put_header(void* place, int type, uint16_t flags, bool ipv6) {
  nlmsghdr* header = mnl_nlmsg_put_header(place);
  header->nlmsg_type = static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
  header->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  auto* body = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  body->nfgen_family = ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
  body->version = NFNETLINK_V0;
  return header;
}

// All or nothing: the kernel takes a batch as one transaction.
class Batch {
 public:
  explicit Batch(bool ipv6) : ipv6_(ipv6) { put_mark(NFNL_MSG_BATCH_BEGIN); }

  // attributes: adds them to the message.
  template <typename Attributes>
  void add(int type, const Attributes& attributes) {
    const size_t at = bytes_.size();
    bytes_.resize(at + kMessageBytes);
    nlmsghdr* header = put_header(bytes_.data() + at, type, 0, ipv6_);
    header->nlmsg_seq = ++sequence_;
    attributes(header);
    bytes_.resize(at + NLMSG_ALIGN(header->nlmsg_len));
  }
  [[nodiscard]] bool empty() const { return sequence_ == 0; }
  const std::vector<char>& finish() {
    reinterpret_cast<nlmsghdr*>(bytes_.data() + last_begin())->nlmsg_flags |= NLM_F_ACK;
    put_mark(NFNL_MSG_BATCH_END);
    return bytes_;
  }

 private:
  void put_mark(int type) {
    const size_t at = bytes_.size();
    bytes_.resize(at + NLMSG_ALIGN(MNL_NLMSG_HDRLEN + sizeof(nfgenmsg)));
    nlmsghdr* header = mnl_nlmsg_put_header(bytes_.data() + at);
    header->nlmsg_type = static_cast<uint16_t>(type);
    header->nlmsg_flags = NLM_F_REQUEST;
    auto* body = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
    body->version = NFNETLINK_V0;
    body->res_id = htons(NFNL_SUBSYS_NFTABLES);
  }
  // The last message asks for an answer; failures are answered unasked.
  [[nodiscard]] size_t last_begin() const {
    size_t at = 0;
    for (size_t next = 0; next < bytes_.size();) {
      at = next;
      next += NLMSG_ALIGN(reinterpret_cast<const nlmsghdr*>(bytes_.data() + next)->nlmsg_len);
    }
    return at;
  }

  bool ipv6_;
  uint32_t sequence_ = 0;
  std::vector<char> bytes_;
};

// --- reading ---

std::string text_of(const nlattr* attribute) {
  const char* text = static_cast<const char*>(mnl_attr_get_payload(attribute));
  return std::string(text, strnlen(text, mnl_attr_get_payload_len(attribute)));
}

template <typename Visit>
int visit_attribute(const nlattr* attribute, void* visit) {
  (*static_cast<Visit*>(visit))(attribute, mnl_attr_get_type(attribute));
  return MNL_CB_OK;
}

template <typename Visit>
void for_each_nested(const nlattr* nest, Visit visit) {
  mnl_attr_parse_nested(nest, visit_attribute<Visit>, &visit);
}

template <typename Visit>
void for_each_attribute(const nlmsghdr* message, Visit visit) {
  mnl_attr_parse(message, sizeof(nfgenmsg), visit_attribute<Visit>, &visit);
}

int on_chain(const nlmsghdr* message, void* data) {
  Chain chain;
  for_each_attribute(message, [&chain](const nlattr* attribute, uint16_t type) {
    if (type == NFTA_CHAIN_TABLE) chain.table = text_of(attribute);
    if (type == NFTA_CHAIN_NAME) chain.name = text_of(attribute);
    if (type == NFTA_CHAIN_HOOK) chain.base = true;
  });
  static_cast<std::vector<Chain>*>(data)->push_back(std::move(chain));
  return MNL_CB_OK;
}

// The chain in NFTA_IMMEDIATE_DATA / NFTA_DATA_VERDICT / NFTA_VERDICT_CHAIN of an expression.
std::string target_of(const nlattr* expression) {
  std::string target;
  for_each_nested(expression, [&](const nlattr* part, uint16_t type) {
    if (type != NFTA_EXPR_DATA) return;
    for_each_nested(part, [&](const nlattr* data, uint16_t data_type) {
      if (data_type != NFTA_IMMEDIATE_DATA) return;
      for_each_nested(data, [&](const nlattr* value, uint16_t value_type) {
        if (value_type != NFTA_DATA_VERDICT) return;
        for_each_nested(value, [&](const nlattr* verdict, uint16_t verdict_type) {
          if (verdict_type == NFTA_VERDICT_CHAIN) target = text_of(verdict);
        });
      });
    });
  });
  return target;
}

bool is_immediate(const nlattr* expression) {
  bool immediate = false;
  for_each_nested(expression, [&immediate](const nlattr* part, uint16_t type) {
    if (type == NFTA_EXPR_NAME) immediate = text_of(part) == "immediate";
  });
  return immediate;
}

int on_rule(const nlmsghdr* message, void* data) {
  Rule rule;
  for_each_attribute(message, [&rule](const nlattr* attribute, uint16_t type) {
    if (type == NFTA_RULE_HANDLE) rule.handle = mnl_attr_get_u64(attribute);
    if (type != NFTA_RULE_EXPRESSIONS) return;
    for_each_nested(attribute, [&rule](const nlattr* expression, uint16_t) {
      if (is_immediate(expression)) rule.target = target_of(expression);
    });
  });
  static_cast<std::vector<Rule>*>(data)->push_back(std::move(rule));
  return MNL_CB_OK;
}

Result<Netlink> open_netfilter() {
  Netlink netlink(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (netlink == nullptr || mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return nft_failure("open a netfilter socket", errno);
  return netlink;
}

// Answers errno of what the kernel refused, 0 if nothing.
int read_answers(mnl_socket* netlink, mnl_cb_t visit, void* data) {
  std::vector<char> buffer(kDumpBytes);
  for (;;) {
    const ssize_t received = mnl_socket_recvfrom(netlink, buffer.data(), buffer.size());
    if (received < 0) return errno;
    const int answer =
        mnl_cb_run(buffer.data(), static_cast<size_t>(received), 0, mnl_socket_get_portid(netlink), visit, data);
    if (answer < 0) return errno;
    if (answer == MNL_CB_STOP) return 0;
  }
}

template <typename Attributes>
Result<void> dump(int type, bool ipv6, const Attributes& attributes, mnl_cb_t visit, void* data) {
  auto netlink = open_netfilter();
  if (!netlink) return tl::unexpected(netlink.error());
  alignas(8) std::array<char, kMessageBytes> request{};
  nlmsghdr* header = put_header(request.data(), type, NLM_F_DUMP, ipv6);
  attributes(header);
  if (mnl_socket_sendto(netlink->get(), header, header->nlmsg_len) < 0) return nft_failure("ask for a list", errno);
  if (const int code = read_answers(netlink->get(), visit, data); code != 0) return nft_failure("be listed", code);
  return {};
}

// --- what is to be done ---

struct Work {
  std::vector<Chain> chains;                      // of kube-proxy, in tables of iptables
  std::vector<std::pair<Chain, uint64_t>> jumps;  // rules of base chains, by handle
  std::vector<Chain> base_of_own_table;           // of table kube-proxy, those with rules
  bool own_table = false;
};

Result<std::vector<Rule>> rules_of(bool ipv6, const Chain& chain) {
  std::vector<Rule> rules;
  const auto of_chain = [&chain](nlmsghdr* header) {
    mnl_attr_put_strz(header, NFTA_RULE_TABLE, chain.table.c_str());
    mnl_attr_put_strz(header, NFTA_RULE_CHAIN, chain.name.c_str());
  };
  auto done = dump(NFT_MSG_GETRULE, ipv6, of_chain, on_rule, &rules);
  if (!done) return tl::unexpected(done.error());
  return rules;
}

// Of the chains that the kernel calls, those rules that lead to kube-proxy.
Result<void> find_in_base_chain(bool ipv6, const Chain& chain, Work& work) {
  const auto rules = rules_of(ipv6, chain);
  if (!rules) return tl::unexpected(rules.error());
  if (chain.table == kKubeProxyTable && !rules->empty()) work.base_of_own_table.push_back(chain);
  for (const Rule& rule : *rules) {
    if (is_kube_proxy_chain(chain.table, rule.target)) work.jumps.emplace_back(chain, rule.handle);
  }
  return {};
}

Result<Work> find_work(bool ipv6) {
  std::vector<Chain> chains;
  const auto nothing = [](nlmsghdr*) {};
  if (auto done = dump(NFT_MSG_GETCHAIN, ipv6, nothing, on_chain, &chains); !done) return tl::unexpected(done.error());
  Work work;
  for (const Chain& chain : chains) {
    work.own_table = work.own_table || chain.table == kKubeProxyTable;
    if (!chain.base && is_kube_proxy_chain(chain.table, chain.name)) work.chains.push_back(chain);
  }
  if (!work.own_table && work.chains.empty()) return work;
  for (const Chain& chain : chains) {
    if (!chain.base) continue;
    if (auto done = find_in_base_chain(ipv6, chain, work); !done) return tl::unexpected(done.error());
  }
  return work;
}

void delete_rules(Batch& batch, const Chain& chain, std::optional<uint64_t> rule) {
  batch.add(NFT_MSG_DELRULE, [&](nlmsghdr* header) {
    mnl_attr_put_strz(header, NFTA_RULE_TABLE, chain.table.c_str());
    mnl_attr_put_strz(header, NFTA_RULE_CHAIN, chain.name.c_str());
    if (rule.has_value()) mnl_attr_put_u64(header, NFTA_RULE_HANDLE, *rule);
  });
}

void delete_chain(Batch& batch, const Chain& chain) {
  batch.add(NFT_MSG_DELCHAIN, [&](nlmsghdr* header) {
    mnl_attr_put_strz(header, NFTA_CHAIN_TABLE, chain.table.c_str());
    mnl_attr_put_strz(header, NFTA_CHAIN_NAME, chain.name.c_str());
  });
}

void fill(Batch& batch, const Work& work, KubeProxyTable table) {
  if (work.own_table && table == KubeProxyTable::kRemoved)
    batch.add(NFT_MSG_DELTABLE,
              [](nlmsghdr* header) { mnl_attr_put_strz(header, NFTA_TABLE_NAME, kKubeProxyTable.data()); });
  else
    for (const Chain& chain : work.base_of_own_table) delete_rules(batch, chain, std::nullopt);
  for (const auto& [chain, rule] : work.jumps) delete_rules(batch, chain, rule);
  for (const Chain& chain : work.chains) delete_rules(batch, chain, std::nullopt);
  for (const Chain& chain : work.chains) delete_chain(batch, chain);
}

Result<void> commit(Batch& batch) {
  auto netlink = open_netfilter();
  if (!netlink) return tl::unexpected(netlink.error());
  const std::vector<char>& bytes = batch.finish();
  const int size = static_cast<int>(2 * bytes.size() + kDumpBytes);  // the kernel counts its own overhead, too
  ::setsockopt(mnl_socket_get_fd(netlink->get()), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
  if (mnl_socket_sendto(netlink->get(), bytes.data(), bytes.size()) < 0)
    return nft_failure("remove kube-proxy's rules", errno);
  if (const int code = read_answers(netlink->get(), nullptr, nullptr); code != 0)
    return nft_failure("remove kube-proxy's rules", code);
  return {};
}

}  // namespace

Result<KubeProxyRules> remove_from_nftables(bool ipv6, KubeProxyTable table) {
  const auto work = find_work(ipv6);
  if (!work) {
    const bool absent = work.error().code == EOPNOTSUPP || work.error().code == EAFNOSUPPORT ||
                        work.error().code == EPROTONOSUPPORT || work.error().code == EINVAL;
    if (absent) return KubeProxyRules{};  // a kernel without nf_tables has no rules there
    return tl::unexpected(work.error());
  }
  Batch batch(ipv6);
  fill(batch, *work, table);
  KubeProxyRules removed;
  if (batch.empty()) return removed;
  if (auto done = commit(batch); !done) return tl::unexpected(done.error());
  const bool of_own_table = table == KubeProxyTable::kRemoved ? work->own_table : !work->base_of_own_table.empty();
  removed.tables = of_own_table ? 1 : 0;
  removed.chains = work->chains.size();
  removed.jumps = work->jumps.size();
  return removed;
}

}  // namespace waggle
