// Measures what one request costs: routing, reading, validating, writing.
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "gen/sagemaker.h"
#include "gen/sagemaker_runtime.h"
#include "gen/services.h"
#include "wire/codec.h"
#include "wire/document.h"
#include "wire/route.h"
#include "wire/validate.h"

namespace slipway::wire {
namespace {

namespace sm = aws::sagemaker;

// A CreateEndpointConfig of about 3.5 KB: ten variants, thirty tags.
std::string config_request() {
  Arena arena;
  sm::CreateEndpointConfigInput in(arena);
  in.EndpointConfigName("fraud-detection-2024-05-01-12-00-00");
  for (int i = 0; i < 10; ++i) {
    auto variant = in.add_ProductionVariants();
    variant.VariantName("variant-" + std::to_string(i))
        .ModelName("fraud-detection-model-" + std::to_string(i));
    variant.InitialInstanceCount(2).InstanceType("ml.m5.xlarge").InitialVariantWeight(0.25);
    variant.ContainerStartupHealthCheckTimeoutInSeconds(600).VolumeSizeInGB(64);
  }
  for (int i = 0; i < 30; ++i)
    in.add_Tags().Key("team-" + std::to_string(i)).Value("machine-learning");
  auto capture = in.make_DataCaptureConfig();
  capture.EnableCapture(true).InitialSamplingPercentage(50).DestinationS3Uri(
      "s3://bucket/capture/prefix");
  capture.add_CaptureOptions().CaptureMode("Input");
  const auto request =
      encode_request(sm::op::CreateEndpointConfig::operation(), Protocol::json11, in.node());
  return request->body;
}

HttpRequestView view_of(const std::string& body) {
  return {.method = "POST", .path = "/", .query = "", .headers = {}, .body = body};
}

void BM_Read(benchmark::State& state) {
  const std::string body = config_request();
  for (auto _ : state) {
    Arena arena;
    benchmark::DoNotOptimize(decode_request(sm::op::CreateEndpointConfig::operation(),
                                            Protocol::json11, {}, view_of(body), arena));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * body.size()));
}
BENCHMARK(BM_Read);

void BM_Validate(benchmark::State& state) {
  const std::string body = config_request();
  Arena arena;
  const Operation& operation = sm::op::CreateEndpointConfig::operation();
  const auto node = decode_request(operation, Protocol::json11, {}, view_of(body), arena);
  if (const auto valid = validate(operation, *node); !valid)
    state.SkipWithError(valid.error().message.c_str());
  for (auto _ : state) benchmark::DoNotOptimize(validate(operation, *node));
}
BENCHMARK(BM_Validate);

void BM_Write(benchmark::State& state) {
  const std::string body = config_request();
  Arena arena;
  const auto node = decode_request(sm::op::CreateEndpointConfig::operation(), Protocol::json11, {},
                                   view_of(body), arena);
  for (auto _ : state)
    benchmark::DoNotOptimize(to_json(*node, sm::CreateEndpointConfigInput::shape()));
}
BENCHMARK(BM_Write);

void BM_Route(benchmark::State& state, std::string_view method, std::string_view path,
              std::string_view scope, std::string_view target) {
  const OperationRouter router(aws::schemas());
  const std::string authorization =
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20240501/us-east-1/" + std::string(scope) +
      "/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=0123456789abcdef";
  const std::vector<HeaderView> headers = {{"Host", "127.0.0.1:4566"},
                                           {"Accept-Encoding", "identity"},
                                           {"X-Amz-Target", target},
                                           {"Content-Type", "text/csv"},
                                           {"User-Agent", "Boto3/1.43 md/Botocore#1.43"},
                                           {"X-Amz-Date", "20240501T120000Z"},
                                           {"Authorization", authorization},
                                           {"Content-Length", "100"}};
  const HttpRequestView request{method, path, "", headers, ""};
  if (router.find(request).operation == nullptr) state.SkipWithError("not found");
  for (auto _ : state) benchmark::DoNotOptimize(router.find(request));
}
BENCHMARK_CAPTURE(BM_Route, invoke_endpoint, "POST", "/endpoints/fraud/invocations", "sagemaker",
                  "");
BENCHMARK_CAPTURE(BM_Route, describe_endpoint, "POST", "/", "sagemaker",
                  "SageMaker.DescribeEndpoint");
BENCHMARK_CAPTURE(BM_Route, get_object, "GET", "/bucket/a/key", "s3", "");

void BM_ReadInvokeEndpoint(benchmark::State& state) {
  const Operation& operation = aws::sagemaker_runtime::op::InvokeEndpoint::operation();
  const std::vector<HeaderView> headers = {
      {"Host", "127.0.0.1:4566"}, {"Content-Type", "text/csv"}, {"Accept", "application/json"}};
  const std::string body(700, '1');
  PathLabels labels;
  labels.add("EndpointName", "fraud");
  const HttpRequestView request{"POST", "/endpoints/fraud/invocations", "", headers, body};
  for (auto _ : state) {
    Arena arena;
    const auto node = decode_request(operation, Protocol::rest_json, labels, request, arena);
    benchmark::DoNotOptimize(validate(operation, *node));
  }
}
BENCHMARK(BM_ReadInvokeEndpoint);

}  // namespace
}  // namespace slipway::wire

BENCHMARK_MAIN();
