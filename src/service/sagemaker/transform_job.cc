// Batch transform: the job is the engine transform's, its instances a fleet of its own.
#include <fmt/format.h>

#include <variant>

#include "base/text.h"
#include "engine/objects/objects.h"
#include "engine/objects/uri.h"
#include "service/errors.h"
#include "service/resource_key.h"
#include "service/sagemaker/operations.h"
#include "service/sagemaker/plan.h"
#include "service/sagemaker/resources.h"
#include "service/sagemaker/transform_contract.h"

namespace slipway::sagemaker {
namespace {

using service::refuse;
using transform::TransformPlan;
using transform::TransformState;
using transform::TransformStatus;

constexpr std::string_view variant_name = "transform";
constexpr std::int64_t timeout_s_default = 600;
constexpr std::int64_t retries_default = 3;

// AWS begins a job's FailureReason with whose fault it is.
std::string failure_reason(const TransformStatus& status) {
  switch (status.fault) {
    case transform::Fault::nobody: break;
    case transform::Fault::input: return "ClientError: " + status.reason;
    case transform::Fault::model: return "AlgorithmError: " + status.reason;
    case transform::Fault::server: return "InternalServerError: " + status.reason;
  }
  return status.reason;
}

std::string_view status_name(const TransformStatus& status) {
  switch (status.state) {
    case TransformState::completed: return "Completed";
    case TransformState::failed: return "Failed";
    case TransformState::stopped: return "Stopped";
    default: break;
  }
  return status.stop == TransformStatus::Stop::asked ? "Stopping" : "InProgress";
}

transform::TransformId id_of(const Call& call, std::string_view name) {
  return {service::resource_key(call.caller(), name)};
}

Result<objects::ObjectName> place_of(std::string_view member, std::string_view uri) {
  if (auto place = objects::parse_uri(uri)) return *std::move(place);
  return refuse("ValidationException", fmt::format("{}: {} is not an s3:// address.", member, uri));
}

transform::RecordFormat format_of(std::string_view media) {
  const std::string type = to_lower(trimmed(take_until(media, ';')));
  if (type == "text/csv") return transform::RecordFormat::csv;
  if (type == "application/json") return transform::RecordFormat::json;
  if (type == "application/jsonlines") return transform::RecordFormat::json_lines;
  return transform::RecordFormat::opaque;
}

transform::SplitType split_of(std::string_view name) {
  if (name == "Line") return transform::SplitType::line;
  if (name == "RecordIO") return transform::SplitType::record_io;
  if (name == "TFRecord") return transform::SplitType::tf_record;
  return transform::SplitType::none;
}

// What the container is told of the job; of the last three only what the client set itself.
void add_batch_environment(const api::CreateTransformJobRequest& in,
                           std::map<std::string, std::string>& environment) {
  environment["SAGEMAKER_BATCH"] = "true";
  if (const auto payload = in.MaxPayloadInMB())
    environment["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = fmt::format("{}", *payload);
  if (const auto strategy = in.BatchStrategy())
    environment["SAGEMAKER_BATCH_STRATEGY"] =
        *strategy == "SingleRecord" ? "SINGLE_RECORD" : "MULTI_RECORD";
  if (const auto concurrency = in.MaxConcurrentTransforms())
    environment["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = fmt::format("{}", *concurrency);
}

// The model's containers as an endpoint of one variant would run them.
Result<fleet::FleetPlan> instances_of(const Call& call, const BuiltInImages& built_in,
                                      const api::CreateTransformJobRequest& in) {
  api::CreateEndpointConfigInput config(call.arena());
  config.EndpointConfigName(in.TransformJobName());
  config.add_ProductionVariants()
      .VariantName(variant_name)
      .ModelName(in.ModelName())
      .InitialInstanceCount(in.TransformResources().InstanceCount());
  TRY(fleet::FleetPlan plan, fleet_plan(call, built_in, config, {}));
  plan.request_timeout = std::chrono::seconds(
      in.ModelClientConfig().InvocationsTimeoutInSeconds().value_or(timeout_s_default));
  for (fleet::Variant& container : plan.variants) {
    if (container.multi_model() != nullptr)  // no record says which model it is for
      return refuse("ValidationException",
                    fmt::format("Model {} has a container of Mode MultiModel, which cannot be used "
                                "for batch transform.",
                                in.ModelName()));
    if (std::holds_alternative<fleet::DirectContainer>(container.serving))  // nor which container
      return refuse("ValidationException",
                    fmt::format("Model {} has an InferenceExecutionConfig of Mode Direct, which "
                                "cannot be used for batch transform.",
                                in.ModelName()));
    // Whoever is free takes the next piece.
    fleet::set_balancing(container, routing::Balancing::least_outstanding);
    for (const auto& [name, value] : in.Environment())
      container.program.environment.insert_or_assign(std::string(name), std::string(value));
    add_batch_environment(in, container.program.environment);
  }
  return plan;
}

Result<> expect_supported(const api::CreateTransformJobRequest& in) {
  const std::string_view kind = in.TransformInput().DataSource().S3DataSource().S3DataType();
  if (kind != "S3Prefix" && kind != "ManifestFile")
    return refuse("ValidationException",
                  fmt::format("S3DataType {} cannot be used for batch transform.", kind));
  if (in.DataCaptureConfig())
    return refuse("ValidationException",
                  "DataCaptureConfig is not supported for transform jobs by this version of "
                  "Slipway.");
  return {};
}

Result<> fill_input(const api::TransformInput& given, TransformPlan& plan) {
  const auto source = given.DataSource().S3DataSource();
  TRY(objects::ObjectName place, place_of("S3Uri", source.S3Uri()));
  plan.source = source.S3DataType() == "ManifestFile" ? TransformPlan::Source::manifest
                                                      : TransformPlan::Source::prefix;
  plan.input_bucket = std::move(place.bucket);
  plan.input_key = std::move(place.key);
  plan.content_type = given.ContentType().value_or("");
  plan.input_format = format_of(plan.content_type);
  plan.split = split_of(given.SplitType().value_or("None"));
  if (given.CompressionType() == "Gzip") plan.compression = TransformPlan::Compression::gzip;
  return {};
}

Result<> fill_output(const api::TransformOutput& given, TransformPlan& plan) {
  TRY(objects::ObjectName place, place_of("S3OutputPath", given.S3OutputPath()));
  plan.output_bucket = std::move(place.bucket);
  plan.output_prefix = std::move(place.key);
  if (!plan.output_prefix.empty() && !plan.output_prefix.ends_with('/')) plan.output_prefix += '/';
  plan.accept = given.Accept().value_or("");
  plan.output_format = format_of(plan.accept);
  if (given.AssembleWith() == "Line") plan.assembly = TransformPlan::Assembly::lines;
  return {};
}

Result<TransformPlan> plan_of(const Call& call, const BuiltInImages& built_in,
                              const api::CreateTransformJobRequest& in) {
  TRY_DO(expect_supported(in));
  TransformPlan plan;
  TRY(plan.fleet, instances_of(call, built_in, in));
  TRY_DO(fill_input(in.TransformInput(), plan));
  TRY_DO(fill_output(in.TransformOutput(), plan));
  if (const auto strategy = in.BatchStrategy())
    plan.strategy = *strategy == "SingleRecord" ? transform::BatchStrategy::single_record
                                                : transform::BatchStrategy::multi_record;
  if (const auto payload = in.MaxPayloadInMB())
    plan.payload_mb = static_cast<std::uint32_t>(*payload);
  if (const auto concurrency = in.MaxConcurrentTransforms())
    plan.concurrency = static_cast<std::uint32_t>(*concurrency);
  plan.retries_max = static_cast<std::uint32_t>(
      in.ModelClientConfig().InvocationsMaxRetries().value_or(retries_default));
  const auto processing = in.DataProcessing();
  plan.input_filter = processing.InputFilter().value_or("");
  plan.output_filter = processing.OutputFilter().value_or("");
  if (processing.JoinSource() == "Input") plan.join = TransformPlan::Join::input;
  plan.joined_answer_name = "SageMakerOutput";
  plan.joined_record_name = "SageMakerInput";
  return plan;
}

// AWS shows these also where the client did not give them (dg, "Deploy models for batch
// inference").
void fill_defaults(api::DescribeTransformJobResponse& out) {
  auto input = out.TransformInput();
  if (!input.CompressionType()) input.CompressionType("None");
  if (!input.SplitType()) input.SplitType("None");
  auto output = out.TransformOutput();
  if (!output.AssembleWith()) output.AssembleWith("None");
  if (!output.KmsKeyId()) output.KmsKeyId("");
  auto processing = out.DataProcessing() ? out.DataProcessing() : out.make_DataProcessing();
  if (!processing.InputFilter()) processing.InputFilter("$");
  if (!processing.OutputFilter()) processing.OutputFilter("$");
  if (!processing.JoinSource()) processing.JoinSource("None");
}

struct Job {
  Resource resource;
  TransformStatus status;
};
Result<Job> get_job(const Call& call, const transform::Transforms& transforms,
                    std::string_view name) {
  auto resource = find(call, transform_job_kind, name);
  auto status = transforms.status(call.tx(), id_of(call, name));
  if (resource && status) return Job{*std::move(resource), *std::move(status)};
  return refuse("ValidationException",
                fmt::format("Could not find requested job with name: {}", name));
}

}  // namespace

Result<api::CreateTransformJobResponse> TransformJobs::create(Call& call,
                                                              api::CreateTransformJobRequest in) {
  if (const auto taken = find(call, transform_job_kind, in.TransformJobName()))
    return refuse("ResourceInUse",
                  fmt::format("Job name must be unique within an AWS account and region, and a job "
                              "with this name already exists ({})",
                              taken->arn));
  TRY(TransformPlan plan, plan_of(call, built_in_, in));
  TRY(plan.owner, reach_.transform(call, in));
  TRY(const Resource job,
      sagemaker::create(call, transform_job_kind, in.TransformJobName(), wire::to_json(in)));
  TRY_DO(put_tags(call, job.arn, in.Tags()));
  if (auto made =
          transforms_.create(call.tx(), id_of(call, in.TransformJobName()), plan, call.now());
      !made)
    return std::unexpected(transform_refusal(std::move(made).error(), plan));
  return call.output<api::CreateTransformJobResponse>().TransformJobArn(job.arn);
}

Result<api::DescribeTransformJobResponse> TransformJobs::describe(
    Call& call, api::DescribeTransformJobRequest in) {
  TRY(const Job job, get_job(call, transforms_, in.TransformJobName()));
  TRY(const auto given, document_of<api::CreateTransformJobRequest>(call, job.resource));
  auto out = call.output<api::DescribeTransformJobResponse>();
  wire::echo(given, out);
  fill_defaults(out);
  out.TransformJobArn(job.resource.arn)
      .TransformJobStatus(status_name(job.status))
      .CreationTime(job.resource.created);
  if (!job.status.reason.empty()) out.FailureReason(failure_reason(job.status));
  if (job.status.started) out.TransformStartTime(*job.status.started);
  if (job.status.ended) out.TransformEndTime(*job.status.ended);
  if (!has_ended(job.status.state))
    call.wait_for(transform::topic_of(id_of(call, in.TransformJobName())));
  return out;
}

Result<api::ListTransformJobsResponse> TransformJobs::list(Call& call,
                                                           api::ListTransformJobsRequest in) {
  ResourceListQuery query = list_query(call, in);
  query.modified_before = in.LastModifiedTimeBefore();
  query.modified_after = in.LastModifiedTimeAfter();
  query.status_equals = in.StatusEquals();
  const auto status_of = [&](std::string_view name) {
    return transforms_.status(call.tx(), id_of(call, name));
  };
  const auto look = [&](ListedResource& item) {
    const auto status = status_of(item.resource.name);
    if (!status) return false;
    item.status = status_name(*status);
    item.resource.modified = status->changed;
    return true;
  };
  TRY(const ResourceListPage page, sagemaker::list(call, transform_job_kind, query, look));
  auto out = call.output<api::ListTransformJobsResponse>();
  out.TransformJobSummaries(wire::empty);
  for (const ListedResource& item : page.items) {
    auto summary = out.add_TransformJobSummaries();
    summary.TransformJobName(item.resource.name)
        .TransformJobArn(item.resource.arn)
        .CreationTime(item.resource.created)
        .LastModifiedTime(item.resource.modified)
        .TransformJobStatus(item.status);
    const auto status = status_of(item.resource.name);
    if (status && status->ended) summary.TransformEndTime(*status->ended);
    if (status && !status->reason.empty()) summary.FailureReason(failure_reason(*status));
  }
  if (page.next_token) out.NextToken(*page.next_token);
  return out;
}

Result<> TransformJobs::stop(Call& call, api::StopTransformJobRequest in) {
  TRY(const Job job, get_job(call, transforms_, in.TransformJobName()));
  if (has_ended(job.status.state))
    return refuse("ValidationException",
                  fmt::format("The request was rejected because the transform job is in status {}.",
                              status_name(job.status)));
  return transforms_.stop(call.tx(), id_of(call, in.TransformJobName()), call.now());
}

}  // namespace slipway::sagemaker
