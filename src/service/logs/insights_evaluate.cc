#include <cmath>

#include "service/logs/insights_functions.h"
#include "service/logs/insights_record.h"

namespace slipway::logs_door {

namespace {

bool is_present(const InsightsValue& value) {
  return !std::holds_alternative<std::monostate>(value);
}

InsightsValue math(char sign, const InsightsValue& left, const InsightsValue& right) {
  const auto a = number_in(left), b = number_in(right);
  if (!a || !b) return {};
  double out = 0;
  switch (sign) {
    case '+': out = *a + *b; break;
    case '-': out = *a - *b; break;
    case '*': out = *a * *b; break;
    case '/': out = *a / *b; break;
    case '%': out = std::fmod(*a, *b); break;
    case '^': out = std::pow(*a, *b); break;
    default: break;
  }
  if (!std::isfinite(out)) return {};
  return out;
}

// Nothing is unequal to everything, and in no order with anything.
InsightsValue compare(std::string_view sign, const InsightsValue& left,
                      const InsightsValue& right) {
  const bool is_there = is_present(left) && is_present(right);
  const int order = order_of(left, right);
  if (sign == "=") return is_there && order == 0;
  if (sign == "!=") return !is_there || order != 0;
  if (!is_there) return false;
  if (sign == "<") return order < 0;
  if (sign == "<=") return order <= 0;
  if (sign == ">") return order > 0;
  return order >= 0;
}

InsightsValue call(const InsightsExpression& expression, const InsightsRecord& record) {
  if (expression.name == "bin")
    return bin_of(record.get("@timestamp"), std::get<std::string>(expression.parts[0].value));
  std::vector<InsightsValue> arguments;
  for (const InsightsExpression& part : expression.parts)
    arguments.push_back(evaluate(part, record));
  return apply_function(expression.name, arguments);
}

InsightsValue is_match(const InsightsExpression& expression, const InsightsRecord& record) {
  const auto text = text_of(evaluate(expression.parts[0], record));
  if (!text) return false;
  if (expression.regex) return expression.regex->matches(*text);
  return text->contains(text_of(evaluate(expression.parts[1], record)).value_or(""));
}

}  // namespace

InsightsValue evaluate(const InsightsExpression& expression, const InsightsRecord& record) {
  using Kind = InsightsExpression::Kind;
  const auto part = [&](std::size_t index) { return evaluate(expression.parts[index], record); };
  switch (expression.kind) {
    case Kind::constant: return expression.value;
    case Kind::field: return record.get(expression.name);
    case Kind::call: return call(expression, record);
    case Kind::negative: return math('-', 0.0, part(0));
    case Kind::math: return math(expression.name[0], part(0), part(1));
    case Kind::compare: return compare(expression.name, part(0), part(1));
    case Kind::matches: return is_match(expression, record);
    case Kind::both: return is_true(part(0)) && is_true(part(1));
    case Kind::either: return is_true(part(0)) || is_true(part(1));
    case Kind::opposite: return !is_true(part(0));
    case Kind::one_of: break;
  }
  const InsightsValue value = part(0);
  for (std::size_t i = 1; i < expression.parts.size(); ++i)
    if (is_true(compare("=", value, part(i)))) return true;
  return false;
}

}  // namespace slipway::logs_door
