#include "engine/events/condition.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "engine/events/filter.h"

namespace slipway::events {
namespace {

namespace json = boost::json;
using Kind = FilterCondition::Kind;

constexpr double number_step = 1e-6;  // five digits after the point count

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

bool same_number(double a, double b) { return std::abs(a - b) < number_step; }

bool same(const Scalar& wanted, const Scalar& value) {
  if (wanted.is_number() && value.is_number())
    return same_number(wanted.to_number<double>(), value.to_number<double>());
  return wanted == value;
}

// '*' stands for any characters. In time linear in both: a pattern and a text are strangers', and
// everyone's notifications wait for them. (memmem promises that; string_view::find does not.)
bool fits(std::string_view pattern, std::string_view text) {
  const std::size_t first = pattern.find('*');
  if (first == pattern.npos) return pattern == text;
  const std::size_t last = pattern.rfind('*');
  const std::string_view tail = pattern.substr(last + 1);
  if (text.size() < first + tail.size() || !text.starts_with(pattern.substr(0, first)) ||
      !text.ends_with(tail))
    return false;
  text = text.substr(first, text.size() - first - tail.size());
  std::string_view middle = pattern.substr(first, last - first);
  while (!middle.empty()) {
    const std::string_view part = take_until(middle, '*');
    if (part.empty()) continue;
    const void* const found = ::memmem(text.data(), text.size(), part.data(), part.size());
    if (found == nullptr) return false;
    text.remove_prefix(static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) +
                       part.size());
  }
  return true;
}

std::vector<std::uint8_t> address_of(std::string_view text) {
  const std::string address(text);
  std::vector<std::uint8_t> bytes(4);
  if (::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(16);
  if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return bytes;
  return {};
}

bool in_network(const FilterCondition& condition, std::string_view text) {
  const auto address = address_of(text);
  if (address.size() != condition.network.size()) return false;
  for (unsigned bit = 0; bit < condition.network_bits; ++bit) {
    const std::uint8_t mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
    if ((address[bit / 8] ^ condition.network[bit / 8]) & mask) return false;
  }
  return true;
}

bool compare(double value, std::string_view comparison, double number) {
  if (comparison == "=") return same_number(value, number);
  if (comparison == "<") return value < number && !same_number(value, number);
  if (comparison == "<=") return value < number || same_number(value, number);
  if (comparison == ">") return value > number && !same_number(value, number);
  return value > number || same_number(value, number);
}

bool is_scalar(const json::value& value) { return !value.is_object() && !value.is_array(); }

Result<FilterCondition> read_cidr(std::string_view text) {
  const auto slash = text.find('/');
  FilterCondition out{.kind = Kind::cidr, .network = address_of(text.substr(0, slash))};
  const std::string_view digits = slash == text.npos ? "" : text.substr(slash + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), out.network_bits);
  if (out.network.empty() || error != std::errc() || end != digits.data() + digits.size() ||
      out.network_bits > out.network.size() * 8)
    return bad_filter(fmt::format("Malformed CIDR, one '/' required: {}", text));
  return out;
}

Result<FilterCondition> read_numeric(const json::value& value) {
  if (!value.is_array()) return bad_filter("Value of numeric must be an array.");
  const json::array& items = value.as_array();
  if (items.empty()) return bad_filter("Invalid member in numeric match: ]");
  if (items.size() > 4) return bad_filter("Too many terms in numeric range expression");
  FilterCondition out{.kind = Kind::numeric};
  for (std::size_t i = 0; i < items.size(); i += 2) {
    constexpr std::string_view known[] = {"<", "<=", "=", ">=", ">"};
    if (!items[i].is_string())
      return bad_filter(fmt::format(
          "{}: {}", i == 0 ? "Invalid member in numeric match" : "Bad value in numeric range",
          json::serialize(items[i])));
    const std::string_view comparison = view(items[i].as_string());
    if (std::ranges::find(known, comparison) == std::end(known))
      return bad_filter(fmt::format("{} numeric range operator: {}",
                                    i == 0 ? "Unrecognized" : "Bad", comparison));
    if (i + 1 == items.size() || !items[i + 1].is_number())
      return bad_filter(fmt::format("Value of {} must be numeric",
                                    comparison == "=" ? std::string_view("equals") : comparison));
    const double number = items[i + 1].to_number<double>();
    if (std::abs(number) > filter_number_max)
      return bad_filter("Value must be between -1.0e9 and +1.0e9, inclusive");
    out.comparisons.emplace_back(comparison, number);
  }
  return out;
}

Result<FilterCondition> read_anything_but(std::string_view key, const json::value& value) {
  FilterCondition out{.kind = Kind::anything_but};
  const auto add = [&](const json::value& each) -> Result<> {
    TRY(FilterCondition other, FilterCondition::parse(key, each));
    constexpr Kind known[] = {Kind::equal, Kind::prefix, Kind::suffix, Kind::wildcard,
                              Kind::ignore_case};
    if (std::ranges::find(known, other.kind) == std::end(known))
      return bad_filter("Unsupported anything-but pattern");
    out.others.push_back(std::move(other));
    return {};
  };
  if (value.is_array()) {
    if (value.as_array().empty()) return bad_filter("Anything-But list must not be empty");
    for (const json::value& each : value.as_array()) TRY_DO(add(each));
  } else {
    TRY_DO(add(value));
  }
  return out;
}

struct TextKind {
  std::string_view name;
  Kind kind;
};
constexpr TextKind text_kinds[] = {{"prefix", Kind::prefix},
                                   {"suffix", Kind::suffix},
                                   {"wildcard", Kind::wildcard},
                                   {"equals-ignore-case", Kind::ignore_case}};

// {"anything-but": {"prefix": ["a", "b"]}} names several at once.
Result<FilterCondition> read_object(std::string_view key, const json::object& object) {
  if (object.size() != 1) return bad_filter("Only one key allowed in match expression");
  const std::string_view name = object.begin()->key();
  const json::value& value = object.begin()->value();
  const auto text_kind = std::ranges::find(text_kinds, name, &TextKind::name);
  if (text_kind != std::end(text_kinds)) {
    if (!value.is_string())
      return bad_filter(fmt::format("{} match pattern must be a string", name));
    return FilterCondition{.kind = text_kind->kind, .text = std::string(view(value.as_string()))};
  }
  if (name == "cidr" && value.is_string()) return read_cidr(view(value.as_string()));
  if (name == "numeric") return read_numeric(value);
  if (name == "exists") {
    if (!value.is_bool()) return bad_filter("exists match pattern must be either true or false.");
    return FilterCondition{.kind = value.as_bool() ? Kind::exists : Kind::absent};
  }
  if (name == "anything-but") return read_anything_but(key, value);
  return bad_filter(fmt::format("Unrecognized match type {}", name));
}

}  // namespace

