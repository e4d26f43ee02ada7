// For tests: archives made of a list, and objects in memory to fetch artifacts from.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/artifacts/artifact_cache.h"

namespace slipway::artifacts {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// One entry of an archive that a test makes.
struct TarEntry {
  std::string name;
  std::string content = {};
  unsigned type = AE_IFREG;
  std::string link = {};
  std::string hard_link = {};
  // Of the content so much is left out as a hole, behind the first `hole_at` bytes.
  std::size_t hole_bytes = 0;
  std::size_t hole_at = 0;
};

inline void leave_hole(const TarEntry& entry, archive_entry* e) {
  const auto begin = static_cast<la_int64_t>(entry.hole_at);
  const auto end = static_cast<la_int64_t>(entry.hole_at + entry.hole_bytes);
  const auto bytes = static_cast<la_int64_t>(entry.content.size());
  archive_entry_sparse_add_entry(e, 0, begin);
  archive_entry_sparse_add_entry(e, end, bytes - end);
}

inline std::string make_tar(const std::vector<TarEntry>& entries) {
  std::string out(4 << 20, '\0');
  std::size_t used = 0;
  archive* a = archive_write_new();
  archive_write_add_filter_gzip(a);
  archive_write_set_format_pax_restricted(a);
  archive_write_open_memory(a, out.data(), out.size(), &used);
  for (const TarEntry& entry : entries) {
    archive_entry* e = archive_entry_new();
    archive_entry_set_pathname(e, entry.name.c_str());
    archive_entry_set_filetype(e, entry.type);
    archive_entry_set_perm(e, 0644);
    archive_entry_set_size(e, static_cast<la_int64_t>(entry.content.size()));
    if (entry.hole_bytes != 0) leave_hole(entry, e);
    if (!entry.link.empty()) archive_entry_set_symlink(e, entry.link.c_str());
    if (!entry.hard_link.empty()) archive_entry_set_hardlink(e, entry.hard_link.c_str());
    archive_write_header(a, e);
    archive_write_data(a, entry.content.data(), entry.content.size());
    archive_entry_free(e);
  }
  archive_write_close(a);
  archive_write_free(a);
  out.resize(used);
  return out;
}

// Reads a text as one stored object.
class TextReader final : public ArtifactReader {
 public:
  explicit TextReader(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<char> out) override {
    const std::size_t size = std::min(out.size(), text_.size() - at_);
    std::memcpy(out.data(), text_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

// Objects in memory, by uri.
class TestSource final : public ArtifactSource {
 public:
  Result<std::vector<ArtifactEntry>> list(const Artifact& artifact) override {
    std::vector<ArtifactEntry> entries;
    for (const auto& [uri, text] : objects)
      if (uri.starts_with(artifact.uri))
        entries.push_back(
            {.uri = uri,
             .name = uri.substr(artifact.form == Artifact::Form::prefix ? artifact.uri.size()
                                                                        : uri.rfind('/') + 1),
             .version = std::to_string(std::hash<std::string>{}(text)),
             .bytes = text.size()});
    if (entries.empty())
      return fail(ErrorCode::not_found, "Nothing stands at " + artifact.uri + ".");
    return entries;
  }
  Result<std::unique_ptr<ArtifactReader>> open(const ArtifactEntry& entry) override {
    ++opened;
    return std::make_unique<TextReader>(objects.at(entry.uri));
  }

  std::map<std::string, std::string> objects;
  std::atomic<int> opened = 0;
};

}  // namespace slipway::artifacts
