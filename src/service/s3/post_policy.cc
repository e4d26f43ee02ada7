#include "service/s3/post_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <optional>

#include "base/encoding.h"
#include "base/text.h"
#include "service/errors.h"

namespace slipway::s3 {
namespace {

namespace json = boost::json;
using service::refuse;

// Fields that a policy need not speak of: they are what it is signed with, and the file.
constexpr std::string_view uncovered_fields[] = {"x-amz-signature", "signature", "awsaccesskeyid",
                                                 "policy", "file"};
constexpr std::string_view ignored_prefix = "x-ignore-";
constexpr std::string_view range_operator = "content-length-range";

std::unexpected<Error> invalid(std::string_view what) {
  return refuse("InvalidPolicyDocument", fmt::format("Invalid Policy: {}", what));
}

std::unexpected<Error> denied(std::string_view what) {
  return refuse("AccessDenied", fmt::format("Invalid according to Policy: {}", what));
}

// `["eq", "$key", "value"]`, which is how S3 writes every condition, a simple one too.
std::unexpected<Error> failed(const json::array& condition) {
  std::string text;
  for (const json::value& item : condition)
    text += (text.empty() ? "" : ", ") + json::serialize(item);
  return denied(fmt::format("Policy Condition failed: [{}]", text));
}

std::optional<std::string_view> text_of(const json::value& value) {
  if (!value.is_string()) return std::nullopt;
  return std::string_view(value.get_string().data(), value.get_string().size());
}

// A bound of the file's size: a whole number, or one in quotes.
std::optional<std::uint64_t> bound_of(const json::value& value) {
  if (value.is_uint64()) return value.get_uint64();
  if (value.is_int64() && value.get_int64() >= 0)
    return static_cast<std::uint64_t>(value.get_int64());
  const auto text = text_of(value);
  if (!text) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return number;
}

// The conditions of one policy against one form.
class Check {
 public:
  explicit Check(const FormView& form) : form_(form) {}

  Result<> take(const json::value& condition) {
    if (const json::object* const simple = condition.if_object()) return take_simple(*simple);
    if (const json::array* const list = condition.if_array()) return take_list(*list);
    return invalid("Invalid condition: must be a List or Object.");
  }

  Result<> check_all_covered() const {
    for (const auto& [name, value] : form_.fields) {
      const bool free = name.starts_with(ignored_prefix) ||
                        std::ranges::find(uncovered_fields, name) != std::end(uncovered_fields);
      if (!free && std::ranges::find(covered_, name) == covered_.end())
        return denied(fmt::format("Extra input fields: {}", name));
    }
    return {};
  }

  const SizeRange& sizes() const { return sizes_; }

 private:
  Result<> take_simple(const json::object& simple) {
    if (simple.size() != 1)
      return invalid(
          "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.");
    const auto& [name, value] = *simple.begin();
    if (value.is_null()) return invalid("Invalid JSON.");
    if (!value.is_string()) return invalid("Invalid Simple-Condition: value must be a string.");
    return take_match(json::array{"eq", "$" + std::string(name), value});
  }

  Result<> take_list(const json::array& list) {
    if (list.empty()) return invalid("Invalid Condition: missing operation identifier.");
    const auto named = text_of(list.front());
    if (!named) return invalid("Invalid JSON.");
    const std::string operation = to_lower(*named);
    const bool range = operation == range_operator;
    if (!range && operation != "eq" && operation != "starts-with")
      return invalid(fmt::format("Invalid Condition: unknown operation '{}'.", *named));
    if (list.size() != 3)
      return invalid(fmt::format("Invalid {}: wrong number of arguments.", *named));
    return range ? take_range(list) : take_match(list);
  }

  Result<> take_range(const json::array& list) {
    for (const json::value& bound : {list[1], list[2]})
      if (!bound.is_string() && !bound_of(bound)) return invalid("Invalid JSON.");
    const auto min = bound_of(list[1]);
    const auto max = bound_of(list[2]);
    if (!min || !max) return failed(list);
    sizes_ = {std::max(sizes_.min, *min), std::min(sizes_.max, *max)};
    return {};
  }

  // A field that the form does not have fits nothing, and no beginning either.
  Result<> take_match(const json::array& list) {
    const auto field = text_of(list[1]);
    const auto wanted = text_of(list[2]);
    if (!field || !wanted) return invalid("Invalid JSON.");
    if (!field->starts_with('$')) return failed(list);
    const std::string name = to_lower(field->substr(1));
    const std::optional<std::string_view> given = value_of(name);
    const bool begins = equal_ignoring_case(text_of(list[0]).value_or(""), "starts-with");
    if (!given || (begins ? !given->starts_with(*wanted) : *given != *wanted)) return failed(list);
    covered_.push_back(name);
    return {};
  }

  // The bucket is the one that is posted to, whatever a field claims.
  std::optional<std::string_view> value_of(std::string_view name) const {
    if (name == "bucket") return form_.bucket;
    for (const auto& [field, value] : form_.fields)
      if (field == name) return value;
    return std::nullopt;
  }

  const FormView& form_;
  std::vector<std::string> covered_;
  SizeRange sizes_;
};

Result<json::object> read_policy(std::string_view policy) {
  const auto text = from_base64(policy);
  if (!text) return invalid("Invalid 'base64' encoding.");
  boost::system::error_code error;
  json::value document = json::parse({text->data(), text->size()}, error);
  if (error || !document.is_object()) return invalid("Invalid JSON.");
  for (const auto& [name, value] : document.get_object())
    if (name != "expiration" && name != "conditions")
      return invalid(fmt::format("Unexpected: '{}'", to_lower(std::string_view(name))));
  return std::move(document.get_object());
}

Result<> check_expiration(const json::object& policy, Timestamp now) {
  const json::value* const given = policy.if_contains("expiration");
  if (!given) return invalid("Policy missing expiration.");
  const auto text = text_of(*given);
  // Only UTC, and only said with a Z.
  const auto end = text && text->ends_with('Z') && text->contains('T')
                       ? parse_iso8601(*text)
                       : Result<Timestamp>(fail(ErrorCode::invalid_argument, ""));
  if (!end)
    return invalid(fmt::format("Invalid 'expiration' value: '{}'",
                               text ? std::string(*text) : json::serialize(*given)));
  if (*end <= now) return denied("Policy expired.");
  return {};
}

}  // namespace

Result<SizeRange> check_post_policy(std::string_view policy, const FormView& form, Timestamp now) {
  TRY(const json::object document, read_policy(policy));
  TRY_DO(check_expiration(document, now));
  const json::value* const conditions = document.if_contains("conditions");
  if (!conditions) return invalid("Policy missing conditions.");
  if (!conditions->is_array()) return invalid("Invalid 'conditions' value: must be a List.");
  Check check(form);
  for (const json::value& condition : conditions->get_array()) TRY_DO(check.take(condition));
  TRY_DO(check.check_all_covered());
  return check.sizes();
}

}  // namespace slipway::s3
