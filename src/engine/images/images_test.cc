// Blobs, uploads and manifests, and what is collected of them.
#include "engine/images/images.h"

#include "engine/images/images_fixture.h"

namespace slipway::images {
namespace {

using std::chrono::hours;
using Place = Uploads::Place;

TEST_F(ImagesTest, a_blob_that_two_repositories_have_is_stored_once) {
  const std::string bytes(100'000, 'x');
  ASSERT_TRUE(push(repositories_[0], bytes));
  ASSERT_TRUE(push(repositories_[1], bytes));
  EXPECT_EQ(count("objects_segment"), 1);
  ASSERT_TRUE(write([&](store::Transaction& tx) {
    return remove_blob(tx, objects_->bodies(), repositories_[0], Digest::of(bytes));
  }));
  EXPECT_EQ(read(repositories_[0], Digest::of(bytes)), "no_such_blob");
  EXPECT_EQ(read(repositories_[1], Digest::of(bytes)), bytes);
}

TEST_F(ImagesTest, an_upload_goes_on_after_a_restart) {
  const BlobUpload begun = begin(repositories_[0]);
  const BlobUpload half =
      uploads_->append(part(begun, std::string(70'000, 'a'), Place::in_between)).value();
  reopen();
  const std::string whole = std::string(70'000, 'a') + "b";
  ASSERT_TRUE(uploads_->complete(part(half, "b", Place::last), Digest::of(whole)));
  EXPECT_EQ(read(repositories_[0], Digest::of(whole)), whole);
  EXPECT_EQ(count("images_upload"), 0);
}

TEST_F(ImagesTest, of_two_parts_for_one_place_the_first_wins) {
  const BlobUpload begun = begin(repositories_[0]);
  UploadPart late = part(begun, "late", Place::in_between);
  ASSERT_TRUE(uploads_->append(part(begun, "first", Place::in_between)));
  EXPECT_EQ(uploads_->append(std::move(late)).error().kind, "part_overtaken");
}

TEST_F(ImagesTest, bytes_with_another_digest_leave_nothing) {
  const auto refused =
      uploads_->complete(part(begin(repositories_[0]), "this", Place::last), Digest::of("that"));
  EXPECT_EQ(refused.error().kind, "other_digest");
  EXPECT_EQ(count("images_upload"), 0);
  EXPECT_EQ(count("objects_segment"), 0);
}

TEST_F(ImagesTest, a_manifest_keeps_its_blobs_and_nothing_else_does) {
  for (const std::string_view blob : {"config", "layer", "unused"})
    ASSERT_TRUE(push(repositories_[0], blob));
  const std::string manifest = manifest_of({"config", "layer"});
  ASSERT_TRUE(put(repositories_[0], manifest));
  clock_.advance(hours(25));
  collect();
  EXPECT_EQ(read(repositories_[0], Digest::of("layer")), "layer");
  EXPECT_EQ(read(repositories_[0], Digest::of("unused")), "no_such_blob");
  ASSERT_TRUE(remove(repositories_[0], manifest));
  clock_.advance(hours(23));
  collect();
  EXPECT_EQ(read(repositories_[0], Digest::of("layer")), "layer");
  clock_.advance(hours(2));
  collect();
  EXPECT_EQ(count("images_blob"), 0);
  EXPECT_EQ(count("objects_segment"), 0);
}

TEST_F(ImagesTest, who_was_told_that_a_blob_is_there_has_a_day_to_name_it) {
  for (const std::string_view blob : {"config", "layer"}) ASSERT_TRUE(push(repositories_[0], blob));
  clock_.advance(hours(20));
  for (const std::string_view blob : {"config", "layer"})
    ASSERT_TRUE(write([&](store::Transaction& tx) -> Result<> {
      TRY(const ImageBlob found, find_blob(tx, repositories_[0], Digest::of(blob)));
      EXPECT_TRUE(found.wants_keeping(clock_.server_time()));
      keep_blob(tx, repositories_[0], found.digest, clock_.server_time());
      return {};
    }));
  clock_.advance(hours(20));
  collect();
  EXPECT_TRUE(put(repositories_[0], manifest_of({"config", "layer"})));
}

TEST_F(ImagesTest, a_blob_that_comes_again_for_a_manifest_that_stands_is_kept) {
  ASSERT_TRUE(push(repositories_[0], "config"));
  ASSERT_TRUE(put(repositories_[0], manifest_of({"config"})));
  ASSERT_TRUE(write([&](store::Transaction& tx) {
    return remove_blob(tx, objects_->bodies(), repositories_[0], Digest::of("config"));
  }));
  ASSERT_TRUE(push(repositories_[0], "config"));
  clock_.advance(hours(25));
  collect();
  EXPECT_EQ(read(repositories_[0], Digest::of("config")), "config");
}

TEST_F(ImagesTest, an_upload_that_nobody_goes_on_with_is_removed) {
  ASSERT_TRUE(uploads_->append(part(begin(repositories_[0]), "some", Place::in_between)));
  clock_.advance(upload_life + hours(1));
  collect();
  EXPECT_EQ(count("images_upload"), 0);
  EXPECT_EQ(count("objects_segment"), 0);
}

TEST_F(ImagesTest, a_repository_goes_with_all_that_is_in_it) {
  ASSERT_TRUE(push(repositories_[0], "config"));
  ASSERT_TRUE(put(repositories_[0], manifest_of({"config"}), {"one"}));
  begin(repositories_[0]);
  const auto remove_as = [&](Contents contents) {
    return write([&](store::Transaction& tx) {
      return remove_repository(tx, objects_->bodies(), repositories_[0], contents);
    });
  };
  EXPECT_EQ(remove_as(Contents::must_be_none).error().kind, "repository_not_empty");
  ASSERT_TRUE(remove_as(Contents::removed));
  for (const std::string_view table :
       {"images_blob", "images_link", "images_manifest", "images_reference", "images_tag",
        "images_upload", "objects_segment"})
    EXPECT_EQ(count(table), 0) << table;
}

TEST(Manifests, what_is_none_is_refused) {
  for (const std::string_view text :
       {"", "[]", "{}", R"({"schemaVersion":1})",
        R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v1+json"})",
        R"({"schemaVersion":2,"config":{"digest":"sha256:1","size":1}})",
        R"({"schemaVersion":2,"layers":7})"})
    EXPECT_EQ(parse_manifest(text, "").error().kind, "bad_manifest") << text;
}

TEST(Manifests, layers_that_lie_elsewhere_are_named_by_nobody) {
  const std::string digest = Digest::of("x").text();
  const auto manifest = parse_manifest(
      fmt::format(
          R"({{"schemaVersion":2,"layers":[{{"digest":"{0}","size":1,"urls":["http://x"]}},)"
          R"({{"digest":"{0}","size":1,)"
          R"("mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar"}}]}})",
          digest),
      "application/vnd.oci.image.manifest.v1+json");
  ASSERT_TRUE(manifest);
  EXPECT_TRUE(manifest->references.empty());
}

TEST(Tags, those_that_match_an_exception_are_of_the_other_kind) {
  const TagMutability stays{TagMutability::Kind::tags_stay, {"dev*", "*-rc*"}};
  EXPECT_FALSE(stays.lets_move("v1"));
  EXPECT_TRUE(stays.lets_move("dev"));
  EXPECT_TRUE(stays.lets_move("v1-rc2"));
  const TagMutability moves{TagMutability::Kind::tags_move, {"v*"}};
  EXPECT_FALSE(moves.lets_move("v1"));
  EXPECT_TRUE(moves.lets_move("latest"));
}

}  // namespace
}  // namespace slipway::images
