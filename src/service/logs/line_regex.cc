#include "service/logs/line_regex.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "service/errors.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace slipway::logs_door {

namespace {

// Limits.
constexpr std::uint32_t match_steps_max = 200'000;  // on one message
constexpr std::uint32_t nesting_max = 50;
constexpr std::size_t jit_stack_bytes_max = 256 * 1024;
constexpr std::size_t jit_stack_bytes_first = 32 * 1024;
constexpr std::uint32_t groups_max = 64;

// What matching needs beside the expression; one for each thread.
struct Workspace {
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_match_data* data = pcre2_match_data_create(groups_max + 1, nullptr);
  pcre2_jit_stack* stack =
      pcre2_jit_stack_create(jit_stack_bytes_first, jit_stack_bytes_max, nullptr);

  Workspace() {
    pcre2_set_match_limit(context, match_steps_max);
    pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~Workspace() {
    pcre2_jit_stack_free(stack);
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
};

Workspace& workspace() {
  static thread_local Workspace workspace;
  return workspace;
}

const pcre2_code* code_of(const void* code) { return static_cast<const pcre2_code*>(code); }

std::vector<std::string> names_of(const void* code) {
  std::uint32_t groups = 0, names = 0, entry_bytes = 0;
  PCRE2_SPTR table = nullptr;
  pcre2_pattern_info(code_of(code), PCRE2_INFO_CAPTURECOUNT, &groups);
  pcre2_pattern_info(code_of(code), PCRE2_INFO_NAMECOUNT, &names);
  pcre2_pattern_info(code_of(code), PCRE2_INFO_NAMEENTRYSIZE, &entry_bytes);
  pcre2_pattern_info(code_of(code), PCRE2_INFO_NAMETABLE, &table);
  std::vector<std::string> out(groups);
  for (std::uint32_t i = 0; i < names; ++i) {
    // An entry is the number of the group, high byte first, and its name with a zero behind it.
    const PCRE2_SPTR entry = table + std::size_t{i} * entry_bytes;
    const std::size_t number = std::size_t{entry[0]} << 8 | entry[1];
    if (number >= 1 && number <= out.size())
      out[number - 1] = reinterpret_cast<const char*>(entry + 2);
  }
  return out;
}

std::string error_text(int error) {
  std::array<PCRE2_UCHAR, 200> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

LineRegex::State::~State() { pcre2_code_free(static_cast<pcre2_code*>(code)); }

LineRegex::LineRegex(void* code)
    : state_(std::make_shared<State>(code)), group_names_(names_of(code)) {}

Result<LineRegex> LineRegex::compile(const std::string& expression) {
  const std::unique_ptr<pcre2_compile_context, void (*)(pcre2_compile_context*)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  pcre2_set_parens_nest_limit(context.get(), nesting_max);
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()),
                                   expression.size(), 0, &error, &at, context.get());
  if (code == nullptr)
    return fail(ErrorCode::invalid_argument,
                fmt::format("Invalid regular expression: {} at {}", error_text(error), at));
  LineRegex regex(code);
  if (regex.group_names_.size() > groups_max)
    return fail(ErrorCode::invalid_argument,
                fmt::format("Invalid regular expression: it has more than {} groups", groups_max));
  // Without the just-in-time compiler it matches too, slower.
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  return regex;
}

int LineRegex::match(std::string_view text) const {
  if (is_exhausted()) return PCRE2_ERROR_NOMATCH;
  const char* start = text.empty() ? "" : text.data();
  Workspace& space = workspace();
  const int found = pcre2_match(code_of(state_->code), reinterpret_cast<PCRE2_SPTR>(start),
                                text.size(), 0, 0, space.data, space.context);
  if (found < 0 && found != PCRE2_ERROR_NOMATCH) state_->exhausted.store(true);
  return found;
}

bool LineRegex::matches(std::string_view text) const { return match(text) >= 0; }

std::vector<std::string_view> LineRegex::captures(std::string_view text) const {
  const int found = match(text);
  if (found < 0) return {};
  const PCRE2_SIZE* const bounds = pcre2_get_ovector_pointer(workspace().data);
  std::vector<std::string_view> out(group_names_.size());
  for (std::size_t i = 1; i <= out.size() && i < static_cast<std::size_t>(found); ++i)
    if (bounds[2 * i] != PCRE2_UNSET)
      out[i - 1] = text.substr(bounds[2 * i], bounds[2 * i + 1] - bounds[2 * i]);
  return out;
}

std::unexpected<Error> exhausted() {
  return service::refuse(
      "InvalidParameterException",
      fmt::format("A regular expression takes more than {} steps on one of the messages.",
                  match_steps_max));
}

}  // namespace slipway::logs_door
