#include "engine/jobs/job_spec_text.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <stdexcept>
#include <utility>

namespace slipway::jobs {

namespace json = boost::json;

namespace {

constexpr int spec_version = 1;

// Takes the members of an object one by one; what is left over is not known here.
class Members {
 public:
  explicit Members(json::object object) : object_(std::move(object)) {}

  json::value take(std::string_view name) {
    const auto found = object_.find(name);
    if (found == object_.end()) throw std::runtime_error(fmt::format("it has no '{}'", name));
    json::value value = std::move(found->value());
    object_.erase(found);
    return value;
  }
  std::string text(std::string_view name) { return std::string(take(name).as_string()); }
  template <typename T>
  T number(std::string_view name) {
    return take(name).to_number<T>();
  }
  json::array list(std::string_view name) { return std::move(take(name).as_array()); }
  void end() const {
    if (!object_.empty())
      throw std::runtime_error(
          fmt::format("'{}' is not known", std::string_view(object_.begin()->key())));
  }

 private:
  json::object object_;
};

json::array texts_to_json(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::object to_json(const place::Mount& mount) {
  return {{"host_path", mount.host_path},
          {"inside", mount.inside},
          {"writable", mount.access == place::Mount::Access::read_write},
          {"kept_for_it", mount.kept_for_it}};
}

place::Mount mount_from(Members object) {
  place::Mount mount{.host_path = object.text("host_path"), .inside = object.text("inside")};
  if (object.take("writable").as_bool()) mount.access = place::Mount::Access::read_write;
  mount.kept_for_it = object.take("kept_for_it").as_bool();
  object.end();
  return mount;
}

json::object to_json(const place::Labels& labels) {
  return {{"service", labels.service},
          {"log_space", labels.log_space},
          {"log_group", labels.log_group},
          {"log_stream", labels.log_stream}};
}

place::Labels labels_from(Members object) {
  place::Labels labels{.service = object.text("service"),
                       .log_space = object.text("log_space"),
                       .log_group = object.text("log_group"),
                       .log_stream = object.text("log_stream")};
  object.end();
  return labels;
}

json::object to_json(const place::InstanceSpec& spec) {
  json::object environment;
  for (const auto& [name, value] : spec.environment) environment[name] = value;
  json::array mounts;
  for (const place::Mount& mount : spec.mounts) mounts.push_back(to_json(mount));
  json::array ports;
  for (const place::Port& port : spec.ports)
    ports.push_back(json::object{{"inside", port.inside}, {"outside", port.outside}});
  return {{"argv", texts_to_json(spec.argv)},
          {"image", spec.image},
          {"environment", std::move(environment)},
          {"mounts", std::move(mounts)},
          {"labels", to_json(spec.labels)},
          {"user", spec.user},
          {"http_socket", spec.http_socket},
          {"link_socket", spec.link_socket},
          {"ports", std::move(ports)},
          {"memory_bytes_max", spec.memory_bytes_max},
          {"cpu_millis_max", spec.cpu_millis_max},
          {"gpus", spec.gpus}};
}

place::InstanceSpec program_from(Members object) {
  place::InstanceSpec spec{.argv = {}, .image = object.text("image")};
  for (const json::value& argument : object.list("argv"))
    spec.argv.emplace_back(argument.as_string());
  for (const auto& variable : object.take("environment").as_object())
    spec.environment[std::string(variable.key())] = std::string(variable.value().as_string());
  for (json::value& mount : object.list("mounts"))
    spec.mounts.push_back(mount_from(Members(std::move(mount.as_object()))));
  spec.labels = labels_from(Members(object.take("labels").as_object()));
  spec.user = object.text("user");
  spec.http_socket = object.text("http_socket");
  spec.link_socket = object.text("link_socket");
  for (json::value& each : object.list("ports")) {
    Members port(std::move(each.as_object()));
    spec.ports.push_back({.inside = port.number<std::uint16_t>("inside"),
                          .outside = port.number<std::uint16_t>("outside")});
    port.end();
  }
  spec.memory_bytes_max = object.number<std::uint64_t>("memory_bytes_max");
  spec.cpu_millis_max = object.number<std::uint32_t>("cpu_millis_max");
  spec.gpus = object.number<std::uint32_t>("gpus");
  object.end();
  return spec;
}

json::object to_json(const JobInput& input) {
  return {{"uri", input.artifact.uri},
          {"form", static_cast<int>(input.artifact.form)},
          {"reader", input.artifact.reader},
          {"inside", input.inside},
          {"variable", input.variable}};
}

JobInput input_from(Members object) {
  JobInput input{.artifact = {.uri = object.text("uri")}};
  const int form = object.number<int>("form");
  if (form < 0 || form > static_cast<int>(artifacts::Artifact::Form::prefix))
    throw std::runtime_error("an input has an unknown form");
  input.artifact.form = static_cast<artifacts::Artifact::Form>(form);
  input.artifact.reader = object.text("reader");
  input.inside = object.text("inside");
  input.variable = object.text("variable");
  object.end();
  return input;
}

JobSpec spec_from(Members object) {
  if (object.number<int>("version") != spec_version) throw std::runtime_error("unknown version");
  JobSpec spec{.program = program_from(Members(object.take("program").as_object()))};
  for (json::value& input : object.list("inputs"))
    spec.inputs.push_back(input_from(Members(std::move(input.as_object()))));
  spec.attempts_max = object.number<unsigned>("attempts_max");
  spec.retry_delay = std::chrono::milliseconds(object.number<std::int64_t>("retry_delay_ms"));
  spec.time_max = std::chrono::seconds(object.number<std::int64_t>("time_max_s"));
  spec.stop_grace = std::chrono::milliseconds(object.number<std::int64_t>("stop_grace_ms"));
  if (!object.take("begin_again").as_bool()) spec.interrupted = JobSpec::Interrupted::end;
  object.end();
  return spec;
}

}  // namespace

std::string to_text(const JobSpec& spec) {
  json::array inputs;
  for (const JobInput& input : spec.inputs) inputs.push_back(to_json(input));
  return json::serialize(
      json::object{{"version", spec_version},
                   {"program", to_json(spec.program)},
                   {"inputs", std::move(inputs)},
                   {"attempts_max", spec.attempts_max},
                   {"retry_delay_ms", spec.retry_delay.count()},
                   {"time_max_s", spec.time_max.count()},
                   {"stop_grace_ms", spec.stop_grace.count()},
                   {"begin_again", spec.interrupted == JobSpec::Interrupted::begin_again}});
}

Result<JobSpec> spec_from_text(std::string_view text) {
  try {
    return spec_from(Members(json::parse({text.data(), text.size()}).as_object()));
  } catch (const std::exception& error) {
    return fail(ErrorCode::corrupted,
                fmt::format("The stored job cannot be read: {}.", error.what()));
  }
}

}  // namespace slipway::jobs
