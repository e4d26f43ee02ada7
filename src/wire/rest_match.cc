#include "wire/rest_match.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/encoding.h"
#include "base/text.h"

namespace slipway::wire {
namespace {

std::string_view without_end_slash(std::string_view path) {
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// Takes the segment behind the next slash; false at the end of the path.
bool next_segment(std::string_view& rest, std::string_view& segment) {
  if (rest.empty()) return false;
  rest.remove_prefix(1);
  const auto end = rest.find('/');
  segment = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end);
  return true;
}

bool has_dot_segment(std::string_view path) {
  std::string_view segment;
  while (next_segment(path, segment))
    if (segment == "." || segment == "..") return true;
  return false;
}

// A presigned URL has headers in its query.
bool stands_in_signed_query(std::string_view query, std::string_view header) {
  bool found = false;
  if (query_value(query, "X-Amz-Signature", found); !found) query_value(query, "Signature", found);
  while (found && !query.empty()) {
    std::string_view pair = take_until(query, '&');
    if (equal_ignoring_case(take_until(pair, '='), header)) return true;
  }
  return false;
}

}  // namespace

std::string_view query_value(std::string_view query, std::string_view name, bool& found) {
  while (!query.empty()) {
    const std::string_view pair = take_until(query, '&');
    if (!pair.starts_with(name)) continue;
    if (pair.size() == name.size()) {
      found = true;
      return {};
    }
    if (pair[name.size()] != '=') continue;
    found = true;
    return pair.substr(name.size() + 1);
  }
  found = false;
  return {};
}

RestMatcher::RestMatcher(const Schema& schema) : dots_are_names_(schema.service.s3_style) {
  for (const Operation& operation : schema.operations) patterns_.push_back(parse(operation));
  keep_needed_conditions(schema);
  if (schema.service.s3_style) collect_selectors();
  for (Pattern& pattern : patterns_) pattern.rank = rank_of(pattern);
  std::ranges::sort(patterns_, [](const Pattern& a, const Pattern& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.operation->name < b.operation->name;
  });
}

RestMatcher::Pattern RestMatcher::parse(const Operation& operation) {
  Pattern pattern{.operation = &operation};
  std::string_view query = operation.request_uri;
  std::string_view path = without_end_slash(take_until(query, '?'));
  std::string_view segment;
  while (next_segment(path, segment)) {
    if (!segment.starts_with('{')) {
      if (!segment.empty()) pattern.segments.push_back({segment, Segment::Kind::literal});
      continue;
    }
    const bool greedy = segment.ends_with("+}");
    segment = segment.substr(1, segment.size() - (greedy ? 3 : 2));
    pattern.segments.push_back({segment, greedy ? Segment::Kind::greedy : Segment::Kind::label});
  }
  while (!query.empty()) {
    std::string_view value = take_until(query, '&');
    const bool has_value = value.contains('=');
    const std::string_view name = take_until(value, '=');
    if (name != "x-id") pattern.literals.push_back({name, value, has_value});
  }
  pattern.queries.assign(operation.match_query.begin(), operation.match_query.end());
  pattern.headers.assign(operation.match_headers.begin(), operation.match_headers.end());
  return pattern;
}

// Equal for patterns that the path and the query literals alone do not tell apart.
std::string RestMatcher::group_of(const Pattern& pattern) {
  std::string key(pattern.operation->method);
  for (const Segment& segment : pattern.segments) {
    key += '/';
    key += segment.kind == Segment::Kind::literal ? segment.text
           : segment.kind == Segment::Kind::label ? "{}"
                                                  : "{+}";
  }
  for (const QueryLiteral& literal : pattern.literals)
    ((key += '?') += literal.name) += literal.value;
  return key;
}

// A required member that is missing is the validator's to report, not a reason to find another
// operation; but where several share a path it is what tells them apart. S3 also needs it where a
// path has no literal of its own (?uploadId= is all that makes a POST a CompleteMultipartUpload).
void RestMatcher::keep_needed_conditions(const Schema& schema) {
  std::map<std::string, int> sharing;
  for (const Pattern& pattern : patterns_) ++sharing[group_of(pattern)];
  for (Pattern& pattern : patterns_) {
    const bool alone = sharing[group_of(pattern)] == 1;
    if (!alone || (schema.service.s3_style && pattern.literals.empty())) continue;
    pattern.queries.clear();
    pattern.headers.clear();
  }
}

void RestMatcher::collect_selectors() {
  for (const Pattern& pattern : patterns_) {
    for (const QueryLiteral& literal : pattern.literals)
      if (!literal.has_value) selectors_.push_back(literal.name);
    if (pattern.literals.empty())
      selectors_.insert(selectors_.end(), pattern.queries.begin(), pattern.queries.end());
  }
  selectors_.emplace_back("versionId");
  std::ranges::sort(selectors_);
  selectors_.erase(std::ranges::unique(selectors_).begin(), selectors_.end());
}

// Whether the query names a part of the resource that this operation is not about.
bool RestMatcher::means_another(const Pattern& pattern, std::string_view query) const {
  const Shape* const input = pattern.operation->input;
  if (selectors_.empty() || input == nullptr) return false;  // what is not built does nothing
  const auto is_own = [&](std::string_view name) {
    return std::ranges::find(pattern.literals, name, &QueryLiteral::name) !=
               pattern.literals.end() ||
           std::ranges::any_of(input->members, [&](const Member& member) {
             return member.location == Location::query && member.wire_name == name;
           });
  };
  while (!query.empty()) {
    std::string_view pair = take_until(query, '&');
    const std::string name = percent_decode(take_until(pair, '='));
    if (std::ranges::binary_search(selectors_, name) && !is_own(name)) return true;
  }
  return false;
}

int RestMatcher::rank_of(const Pattern& pattern) {
  int rank = 0;
  for (const Segment& segment : pattern.segments) {
    rank += segment.kind == Segment::Kind::literal ? 10'000
            : segment.kind == Segment::Kind::label ? 100
                                                   : 0;
  }
  const std::size_t conditions =
      pattern.literals.size() + pattern.queries.size() + pattern.headers.size();
  rank += static_cast<int>(conditions) * 1'000;
  rank += pattern.operation->is(OperationFlag::built) ? 2 : 0;
  rank += pattern.operation->is(OperationFlag::outdated) ? 0 : 1;
  return rank;
}

bool RestMatcher::path_fits(const Pattern& pattern, std::string_view path, std::string_view bucket,
                            PathLabels& labels) {
  labels.count = 0;
  std::size_t at = 0;
  if (!bucket.empty()) {
    if (pattern.segments.empty() || pattern.segments[0].kind != Segment::Kind::label) return false;
    labels.add(pattern.segments[0].text, bucket);
    at = 1;
  }
  std::string_view rest = path == "/" ? "" : path;
  for (; at < pattern.segments.size(); ++at) {
    const Segment& wanted = pattern.segments[at];
    std::string_view segment;
    if (wanted.kind == Segment::Kind::greedy) {
      // Greedy labels end every template that AWS's models have.
      if (rest.size() < 2) return false;
      labels.add(wanted.text, rest.substr(1));
      rest = {};
      continue;
    }
    if (!next_segment(rest, segment)) return false;
    if (wanted.kind == Segment::Kind::literal ? segment != wanted.text : segment.empty())
      return false;
    if (wanted.kind == Segment::Kind::label) labels.add(wanted.text, segment);
  }
  return rest.empty() || rest == "/";
}

bool RestMatcher::conditions_hold(const Pattern& pattern, const HttpRequestView& request) {
  bool found = false;
  if (request.query.empty() && !(pattern.literals.empty() && pattern.queries.empty())) return false;
  for (const QueryLiteral& literal : pattern.literals) {
    const std::string_view value = query_value(request.query, literal.name, found);
    if (!found || (literal.has_value && value != literal.value)) return false;
  }
  for (const std::string_view name : pattern.queries) {
    query_value(request.query, name, found);
    if (!found) return false;
  }
  return std::ranges::all_of(pattern.headers, [&](std::string_view name) {
    return std::ranges::any_of(
               request.headers,
               [&](const HeaderView& header) { return equal_ignoring_case(header.name, name); }) ||
           stands_in_signed_query(request.query, name);
  });
}

const Operation* RestMatcher::match(const HttpRequestView& request, std::string_view bucket,
                                    PathLabels& labels) const {
  if (!dots_are_names_ && has_dot_segment(request.path)) return nullptr;
  for (const Pattern& pattern : patterns_) {
    if (pattern.operation->method != request.method) continue;
    if (!conditions_hold(pattern, request)) continue;
    if (!path_fits(pattern, request.path, bucket, labels)) continue;
    return means_another(pattern, request.query) ? nullptr : pattern.operation;
  }
  return nullptr;
}

}  // namespace slipway::wire
