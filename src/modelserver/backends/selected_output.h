// SAGEMAKER_INFERENCE_OUTPUT asks this of AWS's XGBoost image: for each record the label, the
// probabilities or the scores, by name, in place of the bare prediction.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "modelserver/backends/xgboost_model.h"
#include "modelserver/formats/encode.h"
#include "modelserver/formats/tensor.h"

namespace slipway::modelserver {

// The names that the image knows. Which of them say something depends on the objective; for the
// others the answer is NaN, as for a name that nobody knows.
enum class OutputKey : std::uint8_t {
  predicted_label,
  labels,
  probability,
  probabilities,
  raw_score,
  raw_scores,
  predicted_score,
};

// A list of such names, made once for a model; then only read, by any thread.
//
// Values are those of the image's own functions (serve_utils.py of sagemaker-xgboost-container):
// a float32 of the booster becomes a double before anything is done with it, and 1 - p is the
// double's. For multi:softmax and binary:hinge the two raw scores are of little use there, and the
// same here.
class SelectedOutput {
 public:
  // Reads the variable: names parted by commas, blanks and case left out of account. Says once in
  // the log which of them the objective has nothing for. invalid_argument: AWS's image selects
  // nothing for this objective, or `values_per_record` are not what it means by a prediction.
  static Result<SelectedOutput> read(std::string_view variable, const Objective& objective,
                                     std::size_t values_per_record);

  // Appends the answer to `out`: JSON, JSON lines, CSV in the order of the variable, or RecordIO of
  // records whose labels are the selected values. `type` is one that is_written() in answers of the
  // kind AnswerKind::selected.
  void encode(const Tensor& predictions, RecordRange range, AcceptType type, Flavor flavor,
              std::string& out) const;

 private:
  struct Member {
    std::string name;
    std::optional<OutputKey> key;  // none: NaN
  };
  struct Value;

  explicit SelectedOutput(const Objective& objective) : objective_(objective) {}
  void take(std::vector<std::string> names);
  Value value_of(const Member& member, std::span<const float> record) const;
  void append_object(std::string& out, std::span<const float> record) const;
  void append_csv(std::string& out, std::span<const float> record) const;
  void append_record(std::string& out, std::span<const float> record) const;

  Objective objective_;
  std::vector<Member> members_;  // in the order of an object: the image's own, then the unknown
  std::vector<std::size_t> columns_;  // of CSV: members, as the variable has them
};

}  // namespace slipway::modelserver
