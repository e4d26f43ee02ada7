#include "cell/order.h"

#include <gtest/gtest.h>

namespace slipway::cell {
namespace {

Order order() {
  Order order{.layers = {.landlock_abi = 6, .namespaces = true, .first_user = 7, .user_count = 9},
              .kept_free = "/opt/x",
              .user = 8,
              .arguments = {"/bin/true", ""},
              .variables = {"TOKEN=a=b"}};
  order.control = "/c";
  order.directory = "/c/run";
  order.cgroup = "/sys/fs/cgroup/a";
  order.given = {{.host = "/m", .inside = "/opt/x/m"},
                 {.host = "/w", .inside = {}, .access = Given::Access::read_write}};
  order.limits = {.open_files = 1, .processes = 2, .file_bytes = 3, .shared_memory_bytes = 4};
  return order;
}

TEST(OrderTest, AnOrderReadsAsItWasWritten) {
  const auto text = to_text(order());
  ASSERT_TRUE(text);
  EXPECT_TRUE(is_whole(*text));
  EXPECT_EQ(order_from_text(*text).value(), order());
}

TEST(OrderTest, ItsHeadIsReadAlone) {
  const auto head = head_from_text(to_text(order()).value());
  ASSERT_TRUE(head);
  EXPECT_EQ(head->layers, order().layers);
  EXPECT_EQ(head->kept_free, "/opt/x");
  Order plain = order();
  plain.kept_free.clear();
  EXPECT_EQ(head_from_text(to_text(plain).value())->kept_free, "");
  EXPECT_FALSE(head_from_text("argument=x"));
  EXPECT_FALSE(head_from_text(""));
}

}  // namespace
}  // namespace slipway::cell
