// Every kind of write, with each of its calls to the disk failing once, or the power going before
// it: what was acknowledged is there afterwards, what was refused is not, what is unknown is one or
// the other, whole, and no object lacks its bytes.
#include <gtest/gtest.h>

#include <optional>

#include "base/faulty_disk.h"
#include "base/test_folder.h"
#include "engine/objects/objects_fixture.h"
#include "engine/objects/scrub.h"
#include "store/faulty_vfs.h"

namespace slipway::objects {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t small = 200;
constexpr std::size_t large = 40'000;
constexpr std::uint64_t runs_of_each_fault = 120;

// What may be found under a key: no value means that there is no object.
using Allowed = std::vector<std::optional<std::string>>;

// One life of a server on a failing disk.
class Life {
 public:
  Life(fs::path root, FaultyDisk::Plan plan)
      : root_(std::move(root)), disk_(root_ / "graves", plan), vfs_(disk_) {}

  // Until the process would end, or all is done; then the power goes.
  void live() {
    auto store = store::Store::open(root_ / "state.db", migrations(),
                                    {.end_process = [this](const Error&) { disk_.cut_power(); },
                                     .vfs = vfs_.name(),
                                     .disk = &disk_,
                                     .log_pages_max = 20});
    if (!store) return disk_.cut_power();
    store_ = std::move(*store);
    auto objects = Objects::open(*store_, root_, clock_, random_, {.disk = &disk_});
    if (objects) {
      objects_ = std::move(*objects);
      work();
    }
    disk_.cut_power();
    objects_.reset();
    store_.reset();
  }

  std::uint64_t steps() const { return disk_.steps(); }
  std::string fault() const { return disk_.failed(); }
  const std::map<std::string, Allowed>& allowed() const { return allowed_; }
  std::size_t acknowledged() const { return acknowledged_; }

 private:
  void work() {
    for (const char* bucket : {"box", "versioned"})
      if (!store_->write([&](store::Transaction& tx) {
            return create_bucket(tx, {bucket, "000000000000", "here", clock_.now()});
          }))
        return;
    if (!store_->write([&](store::Transaction& tx) {
          return set_versioning(tx, "versioned", Versioning::enabled);
        }))
      return;
    for (const auto step :
         {&Life::put_and_replace, &Life::copy_and_remove, &Life::join_parts, &Life::keep_versions})
      if (alive()) (this->*step)();
  }

  void put_and_replace() {
    put("box/a", pattern(small, 1));
    put("box/b", pattern(large, 2));
    put("box/b", pattern(small, 3));
    put("box/a", pattern(large, 4));
    put("box/a", pattern(large, 5));
  }

  void copy_and_remove() {
    const auto source = value_of("box/a");
    change("box/copy", source, [&](store::Transaction& tx) -> Result<> {
      TRY(const Object found, find(tx, {"box", "a"}));
      TRY_DO(objects_->copy(tx, found, {"box", "copy"}));
      return {};
    });
    remove("box/a");
    remove("box/b");
  }

  void join_parts() {
    auto upload = store_->write([&](store::Transaction& tx) {
      return objects_->create_multipart(tx, {.bucket = "box", .key = "joined"});
    });
    if (!upload) return;
    const std::string bytes = pattern(large, 6);
    auto sealed = body(bytes, {.placement = UploadOptions::Placement::file});
    if (!sealed) return;
    auto part = store_->write([&](store::Transaction& tx) {
      return objects_->put_part(tx, upload->name, 1, *std::move(sealed));
    });
    if (!part) return;
    change("box/joined", bytes, [&](store::Transaction& tx) -> Result<> {
      const PartReference reference{1, part->etag};
      TRY_DO(objects_->complete(tx, upload->name, std::span(&reference, 1), {}));
      return {};
    });
    share_as_part(bytes);
  }

  // A second name of the joined object's file.
  void share_as_part(const std::string& bytes) {
    if (!alive() || value_of("box/joined") != bytes) return;
    auto upload = store_->write([&](store::Transaction& tx) {
      return objects_->create_multipart(tx, {.bucket = "box", .key = "shared"});
    });
    if (!upload) return;
    auto shared = store_->read([&](store::Transaction& tx) -> Result<std::optional<SealedBody>> {
      TRY(const Object object, find(tx, {"box", "joined"}));
      return objects_->share_part(tx, object, {0, object.size});
    });
    if (!shared || !*shared) return;
    auto part = store_->write([&](store::Transaction& tx) {
      return objects_->put_part(tx, upload->name, 1, *std::move(*shared));
    });
    if (!part) return;
    change("box/shared", bytes, [&](store::Transaction& tx) -> Result<> {
      const PartReference reference{1, part->etag};
      TRY_DO(objects_->complete(tx, upload->name, std::span(&reference, 1), {}));
      return {};
    });
    remove("box/joined");
  }

  void keep_versions() {
    put("versioned/x", pattern(large, 7));
    put("versioned/x", pattern(large, 8));
    remove("versioned/x");  // makes a marker
    put("versioned/y", pattern(small, 9));
  }

  void put(const std::string& path, const std::string& bytes) {
    if (!alive()) return;
    auto sealed = body(bytes);
    if (!sealed) return note(path, bytes, false);
    change(path, bytes, [&](store::Transaction& tx) -> Result<> {
      TRY_DO(objects_->put(tx, name_of(path), *std::move(sealed)));
      return {};
    });
  }

  void remove(const std::string& path) {
    change(path, std::nullopt, [&](store::Transaction& tx) -> Result<> {
      TRY_DO(objects_->remove(tx, name_of(path)));
      return {};
    });
  }

