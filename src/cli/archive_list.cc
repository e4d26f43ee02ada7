#include "cli/archive_list.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/model_file.h"

namespace slipway::cli {

namespace {

constexpr std::size_t block_bytes = 256 << 10;

struct FreeArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

bool is_usable(int state) { return state == ARCHIVE_OK || state == ARCHIVE_WARN; }

std::string begin_of(archive* reader, std::size_t bytes_max) {
  std::string content;
  while (content.size() < bytes_max) {
    const std::size_t had = content.size();
    content.resize(std::min(had + block_bytes, bytes_max));
    const auto got = archive_read_data(reader, content.data() + had, content.size() - had);
    content.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got <= 0) break;
  }
  return content;
}

}  // namespace

Result<std::vector<ArchiveEntry>> list_archive(const std::filesystem::path& path) {
  const std::unique_ptr<archive, FreeArchive> reader(archive_read_new());
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  int state = archive_read_open_filename(reader.get(), path.c_str(), block_bytes);
  std::vector<ArchiveEntry> entries;
  std::size_t room = listed_bytes_max;
  archive_entry* entry = nullptr;
  while (is_usable(state) && entries.size() < model_files_max) {
    state = archive_read_next_header(reader.get(), &entry);
    if (!is_usable(state) || archive_entry_filetype(entry) != AE_IFREG) continue;
    const char* const name = archive_entry_pathname(entry);
    std::string_view plain = name == nullptr ? "" : name;
    if (plain.starts_with("./")) plain.remove_prefix(2);
    entries.push_back(
        {std::string(plain), begin_of(reader.get(), std::min(room, entry_bytes_max))});
    room -= entries.back().content.size();
  }
  if (is_usable(state) || state == ARCHIVE_EOF) return entries;
  const char* const why = archive_error_string(reader.get());
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} is no tar archive that can be read ({}); make it with tar czf "
                          "model.tar.gz -C FOLDER .",
                          path.string(), why == nullptr ? "damaged" : why));
}

}  // namespace slipway::cli
