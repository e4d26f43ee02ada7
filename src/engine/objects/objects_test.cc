#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "base/encoding.h"
#include "engine/objects/objects_fixture.h"

namespace slipway::objects {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::string md5_hex(std::string_view bytes) {
  wire::Checksum md5(ChecksumKind::md5);
  md5.update(bytes);
  return to_hex(md5.digest());
}

TEST_F(ObjectsTest, a_small_body_comes_back_and_needs_no_file) {
  const Object made = put("a/b", "hello").value();
  EXPECT_EQ(made.etag, "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(made.size, 5U);
  EXPECT_EQ(made.version, "null");
  EXPECT_EQ(get("a/b"), "hello");
  EXPECT_EQ(files_on_disk(), 0U);
}

TEST_F(ObjectsTest, bodies_of_every_size_around_the_limits_come_back) {
  for (const std::size_t size : {0UL, 1UL, inline_bytes_max, inline_bytes_max + 1, 1UL << 20,
                                 (1UL << 20) + 1, (9UL << 20) + 7}) {
    const std::string bytes = pattern(size);
    const Object made = put("k", bytes).value();
    EXPECT_EQ(made.etag, md5_hex(bytes)) << size;
    EXPECT_EQ(get("k"), bytes) << size;
    EXPECT_EQ(files_on_disk(), size > inline_bytes_max ? 1U : 0U) << size;
  }
}

TEST_F(ObjectsTest, a_body_written_in_odd_pieces_is_one_body) {
  const std::string bytes = pattern(3'333'333);
  Upload upload = objects_->begin({.checksums = {ChecksumKind::crc32, ChecksumKind::sha256}});
  std::string_view rest = bytes;
  for (std::size_t step = 1; !rest.empty(); step = step * 3 + 1) {
    const std::string_view piece = rest.substr(0, step);
    ASSERT_TRUE(upload.write(std::as_bytes(std::span(piece))));
    rest.remove_prefix(piece.size());
  }
  const SealedBody sealed = upload.seal().value();
  EXPECT_EQ(sealed.etag, md5_hex(bytes));
  ASSERT_THAT(sealed.checksums, SizeIs(2));
  EXPECT_EQ(sealed.checksums[0].base64, wire::checksum_base64(ChecksumKind::crc32, bytes));
  EXPECT_EQ(sealed.checksums[1].base64, wire::checksum_base64(ChecksumKind::sha256, bytes));
}

TEST_F(ObjectsTest, bulk_goes_past_the_cache_and_gets_a_tag_that_is_no_md5_beyond_a_size) {
  for (const std::size_t size : {1UL, 1UL << 20, 8UL << 20, (8UL << 20) + 1, (11UL << 20) + 4096}) {
    const std::string bytes = pattern(size);
    SealedBody sealed =
        body(bytes, {.etag = UploadOptions::Etag::md5_or_crc, .caching = Caching::bypass});
    if (size <= etag_md5_max)
      EXPECT_EQ(sealed.etag, md5_hex(bytes)) << size;
    else
      EXPECT_THAT(sealed.etag, testing::MatchesRegex("[0-9a-f]{32}-1")) << size;
    ASSERT_TRUE(write([&](store::Transaction& tx) -> Result<> {
      TRY_DO(objects_->put(tx, {"box", "k"}, std::move(sealed)));
      return {};
    }));
    EXPECT_EQ(get("k"), bytes) << size;
  }
}

TEST_F(ObjectsTest, the_tag_of_bulk_tells_other_bytes_and_other_sizes) {
  const UploadOptions bulk{.etag = UploadOptions::Etag::md5_or_crc};
  const std::string bytes = pattern(9UL << 20, 1);
  std::string other = bytes;
  other.back() ^= 1;
  EXPECT_EQ(body(bytes, bulk).etag, body(bytes, bulk).etag);
  EXPECT_NE(body(bytes, bulk).etag, body(other, bulk).etag);
  EXPECT_NE(body(bytes, bulk).etag, body(bytes.substr(1), bulk).etag);
}

TEST_F(ObjectsTest, what_is_dropped_before_it_is_an_object_leaves_nothing) {
  {
    Upload upload = objects_->begin();
    const std::string bytes = pattern(3 << 20);
    ASSERT_TRUE(upload.write(std::as_bytes(std::span(bytes))));
  }
  {
    const SealedBody sealed = body(pattern(100'000));
  }
  SealedBody refused = body(pattern(100'000));
  EXPECT_FALSE(write([&](store::Transaction& tx) -> Result<> {
    TRY_DO(objects_->put(tx, {"box", "k"}, std::move(refused)));
    return fail(ErrorCode::conflict, "something else went wrong");
  }));
  EXPECT_EQ(get("k"), "no_such_key");
  EXPECT_EQ(files_on_disk(), 0U);
}

TEST_F(ObjectsTest, a_body_over_the_limit_is_refused) {
  Upload upload = objects_->begin({.bytes_max = 10});
  const std::string bytes(11, 'x');
  EXPECT_EQ(upload.write(std::as_bytes(std::span(bytes))).error().kind, "body_too_large");
}

TEST_F(ObjectsTest, objects_survive_a_restart) {
  put("small", "hello").value();
  const std::string large = pattern(200'000);
  put("large", large).value();
  reopen();
  EXPECT_EQ(get("small"), "hello");
  EXPECT_EQ(get("large"), large);
  EXPECT_EQ(files_on_disk(), 1U);
}

TEST_F(ObjectsTest, files_that_a_crash_left_are_swept_after_a_restart) {
  const std::string large = pattern(200'000);
  put("large", large).value();
  close();
  std::ofstream(root_ / "objects/3f/3f00000000000000000000000000abcd") << "half a body";
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // coarse file times
  open();
  EXPECT_EQ(files_on_disk(), 1U);
  EXPECT_EQ(get("large"), large);
}

TEST_F(ObjectsTest, a_reader_goes_on_while_its_object_is_replaced) {
  const std::string first = pattern(300'000, 1);
  put("k", first).value();
  auto opened = objects_->open_object({"box", "k"}).value();
  put("k", pattern(300'000, 2)).value();
  ASSERT_TRUE(remove({"box", "k"}));
  objects_->settle();
  EXPECT_EQ(drain(std::move(opened.content)), first);
  EXPECT_EQ(files_on_disk(), 0U);
}

TEST_F(ObjectsTest, ranges_are_exact) {
  const std::string bytes = pattern(50'000);
  put("file", bytes).value();
  put("row", bytes.substr(0, 1000)).value();
  EXPECT_EQ(get({"box", "file"}, ByteRange{49'990, 10}), bytes.substr(49'990));
  EXPECT_EQ(get({"box", "file"}, ByteRange{0, 1}), bytes.substr(0, 1));
  EXPECT_EQ(get({"box", "row"}, ByteRange{500, 7}), bytes.substr(500, 7));
}

TEST_F(ObjectsTest, hostile_keys_are_only_names) {
  for (const std::string key :
       {"../../../../etc/passwd", "/abs", "a//b", ".", "..", "\x01\n", "ключ"}) {
    put(key, key).value();
    EXPECT_EQ(get(key), key);
  }
  EXPECT_EQ(put("", "x").error().kind, "empty_key");
  EXPECT_EQ(put(std::string(1025, 'k'), "x").error().kind, "key_too_long");
  EXPECT_TRUE(put(std::string(1024, 'k'), "x"));
}

TEST_F(ObjectsTest, conditions_are_checked_where_the_write_happens) {
  const WriteCondition absent{.presence = WriteCondition::Presence::must_be_absent};
  const Object made = put("k", "1", {.condition = absent}).value();
  EXPECT_EQ(put("k", "2", {.condition = absent}).error().code, ErrorCode::precondition_failed);
  EXPECT_EQ(put("k", "2", {.condition = {.etag = "0"}}).error().code,
            ErrorCode::precondition_failed);
  EXPECT_TRUE(put("k", "2", {.condition = {.etag = made.etag}}));
  EXPECT_EQ(put("other", "2", {.condition = {.etag = "0"}}).error().kind, "no_such_key");
  EXPECT_EQ(get("k"), "2");
}

TEST_F(ObjectsTest, attributes_and_tags_come_back) {
  const ObjectSettings attributes{.storage_class = "GLACIER",
                                  .properties = {{"content-type", "text/plain"}, {"m", ""}},
                                  .tags = {{"a", "1"}}};
  put("k", "x", {.attributes = attributes}).value();
  const auto found =
      store_->read([&](store::Transaction& tx) { return find(tx, {"box", "k"}); }).value();
  EXPECT_EQ(found.properties, attributes.properties);
  EXPECT_EQ(found.tags, attributes.tags);
  EXPECT_EQ(found.storage_class, "GLACIER");
}

TEST_F(ObjectsTest, a_copy_shares_the_bytes_and_outlives_its_source) {
  const std::string bytes = pattern(100'000);
  put("a", bytes).value();
  ASSERT_TRUE(write([&](store::Transaction& tx) -> Result<Object> {
    TRY(const Object source, find(tx, {"box", "a"}));
    return objects_->copy(tx, source, {"box", "b"}, {.attributes = {.tags = {{"t", "v"}}}});
  }));
  EXPECT_EQ(files_on_disk(), 1U);
  remove({"box", "a"}).value();
  EXPECT_EQ(files_on_disk(), 1U);
  EXPECT_EQ(get("b"), bytes);
  remove({"box", "b"}).value();
  EXPECT_EQ(files_on_disk(), 0U);
}

TEST_F(ObjectsTest, an_object_copied_onto_itself_keeps_its_bytes) {
  const std::string bytes = pattern(100'000);
  put("a", bytes).value();
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(write([&](store::Transaction& tx) -> Result<Object> {
      TRY(const Object source, find(tx, {"box", "a"}));
      return objects_->copy(tx, source, {"box", "a"});
    }));
  EXPECT_EQ(get("a"), bytes);
  EXPECT_EQ(files_on_disk(), 1U);
}

// --- Buckets. ---

TEST_F(ObjectsTest, a_bucket_name_is_taken_once_and_freed_by_removal) {
  const NewBucket again{"box", "111111111111", "eu-west-1", clock_.now()};
  const auto taken = write([&](store::Transaction& tx) { return create_bucket(tx, again); });
  EXPECT_EQ(taken.error().code, ErrorCode::already_exists);
  EXPECT_EQ(taken.error().details.at(0).second, "000000000000");
  put("k", "x").value();
  const auto drop = [&](store::Transaction& tx) { return objects_->remove_bucket(tx, "box"); };
  EXPECT_EQ(write(drop).error().kind, "bucket_not_empty");
  remove({"box", "k"}).value();
  EXPECT_TRUE(write(drop));
  EXPECT_EQ(get("k"), "no_such_bucket");
  EXPECT_TRUE(write([&](store::Transaction& tx) { return create_bucket(tx, again); }));
}

TEST_F(ObjectsTest, settings_are_kept_as_they_were_given) {
  write([&](store::Transaction& tx) { return put_setting(tx, {"box", "policy"}, "{}"); }).value();
  const auto read = [&](store::Transaction& tx) { return setting(tx, {"box", "policy"}); };
  EXPECT_EQ(store_->read(read).value(), "{}");
  write([&](store::Transaction& tx) { return remove_setting(tx, {"box", "policy"}); }).value();
  EXPECT_EQ(store_->read(read).error().kind, "no_such_setting");
}

// --- Versions. ---

TEST_F(ObjectsTest, a_versioned_bucket_keeps_what_is_replaced_and_removed) {
  put("k", "before").value();
  version_bucket(Versioning::enabled);
  const Object one = put("k", "one").value();
  const Object two = put("k", "two").value();
  EXPECT_EQ(get("k"), "two");
  EXPECT_EQ(get({"box", "k", one.version}), "one");
  EXPECT_EQ(get({"box", "k", "null"}), "before");

  const Removal marker = remove({"box", "k"}).value();
  EXPECT_EQ(marker.kind, Removal::Kind::marker_made);
  EXPECT_EQ(get("k"), "delete_marker");
  EXPECT_EQ(get({"box", "k", two.version}), "two");
  EXPECT_THAT(page({}).objects, IsEmpty());

  EXPECT_EQ(remove({"box", "k", marker.version}).value().kind, Removal::Kind::removed_marker);
  EXPECT_EQ(get("k"), "two");
  EXPECT_EQ(remove({"box", "k", two.version}).value().kind, Removal::Kind::removed);
  EXPECT_EQ(get("k"), "one");
  EXPECT_EQ(get({"box", "k", two.version}), "no_such_version");
  EXPECT_EQ(get({"box", "k", "nonsense"}), "bad_version");
  // A server of former days gave such ids up to that number.
  const std::string former = "Rb3WgHCmyTS9R8pXd1TzOAAAAAAAAAAD";
  EXPECT_EQ(get({"box", "k", former}), "bad_version");
  EXPECT_TRUE(write([](store::Transaction& tx) -> Result<> {
    tx.run("UPDATE objects_state SET value='3' WHERE name='former_versions'");
    return {};
  }));
  EXPECT_EQ(get({"box", "k", former}), "no_such_version");
  EXPECT_TRUE(remove({"box", "k", former}));
  EXPECT_EQ(get({"box", "k", "Rb3WgHCmyTS9R8pXd1TzOAAAAAAAAAAE"}), "bad_version");
}

TEST_F(ObjectsTest, a_suspended_bucket_replaces_only_the_null_version) {
  version_bucket(Versioning::enabled);
  const Object kept = put("k", "kept").value();
  version_bucket(Versioning::suspended);
  put("k", "null 1").value();
  put("k", "null 2").value();
  EXPECT_EQ(get({"box", "k", kept.version}), "kept");
  EXPECT_EQ(get({"box", "k", "null"}), "null 2");
  EXPECT_THAT(versions({}).versions, SizeIs(2));
  const Removal marker = remove({"box", "k"}).value();
  EXPECT_EQ(marker.version, "null");
  EXPECT_EQ(get("k"), "delete_marker");
  EXPECT_THAT(versions({}).versions, SizeIs(2));
}

TEST_F(ObjectsTest, versions_page_without_gap_or_repeat) {
  version_bucket(Versioning::enabled);
  for (int i = 0; i < 5; ++i)
    for (const char* key : {"a", "b", "d/x", "e"}) put(key, std::to_string(i)).value();
  remove({"box", "b"}).value();
  std::vector<std::string> seen;
  int latest = 0;
  VersionQuery query{.delimiter = "/", .entries_max = 3};
  for (;;) {
    const VersionPage answer = versions(query);
    for (const Object& object : answer.versions) {
      seen.push_back(object.key + object.version);
      latest += object.latest;
    }
    for (const std::string& prefix : answer.common_prefixes) seen.push_back(prefix);
    if (!answer.truncated) break;
    query.after = answer.next_key;
    query.after_version = answer.next_version;
  }
  EXPECT_THAT(seen, SizeIs(5 + 6 + 1 + 5));
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size());
  EXPECT_EQ(latest, 3);
}

TEST_F(ObjectsTest, a_page_deep_in_the_versions_of_a_key_costs_what_it_shows) {
  version_bucket(Versioning::enabled);
  write([&](store::Transaction& tx) -> Result<> {
    for (int i = 0; i < 20'000; ++i) TRY_DO(objects_->put(tx, {"box", "k"}, SealedBody{}));
    return {};
  }).value();
  const VersionPage first = versions({.entries_max = 19'000});
  const VersionQuery deep{
      .after = "k", .after_version = first.versions.back().version, .entries_max = 10};
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i) {
    const VersionPage page = versions(deep);
    EXPECT_THAT(page.versions, SizeIs(10));
    EXPECT_FALSE(page.versions.front().latest);
  }
  // Reading all that are newer for each would take ten seconds.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
}

TEST_F(ObjectsTest, behind_a_version_that_is_gone_the_next_may_be_the_latest) {
  version_bucket(Versioning::enabled);
  const Object older = put("k", "older").value();
  const Object newest = put("k", "newest").value();
  const VersionQuery behind{.after = "k", .after_version = newest.version};
  EXPECT_FALSE(versions(behind).versions.front().latest);
  remove({"box", "k", newest.version}).value();
  EXPECT_EQ(versions(behind).versions.front().version, older.version);
  EXPECT_TRUE(versions(behind).versions.front().latest);
}

// --- Listing. ---

TEST_F(ObjectsTest, an_account_lists_its_own_buckets) {
  write([&](store::Transaction& tx) -> Result<> {
    for (const char* name : {"mine-a", "mine-b", "mine-c"})
      TRY_DO(create_bucket(tx, {name, "111111111111", "us-east-1", clock_.now()}));
    return {};
  }).value();
  const auto names = [&](const BucketQuery& query) {
    std::vector<std::string> out;
    for (const Bucket& bucket :
         store_
             ->read([&](store::Transaction& tx) -> Result<std::vector<Bucket>> {
               return list_buckets(tx, query);
             })
             .value())
      out.push_back(bucket.name);
    return out;
  };
  EXPECT_THAT(names({.account = "000000000000"}), ElementsAre("box"));
  EXPECT_THAT(names({.account = "111111111111", .entries_max = 2}),
              ElementsAre("mine-a", "mine-b"));
  EXPECT_THAT(names({.account = "111111111111", .prefix = "mine", .after = "mine-b"}),
              ElementsAre("mine-c"));
  EXPECT_THAT(names({.account = "111111111111", .prefix = "mine-b", .after = "mine-a"}),
              ElementsAre("mine-b"));
}

TEST_F(ObjectsTest, keys_are_listed_in_the_order_of_their_bytes) {
  for (const char* key : {"b", "a", "B", "é", "a/", "a-"}) put(key, "x").value();
  EXPECT_THAT(keys_of(page({}).objects), ElementsAre("B", "a", "a-", "a/", "b", "é"));
}

TEST_F(ObjectsTest, a_delimiter_folds_keys_into_common_prefixes) {
  for (const char* key : {"x", "p/a", "p/b", "p/q/c", "r/d"}) put(key, "x").value();
  const ListPage top = page({.delimiter = "/"});
  EXPECT_THAT(keys_of(top.objects), ElementsAre("x"));
  EXPECT_THAT(top.common_prefixes, ElementsAre("p/", "r/"));
  const ListPage inner = page({.prefix = "p/", .delimiter = "/"});
  EXPECT_THAT(keys_of(inner.objects), ElementsAre("p/a", "p/b"));
  EXPECT_THAT(inner.common_prefixes, ElementsAre("p/q/"));
  EXPECT_THAT(page({.delimiter = "/", .after = "p/a"}).common_prefixes, ElementsAre("r/"));
  EXPECT_THAT(page({.delimiter = "/", .after = "p/"}).common_prefixes, ElementsAre("r/"));
}

TEST_F(ObjectsTest, pages_of_every_size_give_the_same_listing) {
  for (int i = 0; i < 40; ++i) put(fmt::format("{}/{:02}", i % 7, i), "x").value();
  put("zz", "x").value();
  for (const std::uint32_t size : {1U, 2U, 3U, 7U, 8U, 9U}) {
    std::vector<std::string> seen;
    ListQuery query{.delimiter = "/", .entries_max = size};
    for (;;) {
      const ListPage answer = page(query);
      EXPECT_LE(answer.objects.size() + answer.common_prefixes.size(), size);
      for (const auto& prefix : answer.common_prefixes) seen.push_back(prefix);
      for (const auto& object : answer.objects) seen.push_back(object.key);
      if (!answer.truncated) break;
      query.after = answer.next;
    }
    EXPECT_THAT(seen, ElementsAre("0/", "1/", "2/", "3/", "4/", "5/", "6/", "zz")) << size;
  }
  EXPECT_FALSE(page({.entries_max = 0}).truncated);
}

TEST_F(ObjectsTest, a_page_costs_what_it_shows_in_a_bucket_of_many_keys) {
  write([&](store::Transaction& tx) -> Result<> {
    for (int i = 0; i < 100'000; ++i)
      TRY_DO(objects_->put(tx, {"box", fmt::format("d{}/{:06}", i % 3, i)}, SealedBody{}));
    return {};
  }).value();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(page({.delimiter = "/"}).common_prefixes, SizeIs(3));
    EXPECT_THAT(page({.prefix = "d1/", .after = "d1/050000", .entries_max = 10}).objects,
                SizeIs(10));
  }
  // Reading all keys for each would take half a minute.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST_F(ObjectsTest, a_key_of_many_versions_is_one_entry_of_a_listing) {
  version_bucket(Versioning::enabled);
  for (int i = 0; i < 30; ++i) put("k", "x").value();
  put("l", "x").value();
  EXPECT_THAT(keys_of(page({}).objects), ElementsAre("k", "l"));
  EXPECT_THAT(keys_of(page({.after = "k"}).objects), ElementsAre("l"));
}

}  // namespace
}  // namespace slipway::objects
