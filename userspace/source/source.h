// SPDX-License-Identifier: Apache-2.0
// Where objects come from: an interface at the I/O edge. The daemon polls `fd()` for reading and calls `take()`.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/state.h"

namespace waggle {

struct SourceBatch {
  std::vector<Event> events;          // in order
  std::vector<std::string> problems;  // new complaints, each a whole sentence: file:line: field: what; remedy
  // False while something that was there at the start has never been readable since: what it names may still be wanted.
  bool complete = true;
  bool synced = false;  // Services and EndpointSlices have been listed at least once (I-11)
};

class Source {
 public:
  virtual ~Source() = default;
  // Readable when take() has something to do. Owned by the source.
  [[nodiscard]] virtual int fd() const = 0;
  // Never blocks. What fails is said in `problems`; what is valid keeps serving.
  virtual SourceBatch take() = 0;
  // It can be asked now; false: what was read last counts until it can.
  [[nodiscard]] virtual bool connected() const { return true; }
  // Complaints that still hold, for `waggle status`.
  [[nodiscard]] virtual std::vector<std::string> standing_problems() const = 0;
};

}  // namespace waggle
