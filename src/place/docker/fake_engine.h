// A container engine that a test scripts: it speaks the Engine API on a unix socket and runs
// nothing. What it answers, with the ways in which Docker 20.10 and podman 4.3 differ, was measured
// on them.
#pragma once

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/socket.h"

namespace slipway::place {

// Its images: `runs` prints "runs" and ends with 0 when asked to; `deaf` prints and ends by force
// alone; `quits` ends by itself with 7; `greedy` is ended for its memory; `foreign` is of another
// architecture; `far` has to be pulled first; `broken` has no program that could be started.
// Anything else is nowhere.
class FakeEngine final : public net::RequestHandler {
 public:
  enum class Kind : std::uint8_t { docker, podman };

  FakeEngine(Kind kind, const std::string& socket) : kind_(kind) {
    auto listener = net::listen_unix(socket);
    thread_.run_and_wait([&] {
      server_ = std::make_unique<net::HttpServer>(thread_.loop(), *this);
      server_->listen(std::move(*listener));
    });
  }
  ~FakeEngine() override {
    thread_.run_and_wait([this] {
      containers_.clear();
      server_.reset();
    });
  }

  // The program prints "ends" and ends.
  void end(const std::string& name, int status) {
    thread_.run_and_wait([&] {
      if (const auto found = containers_.find(name); found != containers_.end()) {
        print(*found->second, "ends\n");
        exit(*found->second, status);
      }
    });
  }
  // Somebody else removes it.
  void remove(const std::string& name) {
    thread_.run_and_wait([&] { drop(name); });
  }
  std::size_t count() {
    std::size_t count = 0;
    thread_.run_and_wait([&] { count = containers_.size(); });
    return count;
  }
  // Returns what was asked, as "METHOD /path" without version and parameters.
  std::vector<std::string> asked() {
    std::vector<std::string> asked;
    thread_.run_and_wait([&] { asked = asked_; });
    return asked;
  }
  // The body of the last POST /containers/create.
  boost::json::value created() {
    boost::json::value created;
    thread_.run_and_wait([&] { created = created_; });
    return created;
  }
  // Does the next request of that form, and answers with a status of 500 and no reason.
  void lose_answer_to(std::string asked) {
    thread_.run_and_wait([&] { lost_ = std::move(asked); });
  }

  net::BodyPlan on_head(const net::RequestHead&) override { return net::Collect{}; }
  void on_request(net::Request&& request, net::Responder&& responder) override {
    std::string path(request.path());
    if (path.starts_with("/v1.")) path.erase(0, path.find('/', 1));
    asked_.push_back(fmt::format("{} {}", request.method(), path));
    if (asked_.back() == lost_) {
      lost_.clear();
      answer(path, request, net::Responder::to([](net::Response&&) {}));
      return;  // `responder` goes without an answer
    }
    answer(path, request, std::move(responder));
  }

 private:
  struct Container {
    std::string image;
    boost::json::object document;
    enum class Status : std::uint8_t { created, running, exited } status = Status::created;
    int code = 0;
    std::vector<std::string> frames = {};
    std::vector<net::BodyWriter> readers = {};
    std::vector<net::Responder> waiters = {};
  };

  void answer(const std::string& path, const net::Request& request, net::Responder&& to) {
    const std::string_view method = request.method();
    if (path == "/_ping") return to.send({.headers = {{"Api-Version", "1.41"}}, .body = "OK"});
    if (path == "/info")
      return send(to, 200, {{"NCPU", 2}, {"MemTotal", 8LL << 30}, {"Architecture", "x86_64"}});
    if (path.starts_with("/networks")) return answer_network(method, request, to);
    if (path.starts_with("/images/")) return answer_image(path, request, std::move(to));
    if (path == "/containers/create") return create(request, to);
    if (path == "/containers/json") return list(to);
    const std::string rest = path.substr(std::string_view("/containers/").size());
    const std::string name = rest.substr(0, rest.find('/'));
    const std::string verb = rest.substr(std::min(rest.size(), name.size() + 1));
    const auto found = containers_.find(name);
    if (found == containers_.end()) return refuse(to, 404, "No such container: " + name);
    act(name, *found->second, method, verb, request, std::move(to));
  }

