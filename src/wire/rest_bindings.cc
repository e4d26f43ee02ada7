#include "wire/rest_bindings.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/text.h"
#include "wire/json_reader.h"
#include "wire/scalar.h"

namespace slipway::wire {
namespace {

constexpr std::size_t query_parameters_max = 1000;

struct QueryPair {
  std::string_view name;
  std::string_view value;
};

std::string_view percent_decoded(std::string_view text, PlusSign plus, Arena& arena) {
  const std::string_view special = plus == PlusSign::space ? "%+" : "%";
  if (text.find_first_of(special) == std::string_view::npos) return text;
  return arena.copy(percent_decode(text, plus));
}

bool has_broken_escape(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdefABCDEF";
  for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    if (at + 3 > text.size()) return true;
    if (text.substr(at + 1, 2).find_first_not_of(digits) != std::string_view::npos) return true;
  }
  return false;
}

// What a path or query says must be text: it goes into documents that could not be read otherwise.
Result<> check_target(const HttpRequestView& request) {
  const bool readable = !has_broken_escape(request.path) && is_utf8(percent_decode(request.path)) &&
                        is_utf8(percent_decode(request.query));
  if (readable) return {};
  return fail(ErrorCode::invalid_argument, "Couldn't parse the specified URI.", "InvalidURI");
}

Result<std::vector<QueryPair>> split_query(std::string_view query, Arena& arena) {
  std::vector<QueryPair> pairs;
  while (!query.empty()) {
    const std::string_view pair = take_until(query, '&');
    if (pair.empty()) continue;
    if (pairs.size() == query_parameters_max)
      return unreadable("The query string has too many parameters");
    const auto equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    pairs.push_back({percent_decoded(pair.substr(0, equals), PlusSign::space, arena),
                     percent_decoded(value, PlusSign::space, arena)});
  }
  return pairs;
}

// One item of a comma-separated header, quotes taken off; `rest` moves behind it. With `dates` an
// item goes on to the second comma, because a date holds one.
std::string_view next_item(std::string_view& rest, bool dates, Arena& arena) {
  rest = trimmed(rest);
  if (rest.starts_with('"')) {
    std::string text;
    std::size_t at = 1;
    for (; at < rest.size() && rest[at] != '"'; ++at) {
      if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
      text += rest[at];
    }
    rest.remove_prefix(std::min(at + 1, rest.size()));
    take_until(rest, ',');
    return arena.copy(text);
  }
  auto comma = rest.find(',');
  if (dates && comma != std::string_view::npos) comma = rest.find(',', comma + 1);
  const std::string_view item = trimmed(rest.substr(0, comma));
  rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  return item;
}

class BindingReader {
 public:
  explicit BindingReader(Arena& arena) : arena_(arena) {}

  // Several headers of one name are one value with commas between, as a signature covers them: read
  // in any other way, a value that holds commas could be taken apart by whoever sends it on.
  Result<Node> header(std::span<const HeaderView> headers, const Member& member) {
    std::optional<std::string_view> text;
    for (const HeaderView& header : headers)
      if (equal_ignoring_case(header.name, member.wire_name))
        text = text ? joined(*text, trimmed(header.value)) : trimmed(header.value);
    if (!text) return Node{};
    return member.shape->kind == ShapeKind::list ? header_list(*text, member)
                                                 : scalar(*text, member);
  }

  // As header(); a value of an enum has the model's spelling, however it was sent.
  Result<Node> request_header(std::span<const HeaderView> headers, const Member& member) {
    TRY(const Node node, header(headers, member));
    if (node.kind != Kind::text) return node;
    for (const std::string_view value : member.shape->enum_values)
      if (equal_ignoring_case(value, node.text())) return make_text(value);
    return node;
  }

