// SPDX-License-Identifier: Apache-2.0
// Runs every file of cases/. With WAGGLE_GOLDEN_UPDATE=1 it writes into them what it found instead.
//
// One file of cases/: manifests and steps in, the tables out.
//
//   # What this case shows.
//   === apply            manifests of objects that are new or changed (YAML documents)
//   === delete           objects that are gone, one a line: "Service default/web"
//   === addresses        this node's addresses, all of them: "node-port 192.168.0.2", "own 192.168.0.2", one a line
//   === sweep            no flow is left: grace periods and sweeps until nothing is to do
//   === restart          a new planner takes over the tables, and must find nothing to write
//   === expect           the tables as sorted text, and the complaints that still hold
//
// This node is called node1. At first 192.168.0.2 and fd00:168::2 are its own and serve node ports.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "plan/dump.h"
#include "source/decode.h"
#include "support/plan_rig.h"

namespace waggle {
namespace {

struct GoldenStep {
  std::string command;
  std::string body;
  int line = 1;
};

struct GoldenCase {
  std::string heading;  // what stands before the first step
  std::vector<GoldenStep> steps;
};

GoldenCase parse_golden_case(const std::string& text) {
  GoldenCase all;
  std::istringstream stream(text);
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (line.starts_with("=== ")) {
      all.steps.push_back({line.substr(4), "", number});
    } else {
      (all.steps.empty() ? all.heading : all.steps.back().body) += line + "\n";
    }
  }
  return all;
}

std::string golden_case_text(const GoldenCase& all) {
  std::string text = all.heading;
  for (const GoldenStep& step : all.steps) text += fmt::format("=== {}\n{}", step.command, step.body);
  return text;
}

// Answers the case with what the tables really held at each `expect`.
class Runner {
 public:
  explicit Runner(std::string file) : file_(std::move(file)) {}

  Result<GoldenCase> run(GoldenCase golden) {
    for (GoldenStep& step : golden.steps) {
      SCOPED_TRACE(fmt::format("{}:{}", file_, step.line));
      if (auto done = take(step); !done)
        return failure(fmt::format("{}:{}: {}", file_, step.line, done.error().message));
    }
    return golden;
  }

 private:
  Result<void> take(GoldenStep& step) {
    if (step.command == "apply") return apply(step.body);
    if (step.command == "delete") return remove(step.body);
    if (step.command == "addresses") return move_node(step.body);
    if (step.command == "expect") {
      step.body = tables();
    } else if (step.command == "sweep") {
      rig_.settle();
    } else if (step.command == "restart") {
      EXPECT_TRUE(rig_.restart().writes.empty()) << "a restart with nothing changed writes";
    } else {
      return failure(fmt::format("unknown step \"{}\"", step.command));
    }
    return {};
  }

  Result<void> apply(const std::string& manifests) {
    const auto documents = parse_yaml(manifests, file_);
    if (!documents) return tl::unexpected(documents.error());
    const DecodedFile decoded = decode_documents(*documents, file_);
    if (!decoded.unrecognized.empty()) return failure(decoded.unrecognized.front().problems.front());
    std::vector<Event> events;
    for (const DecodedObject& object : decoded.objects) {
      if (!object.problems.empty()) return failure(object.problems.front());
      events.push_back(object.event ? *object.event : Event(Deletion{object.key.kind, object.key.name}));
    }
    rig_.apply(std::move(events));
    return {};
  }

  Result<void> remove(const std::string& lines) {
    std::istringstream stream(lines);
    std::vector<Event> events;
    for (std::string kind, name; stream >> kind >> name;) {
      if (kind != "Service" && kind != "EndpointSlice") return failure(fmt::format("cannot delete a {}", kind));
      events.push_back(without(kind == "Service" ? ObjectKind::kService : ObjectKind::kEndpointSlice, name));
    }
    rig_.apply(std::move(events));
    return {};
  }

  Result<void> move_node(const std::string& lines) {
    std::istringstream stream(lines);
    NodeAddresses now;
    for (std::string kind, text; stream >> kind >> text;) {
      const auto address = IpAddress::parse(text);
      if (!address) return failure(fmt::format("{} is no address", text));
      (kind == "own" ? now.node_ips : now.node_port_addresses).push_back(*address);
    }
    rig_.move_node(std::move(now));
    return {};
  }

  std::string tables() {
    std::string text;
    for (const Table table :
         {Table::kFrontends4, Table::kFrontends6, Table::kServices, Table::kBackends, Table::kSourceRanges}) {
      const auto rows = dump_table(rig_.store, table, DumpIds::kMasked).value();
      for (const Row& row : rows) text += fmt::format("{} {}\n", table_name(table), row_text(row));
    }
    for (const std::string& problem : rig_.planner.standing_problems()) text += fmt::format("problem {}\n", problem);
    return text;
  }

  std::string file_;
  PlanRig rig_;
};

std::vector<std::filesystem::path> case_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(WAGGLE_SOURCE_DIR "/tests/golden/cases")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class Golden : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(Golden, TablesAreAsTheFileExpects) {
  const std::string text = content_of(GetParam());
  const GoldenCase wanted = parse_golden_case(text);
  ASSERT_FALSE(wanted.steps.empty());
  const auto found = Runner(GetParam().filename()).run(wanted);
  ASSERT_TRUE(found) << found.error().message;
  if (std::getenv("WAGGLE_GOLDEN_UPDATE")) {
    std::ofstream(GetParam()) << golden_case_text(*found);
    return;
  }
  for (size_t step = 0; step < wanted.steps.size(); ++step) {
    EXPECT_EQ(wanted.steps[step].body, found->steps[step].body)
        << GetParam().filename() << ":" << wanted.steps[step].line;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, ::testing::ValuesIn(case_files()),
                         [](const auto& one) { return one.param.stem().string(); });

}  // namespace

}  // namespace waggle
