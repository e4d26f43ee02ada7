#include "service/iam/qr_code.h"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

namespace slipway::iam {
namespace {

// Version 12 with error correction L, by the tables of the standard.
constexpr int side = 65;
constexpr std::uint32_t version = 12;
constexpr std::array<std::size_t, 4> block_bytes = {92, 92, 93, 93};
constexpr std::size_t data_bytes = 370;
constexpr std::size_t check_bytes = 24;  // of each block
constexpr std::array alignment_centres = {6, 32, 58};
constexpr std::uint32_t level_and_mask = 0b01'000;

constexpr int margin_modules = 4;
constexpr int pixels_per_module = 4;
constexpr int picture_side = (side + 2 * margin_modules) * pixels_per_module;

using Bytes = std::vector<std::uint8_t>;

// In the field of 256 elements that the standard takes, modulo x^8 + x^4 + x^3 + x^2 + 1.
std::uint8_t multiply(std::uint8_t left, std::uint8_t right) {
  std::uint32_t product = 0;
  for (int bit = 7; bit >= 0; --bit) {
    product = (product << 1U) ^ ((product >> 7U) * 0x11DU);
    if (((right >> static_cast<unsigned>(bit)) & 1U) != 0) product ^= left;
  }
  return static_cast<std::uint8_t>(product);
}

// (x - 1)(x - 2)(x - 4)..., without its leading one.
Bytes check_divisor() {
  Bytes divisor(check_bytes, 0);
  divisor.back() = 1;
  std::uint8_t root = 1;
  for (std::size_t factor = 0; factor < check_bytes; ++factor) {
    for (std::size_t each = 0; each < check_bytes; ++each) {
      divisor[each] = multiply(divisor[each], root);
      if (each + 1 < check_bytes) divisor[each] ^= divisor[each + 1];
    }
    root = multiply(root, 2);
  }
  return divisor;
}

// Reed-Solomon: the rest of the block's division.
Bytes check_of(const Bytes& block, const Bytes& divisor) {
  Bytes rest(check_bytes, 0);
  for (const std::uint8_t byte : block) {
    const auto factor = static_cast<std::uint8_t>(byte ^ rest.front());
    std::ranges::rotate(rest, rest.begin() + 1);
    rest.back() = 0;
    for (std::size_t each = 0; each < check_bytes; ++each)
      rest[each] ^= multiply(divisor[each], factor);
  }
  return rest;
}

// Four bits that say "bytes", sixteen of the length, the bytes, four bits of the end, padding.
Bytes data_of(std::string_view text) {
  Bytes data;
  std::uint8_t half = 0b0100;
  const auto add = [&](std::uint8_t byte) {
    data.push_back(static_cast<std::uint8_t>((half << 4U) | (byte >> 4U)));
    half = byte & 0xFU;
  };
  add(static_cast<std::uint8_t>(text.size() >> 8U));
  add(static_cast<std::uint8_t>(text.size() & 0xFFU));
  for (const char each : text) add(static_cast<std::uint8_t>(each));
  data.push_back(static_cast<std::uint8_t>(half << 4U));
  for (std::uint8_t padding = 0xEC; data.size() < data_bytes; padding ^= 0xEC ^ 0x11)
    data.push_back(padding);
  return data;
}

// The blocks and then their checks, each a byte in turn.
Bytes codewords_of(std::string_view text) {
  const Bytes data = data_of(text);
  const Bytes divisor = check_divisor();
  std::vector<Bytes> blocks;
  std::vector<Bytes> checks;
  auto from = data.begin();
  for (const std::size_t bytes : block_bytes) {
    const auto to = from + static_cast<std::ptrdiff_t>(bytes);
    checks.push_back(check_of(blocks.emplace_back(from, to), divisor));
    from = to;
  }
  Bytes out;
  for (const auto* parts : {&blocks, &checks})
    for (std::size_t each = 0; each < parts->back().size(); ++each)
      for (const Bytes& part : *parts)
        if (each < part.size()) out.push_back(part[each]);
  return out;
}

class Modules {
 public:
  explicit Modules(const Bytes& codewords) {
    draw_patterns();
    draw_format();
    draw_version();
    draw(codewords);
  }

  [[nodiscard]] bool dark(int x, int y) const { return at(x, y) % 2 != 0; }

 private:
  static constexpr std::uint8_t fixed = 2;  // beside 1, dark: belongs to no codeword

  std::uint8_t& at(int x, int y) { return modules_.at(static_cast<std::size_t>(y * side + x)); }
  [[nodiscard]] std::uint8_t at(int x, int y) const {
    return modules_.at(static_cast<std::size_t>(y * side + x));
  }

  void fix(int x, int y, std::uint32_t dark) {
    if (x >= 0 && x < side && y >= 0 && y < side)
      at(x, y) = static_cast<std::uint8_t>(fixed | (dark & 1U));
  }

  // Rings around a centre; those whose distance is in `light` are light.
  void fix_rings(int x, int y, int distance_max, std::uint32_t light) {
    for (int down = -distance_max; down <= distance_max; ++down)
      for (int right = -distance_max; right <= distance_max; ++right) {
        const int distance = std::max(std::abs(down), std::abs(right));
        fix(x + right, y + down, (light >> static_cast<unsigned>(distance)) & 1U ? 0 : 1);
      }
  }

