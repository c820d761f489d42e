// SPDX-License-Identifier: Apache-2.0
// Calls of sockets: where their first packet goes, or what the call answers.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "reference_run.h"

namespace waggle {

using namespace reference;  // NOLINT: the model's words are this file's

namespace {

std::string said(const CallOutcome& outcome) {
  return fmt::format("the call answered {}, and {}", outcome.error == 0 ? "nothing" : std::strerror(outcome.error),
                     outcome.sent_to ? "sent to " + outcome.sent_to->text() : "sent nothing");
}

// The hooks refuse before there is a packet; the kernel's own refusals come after one, or for want of a route.
std::string complaint(const Call& call, const CallExpectation& expected, const CallOutcome& outcome) {
  switch (expected.result) {
    case CallResult::kRefused:
      return outcome.error == ECONNREFUSED && !outcome.sent_to ? "" : "it should be refused; ";
    case CallResult::kForbidden:
      return outcome.error == EPERM && !outcome.sent_to ? "" : "it should be forbidden; ";
    case CallResult::kTranslated:
      return outcome.sent_to && expected.choices.contains(*outcome.sent_to) ? "" : "it should go to a backend; ";
    case CallResult::kLeft:
      break;
  }
  return outcome.sent_to == call.to ? "" : "it should be left to packets; ";
}

}  // namespace

std::string ReferenceRun::call(const Call& call) {
  static constexpr const char* kResults[] = {"calls left to packets", "calls translated", "calls refused",
                                             "calls forbidden"};
  const CallExpectation expected = model_.call(call);
  ++counts_[kResults[static_cast<size_t>(expected.result)]];
  const auto outcome = calls_of(rig_).make(call);
  if (!outcome) return outcome.error().message;
  if (std::string wrong = complaint(call, expected, *outcome); !wrong.empty()) {
    for (const AddressPort& choice : expected.choices) wrong += choice.text() + " ";
    return wrong + said(*outcome) + "\n";
  }
  if (expected.result == CallResult::kTranslated) model_.called(call, *outcome->sent_to);
  return "";
}

// Sockets that are made below one rig's hooks stay there: the process moves with each rig that is used.
SocketCalls& calls_of(const ProgramRig& rig) {
  static const ProgramRig* current = nullptr;
  static std::unique_ptr<SocketCalls> calls;
  if (current == &rig) return *calls;
  calls.reset();
  auto made = SocketCalls::below(rig);
  if (!made) {
    std::fprintf(stderr, "%s\n", made.error().message.c_str());
    std::abort();  // nothing else in this executable makes sense
  }
  calls = std::move(*made);
  current = &rig;
  return *calls;
}

}  // namespace waggle
