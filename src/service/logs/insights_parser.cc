#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "service/logs/insights_lexer.h"
#include "service/logs/insights_syntax.h"
#include "service/logs/pattern_text.h"

namespace slipway::logs_door {

namespace {

using Expression = InsightsExpression;
using Command = InsightsCommand;
using Kind = InsightsExpression::Kind;
using TokenKind = InsightsToken::Kind;

// Commands that AWS has, and this server has not.
constexpr std::array unknown_commands = {"pattern", "diff",   "unmask",      "anomaly", "unnest",
                                         "source",  "lookup", "filterindex", "join"};

// Whether an expression counts rows somewhere.
bool counts(const Expression& expression) {
  if (expression.kind == Kind::call && is_aggregate(expression.name)) return true;
  return std::ranges::any_of(expression.parts, counts);
}

// Reads expressions and commands from the words of a query, by descent: the loosest operator first.
class Parser {
 public:
  explicit Parser(InsightsLexer lexer) : lexer_(std::move(lexer)) {}

  Result<InsightsQuery> query() {
    InsightsQuery query;
    std::size_t stats = 0;
    bool is_deduped = false;
    do {
      const std::size_t begin = lexer_.next().begin;
      TRY(Command command, this->command());
      if (is_deduped && command.kind != Command::Kind::limit)
        return malformed("dedup may be followed by limit alone", begin);
      is_deduped |= command.kind == Command::Kind::dedup;
      if (command.kind == Command::Kind::stats && ++stats > insights_stats_max)
        return malformed(fmt::format("more than {} stats commands", insights_stats_max), begin);
      query.commands.push_back(std::move(command));
      TRY(more_, lexer_.take_sign("|"));
    } while (more_);
    if (lexer_.next().kind != TokenKind::end)
      return malformed(fmt::format("unexpected '{}'", lexer_.next().text), lexer_.next().begin);
    return query;
  }

 private:
  Result<Command> command();
  Result<Command> columns(Command::Kind kind);
  Result<Command> filter();
  Result<Command> parse();
  Result<Command> stats();
  Result<Command> sort();
  Result<Command> limit();

  Result<InsightsColumn> column();
  Result<std::string> name();
  Result<> parse_names(Command& command, std::size_t count);

  Result<Expression> either();
  Result<Expression> both();
  Result<Expression> opposite();
  Result<Expression> comparison();
  Result<Expression> match(Expression left);
  Result<Expression> one_of(Expression left);
  Result<Expression> sum();
  Result<Expression> product();
  Result<Expression> power();
  Result<Expression> operand();
  Result<Expression> call(std::string name, std::size_t begin);
  Result<> count_node();

  // A pair of parts joined by an operator.
  static Expression joined(Kind kind, std::string name, Expression left, Expression right) {
    Expression out{.kind = kind, .name = std::move(name)};
    out.parts.push_back(std::move(left));
    out.parts.push_back(std::move(right));
    return out;
  }

