#include "wire/auth/event_stream.h"

#include <array>

#include "wire/auth/crc.h"

namespace slipway::wire {
namespace {

constexpr std::size_t prelude_bytes = 12;
constexpr char type_string = 7;

void append_u16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}

void append_u32(std::string& out, std::size_t value) {
  append_u16(out, value >> 16);
  append_u16(out, value);
}

std::uint32_t read_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::size_t headers_bytes(std::span<const EventHeader> headers) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : headers) bytes += 4 + name.size() + value.size();
  return bytes;
}

// How many bytes the value of a header of this type has; nullopt for types with a length of their
// own and for types that are none.
std::optional<std::size_t> fixed_bytes(char type) {
  constexpr std::array<std::optional<std::size_t>, 10> sizes = {
      0, 0, 1, 2, 4, 8, std::nullopt, std::nullopt, 8, 16};
  const auto index = static_cast<unsigned char>(type);
  return index < sizes.size() ? sizes[index] : std::nullopt;
}

// Takes `count` bytes off `text`; nullopt where there are fewer.
std::optional<std::string_view> take(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  const std::string_view taken = text.substr(0, count);
  text.remove_prefix(count);
  return taken;
}

std::optional<std::string_view> take_value(std::string_view& text, char type) {
  if (const auto bytes = fixed_bytes(type)) return take(text, *bytes);
  if (type != 6 && type != type_string) return std::nullopt;
  const auto length = take(text, 2);
  if (!length) return std::nullopt;
  return take(text, static_cast<std::size_t>(static_cast<unsigned char>((*length)[0])) * 256 +
                        static_cast<unsigned char>((*length)[1]));
}

std::optional<EventHeader> take_header(std::string_view& text) {
  const auto name_length = take(text, 1);
  if (!name_length) return std::nullopt;
  const auto name = take(text, static_cast<unsigned char>((*name_length)[0]));
  if (!name) return std::nullopt;
  const auto type = take(text, 1);
  if (!type) return std::nullopt;
  const auto value = take_value(text, (*type)[0]);
  if (!value) return std::nullopt;
  return EventHeader{*name, *value};
}

std::unexpected<Error> corrupted(std::string what) {
  return fail(ErrorCode::corrupted, "An event stream frame is broken: " + std::move(what));
}

}  // namespace

void append_event_frame(std::string& out, std::span<const EventHeader> headers,
                        std::string_view payload) {
  const std::size_t begin = out.size();
  const std::size_t header_length = headers_bytes(headers);
  append_u32(out, header_length + payload.size() + event_overhead_bytes);
  append_u32(out, header_length);
  append_u32(out, crc32(std::string_view(out).substr(begin, 8)));
  for (const auto& [name, value] : headers) {
    out += static_cast<char>(name.size());
    out.append(name).append(1, type_string);
    append_u16(out, value.size());
    out.append(value);
  }
  out.append(payload);
  append_u32(out, crc32(std::string_view(out).substr(begin)));
}

void append_event(std::string& out, std::string_view event_type, std::string_view content_type,
                  std::string_view payload) {
  const std::array<EventHeader, 3> headers = {EventHeader{":event-type", event_type},
                                              EventHeader{":content-type", content_type},
                                              EventHeader{":message-type", "event"}};
  append_event_frame(out, headers, payload);
}

void append_exception(std::string& out, std::string_view exception_type, std::string_view payload) {
  const std::array<EventHeader, 3> headers = {EventHeader{":exception-type", exception_type},
                                              EventHeader{":content-type", "application/json"},
                                              EventHeader{":message-type", "exception"}};
  append_event_frame(out, headers, payload);
}

std::string_view EventFrame::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

Result<std::optional<EventFrame>> decode_event_frame(std::string_view input) {
  if (input.size() < prelude_bytes) return std::nullopt;
  const std::size_t total = read_u32(input);
  const std::size_t header_length = read_u32(input.substr(4));
  if (crc32(input.substr(0, 8)) != read_u32(input.substr(8)))
    return corrupted("the checksum of its lengths is wrong.");
  if (header_length > event_headers_bytes_max || total < header_length + event_overhead_bytes ||
      total - header_length - event_overhead_bytes > event_payload_bytes_max)
    return corrupted("its lengths contradict each other or pass the limits.");
  if (input.size() < total) return std::nullopt;
  if (crc32(input.substr(0, total - 4)) != read_u32(input.substr(total - 4)))
    return corrupted("its checksum is wrong.");

  EventFrame frame;
  frame.bytes = total;
  std::string_view headers = input.substr(prelude_bytes, header_length);
  while (!headers.empty()) {
    const auto header = take_header(headers);
    if (!header) return corrupted("a header is cut short or of a type that does not exist.");
    frame.headers.push_back(*header);
  }
  frame.payload =
      input.substr(prelude_bytes + header_length, total - header_length - event_overhead_bytes);
  return frame;
}

}  // namespace slipway::wire
