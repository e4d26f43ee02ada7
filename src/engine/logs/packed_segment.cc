#include "engine/logs/packed_segment.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <type_traits>

#include "base/fd.h"

namespace slipway::logs {

namespace fs = std::filesystem;

namespace {

constexpr int level = 1;  // the fastest: lines of a log are alike

constexpr std::uint64_t magic = 0x31'67'6f'6c'77'6c'73'00;  // "\0slwlog1"

// An index entry; its block's trigrams follow.
struct Entry {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::uint64_t packed_offset = 0;
  std::uint32_t packed_bytes = 0;
  std::uint32_t checksum = 0;
};
constexpr std::size_t entry_bytes = sizeof(Entry) + TrigramSet::bytes;

// The end of the file.
struct Footer {
  std::uint64_t text_bytes = 0;
  std::uint64_t cursor = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t ingested = 0;
  std::uint64_t index_offset = 0;
  std::uint32_t blocks = 0;
  std::uint32_t index_checksum = 0;
  std::uint64_t mark = magic;
};

// No file has more: a segment has some 4 MiB, and a block more than a few bytes.
constexpr std::uint32_t blocks_max = 4096;
// Of a block's text that an index claims: the block's own and its last record.
constexpr std::uint64_t text_bytes_max = 8ULL << 20;

template <typename T>
void append_raw(std::string& out, const T& value) {
  static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::int64_t microseconds(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp timestamp_of(std::int64_t time) { return Timestamp(std::chrono::microseconds(time)); }

std::uint32_t checksum_of(std::string_view bytes) {
  return libdeflate_crc32(0, bytes.data(), bytes.size());
}

// Exactly `bytes` bytes; empty where the file has fewer.
std::string read_at(int file, std::uint64_t offset, std::size_t bytes) {
  std::string out(bytes, '\0');
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        ::pread(file, out.data() + done, bytes - done, static_cast<off_t>(offset + done));
    if (got <= 0) return {};
    done += static_cast<std::size_t>(got);
  }
  return out;
}

struct CompressorEnd {
  void operator()(libdeflate_compressor* it) const { libdeflate_free_compressor(it); }
};
struct DecompressorEnd {
  void operator()(libdeflate_decompressor* it) const { libdeflate_free_decompressor(it); }
};

std::optional<Footer> read_footer(int file) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size < sizeof(Footer)) return std::nullopt;
  const std::string bytes = read_at(file, size - sizeof(Footer), sizeof(Footer));
  Footer footer;
  if (bytes.size() != sizeof footer) return std::nullopt;
  std::memcpy(&footer, bytes.data(), sizeof footer);
  const std::uint64_t index_bytes = std::uint64_t{footer.blocks} * entry_bytes;
  if (footer.mark != magic || footer.blocks > blocks_max ||
      footer.index_offset > size - sizeof(Footer) ||
      size - sizeof(Footer) - footer.index_offset != index_bytes)
    return std::nullopt;
  return footer;
}

Fd open_to_read(const fs::path& file) { return Fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC)); }

}  // namespace

std::string pack_segment(std::string_view text, const BlockList& blocks) {
  const std::unique_ptr<libdeflate_compressor, CompressorEnd> compressor(
      libdeflate_alloc_compressor(level));
  std::string out;
  std::string index;
  for (const Block& block : blocks.blocks()) {
    const std::string_view part = text.substr(block.offset, block.bytes);
    const std::size_t at = out.size();
    out.resize(at + libdeflate_deflate_compress_bound(compressor.get(), part.size()));
    const std::size_t packed = libdeflate_deflate_compress(
        compressor.get(), part.data(), part.size(), out.data() + at, out.size() - at);
    out.resize(at + packed);
    append_raw(index, Entry{.offset = block.offset,
                            .bytes = block.bytes,
                            .first = microseconds(block.first),
                            .last = microseconds(block.last),
                            .packed_offset = at,
                            .packed_bytes = static_cast<std::uint32_t>(packed),
                            .checksum = checksum_of(part)});
    index += trigrams_of(part).data();
  }
  const Footer footer{.text_bytes = text.size(),
                      .cursor = blocks.cursor(),
                      .first = microseconds(blocks.first().value_or(Timestamp::max())),
                      .last = microseconds(blocks.last().value_or(Timestamp::min())),
                      .ingested = microseconds(blocks.ingested()),
                      .index_offset = out.size(),
                      .blocks = static_cast<std::uint32_t>(blocks.blocks().size()),
                      .index_checksum = checksum_of(index)};
  out += index;
  append_raw(out, footer);
  return out;
}

std::optional<PackedSummary> read_summary(const fs::path& path) {
  const Fd file = open_to_read(path);
  if (!file) return std::nullopt;
  const auto footer = read_footer(file.get());
  if (!footer) return std::nullopt;
  return PackedSummary{.text_bytes = footer->text_bytes,
                       .cursor = footer->cursor,
                       .first = timestamp_of(footer->first),
                       .last = timestamp_of(footer->last),
                       .ingested = timestamp_of(footer->ingested)};
}

std::vector<Block> read_index(const fs::path& path, const Needles& needles) {
  std::vector<Block> blocks;
  const Fd file = open_to_read(path);
  if (!file) return blocks;
  const auto footer = read_footer(file.get());
  if (!footer) return blocks;
  const std::string index =
      read_at(file.get(), footer->index_offset, std::size_t{footer->blocks} * entry_bytes);
  if (checksum_of(index) != footer->index_checksum) return blocks;
  for (std::string_view rest = index; rest.size() >= entry_bytes; rest.remove_prefix(entry_bytes)) {
    Entry entry;
    std::memcpy(&entry, rest.data(), sizeof entry);
    if (!needles.empty() &&
        !TrigramSet::from(rest.substr(sizeof entry, TrigramSet::bytes)).may_hold(needles))
      continue;
    blocks.push_back({.offset = entry.offset,
                      .bytes = entry.bytes,
                      .first = timestamp_of(entry.first),
                      .last = timestamp_of(entry.last),
                      .packed_offset = entry.packed_offset,
                      .packed_bytes = entry.packed_bytes,
                      .checksum = entry.checksum});
  }
  return blocks;
}

std::string unpack_block(const fs::path& path, const Block& block) {
  static thread_local const std::unique_ptr<libdeflate_decompressor, DecompressorEnd> decompressor(
      libdeflate_alloc_decompressor());
  const Fd file = open_to_read(path);
  if (!file || block.bytes > text_bytes_max) return {};
  const std::string packed = read_at(file.get(), block.packed_offset, block.packed_bytes);
  std::string text(block.bytes, '\0');
  const auto result = libdeflate_deflate_decompress(
      decompressor.get(), packed.data(), packed.size(), text.data(), text.size(), nullptr);
  if (result != LIBDEFLATE_SUCCESS || checksum_of(text) != block.checksum) return {};
  return text;
}

}  // namespace slipway::logs
