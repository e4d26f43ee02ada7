#include "wire/pattern.h"

#include <mutex>
#include <unordered_map>
#include <utility>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace slipway::wire {
namespace {

constexpr std::uint32_t match_steps_max = 1'000'000;
constexpr std::size_t jit_stack_bytes_max = 1024 * 1024;
constexpr std::size_t jit_stack_bytes_first = 32 * 1024;

struct Rewrite {
  std::string_view java;
  std::string_view pcre;
};

// The models write these, and PCRE2 does not know them. Surrogate pairs are how Java spells the
// planes above the first; U+10000 and U+10FFFF stand here as themselves, because PCRE2_ALT_BSUX,
// which \uXXXX needs, knows no \x{}.
constexpr Rewrite rewrites[] = {
    {"\\uD800\\uDC00-\\uDBFF\\uDFFF", "\xF0\x90\x80\x80-\xF4\x8F\xBF\xBF"},
    {"\\ud800\\udc00-\\udbff\\udfff", "\xF0\x90\x80\x80-\xF4\x8F\xBF\xBF"},
    {"\\p{Alnum}", "\\p{Xan}"},
    {"\\p{Print}", " -~"},
    {"$*", "(?:$)*"},
    {"$+", "(?:$)+"},
    {"$?", "(?:$)?"},
};

// Matching needs this beside the pattern; one for each thread.
struct Workspace {
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
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

class PatternCache {
 public:
  using Map = std::unordered_map<std::string, std::unique_ptr<const Pattern>>;

  // The entry never moves and never goes.
  const Map::value_type& get(std::string_view text) {
    const std::scoped_lock lock(mutex_);
    auto found = patterns_.find(std::string(text));
    if (found == patterns_.end()) {
      found = patterns_.emplace(text, std::make_unique<const Pattern>(text)).first;
    }
    return *found;
  }

 private:
  std::mutex mutex_;
  Map patterns_;
};

}  // namespace

std::string to_pcre(std::string_view java_pattern) {
  std::string out;
  while (!java_pattern.empty()) {
    const Rewrite* found = nullptr;
    for (const Rewrite& rewrite : rewrites) {
      if (found == nullptr && java_pattern.starts_with(rewrite.java)) found = &rewrite;
    }
    if (found != nullptr) {
      out += found->pcre;
      java_pattern.remove_prefix(found->java.size());
    } else {
      // An escape stays in one piece, so that "\\$*" is not taken for "$*".
      const std::size_t size = java_pattern[0] == '\\' && java_pattern.size() > 1 ? 2 : 1;
      out += java_pattern.substr(0, size);
      java_pattern.remove_prefix(size);
    }
  }
  return out;
}

Pattern::Pattern(std::string_view java_pattern) {
  const std::string whole = "\\A(?:" + to_pcre(java_pattern) + ")\\z";
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(whole.data()), whole.size(),
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_ALT_BSUX, &error, &at, nullptr);
  // Without the just-in-time compiler it matches too, slower.
  if (code != nullptr) pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  code_ = code;
}

Pattern::~Pattern() { pcre2_code_free(static_cast<pcre2_code*>(code_)); }

bool Pattern::matches(std::string_view text) const {
  if (code_ == nullptr) return true;
  static thread_local Workspace workspace;
  const char* start = text.empty() ? "" : text.data();
  return pcre2_match(static_cast<const pcre2_code*>(code_), reinterpret_cast<PCRE2_SPTR>(start),
                     text.size(), 0, 0, workspace.data, workspace.context) >= 0;
}

const Pattern& compiled_pattern(std::string_view java_pattern) {
  static PatternCache cache;
  // Each thread remembers where its patterns are, so that threads do not meet at the lock.
  static thread_local std::unordered_map<std::string_view, const Pattern*> known;
  if (const auto found = known.find(java_pattern); found != known.end()) return *found->second;
  const auto& [text, pattern] = cache.get(java_pattern);
  known.emplace(text, pattern.get());
  return *pattern;
}

}  // namespace slipway::wire
