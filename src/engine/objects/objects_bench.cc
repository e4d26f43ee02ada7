// How fast bodies come in, beside what the MD5 of the same bytes costs: `objects_bench [FOLDER]`.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "engine/objects/checked_pieces.h"
#include "engine/objects/objects.h"

namespace slipway::objects {
namespace {

constexpr std::size_t large_bytes = 1ULL << 30;
constexpr std::size_t block_bytes = 512 << 10;
constexpr int small_puts = 8'000;
constexpr int rounds = 3;

using Seconds = std::chrono::duration<double>;

template <typename F>
double seconds(F&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - start).count();
}

class Bench {
 public:
  explicit Bench(const std::filesystem::path& parent) {
    std::string pattern = (parent / "objects-bench-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    store_ = store::Store::open(root_ / "state.db", migrations()).value();
    objects_ = Objects::open(*store_, root_, clock_, random_).value();
    const NewBucket bucket{"box", "0", "here", clock_.now()};
    store_->write([&](store::Transaction& tx) { return create_bucket(tx, bucket); }).value();
    SeededRandom(7).fill(std::as_writable_bytes(std::span(block_)));
  }
  ~Bench() {
    objects_.reset();
    store_.reset();
    std::filesystem::remove_all(root_);
  }

  void hash(ChecksumKind kind) {
    wire::Checksum checksum(kind);
    for (std::size_t done = 0; done < large_bytes; done += block_bytes) checksum.update(block_);
    checksum.digest();
  }

  void put_large(ChecksumKind kind) {
    Upload upload = objects_->begin({.checksums = {kind}});
    for (std::size_t done = 0; done < large_bytes; done += block_bytes)
      upload.write(std::as_bytes(std::span(block_))).value();
    put("large", upload.seal().value());
  }

  void get_large() {
    ContentReader reader(objects_->open_object({"box", "large"}).value().content);
    std::vector<std::byte> buffer(block_bytes);
    while (reader.read(buffer).value() > 0) {
    }
  }

  // What a GET adds to sendfile.
  void check_large() {
    CheckedPieces pieces(objects_->open_object({"box", "large"}).value().content.slices);
    while (pieces.next().value()) {
    }
  }

  void put_small(int threads) {
    std::atomic<int> left = small_puts;
    std::vector<std::jthread> workers;
    for (int i = 0; i < threads; ++i)
      workers.emplace_back([&] {
        for (int n = left--; n > 0; n = left--) put_one(fmt::format("small/{}", n));
      });
  }

 private:
  void put_one(const std::string& key) {
    Upload upload = objects_->begin({.checksums = {ChecksumKind::crc64nvme}});
    upload.write(std::as_bytes(std::span(block_).first(4096))).value();
    put(key, upload.seal().value());
  }
  void put(const std::string& key, SealedBody body) {
    store_
        ->write([&](store::Transaction& tx) {
          return objects_->put(tx, {"box", key}, std::move(body));
        })
        .value();
  }

  SystemClock clock_;
  SystemRandom random_;
  std::filesystem::path root_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Objects> objects_;
  std::string block_ = std::string(block_bytes, '\0');
};

void run(const std::filesystem::path& folder) {
  Bench bench(folder);
  for (int round = 0; round < rounds; ++round) {
    const double md5 = seconds([&] { bench.hash(ChecksumKind::md5); });
    const double sha256 = seconds([&] { bench.hash(ChecksumKind::sha256); });
    const double put = seconds([&] { bench.put_large(ChecksumKind::crc64nvme); });
    const double get = seconds([&] { bench.get_large(); });
    const double check = seconds([&] { bench.check_large(); });
    fmt::print(
        "1 GiB: md5 {:.2f} s, sha256 {:.2f} s, put {:.2f} s ({:.2f} of md5's speed), "
        "read {:.2f} s, check before sending {:.2f} s\n",
        md5, sha256, put, md5 / put, get, check);
    for (const int threads : {1, 4, 16}) {
      const double small = seconds([&] { bench.put_small(threads); });
      fmt::print("4 KB puts, {} threads: {:.0f}/s\n", threads, small_puts / small);
    }
  }
}

}  // namespace
}  // namespace slipway::objects

int main(int argc, char** argv) {
  slipway::objects::run(argc > 1 ? argv[1] : std::filesystem::temp_directory_path());
}
