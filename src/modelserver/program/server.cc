#include "modelserver/program/server.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include "base/log.h"
#include "modelserver/backends/load_model.h"
#include "modelserver/fronts/dispatcher.h"
#include "modelserver/fronts/http_front.h"
#include "modelserver/fronts/link_front.h"
#include "modelserver/fronts/model_repository.h"
#include "modelserver/fronts/multi_model_http.h"
#include "modelserver/program/environment_tool.h"
#include "modelserver/program/image_variables.h"
#include "modelserver/program/zygote.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/socket.h"

namespace slipway::modelserver {
namespace {

// From SIGTERM to leaving what is not answered: SageMaker kills after 30 s.
constexpr std::chrono::seconds drain_time{25};

// SIGTERM and SIGINT as a descriptor; blocked as signals, in every thread to come.
net::Fd block_ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return net::Fd(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
}

class Server final : public net::Watcher {
 public:
  Server(const Options& options, std::shared_ptr<const OnnxRuntime> onnx)
      : options_(options),
        onnx_(std::move(onnx)),
        signals_(block_ending_signals()),
        dispatcher_(loop_, options.batching),
        http_front_(dispatcher_, loop_),
        many_(options.multi_model ? std::make_unique<Many>(loop_, options, onnx_) : nullptr),
        http_(loop_, many_ ? static_cast<net::RequestHandler&>(many_->front) : http_front_,
              limits()) {
    loop_.watch(signals_.get(), EPOLLIN, *this);
  }

  ~Server() override { loop_.unwatch(signals_.get(), *this); }

  Result<> listen() {
    if (!options_.http_socket.empty()) {
      TRY(net::Fd listener, net::listen_unix(options_.http_socket));
      http_.listen(std::move(listener));
    }
    if (!options_.link_socket.empty()) {
      TRY(net::Fd listener, net::listen_unix(options_.link_socket));
      link_.emplace(loop_, many_ ? static_cast<RequestSink&>(many_->repository) : dispatcher_,
                    std::move(listener));
    }
    if (!options_.port) return {};
    TRY(net::Fd listener,
        net::listen_tcp(net::Address::tcp(options_.listen_address, *options_.port)));
    TRY(const net::Address address, net::local_address(listener));
    http_.listen(std::move(listener));
    log_info("modelserver", "listening", {{"address", address.text()}});
    return {};
  }

  int run() {
    if (!many_) loader_ = std::jthread([this] { load(); });
    loop_.run();
    if (many_) std::_Exit(status_);     // a loader may be in the middle of a model
    if (!loaded_) std::_Exit(status_);  // the loader may be in the middle of an installation
    loader_.join();
    return status_;
  }

  void on_ready(std::uint32_t) override {
    signalfd_siginfo info;
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    }
    drain();
  }

 private:
  static net::HttpLimits limits() {
    net::HttpLimits limits;
    limits.body_bytes_max = invocation_bytes_max;
    return limits;
  }

  // On the loader's thread.
  void load() {
    const auto started = std::chrono::steady_clock::now();
    auto model = load_model(options_, onnx_);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - started);
    if (!model) {
      print_error(model.error().message);
      std::_Exit(1);
    }
    loop_.post([this, took, ready = *std::move(model)]() mutable {
      loaded_ = true;
      log_info("modelserver", "ready",
               {{"took_ms", std::to_string(took.count())},
                {"model", ready->signature().inputs.empty() ? "its inputs are its own matter"
                                                            : describe(ready->signature())}});
      dispatcher_.set_model(std::move(ready));
      http_front_.model_is_there();
    });
  }

  // Answers what came, then ends the loop; a second signal ends it at once.
  void drain() {
    if (std::exchange(draining_, true)) return loop_.stop();
    if (link_) link_->stop_listening();
    loop_.after(drain_time, [this] { loop_.stop(); });
    http_.drain(drain_time, [this] {
      if (many_) return many_->repository.when_idle([this] { loop_.stop(); });
      dispatcher_.when_idle([this] { loop_.stop(); });
    });
  }

  // In place of the one model, where the options ask for many.
  struct Many {
    Many(net::Loop& loop, const Options& options, std::shared_ptr<const OnnxRuntime> onnx)
        : repository(loop, options, std::move(onnx)), front(repository) {}
    ModelRepository repository;
    MultiModelHttp front;
  };

  const Options& options_;
  std::shared_ptr<const OnnxRuntime> onnx_;
  net::Fd signals_;
  net::Loop loop_;
  Dispatcher dispatcher_;
  HttpFront http_front_;
  std::unique_ptr<Many> many_;
  net::HttpServer http_;
  std::optional<LinkFront> link_;
  bool loaded_ = false;  // loop thread
  bool draining_ = false;
  int status_ = 0;
  std::jthread loader_;
};

}  // namespace

// fmt::print would throw where it cannot be written: an instance's log is on a disk that may be
// full.
void print_error(std::string_view sentence) {
  std::fputs(fmt::format("slipway-modelserver: {}\n", sentence).c_str(), stderr);
  std::fflush(stderr);
}

int serve(const Options& options, std::shared_ptr<const OnnxRuntime> onnx) {
  if (auto checked = check_image_variables(); !checked) {
    print_error(checked.error().message);
    return 1;
  }
  Server server(options, std::move(onnx));
  if (auto listening = server.listen(); !listening) {
    print_error(listening.error().message);
    return 1;
  }
  return server.run();
}

int run(const Options& options, std::shared_ptr<const OnnxRuntime> onnx) {
  if (!options.plan_file.empty() || !options.install_folder.empty())
    return prepare_environment(options);
  return serve(options, std::move(onnx));
}

int run_program(std::span<const std::string> arguments) {
  forbid_telemetry();
  const auto options = read_options(arguments);
  if (!options && options.error().kind == "help") {
    std::fputs(options.error().message.c_str(), stdout);
    return 0;
  }
  if (!options) {
    print_error(options.error().message);
    return 2;
  }
  if (!options->zygote_socket.empty()) return run_zygote(options->zygote_socket);
  return run(*options, nullptr);
}

}  // namespace slipway::modelserver
