// Archives from outside: whatever comes, nothing is written outside the folder and no limit is
// passed.
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "engine/artifacts/unpack.h"

namespace {

namespace fs = std::filesystem;

class Bytes final : public slipway::artifacts::ArtifactReader {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
  slipway::Result<std::size_t> read(std::span<char> out) override {
    const std::size_t size = std::min(out.size(), left_);
    std::memcpy(out.data(), data_, size);
    data_ += size;
    left_ -= size;
    return size;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

// One folder for the whole run: <root>/into is filled, <root> must hold nothing else.
const fs::path& root() {
  static const fs::path path = [] {
    std::string name = fs::temp_directory_path() / "slipway_unpack_fuzz_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    return fs::path(name);
  }();
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fs::path into = root() / "into";
  fs::remove_all(into);
  fs::create_directory(into);
  Bytes reader(data, size);
  const slipway::artifacts::ArtifactLimits limits{.fetched_bytes_max = 1 << 20,
                                                  .unpacked_bytes_free = 1 << 20,
                                                  .unpacked_ratio_max = 4,
                                                  .entries_max = 100,
                                                  .name_bytes_max = 256};
  if (!slipway::artifacts::unpack_archive(reader, into, limits)) fs::remove_all(into);
  for (const auto& entry : fs::directory_iterator(root()))
    if (entry.path() != into) std::abort();
  return 0;
}
