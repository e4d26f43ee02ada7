#include "service/iam/qr_code.h"

#include <libdeflate.h>
#include <qrencode.h>

#include <cstdint>
#include <memory>
#include <stdexcept>

namespace slipway::iam {
namespace {

// With error correction L it holds qr_code_text_bytes_max.
constexpr int version = 12;

constexpr int margin_modules = 4;
constexpr int pixels_per_module = 4;

using Code = std::unique_ptr<QRcode, decltype(&QRcode_free)>;

Code code_of(std::string_view text) {
  Code code(
      QRcode_encodeData(static_cast<int>(text.size()),
                        reinterpret_cast<const unsigned char*>(text.data()), version, QR_ECLEVEL_L),
      &QRcode_free);
  if (!code) throw std::runtime_error("a text became no QR code");
  return code;
}

bool is_dark(const QRcode& code, int x, int y) { return (code.data[y * code.width + x] & 1U) != 0; }

int picture_side(const QRcode& code) {
  return (code.width + 2 * margin_modules) * pixels_per_module;
}

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
std::string rows_of(const QRcode& code) {
  const int side = picture_side(code);
  std::string out;
  for (int y = 0; y < side; ++y) {
    std::string row(1 + (static_cast<std::size_t>(side) + 7) / 8, '\xFF');
    row.front() = '\0';
    const int down = y / pixels_per_module - margin_modules;
    for (int x = 0; x < side; ++x) {
      const int right = x / pixels_per_module - margin_modules;
      if (down < 0 || down >= code.width || right < 0 || right >= code.width) continue;
      if (!is_dark(code, right, down)) continue;
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
  const Code code = code_of(text.substr(0, qr_code_text_bytes_max));
  const auto side = static_cast<std::uint32_t>(picture_side(*code));
  std::string header;
  put_number(header, side);
  put_number(header, side);
  header.append({1, 0, 0, 0, 0});  // bits of a pixel, grey, and the only ways to pack it
  std::string out = "\x89PNG\r\n\x1A\n";
  put_chunk(out, "IHDR", header);
  put_chunk(out, "IDAT", compress(rows_of(*code)));
  put_chunk(out, "IEND", "");
  return out;
}

}  // namespace slipway::iam