  template <typename F>
  void change(const std::string& path, const std::optional<std::string>& value, F&& act) {
    if (!alive()) return;
    note(path, value, store_->write(std::forward<F>(act)).has_value());
  }

  void note(const std::string& path, const std::optional<std::string>& value, bool done) {
    Allowed& allowed = allowed_.try_emplace(path, Allowed{std::nullopt}).first->second;
    acknowledged_ += done;
    if (done) allowed = {value};
    if (!done && !alive()) allowed.push_back(value);
  }

  std::optional<std::string> value_of(const std::string& path) const {
    const auto found = allowed_.find(path);
    return found == allowed_.end() || found->second.size() != 1 ? std::nullopt
                                                                : found->second.front();
  }

  Result<SealedBody> body(const std::string& bytes, UploadOptions options = {}) {
    Upload upload = objects_->begin(std::move(options));
    TRY_DO(upload.write(std::as_bytes(std::span(bytes))));
    return upload.seal();
  }
  bool alive() const { return disk_.has_power(); }
  static ObjectName name_of(const std::string& path) {
    const std::size_t slash = path.find('/');
    return {path.substr(0, slash), path.substr(slash + 1)};
  }

  const fs::path root_;
  FaultyDisk disk_;
  store::FaultyVfs vfs_;
  ManualClock clock_;
  SeededRandom random_{3};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Objects> objects_;
  std::map<std::string, Allowed> allowed_;
  std::size_t acknowledged_ = 0;
};

// What the next life finds.
class After {
 public:
  explicit After(fs::path root) : root_(std::move(root)) {
    store_ = store::Store::open(root_ / "state.db", migrations()).value();
    auto objects = Objects::open(*store_, root_, clock_, random_);
    EXPECT_TRUE(objects) << objects.error().message;
    if (objects) objects_ = std::move(*objects);
  }

  void check(const std::string& path, const Allowed& allowed) {
    if (!objects_) return;
    const std::size_t slash = path.find('/');
    auto opened = objects_->open_object({path.substr(0, slash), path.substr(slash + 1)});
    std::optional<std::string> found;
    if (opened) {
      found = read(std::move(opened->content));
    } else {
      EXPECT_EQ(opened.error().code, ErrorCode::not_found) << path << opened.error().message;
    }
    EXPECT_TRUE(std::ranges::find(allowed, found) != allowed.end())
        << path << " has " << (found ? std::to_string(found->size()) : "no") << " bytes";
  }

  // Also of versions and uploads that nobody asked for above.
  void check_every_file() {
    ScrubPlace place;
    for (;;) {
      const auto stored = *store_->read([&](store::Transaction& tx) {
        return Result<std::optional<StoredFile>>(next_file(tx, place));
      });
      if (!stored) return;
      const fs::path path = root_ / "objects" / stored->name.substr(0, 2) / stored->name;
      EXPECT_EQ(examine(path, *stored).kind, FileVerdict::Kind::sound) << path;
      place = {stored->body, stored->number};
    }
  }

 private:
  static std::string read(Content content) {
    ContentReader reader(std::move(content));
    std::string all;
    std::vector<std::byte> block(100'000);
    for (;;) {
      const auto count = reader.read(block);
      if (!count) return "unreadable: " + count.error().message;
      if (*count == 0) return all;
      all.append(reinterpret_cast<const char*>(block.data()), *count);
    }
  }

  const fs::path root_;
  ManualClock clock_;
  SeededRandom random_{4};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Objects> objects_;
};

class FaultsTest : public testing::Test {
 protected:
  void try_plan(FaultyDisk::Plan plan) {
    const fs::path root = folder_ / std::to_string(++runs_);
    fs::create_directories(root / "graves");
    Life life(root, plan);
    life.live();
    SCOPED_TRACE(testing::Message() << "seed " << plan.seed << ", step " << plan.failing_step
                                    << plan.dying_step << ": " << life.fault());
    faults_ += !life.fault().empty();
    {
      After after(root);
      for (const auto& [path, allowed] : life.allowed()) after.check(path, allowed);
      after.check_every_file();
    }
    fs::remove_all(root);
  }

  std::uint64_t steps_of_a_whole_life() {
    const fs::path root = folder_ / "whole";
    fs::create_directories(root / "graves");
    Life life(root, {.fault = FaultyDisk::Fault::none});
    life.live();
    EXPECT_GE(life.acknowledged(), 14u);
    return life.steps();
  }

  TestFolder folder_;
  int runs_ = 0;
  int faults_ = 0;
};

TEST_F(FaultsTest, nothing_acknowledged_is_lost_and_nothing_is_half_made) {
  const std::uint64_t steps = steps_of_a_whole_life();
  const std::uint64_t stride = std::max<std::uint64_t>(1, steps / runs_of_each_fault);
  for (std::uint64_t step = 1; step <= steps; step += stride) {
    try_plan({.seed = step, .failing_step = step, .fault = FaultyDisk::Fault::error});
    try_plan({.seed = step, .failing_step = step, .fault = FaultyDisk::Fault::full});
    try_plan({.seed = step, .fault = FaultyDisk::Fault::none, .dying_step = step});
  }
  EXPECT_GE(faults_, 200);
  RecordProperty("faults", faults_);
  std::printf("%d faults injected, over %d of %d steps\n", faults_,
              static_cast<int>(steps / stride), static_cast<int>(steps));
}

}  // namespace
}  // namespace slipway::objects
