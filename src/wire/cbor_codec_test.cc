#include "wire/cbor_codec.h"

#include <string>

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace slipway::wire {
namespace {

constexpr Shape text_shape{.name = "Text", .kind = ShapeKind::text};
constexpr Shape long_shape{.name = "Long", .kind = ShapeKind::long_integer};
constexpr Shape real_shape{.name = "Real", .kind = ShapeKind::double_number};
constexpr Shape time_shape{.name = "Time", .kind = ShapeKind::timestamp};
constexpr Member members[] = {{"a", "a", &text_shape},
                              {"b", "b", &long_shape},
                              {"c", "c", &real_shape},
                              {"d", "d", &time_shape}};
constexpr Shape shape{.name = "All", .members = members};

Result<Node> read_hex(std::string_view hex, Arena& arena) {
  return read_cbor(arena.copy(from_hex(hex).value_or("")), shape, arena);
}

TEST(Cbor, ReadsPiecesHalvesAndTagsAndSkipsWhatItDoesNotKnow) {
  Arena arena;
  // {_ "a": (_ "x", "y"), "zz": [1, {}], "b": -1, "c": half 1.5, "d": tag 1 (0)}
  const auto node = read_hex(
      "bf61617f61786179ff627a7a8201a0616220"
      "6163f93e00"
      "6164c100"
      "ff",
      arena);
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(node->items[0].text(), "xy");
  EXPECT_EQ(node->items[1].integer, -1);
  EXPECT_EQ(node->items[2].real, 1.5);
  EXPECT_EQ(node->items[3].time_us, 0);
}

TEST(Cbor, WhatIsWrittenIsReadBack) {
  Arena arena;
  Node node = make_structure(4, arena);
  node.items[0] = make_text(arena.copy(std::string(300, 'x')));
  node.items[1] = make_integer(-9223372036854775807 - 1);
  node.items[2] = make_real(-0.1);
  node.items[3] = make_time(from_epoch_seconds(1700000000.25));
  std::string out;
  write_cbor(node, shape, out);
  const auto back = read_cbor(out, shape, arena);
  ASSERT_TRUE(back);
  EXPECT_TRUE(equal(*back, node));
}

TEST(Cbor, RefusesLiesAboutLengthsDepthAndTypes) {
  Arena arena;
  for (const std::string_view hex :
       {"", "a1", "a16161", "bf", "ff", "a161617b7fffffffffffffff", "bb7fffffffffffffff",
        "a161617c", "a1617a9f", "a161621bffffffffffffffff", "a16161617861", "a1016161",
        "a161612e"}) {
    EXPECT_FALSE(read_hex(hex, arena)) << hex;
  }
  std::string deep = "a1617a";
  for (int i = 0; i < 10'000; ++i) deep += "81";
  EXPECT_FALSE(read_hex(deep, arena));
  deep = "a1617a";
  for (int i = 0; i < 10'000; ++i) deep += "c1";
  EXPECT_FALSE(read_hex(deep, arena));
}

}  // namespace
}  // namespace slipway::wire