  void draw_patterns() {
    for (int each = 0; each < side; ++each) {
      fix(6, each, each % 2 == 0 ? 1 : 0);
      fix(each, 6, each % 2 == 0 ? 1 : 0);
    }
    for (const auto& [x, y] : {std::pair{3, 3}, std::pair{side - 4, 3}, std::pair{3, side - 4}})
      fix_rings(x, y, 4, 0b10100);
    for (const int x : alignment_centres)
      for (const int y : alignment_centres)
        if (at(x, y) < fixed || x == 32 || y == 32) fix_rings(x, y, 2, 0b00010);
  }

  void draw_format() {
    std::uint32_t rest = level_and_mask;
    for (int each = 0; each < 10; ++each) rest = (rest << 1U) ^ ((rest >> 9U) * 0x537U);
    const std::uint32_t bits = ((level_and_mask << 10U) | rest) ^ 0x5412U;
    for (int each = 0; each < 15; ++each) {
      const std::uint32_t bit = bits >> static_cast<unsigned>(each);
      const int before = each < 6 ? each : each + 1;  // the timing pattern is stepped over
      if (each < 8) fix(8, before, bit);
      if (each == 8) fix(7, 8, bit);
      if (each > 8) fix(14 - each, 8, bit);
      if (each < 8) fix(side - 1 - each, 8, bit);
      if (each >= 8) fix(8, side - 15 + each, bit);
    }
    fix(8, side - 8, 1);
  }

  void draw_version() {
    std::uint32_t rest = version;
    for (int each = 0; each < 12; ++each) rest = (rest << 1U) ^ ((rest >> 11U) * 0x1F25U);
    const std::uint32_t bits = (version << 12U) | rest;
    for (int each = 0; each < 18; ++each) {
      const std::uint32_t bit = bits >> static_cast<unsigned>(each);
      fix(side - 11 + each % 3, each / 3, bit);
      fix(each / 3, side - 11 + each % 3, bit);
    }
  }

  // In columns of two from the right, up and down in turn, under the mask of a chessboard.
  void draw(const Bytes& codewords) {
    std::size_t next = 0;
    for (int right = side - 1; right >= 1; right -= 2) {
      if (right == 6) right = 5;  // the timing pattern has the whole column
      const bool upward = ((right + 1) & 2) == 0;
      for (int step = 0; step < side; ++step)
        for (const int x : {right, right - 1}) {
          const int y = upward ? side - 1 - step : step;
          if (at(x, y) >= fixed) continue;
          const std::uint32_t bit = codewords.at(next / 8) >> (7 - next % 8);
          at(x, y) = static_cast<std::uint8_t>((bit ^ ((x + y) % 2 == 0 ? 1U : 0U)) & 1U);
          ++next;
        }
    }
  }

  std::array<std::uint8_t, side * side> modules_{};
};

void put_number(std::string& out, std::uint32_t number) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out.push_back(static_cast<char>(number >> shift));
}

void put_chunk(std::string& out, std::string_view name, std::string_view bytes) {
  put_number(out, static_cast<std::uint32_t>(bytes.size()));
  const std::size_t begin = out.size();
  out.append(name).append(bytes);
  put_number(out, libdeflate_crc32(0, out.data() + begin, out.size() - begin));
}

std::string compress(std::string_view bytes) {
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(6), &libdeflate_free_compressor);
  std::string out(libdeflate_zlib_compress_bound(compressor.get(), bytes.size()), '\0');
  out.resize(libdeflate_zlib_compress(compressor.get(), bytes.data(), bytes.size(), out.data(),
                                      out.size()));
  return out;
}

// One bit for each pixel, light ones set; each row begins with the byte of its filter, none.
std::string rows_of(const Modules& modules) {
  std::string out;
  for (int y = 0; y < picture_side; ++y) {
    std::string row(1 + (picture_side + 7) / 8, '\xFF');
    row.front() = '\0';
    const int down = y / pixels_per_module - margin_modules;
    for (int x = 0; x < picture_side; ++x) {
      const int right = x / pixels_per_module - margin_modules;
      if (down < 0 || down >= side || right < 0 || right >= side) continue;
      if (!modules.dark(right, down)) continue;
      char& eight = row.at(static_cast<std::size_t>(1 + x / 8));
      eight = static_cast<char>(static_cast<std::uint8_t>(eight) &
                                ~(0x80U >> static_cast<unsigned>(x % 8)));
    }
    out += row;
  }
  return out;
}

}  // namespace

std::string qr_code_png(std::string_view text) {
  const Modules modules(codewords_of(text.substr(0, qr_code_text_bytes_max)));
  std::string header;
  put_number(header, picture_side);
  put_number(header, picture_side);
  header.append({1, 0, 0, 0, 0});  // bits of a pixel, grey, and the only ways to pack it
  std::string out = "\x89PNG\r\n\x1A\n";
  put_chunk(out, "IHDR", header);
  put_chunk(out, "IDAT", compress(rows_of(modules)));
  put_chunk(out, "IEND", "");
  return out;
}

}  // namespace slipway::iam
