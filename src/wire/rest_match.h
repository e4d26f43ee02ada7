// Finds the operation of a REST service by method, raw path and query.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "wire/codec.h"
#include "wire/schema.h"

namespace slipway::wire {

// Matches a request against the path templates of one service. Immutable after construction.
// match() does not allocate.
class RestMatcher {
 public:
  explicit RestMatcher(const Schema& schema);

  // The most specific operation that fits: more literal segments first, then what its query
  // literals and required members ask for. A slash at the end and x-id in the query say nothing.
  // Segments are compared and caught as they came, percent-encoding and all. A signature covers the
  // path without its "." and ".." segments but for S3, so a path that has some fits nothing there.
  //
  // In S3 a name in the query chooses a part of the bucket or object ("?acl"). What another
  // operation of its kind is chosen by is never passed over: "DELETE /bucket/key?acl" fits nothing,
  // and is no DeleteObject.
  //
  // With `bucket`, the path's first label stands in the host instead, and only templates that begin
  // with it match. Null where nothing fits; `labels` is then unspecified.
  const Operation* match(const HttpRequestView& request, std::string_view bucket,
                         PathLabels& labels) const;

 private:
  struct Segment {
    std::string_view text;  // the literal, or the label's name
    enum class Kind : std::uint8_t { literal, label, greedy } kind;
  };
  struct QueryLiteral {
    std::string_view name;
    std::string_view value;
    bool has_value;
  };
  struct Pattern {
    const Operation* operation;
    std::vector<Segment> segments;
    std::vector<QueryLiteral> literals;
    // Empty where the operation is alone with its path: then nothing has to be told apart.
    std::vector<std::string_view> queries;
    std::vector<std::string_view> headers;
    int rank = 0;
  };

  static Pattern parse(const Operation& operation);
  static std::string group_of(const Pattern& pattern);
  void keep_needed_conditions(const Schema& schema);
  void collect_selectors();
  bool means_another(const Pattern& pattern, std::string_view query) const;
  static int rank_of(const Pattern& pattern);
  static bool path_fits(const Pattern& pattern, std::string_view path, std::string_view bucket,
                        PathLabels& labels);
  static bool conditions_hold(const Pattern& pattern, const HttpRequestView& request);

  std::vector<Pattern> patterns_;            // best first
  std::vector<std::string_view> selectors_;  // S3's names in queries that choose, sorted
  bool dots_are_names_;
};

// The raw value of a query parameter; `found` tells an empty one from none.
std::string_view query_value(std::string_view query, std::string_view name, bool& found);

}  // namespace slipway::wire
