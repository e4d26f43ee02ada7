// The program's parts together: a real ONNX model, the link, the zygote. Needs the runtime library
// that the build puts into lib/; skipped where it is not there.
#include "modelserver/program/server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cell/order.h"
#include "modelserver/backends/load_model.h"
#include "modelserver/backends/onnx_warm_up_model.h"
#include "net/link_frame.h"
#include "net/socket.h"

namespace slipway::modelserver {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr auto patience = 20s;

// A folder with the warm-up model in it, gone at the end.
class ModelFolder {
 public:
  ModelFolder() {
    char name[] = "/tmp/slipway-modelserver-XXXXXX";
    path = mkdtemp(name);
    std::ofstream(path / "model.onnx", std::ios::binary)
        .write(reinterpret_cast<const char*>(onnx_warm_up_model.data()), onnx_warm_up_model.size());
  }
  ~ModelFolder() { fs::remove_all(path); }

  fs::path path;
};

net::Fd connect_to(const fs::path& path) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    net::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
      return socket;
    std::this_thread::sleep_for(2ms);
  }
  return {};
}

// What comes within the patience, up to `count` bytes or the end.
std::string read_some(const net::Fd& socket) {
  pollfd entry{socket.get(), POLLIN, 0};
  if (poll(&entry, 1, 20'000) <= 0) return {};
  char bytes[65536];
  const auto got = ::recv(socket.get(), bytes, sizeof bytes, 0);
  return {bytes, static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

// The program in a child process, so that its signals and exits are its own.
class Child {
 public:
  explicit Child(std::vector<std::string> arguments) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    input_ = net::Fd(ends[1]);
    pid_ = fork();
    if (pid_ != 0) {
      ::close(ends[0]);
      return;
    }
    input_.reset();
    dup2(ends[0], 0);
    std::_Exit(run_program(arguments));
  }
  ~Child() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
  }

  void close_input() { input_.reset(); }
  void signal(int number) const { kill(pid_, number); }
  int wait() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  net::Fd input_;
};

bool has_runtime() {
  return fs::exists(fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "lib" /
                    "libonnxruntime.so.1");
}

// Asks over the link until the model is there; the answers by id, in the order they came.
std::vector<std::pair<std::uint32_t, std::string>> ask_link(const net::Fd& link,
                                                            std::vector<std::string> bodies) {
  std::string out;
  for (std::uint32_t i = 0; i < bodies.size(); ++i)
    EXPECT_TRUE(net::append_link_request(
        out, {.id = i, .content_type = "text/csv", .accept = "text/csv", .body = bodies[i]}));
  EXPECT_EQ(::send(link.get(), out.data(), out.size(), 0), static_cast<ssize_t>(out.size()));
  std::vector<std::pair<std::uint32_t, std::string>> answers;
  std::string in;
  while (answers.size() < bodies.size()) {
    const std::string more = read_some(link);
    if (more.empty()) break;
    in += more;
    std::string_view rest(in);
    for (;;) {
      const auto frame = net::take_link_frame(rest);
      if (!frame || !*frame) break;
      answers.emplace_back((*frame)->id,
                           std::to_string((*frame)->status) + ' ' + std::string((*frame)->body));
    }
    in.erase(0, in.size() - rest.size());
  }
  return answers;
}

std::string wait_until_ready(const fs::path& http_socket) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string answer;
  while (std::chrono::steady_clock::now() < deadline) {
    const net::Fd socket = connect_to(http_socket);
    constexpr std::string_view ping = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";
    ::send(socket.get(), ping.data(), ping.size(), MSG_NOSIGNAL);
    answer = read_some(socket);
    if (answer.starts_with("HTTP/1.1 200")) break;
    std::this_thread::sleep_for(2ms);
  }
  return answer;
}

TEST(Server, AnswersManyRequestsOfOneWriteAndEndsCleanly) {
  if (!has_runtime()) GTEST_SKIP() << "no libonnxruntime.so.1 in lib/";
  const ModelFolder folder;
  const auto http = folder.path / "http.sock";
  const auto link_path = folder.path / "link.sock";
  Child server(
      {"serve", "--model-dir", folder.path, "--http-socket", http, "--link-socket", link_path});
  ASSERT_THAT(wait_until_ready(http), HasSubstr("200"));
  const net::Fd link = connect_to(link_path);
  std::vector<std::string> bodies(200, "1,1\n");
  bodies[7] = "1\n";
  const auto answers = ask_link(link, bodies);
  ASSERT_EQ(answers.size(), bodies.size());
  for (const auto& [id, answer] : answers) {
    if (id == 7) {
      EXPECT_THAT(answer, HasSubstr("400 "));
    } else {
      EXPECT_EQ(answer, "200 0.5,0.5\n");
    }
  }
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST(Server, ALinkThatSendsNonsenseIsClosedAndTheOthersGoOn) {
  if (!has_runtime()) GTEST_SKIP() << "no libonnxruntime.so.1 in lib/";
  const ModelFolder folder;
  const auto http = folder.path / "http.sock";
  const auto link_path = folder.path / "link.sock";
  const Child server(
      {"--model-dir", folder.path, "--http-socket", http, "--link-socket", link_path});
  ASSERT_THAT(wait_until_ready(http), HasSubstr("200"));
  const net::Fd bad = connect_to(link_path);
  const net::Fd good = connect_to(link_path);
  const std::string nonsense(64, '\xFF');
  ::send(bad.get(), nonsense.data(), nonsense.size(), MSG_NOSIGNAL);
  EXPECT_EQ(read_some(bad), "");
  EXPECT_EQ(ask_link(good, {"3,3\n"}).at(0).second, "200 0.5,0.5\n");
}

// A variable of the environment of children, for as long as it lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(Server, RequestsWaitForOthersOnlyWhereTheModelsEnvironmentSaysSo) {
  if (!has_runtime()) GTEST_SKIP() << "no libonnxruntime.so.1 in lib/";
  const Variable most("SLIPWAY_BATCH_REQUESTS_MAX", "4");
  const Variable wait("SLIPWAY_BATCH_WAIT_MS", "1000");
  const ModelFolder folder;
  const auto link_path = folder.path / "link.sock";
  const Child server({"--model-dir", folder.path, "--http-socket", folder.path / "http.sock",
                      "--link-socket", link_path});
  ASSERT_THAT(wait_until_ready(folder.path / "http.sock"), HasSubstr("200"));
  const net::Fd link = connect_to(link_path);
  const auto took = [&](std::size_t requests) {
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(ask_link(link, std::vector<std::string>(requests, "1,1\n")).size(), requests);
    return std::chrono::steady_clock::now() - begun;
  };
  EXPECT_GE(took(1), 1000ms);
  EXPECT_LT(took(4), 1000ms);
}

TEST(Server, ArgumentsThatAreNotUnderstoodAreSaid) {
  const auto with_wait = [](const char* value) {
    const Variable wait("SLIPWAY_BATCH_WAIT_MS", value);
    return Child({"--port", "0", "--model-dir", "/nowhere"}).wait();
  };
  EXPECT_EQ(with_wait("1001"), 2);
  EXPECT_EQ(with_wait("soon"), 2);
  EXPECT_NE(with_wait("1000"), 2);
  EXPECT_EQ(Child({"--nonsense", "1"}).wait(), 2);
  EXPECT_EQ(Child({"--port", "99999"}).wait(), 2);
  EXPECT_EQ(Child({"--help"}).wait(), 0);
}

std::string order_for(const fs::path& folder) {
  const std::string dir = folder.string();
  cell::Order order;
  order.arguments = {"/slipway-modelserver", "serve",           "--model-dir", dir,
                     "--http-socket",        dir + "/http.sock"};
  order.variables = {"SLIPWAY_IMAGE=slipway-inference"};
  order.control = order.directory = dir;
  return cell::to_text(order).value();
}

// One order there, one line back.
std::string ask_zygote(const fs::path& socket, const std::string& order) {
  const net::Fd client = connect_to(socket);
  ::send(client.get(), order.data(), order.size(), MSG_NOSIGNAL);  // it may have closed already
  return read_some(client);
}

TEST(Zygote, ForksInstancesThatOutliveIt) {
  if (!has_runtime()) GTEST_SKIP() << "no libonnxruntime.so.1 in lib/";
  const ModelFolder folder;
  Child zygote({"--zygote", folder.path / "zygote.sock"});
  const std::string order = order_for(folder.path);
  const std::string answer = ask_zygote(folder.path / "zygote.sock", order);
  ASSERT_THAT(answer, HasSubstr("{\"pid\": "));
  pid_t pid = 0;
  std::string start_time;
  std::ifstream(folder.path / "pid") >> pid >> start_time;
  EXPECT_THAT(answer, HasSubstr(std::to_string(pid) + ", \"start_time\": " + start_time));
  EXPECT_EQ(getsid(pid), pid);
  EXPECT_THAT(wait_until_ready(folder.path / "http.sock"), HasSubstr("200"));

  EXPECT_THAT(ask_zygote(folder.path / "zygote.sock", order), HasSubstr("\"kind\": \"locked\""));
  zygote.close_input();
  EXPECT_EQ(zygote.wait(), 0);
  EXPECT_THAT(wait_until_ready(folder.path / "http.sock"), HasSubstr("200"));
  kill(pid, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (kill(pid, 0) == 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(5ms);
  std::ifstream log(folder.path / "log");
  EXPECT_THAT(std::string((std::istreambuf_iterator<char>(log)), {}), HasSubstr("ready"));
  std::ifstream ended(folder.path / "ended");
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(ended)), {}), "status 0");
}

