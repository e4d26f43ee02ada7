#include "wire/auth/canonical.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace slipway::wire {
namespace {

constexpr std::string_view upper_hex = "0123456789ABCDEF";

constexpr std::array<bool, 256> unreserved = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789-_.~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_unreserved(char c) { return unreserved[static_cast<unsigned char>(c)]; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte that a "%XX" at the start of `text` stands for, or -1.
int escaped_byte(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = hex_value(text[1]);
  const int low = hex_value(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void append_encoded(std::string& out, char c) {
  if (is_unreserved(c)) {
    out += c;
    return;
  }
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += upper_hex[byte >> 4];
  out += upper_hex[byte & 15];
}

// Encodes what is not, and makes what is encoded uniform.
void append_recoded(std::string& out, std::string_view text, bool (*keep)(char)) {
  while (!text.empty()) {
    const int escaped = escaped_byte(text);
    if (escaped >= 0) {
      append_encoded(out, static_cast<char>(escaped));
      text.remove_prefix(3);
      continue;
    }
    if (keep(text[0]))
      out += text[0];
    else
      append_encoded(out, text[0]);
    text.remove_prefix(1);
  }
}

bool is_slash(char c) { return c == '/'; }

void append_query_part(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t plus = text.find('+');
    append_recoded(out, text.substr(0, plus), [](char) { return false; });
    if (plus == std::string_view::npos) return;
    out += "%20";
    text.remove_prefix(plus + 1);
  }
}

// Takes the last "/segment" off what was appended since `base`.
void drop_segment(std::string& out, std::size_t base) {
  const std::size_t slash = out.rfind('/');
  if (slash != std::string::npos && slash >= base) out.resize(slash);
}

void append_segment(std::string& out, std::size_t base, std::string_view segment) {
  if (segment.empty() || segment == ".") return;
  if (segment == "..") return drop_segment(out, base);
  out += '/';
  for (const char c : segment) append_encoded(out, c);
}

void append_normalised_path(std::string& out, std::string_view path) {
  const std::size_t base = out.size();
  for_each_part(path, '/', [&](std::string_view segment) {
    append_segment(out, base, segment);
    return true;
  });
  if (path.ends_with('/') || out.size() == base) out += '/';
}

struct Parameter {
  std::string name;
  std::string value;
  auto operator<=>(const Parameter&) const = default;
};

// Appends the value with its runs of blanks made one.
void append_header_value(std::string& out, std::string_view value) {
  bool after_blank = false;
  for (const char c : trimmed(value)) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank) out += c;
    if (blank && !after_blank) out += ' ';
    after_blank = blank;
  }
}

}  // namespace

PathRule path_rule(std::string_view service) {
  return service == "s3" || service == "s3express" || service == "s3-object-lambda"
             ? PathRule::as_it_stands
             : PathRule::normalised;
}

void append_canonical_path(std::string& out, std::string_view path, PathRule rule) {
  if (path.empty()) {
    out += '/';
  } else if (rule == PathRule::as_it_stands) {
    append_recoded(out, path, is_slash);
  } else {
    append_normalised_path(out, path);
  }
}

void append_canonical_query(std::string& out, std::string_view query) {
  if (query.empty()) return;
  std::vector<Parameter> parameters;
  for_each_part(query, '&', [&](std::string_view part) {
    const std::size_t equals = part.find('=');
    Parameter parameter;
    append_query_part(parameter.name, part.substr(0, equals));
    if (equals != std::string_view::npos)
      append_query_part(parameter.value, part.substr(equals + 1));
    if (!part.empty() && parameter.name != "X-Amz-Signature")
      parameters.push_back(std::move(parameter));
    return true;
  });
  std::ranges::sort(parameters);
  for (bool first = true; const Parameter& parameter : parameters) {
    if (!std::exchange(first, false)) out += '&';
    out.append(parameter.name).append(1, '=').append(parameter.value);
  }
}

void append_canonical_headers(std::string& out, std::span<const HeaderPair> headers,
                              std::string_view signed_headers) {
  for_each_part(signed_headers, ';', [&](std::string_view name) {
    out.append(name).append(1, ':');
    bool first = true;
    for (const auto& [header, value] : headers) {
      if (!equal_ignoring_case(header, name)) continue;
      if (!std::exchange(first, false)) out += ',';
      append_header_value(out, value);
    }
    out += '\n';
    return true;
  });
}

void append_canonical_request(std::string& out, const SignedRequest& request, PathRule rule,
                              std::string_view signed_headers, std::string_view payload_hash) {
  out.append(request.method).append(1, '\n');
  append_canonical_path(out, request.path, rule);
  out += '\n';
  append_canonical_query(out, request.query);
  out += '\n';
  append_canonical_headers(out, request.headers, signed_headers);
  out.append(1, '\n').append(signed_headers).append(1, '\n').append(payload_hash);
}

std::string_view find_header(std::span<const HeaderPair> headers, std::string_view name) {
  for (const auto& [header, value] : headers)
    if (equal_ignoring_case(header, name)) return trimmed(value);
  return {};
}

std::optional<std::string_view> find_query(std::string_view query, std::string_view name) {
  std::optional<std::string_view> found;
  for_each_part(query, '&', [&](std::string_view part) {
    const std::size_t equals = part.find('=');
    if (part.substr(0, equals) != name) return true;
    found = equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
    return false;
  });
  return found;
}

}  // namespace slipway::wire
