// Whether what a request names in S3 and SNS is open to whom the server will fetch and store it
// for: the execution role of the model or configuration, or, where there is no such role, the
// caller.
#pragma once

#include <string_view>

#include "gen/sagemaker.h"
#include "service/errands.h"

namespace slipway::sagemaker {

// Asks when something is made. Thread-safe.
class ReachCheck {
 public:
  // Null: nothing is asked (`--authorize off`). It outlives this object.
  explicit ReachCheck(const service::Errands* errands = nullptr) : errands_(errands) {}

  // The data of all containers. ValidationException in AWS's words where the role may not read it;
  // "not_allowed" where the caller may not.
  Result<> read_model(const service::Call& call,
                      const aws::sagemaker::CreateModelInput& model) const;

  // The same for an inference component's own container. `role_arn` is its endpoint's.
  Result<> read_archive(const service::Call& call, std::string_view role_arn,
                        std::string_view url) const;

  // Where results, failures and captured requests go, and who is told: for each role of the models
  // that the configuration names.
  Result<> write_results(const service::Call& call,
                         const aws::sagemaker::CreateEndpointConfigInput& config) const;

  // Input and output of a job, for the role of its model. Returns whose job it is
  // (Errands::remembered; empty where nothing is asked): what is listed or a manifest names is
  // asked for when the job begins.
  Result<std::string> transform(const service::Call& call,
                                const aws::sagemaker::CreateTransformJobRequest& job) const;

 private:
  const service::Errands* errands_;
};

}  // namespace slipway::sagemaker
