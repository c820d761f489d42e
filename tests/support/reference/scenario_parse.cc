// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "source/decode.h"
#include "support/reference/scenario.h"

namespace waggle::reference {
namespace {

std::optional<AddressPort> parse_place(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = text.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  if (!address) return std::nullopt;
  AddressPort place{*address, 0};
  const auto read = std::from_chars(text.data() + colon + 1, text.data() + text.size(), place.port);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return place;
}

template <typename Enum>
bool parse_word(const std::string& word, std::initializer_list<const char*> words, Enum& value) {
  const auto found = std::find(words.begin(), words.end(), word);
  value = static_cast<Enum>(found - words.begin());
  return found != words.end();
}

Result<PacketStep> parse_packet(const std::string& line) {
  std::istringstream words(line);
  std::string link, hook, client, arrow, frontend, protocol, signal;
  words >> link >> hook >> client >> arrow >> frontend >> protocol >> signal;
  PacketStep step{.is_reply = arrow == "<", .by_xdp = hook == "xdp", .key = {}};
  const auto from = parse_place(client), to = parse_place(frontend);
  const auto carried = parse_protocol(protocol);
  if (!parse_word(link, {"pod", "uplink", "host"}, step.link) ||
      !parse_word(signal, {"open", "data", "finish", "reset", "ping", "error", "pieces"}, step.signal) || !from ||
      !to || !carried) {
    return failure(fmt::format("`{}` is no packet", line));
  }
  step.key = {*from, *to, *carried};
  if (const size_t equals = line.find(" = "); equals != std::string::npos) step.outcome = line.substr(equals + 3);
  return step;
}

Result<Step> parse_call(const std::string& line) {
  std::istringstream words(line);
  std::string call, who, what, to, protocol, mapped;
  Call one;
  words >> call >> who >> what;
  one.is_send = what == "send";
  if (one.is_send) words >> one.socket;
  words >> to >> protocol >> mapped;
  const auto place = parse_place(to);
  const auto carried = parse_protocol(protocol);
  if (!place || !carried || (who != "node" && who != "pod")) return failure(fmt::format("`{}` is no call", line));
  one.link = who == "node" ? Link::kHost : Link::kPod;
  one.to = *place;
  one.protocol = *carried;
  one.is_mapped = mapped == "mapped";
  return Step(one);
}

Result<Step> parse_line_of_packets(const std::string& line) {
  std::istringstream words(line);
  std::string word;
  Pause pause;
  words >> word;
  if (word == "call") return parse_call(line);
  if (word != "wait") return parse_packet(line).map([](PacketStep one) { return Step(std::move(one)); });
  if (!(words >> pause.seconds)) return failure(fmt::format("`{}` does not say how many seconds", line));
  return Step(pause);
}

Result<Deletion> parse_deletion(const std::string& line) {
  Deletion deletion;
  std::istringstream words(line);
  std::string kind, name;
  words >> kind >> name;
  if (!parse_word(kind, {"Service", "EndpointSlice", "Node", "ServiceCIDR"}, deletion.kind)) {
    return failure(fmt::format("`{}` is no object", line));
  }
  const size_t slash = name.find('/');
  deletion.name =
      slash == std::string::npos ? ObjectName{"", name} : ObjectName{name.substr(0, slash), name.substr(slash + 1)};
  return deletion;
}

Result<void> parse_setting(const std::string& word, Settings& settings) {
  const size_t equals = std::min(word.find('='), word.size());
  const std::string name = word.substr(0, equals), value = word.substr(std::min(equals + 1, word.size()));
  if (name == "detector" && parse_word(value, {"none", "links", "cidr", "every-link"}, settings.detector)) return {};
  if (word == "snat=always") return settings.snat_always = true, Result<void>{};
  if (word == "masquerade=all") return settings.masquerade_all = true, Result<void>{};
  if (word == "ping=reject") return settings.answer_ping = false, Result<void>{};
  if (word == "ports=pass") return settings.reject_unknown = false, Result<void>{};
  if (word == "unallocated=pass") return settings.drop_unallocated = false, Result<void>{};
  const auto cidr = name == "pods" ? Cidr::parse(value) : std::nullopt;
  if (!cidr) return failure(fmt::format("`{}` is no setting", word));
  settings.pod_cidr[static_cast<size_t>(cidr->address.family)] = *cidr;
  return {};
}

class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  Result<Scenario> read(const std::string& text) {
    std::istringstream lines(text);
    std::string command, body;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("=== ")) {
        body += line + "\n";
        continue;
      }
      if (auto taken = take(command, body); !taken) return tl::unexpected(taken.error());
      command = line.substr(4);
      body.clear();
    }
    if (auto taken = take(command, body); !taken) return tl::unexpected(taken.error());
    return std::move(scenario_);
  }

 private:
  Result<void> take(const std::string& command, const std::string& body) {
    if (command.empty()) return {};  // what stands before the first step
    if (command == "apply") return apply(body);
    std::istringstream lines(body);
    for (std::string line; std::getline(lines, line);) {
      if (line.empty() || line.starts_with("#")) continue;
      if (auto taken = take_line(command, line); !taken) return taken;
    }
    return {};
  }

  Result<void> take_line(const std::string& command, const std::string& line) {
    if (command == "settings") return settings(line);
    if (command == "delete") return add(parse_deletion(line).map([](Deletion one) { return Event(std::move(one)); }));
    if (command == "packets") return add(parse_line_of_packets(line));
    return failure(fmt::format("{}: `=== {}` is no command", file_, command));
  }

  Result<void> settings(const std::string& line) {
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (auto parsed = parse_setting(word, scenario_.settings); !parsed) return parsed;
    }
    return {};
  }

  template <typename Parsed>
  Result<void> add(Result<Parsed> parsed) {
    if (!parsed) return tl::unexpected(Error(parsed.error()).in(file_));
    scenario_.steps.emplace_back(std::move(*parsed));
    return {};
  }

  Result<void> apply(const std::string& body) {
    const auto documents = parse_yaml(body, file_);
    if (!documents) return tl::unexpected(documents.error());
    for (const DecodedObject& object : decode_documents(*documents, file_).objects) {
      if (object.event == nullptr) {
        return failure(object.problems.empty() ? file_ + ": an object is not for Waggle" : object.problems.front());
      }
      scenario_.steps.emplace_back(*object.event);
    }
    return {};
  }

  std::string file_;
  Scenario scenario_;
};

}  // namespace

Result<Scenario> parse_scenario(const std::string& text, const std::string& file) { return Reader(file).read(text); }

}  // namespace waggle::reference
