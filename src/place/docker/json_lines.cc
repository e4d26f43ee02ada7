#include "place/docker/json_lines.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway::place {

namespace json = boost::json;

namespace {

// A record of a JSON text sequence (RFC 7464) begins with this byte.
constexpr char record_separator = '\x1e';
constexpr std::size_t layers_max = 1024;
constexpr std::int64_t bytes_per_mib = 1 << 20;

std::string_view text_in(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

std::int64_t number_in(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains({name.data(), name.size()});
  return value != nullptr && value->is_int64() ? std::max<std::int64_t>(value->get_int64(), 0) : 0;
}

const json::object* object_in(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains({name.data(), name.size()});
  return value == nullptr ? nullptr : value->if_object();
}

Result<> take_line(std::string_view line, const std::function<void(const json::object&)>& take) {
  while (!line.empty() && (line.front() == record_separator || line.front() == ' '))
    line.remove_prefix(1);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  if (line.empty()) return {};
  std::error_code error;
  const json::value value = json::parse({line.data(), line.size()}, error);
  if (error || !value.is_object())
    return fail(ErrorCode::corrupted, "The container engine answered with what is no JSON object.");
  take(value.get_object());
  return {};
}

}  // namespace

Result<> JsonLines::feed(std::string_view bytes,
                         const std::function<void(const json::object&)>& take) {
  partial_ += bytes;
  std::string_view rest = partial_;
  for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
    TRY_DO(take_line(rest.substr(0, end), take));
    rest.remove_prefix(end + 1);
  }
  if (rest.size() > json_line_bytes_max)
    return fail(ErrorCode::corrupted, "The container engine answered with a line without end.");
  partial_.erase(0, partial_.size() - rest.size());
  return {};
}

// `error` alone is what older engines send.
void PullProgress::take(const json::object& document) {
  const json::object* const detail = object_in(document, "errorDetail");
  const std::string_view older = text_in(document, "error");
  if (detail != nullptr || !older.empty()) {
    const std::string_view message = detail != nullptr ? text_in(*detail, "message") : older;
    failure_ = message.empty() ? older : message;
    return;
  }
  const std::string id(text_in(document, "id"));
  const json::object* const progress = object_in(document, "progressDetail");
  if (id.empty() || progress == nullptr || text_in(document, "status") != "Downloading") return;
  if (layers_.size() >= layers_max && !layers_.contains(id)) return;
  layers_[id] = {number_in(*progress, "current"), number_in(*progress, "total")};
}

std::string PullProgress::sentence() const {
  double current = 0;
  double total = 0;
  for (const auto& [id, layer] : layers_) {
    current += static_cast<double>(layer.current);
    total += static_cast<double>(std::max(layer.total, layer.current));
  }
  if (layers_.empty()) return {};
  return fmt::format("{:.0f} of {:.0f} MiB in {} layers", current / bytes_per_mib,
                     total / bytes_per_mib, layers_.size());
}

}  // namespace slipway::place
