// Measures what a signature costs on the hot path: one InvokeEndpoint with 1 KB of CSV, checked
// whole.
#include <benchmark/benchmark.h>

#include "wire/auth/auth_test_support.h"
#include "wire/auth/checksum.h"

namespace slipway::wire {
namespace {

void verify_invoke_endpoint(benchmark::State& state) {
  const Timestamp now = testing::at("20240501T120000Z");
  testing::OwnedRequest request{.method = "POST", .path = "/endpoints/mlp/invocations"};
  request.body = std::string(static_cast<std::size_t>(state.range(0)), '1');
  request.add("Host", "127.0.0.1:4566");
  request.add("Content-Type", "text/csv");
  request.add("Accept-Encoding", "identity");
  request.add("amz-sdk-invocation-id", "8a6f3e2b-5b8b-4b9c-a9d0-0e3b5f6a7c8d");
  request.add("amz-sdk-request", "attempt=1");
  request.add("User-Agent", "Boto3/1.43.67 md/Botocore#1.43.67 ua/2.1 os/linux#6.1");
  request.add("Content-Length", std::to_string(state.range(0)));
  request.add_all(sign(request.view(), {"AKIDEXAMPLE", std::string(testing::example_secret)},
                       {"us-east-1", "sagemaker"}, now));
  testing::FakeKeys keys;
  SigningKeyCache cache;
  const SignedRequest view = request.view();
  for (auto _ : state) {
    auto verified = verify(view, {"sagemaker", AuthDialect::rest_json}, keys, cache, now);
    if (!verified) state.SkipWithError("refused");
    benchmark::DoNotOptimize(verified);
  }
}
BENCHMARK(verify_invoke_endpoint)->Arg(0)->Arg(1024)->Arg(65536);

void checksum_of_a_mebibyte(benchmark::State& state) {
  const auto algorithm = static_cast<Checksum::Algorithm>(state.range(0));
  const std::string bytes(1 << 20, 'x');
  Checksum sum(algorithm);
  for (auto _ : state) sum.update(bytes);
  benchmark::DoNotOptimize(sum.digest());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
  state.SetLabel(std::string(name_of(algorithm)));
}
BENCHMARK(checksum_of_a_mebibyte)->DenseRange(0, 6);

}  // namespace
}  // namespace slipway::wire

BENCHMARK_MAIN();
