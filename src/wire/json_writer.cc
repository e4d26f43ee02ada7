#include "wire/json_writer.h"

#include <cmath>

#include "base/encoding.h"
#include "wire/scalar.h"

namespace slipway::wire {
namespace {

bool plain(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; }

void write_escape(char c, std::string& out) {
  constexpr char hex[] = "0123456789abcdef";
  out += '\\';
  switch (c) {
    case '"':
    case '\\': out += c; break;
    case '\n': out += 'n'; break;
    case '\r': out += 'r'; break;
    case '\t': out += 't'; break;
    case '\b': out += 'b'; break;
    case '\f': out += 'f'; break;
    default:
      out += "u00";
      out += hex[(c >> 4) & 15];
      out += hex[c & 15];
  }
}

void write_scalar(const Node& node, TimestampFormat format, std::string& out) {
  switch (node.kind) {
    case Kind::absent:
    case Kind::null: out += "null"; break;
    case Kind::text: write_json_string(node.text(), out); break;
    case Kind::real:
      if (std::isfinite(node.real)) return format_real(node.real, out);
      out += '"';
      format_real(node.real, out);
      out += '"';
      break;
    case Kind::blob:
      out += '"';
      out += to_base64(node.text());
      out += '"';
      break;
    case Kind::timestamp: {
      const bool quoted = format != TimestampFormat::unix_seconds;
      if (quoted) out += '"';
      format_time(node.time(), format, out);
      if (quoted) out += '"';
      break;
    }
    default: format_scalar(node, format, out);
  }
}

class Writer {
 public:
  Writer(Names names, std::string& out) : names_(names), out_(out) {}

  void value(const Node& node, const Shape& shape, const Member* member) {
    if (shape.kind == ShapeKind::document) return write_json_document(node, out_);
    switch (node.kind) {
      case Kind::structure: return structure(node, shape);
      case Kind::list: return list(node, shape.members[0]);
      case Kind::map: return map(node, shape.members[1]);
      default: write_scalar(node, format(shape, member), out_);
    }
  }

 private:
  TimestampFormat format(const Shape& shape, const Member* member) const {
    if (names_ == Names::model) return TimestampFormat::unix_seconds;
    if (member != nullptr) return time_format(*member, TimestampFormat::unix_seconds);
    return shape.timestamp_format == TimestampFormat::unspecified ? TimestampFormat::unix_seconds
                                                                  : shape.timestamp_format;
  }

  bool travels(const Member& member) const {
    if (member.is(MemberFlag::streaming)) return false;
    return names_ == Names::model || member.location == Location::body;
  }

  void structure(const Node& node, const Shape& shape) {
    out_ += '{';
    bool first = true;
    for (std::size_t i = 0; i < shape.members.size(); ++i) {
      const Member& member = shape.members[i];
      if (!node.items[i].present() || !travels(member)) continue;
      if (!first) out_ += ',';
      first = false;
      write_json_string(names_ == Names::wire ? member.wire_name : member.name, out_);
      out_ += ':';
      value(node.items[i], *member.shape, &member);
    }
    out_ += '}';
  }

  void list(const Node& node, const Member& element) {
    out_ += '[';
    for (std::uint32_t i = 0; i < node.n; ++i) {
      if (i != 0) out_ += ',';
      value(node.items[i], *element.shape, &element);
    }
    out_ += ']';
  }

  void map(const Node& node, const Member& element) {
    out_ += '{';
    for (std::uint32_t i = 0; i < node.n; ++i) {
      if (i != 0) out_ += ',';
      write_json_string(node.entries[i].key, out_);
      out_ += ':';
      value(node.entries[i].value, *element.shape, &element);
    }
    out_ += '}';
  }

  Names names_;
  std::string& out_;
};

}  // namespace

void write_json_string(std::string_view text, std::string& out) {
  out += '"';
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (plain(text[i])) continue;
    out.append(text, start, i - start);
    write_escape(text[i], out);
    start = i + 1;
  }
  out.append(text, start);
  out += '"';
}

void write_json_document(const Node& node, std::string& out) {
  if (node.kind == Kind::list || node.kind == Kind::structure) {
    out += '[';
    for (std::uint32_t i = 0; i < node.n; ++i) {
      if (i != 0) out += ',';
      write_json_document(node.items[i], out);
    }
    out += ']';
  } else if (node.kind == Kind::map) {
    out += '{';
    for (std::uint32_t i = 0; i < node.n; ++i) {
      if (i != 0) out += ',';
      write_json_string(node.entries[i].key, out);
      out += ':';
      write_json_document(node.entries[i].value, out);
    }
    out += '}';
  } else {
    write_scalar(node, TimestampFormat::unix_seconds, out);
  }
}

void write_json(const Node& node, const Shape& shape, Names names, std::string& out) {
  Writer(names, out).value(node, shape, nullptr);
}

}  // namespace slipway::wire
