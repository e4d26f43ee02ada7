// XGBoost models, by the XGBoost library.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "modelserver/backends/predictor.h"

namespace slipway::modelserver {

// Bytes of the largest model file that is read.
inline constexpr std::size_t xgboost_file_bytes_max = std::size_t{8} << 30;

// An objective is what a booster was trained for, as its own configuration says.
struct Objective {
  std::string name;         // "binary:logistic"; empty where it does not say
  std::size_t classes = 0;  // of multi:*; 0 of others
};

// A loaded model, and what its answers mean.
struct XgboostModel {
  std::unique_ptr<Predictor> predictor;
  Objective objective;
};

// Loads a model file: JSON, UBJSON, the `xgboost-model` that AWS's image writes (either of these,
// or a pickled Booster of them), and the binary form of versions before 2.1. The
// content tells which, not the name. Pickles of protocol 2 and later, plain or compressed as joblib
// does by default (zlib or gzip); of XGBoost's own estimators the Booster, asked with their missing
// value and best iteration. invalid_argument: the file is no such model.
//
// Of several files the answers are averaged, as AWS's image does; where they are labels
// (multi:softmax, binary:hinge), the one that most of them give counts, of equally many the
// smallest. Where a model has the attribute
// best_ntree_limit (early stopping), trees beyond it are not asked; best_iteration alone changes
// nothing, as in AWS's image, and a line in the log says so.
//
// The predictor takes one input, float32 [N, features], where NaN is a missing value and an
// infinite one is refused, and gives one output, float32 [N] or [N, classes].
Result<XgboostModel> load_xgboost_models(const std::vector<std::string>& paths);

// Whether the file begins as one of those, so that a directory may be searched for a model.
bool looks_like_xgboost(const std::string& path);

}  // namespace slipway::modelserver
