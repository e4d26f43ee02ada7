#include "cell/order.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace slipway::cell {

namespace {

class Writer {
 public:
  void add(std::string_view name, std::string_view value) {
    sound_ = sound_ && value.find('\0') == std::string_view::npos;
    text_.append(name).append("=").append(value).push_back('\0');
  }
  void add(std::string_view name, std::uint64_t value) { add(name, std::to_string(value)); }

  Result<std::string> end() && {
    text_.push_back('\0');
    if (!sound_)
      return fail(ErrorCode::invalid_argument, "An argument or variable of a program holds a NUL.");
    if (text_.size() > order_bytes_max)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("Arguments and variables of a program have {} bytes; {} are allowed.",
                              text_.size(), order_bytes_max));
    return std::move(text_);
  }

 private:
  std::string text_;
  bool sound_ = true;
};

constexpr std::string_view read_only = "read";
constexpr std::string_view read_write = "write";

bool set_number(auto& to, std::string_view value) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), to);
  return error == std::errc{} && end == value.data() + value.size();
}

bool set_given(Order& order, std::string_view name, std::string_view value) {
  if (name == "inside") {
    if (order.given.empty()) return false;
    order.given.back().inside = value;
    return true;
  }
  order.given.push_back(
      {.host = std::string(value),
       .inside = {},
       .access = name == read_write ? Given::Access::read_write : Given::Access::read_only});
  return true;
}

bool set_member(Order& order, std::string_view name, std::string_view value) {
  if (name == "layers") {
    auto layers = layers_from_text(value);
    if (layers) order.layers = *layers;
    return layers.has_value();
  }
  if (name == read_only || name == read_write || name == "inside")
    return set_given(order, name, value);
  if (name == "kept_free") return order.kept_free = value, true;
  if (name == "argument") return order.arguments.emplace_back(value), true;
  if (name == "variable") return order.variables.emplace_back(value), true;
  if (name == "control") return order.control = value, true;
  if (name == "cgroup") return order.cgroup = value, true;
  if (name == "directory") return order.directory = value, true;
  if (name == "user") return set_number(order.user, value);
  if (name == "open_files") return set_number(order.limits.open_files, value);
  if (name == "processes") return set_number(order.limits.processes, value);
  if (name == "file_bytes") return set_number(order.limits.file_bytes, value);
  if (name == "shared_memory_bytes") return set_number(order.limits.shared_memory_bytes, value);
  return false;
}

}  // namespace

Result<std::string> to_text(const Order& order) {
  Writer writer;
  writer.add("layers", to_text(order.layers));
  if (!order.kept_free.empty()) writer.add("kept_free", order.kept_free);
  writer.add("user", order.user);
  for (const std::string& argument : order.arguments) writer.add("argument", argument);
  for (const std::string& variable : order.variables) writer.add("variable", variable);
  writer.add("control", order.control);
  writer.add("directory", order.directory);
  if (!order.cgroup.empty()) writer.add("cgroup", order.cgroup);
  for (const Given& given : order.given) {
    writer.add(given.access == Given::Access::read_write ? read_write : read_only, given.host);
    if (!given.inside.empty()) writer.add("inside", given.inside);
  }
  writer.add("open_files", order.limits.open_files);
  writer.add("processes", order.limits.processes);
  writer.add("file_bytes", order.limits.file_bytes);
  writer.add("shared_memory_bytes", order.limits.shared_memory_bytes);
  return std::move(writer).end();
}

bool is_whole(std::string_view text) {
  return text.size() > 1 && text.ends_with(std::string_view("\0\0", 2));
}

Result<Order> order_from_text(std::string_view text) {
  const auto broken = [] {
    return fail(ErrorCode::corrupted, "What a cell was told is no order.");
  };
  if (!is_whole(text)) return broken();
  Order order;
  for (text.remove_suffix(1); !text.empty();) {
    const std::string_view member = text.substr(0, text.find('\0'));
    text.remove_prefix(member.size() + 1);
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos ||
        !set_member(order, member.substr(0, equals), member.substr(equals + 1)))
      return broken();
  }
  if (order.arguments.empty() || !order.control.starts_with('/') ||
      !order.directory.starts_with('/'))
    return broken();
  return order;
}

Result<OrderHead> head_from_text(std::string_view text) {
  constexpr std::string_view layers = "layers=";
  constexpr std::string_view kept_free = "kept_free=";
  if (!text.starts_with(layers))
    return fail(ErrorCode::corrupted, "An order begins with its layers.");
  text.remove_prefix(layers.size());
  OrderHead head;
  TRY(head.layers, layers_from_text(text.substr(0, text.find('\0'))));
  text.remove_prefix(std::min(text.size(), text.find('\0')));
  if (!text.empty()) text.remove_prefix(1);
  if (text.starts_with(kept_free))
    head.kept_free = text.substr(kept_free.size(), text.find('\0') - kept_free.size());
  return head;
}

}  // namespace slipway::cell
