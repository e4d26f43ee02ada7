// Regular expressions that strangers write, over one message at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::logs_door {

// A regular expression that looks for a place in a text where it fits. What takes it too many steps
// exhausts it: it then finds nothing more, and who asked says so. Any thread may ask.
class LineRegex {
 public:
  // invalid_argument, with what is wrong with it.
  static Result<LineRegex> compile(const std::string& expression);

  bool matches(std::string_view text) const;
  // What its groups caught, by number from 1, empty where one took no part; nothing where it does
  // not fit.
  std::vector<std::string_view> captures(std::string_view text) const;
  // The names of its groups, by number from 1; empty for one without.
  const std::vector<std::string>& group_names() const { return group_names_; }

  bool is_exhausted() const { return state_->exhausted.load(std::memory_order_relaxed); }

 private:
  struct State {
    explicit State(void* it) : code(it) {}
    ~State();
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void* const code;
    std::atomic<bool> exhausted{false};
  };

  explicit LineRegex(void* code);
  // How many groups there are, and whether it fits: below 0, it does not.
  int match(std::string_view text) const;

  std::shared_ptr<State> state_;
  std::vector<std::string> group_names_;
};

// InvalidParameterException for a search whose expression was exhausted.
std::unexpected<Error> exhausted();

}  // namespace slipway::logs_door
