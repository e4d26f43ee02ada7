// A store with two repositories in a folder of their own: for this room's tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/test_folder.h"
#include "engine/images/collector.h"
#include "engine/images/images.h"
#include "engine/images/uploads.h"
#include "engine/objects/objects.h"

namespace slipway::images {

class ImagesTest : public testing::Test {
 protected:
  ImagesTest() {
    open();
    for (const std::string name : {"left", "right"})
      repositories_.push_back(store_
                                  ->write([&](store::Transaction& tx) {
                                    return create_repository(
                                        tx, {{"000000000000/us-east-1", name}, clock_.now()});
                                  })
                                  .value());
  }
  ~ImagesTest() override { close(); }

  void open() {
    std::vector<store::Migration> all(objects::migrations().begin(), objects::migrations().end());
    all.insert(all.end(), migrations().begin(), migrations().end());
    store_ = store::Store::open(folder_ / "state.db", all).value();
    objects_ = objects::Objects::open(*store_, folder_.path(), clock_, random_).value();
    uploads_ =
        std::make_unique<Uploads>(Uploads::Needs{*store_, objects_->bodies(), clock_, random_});
    collector_ = std::make_unique<ImageCollector>(objects_->bodies());
  }
  void close() {
    collector_.reset();
    uploads_.reset();
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

  BlobUpload begin(const Repository& repository) {
    return write([&](store::Transaction& tx) -> Result<BlobUpload> {
             return uploads_->begin(tx, repository, DigestKind::sha256);
           })
        .value();
  }
  UploadPart part(const BlobUpload& upload, std::string_view bytes, Uploads::Place place) {
    UploadPart out = uploads_->begin_part(upload, place, DigestKind::sha256);
    EXPECT_TRUE(out.write(std::as_bytes(std::span(bytes))));
    return out;
  }
  Result<ImageBlob> push(const Repository& repository, std::string_view bytes) {
    return uploads_->complete(part(begin(repository), bytes, Uploads::Place::last),
                              Digest::of(bytes));
  }

  // An image of these blobs; the first is its config.
  static std::string manifest_of(const std::vector<std::string>& blobs) {
    const auto descriptor = [](std::string_view bytes) {
      return fmt::format(R"({{"mediaType":"application/x","digest":"{}","size":{}}})",
                         Digest::of(bytes).text(), bytes.size());
    };
    std::string layers;
    for (std::size_t i = 1; i < blobs.size(); ++i)
      layers += (i == 1 ? "" : ",") + descriptor(blobs[i]);
    return fmt::format(
        R"({{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
        R"("config":{},"layers":[{}]}})",
        descriptor(blobs.front()), layers);
  }
  Result<> put(const Repository& repository, const std::string& manifest,
               std::vector<std::string> tags = {}) {
    return write([&](store::Transaction& tx) -> Result<> {
      TRY(ImageManifest parsed, parse_manifest(manifest, ""));
      return put_manifest(tx, repository,
                          {.manifest = std::move(parsed),
                           .bytes = manifest,
                           .digest = Digest::of(manifest),
                           .tags = std::move(tags),
                           .now = clock_.moment()});
    });
  }
  Result<> remove(const Repository& repository, const std::string& manifest) {
    return write([&](store::Transaction& tx) {
      return remove_manifest(tx, repository, Digest::of(manifest), clock_.server_time());
    });
  }

  // The bytes of a blob; the kind of the failure where it is not there.
  std::string read(const Repository& repository, const Digest& digest) {
    auto content = store_->read([&](store::Transaction& tx) -> Result<objects::Content> {
      TRY(const ImageBlob blob, find_blob(tx, repository, digest));
      return objects_->bodies().content(tx, blob.stored());
    });
    if (!content) return content.error().kind;
    objects::ContentReader reader(*std::move(content));
    std::string out;
    std::vector<std::byte> block(100'000);
    while (const std::size_t count = reader.read(block).value())
      out.append(reinterpret_cast<const char*>(block.data()), count);
    return out;
  }

  void collect() {
    engine::Effects effects;
    EXPECT_TRUE(write([&](store::Transaction& tx) -> Result<> {
      collector_->reconcile("all", tx, clock_.moment(), effects);
      return {};
    }));
  }
  std::int64_t count(std::string_view table) {
    return store_
        ->read([&](store::Transaction& tx) -> Result<std::int64_t> {
          auto rows = tx.query(fmt::format("SELECT count(*) FROM {}", table));
          rows.next();
          return rows.integer(0);
        })
        .value();
  }

  const TestFolder folder_;
  ManualClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<objects::Objects> objects_;
  std::unique_ptr<Uploads> uploads_;
  std::unique_ptr<ImageCollector> collector_;
  std::vector<Repository> repositories_;
};

}  // namespace slipway::images