std::unexpected<Error> bad_filter(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message), "bad_filter");
}

Result<FilterCondition> FilterCondition::parse(std::string_view key, const json::value& element) {
  if (element.is_object()) return read_object(key, element.as_object());
  if (!is_scalar(element))
    return bad_filter("Match value must be String, number, true, false, or null");
  if (element.is_number() && std::abs(element.to_number<double>()) > filter_number_max)
    return bad_filter("Value must be between -1.0e9 and +1.0e9, inclusive");
  return FilterCondition{.kind = Kind::equal, .value = element};
}

Result<> FilterCondition::check_range() const {
  if (kind != Kind::numeric || comparisons.size() < 2) return {};
  const auto& bottom = comparisons[0];
  const auto& top = comparisons[1];
  if (!bottom.first.starts_with('>')) return bad_filter("Too many elements in numeric expression");
  if (!top.first.starts_with('<'))
    return bad_filter(fmt::format("Bad numeric range operator: {}", top.first));
  if (bottom.second < top.second) return {};
  return bad_filter("Bottom must be less than top");
}

bool FilterCondition::matches(const Scalar& given) const {
  if (kind == Kind::equal) return same(value, given);
  if (kind == Kind::anything_but)
    return std::ranges::none_of(others,
                                [&](const FilterCondition& each) { return each.matches(given); });
  if (kind == Kind::numeric)
    return given.is_number() && std::ranges::all_of(comparisons, [&](const auto& each) {
             return compare(given.to_number<double>(), each.first, each.second);
           });
  if (!given.is_string()) return false;
  const std::string_view text_given = view(given.as_string());
  switch (kind) {
    case Kind::prefix: return text_given.starts_with(text);
    case Kind::suffix: return text_given.ends_with(text);
    case Kind::wildcard: return fits(text, text_given);
    case Kind::ignore_case: return equal_ignoring_case(text, text_given);
    case Kind::cidr: return in_network(*this, text_given);
    default: return false;
  }
}

}  // namespace slipway::events
