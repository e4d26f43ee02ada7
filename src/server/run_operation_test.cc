// Operations called from inside, by the doors as they are in a server.
#include "service/run_operation.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <latch>
#include <thread>
#include <vector>

#include "gen/iam.h"
#include "gen/s3.h"
#include "gen/sagemaker.h"
#include "gen/sqs.h"
#include "gen/sts.h"
#include "server/test_doors.h"
#include "service/execution_role.h"

namespace slipway::server {
namespace {

namespace s3_op = aws::s3::op;
namespace sm = aws::sagemaker;
namespace sm_op = aws::sagemaker::op;
using service::Caller;
using service::OperationAnswer;
using service::run_operation;
using service::run_operation_alone;
using testing::HasSubstr;

constexpr std::string_view trust =
    R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":)"
    R"({"Service":"cloudformation.amazonaws.com"},"Action":"sts:AssumeRole"}})";

class RunOperationTest : public testing::Test {
 protected:
  template <typename Input>
  Input input() {
    return Input(arena_);
  }
  template <typename Op>
  auto run(store::Transaction& tx, typename Op::Input in,
           const Caller& caller = TestDoors::root()) {
    return run_operation<Op>(doors_.operations(), in, caller, tx);
  }
  template <typename Op>
  auto change(typename Op::Input in, const Caller& caller = TestDoors::root()) {
    return doors_.store().write([&](store::Transaction& tx) { return run<Op>(tx, in, caller); });
  }
  template <typename Op>
  auto look(typename Op::Input in, const Caller& caller = TestDoors::root()) {
    return doors_.store().read([&](store::Transaction& tx) { return run<Op>(tx, in, caller); });
  }

  // A bucket, a model, a configuration and an endpoint, as a stack makes them.
  Result<> make_stack(store::Transaction& tx) {
    TRY_DO(run<s3_op::CreateBucket>(tx, input<aws::s3::CreateBucketRequest>().Bucket("box")));
    auto model = input<sm::CreateModelInput>().ModelName("m");
    auto container = input<sm::ContainerDefinition>();
    container.Image("1.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:1")
        .ModelDataUrl("https://somewhere/model.tar.gz");
    model.PrimaryContainer(container);
    TRY_DO(run<sm_op::CreateModel>(tx, model));
    auto config = input<sm::CreateEndpointConfigInput>().EndpointConfigName("c");
    config.add_ProductionVariants()
        .VariantName("all")
        .ModelName("m")
        .InstanceType("ml.m5.large")
        .InitialInstanceCount(1);
    TRY_DO(run<sm_op::CreateEndpointConfig>(tx, config));
    TRY(const auto made,
        run<sm_op::CreateEndpoint>(
            tx, input<sm::CreateEndpointInput>().EndpointName("e").EndpointConfigName("c")));
    EXPECT_EQ(made.EndpointArn(), "arn:aws:sagemaker:us-east-1:000000000000:endpoint/e");
    return {};
  }
  Result<OperationAnswer> describe_endpoint() {
    const auto in = input<sm::DescribeEndpointInput>().EndpointName("e");
    return doors_.store().read([&](store::Transaction& tx) {
      return run_operation(doors_.operations(),
                           {sm_op::DescribeEndpoint::operation(), in.node(), root_, arena_}, tx);
    });
  }
  std::string_view status_of(const OperationAnswer& answer) {
    return sm::DescribeEndpointOutput(answer.output, &arena_).EndpointStatus();
  }

  // A session of a role with such a policy, as CloudFormation assumes it.
  Caller stack_role(std::string_view policy) {
    namespace iam = aws::iam;
    EXPECT_TRUE(change<iam::op::CreateRole>(
        input<iam::CreateRoleRequest>().RoleName("r").AssumeRolePolicyDocument(trust)));
    EXPECT_TRUE(change<iam::op::PutRolePolicy>(
        input<iam::PutRolePolicyRequest>().RoleName("r").PolicyName("p").PolicyDocument(policy)));
    const auto role = doors_.store().read([](store::Transaction& tx) {
      return service::find_execution_role(tx, "arn:aws:iam::000000000000:role/r");
    });
    Caller caller{
        .principal = service::assume_role_as({"cloudformation.amazonaws.com", "AWSCloudFormation"},
                                             role->value(), doors_.world().clock().now())
                         .value(),
        .access_key_id = {},
        .region = "us-east-1"};
    EXPECT_TRUE(doors_.directory().snapshot()->refresh(caller.principal));
    return caller;
  }

