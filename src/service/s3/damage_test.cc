// What a client hears of bodies that the disk lost or damaged, and what a copy costs.
#include <gmock/gmock.h>

#include <fstream>

#include "service/s3/s3_fixture.h"

namespace slipway::s3 {
namespace {

using testing::HasSubstr;

class DamageTest : public S3Test {
 protected:
  void expect_refused_everywhere() {
    const Answer got = get("/box/thing");
    EXPECT_EQ(got.error(), "500 InternalError");
    EXPECT_THAT(got.element("Message"), HasSubstr("s3://box/thing"));
    EXPECT_EQ(ask("HEAD", "/box/thing").status, 500);
    const Answer copied = put("/box/copy", "", {{"x-amz-copy-source", "box/thing"}});
    EXPECT_EQ(copied.error(), "500 InternalError");
    EXPECT_THAT(copied.element("Message"), HasSubstr("s3://box/thing"));
    EXPECT_EQ(get("/box/copy").status, 404);
  }
};

TEST_F(DamageTest, a_missing_body_is_the_same_answer_to_get_head_and_copy) {
  put("/box/thing", std::string(2 << 20, 'x'));
  std::filesystem::remove(bodies().at(0));
  expect_refused_everywhere();
}

TEST_F(DamageTest, a_damaged_body_is_the_same_answer_once_it_was_seen) {
  put("/box/thing", std::string(2 << 20, 'x'));
  std::fstream(bodies().at(0), std::ios::in | std::ios::out | std::ios::binary).put('y');
  expect_refused_everywhere();
}

TEST_F(DamageTest, a_copy_that_reads_the_bytes_gives_damaged_ones_no_new_checksum) {
  put("/box/thing", std::string(2 << 20, 'x'));
  std::fstream(bodies().at(0), std::ios::in | std::ios::out | std::ios::binary).put('y');
  const Answer copied =
      put("/box/copy", "",
          {{"x-amz-copy-source", "box/thing"}, {"x-amz-checksum-algorithm", "SHA256"}});
  EXPECT_EQ(copied.error(), "500 InternalError");
  EXPECT_EQ(get("/box/copy").status, 404);
}

TEST_F(DamageTest, a_copy_moves_no_bytes_and_outlives_its_source) {
  const std::string bytes(2 << 20, 'x');
  put("/box/thing", bytes);
  EXPECT_EQ(put("/box/copy", "", {{"x-amz-copy-source", "box/thing"}}).status, 200);
  EXPECT_EQ(put("/box/other", "",
                {{"x-amz-copy-source", "box/thing"}, {"x-amz-checksum-algorithm", "SHA256"}})
                .status,
            200);
  EXPECT_EQ(bodies().size(), 1u);
  EXPECT_EQ(ask("DELETE", "/box/thing").status, 204);
  EXPECT_TRUE(get("/box/copy").body == bytes);
  EXPECT_TRUE(get("/box/other").body == bytes);
}

}  // namespace
}  // namespace slipway::s3
