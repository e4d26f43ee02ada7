#include "cli/transform_status.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <vector>

#include "cli/endpoint_calls.h"

namespace slipway::cli {

namespace json = boost::json;

namespace {

constexpr std::string_view group = "/aws/sagemaker/TransformJobs";
constexpr std::string_view mark = "progress: ";
constexpr int lines_looked_at = 20;

// The last such line of the job's log; nothing where it did not begin.
std::string progress_of(AwsClient& client, const std::string& name) {
  const auto page = client.call("logs", "GetLogEvents",
                                {{"logGroupName", group},
                                 {"logStreamName", name + "/data-log"},
                                 {"limit", lines_looked_at},
                                 {"startFromHead", false}});
  const json::value* events = page ? page->if_contains("events") : nullptr;
  if (events == nullptr || !events->is_array()) return "";
  std::string last;
  for (const json::value& event : events->get_array()) {
    if (!event.is_object()) continue;
    const std::string message = text_of(event.get_object(), "message");
    if (const auto at = message.find(mark); at != message.npos)
      last = message.substr(at + mark.size());
  }
  return last;
}

std::string time_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  boost::system::error_code error;
  const double seconds = value == nullptr ? 0 : value->to_number<double>(error);
  return value == nullptr || error ? "" : to_iso8601(from_epoch_seconds(seconds));
}

}  // namespace

Result<json::array> list_transform_jobs(AwsClient& client) {
  TRY(const json::object page,
      client.call("sagemaker", "ListTransformJobs", {{"MaxResults", transform_jobs_shown}}));
  const json::value* list = page.if_contains("TransformJobSummaries");
  if (list == nullptr || !list->is_array()) return json::array();
  json::array jobs;
  for (const json::value& each : list->get_array()) {
    if (!each.is_object()) continue;
    json::object job = each.get_object();
    job["Progress"] = progress_of(client, text_of(job, "TransformJobName"));
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::string transform_rows(const World& world, const json::array& jobs) {
  std::vector<std::vector<std::string>> rows{{"TRANSFORM JOB", "CHANGED", "STATUS", "PROGRESS"}};
  for (const json::value& each : jobs) {
    const json::object& job = each.as_object();
    rows.push_back({shown(job, "TransformJobName"), time_of(job, "LastModifiedTime"),
                    status_text(world, shown(job, "TransformJobStatus")), shown(job, "Progress")});
  }
  return table(rows);
}

Result<json::object> describe_transform_job(AwsClient& client, std::string_view name) {
  TRY(json::object job,
      client.call("sagemaker", "DescribeTransformJob", {{"TransformJobName", name}}));
  job["Progress"] = progress_of(client, std::string(name));
  return job;
}

std::string transform_text(const World& world, const json::object& job) {
  std::vector<std::vector<std::string>> rows{
      {"transform job", shown(job, "TransformJobName")},
      {"status", status_text(world, shown(job, "TransformJobStatus"))},
      {"model", shown(job, "ModelName")},
      {"created", time_of(job, "CreationTime")}};
  const auto add = [&rows](std::string_view name, std::string text) {
    if (!text.empty()) rows.push_back({std::string(name), std::move(text)});
  };
  add("started", time_of(job, "TransformStartTime"));
  add("ended", time_of(job, "TransformEndTime"));
  add("progress", shown(job, "Progress"));
  add("reason", shown(job, "FailureReason"));
  return table(rows);
}

}  // namespace slipway::cli
