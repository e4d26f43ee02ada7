// A store, an engine and a bucket in a folder of their own: for this room's tests.
#pragma once

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "engine/objects/objects.h"

namespace slipway::objects {

// In memory where the machine has such a place: what is tested here is not how fast its disk syncs.
inline std::filesystem::path parent_of_test_folders() {
  const std::filesystem::path memory = "/dev/shm";
  if (::access(memory.c_str(), W_OK) == 0) return memory;
  return std::filesystem::temp_directory_path();
}

class ObjectsTest : public testing::Test {
 protected:
  ObjectsTest() {
    std::string pattern = (parent_of_test_folders() / "objects-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    open();
    const auto made = store_->write([&](store::Transaction& tx) {
      return create_bucket(tx, {"box", "000000000000", "us-east-1", clock_.now()});
    });
    EXPECT_TRUE(made);
  }
  ~ObjectsTest() override {
    close();
    std::filesystem::remove_all(root_);
  }

  void open() {
    store_ = store::Store::open(root_ / "state.db", migrations()).value();
    objects_ = Objects::open(*store_, root_, clock_, random_).value();
  }
  void close() {
    objects_.reset();
    store_.reset();
  }
  void reopen() {
    close();
    open();
  }

  template <typename F>
  auto write(F&& change) {
    return store_->write(std::forward<F>(change));
  }

  SealedBody body(std::string_view bytes, UploadOptions options = {}) {
    Upload upload = objects_->begin(std::move(options));
    EXPECT_TRUE(upload.write(std::as_bytes(std::span(bytes))));
    return upload.seal().value();
  }

  Result<Object> put(const std::string& key, std::string_view bytes, PutOptions options = {}) {
    SealedBody sealed = body(bytes);
    return write([&](store::Transaction& tx) {
      return objects_->put(tx, {"box", key}, std::move(sealed), std::move(options));
    });
  }

  Result<Removal> remove(const ObjectName& name) {
    return write([&](store::Transaction& tx) { return objects_->remove(tx, name); });
  }

  void version_bucket(Versioning versioning) {
    ASSERT_TRUE(
        write([&](store::Transaction& tx) { return set_versioning(tx, "box", versioning); }));
  }

  static std::string drain(Content content) {
    ContentReader reader(std::move(content));
    std::string all;
    std::array<std::byte, 70'000> buffer;
    for (;;) {
      const auto count = reader.read(buffer);
      EXPECT_TRUE(count) << count.error().message;
      if (!count || *count == 0) return all;
      all.append(reinterpret_cast<const char*>(buffer.data()), *count);
    }
  }

  // The bytes of an object, or the kind of the error.
  std::string get(const ObjectName& name, std::optional<ByteRange> range = {}) {
    auto opened = objects_->open_object(
        name, [&](store::Transaction&, const Object&) -> Result<std::optional<ByteRange>> {
          return range;
        });
    if (!opened) return opened.error().kind;
    return drain(std::move(opened->content));
  }
  std::string get(const std::string& key) { return get({"box", key}); }

  ListPage page(ListQuery query) {
    query.bucket = "box";
    return store_->read([&](store::Transaction& tx) { return list(tx, query); }).value();
  }
  VersionPage versions(VersionQuery query) {
    query.bucket = "box";
    return store_->read([&](store::Transaction& tx) { return list_versions(tx, query); }).value();
  }

  std::size_t files_on_disk() {
    write([](store::Transaction&) -> Result<> { return {}; }).value();  // former ones are let go
    objects_->settle();
    objects_->settle();  // what the first round found to remove
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_ / "objects"))
      count += entry.is_regular_file() && entry.path().filename().string().size() == 32 &&
               entry.path().parent_path().filename() != "quarantine";
    return count;
  }

  std::filesystem::path root_;
  ManualClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Objects> objects_;
};

// Bytes that differ from place to place.
inline std::string pattern(std::size_t size, std::uint64_t seed = 1) {
  SeededRandom random(seed);
  std::string bytes(size, '\0');
  random.fill(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

inline std::vector<std::string> keys_of(const std::vector<Object>& objects) {
  std::vector<std::string> keys;
  for (const Object& object : objects) keys.push_back(object.key);
  return keys;
}

}  // namespace slipway::objects
