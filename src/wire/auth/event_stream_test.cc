#include "wire/auth/event_stream.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace slipway::wire {
namespace {

// As botocore read it.
constexpr std::string_view hello_frame =
    "0000006e000000595197ff150b3a6576656e742d7479706507000b5061796c6f6164506172740d3a636f6e74656e74"
    "2d"
    "747970650700186170706c69636174696f6e2f6f637465742d73747265616d0d3a6d6573736167652d747970650700"
    "05"
    "6576656e7468656c6c6f29738ab4";

std::string hello() {
  std::string frame;
  append_event(frame, "PayloadPart", "application/octet-stream", "hello");
  return frame;
}

TEST(EventStream, AFrameIsByteForByteWhatClientsRead) { EXPECT_EQ(to_hex(hello()), hello_frame); }

TEST(EventStream, WhatWasWrittenIsReadBackFrameByFrame) {
  std::string stream = hello();
  append_exception(stream, "ModelStreamError", R"({"Message":"no"})");
  const auto first = decode_event_frame(stream);
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->payload, "hello");
  EXPECT_EQ((*first)->header(":event-type"), "PayloadPart");
  const auto second = decode_event_frame(std::string_view(stream).substr((*first)->bytes));
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->header(":message-type"), "exception");
  EXPECT_EQ((*second)->header(":exception-type"), "ModelStreamError");
  EXPECT_EQ((*second)->payload, R"({"Message":"no"})");
}

TEST(EventStream, HalfAFrameAsksForMore) {
  const std::string frame = hello();
  for (std::size_t length = 0; length < frame.size(); ++length) {
    const auto decoded = decode_event_frame(std::string_view(frame).substr(0, length));
    ASSERT_TRUE(decoded) << length;
    ASSERT_FALSE(*decoded) << length;
  }
}

TEST(EventStream, EveryFlippedByteIsNoticed) {
  for (std::size_t i = 0; i < hello().size(); ++i) {
    std::string frame = hello();
    frame[i] = static_cast<char>(frame[i] ^ 0x41);
    const auto decoded = decode_event_frame(frame);
    EXPECT_FALSE(decoded && *decoded) << i;
  }
}

}  // namespace
}  // namespace slipway::wire