  Result<Node> prefixed(std::span<const HeaderView> headers, const Member& member) {
    Node out{};
    for (const HeaderView& header : headers) {
      const std::string_view prefix = member.wire_name == member.name ? "" : member.wire_name;
      if (header.name.size() <= prefix.size()) continue;
      if (!equal_ignoring_case(header.name.substr(0, prefix.size()), prefix)) continue;
      const std::string_view key = lower_case(header.name.substr(prefix.size()));
      const std::string_view text = trimmed(header.value);
      if (Node* const there = entry_with(out, key); there && there->kind == Kind::text) {
        *there = make_text(joined(there->text(), text));
        continue;
      }
      TRY(const Node value, scalar(text, member.shape->members[1]));
      append(out, key, arena_) = value;
    }
    return out;
  }

  Result<Node> label(const PathLabels& labels, const Member& member) {
    for (std::size_t i = 0; i < labels.count; ++i) {
      if (labels.items[i].name != member.wire_name) continue;
      return scalar(percent_decoded(labels.items[i].value, PlusSign::literal, arena_), member);
    }
    return Node{};
  }

  Result<Node> query(const std::vector<QueryPair>& pairs, const Member& member) {
    if (member.shape->kind == ShapeKind::map) return query_map(pairs, member);
    const bool list = member.shape->kind == ShapeKind::list;
    Node out{};
    for (const QueryPair& pair : pairs) {
      if (pair.name != member.wire_name) continue;
      if (!list) return named(scalar(pair.value, member), member, pair.value);
      TRY(const Node item, scalar(pair.value, member.shape->members[0]));
      append(out, arena_) = item;
    }
    return out;
  }

 private:
  // With the parameter that could not be read.
  static Result<Node> named(Result<Node> node, const Member& member, std::string_view text) {
    if (!node)
      node.error().details = {{"ArgumentName", std::string(member.wire_name)},
                              {"ArgumentValue", std::string(text)}};
    return node;
  }

  std::string_view joined(std::string_view first, std::string_view second) {
    return arena_.copy(std::string(first).append(1, ',').append(second));
  }

  static Node* entry_with(Node& map, std::string_view key) {
    if (!map.present()) return nullptr;
    for (MapEntry& entry : map.map())
      if (entry.key == key) return &entry.value;
    return nullptr;
  }

  Result<Node> scalar(std::string_view text, const Member& member) {
    if (member.is(MemberFlag::json_value)) {
      const auto json = from_base64(text);
      if (!json)
        return unreadable("The header of '" + std::string(member.name) + "' is not base64");
      return make_text(arena_.copy(*json));
    }
    const bool needs_text = member.shape->kind != ShapeKind::text;
    if (needs_text && text.empty()) return Node{};
    auto node = parse_scalar(*member.shape, text, TimestampFormat::unspecified, arena_);
    if (!node && !member.sentence.empty())
      node = std::unexpected(Error{
          ErrorCode::invalid_argument,
          std::string(member.sentence),
          "InvalidArgument",
          {{"ArgumentName", std::string(member.wire_name)}, {"ArgumentValue", std::string(text)}}});
    return node;
  }

  Result<Node> header_list(std::string_view text, const Member& member) {
    const Member& item = member.shape->members[0];
    const bool dates = item.shape->kind == ShapeKind::timestamp &&
                       time_format(item, TimestampFormat::http_date) == TimestampFormat::http_date;
    Node out = make_list(0, arena_);
    while (!text.empty()) {
      TRY(const Node node, scalar(next_item(text, dates, arena_), item));
      append(out, arena_) = node;
    }
    return out;
  }

  // Header names have no case of their own; S3 gives metadata back in lower case.
  std::string_view lower_case(std::string_view name) {
    std::string text(name);
    for (char& c : text) c = lower(c);
    return text == name ? name : arena_.copy(text);
  }

