// What is done to records on their way to the instances and back: filters and joins.
//
// Pure functions over the bytes of one request. Text is copied as it stands; numbers are never read
// and written anew.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/transform/path.h"
#include "engine/transform/transform.h"

namespace slipway::transform {

// A plan's part in this, its paths read.
struct RecordRules {
  RecordFormat input_format = RecordFormat::opaque;
  RecordFormat output_format = RecordFormat::opaque;
  SplitType split = SplitType::none;
  BatchStrategy strategy = BatchStrategy::multi_record;
  TransformPlan::Assembly assembly = TransformPlan::Assembly::as_it_is;
  TransformPlan::Join join = TransformPlan::Join::none;
  std::string joined_answer_name;
  std::string joined_record_name;
  RecordPath input_filter;
  RecordPath output_filter;

  static Result<RecordRules> of(const TransformPlan& plan, BatchStrategy strategy);

  bool sends_input_as_it_is() const { return input_filter.whole(); }
};

// What of `input` is sent.
Result<> filter_input(const RecordRules& rules, std::string_view input, std::string& out);

// What is written for one request: its answer, filtered, joined to its input, ended with a line end
// where the assembly is by lines. invalid_argument: the answer has not as many records as the
// input, or a record has not what a filter names.
Result<> finish_output(const RecordRules& rules, std::string_view input, std::string_view answer,
                       std::string& out);

}  // namespace slipway::transform
