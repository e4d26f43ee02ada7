// The fields of a spec and of what is in it, in the order of their text (store/document.h).
#include "engine/jobs/job_spec_text.h"

#include "store/document.h"

namespace slipway::place {

void fields(auto& field, store::Of<Mount> auto& mount) {
  using Access = Mount::Access;
  const auto writable = [](Access access) { return access == Access::read_write; };
  const auto access = [](bool may_write) -> Result<Access> {
    return may_write ? Access::read_write : Access::read_only;
  };
  field("host_path", mount.host_path);
  field("inside", mount.inside);
  field("writable", store::converted(mount.access, writable, access));
  field("kept_for_it", mount.kept_for_it);
}

void fields(auto& field, store::Of<Port> auto& port) {
  field("inside", port.inside);
  field("outside", port.outside);
}

void fields(auto& field, store::Of<Labels> auto& labels) {
  field("service", labels.service);
  field("log_space", labels.log_space);
  field("log_group", labels.log_group);
  field("log_stream", labels.log_stream);
}

void fields(auto& field, store::Of<InstanceSpec> auto& spec) {
  field("argv", spec.argv);
  field("image", spec.image);
  field("environment", spec.environment);
  field("mounts", spec.mounts);
  field("labels", spec.labels);
  field("user", spec.user);
  field("http_socket", spec.http_socket);
  field("link_socket", spec.link_socket);
  field("ports", spec.ports);
  field("memory_bytes_max", spec.memory_bytes_max);
  field("cpu_millis_max", spec.cpu_millis_max);
  field("gpus", spec.gpus);
}

}  // namespace slipway::place

namespace slipway::jobs {

void fields(auto& field, store::Of<JobInput> auto& input) {
  field("uri", input.artifact.uri);
  field("form", store::numbered(input.artifact.form, artifacts::Artifact::Form::prefix));
  field("reader", input.artifact.reader);
  field("inside", input.inside);
  field("variable", input.variable);
}

void fields(auto& field, store::Of<JobSpec> auto& spec) {
  using Interrupted = JobSpec::Interrupted;
  const auto begins = [](Interrupted then) { return then == Interrupted::begin_again; };
  const auto then = [](bool begin_again) -> Result<Interrupted> {
    return begin_again ? Interrupted::begin_again : Interrupted::end;
  };
  field.version(1);
  field("program", spec.program);
  field("inputs", spec.inputs);
  field("attempts_max", spec.attempts_max);
  field("retry_delay_ms", spec.retry_delay);
  field("time_max_s", spec.time_max);
  field("stop_grace_ms", spec.stop_grace);
  field("begin_again", store::converted(spec.interrupted, begins, then));
}

std::string to_text(const JobSpec& spec) { return store::write_document(spec); }

Result<JobSpec> spec_from_text(std::string_view text) {
  return store::read_document<JobSpec>("job", text);
}

}  // namespace slipway::jobs
