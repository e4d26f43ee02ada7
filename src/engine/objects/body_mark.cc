#include "engine/objects/body_mark.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <fstream>

#include "wire/auth/crc.h"

namespace slipway::objects {
namespace {

constexpr std::size_t database_digits = 32;
constexpr std::size_t change_digits = 19;
constexpr std::size_t sum_digits = 8;
constexpr std::size_t text_bytes = database_digits + 1 + change_digits + 1;

// Less than a sector, which a disk writes whole or not at all; the sum tells of one that does not.
std::string text_of(const Mark& mark) {
  const std::string text = fmt::format("{:32} {:019} ", mark.database, mark.change);
  return fmt::format("{}{:08x}\n", text, wire::crc32c(text));
}

}  // namespace

std::optional<Mark> BodyMark::read() const {
  std::ifstream in(file_, std::ios::binary);
  std::string text(text_bytes + sum_digits + 1, '\0');
  if (!in.read(text.data(), static_cast<std::streamsize>(text.size()))) return std::nullopt;
  Mark mark{text.substr(0, database_digits)};
  const char* const digits = text.data() + database_digits + 1;
  std::from_chars(digits, digits + change_digits, mark.change);
  if (text_of(mark) != text) return std::nullopt;
  return mark;
}

Result<> BodyMark::write(const Mark& mark) {
  if (!open_) open_.reset(::open(file_.c_str(), O_WRONLY | O_CLOEXEC));
  if (!open_ && errno == ENOENT) open_.reset(disk_->create(disk_name(file_)));
  if (open_ && write_whole(*disk_, open_.get(), text_of(mark)) == 0 &&
      disk_->sync_bytes(open_.get()) == 0)
    return {};
  return fail(ErrorCode::unavailable,
              fmt::format("cannot write '{}': {}", file_.string(), errno_text(errno)));
}

}  // namespace slipway::objects
