#include "net/http_parser.h"

namespace slipway::net {
namespace {

constexpr std::size_t chunk_extension_bytes_max = 16 * 1024;  // of all chunks of a message

// The callbacks' way of saying that the message is refused.
constexpr int stop_parsing = HPE_USER;

}  // namespace

// llhttp calls these, which hand on to the parser that it belongs to.
struct HttpParser::Callbacks {
  static HttpParser& of(llhttp_t* parser) { return *static_cast<HttpParser*>(parser->data); }

  static int target(llhttp_t* p, const char* at, std::size_t size) {
    return of(p).on_target(at, size);
  }
  static int field(llhttp_t* p, const char* at, std::size_t size) {
    return of(p).on_field(at, size);
  }
  static int value(llhttp_t* p, const char* at, std::size_t size) {
    return of(p).on_value(at, size);
  }
  static int head(llhttp_t* p) { return of(p).on_head(); }
  static int body(llhttp_t* p, const char* at, std::size_t size) { return of(p).on_body(at, size); }
  static int complete(llhttp_t* p) { return of(p).on_message_complete(); }
  static int extension(llhttp_t* p, const char*, std::size_t size) {
    return of(p).on_chunk_extension(size);
  }
};

const llhttp_settings_t& HttpParser::settings() {
  static const llhttp_settings_t made = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_url = Callbacks::target;
    s.on_header_field = Callbacks::field;
    s.on_header_value = Callbacks::value;
    s.on_headers_complete = Callbacks::head;
    s.on_body = Callbacks::body;
    s.on_message_complete = Callbacks::complete;
    s.on_chunk_extension_name = Callbacks::extension;
    s.on_chunk_extension_value = Callbacks::extension;
    return s;
  }();
  return made;
}

HttpParser::HttpParser(Kind kind, const ParserLimits& limits, BodySink& sink)
    : limits_(limits), sink_(sink) {
  llhttp_init(&parser_, kind == Kind::request ? HTTP_REQUEST : HTTP_RESPONSE, &settings());
  parser_.data = this;
  fields_.reserve(32);
}

void HttpParser::begin(Message& message) {
  llhttp_reset(&parser_);
  message_ = &message;
  target_ = {};
  fields_.clear();
  extension_bytes_ = 0;
  value_follows_ = head_done_ = message_done_ = keep_alive_ = false;
}

HttpParser::Stop HttpParser::feed(std::string_view bytes, std::size_t& consumed) {
  const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
  consumed = bytes.size();
  if (error == HPE_OK) return Stop::used_up;
  if (error != HPE_PAUSED && error != HPE_PAUSED_UPGRADE) return explain();
  consumed = static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - bytes.data());
  if (error == HPE_PAUSED_UPGRADE) {
    llhttp_resume_after_upgrade(&parser_);
  } else {
    llhttp_resume(&parser_);
  }
  return message_done_ ? Stop::message_done : Stop::head_done;
}

HttpParser::Stop HttpParser::feed_end() {
  const llhttp_errno_t error = llhttp_finish(&parser_);
  if (message_done_ && (error == HPE_OK || error == HPE_PAUSED)) return Stop::message_done;
  refuse(400, "the message ends before it is complete");
  return Stop::failed;
}

int HttpParser::refuse(int status, std::string_view reason) {
  failure_status_ = status;
  failure_reason_ = reason;
  return stop_parsing;
}

// Where llhttp itself stopped, its own words are the reason.
HttpParser::Stop HttpParser::explain() {
  const llhttp_errno_t error = llhttp_get_errno(&parser_);
  if (error == HPE_USER || error == HPE_CB_HEADERS_COMPLETE) return Stop::failed;
  const char* words = llhttp_get_error_reason(&parser_);
  const std::string_view reason = words != nullptr ? words : "no HTTP";
  const bool version = error == HPE_INVALID_VERSION && reason.starts_with("Invalid");
  refuse(version ? 505 : 400, reason);
  return Stop::failed;
}

std::string_view HttpParser::view(const Part& part) const {
  return {message_->data() + part.at, part.size};
}

// A part that spans several reads arrives in pieces that touch.
int HttpParser::grow(Part& part, const char* at, std::size_t size, std::size_t bytes_max,
                     int status) {
  if (part.size == 0) part.at = static_cast<std::size_t>(at - message_->data());
  part.size += size;
  if (part.size > bytes_max) return refuse(status, "the request line or a field is too long");
  return 0;
}

