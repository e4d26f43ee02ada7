// Operators of ai.onnx.ml, which classical models are made of: a table of records in, one row each
// out. One dimension stands for a single record there.
#include <algorithm>

#include "modelserver/row_wise/rules.h"

namespace slipway::modelserver::row_wise {
namespace {

const Value* table_of(const OperatorStep& step) {
  const Value* const x = step.input(0);
  return x != nullptr && x->has_records() && x->axis == 0 && x->rank() == 2 && are_fixed(step, 1)
             ? x
             : nullptr;
}

RuleResult row_for_row(const OperatorStep& step) {
  const Value* const x = table_of(step);
  if (x == nullptr) return std::nullopt;
  return std::vector<Value>{*x};
}

RuleResult new_columns(const OperatorStep& step) {
  if (table_of(step) == nullptr) return std::nullopt;
  return std::vector<Value>{Value::of_records({unknown_size, unknown_size}, 0)};
}

// A label for each record, and its scores.
RuleResult classifier(const OperatorStep& step) {
  if (table_of(step) == nullptr) return std::nullopt;
  return std::vector<Value>{Value::of_records({unknown_size}, 0),
                            Value::of_records({unknown_size, unknown_size}, 0)};
}

// As many columns as the model declares, or one: what follows may ask.
RuleResult regressor(const OperatorStep& step) {
  if (table_of(step) == nullptr) return std::nullopt;
  return std::vector<Value>{
      Value::of_records({unknown_size, step.node.integer("n_targets", 1)}, 0)};
}

RuleResult each_element(const OperatorStep& step) {
  const Value* const x = step.input(0);
  if (x == nullptr || !x->has_records() || !are_fixed(step, 1)) return std::nullopt;
  return std::vector<Value>{*x};
}

RuleResult one_hot_encoder(const OperatorStep& step) {
  const Value* const x = step.input(0);
  if (x == nullptr || !x->has_records()) return std::nullopt;
  auto dims = *x->dims;
  dims.push_back(unknown_size);
  return std::vector<Value>{Value::of_records(std::move(dims), x->axis)};
}

RuleResult feature_vectorizer(const OperatorStep& step) {
  for (const Value* each : step.in)
    if (each == nullptr || !each->has_records() || each->axis != 0 || each->rank() != 2)
      return std::nullopt;
  return std::vector<Value>{Value::of_records({unknown_size, unknown_size}, 0)};
}

// Picks along the last axis; out of a list of constants it picks [1, picked].
RuleResult array_feature_extractor(const OperatorStep& step) {
  const Value* const x = step.input(0);
  const Value* const places = step.input(1);
  if (x == nullptr || places == nullptr || !x->dims) return std::nullopt;
  if (x->has_records()) {
    if (!is_fixed(places) || x->axis + 1 >= x->rank()) return std::nullopt;
    auto dims = *x->dims;
    dims.back() = unknown_size;
    return std::vector<Value>{Value::of_records(std::move(dims), x->axis)};
  }
  if (!x->is_constant() || x->rank() != 1 || !places->has_records()) return std::nullopt;
  for (std::size_t i = 0; i < places->rank(); ++i)
    if (i != places->axis && (*places->dims)[i] != 1) return std::nullopt;
  return std::vector<Value>{Value::of_records({1, unknown_size}, 1)};
}

}  // namespace

std::span<const NamedRule> table_rules() {
  static constexpr NamedRule rules[] = {
      {"Scaler", row_for_row},
      {"Normalizer", row_for_row},
      {"Imputer", row_for_row},
      {"Binarizer", each_element},
      {"LabelEncoder", each_element},
      {"CategoryMapper", each_element},
      {"OneHotEncoder", one_hot_encoder},
      {"FeatureVectorizer", feature_vectorizer},
      {"ArrayFeatureExtractor", array_feature_extractor},
      {"TreeEnsembleClassifier", classifier},
      {"LinearClassifier", classifier},
      {"SVMClassifier", classifier},
      {"TreeEnsembleRegressor", regressor},
      {"SVMRegressor", new_columns},
      {"LinearRegressor", new_columns},
      {"TreeEnsemble", regressor},
  };
  return rules;
}

}  // namespace slipway::modelserver::row_wise