  void act(const std::string& name, Container& container, std::string_view method,
           std::string_view verb, const net::Request& request, net::Responder&& to) {
    if (method == "DELETE") return drop(name), to.send({.status = 204});
    if (verb == "json") return send(to, 200, inspected(name, container));
    if (verb == "start") return start(container, to);
    if (verb == "kill") return kill(container, request.query(), to);
    if (verb == "wait") {
      if (container.status != Container::Status::running) return tell_code(container, to);
      container.waiters.push_back(std::move(to));
      return;
    }
    if (verb == "logs") return follow(container, std::move(to));
    refuse(to, 404, "page not found");
  }

  void answer_network(std::string_view method, const net::Request& request, net::Responder& to) {
    if (method == "GET" && !network_) return refuse(to, 404, "network not found");
    if (method == "DELETE") network_ = false;
    if (method == "POST") network_ = true;
    send(to, method == "POST" ? 201 : 200, {{"Name", "n"}});
  }

  void answer_image(const std::string& path, const net::Request& request, net::Responder&& to) {
    if (path == "/images/create") return pull(request, std::move(to));
    std::string name = path.substr(std::string_view("/images/").size());
    name = name.substr(0, name.find(':'));
    static const std::set<std::string> here{"runs", "deaf", "quits", "greedy", "foreign", "broken"};
    if (!here.contains(name) && !pulled_.contains(name)) return refuse(to, 404, "no such image");
    send(to, 200, {{"Architecture", name == "foreign" ? "arm64" : "amd64"}});
  }

  void pull(const net::Request& request, net::Responder&& to) {
    const bool far = request.query().find("fromImage=far") != std::string_view::npos;
    if (far) pulled_.insert("far");
    auto writer = to.start(200, {});
    if (far) {
      writer.write(R"({"status":"Downloading","progressDetail":{"current":1048576,)");
      writer.write("\"total\":4194304},\"id\":\"a\"}\r\n{\"status\":\"Download complete\"}\r\n");
    } else {
      writer.write(R"({"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"})");
      writer.write("\r\n");
    }
    writer.finish();
  }

  void create(const net::Request& request, net::Responder& to) {
    const std::string name(request.query().substr(std::string_view("name=").size()));
    if (containers_.contains(name))
      return refuse(to, kind_ == Kind::docker ? 409 : 500,
                    kind_ == Kind::docker ? "Conflict. The container name is already in use."
                                          : "that name is already in use");
    const std::string_view body = request.body();
    created_ = boost::json::parse({body.data(), body.size()});
    auto container = std::make_unique<Container>();
    container->document = created_.as_object();
    const std::string image(container->document.at("Image").as_string());
    container->image = image.substr(0, image.find(':'));
    containers_[name] = std::move(container);
    send(to, 201, {{"Id", name}, {"Warnings", boost::json::array()}});
  }

  void start(Container& container, net::Responder& to) {
    const bool docker = kind_ == Kind::docker;
    if (container.status == Container::Status::running)
      return to.send({.status = docker ? 304 : 204});
    if (container.image == "broken")
      return refuse(to, docker ? 400 : 500, "exec: \"serve\": executable file not found in $PATH");
    container.status = Container::Status::running;
    print(container, "runs\n");
    if (container.image == "quits") exit(container, 7);
    if (container.image == "greedy") exit(container, 137);
    to.send({.status = 204});
  }

  void kill(Container& container, std::string_view query, net::Responder& to) {
    if (container.status != Container::Status::running)
      return refuse(to, kind_ == Kind::docker ? 409 : 500, "the container is not running");
    const bool forced = query == "signal=SIGKILL";
    if (forced || container.image != "deaf") exit(container, forced ? 137 : 0);
    to.send({.status = 204});
  }