int HttpParser::on_target(const char* at, std::size_t size) {
  return grow(target_, at, size, limits_.target_bytes_max, 414);
}

int HttpParser::count_trailer(std::size_t size) {
  if (message_->trailer_text.size() + size <= limits_.header_bytes_max) return 0;
  return refuse(431, "the trailers are too long");
}

int HttpParser::on_field(const char* at, std::size_t size) {
  if (!value_follows_) {
    if (fields_.size() == limits_.headers_max) return refuse(431, "too many header fields");
    fields_.emplace_back();
    value_follows_ = true;
  }
  Part& name = fields_.back().name;
  if (!head_done_) return grow(name, at, size, limits_.header_bytes_max, 431);
  if (name.size == 0) name.at = message_->trailer_text.size();
  name.size += size;
  if (const int error = count_trailer(size)) return error;
  message_->trailer_text.append(at, size);
  return 0;
}

int HttpParser::on_value(const char* at, std::size_t size) {
  value_follows_ = false;
  Part& value = fields_.back().value;
  if (!head_done_) return grow(value, at, size, limits_.header_bytes_max, 431);
  if (value.size == 0) value.at = message_->trailer_text.size();
  value.size += size;
  if (const int error = count_trailer(size)) return error;
  message_->trailer_text.append(at, size);
  return 0;
}

void HttpParser::set_head() {
  Message& m = *message_;
  for (const FieldParts& field : fields_) {
    std::string_view value = view(field.value);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    m.fields.push_back({view(field.name), value});
  }
  m.head.headers = Headers(m.fields);
  m.head.version = parser_.http_minor == 0 ? HttpVersion::v1_0 : HttpVersion::v1_1;
  m.head.chunked = (parser_.flags & F_CHUNKED) != 0;
  if ((parser_.flags & F_CONTENT_LENGTH) != 0) m.head.content_length = parser_.content_length;
  m.status = parser_.status_code;
  fields_.clear();
  head_done_ = true;
  keep_alive_ = llhttp_should_keep_alive(&parser_) != 0;
}

int HttpParser::check_request_head() {
  const RequestHead& head = message_->head;
  int hosts = 0;
  for (const Header& field : head.headers) {
    if (same_name(field.name, "host")) ++hosts;
    if (same_name(field.name, "transfer-encoding") && !same_name(field.value, "chunked")) {
      return refuse(501, "no Transfer-Encoding but chunked is understood");
    }
  }
  if (hosts > 1 || (head.version == HttpVersion::v1_1 && hosts == 0)) {
    return refuse(400, "an HTTP/1.1 request names its Host exactly once, one of HTTP/1.0 at most");
  }
  if (head.version == HttpVersion::v1_0 && (parser_.flags & F_TRANSFER_ENCODING) != 0) {
    return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
  }
  return 0;
}

int HttpParser::on_head() {
  if (parser_.http_major != 1) return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  set_head();
  if (parser_.type == HTTP_REQUEST) {
    RequestHead& head = message_->head;
    head.method = llhttp_method_name(static_cast<llhttp_method_t>(parser_.method));
    set_target(head, view(target_));
    if (const int error = check_request_head()) return error;
    if (parser_.method == HTTP_CONNECT) return refuse(501, "this server is no proxy");
    parser_.upgrade = 0;  // an offer to change protocols, which is declined by answering it
  }
  return HPE_PAUSED;
}

int HttpParser::on_body(const char* at, std::size_t size) {
  if (sink_.on_body({at, size}) == BodySink::Take::more) return 0;
  return refuse(413, "the body is too long");
}

int HttpParser::on_chunk_extension(std::size_t size) {
  extension_bytes_ += size;
  if (extension_bytes_ <= chunk_extension_bytes_max) return 0;
  return refuse(413, "the chunk extensions are too long");
}

int HttpParser::on_message_complete() {
  Message& m = *message_;
  const auto text = [&](const Part& part) {
    return std::string_view(m.trailer_text).substr(part.at, part.size);
  };
  for (const FieldParts& field : fields_) {
    m.trailers.push_back({text(field.name), text(field.value)});
  }
  message_done_ = true;
  return HPE_PAUSED;
}

}  // namespace slipway::net
