#include "net/http.h"

#include <algorithm>

#include "base/text.h"
#include "net/message.h"

namespace slipway::net {
namespace {

// Says whether `c` ends or hides a field.
constexpr bool breaks_field(char c) { return c == '\r' || c == '\n' || c == '\0'; }

void append_clean(std::string& out, std::string_view text) {
  const auto begin = out.size();
  out += text;
  if (std::ranges::none_of(text, breaks_field)) return;
  for (auto i = begin; i < out.size(); ++i) {
    if (breaks_field(out[i])) out[i] = ' ';
  }
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) { return equal_ignoring_case(a, b); }

void append_field(std::string& out, std::string_view name, std::string_view value) {
  append_clean(out, name);
  out += ": ";
  append_clean(out, value);
  out += "\r\n";
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const Header& header : list_) {
    if (same_name(header.name, name)) return header.value;
  }
  return std::nullopt;
}

Fields::Fields(std::initializer_list<Header> list) {
  for (const Header& header : list) add(header.name, header.value);
}

Fields& Fields::add(std::string_view name, std::string_view value) {
  append_field(text_, name, value);
  return *this;
}

Fields& Fields::set(std::string_view name, std::string_view value) {
  remove(name);
  return add(name, value);
}

Fields& Fields::remove(std::string_view name) {
  if (!has(name)) return *this;
  std::string kept;
  for_each([&](const Header& field) {
    if (!same_name(field.name, name)) append_field(kept, field.name, field.value);
  });
  text_ = std::move(kept);
  return *this;
}

std::optional<std::string_view> Fields::find(std::string_view name) const {
  for (std::string_view rest = text_; !rest.empty();) {
    const Header field = take_field(rest);
    if (same_name(field.name, name)) return field.value;
  }
  return std::nullopt;
}

// A name from outside may hold ": "; the first one ends it, here as at the reader's.
Header Fields::take_field(std::string_view& rest) {
  const auto end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  const auto colon = line.find(": ");
  return {line.substr(0, colon), line.substr(colon + 2)};
}

Body Body::borrowed(std::string_view bytes) {
  Body body;
  body.content_ = bytes;
  return body;
}

Body Body::shared(std::string_view bytes, std::shared_ptr<const void> owner) {
  Body body;
  body.content_ = Shared{bytes, std::move(owner)};
  return body;
}

std::uint64_t Body::size() const {
  if (const auto* range = std::get_if<FileRange>(&content_)) return range->length;
  if (const auto* sequence = std::get_if<FileSequence>(&content_)) return sequence->length;
  return view().size();
}

std::string_view Body::view() const {
  if (const auto* text = std::get_if<std::string>(&content_)) return *text;
  if (const auto* view = std::get_if<std::string_view>(&content_)) return *view;
  if (const auto* shared = std::get_if<Shared>(&content_)) return shared->bytes;
  return {};
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 424: return "Failed Dependency";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

Response plain_response(int status, std::string_view sentence) {
  return {.status = status,
          .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
          .body = std::string(sentence) + "\n"};
}

Request Request::make(std::string_view method, std::string_view target,
                      std::span<const Header> headers, std::string_view body) {
  MessagePtr message(new Message);
  Message& m = *message;
  std::size_t total = method.size() + target.size() + body.size();
  for (const Header& header : headers) total += header.name.size() + header.value.size();
  m.reserve(total);  // once, so that nothing moves below
  const auto copy = [&](std::string_view text) {
    const std::size_t at = m.used;
    m.append(text);
    return std::string_view(m.data() + at, text.size());
  };
  m.head.method = copy(method);
  set_target(m.head, copy(target));
  for (const Header& header : headers) m.fields.push_back({copy(header.name), copy(header.value)});
  m.head.headers = Headers(m.fields);
  m.head.peer = m.peer = "test";
  m.head.content_length = body.size();
  m.body_begin = m.used;
  m.append(body);
  m.body_end = m.used;
  return Request(std::move(message));
}

Request Request::make(std::string_view method, std::string_view target,
                      std::initializer_list<Header> headers, std::string_view body) {
  return make(method, target, std::span(headers.begin(), headers.size()), body);
}

void set_target(RequestHead& head, std::string_view target) {
  head.target = target;
  std::string_view local = target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    local.remove_prefix(scheme.size());
    const auto begin = local.find_first_of("/?");
    local = begin == std::string_view::npos ? "/" : local.substr(begin);
  }
  const auto mark = local.find('?');
  head.path = local.substr(0, mark);
  head.query = mark == std::string_view::npos ? std::string_view() : local.substr(mark + 1);
}

const RequestHead& Request::head() const { return message_->head; }

std::string_view Request::body() const { return message_->body(); }

Headers Request::trailers() const { return Headers(message_->trailers); }

void Request::put_headers(Fields headers) {
  Message& m = *message_;
  m.put = std::move(headers);
  m.put.for_each([&m](const Header& put) {
    std::erase_if(m.fields, [&](const Header& sent) { return same_name(sent.name, put.name); });
  });
  m.put.for_each([&m](const Header& put) { m.fields.push_back(put); });
  m.head.headers = Headers(m.fields);
}

}  // namespace slipway::net
