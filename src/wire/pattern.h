// The models' regular expressions, as the validator asks them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace slipway::wire {

// A pattern in Java's dialect, compiled. Immutable; any thread may match.
class Pattern {
 public:
  // A pattern that cannot be compiled matches everything: refusing what AWS accepts is worse.
  explicit Pattern(std::string_view java_pattern);
  ~Pattern();
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  bool compiled() const { return code_ != nullptr; }

  // Whether all of `text` matches. A text that takes more steps than the limit does not, nor one
  // that is not UTF-8.
  bool matches(std::string_view text) const;

 private:
  void* code_ = nullptr;
};

// The compiled form, made at first use and kept for the life of the process.
const Pattern& compiled_pattern(std::string_view java_pattern);

// Java's syntax in PCRE2's words; for tests.
std::string to_pcre(std::string_view java_pattern);

}  // namespace slipway::wire