  InsightsLexer lexer_;
  bool more_ = false;
  int depth_ = 0;
  std::size_t nodes_ = 0;
};

Result<> Parser::count_node() {
  if (++nodes_ > insights_nodes_max) return malformed("the query is too long", lexer_.next().begin);
  return {};
}

Result<Command> Parser::command() {
  const std::size_t begin = lexer_.next().begin;
  TRY(const std::string word, name());
  const std::string command = to_lower(word);
  if (command == "fields") return columns(Command::Kind::fields);
  if (command == "display") return columns(Command::Kind::display);
  if (command == "dedup") return columns(Command::Kind::dedup);
  if (command == "filter") return filter();
  if (command == "parse") return parse();
  if (command == "stats") return stats();
  if (command == "sort") return sort();
  if (command == "limit" || command == "head") return limit();
  if (std::ranges::find(unknown_commands, command) != unknown_commands.end())
    return malformed(
        fmt::format("the command {} is not supported by this version of Slipway", command), begin);
  return malformed(fmt::format("there is no command '{}'", word), begin);
}

Result<std::string> Parser::name() {
  const InsightsToken& token = lexer_.next();
  if (token.kind != TokenKind::word && token.kind != TokenKind::quoted_word)
    return malformed("a name is expected", token.begin);
  std::string name = token.text;
  TRY_DO(lexer_.advance());
  return name;
}

Result<InsightsColumn> Parser::column() {
  const std::size_t begin = lexer_.next().begin;
  InsightsColumn column;
  TRY(column.expression, either());
  column.name = lexer_.text().substr(begin, lexer_.taken_to() - begin);
  if (column.expression.kind == Kind::field) column.name = column.expression.name;
  TRY(const bool has_name, lexer_.take_word("as"));
  if (has_name) {
    TRY(column.name, name());
  }
  return column;
}

Result<Command> Parser::columns(Command::Kind kind) {
  Command command{.kind = kind};
  bool more = true;
  while (more) {
    const std::size_t begin = lexer_.next().begin;
    TRY(InsightsColumn column, this->column());
    if (counts(column.expression)) return malformed("only stats counts rows", begin);
    command.columns.push_back(std::move(column));
    TRY(more, lexer_.take_sign(","));
  }
  return command;
}

Result<Command> Parser::filter() {
  const std::size_t begin = lexer_.next().begin;
  Command command{.kind = Command::Kind::filter};
  TRY(command.expression, either());
  if (counts(command.expression)) return malformed("only stats counts rows", begin);
  return command;
}

// A glob as an expression: each '*' is a group.
std::string glob_regex(std::string_view glob, std::size_t& groups) {
  std::string out;
  for (std::size_t i = 0; i < glob.size(); ++i) {
    const char c = glob[i];
    if (c == '*') {
      ++groups;
      out += i + 1 == glob.size() ? "(.*)" : "(.*?)";
    } else {
      if (std::string_view("\\^$.[]|()?*+{}").contains(c)) out += '\\';
      out += c;
    }
  }
  return "(?s)" + out;
}

Result<Command> Parser::parse() {
  Command command{.kind = Command::Kind::parse};
  const bool has_field = lexer_.next().kind != TokenKind::text &&
                         !(lexer_.next().kind == TokenKind::sign && lexer_.next().text == "/");
  command.expression = {.kind = Kind::field, .name = "@message"};
  if (has_field) {
    TRY(command.expression, operand());
  }
  const InsightsToken token = lexer_.next();
  std::size_t groups = 0;
  std::string expression;
  if (token.kind == TokenKind::text) {
    expression = glob_regex(token.text, groups);
    TRY_DO(lexer_.advance());
  } else if (token.kind == TokenKind::sign && token.text == "/") {
    TRY(expression, lexer_.take_regex());
  } else {
    return malformed("parse takes a text or a regular expression", token.begin);
  }
  auto regex = LineRegex::compile(expression);
  if (!regex) return malformed(regex.error().message, token.begin);
  command.names = regex->group_names();
  command.regex = *std::move(regex);
  TRY(const bool has_names, lexer_.take_word("as"));
  if (has_names) TRY_DO(parse_names(command, command.names.size()));
  if (std::ranges::all_of(command.names, &std::string::empty))
    return malformed("parse names no field", token.begin);
  return command;
}

Result<> Parser::parse_names(Command& command, std::size_t count) {
  const std::size_t begin = lexer_.next().begin;
  command.names.clear();
  bool more = true;
  while (more) {
    TRY(std::string name, this->name());
    command.names.push_back(std::move(name));
    TRY(more, lexer_.take_sign(","));
  }
  if (command.names.size() != count)
    return malformed(
        fmt::format("parse names {} fields and takes out {}", command.names.size(), count), begin);
  return {};
}

Result<Command> Parser::stats() {
  Command command{.kind = Command::Kind::stats};
  bool more = true;
  while (more) {
    const std::size_t begin = lexer_.next().begin;
    TRY(InsightsColumn column, this->column());
    if (!counts(column.expression)) return malformed("stats takes functions that count", begin);
    command.columns.push_back(std::move(column));
    TRY(more, lexer_.take_sign(","));
  }
  TRY(more, lexer_.take_word("by"));
  while (more) {
    const std::size_t begin = lexer_.next().begin;
    TRY(InsightsColumn column, this->column());
    if (counts(column.expression)) return malformed("rows are not grouped by their count", begin);
    command.groups.push_back(std::move(column));
    TRY(more, lexer_.take_sign(","));
  }
  return command;
}

Result<Command> Parser::sort() {
  Command command{.kind = Command::Kind::sort};
  bool more = true;
  while (more) {
    TRY(InsightsColumn column, this->column());
    // The column of an expression that stands above by its own text: "sort count(*)".
    if (counts(column.expression) || column.expression.kind == Kind::call)
      column.expression = {.kind = Kind::field, .name = column.name};
    command.columns.push_back(std::move(column));
    TRY(const bool descends, lexer_.take_word("desc"));
    TRY(const bool ascends, descends ? Result<bool>(false) : lexer_.take_word("asc"));
    static_cast<void>(ascends);
    command.orders.push_back(descends ? Command::Order::descending : Command::Order::ascending);
    TRY(more, lexer_.take_sign(","));
  }
  return command;
}

Result<Command> Parser::limit() {
  const InsightsToken token = lexer_.next();
  Command command{.kind = Command::Kind::limit};
  const char* const end = token.text.data() + token.text.size();
  const auto [at, error] = std::from_chars(token.text.data(), end, command.rows);
  if (token.kind != TokenKind::number || error != std::errc() || at != end || command.rows < 1 ||
      command.rows > insights_limit_max)
    return malformed(fmt::format("a limit is from 1 to {}", insights_limit_max), token.begin);
  TRY_DO(lexer_.advance());
  return command;
}

Result<Expression> Parser::either() {
  if (++depth_ > insights_depth_max)
    return malformed("the query is nested too deeply", lexer_.next().begin);
  TRY(Expression left, both());
  for (;;) {
    TRY(const bool more, lexer_.take_word("or"));
    if (!more) break;
    TRY(Expression right, both());
    left = joined(Kind::either, "or", std::move(left), std::move(right));
  }
  --depth_;
  return left;
}

Result<Expression> Parser::both() {
  TRY(Expression left, opposite());
  for (;;) {
    TRY(const bool more, lexer_.take_word("and"));
    if (!more) return left;
    TRY(Expression right, opposite());
    left = joined(Kind::both, "and", std::move(left), std::move(right));
  }
}

Result<Expression> Parser::opposite() {
  std::size_t count = 0;
  for (;; ++count) {
    TRY(const bool negated, lexer_.take_word("not"));
    if (!negated) break;
  }
  TRY(Expression inner, comparison());
  if (count % 2 == 0) return inner;
  Expression out{.kind = Kind::opposite};
  out.parts.push_back(std::move(inner));
  return out;
}

Result<Expression> Parser::comparison() {
  TRY(Expression left, sum());
  const InsightsToken token = lexer_.next();
  TRY(const bool is_like, lexer_.take_word("like"));
  if (is_like) return match(std::move(left));
  TRY(const bool is_regex, lexer_.take_sign("=~"));
  if (is_regex) return match(std::move(left));
  TRY(const bool is_in, lexer_.take_word("in"));
  if (is_in) return one_of(std::move(left));
  TRY(const bool is_not, lexer_.take_word("not"));
  if (is_not) {
    Expression out{.kind = Kind::opposite};
    TRY(const bool is_not_in, lexer_.take_word("in"));
    if (!is_not_in) {
      TRY(const bool is_not_like, lexer_.take_word("like"));
      if (!is_not_like) return malformed("not is followed by in or like", token.begin);
    }
    TRY(Expression inner, is_not_in ? one_of(std::move(left)) : match(std::move(left)));
    out.parts.push_back(std::move(inner));
    return out;
  }
  constexpr std::array relations = {"=", "!=", "<", "<=", ">", ">="};
  if (token.kind != TokenKind::sign || std::ranges::find(relations, token.text) == relations.end())
    return left;
  TRY_DO(lexer_.advance());
  TRY(Expression right, sum());
  TRY_DO(count_node());
  return joined(Kind::compare, token.text, std::move(left), std::move(right));
}

Result<Expression> Parser::match(Expression left) {
  const InsightsToken token = lexer_.next();
  Expression out{.kind = Kind::matches};
  out.parts.push_back(std::move(left));
  if (token.kind == TokenKind::sign && token.text == "/") {
    TRY(const std::string expression, lexer_.take_regex());
    auto regex = LineRegex::compile(expression);
    if (!regex) return malformed(regex.error().message, token.begin);
    out.regex = *std::move(regex);
    return out;
  }
  TRY(Expression text, sum());
  out.parts.push_back(std::move(text));
  return out;
}

Result<Expression> Parser::one_of(Expression left) {
  Expression out{.kind = Kind::one_of};
  out.parts.push_back(std::move(left));
  TRY_DO(lexer_.expect_sign("["));
  bool more = true;
  while (more) {
    TRY(Expression item, sum());
    TRY_DO(count_node());
    out.parts.push_back(std::move(item));
    TRY(more, lexer_.take_sign(","));
  }
  TRY_DO(lexer_.expect_sign("]"));
  return out;
}

Result<Expression> Parser::sum() {
  TRY(Expression left, product());
  for (;;) {
    const std::string sign = lexer_.next().text;
    if (lexer_.next().kind != TokenKind::sign || (sign != "+" && sign != "-")) return left;
    TRY_DO(lexer_.advance());
    TRY(Expression right, product());
    left = joined(Kind::math, sign, std::move(left), std::move(right));
  }
}

Result<Expression> Parser::product() {
  TRY(Expression left, power());
  for (;;) {
    const std::string sign = lexer_.next().text;
    if (lexer_.next().kind != TokenKind::sign || (sign != "*" && sign != "/" && sign != "%"))
      return left;
    TRY_DO(lexer_.advance());
    TRY(Expression right, power());
    left = joined(Kind::math, sign, std::move(left), std::move(right));
  }
}

Result<Expression> Parser::power() {
  TRY(Expression left, operand());
  TRY(const bool more, lexer_.take_sign("^"));
  if (!more) return left;
  TRY(Expression right, operand());
  return joined(Kind::math, "^", std::move(left), std::move(right));
}

Result<Expression> Parser::operand() {
  TRY_DO(count_node());
  const InsightsToken token = lexer_.next();
  if (token.kind == TokenKind::end) return malformed("the query ends too early", token.begin);
  TRY_DO(lexer_.advance());
  if (token.kind == TokenKind::text) return Expression{.value = token.text};
  if (token.kind == TokenKind::number) {
    // "5m" is a period, and no number.
    const auto number = number_of(token.text);
    if (!number) return malformed(fmt::format("'{}' is no number", token.text), token.begin);
    return Expression{.value = *number};
  }
  if (token.kind == TokenKind::quoted_word)
    return Expression{.kind = Kind::field, .name = token.text};
  if (token.kind == TokenKind::word) {
    if (lexer_.next().kind == TokenKind::sign && lexer_.next().text == "(" &&
        lexer_.next().begin == token.end)
      return call(to_lower(token.text), token.begin);
    if (period_of(token.text)) return Expression{.value = token.text};
    return Expression{.kind = Kind::field, .name = token.text};
  }
  if (token.text == "(") {
    TRY(Expression inner, either());
    TRY_DO(lexer_.expect_sign(")"));
    return inner;
  }
  if (token.text == "-") {
    if (++depth_ > insights_depth_max)
      return malformed("the query is nested too deeply", token.begin);
    Expression out{.kind = Kind::negative};
    TRY(Expression inner, operand());
    --depth_;
    out.parts.push_back(std::move(inner));
    return out;
  }
  return malformed(fmt::format("unexpected '{}'", token.text), token.begin);
}

Result<Expression> Parser::call(std::string function, std::size_t begin) {
  const auto allowed = arguments_of(function);
  if (!allowed) return malformed(fmt::format("there is no function '{}'", function), begin);
  Expression out{.kind = Kind::call, .name = std::move(function)};
  TRY_DO(lexer_.expect_sign("("));
  TRY(bool closed, lexer_.take_sign(")"));
  if (!closed && out.name == "count") {
    TRY(const bool all, lexer_.take_sign("*"));
    if (all) {
      TRY_DO(lexer_.expect_sign(")"));
      return out;
    }
  }
  while (!closed) {
    TRY(Expression argument, either());
    out.parts.push_back(std::move(argument));
    TRY(closed, lexer_.take_sign(")"));
    if (!closed) TRY_DO(lexer_.expect_sign(","));
  }
  if (out.parts.size() < allowed->least || out.parts.size() > allowed->most)
    return malformed(fmt::format("{}() takes another number of arguments", out.name), begin);
  const bool bins = out.name == "bin";
  const auto* const text = bins ? std::get_if<std::string>(&out.parts.back().value) : nullptr;
  if (bins && (!text || !period_of(*text))) return malformed("bin() takes a period, as 5m", begin);
  return out;
}

bool is_exhausted(const Expression& expression) {
  return (expression.regex && expression.regex->is_exhausted()) ||
         std::ranges::any_of(expression.parts, is_exhausted);
}

}  // namespace

Result<InsightsQuery> InsightsQuery::parse(std::string_view text) {
  TRY(InsightsLexer lexer, InsightsLexer::begin(text));
  return Parser(std::move(lexer)).query();
}

bool InsightsQuery::is_exhausted() const {
  const auto of_column = [](const InsightsColumn& column) {
    return logs_door::is_exhausted(column.expression);
  };
  return std::ranges::any_of(commands, [&](const Command& command) {
    return (command.regex && command.regex->is_exhausted()) ||
           logs_door::is_exhausted(command.expression) ||
           std::ranges::any_of(command.columns, of_column) ||
           std::ranges::any_of(command.groups, of_column);
  });
}

}  // namespace slipway::logs_door
