// The engine's streams of JSON documents: the progress of a pull.
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::place {

inline constexpr std::size_t json_line_bytes_max = 256 * 1024;

// Cuts a stream into its documents, one a line. One thread.
class JsonLines {
 public:
  // Calls `take` for each object that is whole by now. corrupted: a line is no JSON object or has
  // no end; nothing more may be fed.
  Result<> feed(std::string_view bytes,
                const std::function<void(const boost::json::object&)>& take);

 private:
  std::string partial_;
};

// How far a pull is, made of the documents that tell of it.
class PullProgress {
 public:
  void take(const boost::json::object& document);

  // Why it failed, in the engine's words: engines report that within an answer of status 200.
  const std::optional<std::string>& failure() const { return failure_; }
  // "12 of 40 MiB in 3 layers", as far as it is known; empty: nothing is.
  std::string sentence() const;

 private:
  struct Layer {
    std::int64_t current = 0;
    std::int64_t total = 0;
  };
  std::map<std::string, Layer> layers_;
  std::optional<std::string> failure_;
};

}  // namespace slipway::place
