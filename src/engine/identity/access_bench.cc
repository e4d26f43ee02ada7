// What a decision costs in memory, what it costs to find out who may ask, and what one change costs
// beside thousands of roles.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/test_folder.h"
#include "engine/identity/access.h"
#include "engine/identity/directory.h"
#include "engine/identity/roles.h"

namespace slipway::identity {
namespace {

constexpr std::string_view account = "000000000000";

// Fifty statements of which the last allows: all are asked.
std::string long_policy() {
  std::string document = R"({"Version":"2012-10-17","Statement":[)";
  for (int i = 0; i < 49; ++i)
    document +=
        fmt::format(R"({{"Effect":"Allow","Action":["sqs:*","sns:Publish"],)"
                    R"("Resource":"arn:aws:sqs:*:*:queue-{}-${{aws:PrincipalTag/team}}-*"}},)",
                    i);
  return document + R"({"Effect":"Allow","Action":"sagemaker:Invoke*",)"
                    R"("Resource":"arn:aws:sagemaker:*:*:endpoint/*",)"
                    R"("Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"},)"
                    R"("IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]})";
}

class World {
 public:
  explicit World(int roles) {
    store_ = store::Store::open(folder_ / "store.db", migrations()).value();
    (void)store_->write([&](store::Transaction& tx) -> Result<> {
      for (int i = 0; i < roles; ++i) {
        const std::string name = fmt::format("role-{}", i);
        const Role role{.account = std::string(account), .name = name, .id = "AROA" + name};
        const std::vector<Tag> tags = {{"team", "blue"}};
        TRY_DO(create_role(tx, role, tags));
        TRY_DO(put_inline_policy(tx, {Owner::Kind::role, account, name}, "p", long_policy()));
      }
      return {};
    });
    directory_ = Directory::open(*store_, {}).value();
  }

  Principal session() const {
    Principal principal{Principal::Kind::role_session, std::string(account),
                        "arn:aws:sts::000000000000:assumed-role/role-0/me", "AROArole-0:me"};
    principal.session = std::make_shared<const SessionTerms>();
    (void)directory_->snapshot()->refresh(principal);
    return principal;
  }
  const Directory& directory() const { return *directory_; }

  void change(int i) {
    (void)store_->write([&](store::Transaction& tx) -> Result<> {
      const std::vector<Tag> tags = {{"round", std::to_string(i)}};
      TRY_DO(put_tags(tx, {Owner::Kind::role, account, "role-7"}, tags));
      directory_->follow(tx);
      return {};
    });
  }

 private:
  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Directory> directory_;
};

void decision(benchmark::State& state) {
  const World world(1);
  const Principal principal = world.session();
  for (auto _ : state) {
    const auto policies = world.directory().policies_of(principal);
    std::vector<ContextEntry> context = principal_context(principal);
    context.push_back({"aws:SourceIp", {"10.1.2.3"}});
    const Verdict verdict = decide(principal, *policies,
                                   {"sagemaker:InvokeEndpoint",
                                    "arn:aws:sagemaker:us-east-1:000000000000:endpoint/x", context},
                                   {});
    if (!verdict.allowed()) state.SkipWithError("it is allowed");
  }
}
BENCHMARK(decision);

// The change and its commit; the smaller world tells what the commit alone costs.
void change_one_role(benchmark::State& state) {
  World world(static_cast<int>(state.range(0)));
  int round = 0;
  for (auto _ : state) world.change(++round % 40);
}
BENCHMARK(change_one_role)
    ->Arg(10)
    ->Arg(5'000)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace slipway::identity

BENCHMARK_MAIN();
