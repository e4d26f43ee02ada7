// The statements that AddPermission writes into a resource's own policy.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::service {

struct PolicyStatement {
  std::string label;
  std::string resource;  // an ARN
  std::string service;   // "SQS": stands before each action
  std::vector<std::string> accounts;
  std::vector<std::string> actions;
};

// `policy` with one statement more, or without one; an empty policy is one without statements.
// InvalidParameterValueException where the label is there already, or is not there.
Result<std::string> add_statement(std::string_view policy, const PolicyStatement& statement);
Result<std::string> remove_statement(std::string_view policy, std::string_view label);

}  // namespace slipway::service
