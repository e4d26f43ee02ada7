#include <gmock/gmock.h>

#include "base/encoding.h"
#include "engine/objects/objects_fixture.h"

namespace slipway::objects {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class MultipartTest : public ObjectsTest {
 protected:
  MultipartName create(NewMultipart upload = {}) {
    upload.bucket = "box";
    if (upload.key.empty()) upload.key = "k";
    return write([&](store::Transaction& tx) {
             return objects_->create_multipart(tx, std::move(upload));
           })
        .value()
        .name;
  }

  Result<Part> part(const MultipartName& name, std::uint32_t number, std::string_view bytes,
                    ChecksumKind kind = ChecksumKind::crc64nvme) {
    SealedBody sealed =
        body(bytes, {.checksums = {kind}, .placement = UploadOptions::Placement::file});
    return write([&](store::Transaction& tx) {
      return objects_->put_part(tx, name, number, std::move(sealed));
    });
  }

  Result<Object> complete(const MultipartName& name, std::vector<PartReference> parts) {
    return write([&](store::Transaction& tx) { return objects_->complete(tx, name, parts, {}); });
  }
};

const std::string five_mib = pattern(5 << 20, 7);

TEST_F(MultipartTest, the_parts_become_one_object) {
  const MultipartName name = create();
  const Part two = part(name, 2, "tail").value();
  const Part one = part(name, 1, five_mib).value();
  EXPECT_EQ(get("k"), "no_such_key");
  const Object made = complete(name, {{1, one.etag}, {2, two.etag}}).value();
  EXPECT_EQ(made.size, five_mib.size() + 4);
  EXPECT_EQ(made.parts, 2U);
  wire::Checksum md5(ChecksumKind::md5);
  md5.update(from_hex(one.etag).value() + from_hex(two.etag).value());
  EXPECT_EQ(made.etag, to_hex(md5.digest()) + "-2");
  EXPECT_EQ(get("k"), five_mib + "tail");
  EXPECT_EQ(get({"box", "k"}, ByteRange{five_mib.size() - 3, 5}),
            five_mib.substr(five_mib.size() - 3) + "ta");
  ASSERT_TRUE(made.checksum);
  EXPECT_EQ(made.checksum->base64,
            wire::checksum_base64(ChecksumKind::crc64nvme, five_mib + "tail"));
}

TEST_F(MultipartTest, completing_twice_answers_the_same) {
  const MultipartName name = create();
  const Part one = part(name, 1, "x").value();
  const Object made = complete(name, {{1, one.etag}}).value();
  EXPECT_EQ(complete(name, {{1, one.etag}}).value().etag, made.etag);
  put("k", "other").value();
  EXPECT_EQ(complete(name, {{1, one.etag}}).error().kind, "no_such_upload");
}

TEST_F(MultipartTest, unnamed_and_replaced_parts_are_dropped) {
  const MultipartName name = create();
  part(name, 1, "first").value();
  const Part one = part(name, 1, "second").value();
  part(name, 2, "unnamed").value();
  complete(name, {{1, one.etag}}).value();
  EXPECT_EQ(get("k"), "second");
  EXPECT_EQ(files_on_disk(), 1U);
  remove({"box", "k"}).value();
  EXPECT_EQ(files_on_disk(), 0U);
}

TEST_F(MultipartTest, wrong_completions_are_refused_and_change_nothing) {
  const MultipartName name = create();
  const Part one = part(name, 1, "small").value();
  const Part two = part(name, 2, "tail").value();
  EXPECT_EQ(complete(name, {}).error().kind, "no_parts");
  EXPECT_EQ(complete(name, {{2, two.etag}, {1, one.etag}}).error().kind, "part_order");
  EXPECT_EQ(complete(name, {{1, two.etag}}).error().kind, "no_such_part");
  EXPECT_EQ(complete(name, {{3, two.etag}}).error().kind, "no_such_part");
  EXPECT_EQ(complete(name, {{1, one.etag}, {2, two.etag}}).error().kind, "part_too_small");
  EXPECT_EQ(complete(name, {{1, one.etag, "AAAA"}}).error().kind, "no_such_part");
  EXPECT_EQ(part(name, 0, "x").error().kind, "part_number");
  EXPECT_EQ(part(name, 10'001, "x").error().kind, "part_number");
  EXPECT_TRUE(complete(name, {{1, one.etag}}));
}

TEST_F(MultipartTest, an_aborted_upload_leaves_nothing) {
  const MultipartName name = create();
  part(name, 1, five_mib).value();
  ASSERT_TRUE(write([&](store::Transaction& tx) { return objects_->abort(tx, name); }));
  EXPECT_EQ(part(name, 2, "x").error().kind, "no_such_upload");
  EXPECT_EQ(files_on_disk(), 0U);
}

TEST_F(MultipartTest, a_condition_holds_only_of_what_was_there_when_the_upload_was_begun) {
  const auto end = [&](const MultipartName& name, const PartReference& one, WriteCondition what) {
    const std::vector<PartReference> parts{one};
    return write([&](store::Transaction& tx) { return objects_->complete(tx, name, parts, what); });
  };
  const WriteCondition absent{.presence = WriteCondition::Presence::must_be_absent};
  put("k", "old").value();
  const MultipartName name = create();
  const PartReference one{1, part(name, 1, "x").value().etag};
  EXPECT_EQ(end(name, one, absent).error().kind, "exists");
  remove({"box", "k"}).value();
  EXPECT_EQ(end(name, one, absent).error().kind, "changed_meanwhile");
  clock_.advance(std::chrono::seconds(1));
  const Object now = put("k", "new").value();
  EXPECT_EQ(end(name, one, {.etag = now.etag}).error().kind, "changed_meanwhile");
  EXPECT_TRUE(end(name, one, {}));
}

TEST_F(MultipartTest, composite_checksums_are_those_of_the_parts) {
  const MultipartName name =
      create({.checksum_kind = ChecksumKind::sha256, .checksum_scope = ChecksumScope::composite});
  const Part one = part(name, 1, "x", ChecksumKind::sha256).value();
  const Object made = complete(name, {{1, one.etag, one.checksum->base64}}).value();
  EXPECT_EQ(made.checksum->base64,
            wire::checksum_base64(ChecksumKind::sha256, from_base64(one.checksum->base64).value()) +
                "-1");
}

TEST_F(MultipartTest, an_object_of_parts_is_replaced_while_it_is_read) {
  const MultipartName name = create();
  const Part one = part(name, 1, five_mib).value();
  const Part two = part(name, 2, "tail").value();
  complete(name, {{1, one.etag}, {2, two.etag}}).value();
  auto opened = objects_->open_object({"box", "k"}).value();
  remove({"box", "k"}).value();
  EXPECT_EQ(files_on_disk(), 2U);
  EXPECT_EQ(drain(std::move(opened.content)), five_mib + "tail");
  EXPECT_EQ(files_on_disk(), 0U);
}

TEST_F(MultipartTest, uploads_and_parts_are_listed_in_pages) {
  std::vector<std::string> ids;
  for (const char* key : {"a", "b", "b", "d/1", "d/2"}) ids.push_back(create({.key = key}).upload);
  std::vector<std::string> seen;
  MultipartQuery query{.bucket = "box", .delimiter = "/", .entries_max = 1};
  for (;;) {
    const MultipartPage page =
        store_->read([&](store::Transaction& tx) { return list_multiparts(tx, query); }).value();
    for (const Multipart& upload : page.uploads) seen.push_back(upload.name.upload);
    for (const std::string& prefix : page.common_prefixes) seen.push_back(prefix);
    if (!page.truncated) break;
    query.after_key = page.next_key;
    query.after_upload = page.next_upload;
  }
  EXPECT_THAT(seen, ElementsAre(ids[0], ids[1], ids[2], "d/"));

  const MultipartName name = create();
  for (std::uint32_t number : {3U, 1U, 2U}) part(name, number, "x").value();
  const PartPage page =
      store_
          ->read([&](store::Transaction& tx) {
            return list_parts(tx, {.name = name, .after_number = 1, .entries_max = 1});
          })
          .value();
  ASSERT_THAT(page.parts, SizeIs(1));
  EXPECT_EQ(page.parts[0].number, 2U);
  EXPECT_TRUE(page.truncated);
}

TEST_F(MultipartTest, uploads_behind_a_key_in_a_common_prefix_begin_behind_that_prefix) {
  for (const char* key : {"a/1", "a/2", "b", "c"}) create({.key = key});
  const auto listed = [&](const MultipartQuery& query) {
    const MultipartPage page =
        store_->read([&](store::Transaction& tx) { return list_multiparts(tx, query); }).value();
    std::vector<std::string> seen = page.common_prefixes;
    for (const Multipart& upload : page.uploads) seen.push_back(upload.name.key);
    return seen;
  };
  EXPECT_THAT(listed({.bucket = "box", .delimiter = "/"}), ElementsAre("a/", "b", "c"));
  EXPECT_THAT(listed({.bucket = "box", .delimiter = "/", .after_key = "a/1"}),
              ElementsAre("b", "c"));
  EXPECT_THAT(listed({.bucket = "box", .after_key = "a/1"}), ElementsAre("a/2", "b", "c"));
  EXPECT_THAT(listed({.bucket = "box", .prefix = "a/", .delimiter = "/", .after_key = "a/1"}),
              ElementsAre("a/2"));
}

TEST_F(MultipartTest, a_page_of_uploads_costs_what_it_shows) {
  write([&](store::Transaction& tx) -> Result<> {
    for (int i = 0; i < 20'000; ++i)
      TRY_DO(objects_->create_multipart(
          tx, {.bucket = "box", .key = fmt::format("d{}/{:06}", i % 3, i)}));
    return {};
  }).value();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i) {
    const auto page = store_->read([&](store::Transaction& tx) {
      return list_multiparts(tx, {.bucket = "box", .delimiter = "/"});
    });
    EXPECT_THAT(page.value().common_prefixes, SizeIs(3));
  }
  // Reading all uploads for each would take ten seconds.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
}

TEST_F(MultipartTest, a_bucket_with_open_uploads_can_be_removed) {
  part(create(), 1, five_mib).value();
  ASSERT_TRUE(write([&](store::Transaction& tx) { return objects_->remove_bucket(tx, "box"); }));
  EXPECT_EQ(files_on_disk(), 0U);
}

}  // namespace
}  // namespace slipway::objects
