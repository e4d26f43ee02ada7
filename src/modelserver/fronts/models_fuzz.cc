// Any bytes over HTTP to a server of many models: it answers every request that is one, loads only
// what is there, and the list of what it loaded is always JSON. The first byte chooses the size of
// the pieces. The folder "a" of the working directory holds a model; other names are a stranger's.
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "modelserver/formats/json_cursor.h"
#include "modelserver/fronts/multi_model_http.h"

namespace slipway::modelserver {
namespace {

constexpr int turns_max = 100'000;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

class Doubler final : public Predictor {
 public:
  const ModelSignature& signature() const override { return signature_; }
  Joining joining() const override { return Joining::by_records; }
  Result<> run(std::span<Tensor> inputs, std::span<Override> /*it has no defaults*/,
               std::vector<Tensor>& outputs) override {
    outputs.assign(inputs.begin(), inputs.end());
    for (Tensor& tensor : outputs)
      for (std::size_t i = 0; i < tensor.size(); ++i) tensor.data<float>()[i] *= 2;
    return {};
  }

 private:
  ModelSignature signature_{.inputs = {{"x", ElementType::float32, {any_size, any_size}}},
                            .outputs = {{"y", ElementType::float32, {any_size, any_size}}}};
};

// Takes every file that is called a model, as a stand-in for a library that is not instrumented.
class Doublers final : public OnnxRuntime {
 public:
  Result<std::unique_ptr<Predictor>> load(const std::string&, Footprint, Joins) const override {
    return std::make_unique<Doubler>();
  }
  void warm_up() const override {}
};

void enter_folder_with_a_model() {
  std::string folder = std::filesystem::temp_directory_path() / "slipway_models_fuzz_XXXXXX";
  check(::mkdtemp(folder.data()) != nullptr && ::chdir(folder.c_str()) == 0);
  std::filesystem::create_directory("a");
  std::ofstream("a/model.onnx") << "stands for a model";
}

// One repository for the whole run, since its threads cost more than an input; empty between
// inputs.
class Bench {
 public:
  Bench() : repository_(loop_, options_, std::make_shared<Doublers>()), front_(repository_) {
    enter_folder_with_a_model();
  }

  void serve(std::size_t piece, std::string_view bytes) {
    net::HttpServer server(loop_, front_, {.target_bytes_max = 500, .header_bytes_max = 2000});
    int ends[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    const net::Fd client(ends[0]);
    server.adopt(net::Fd(ends[1]));
    for (int turn = 0; server.counters().open > 0; ++turn) {
      check(turn < turns_max);
      if (bytes.empty()) ::shutdown(client.get(), SHUT_WR);
      const auto put =
          ::send(client.get(), bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL);
      if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
      turn_loop(put <= 0 && turn > 100);
      char answer[4096];
      while (::recv(client.get(), answer, sizeof(answer), 0) > 0) {
      }
    }
    check_list();
    clear();
  }

 private:
  // Also lets the threads that load come to an end, where nothing else is left to do.
  void turn_loop(bool waits) {
    if (waits) ::usleep(100);
    loop_.post([this] { loop_.stop(); });
    loop_.run();
  }

  void check_list() {
    std::string json;
    front_.on_request(net::Request::make("GET", "/models"),
                      net::Responder::to([&](net::Response&& response) {
                        check(response.status == 200);
                        json = response.body.view();
                      }));
    JsonCursor cursor(json);
    check(cursor.skip_value().has_value() && cursor.expect_end().has_value());
  }

  void clear() {
    std::vector<std::string> names;
    for (const auto& listed : repository_.list("", listed_models_max))
      names.emplace_back(listed.name);
    std::size_t left = names.size();
    for (std::string& name : names) repository_.unload(std::move(name), [&](Result<>) { --left; });
    for (int turn = 0; left > 0; ++turn) {
      check(turn < turns_max);
      turn_loop(turn > 100);
    }
  }

  net::Loop loop_;
  Options options_;
  ModelRepository repository_;
  MultiModelHttp front_;
};

}  // namespace
}  // namespace slipway::modelserver

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  slipway::configure_log(slipway::LogLevel::error);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static slipway::modelserver::Bench bench;
  if (size == 0) return 0;
  bench.serve(1 + std::size_t{data[0]} * data[0],
              {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