  void follow(Container& container, net::Responder&& to) {
    auto writer = to.start(200, {});
    for (const std::string& frame : container.frames) writer.write(frame);
    if (container.status == Container::Status::exited) return writer.finish();
    container.readers.push_back(std::move(writer));
  }

  // Docker counts nanoseconds, and leaves zeros at the end out; podman counts seconds.
  void print(Container& container, std::string_view text) {
    ++prints_;
    std::string fraction = fmt::format("{:03}", prints_ % 100 * 7 + 1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    const std::string time =
        kind_ == Kind::docker ? fmt::format("2026-12-01T03:35:{:02}.{}Z ", prints_ / 100, fraction)
                              : fmt::format("2026-12-01T03:35:{:02}+00:00 ", prints_ / 100);
    const std::string line = time + std::string(text);
    std::string frame{'\1', '\0', '\0', '\0', '\0', '\0', '\0', static_cast<char>(line.size())};
    frame += line;
    container.frames.push_back(frame);
    for (net::BodyWriter& reader : container.readers) reader.write(frame);
  }

  void exit(Container& container, int code) {
    if (container.status != Container::Status::running) return;
    container.status = Container::Status::exited;
    container.code = code;
    for (net::BodyWriter& reader : std::exchange(container.readers, {})) reader.finish();
    for (net::Responder& waiter : std::exchange(container.waiters, {}))
      tell_code(container, waiter);
  }

  void drop(const std::string& name) {
    const auto found = containers_.find(name);
    if (found == containers_.end()) return;
    exit(*found->second, 137);
    containers_.erase(found);
  }

  void list(net::Responder& to) {
    boost::json::array all;
    for (const auto& [name, container] : containers_)
      all.push_back(boost::json::object{{"Labels", container->document.at("Labels")}});
    to.send({.body = boost::json::serialize(all)});
  }

  boost::json::object inspected(const std::string& name, const Container& container) {
    using Status = Container::Status;
    const char* const status = container.status == Status::created   ? "created"
                               : container.status == Status::running ? "running"
                                                                     : "exited";
    const boost::json::object& given = container.document;
    const std::string network(given.at("HostConfig").at("NetworkMode").as_string());
    boost::json::object state{{"Status", status},
                              {"ExitCode", container.code},
                              {"OOMKilled", container.image == "greedy"}};
    // As an engine does, by when the container came up.
    const std::string address =
        "172.20.0." +
        std::to_string(2 + std::distance(containers_.begin(), containers_.find(name)));
    boost::json::object networks;
    networks[network] = boost::json::object{{"IPAddress", address}};
    return {{"State", std::move(state)},
            {"Config", boost::json::object{{"Labels", given.at("Labels")},
                                           {"ExposedPorts", given.at("ExposedPorts")}}},
            {"HostConfig", given.at("HostConfig")},
            {"NetworkSettings", boost::json::object{{"Networks", std::move(networks)}}}};
  }

  void tell_code(const Container& container, net::Responder& to) {
    send(to, 200, {{"StatusCode", container.code}});
  }
  static void send(net::Responder& to, int status, const boost::json::object& body) {
    to.send({.status = status, .body = boost::json::serialize(body)});
  }
  static void refuse(net::Responder& to, int status, const std::string& message) {
    send(to, status, {{"message", message}});
  }

  const Kind kind_;
  net::LoopThread thread_;
  std::unique_ptr<net::HttpServer> server_;
  std::map<std::string, std::unique_ptr<Container>> containers_;
  std::set<std::string> pulled_;
  std::vector<std::string> asked_;
  boost::json::value created_;
  std::string lost_;
  bool network_ = false;
  int prints_ = 0;
};

}  // namespace slipway::place
