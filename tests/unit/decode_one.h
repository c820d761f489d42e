// SPDX-License-Identifier: Apache-2.0
// For the decode tests: what a manifest text with one object comes to.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "source/decode.h"

namespace waggle {

inline DecodedFile decode_text(const std::string& text) {
  const auto documents = parse_yaml(text, "a.yaml");
  EXPECT_TRUE(documents) << documents.error().message;
  return documents ? decode_documents(*documents, "a.yaml") : DecodedFile{};
}

inline DecodedObject decode_one(const std::string& text) {
  DecodedFile file = decode_text(text);
  EXPECT_EQ(file.objects.size(), 1U);
  EXPECT_TRUE(file.unrecognized.empty());
  return file.objects.empty() ? DecodedObject{} : file.objects[0];
}

// An object without a complaint.
template <typename Object>
Object decode_good(const std::string& text) {
  const DecodedObject object = decode_one(text);
  for (const std::string& problem : object.problems) ADD_FAILURE() << problem;
  const auto* found = object.event == nullptr ? nullptr : std::get_if<Object>(&*object.event);
  EXPECT_NE(found, nullptr);
  return found == nullptr ? Object{} : *found;
}

// The one complaint about an object that is refused.
inline std::string complaint(const std::string& text) {
  const DecodedFile file = decode_text(text);
  std::vector<std::string> all;
  for (const DecodedObject& object : file.objects) {
    EXPECT_TRUE(object.refused);
    all.insert(all.end(), object.problems.begin(), object.problems.end());
  }
  for (const Unrecognized& thing : file.unrecognized)
    all.insert(all.end(), thing.problems.begin(), thing.problems.end());
  EXPECT_EQ(all.size(), 1U);
  return all.empty() ? "" : all.front();
}

// The one remark on an object that is taken without what it names.
inline std::string remark_on(const std::string& text) {
  const DecodedObject object = decode_one(text);
  EXPECT_FALSE(object.refused);
  EXPECT_NE(object.event, nullptr);
  EXPECT_EQ(object.problems.size(), 1U);
  return object.problems.empty() ? "" : object.problems.front();
}

}  // namespace waggle