  wire::Arena arena_;
  TestDoors doors_;
  const Caller root_ = TestDoors::root();
};

TEST_F(RunOperationTest, AStackIsMadeInOneTransactionAndItsEndpointWaitedForByItsTopic) {
  ASSERT_TRUE(doors_.store().write([&](store::Transaction& tx) { return make_stack(tx); }));
  const std::uint64_t since = doors_.world().changes().sequence();
  const auto begun = describe_endpoint();
  ASSERT_TRUE(begun) << begun.error().message;
  EXPECT_EQ(status_of(*begun), "Creating");
  ASSERT_NE(begun->awaited, "");

  int told = 0;
  doors_.world().changes().wait(begun->awaited, since, Instant::max(),
                                [&](engine::WaitOutcome outcome) {
                                  EXPECT_EQ(outcome, engine::WaitOutcome::changed);
                                  ++told;
                                });
  doors_.world().run(std::chrono::minutes(5));
  EXPECT_EQ(told, 1);
  const auto serving = describe_endpoint();
  EXPECT_EQ(status_of(*serving), "InService");
  EXPECT_EQ(serving->awaited, "");
}

TEST_F(RunOperationTest, OfATransactionThatIsRolledBackNothingIsThere) {
  const Result<> undone = doors_.store().write([&](store::Transaction& tx) -> Result<> {
    TRY_DO(make_stack(tx));
    return fail(ErrorCode::conflict, "the stack's last resource failed");
  });
  EXPECT_EQ(undone.error().code, ErrorCode::conflict);
  doors_.world().run(std::chrono::minutes(5));
  EXPECT_TRUE(look<s3_op::ListBuckets>(input<aws::s3::ListBucketsRequest>())->Buckets().empty());
  EXPECT_TRUE(look<sm_op::ListModels>(input<sm::ListModelsInput>())->Models().empty());
  EXPECT_TRUE(look<sm_op::ListEndpointConfigs>(input<sm::ListEndpointConfigsInput>())
                  ->EndpointConfigs()
                  .empty());
  EXPECT_TRUE(look<sm_op::ListEndpoints>(input<sm::ListEndpointsInput>())->Endpoints().empty());
  EXPECT_TRUE(doors_.world().machine().starts().empty());
}

TEST_F(RunOperationTest, AnOperationThatFailsLeavesNothingAndTheTransactionGoesOn) {
  const auto made = doors_.store().write([&](store::Transaction& tx) -> Result<> {
    TRY_DO(run<s3_op::CreateBucket>(tx, input<aws::s3::CreateBucketRequest>().Bucket("first")));
    // The name is refused where the bucket's first settings cannot be made: nothing is half there.
    EXPECT_EQ(run<s3_op::CreateBucket>(tx, input<aws::s3::CreateBucketRequest>().Bucket("No"))
                  .error()
                  .kind,
              "InvalidBucketName");
    return {};
  });
  ASSERT_TRUE(made);
  EXPECT_EQ(look<s3_op::ListBuckets>(input<aws::s3::ListBucketsRequest>())->Buckets().size(), 1u);
}

TEST_F(RunOperationTest, AnInputIsHeldAgainstTheModelsConstraints) {
  const auto refused = change<sm_op::CreateModel>(input<sm::CreateModelInput>().ModelName("a b"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              HasSubstr("Value 'a b' at 'modelName' failed to satisfy constraint"));
}

TEST_F(RunOperationTest, ARoleMayWhatItsPoliciesSayAndIsRefusedInTheWordsOfHttp) {
  const Caller role = stack_role(
      R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:CreateBucket",)"
      R"("Resource":"*"}})");
  EXPECT_TRUE(
      change<s3_op::CreateBucket>(input<aws::s3::CreateBucketRequest>().Bucket("of-role"), role));
  const auto refused =
      change<aws::sqs::op::CreateQueue>(input<aws::sqs::CreateQueueRequest>().QueueName("q"), role);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
  EXPECT_EQ(refused.error().message,
            "User: arn:aws:sts::000000000000:assumed-role/r/AWSCloudFormation is not authorized to "
            "perform: sqs:createqueue on resource: arn:aws:sqs:us-east-1:000000000000:q because no "
            "identity-based policy allows the sqs:createqueue action");
}

TEST_F(RunOperationTest, ConditionsSeeWhoAsksInTheCallersName) {
  Caller user = stack_role(
      R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:CreateBucket",)"
      R"("Resource":"*","Condition":{"ForAnyValue:StringEquals":)"
      R"({"aws:CalledVia":"cloudformation.amazonaws.com"},"Bool":{"aws:ViaAWSService":"true"}}}})");
  const auto create = [&] {
    return change<s3_op::CreateBucket>(input<aws::s3::CreateBucketRequest>().Bucket("box"), user);
  };
  EXPECT_EQ(create().error().code, ErrorCode::permission_denied);
  user.called_via = {"cloudformation.amazonaws.com"};
  EXPECT_TRUE(create());
}

TEST_F(RunOperationTest, UrlsNameWhereClientsReachTheServer) {
  const auto queue =
      change<aws::sqs::op::CreateQueue>(input<aws::sqs::CreateQueueRequest>().QueueName("q"));
  EXPECT_EQ(queue->QueueUrl(), "http://127.0.0.1:4566/000000000000/q");
}

TEST_F(RunOperationTest, WhatHasTransactionsOfItsOwnIsNoPartOfOne) {
  ASSERT_TRUE(change<s3_op::CreateBucket>(input<aws::s3::CreateBucketRequest>().Bucket("box")));
  const auto put = input<aws::s3::PutObjectRequest>().Bucket("box").Key("k");
  EXPECT_THAT(change<s3_op::PutObject>(put).error().message,
              HasSubstr("s3 PutObject: it cannot be part of a transaction"));
  const auto stored = run_operation_alone(
      doors_.operations(), {s3_op::PutObject::operation(), put.node(), root_, arena_}, "hello");
  ASSERT_TRUE(stored) << stored.error().message;

  const auto get = input<aws::s3::GetObjectRequest>().Bucket("box").Key("k");
  const auto fetched = run_operation_alone(
      doors_.operations(), {s3_op::GetObject::operation(), get.node(), root_, arena_});
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(aws::s3::GetObjectOutput(fetched->output, &arena_).ETag(),
            "\"5d41402abc4b2a76b9719d911017c592\"");
  EXPECT_TRUE(fetched->body);

  const auto head = input<aws::s3::HeadObjectRequest>().Bucket("box").Key("k");
  const auto wrong = run_operation_alone(
      doors_.operations(), {s3_op::HeadObject::operation(), head.node(), root_, arena_});
  EXPECT_THAT(wrong.error().message, HasSubstr("it is run in a transaction"));
}

// Over HTTP a body whose object is locked comes with a digest, which stands in the head.
TEST_F(RunOperationTest, WhatNeverWasOnTheWayNeedsNoDigest) {
  ASSERT_TRUE(change<s3_op::CreateBucket>(
      input<aws::s3::CreateBucketRequest>().Bucket("safe").ObjectLockEnabledForBucket(true)));
  const auto put =
      input<aws::s3::PutObjectRequest>().Bucket("safe").Key("k").ObjectLockLegalHoldStatus("ON");
  const auto stored = run_operation_alone(
      doors_.operations(), {s3_op::PutObject::operation(), put.node(), root_, arena_}, "hello");
  EXPECT_TRUE(stored) << stored.error().message;
}

TEST_F(RunOperationTest, WhoAsksWhoHeIsFromInsideIsWhoCalls) {
  const auto who =
      look<aws::sts::op::GetCallerIdentity>(input<aws::sts::GetCallerIdentityRequest>());
  ASSERT_TRUE(who) << who.error().message;
  EXPECT_EQ(who->Arn(), "arn:aws:iam::000000000000:root");
}

TEST_F(RunOperationTest, AnEmptyQueueHandsBackTheTopicOfItsMessages) {
  const auto queue =
      change<aws::sqs::op::CreateQueue>(input<aws::sqs::CreateQueueRequest>().QueueName("q"));
  const auto in =
      input<aws::sqs::ReceiveMessageRequest>().QueueUrl(queue->QueueUrl()).WaitTimeSeconds(20);
  const auto answer = doors_.store().write([&](store::Transaction& tx) {
    return run_operation(doors_.operations(),
                         {aws::sqs::op::ReceiveMessage::operation(), in.node(), root_, arena_}, tx);
  });
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->awaited, "");
}

// What a request waits for is the writer, and never what the engine's thread does after a commit.
TEST_F(RunOperationTest, AMessageIsSentWhileThePlaceTakesItsTimeToStartAnInstance) {
  using namespace std::chrono_literals;
  constexpr std::size_t messages = 21;
  const auto queue =
      change<aws::sqs::op::CreateQueue>(input<aws::sqs::CreateQueueRequest>().QueueName("q"));
  std::latch starting(1);
  std::promise<void> all_sent;
  const auto sent_or_given_up = all_sent.get_future().share();
  doors_.world().machine().when_starting([&] {
    starting.count_down();
    std::this_thread::sleep_for(1s);
    sent_or_given_up.wait_for(30s);
  });
  ASSERT_TRUE(doors_.store().write([&](store::Transaction& tx) { return make_stack(tx); }));
  std::jthread engine([&] { doors_.world().run(5min); });
  starting.wait();

  std::vector<std::chrono::nanoseconds> waits;
  for (std::size_t i = 0; i < messages; ++i) {
    const auto asked = std::chrono::steady_clock::now();
    const auto sent =
        change<aws::sqs::op::SendMessage>(input<aws::sqs::SendMessageRequest>()
                                              .QueueUrl(queue->QueueUrl())
                                              .MessageBody(fmt::format("message {}", i)));
    waits.push_back(std::chrono::steady_clock::now() - asked);
    EXPECT_TRUE(sent);
  }
  all_sent.set_value();
  std::ranges::sort(waits);
  EXPECT_LT(waits[waits.size() / 2], 200ms);
  EXPECT_LT(waits.back(), 10s) << "nobody waited until the place had given up";
  engine.join();
  EXPECT_EQ(status_of(*describe_endpoint()), "InService");
}

}  // namespace
}  // namespace slipway::server