  // Every parameter of the query, once for each name.
  Result<Node> query_map(const std::vector<QueryPair>& pairs, const Member& member) {
    const Member& item = member.shape->members[1];
    Node out{};
    for (const QueryPair& pair : pairs) {
      if (item.shape->kind != ShapeKind::list) {
        append(out, pair.name, arena_) = make_text(pair.value);
        continue;
      }
      append(entry_of(out, pair.name), arena_) = make_text(pair.value);
    }
    if (out.present()) drop_duplicate_keys(out);
    return out;
  }

  Node& entry_of(Node& map, std::string_view name) {
    for (MapEntry& entry : map.map()) {
      if (entry.key == name) return entry.value;
    }
    return append(map, name, arena_);
  }

  Arena& arena_;
};

bool needs_quotes(std::string_view text) {
  return text.find_first_of(",\"") != std::string_view::npos;
}

void write_header_item(const Node& node, TimestampFormat format, std::string& out) {
  if (node.kind != Kind::text || !needs_quotes(node.text()))
    return format_scalar(node, format, out);
  out += '"';
  for (const char c : node.text()) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

std::string header_text(const Node& node, const Member& member) {
  std::string out;
  if (node.kind == Kind::list) {
    const Member& item = member.shape->members[0];
    for (std::uint32_t i = 0; i < node.n; ++i) {
      if (i != 0) out += ", ";
      write_header_item(node.items[i], time_format(item, TimestampFormat::http_date), out);
    }
  } else {
    format_scalar(node, time_format(member, TimestampFormat::http_date), out);
  }
  return member.is(MemberFlag::json_value) ? to_base64(out) : out;
}

void add_parameter(std::string_view name, const Node& node, TimestampFormat format,
                   std::string& query) {
  std::string text;
  format_scalar(node, format, text);
  if (!query.empty()) query += '&';
  ((query += percent_encode(name)) += '=') += percent_encode(text);
}

void write_query_map(const Node& node, const Operation& operation, std::string& query) {
  for (const MapEntry& entry : node.map()) {
    // A member of that name goes first.
    const int slot = find_wire_member(*operation.input, entry.key);
    if (slot >= 0 &&
        operation.input->members[static_cast<std::size_t>(slot)].location == Location::query)
      continue;
    if (entry.value.kind != Kind::list) {
      add_parameter(entry.key, entry.value, TimestampFormat::iso8601, query);
      continue;
    }
    for (const Node& item : entry.value.slots())
      add_parameter(entry.key, item, TimestampFormat::iso8601, query);
  }
}

void write_query_member(const Operation& operation, const Member& member, const Node& node,
                        std::string& query) {
  if (node.kind == Kind::map) {
    write_query_map(node, operation, query);
  } else if (node.kind == Kind::list) {
    const Member& item = member.shape->members[0];
    for (const Node& value : node.slots()) {
      add_parameter(member.wire_name, value, time_format(item, TimestampFormat::iso8601), query);
    }
  } else {
    add_parameter(member.wire_name, node, time_format(member, TimestampFormat::iso8601), query);
  }
}

Result<std::string> label_text(const Shape& shape, const Node& input, std::string_view label) {
  const bool greedy = label.ends_with('+');
  if (greedy) label.remove_suffix(1);
  const int slot = find_wire_member(shape, label);
  std::string text;
  if (slot >= 0) {
    const Member& member = shape.members[static_cast<std::size_t>(slot)];
    format_scalar(input.items[slot], time_format(member, TimestampFormat::iso8601), text);
  }
  if (text.empty())
    return unreadable("'" + std::string(label) + "' stands in the path and must not be empty");
  return percent_encode(text, greedy ? "/" : "");
}

}  // namespace

Result<void> read_bindings(const Shape& shape, const PathLabels& labels,
                           const HttpRequestView& request, Arena& arena, Node& out) {
  TRY_DO(check_target(request));
  BindingReader reader(arena);
  std::vector<QueryPair> pairs;
  bool split = false;
  for (std::size_t i = 0; i < shape.members.size(); ++i) {
    const Member& member = shape.members[i];
    switch (member.location) {
      case Location::header: {
        TRY(out.items[i], reader.request_header(request.headers, member));
        break;
      }
      case Location::headers_with_prefix: {
        TRY(out.items[i], reader.prefixed(request.headers, member));
        break;
      }
      case Location::uri: {
        TRY(out.items[i], reader.label(labels, member));
        break;
      }
      case Location::query: {
        if (!split && !request.query.empty()) {
          TRY(pairs, split_query(request.query, arena));
        }
        split = true;
        TRY(out.items[i], reader.query(pairs, member));
        break;
      }
      default: break;
    }
  }
  return {};
}

Result<void> read_response_bindings(const Shape& shape, std::span<const HeaderView> headers,
                                    int status, Arena& arena, Node& out) {
  BindingReader reader(arena);
  for (std::size_t i = 0; i < shape.members.size(); ++i) {
    const Member& member = shape.members[i];
    if (member.location == Location::header) {
      TRY(out.items[i], reader.header(headers, member));
    } else if (member.location == Location::headers_with_prefix) {
      TRY(out.items[i], reader.prefixed(headers, member));
    } else if (member.location == Location::status_code) {
      out.items[i] = make_integer(status);
    }
  }
  return {};
}

// A name that stands there already keeps its value: two headers of one name would be read as one.
void add_header(HeaderList& out, std::string name, std::string value) {
  const bool taken = std::ranges::any_of(
      out, [&](const auto& each) { return equal_ignoring_case(each.first, name); });
  if (!taken) out.emplace_back(std::move(name), std::move(value));
}

void write_headers(const Node& node, const Shape& shape, HeaderList& out) {
  for (std::size_t i = 0; i < shape.members.size(); ++i) {
    const Member& member = shape.members[i];
    const Node& value = node.items[i];
    if (!value.present() || value.kind == Kind::null) continue;
    if (member.location == Location::header) {
      add_header(out, std::string(member.wire_name), header_text(value, member));
    } else if (member.location == Location::headers_with_prefix) {
      const std::string prefix(member.wire_name == member.name ? "" : member.wire_name);
      for (const MapEntry& entry : value.map())
        add_header(out, prefix + std::string(entry.key),
                   header_text(entry.value, member.shape->members[1]));
    }
  }
}

int status_of(const Node& node, const Shape& shape, int otherwise) {
  for (std::size_t i = 0; i < shape.members.size(); ++i) {
    const bool carries = shape.members[i].location == Location::status_code;
    if (carries && node.items[i].kind == Kind::integer)
      return static_cast<int>(node.items[i].integer);
  }
  return otherwise;
}

Result<void> write_target(const Operation& operation, const Node& input, HttpRequestParts& out) {
  const std::string_view uri = operation.request_uri;
  const auto mark = uri.find('?');
  std::string_view path = uri.substr(0, mark);
  while (!path.empty()) {
    const auto open = path.find('{');
    out.path += path.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = path.find('}', open);
    if (operation.input == nullptr) return unreadable("The operation has labels but no input");
    TRY(const std::string text,
        label_text(*operation.input, input, path.substr(open + 1, close - open - 1)));
    out.path += text;
    path.remove_prefix(close + 1);
  }
  if (mark != std::string_view::npos) out.query = uri.substr(mark + 1);
  if (operation.input == nullptr) return {};
  for (std::size_t i = 0; i < operation.input->members.size(); ++i) {
    const Member& member = operation.input->members[i];
    const Node& node = input.items[i];
    if (member.location != Location::query || !node.present()) continue;
    write_query_member(operation, member, node, out.query);
  }
  return {};
}

bool has_body_members(const Shape& shape) {
  return std::ranges::any_of(shape.members, [](const Member& member) {
    return member.location == Location::body && !member.is(MemberFlag::streaming);
  });
}

}  // namespace slipway::wire
