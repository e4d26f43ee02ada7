// A world of strings and a server that answers what the test says.
#pragma once

#include <unistd.h>

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "net/http_server.h"

namespace slipway::cli {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "slipway-cli-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path put(const std::string& name, std::string_view content) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }

 private:
  std::filesystem::path path_;
};

// A request as a canned server saw it.
struct Seen {
  std::string method;
  std::string target;
  std::string operation;                       // after the dot of X-Amz-Target, or Action=
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;
};

class CannedServer final : public net::RequestHandler {
 public:
  using Answer = std::function<net::Response(const Seen&)>;

  explicit CannedServer(Answer answer) : answer_(std::move(answer)) {
    thread_.run_and_wait([this] {
      server_.emplace(thread_.loop(), *this);
      net::Fd listener = net::listen_tcp(net::Address::tcp("127.0.0.1", 0)).value();
      port_ = net::local_address(listener)->port;
      server_->listen(std::move(listener));
    });
  }
  ~CannedServer() override {
    thread_.run_and_wait([this] { server_.reset(); });
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<Seen> seen() const {
    const std::scoped_lock lock(mutex_);
    return seen_;
  }
  // The operations asked for, in order: "CreateModel", "PUT /bucket/key".
  std::vector<std::string> operations() const {
    std::vector<std::string> names;
    for (const Seen& each : seen()) {
      names.push_back(each.operation.empty() ? each.method + ' ' + each.target : each.operation);
    }
    return names;
  }

  void on_request(net::Request&& request, net::Responder&& responder) override {
    Seen seen{std::string(request.method()),
              std::string(request.target()),
              "",
              {},
              std::string(request.body())};
    for (const net::Header& header : request.headers()) {
      std::string name(header.name);
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      seen.headers[name] = header.value;
    }
    const std::string& target = seen.headers["x-amz-target"];
    if (!target.empty()) seen.operation = target.substr(target.find('.') + 1);
    if (seen.body.starts_with("Action="))
      seen.operation = seen.body.substr(7, seen.body.find('&') - 7);
    {
      const std::scoped_lock lock(mutex_);
      seen_.push_back(seen);
    }
    responder.send(answer_(seen));
  }

 private:
  const Answer answer_;
  mutable std::mutex mutex_;
  std::vector<Seen> seen_;
  std::uint16_t port_ = 0;
  net::LoopThread thread_{"canned"};
  std::optional<net::HttpServer> server_;
};

// Holds what a command line gave back.
struct Ran {
  int exit = 0;
  std::string out;
  std::string err;
};

inline net::Response json_answer(std::string body, int status = 200) {
  net::Response response{status};
  response.headers.add("Content-Type", "application/x-amz-json-1.1");
  response.body = net::Body(std::move(body));
  return response;
}

inline net::Response aws_error(int status, std::string_view code, std::string_view message) {
  return json_answer(fmt::format(R"({{"__type":"{}","message":"{}"}})", code, message), status);
}

inline net::Response no_endpoint() {
  return aws_error(
      400, "ValidationException",
      R"(Could not find endpoint \"arn:aws:sagemaker:us-east-1:000000000000:endpoint/x\".)");
}

class TestWorld {
 public:
  TestWorld() {
    environment = {{"AWS_ACCESS_KEY_ID", "AKIATEST"},
                   {"AWS_SECRET_ACCESS_KEY", "secret"},
                   {"HOME", folder.path().string()}};
  }

  Ran run(std::vector<std::string> arguments) {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    const SystemClock clock;
    World world{.in = in,
                .out = out,
                .err = err,
                .environment =
                    [this](const std::string& name) {
                      const auto found = environment.find(name);
                      return found == environment.end() ? std::nullopt
                                                        : std::optional(found->second);
                    },
                .clock = clock};
    world.schemas = schemas;
    world.out_terminal = out_terminal;
    world.in_terminal = in_terminal;
    CLI::App app("test");
    add_commands(app, world);
    arguments.insert(arguments.begin(), "slipway");
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    const int exit = cli::run(app, world, static_cast<int>(argv.size()), argv.data());
    return {exit, out.str(), err.str()};
  }

  Folder folder;
  std::map<std::string, std::string> environment;
  std::string input;
  std::span<const wire::Schema* const> schemas;
  Terminal in_terminal = Terminal::no;
  Terminal out_terminal = Terminal::no;
};

}  // namespace slipway::cli