TEST(Zygote, WhatIsNoOrderIsAnsweredWithAnError) {
  if (!has_runtime()) GTEST_SKIP() << "no libonnxruntime.so.1 in lib/";
  const ModelFolder folder;
  Child zygote({"--zygote", folder.path / "zygote.sock"});
  const std::string nonsense("nonsense\0\0", 10);
  EXPECT_THAT(ask_zygote(folder.path / "zygote.sock", nonsense), HasSubstr("{\"error\": "));
}

TEST(Zygote, OnlyTheProcessThatStartedItIsListenedTo) {
  if (!has_runtime()) GTEST_SKIP() << "no libonnxruntime.so.1 in lib/";
  const ModelFolder folder;
  Child zygote({"--zygote", folder.path / "zygote.sock"});
  connect_to(folder.path / "zygote.sock");
  const pid_t stranger = fork();
  if (stranger == 0)
    std::_Exit(ask_zygote(folder.path / "zygote.sock", order_for(folder.path)).empty() ? 0 : 1);
  int status = -1;
  waitpid(stranger, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(fs::exists(folder.path / "pid"));
}

Options options_for(const fs::path& folder, std::string image = "slipway-inference") {
  Options options;
  options.model_dir = folder;
  options.image = std::move(image);
  return options;
}

TEST(ModelDirectory, TellsWhichBackend) {
  const ModelFolder folder;
  EXPECT_EQ(choose_backend(options_for(folder.path))->backend, Backend::onnx);
  fs::rename(folder.path / "model.onnx", folder.path / "a.onnx");
  EXPECT_EQ(choose_backend(options_for(folder.path))->backend, Backend::onnx);
  std::ofstream(folder.path / "b.onnx") << "x";
  EXPECT_THAT(choose_backend(options_for(folder.path)).error().message,
              HasSubstr("a.onnx, b.onnx"));
  fs::remove(folder.path / "a.onnx");
  fs::remove(folder.path / "b.onnx");
  std::ofstream(folder.path / "config.json") << "{\"name\": 1}";
  std::ofstream(folder.path / "model.joblib") << "x";
  EXPECT_EQ(choose_backend(options_for(folder.path))->backend, Backend::python);
  std::ofstream(folder.path / "booster.json") << "{\"learner\": {}}";
  EXPECT_EQ(choose_backend(options_for(folder.path))->backend, Backend::xgboost);
  EXPECT_EQ(choose_backend(options_for(folder.path, "sagemaker-scikit-learn"))->backend,
            Backend::python);
  fs::create_directory(folder.path / "code");
  std::ofstream(folder.path / "code" / "inference.py") << "x";
  EXPECT_EQ(choose_backend(options_for(folder.path))->backend, Backend::python);
}

TEST(ModelDirectory, WithoutAModelIsDescribed) {
  const ModelFolder folder;
  fs::remove(folder.path / "model.onnx");
  std::ofstream(folder.path / "readme.txt") << "x";
  const auto message = choose_backend(options_for(folder.path)).error().message;
  EXPECT_THAT(message, HasSubstr("model.onnx"));
  EXPECT_THAT(message, HasSubstr("There is: readme.txt"));
  EXPECT_THAT(choose_backend(options_for("/nowhere")).error().message, HasSubstr("is not there"));
}

}  // namespace
}  // namespace slipway::modelserver
