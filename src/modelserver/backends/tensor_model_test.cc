#include "modelserver/backends/tensor_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace slipway::modelserver {
namespace {

using testing::HasSubstr;

// Doubles its input; refuses a record that begins with 13; counts its runs.
class Doubler final : public Predictor {
 public:
  explicit Doubler(Joining joining) : joining_(joining) {}

  const ModelSignature& signature() const override { return signature_; }
  Joining joining() const override { return joining_; }
  Result<> run(std::span<Tensor> inputs, std::span<Override> /*it has no defaults*/,
               std::vector<Tensor>& outputs) override {
    ++runs;
    outputs.assign(1, inputs[0]);
    for (std::size_t i = 0; i < inputs[0].size(); ++i) {
      if (inputs[0].data<float>()[i] == 13) return fail(ErrorCode::internal, "13 is too much");
      outputs[0].data<float>()[i] *= 2;
    }
    return {};
  }

  int runs = 0;

 private:
  Joining joining_;
  ModelSignature signature_{{{"x", ElementType::float32, {any_size, 2}}},
                            {{"y", ElementType::float32, {any_size, 2}}}};
};

struct Asked {
  explicit Asked(Joining joining) {
    auto predictor = std::make_unique<Doubler>(joining);
    doubler = predictor.get();
    model = std::make_unique<TensorModel>(std::move(predictor), Manner{});
  }

  std::vector<ModelCall> ask(std::vector<std::string_view> bodies) const {
    std::vector<ModelCall> batch(bodies.size());
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      batch[i].content_type = "text/csv";
      batch[i].accept = "text/csv";
      batch[i].body = bodies[i];
    }
    model->answer(batch);
    return batch;
  }

  Doubler* doubler = nullptr;
  std::unique_ptr<TensorModel> model;
};

TEST(TensorModel, RequestsThatComeTogetherAreOneRunAndEachGetsItsOwnAnswer) {
  const Asked asked(Joining::by_records);
  const auto batch = asked.ask({"1,2", "3,4\n5,6", "7,8"});
  EXPECT_EQ(asked.doubler->runs, 1);
  EXPECT_EQ(batch[0].answer.body, "2.0,4.0\n");
  EXPECT_EQ(batch[1].answer.body, "6.0,8.0\n10.0,12.0\n");
  EXPECT_EQ(batch[2].answer.body, "14.0,16.0\n");
}

TEST(TensorModel, ABadRequestFailsAlone) {
  const Asked asked(Joining::by_records);
  const auto batch = asked.ask({"1,2", "nonsense", "13,13", "7,8"});
  EXPECT_EQ(batch[0].answer.status, 200);
  EXPECT_EQ(batch[1].answer.status, 400);
  EXPECT_EQ(batch[2].answer.status, 500);
  EXPECT_THAT(batch[2].answer.body, HasSubstr("13 is too much"));
  EXPECT_EQ(batch[3].answer.body, "14.0,16.0\n");
  EXPECT_EQ(asked.doubler->runs, 4);  // once together, then one by one
}

TEST(TensorModel, RecordsThatInfluenceEachOtherAreNeverJoined) {
  const Asked asked(Joining::never);
  EXPECT_EQ(asked.model->batch_max(), 1U);
  asked.ask({"1,2", "3,4"});
  EXPECT_EQ(asked.doubler->runs, 2);
}

TEST(TensorModel, ARunHasALimitOfRecords) {
  const Asked asked(Joining::by_records);
  std::string many;
  for (int i = 0; i < joined_records_max; ++i) many += "1,2\n";
  const auto batch = asked.ask({many, "1,2", "3,4"});
  EXPECT_EQ(asked.doubler->runs, 2);
  EXPECT_TRUE(
      std::ranges::all_of(batch, [](const ModelCall& each) { return each.answer.status == 200; }));
}

TEST(TensorModel, TypesThatAreNotKnownAreNamedWithThoseThatAre) {
  const Asked asked(Joining::by_records);
  std::vector<ModelCall> batch(2);
  batch[0].content_type = "image/png";
  batch[1].content_type = "text/csv";
  batch[1].accept = "image/png";
  asked.model->answer(batch);
  EXPECT_EQ(batch[0].answer.status, 415);
  EXPECT_THAT(batch[0].answer.body, HasSubstr("text/csv"));
  EXPECT_EQ(batch[1].answer.status, 406);
}

}  // namespace
}  // namespace slipway::modelserver
