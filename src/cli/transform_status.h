// `slipway status` says this of batch transform jobs.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/aws_client.h"
#include "cli/command.h"

namespace slipway::cli {

// The newest jobs; an ended one tells for itself, so only as many as fit a screen.
inline constexpr int transform_jobs_shown = 10;

// Each as ListTransformJobs has it, and `Progress`: what the job's own log said last of files,
// records and bytes. Empty where the server has no such jobs.
Result<boost::json::array> list_transform_jobs(AwsClient& client);
std::string transform_rows(const World& world, const boost::json::array& jobs);

// One job as DescribeTransformJob has it, with `Progress`. not_found.
Result<boost::json::object> describe_transform_job(AwsClient& client, std::string_view name);
std::string transform_text(const World& world, const boost::json::object& job);

}  // namespace slipway::cli
