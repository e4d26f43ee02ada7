// Pushes, deletions, collections, restarts and time, from seeds: what is named is there.
#include <map>
#include <optional>
#include <set>

#include "engine/images/images_fixture.h"

namespace slipway::images {
namespace {

constexpr int seeds = 6;
constexpr int steps = 80;
constexpr std::size_t contents = 8;

class ImagesSimulation : public ImagesTest {
 protected:
  // What clients know: what they were told and when, and what they pushed.
  struct Known {
    std::map<std::string, ServerTime> told;                          // blobs
    std::map<std::string, std::vector<std::string>> manifests = {};  // their blobs
  };

  std::size_t choose(std::size_t bound) { return below(chance_.value(), bound); }

  // Some lie in the store, others in files.
  static std::string content(std::size_t number) {
    return std::string(number % 2 == 0 ? 10 : 30'000, static_cast<char>('a' + number));
  }

  void push_blob(std::size_t where) {
    const std::string bytes = content(choose(contents));
    BlobUpload upload = begin(repositories_[where]);
    std::string_view rest = bytes;
    while (choose(2) == 0 && rest.size() > 1) {
      const auto first =
          uploads_->append(part(upload, rest.substr(0, 1), Uploads::Place::in_between));
      ASSERT_TRUE(first);
      upload = *first;
      rest.remove_prefix(1);
      if (choose(8) == 0) return;  // given up
      if (choose(8) == 0) reopen();
    }
    ASSERT_TRUE(uploads_->complete(part(upload, rest, Uploads::Place::last), Digest::of(bytes)));
    known_[where].told[bytes] = clock_.server_time();
  }

  // Of blobs that the client was told of lately, which must do.
  void push_manifest(std::size_t where) {
    std::vector<std::string> blobs;
    for (const auto& [bytes, when] : known_[where].told)
      if (clock_.server_time() - when < unused_link_life && choose(2) == 0) blobs.push_back(bytes);
    if (blobs.empty()) return;
    const std::string manifest = manifest_of(blobs);
    ASSERT_TRUE(put(repositories_[where], manifest));
    known_[where].manifests[manifest] = blobs;
  }

  void remove_manifest_of(std::size_t where) {
    auto& manifests = known_[where].manifests;
    if (manifests.empty()) return;
    const auto chosen =
        std::next(manifests.begin(), static_cast<std::ptrdiff_t>(choose(manifests.size())));
    ASSERT_TRUE(remove(repositories_[where], chosen->first));
    manifests.erase(chosen);
  }

  void step() {
    const std::size_t where = choose(2);
    switch (choose(8)) {
      case 0:
      case 1: return push_blob(where);
      case 2:
      case 3: return push_manifest(where);
      case 4: return remove_manifest_of(where);
      case 5: return clock_.advance(std::chrono::hours(choose(30)));
      case 6: return collect();
      default:
        if (choose(4) == 0) reopen();
    }
  }

  void check() {
    for (std::size_t where = 0; where < 2; ++where)
      for (const auto& [manifest, blobs] : known_[where].manifests)
        for (const std::string& bytes : blobs)
          ASSERT_TRUE(read(repositories_[where], Digest::of(bytes)) == bytes);
  }

  // Nothing is left of what nobody names.
  void end() {
    for (std::size_t where = 0; where < 2; ++where)
      while (!known_[where].manifests.empty()) remove_manifest_of(where);
    clock_.advance(upload_life + std::chrono::hours(1));
    collect();
    for (const std::string_view table :
         {"images_blob", "images_link", "images_reference", "images_upload", "objects_segment"})
      ASSERT_EQ(count(table), 0) << table;
  }

  std::optional<SeededRandom> chance_;
  std::array<Known, 2> known_;
};

TEST_F(ImagesSimulation, what_a_manifest_names_is_never_collected) {
  for (int seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    chance_.emplace(static_cast<std::uint64_t>(seed));
    known_ = {};
    for (int i = 0; i < steps; ++i) {
      step();
      check();
      if (HasFatalFailure()) return;
    }
    end();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace slipway::images
