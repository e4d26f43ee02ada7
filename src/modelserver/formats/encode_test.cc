#include "modelserver/formats/encode.h"

#include <gtest/gtest.h>

namespace slipway::modelserver {
namespace {

const ModelSignature one{{}, {{"y", ElementType::float32, {any_size, 2}}}};
const ModelSignature two{
    {}, {{"y", ElementType::float32, {any_size, 2}}, {"label", ElementType::string, {any_size}}}};

Tensor floats(TensorShape shape, std::initializer_list<double> values) {
  Tensor tensor;
  tensor.shape = std::move(shape);
  for (const double value : values) EXPECT_TRUE(tensor.push_number(value));
  return tensor;
}

Tensor strings(std::vector<std::string> values) {
  Tensor tensor;
  tensor.type = ElementType::string;
  tensor.shape = {static_cast<std::int64_t>(values.size())};
  tensor.strings = std::move(values);
  return tensor;
}

std::string text(const ModelSignature& signature, const std::vector<Tensor>& outputs,
                 AcceptType type, AnswerStyle style = AnswerStyle::predictions,
                 Flavor flavor = Flavor::plain, RecordRange range = {}) {
  std::string out;
  const auto encoded = encode(signature, outputs, range, type, style, flavor, out);
  return encoded ? out : "refused: " + encoded.error().message;
}

TEST(Accept, TheTypeThatIsWeighedMostWins) {
  EXPECT_EQ(choose_accept("", AcceptType::json), AcceptType::json);
  EXPECT_EQ(choose_accept("", AcceptType::csv), AcceptType::csv);
  EXPECT_EQ(choose_accept("*/*", AcceptType::csv), AcceptType::csv);
  EXPECT_EQ(choose_accept("image/png, text/csv;q=0.5", AcceptType::json), AcceptType::csv);
  EXPECT_EQ(choose_accept("text/csv;q=0, application/json", AcceptType::json), AcceptType::json);
  EXPECT_EQ(choose_accept("APPLICATION/X-NPY; charset=x", AcceptType::json), AcceptType::npy);
  EXPECT_EQ(choose_accept("application/*", AcceptType::csv), AcceptType::json);
  EXPECT_EQ(choose_accept("image/png", AcceptType::json), std::nullopt);
  EXPECT_EQ(choose_accept("application/json, text/plain, */*", AcceptType::json), AcceptType::json);
  EXPECT_EQ(choose_accept("application/json, text/plain, */*", AcceptType::csv), AcceptType::json);
  EXPECT_EQ(choose_accept("text/html, */*;q=0.8", AcceptType::json), AcceptType::json);
  EXPECT_EQ(choose_accept("application/json;q=0.1, text/csv;q=0.9", AcceptType::json),
            AcceptType::csv);
  EXPECT_EQ(choose_accept("application/json;q=0, */*", AcceptType::json), AcceptType::csv);
  EXPECT_EQ(choose_accept("application/json;q=0, */*", AcceptType::csv), AcceptType::csv);
  EXPECT_EQ(choose_accept("*/*;q=0.1, application/x-npy ; q=0.5", AcceptType::json),
            AcceptType::npy);
  EXPECT_EQ(choose_accept("text/csv;q=no", AcceptType::json), std::nullopt);
  EXPECT_EQ(choose_accept("*/*;q=0", AcceptType::json), std::nullopt);
}

TEST(Json, PredictionsAreByRecordAndOutputsByName) {
  const std::vector<Tensor> outputs{floats({2, 2}, {1, 0.5, -2, 3})};
  EXPECT_EQ(text(one, outputs, AcceptType::json), R"({"predictions": [[1.0, 0.5], [-2.0, 3.0]]})");
  EXPECT_EQ(text(one, outputs, AcceptType::json, AnswerStyle::outputs),
            R"({"outputs": {"y": [[1.0, 0.5], [-2.0, 3.0]]}})");
}

TEST(Json, SeveralOutputsAreNamedInEachRecord) {
  const std::vector<Tensor> outputs{floats({2, 2}, {1, 0.5, -2, 3}), strings({"a", "b\"\n"})};
  EXPECT_EQ(text(two, outputs, AcceptType::json),
            R"({"predictions": [{"y": [1.0, 0.5], "label": "a"}, )"
            R"({"y": [-2.0, 3.0], "label": "b\"\u000a"}]})");
  const std::vector<Tensor> uneven{floats({1, 2}, {1, 2}), strings({"a", "b"})};
  EXPECT_EQ(text(two, uneven, AcceptType::json),
            R"({"outputs": {"y": [[1.0, 2.0]], "label": ["a", "b"]}})");
}

TEST(Json, AScalarAndAnEmptyArrayAreWhatTheyAre) {
  EXPECT_EQ(text(one, {floats({}, {2.5})}, AcceptType::json), R"({"predictions": 2.5})");
  EXPECT_EQ(text(one, {floats({0, 2}, {})}, AcceptType::json), R"({"predictions": []})");
}

TEST(Encode, ARangeCutsOneRequestOutOfAJoinedRun) {
  const std::vector<Tensor> outputs{floats({3, 2}, {1, 2, 3, 4, 5, 6})};
  const RecordRange range{1, 1, false};
  EXPECT_EQ(text(one, outputs, AcceptType::json, AnswerStyle::predictions, Flavor::plain, range),
            R"({"predictions": [[3.0, 4.0]]})");
  EXPECT_EQ(text(one, outputs, AcceptType::csv, AnswerStyle::predictions, Flavor::plain, range),
            "3.0,4.0\n");
  const auto npy =
      text(one, outputs, AcceptType::npy, AnswerStyle::predictions, Flavor::plain, range);
  EXPECT_NE(npy.find("'shape': (1, 2)"), npy.npos);
  EXPECT_EQ((npy.size() - 8) % 64, 0U);
}

TEST(Csv, IsALinePerRecord) {
  const std::vector<Tensor> outputs{floats({2, 2}, {1, 0.5, -2, 3}), strings({"a,b", "c\"d"})};
  EXPECT_EQ(text(two, outputs, AcceptType::csv), "1.0,0.5,\"a,b\"\n-2.0,3.0,\"c\"\"d\"\n");
}

TEST(Xgboost, AnswersAsItsImageAtAwsDoes) {
  const std::vector<Tensor> scores{floats({2}, {0.25, 0.75})};
  const auto style = AnswerStyle::predictions;
  EXPECT_EQ(text(one, scores, AcceptType::csv, style, Flavor::xgboost), "0.25,0.75");
  EXPECT_EQ(text(one, scores, AcceptType::json, style, Flavor::xgboost),
            R"({"predictions": [{"score": 0.25}, {"score": 0.75}]})");
  EXPECT_EQ(text(one, scores, AcceptType::json_lines, style, Flavor::xgboost),
            "{\"score\": 0.25}\n{\"score\": 0.75}\n");
  const std::vector<Tensor> classes{floats({2, 2}, {0.25, 0.75, 0.5, 0.5})};
  EXPECT_EQ(text(one, classes, AcceptType::csv, style, Flavor::xgboost), "[0.25, 0.75],[0.5, 0.5]");
}

TEST(Encode, WhatATypeCannotHoldIsRefused) {
  const std::vector<Tensor> outputs{floats({1, 2}, {1, 2}), strings({"a", "b"})};
  EXPECT_TRUE(text(two, outputs, AcceptType::npy).starts_with("refused"));
  EXPECT_TRUE(text(two, outputs, AcceptType::csv).starts_with("refused"));
}

}  // namespace
}  // namespace slipway::modelserver
